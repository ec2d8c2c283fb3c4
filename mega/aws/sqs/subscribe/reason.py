"""The reason why a message is dead-lettered or left in the queue."""

from __future__ import annotations

from msgspec import Struct

__all__ = ('Reason',)


class Reason(Struct, frozen=True):
    """The reason for a settlement.

    `error_name`: the class of the error, or a status. `subscriber`: its name, if one is concerned.
    """

    error_name: str
    text: str
    subscriber: str | None = None
