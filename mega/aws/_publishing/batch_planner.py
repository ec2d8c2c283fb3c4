"""Which messages go out together, and which have to wait: the plan of a batch, without I/O.

It has no clock of its own: it is told the time, in seconds of whatever clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ('BatchPlanner', 'PlannedMessage')

T = TypeVar('T')

MAX_HELD = 32 * 1024**2
"""Bytes of bodies on their way to S3 that are looked at ahead: they may be large."""


@dataclass(slots=True, eq=False)
class PlannedMessage(Generic[T]):
    """Something to send.

    `position` is its place in what the user gave. `tries` is how often it was sent.
    `order_key` is the message group whose order it keeps; None for no order.
    With a `problem` it cannot be sent at all: it only holds its place in the lane.
    Where it can be made smaller, `shrink` answers its smaller content and the size of that, which
    is at most `least`. `memory_bytes` is what it takes of memory beside its size.
    """

    content: T
    size: int
    order_key: str | None = None
    problem: Exception | None = None
    position: int = 0
    tries: int = 0
    not_before: float = 0.0
    least: int | None = None
    shrink: Callable[[], tuple[T, int]] | None = None
    memory_bytes: int = 0

    @property
    def min_size(self) -> int:
        """The bytes that it takes at least."""
        return self.size if self.shrink is None or self.least is None else self.least


@dataclass(slots=True, eq=False)
class BatchPlanner(Generic[T]):
    """Takes items from a source, lazily and in their order, and says which to send next.

    A batch has at most `max_entries` items and `max_bytes` in sum; an item that is larger by itself
    goes alone. Where their sum is more, the largest of those that can be are made smaller.
    `lookahead` is how many items are looked at to find some that need not wait.
    Of one lane at most one item is on its way, so no failure can change the order. After an item of
    a lane was given up, none of that lane is sent any more.
    """

    source: Iterator[PlannedMessage[T]]
    max_entries: int
    max_bytes: int
    lookahead: int
    _waiting: deque[PlannedMessage[T]] = field(default_factory=deque)
    _busy: set[str] = field(default_factory=set)
    _closed: set[str] = field(default_factory=set)
    _unsent: list[PlannedMessage[T]] = field(default_factory=list)
    _on_their_way: int = 0
    _is_exhausted: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing more to send, to wait for, or to be told of."""
        self._refill()
        return not self._waiting and not self._on_their_way and not self._unsent

    def take(self, now: float) -> list[PlannedMessage[T]]:
        """The items of the next batch; none where all that is left has to wait."""
        self._refill()
        batch: list[PlannedMessage[T]] = []
        passed: list[PlannedMessage[T]] = []
        blocked = set(self._busy)
        min_size = self.max_bytes
        while self._waiting and len(batch) < self.max_entries:
            item = self._waiting.popleft()
            if item.order_key in self._closed:
                self._unsent.append(item)
            elif item.not_before > now or item.order_key in blocked:
                passed.append(item)
                if item.order_key is not None:
                    blocked.add(item.order_key)
            elif item.problem:
                self._give_up(item)
            elif batch and item.min_size > min_size:
                self._waiting.appendleft(item)
                break
            else:
                batch.append(item)
                min_size -= item.min_size
                self._mark_in_flight(item)
                if item.order_key is not None:
                    blocked.add(item.order_key)
        self._waiting.extendleft(reversed(passed))
        self._shrink(batch)
        return batch

    def unsent(self) -> list[PlannedMessage[T]]:
        """The items that were given up without being sent, since this was last asked."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def sent(self, item: PlannedMessage[T]) -> None:
        """It arrived."""
        self._mark_done(item)

    def failed(self, item: PlannedMessage[T]) -> None:
        """It is given up, and with it what is left of its lane."""
        self._mark_done(item)
        if item.order_key is not None:
            self._closed.add(item.order_key)

    def reschedule(self, items: Iterable[PlannedMessage[T]], not_before: float) -> None:
        """They have to be sent once more, ahead of what waits, but not before then."""
        for item in reversed(list(items)):
            self._mark_done(item)
            item.not_before = not_before
            self._waiting.appendleft(item)

    def wakes_at(self) -> float | None:
        """When the next item may be sent; None where all wait for one that is on its way."""
        lanes = set(self._busy)
        earliest = None
        for item in self._waiting:
            if item.order_key in lanes:
                continue
            if item.order_key is not None:
                lanes.add(item.order_key)
            if earliest is None or item.not_before < earliest:
                earliest = item.not_before
        return earliest

    def _shrink(self, batch: list[PlannedMessage[T]]) -> None:
        """Make items smaller, the largest first, until their sum is what a batch may have."""
        excess = sum(item.size for item in batch) - self.max_bytes
        for item in sorted(batch, key=lambda item: item.size, reverse=True):
            if excess <= 0:
                return
            if item.shrink is not None:
                excess -= item.size
                item.content, item.size = item.shrink()
                item.shrink = None
                excess += item.size

    def _give_up(self, item: PlannedMessage[T]) -> None:
        self._unsent.append(item)
        if item.order_key is not None:
            self._closed.add(item.order_key)

    def _mark_in_flight(self, item: PlannedMessage[T]) -> None:
        item.tries += 1
        self._on_their_way += 1
        if item.order_key is not None:
            self._busy.add(item.order_key)

    def _mark_done(self, item: PlannedMessage[T]) -> None:
        self._on_their_way -= 1
        if item.order_key is not None:
            self._busy.discard(item.order_key)

    def _refill(self) -> None:
        if self._is_exhausted:
            return
        memory_bytes = sum([item.memory_bytes for item in self._waiting])
        while len(self._waiting) < self.lookahead and memory_bytes < MAX_HELD:
            item = next(self.source, None)
            if item is None:
                self._is_exhausted = True
                return
            self._waiting.append(item)
            memory_bytes += item.memory_bytes
