"""The delivery order of the visible messages of a queue."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from mega.local.sqs.decisions import Decisions
from mega.local.sqs.stored import StoredMessage

__all__ = ('FifoOrder', 'ReceiveOrder', 'StandardOrder')

NOISY_MESSAGES = 30
NOISY_SHARE = 0.1


class ReceiveOrder(Protocol):
    """The visible messages of a queue, in the order of receives."""

    def put(self, stored: StoredMessage) -> None:
        """Add a new message, or a message that returns from flight."""

    def take(self, limit: int) -> list[StoredMessage]:
        """Remove and return the next messages, which are then in flight."""

    def end_flight(self, stored: StoredMessage) -> None:
        """Record the end of a flight: the message was removed, or is about to be added again."""


class StandardOrder:
    """The order of a standard queue: first in, first out, except the messages of noisy groups.

    SQS promises no order. A group is noisy while it has at least 30 messages in flight, and more
    than a tenth of all messages in flight. Its messages wait for those of all other groups (guide,
    How Amazon SQS fair queues work). The model does not measure processing times.
    """

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._waiting: deque[StoredMessage] = deque()
        self._held_back: dict[str, deque[StoredMessage]] = {}
        self._in_flight: Counter[str | None] = Counter()
        self._total_in_flight = 0

    def put(self, stored: StoredMessage) -> None:
        self._waiting.append(stored)

    def take(self, limit: int) -> list[StoredMessage]:
        available = len(self._waiting) + sum(map(len, self._held_back.values()))
        if available:
            self._waiting.rotate(-self._decisions.start(available))
            limit = min(limit, self._decisions.shorten(available))
        taken: list[StoredMessage] = []
        if self._held_back:
            self._take_held_back(taken, limit, are_quiet=True)
        self._take_waiting(taken, limit)
        if self._held_back:
            self._take_held_back(taken, limit, are_quiet=False)
        return taken

    def _take_waiting(self, taken: list[StoredMessage], limit: int) -> None:
        while self._waiting and len(taken) < limit:
            stored = self._waiting.popleft()
            if stored.is_removed:
                continue
            group = stored.group
            if group is not None and self._is_noisy(group):
                self._held_back.setdefault(group, deque()).append(stored)
            else:
                taken.append(self._begin_flight(stored))

    def _take_held_back(self, taken: list[StoredMessage], limit: int, *, are_quiet: bool) -> None:
        for group in list(self._held_back):
            messages = self._held_back[group]
            while messages and len(taken) < limit and are_quiet != self._is_noisy(group):
                stored = messages.popleft()
                if not stored.is_removed:
                    taken.append(self._begin_flight(stored))
            if not messages:
                del self._held_back[group]

    def _is_noisy(self, group: str) -> bool:
        count = self._in_flight[group]
        return count >= NOISY_MESSAGES and count > NOISY_SHARE * self._total_in_flight

    def _begin_flight(self, stored: StoredMessage) -> StoredMessage:
        self._total_in_flight += 1
        if stored.group is not None:
            self._in_flight[stored.group] += 1
        return stored

    def end_flight(self, stored: StoredMessage) -> None:
        self._total_in_flight -= 1
        if stored.group is not None:
            self._in_flight[stored.group] -= 1
            if not self._in_flight[stored.group]:
                del self._in_flight[stored.group]


@dataclass(slots=True)
class _Group:
    """The visible messages of a message group, as a heap, and the numbers of those in flight."""

    waiting: list[tuple[int, StoredMessage]] = field(default_factory=list)
    in_flight: set[int] = field(default_factory=set)


class FifoOrder:
    """The order of a FIFO queue.

    Messages of a group are received in the order of sending, several at once if the limit allows.
    While a message is in flight, the later messages of its group wait.
    """

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._groups: dict[str | None, _Group] = {}
        self._ready: deque[str | None] = deque()  # groups that may have deliverable messages

    def put(self, stored: StoredMessage) -> None:
        group = self._groups.setdefault(stored.group, _Group())
        heappush(group.waiting, (stored.number, stored))
        if len(group.waiting) == 1 or group.in_flight:
            self._ready.append(stored.group)

    def take(self, limit: int) -> list[StoredMessage]:
        taken: list[StoredMessage] = []
        if self._ready:
            self._ready.rotate(-self._decisions.start(len(self._ready)))
        while self._ready and len(taken) < limit:
            name = self._ready.popleft()
            if group := self._groups.get(name):
                self._take_from(group, taken, limit)
                self._drop_if_empty(name, group)
        return taken

    def _take_from(self, group: _Group, taken: list[StoredMessage], limit: int) -> None:
        """Take the next messages of a group that has none in flight, or of its head."""
        if not group.waiting or (group.in_flight and not self._decisions.delivers_heads()):
            return
        before = min(group.in_flight, default=None)
        limit = min(limit, len(taken) + self._decisions.shorten(len(group.waiting)))
        while group.waiting and len(taken) < limit:
            if before is not None and group.waiting[0][0] > before:
                return
            number, stored = heappop(group.waiting)
            if not stored.is_removed:
                group.in_flight.add(number)
                taken.append(stored)

    def end_flight(self, stored: StoredMessage) -> None:
        group = self._groups[stored.group]
        group.in_flight.remove(stored.number)
        if group.waiting:
            self._ready.append(stored.group)
        self._drop_if_empty(stored.group, group)

    def _drop_if_empty(self, name: str | None, group: _Group) -> None:
        if not (group.waiting or group.in_flight):
            del self._groups[name]
