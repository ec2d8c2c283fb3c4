"""One delivery in flight, and its phase."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

__all__ = (
    'ACKING',
    'DEAD_LETTERING',
    'ENDED',
    'EXTENDABLE_PHASES',
    'FETCHING',
    'HELD',
    'LEAVING',
    'MAX_VISIBILITY',
    'NEVER',
    'NOT_BEGUN',
    'WAITING',
    'WORKING',
    'Delivery',
    'Phase',
)


class Phase(Enum):
    """The phase of a delivery. A delivery moves down this list.

    Two moves go up: from WORKING back to WAITING, if no worker had begun the message, or to
    FETCHING, if its body was not there. A message is HELD if a drain left it in the queue before.
    """

    HELD = 'kept hidden until a drain ends'
    FETCHING = 'waiting for its body from S3'
    WAITING = 'waiting for a worker'
    WORKING = 'handed to a worker'
    DEAD_LETTERING = 'to be sent to the dead-letter queue'
    ACKING = 'to be deleted'
    LEAVING = 'to be left in the queue'
    ENDED = 'ended'


# Module constants, because the look-up of an enum member is slow before Python 3.12.
HELD, FETCHING, WAITING, WORKING, DEAD_LETTERING, ACKING, LEAVING, ENDED = Phase

EXTENDABLE_PHASES = (HELD, WAITING, WORKING, DEAD_LETTERING)
"""The phases with extensions of the visibility timeout."""

NOT_BEGUN = NEVER = float('inf')

MAX_VISIBILITY = 43_200 - 10
"""The maximum number of seconds that a message can stay hidden after its receive was asked for.
SQS's limit is twelve hours (API reference of ChangeMessageVisibility). The ten seconds are a margin
for a difference between the clocks."""


class Delivery(Struct, eq=False):
    """One delivery of a message by SQS, and its state. Only the engine changes the state.

    All times are in seconds, on the clock that the runtime passes to the engine.

    - `received` is the message as ReceiveMessage returned it. The engine does not read it.
    - `observers` are called with each call that settles the message. The engine does not call them.
    - `begun_at` is when a worker began the message; infinity before that.
    - `hidden_until` is when the visibility timeout ends, so that SQS may deliver the message again.
    - `visible_at_latest` is the latest time until which SQS can hide the message.
    - `delay` is the number of seconds after which a message that is left becomes visible.
    - `failed_calls` is the number of failed calls for the present phase. `not_before` is the time
      of the next attempt.
    - `has_pending_batch_call` is true during a call that deletes the message or changes its
      visibility.
    - `is_being_dead_lettered` is true during the call that sends the message to the dead-letter
      queue.
    - `has_failed_call` is true if the last call for the message failed.
    - `is_visibility_lost` is true after SQS reported that the message is not in flight any more.
    - `is_overdue` is true after the visibility timeout ended during the processing, as far as the
      engine knows: an extension may have had its effect without a response.
    - `is_over_limit` is true after the engine reported that processing takes too long.
    """

    id: str
    receipt_handle: str
    group: str | None = None
    received: dict[str, Any] = {}
    phase: Phase = WAITING
    received_at: float = 0.0
    begun_at: float = NOT_BEGUN
    hidden_until: float = 0.0
    visible_at_latest: float = NEVER
    delay: int = 0
    failed_calls: int = 0
    not_before: float = 0.0
    has_pending_batch_call: bool = False
    is_being_dead_lettered: bool = False
    has_failed_call: bool = False
    is_visibility_lost: bool = False
    is_overdue: bool = False
    is_over_limit: bool = False
    observers: Sequence[Any] = ()

    @property
    def is_lost(self) -> bool:
        """Whether another consumer may have received the message."""
        return self.is_visibility_lost or self.is_overdue
