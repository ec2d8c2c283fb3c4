"""The commands of the engine, and the results that the runtime reports for them.

A command that is a call to SQS has a `time_limit` in seconds. Without a response until then, the
call has failed. With `is_repetition`, an earlier attempt failed. Its connection may be dead, so
that this attempt needs a fresh one.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from mega.aws.sqs.subscribe.engine.call_limits import CALL_SECONDS
from mega.aws.sqs.subscribe.engine.delivery import MAX_VISIBILITY, Delivery, Phase
from mega.aws.sqs.subscribe.reason import Reason

__all__ = (
    'FAILED',
    'OK',
    'RETRY',
    'BatchCommand',
    'CallResult',
    'ChangeVisibility',
    'Command',
    'Delete',
    'EngineSettings',
    'Entry',
    'Notice',
    'ProcessMessages',
    'Receive',
    'SendDeadLetter',
)


class EngineSettings(Struct, frozen=True):
    """The settings of the engine. All times are in seconds.

    - `concurrency` is the maximum number of messages in processing at the same time.
    - `max_processing_time` is how long the engine extends the visibility timeout of a message in
      processing; None: the engine does not extend it.
    - `until_empty` ends the work when two consecutive receives returned no messages. A message that
      was left in the queue is not processed again: it is held until the end.
    - `max_messages` and `timeout` end the work earlier: after that number of messages or seconds.
    - `is_async`: all subscribers are `async def`, so that the event loop processes the messages of
      one worker at the same time.
    """

    concurrency: int = 1
    max_number_of_messages: int = 1
    wait_time_seconds: int = 20
    visibility_timeout: int = 30
    max_processing_time: float | None = None
    grace_period: float = 20.0
    is_fifo: bool = False
    until_empty: bool = False
    max_messages: int | None = None
    timeout: float | None = None
    is_async: bool = False


class CallResult(Enum):
    """The result of one entry of a batch call, or of sending to the dead-letter queue."""

    OK = 'succeeded'
    RETRY = 'failed, may succeed later'
    FAILED = 'failed permanently'


OK, RETRY, FAILED = CallResult


class Notice(Enum):
    """Something that happened to a delivery, for the log and the statistics."""

    # Each member exists once. The runtime looks it up for every message, and the hash function of
    # Enum is written in Python.
    __hash__ = object.__hash__

    DUPLICATE = 'received again while in flight'
    EXPIRED = 'not started within its visibility timeout'
    FINISHED_LATE = 'finished after its visibility timeout'
    OVER_TIME_LIMIT = 'in processing for longer than max_processing_time'
    VISIBILITY_LOST = 'not in flight any more, according to SQS'
    RELEASED = 'released unprocessed'
    RELEASED_IN_PROGRESS = 'released during processing'
    DEAD_LETTERED = 'sent to the dead-letter queue'
    NOT_DEAD_LETTERED = 'could not be sent to the dead-letter queue'
    DELETED = 'deleted'
    NOT_DELETED = 'processed, but could not be deleted'

    @property
    def code(self) -> str:
        """The code of the log line about it, such as `not-deleted`."""
        return self.name.lower().replace('_', '-')


class Entry(Struct):
    """One message of a batch call. `id` is unique within the batch.

    `receipt_handle` and `phase` are copies from the moment of the decision, because the delivery
    may change during the call. `seconds` is the new visibility timeout; 0 for a delete.
    """

    id: str
    delivery: Delivery
    receipt_handle: str
    phase: Phase
    seconds: int

    @property
    def is_outdated(self) -> bool:
        """Whether the message was received again during the call."""
        return self.delivery.receipt_handle != self.receipt_handle


class Receive(Struct):
    """Receive up to `max_messages` messages, with a long poll of up to `wait_seconds`.

    The messages are hidden for `visibility_timeout` seconds. On a FIFO queue, a receive whose
    response was lost is repeated with the same `attempt_id`, and returns the same messages. The
    first attempt was at `attempted_since`.
    """

    max_messages: int
    wait_seconds: int
    asked_at: float
    queue_version: int
    visibility_timeout: int = 30
    is_repetition: bool = False
    attempt_id: str | None = None
    attempted_since: float = 0.0

    @property
    def time_limit(self) -> float:
        """The seconds within which SQS must respond."""
        return self.wait_seconds + CALL_SECONDS

    @property
    def visible_at_latest(self) -> float:
        """The time at which SQS makes the messages visible again, even after extensions.

        It is twelve hours after the first attempt, whose response may have been lost.
        """
        return self.attempted_since + MAX_VISIBILITY


class ProcessMessages(Struct, eq=False):
    """Process these messages, one after another.

    `size` is their number at first. After `due` the worker begins no further message, because it
    must report the results of those before.

    `places` is the number of messages that may be in processing at the same time: 1, or all of them
    if the event loop processes them (`is_async`).

    The worker removes a message from the left end of `deliveries` when it begins that message. The
    engine takes messages back from the right end. Both operations of a deque are atomic, so that
    exactly one of the two gets each message, without a lock.
    """

    deliveries: deque[Delivery]
    size: int
    due: float
    places: int = 1
    is_async: bool = False


class SendDeadLetter(Struct):
    """Send a message to the dead-letter queue, with the reason."""

    delivery: Delivery
    reason: Reason
    time_limit: float = CALL_SECONDS
    is_repetition: bool = False


class Delete(Struct):
    """Delete messages in one call."""

    entries: tuple[Entry, ...]
    decided_at: float
    time_limit: float
    is_repetition: bool


class ChangeVisibility(Struct):
    """Change the visibility timeout of messages in one call. 0 seconds makes a message visible."""

    entries: tuple[Entry, ...]
    decided_at: float
    time_limit: float
    is_repetition: bool


BatchCommand: TypeAlias = Delete | ChangeVisibility
Command: TypeAlias = Receive | ProcessMessages | SendDeadLetter | Delete | ChangeVisibility
