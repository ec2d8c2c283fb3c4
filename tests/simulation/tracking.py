"""What the simulation knows about the messages of a schedule, beside the model of SQS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mega.local.sqs.stored import Receipt

__all__ = ('SentMessage', 'TrackedReceipt')


@dataclass(slots=True, eq=False)
class SentMessage:
    """A message of the schedule. `place` is its position in its group, or in a standard queue.

    `is_completed` says that all subscribers are done with it, and `is_removed` that it left the
    queue.
    """

    name: str
    group: str | None
    place: int
    sent_at: float
    is_completed: bool = False
    is_dead_lettered: bool = False
    is_removed: bool = False


@dataclass(slots=True, eq=False)
class TrackedReceipt:
    """A receipt of the model, with a receipt handle that is the same in each run.

    `owner` is the process that received it. `is_left` says that the owner left the message in the
    queue. Times are of the clock of SQS.
    """

    message: SentMessage
    model: Receipt
    owner: Any = None
    is_left: bool = False
    handle: str = field(init=False)

    def __post_init__(self) -> None:
        self.handle = f'{self.message.name}#{self.model.number}'

    @property
    def since(self) -> float:
        return self.model.since

    @property
    def ends(self) -> float:
        return self.model.ends

    @property
    def number(self) -> int:
        return self.model.number

    @property
    def is_latest(self) -> bool:
        return self.model.is_latest

    def __str__(self) -> str:
        return self.handle
