"""What the engine asks for, and what it is told of: the words between it and its shell.

They are not frozen: that would take twice as long, and some are made for every message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from mega.aws.sqs.subscribe.engine.delivery import Delivery, Phase

__all__ = (
    'DONE',
    'RETRY',
    'Ack',
    'Action',
    'BatchCommand',
    'ChangeVisibility',
    'DeadLetter',
    'Entry',
    'EntryResult',
    'Notice',
    'Process',
    'Receive',
    'Settings',
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the engine decides by. Times are in seconds.

    `concurrency` messages are in work at once. `max_processing_time` is how long one in work is
    kept hidden; None: no longer than its visibility timeout. `until_empty` ends the work when two
    receives in a row found nothing.
    """

    concurrency: int = 1
    max_number_of_messages: int = 1
    wait_time_seconds: int = 20
    visibility_timeout: int = 30
    max_processing_time: float | None = None
    grace_period: float = 20.0
    is_fifo: bool = False
    until_empty: bool = False


class EntryResult(Enum):
    """What SQS says of an entry of a batch, or of a dead letter."""

    DONE = 'done'
    RETRY = 'failed, and may succeed'
    FAILED = 'refused for good'


DONE, RETRY = EntryResult.DONE, EntryResult.RETRY


class Notice(Enum):
    """What a shell may want to log and count."""

    # There is one of each. It is looked up for every message, and an enum's own hash is in Python.
    __hash__ = object.__hash__

    DUPLICATE = 'received once more, while it is in hand'
    EXPIRED = 'not started in its visibility timeout'
    FINISHED_LATE = 'finished after its visibility timeout'
    OVER_TIME_LIMIT = 'in work for longer than max_processing_time'
    VISIBILITY_LOST = 'no longer hidden, though it is in work'
    RELEASED = 'given back unprocessed'
    RELEASED_IN_PROGRESS = 'given back in the middle of its work'
    DEAD_LETTERED = 'sent to the dead-letter queue'
    NOT_DEAD_LETTERED = 'failed for good, and not sent to the dead-letter queue'
    DELETED = 'deleted'
    NOT_DELETED = 'processed, and not deleted'


@dataclass(slots=True)
class Entry:
    """One message of a batch call. `id` is its own within the batch.

    `handle` and `phase` are the delivery's when the call was decided: it may go on meanwhile.
    `seconds` is for how long the message is to be hidden from then on; 0 where it is deleted.
    """

    id: str
    delivery: Delivery
    handle: str
    phase: Phase
    seconds: int


@dataclass(slots=True)
class Receive:
    """Ask for up to `number` messages, and wait for them for up to `wait` seconds."""

    number: int
    wait: int
    asked_at: float
    epoch: int


@dataclass(slots=True)
class Process:
    """Open, dispatch and judge."""

    delivery: Delivery


@dataclass(slots=True)
class DeadLetter:
    """Send to the dead-letter queue."""

    delivery: Delivery


@dataclass(slots=True)
class Ack:
    """Delete, in one call."""

    entries: tuple[Entry, ...]
    decided_at: float


@dataclass(slots=True)
class ChangeVisibility:
    """Hide for so many seconds, each message for its own, in one call. 0 gives back."""

    entries: tuple[Entry, ...]
    decided_at: float


BatchCommand: TypeAlias = Ack | ChangeVisibility
Action: TypeAlias = Receive | Process | DeadLetter | Ack | ChangeVisibility
