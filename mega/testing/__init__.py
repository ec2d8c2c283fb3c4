"""Tests of publishers and subscribers, without AWS and without waiting.

delivery.py            one payload to one subscriber
streams.py             a stream to one subscriber
bus.py                 the bus: queues, topics and buckets in the process, in virtual time
scheduler.py           which listener works next, and how time passes; clock.py is the clock
inline.py              the session of a listener in the thread of the test
event_source.py        a queue that invokes a function of Lambda
run.py                 one run: its records, and the error that ends it
assertions.py          what a test asserts; matching.py finds messages, and the nearest ones
records.py             messages as a test sees them; queues.py finds those in queues
resources.py           queues, topics and buckets
faults.py              refused calls and lost responses
endpoint.py            the endpoint of --mega-endpoint-url; the plugin of pytest is _mega_pytest.py
idempotency_stores.py  the tests of every store of the `Idempotency` hook
strategies/            payloads from a pattern, for Hypothesis

Names are imported on first use, so that `import mega.testing` loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use

if TYPE_CHECKING:
    from mega.testing.bus import Bus
    from mega.testing.delivery import Outcome, deliver
    from mega.testing.event_source import EventSourceMapping
    from mega.testing.idempotency_stores import IdempotencyStoreTests
    from mega.testing.records import DeadLetter, ProcessedMessage, PublishedMessage
    from mega.testing.resources import Bucket, Queue, Topic

__all__ = (
    'Bucket',
    'Bus',
    'DeadLetter',
    'EventSourceMapping',
    'IdempotencyStoreTests',
    'Outcome',
    'ProcessedMessage',
    'PublishedMessage',
    'Queue',
    'Topic',
    'deliver',
)

_MODULES = {
    'Bucket': '.resources',
    'Bus': '.bus',
    'DeadLetter': '.records',
    'EventSourceMapping': '.event_source',
    'IdempotencyStoreTests': '.idempotency_stores',
    'Outcome': '.delivery',
    'ProcessedMessage': '.records',
    'PublishedMessage': '.records',
    'Queue': '.resources',
    'Topic': '.resources',
    'deliver': '.delivery',
}
"""The module of each name."""

__getattr__ = import_on_first_use(__name__, _MODULES)
