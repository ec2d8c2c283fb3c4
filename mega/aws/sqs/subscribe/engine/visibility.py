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

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY, VisibilityBatcher
from mega.aws.sqs.subscribe.engine.commands import (
    FAILED,
    OK,
    RETRY,
    CallResult,
    EngineSettings,
    Entry,
    Notice,
)
from mega.aws.sqs.subscribe.engine.delivery import (
    DEAD_LETTERING,
    EXTENDABLE_PHASES,
    FETCHING,
    HELD,
    NEVER,
    NOT_BEGUN,
    WAITING,
    WORKING,
    Delivery,
)
from mega.aws.sqs.subscribe.engine.in_flight import InFlight

__all__ = ('VisibilityExtender',)


class VisibilityExtender:
    """Extends visibility timeouts: of waiting messages, and within `max_processing_time`."""

    def __init__(
        self,
        settings: EngineSettings,
        batcher: VisibilityBatcher,
        in_flight: InFlight,
        uniform: Callable[[float, float], float],
        notify: Callable[[Notice, Delivery], None],
    ) -> None:
        self._timeout = settings.visibility_timeout
        self._max_processing_time = settings.max_processing_time
        self._batcher = batcher
        self._in_flight = in_flight
        self._uniform = uniform
        self._notify = notify
        self._margin = min(1.0, settings.visibility_timeout / 10)
        self._check_after = NEVER
        if settings.max_processing_time is not None:
            self._check_after = max(MAX_BATCH_DELAY, settings.max_processing_time / 10)
        self.renew_after = settings.visibility_timeout / 2

    def extend_if_due(self, delivery: Delivery, now: float) -> float:
        """Extend a visibility timeout if it is time, and return when to check again."""
        ends = delivery.hidden_until if now < delivery.hidden_until else NEVER
        if ends == NEVER and delivery.begun_at != NOT_BEGUN:
            delivery.is_overdue = True
        if delivery.has_pending_batch_call:
            return ends
        limit = self._limit(delivery)
        if delivery.is_visibility_lost:
            return NEVER
        if now >= limit:
            self._report_over_limit(delivery)
            return ends
        if delivery.hidden_until >= limit:
            return limit
        due = max(delivery.hidden_until - self.renew_after, delivery.not_before)
        if now < due:
            # A thread may begin the message at any time, without an event. Then its limit begins.
            return min(due, now + self._check_after if _is_unbegun(delivery) else ends)
        # Rounded up, because SQS accepts only whole seconds.
        self._batcher.add_extension(delivery, min(self._timeout, math.ceil(limit - now)))
        return ends

    def extended(self, entry: Entry, result: CallResult, decided_at: float, now: float) -> float:
        """Record the result of an extension, and return when to check the message again."""
        delivery = entry.delivery
        if result is FAILED and delivery.phase is FETCHING and not entry.is_outdated:
            self._in_flight.expire(delivery)
            return NEVER
        if entry.is_outdated or delivery.phase not in EXTENDABLE_PHASES:
            return now  # it was received again, waits for its body, or is about to be settled
        if result is OK:
            delivery.hidden_until = decided_at + entry.seconds
            return self.extend_if_due(delivery, now)
        if result is RETRY:
            delivery.not_before = now + self._uniform(0.5, 1.0) * self._margin
            return self.extend_if_due(delivery, now)
        if delivery.phase in (WAITING, HELD):
            self._in_flight.expire(delivery)
        else:
            self._record_visibility_lost(delivery, now)
        return NEVER

    def _record_visibility_lost(self, delivery: Delivery, now: float) -> None:
        """Record that SQS does not count a message as in flight any more."""
        delivery.is_visibility_lost = True
        if _is_unbegun(delivery):
            return  # no worker can begin it now: it expires
        self._notify(Notice.VISIBILITY_LOST, delivery)
        if delivery.phase is DEAD_LETTERING:
            self._in_flight.return_to_queue(delivery, None, now)

    def _limit(self, delivery: Delivery) -> float:
        """Return until when a message may stay hidden."""
        latest = delivery.visible_at_latest
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
