"""The statistics of a listener."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

__all__ = ('Stats', 'StatsCounter')


@dataclass(frozen=True, slots=True)
class Stats:
    """The numbers of messages, and of failed calls to AWS.

    Receives:
    - `received`: messages that SQS delivered.
    - `duplicates`: messages that SQS delivered again while they were in flight.

    Settlements:
    - `done`: all matching subscribers processed the message.
    - `retried`: a subscriber asked for a retry, and the message stays in the queue.
    - `exhausted`: a subscriber asked for a retry at the last of `max_receives`.
    - `fatal`: a subscriber failed permanently.
    - `unmatched`: no subscriber matches.
    - `unopened`: the body is invalid, or could not be read from S3.

    Messages without a settlement:
    - `released`: became visible unprocessed, for example at a stop.
    - `released_in_progress`: became visible during processing, when the grace period ended.
    - `expired`: did not start within their visibility timeout.
    - `visibility_lost`: were not in flight any more, during processing.

    Ends:
    - `deleted`: messages that SQS deleted.
    - `dead_lettered`: messages that were sent to the dead-letter queue. They are deleted, too.

    `errors` is the number of calls to AWS that failed. `transport` is the path of the calls to SQS:
    `direct`, or `botocore: ` and the reason.
    """

    received: int = 0
    duplicates: int = 0
    done: int = 0
    retried: int = 0
    exhausted: int = 0
    fatal: int = 0
    unmatched: int = 0
    unopened: int = 0
    released: int = 0
    released_in_progress: int = 0
    expired: int = 0
    visibility_lost: int = 0
    deleted: int = 0
    dead_lettered: int = 0
    errors: int = 0
    transport: str = field(default='', compare=False)

    def since(self, earlier: Stats) -> Stats:
        """Return the difference to earlier statistics."""
        counts = {name: getattr(self, name) - getattr(earlier, name) for name in _COUNTERS}
        return replace(self, **counts)


_COUNTERS = tuple(each.name for each in fields(Stats) if each.name != 'transport')


class StatsCounter:
    """Counters by the names of the fields of `Stats`.

    One thread at a time may add. Any thread may read, even in a signal handler. Therefore the class
    has no lock.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_COUNTERS, 0)

    def add(self, name: str, count: int = 1) -> None:
        """Add to a counter."""
        self._counts[name] += count

    def stats(self, transport: str = '') -> Stats:
        """Return the present statistics."""
        counts: dict[str, Any] = dict(self._counts)
        return Stats(**counts, transport=transport)
