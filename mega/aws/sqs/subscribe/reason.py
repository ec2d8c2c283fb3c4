"""The reason why a message is dead-lettered or left in the queue."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ('Reason',)


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason for a settlement: name and text of the error, and the name of the subscriber."""

    error: str
    text: str
    subscriber: str | None = None
