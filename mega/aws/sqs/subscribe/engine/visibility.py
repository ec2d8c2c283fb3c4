"""Heartbeats: extensions of the visibility timeout of messages in flight.

The engine extends a visibility timeout when half of it is over. A waiting message therefore has at
least half of its visibility timeout left when a worker begins it.

Example with `visibility_timeout=30` and `max_processing_time=60`: a message arrives at 0 s and is
hidden until 30 s. It waits, and the engine extends it at 15 s until 45 s. A worker begins it at
20 s, so that it must stay hidden until 80 s. The engine extends it at 30 s until 60 s and at 45 s
until 75 s. At 60 s it sets a timeout of 20 s, the time that is left. Without `max_processing_time`
the engine makes no extension after 20 s, and the message is hidden until 45 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY, NEVER, VisibilityBatcher
from mega.aws.sqs.subscribe.engine.commands import EngineSettings, Notice
from mega.aws.sqs.subscribe.engine.delivery import NOT_BEGUN, WORKING, Delivery

__all__ = ('MAX_VISIBILITY', 'VisibilityExtender')

MAX_VISIBILITY = 43_200 - 10
"""The maximum number of seconds that a message can stay hidden after its receive.
SQS's limit is twelve hours (API reference of ChangeMessageVisibility). The ten seconds are a margin
for a difference between the clocks."""


class VisibilityExtender:
    """Extends visibility timeouts: of waiting messages, and within `max_processing_time`."""

    def __init__(
        self,
        settings: EngineSettings,
        batcher: VisibilityBatcher,
        notify: Callable[[Notice, Delivery], None],
    ) -> None:
        self._timeout = settings.visibility_timeout
        self._max_processing_time = settings.max_processing_time
        self._batcher = batcher
        self._notify = notify
        self.renew_after = settings.visibility_timeout / 2

    def extend_if_due(self, delivery: Delivery, now: float) -> float:
        """Extend a visibility timeout if it is time, and return when to check again."""
        limit = self._limit(delivery)
        if delivery.is_visibility_lost:
            return NEVER
        if now >= limit:
            self._report_over_limit(delivery)
            return NEVER
        if delivery.hidden_until >= limit:
            return limit
        due = max(delivery.hidden_until - self.renew_after, delivery.not_before)
        if now < due:
            # A worker may begin the message at any time, without an event.
            return min(due, now + MAX_BATCH_DELAY) if _is_unbegun(delivery) else due
        # Rounded up, because SQS accepts only whole seconds.
        self._batcher.add_extension(delivery, min(self._timeout, math.ceil(limit - now)))
        return NEVER

    def _limit(self, delivery: Delivery) -> float:
        """Return until when a message may stay hidden."""
        latest = delivery.received_at + MAX_VISIBILITY
        if delivery.phase is not WORKING or delivery.begun_at == NOT_BEGUN:
            return latest
        if self._max_processing_time is None:
            return delivery.hidden_until
        return min(latest, delivery.begun_at + self._max_processing_time)

    def _report_over_limit(self, delivery: Delivery) -> None:
        is_reported = delivery.is_over_limit or delivery.phase is not WORKING
        if not is_reported and self._max_processing_time is not None:
            delivery.is_over_limit = True
            self._notify(Notice.OVER_TIME_LIMIT, delivery)


def _is_unbegun(delivery: Delivery) -> bool:
    return delivery.phase is WORKING and delivery.begun_at == NOT_BEGUN
