"""What a listener has done, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

__all__ = ('Stats', 'StatsCounter')


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of messages, and of calls to AWS that failed.

    What came of the deliveries: `done`, `retried`, `fatal`, `unmatched`, `unopened`; `exhausted`,
    which were wanted again and had come `max_receives` times; `released`,
    which were given back unprocessed; `abandoned`, which were given back in the middle of their
    work; `expired`, which were not started within their visibility timeout; `repeated`, which came
    once more while they were in hand; `lost`, which others may have received while they were in
    work. What was done with them: `deleted`, some of them after they were `dead_lettered`; the
    others were left in the queue.
    `transport` is the path of the calls to SQS: `direct`, or `botocore: ` and the reason for it.
    """

    received: int = 0
    repeated: int = 0
    done: int = 0
    retried: int = 0
    exhausted: int = 0
    fatal: int = 0
    unmatched: int = 0
    unopened: int = 0
    released: int = 0
    abandoned: int = 0
    expired: int = 0
    lost: int = 0
    deleted: int = 0
    dead_lettered: int = 0
    errors: int = 0
    transport: str = field(default='', compare=False)

    def since(self, earlier: Stats) -> Stats:
        """What came on top of earlier counts."""
        counts = {name: getattr(self, name) - getattr(earlier, name) for name in _COUNTS}
        return replace(self, **counts)


_COUNTS = tuple(each.name for each in fields(Stats) if each.name != 'transport')


class StatsCounter:
    """Counts under way, by the names of `Stats`.

    One thread at a time may count. Any may read, within a signal handler too: so nothing is locked.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_COUNTS, 0)

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    def stats(self, transport: str = '') -> Stats:
        counts: dict[str, Any] = dict(self._counts)
        return Stats(**counts, transport=transport)
