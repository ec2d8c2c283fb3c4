"""How long a message in hand is kept hidden from others."""

from __future__ import annotations

import math
from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.batches import FOREVER, VisibilityBatcher
from mega.aws.sqs.subscribe.engine.commands import Notice, Settings
from mega.aws.sqs.subscribe.engine.delivery import WORKING, Delivery

__all__ = ('MAX_VISIBILITY', 'VisibilityExtender')

MAX_VISIBILITY = 43_200 - 10
"""Seconds after its receive for which a message can be hidden: SQS's twelve hours, in one or many
changes, less what its clock may be ahead of ours. API reference of ChangeMessageVisibility."""


class VisibilityExtender:
    """Extends visibility timeouts when half of one is over: of all that is held.

    What is in work is kept hidden for `max_processing_time`, where there is one; otherwise it has
    what is left of its visibility timeout, which is never less than half.
    """

    def __init__(
        self,
        settings: Settings,
        changes: VisibilityBatcher,
        tell: Callable[[Notice, Delivery], None],
    ) -> None:
        self._timeout = settings.visibility_timeout
        self._max_processing_time = settings.max_processing_time
        self._changes = changes
        self._tell = tell
        self.lead = settings.visibility_timeout / 2

    def keep(self, delivery: Delivery, now: float) -> float:
        """Extend if it is time, and answer when to look at the delivery again."""
        limit = self._limit(delivery)
        if delivery.is_lost:
            return FOREVER
        if now >= limit:
            self._tell_overdue(delivery)
            return FOREVER
        if delivery.hidden_until >= limit:
            return limit
        due = max(delivery.hidden_until - self.lead, delivery.not_before)
        if now < due:
            return due
        # Rounded up: the last part of a second counts.
        self._changes.extend(delivery, min(self._timeout, math.ceil(limit - now)))
        return FOREVER

    def _limit(self, delivery: Delivery) -> float:
        latest = delivery.received_at + MAX_VISIBILITY
        if delivery.phase is not WORKING:
            return latest
        if self._max_processing_time is None:
            return delivery.hidden_until
        return min(latest, delivery.started_at + self._max_processing_time)

    def _tell_overdue(self, delivery: Delivery) -> None:
        is_told = delivery.is_overdue or delivery.phase is not WORKING
        if not is_told and self._max_processing_time is not None:
            delivery.is_overdue = True
            self._tell(Notice.OVER_TIME_LIMIT, delivery)
