"""One delivery while it is in hand, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = (
    'ACKING',
    'DEAD_LETTERING',
    'GONE',
    'HELD',
    'LEAVING',
    'WAITING',
    'WORKING',
    'Delivery',
    'Phase',
)


class Phase(Enum):
    """Where a delivery stands. It goes down this list, and never up."""

    WAITING = 'waiting'
    WORKING = 'working'
    DEAD_LETTERING = 'to be sent to the dead-letter queue'
    ACKING = 'being deleted'
    LEAVING = 'being left in the queue'
    GONE = 'gone'


# By themselves: before Python 3.12 to find a member in its enum takes as long as a call.
WAITING, WORKING, DEAD_LETTERING, ACKING, LEAVING, GONE = Phase

HELD = (WAITING, WORKING, DEAD_LETTERING)
"""The phases in which a message is kept hidden."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A message that was received, and what is known of it. Only the engine changes it.

    `content` is the shell's. Times are on the clock that the engine is given.
    `hidden_until` is when others may receive it. `delay` is in how many seconds a message that is
    left is to come again. `is_in_call` is of calls that delete it or change its visibility,
    `is_being_sent` of the one that dead-letters it.
    """

    id: str
    handle: str
    group: str | None = None
    content: Any = None
    phase: Phase = WAITING
    received_at: float = 0.0
    started_at: float = 0.0
    hidden_until: float = 0.0
    delay: int = 0
    tries: int = 0
    not_before: float = 0.0
    is_in_call: bool = False
    is_being_sent: bool = False
    is_lost: bool = False
    is_overdue: bool = False
