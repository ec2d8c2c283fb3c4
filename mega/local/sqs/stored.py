"""Messages in a queue, and their receipts."""

from __future__ import annotations

from dataclasses import dataclass

from mega.local.messages import Message

__all__ = ('Receipt', 'StoredMessage')


@dataclass(slots=True, eq=False)
class StoredMessage:
    """A message in a queue. `number` counts the messages of the queue. Times are of the clock.

    `sent_at` begins the retention period. `hidden_until` is None while the message is visible. A
    hidden message is in flight, or delayed.
    `receives` counts the receives from this queue, and `earlier_receives` those from the queue
    `source_arn`, from which the message came as a dead letter. `receipts` are the latest receipt,
    and those whose visibility timeout had not ended at the latest receive.
    """

    message: Message
    number: int
    sent_at: float
    source_arn: str | None = None
    earlier_receives: int = 0
    hidden_until: float | None = None
    receives: int = 0
    first_received: float = 0.0
    receipts: tuple[Receipt, ...] = ()
    is_in_flight: bool = False
    is_removed: bool = False

    @property
    def group(self) -> str | None:
        return self.message.draft.group_id


@dataclass(slots=True, eq=False)
class Receipt:
    """One receive of a message, its number, and the end of its visibility timeout.

    `is_changed` is set when a call changed the visibility timeout.
    """

    stored: StoredMessage
    number: int
    handle: str
    since: float
    ends: float
    is_changed: bool = False

    @property
    def is_latest(self) -> bool:
        return self.number == self.stored.receives
