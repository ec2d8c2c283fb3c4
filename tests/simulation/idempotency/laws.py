"""The laws of idempotency: invariants that must hold in every schedule."""

from __future__ import annotations

from enum import Enum

__all__ = ('RecordLaw',)


class RecordLaw(Enum):
    """The invariants. Times are exact within the difference of the clocks."""

    FINISHED_ONCE = 'no subscriber runs after it finished the message, while its record lives'
    RUNS_ALONE = 'no subscriber runs while the record of another run is within its lease'
    IS_RECORDED = 'a subscriber that is done has a record that is done, if its calls are answered'
    LEASE_FOLLOWS = 'a run whose calls are answered has its record while its message is hidden'
    LEASE_ENDS = 'no record refuses a run after the lease of its owner'
    LEASE_IS_SHORT = 'no lease is longer than the visibility timeout of its message'
    NOT_LOST = 'a message leaves the queue after each subscriber has finished it, or failed'
    SETTLED = 'once all calls are answered, each message leaves the queue'
