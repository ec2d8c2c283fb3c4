"""Batch calls to SQS: deletes and visibility changes, up to ten messages in each call."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from mega.aws.sqs.subscribe.engine.call_limits import CallLimits
from mega.aws.sqs.subscribe.engine.commands import ChangeVisibility, Delete, Entry
from mega.aws.sqs.subscribe.engine.delivery import ENDED, EXTENDABLE_PHASES, NEVER, Delivery
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues

__all__ = ('BATCH_SIZE', 'MAX_BATCH_DELAY', 'DeleteBatcher', 'VisibilityBatcher')

BATCH_SIZE = 10
"""The maximum number of entries of a batch call: API reference of DeleteMessageBatch."""

MAX_BATCH_DELAY = 0.1
"""Seconds that a processed message waits for others before its delete."""

_IDS = tuple(map(str, range(BATCH_SIZE)))


class DeleteBatcher:
    """The messages to delete.

    A batch is due when it has ten messages, or when its first message waited `max_delay` seconds.
    It is due earlier if a visibility timeout would end before that.
    """

    def __init__(self, max_delay: float, limits: CallLimits) -> None:
        self._max_delay = max_delay
        self._limits = limits
        self.waiting: deque[Delivery] = deque()
        self.deadline = NEVER

    def add(self, delivery: Delivery, now: float) -> None:
        """Add a message to the next batch."""
        self.waiting.append(delivery)
        count = len(self.waiting)
        if count == 1:
            self.deadline = now + self._max_delay
        elif count >= BATCH_SIZE:
            self.deadline = now
        latest = delivery.hidden_until - self._max_delay
        if latest < self.deadline:
            self.deadline = max(now, latest)

    def flush(self) -> None:
        """Make all waiting messages due now."""
        if self.waiting:
            self.deadline = -NEVER

    def next(self, now: float) -> Delete:
        """Return the next batch. Call this only after the deadline."""
        waiting = self.waiting
        batch = [(waiting.popleft(), 0) for _ in range(min(BATCH_SIZE, len(waiting)))]
        if not waiting:
            self.deadline = NEVER
        elif len(waiting) < BATCH_SIZE and self.deadline > -NEVER:
            self.deadline = now + self._max_delay
        return Delete(entries(batch), now, *_terms(batch, self._limits, now))


class VisibilityBatcher:
    """The visibility changes to make: for messages that are left in the queue, and extensions."""

    def __init__(self, groups: GroupQueues, limits: CallLimits) -> None:
        self._groups = groups
        self._limits = limits
        self._leaving: deque[Delivery] = deque()
        self._extended: dict[Delivery, int] = {}
        self.is_pending = False

    def add_leaving(self, delivery: Delivery) -> None:
        """Make a message visible after its `delay`."""
        self._leaving.append(delivery)
        self.is_pending = True

    def add_extension(self, delivery: Delivery, seconds: int) -> None:
        """Extend the visibility timeout of a message: `seconds` from now on."""
        self._extended[delivery] = seconds
        self.is_pending = True

    def next(self, now: float) -> ChangeVisibility | None:
        """Return the next batch, if there is one. Messages that are left precede extensions."""
        batch: list[tuple[Delivery, int]] = []
        for _ in range(len(self._leaving)):
            delivery = self._leaving.popleft()
            if delivery.phase is ENDED:
                continue
            if len(batch) < BATCH_SIZE and self._may_leave(delivery, now):
                batch.append((delivery, delivery.delay))
            else:
                self._leaving.append(delivery)
        while self._extended and len(batch) < BATCH_SIZE:
            delivery, seconds = self._extended.popitem()
            if delivery.phase in EXTENDABLE_PHASES:
                batch.append((delivery, seconds))
        self.is_pending = bool(self._leaving or self._extended)
        if not batch:
            return None
        return ChangeVisibility(entries(batch), now, *_terms(batch, self._limits, now))

    def _may_leave(self, delivery: Delivery, now: float) -> bool:
        return (
            # During an extension SQS might apply the two changes in either order.
            not delivery.has_pending_batch_call
            and now >= delivery.not_before
            and not self._groups.must_wait(delivery)
        )

    def next_try(self, now: float) -> float:
        """Return when to repeat the first visibility change that failed."""
        times = (each.not_before for each in self._leaving if each.not_before > now)
        return min(times, default=NEVER)


def entries(changes: Iterable[tuple[Delivery, int]]) -> tuple[Entry, ...]:
    """Return the entries of one call, each with its own id."""
    made = []
    for place, (delivery, seconds) in enumerate(changes):
        delivery.has_pending_batch_call = True
        made.append(Entry(_IDS[place], delivery, delivery.receipt_handle, delivery.phase, seconds))
    return tuple(made)


def _terms(
    batch: Sequence[tuple[Delivery, int]], limits: CallLimits, now: float
) -> tuple[float, bool]:
    """Return the time limit of a call, and whether the call is a repetition."""
    deliveries = [delivery for delivery, _ in batch]
    is_repetition = any(delivery.has_failed_call for delivery in deliveries)
    return limits.of_batch(deliveries, now), is_repetition
