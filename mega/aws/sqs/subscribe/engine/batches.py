"""What SQS is still to be told: deletes and changes of visibility, gathered into batches of ten."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from mega.aws.sqs.subscribe.engine.commands import Ack, ChangeVisibility, Entry
from mega.aws.sqs.subscribe.engine.delivery import GONE, HELD, Delivery
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues

__all__ = ('BATCH', 'MAX_BATCH_DELAY', 'DeleteBatcher', 'VisibilityBatcher')

BATCH = 10
"""Entries of a batch call at most: API reference of DeleteMessageBatch."""

MAX_BATCH_DELAY = 0.1
"""Seconds for which an ack waits for others."""

FOREVER = float('inf')

_IDS = tuple(map(str, range(BATCH)))


class DeleteBatcher:
    """Messages to delete. They go together when there are ten, or when the first waited enough."""

    def __init__(self, linger: float) -> None:
        self._linger = linger
        self.waiting: deque[Delivery] = deque()
        self.deadline = FOREVER

    def add(self, delivery: Delivery, now: float) -> None:
        self.waiting.append(delivery)
        count = len(self.waiting)
        if count == 1:
            self.deadline = now + self._linger
        elif count >= BATCH:
            self.deadline = now
        latest = delivery.hidden_until - self._linger  # while it is still hidden
        if latest < self.deadline:
            self.deadline = max(now, latest)

    def flush(self) -> None:
        """Let those that wait go at once: there is nothing to wait for."""
        if self.waiting:
            self.deadline = -FOREVER

    def next(self, now: float) -> Ack:
        """A batch, once the deadline has come."""
        waiting = self.waiting
        batch = [(waiting.popleft(), 0) for _ in range(min(BATCH, len(waiting)))]
        if not waiting:
            self.deadline = FOREVER
        elif len(waiting) < BATCH and self.deadline > -FOREVER:
            self.deadline = now + self._linger
        return Ack(entries(batch), now)


class VisibilityBatcher:
    """Messages whose visibility is to change: left in the queue, or kept hidden for longer."""

    def __init__(self, lines: GroupQueues) -> None:
        self._lines = lines
        self._leaving: deque[Delivery] = deque()
        self._extended: dict[Delivery, int] = {}
        self.are_waiting = False

    def leave(self, delivery: Delivery) -> None:
        self._leaving.append(delivery)
        self.are_waiting = True

    def extend(self, delivery: Delivery, seconds: int) -> None:
        self._extended[delivery] = seconds
        self.are_waiting = True

    def next(self, now: float) -> ChangeVisibility | None:
        """A batch, if there is anything to tell. Those that are left go before all others."""
        found: list[tuple[Delivery, int]] = []
        for _ in range(len(self._leaving)):
            delivery = self._leaving.popleft()
            if delivery.phase is GONE:
                continue
            if len(found) < BATCH and self._may_go(delivery, now):
                found.append((delivery, delivery.delay))
            else:
                self._leaving.append(delivery)
        while self._extended and len(found) < BATCH:
            delivery, seconds = self._extended.popitem()
            if delivery.phase in HELD:
                found.append((delivery, seconds))
        self.are_waiting = bool(self._leaving or self._extended)
        return ChangeVisibility(entries(found), now) if found else None

    def _may_go(self, delivery: Delivery, now: float) -> bool:
        return (
            # After an extension that is under way, and so for certain on top of it.
            not delivery.is_in_call
            and now >= delivery.not_before
            and not self._lines.must_wait(delivery)
        )

    def next_try(self, now: float) -> float:
        """When one that could not be left is to be tried again."""
        times = (each.not_before for each in self._leaving if each.not_before > now)
        return min(times, default=FOREVER)


def entries(changes: Iterable[tuple[Delivery, int]]) -> tuple[Entry, ...]:
    """Entries of one call, each with an id of its own."""
    made = []
    for place, (delivery, seconds) in enumerate(changes):
        delivery.is_in_call = True
        made.append(Entry(_IDS[place], delivery, delivery.handle, delivery.phase, seconds))
    return tuple(made)
