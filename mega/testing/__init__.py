"""Tests of publishers and subscribers, without AWS and without waiting.

bus.py          the bus: queues, topics and buckets in the process, in virtual time
scheduler.py    which listener works next, and how time passes; clock.py is the clock
inline.py       the session of a listener in the thread of the test
run.py          one run: its records, and the error that ends it
assertions.py   what a test asserts; matching.py finds messages, and the nearest ones
records.py      messages as a test sees them; queues.py finds those in queues
resources.py    queues, topics and buckets
faults.py       refused calls and lost responses
"""

from mega.testing.bus import Bus
from mega.testing.records import DeadLetter, ProcessedMessage, PublishedMessage
from mega.testing.resources import Bucket, Queue, Topic

__all__ = (
    'Bucket',
    'Bus',
    'DeadLetter',
    'ProcessedMessage',
    'PublishedMessage',
    'Queue',
    'Topic',
)
