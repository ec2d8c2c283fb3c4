"""The order of the messages in a queue, and message groups."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from mega.local.messages import Message

__all__ = ('FifoOrder', 'ReceiveOrder', 'StandardOrder', 'StoredMessage')


@dataclass(slots=True, eq=False)
class StoredMessage:
    """A message in a queue, with its number. Times are in seconds of the queue's clock.

    `hidden_until` is None while the message is visible. `held_until` is the end of the 12 hours in
    flight that AWS allows, or None while the message is not in flight.
    """

    message: Message
    number: int
    extra: Mapping[str, str] = field(default_factory=dict)
    hidden_until: float | None = None
    held_until: float | None = None
    receives: int = 0
    first_received: float = 0.0


class ReceiveOrder(Protocol):
    """The visible messages of a queue, in the order of receives."""

    def put(self, stored: StoredMessage) -> None:
        """Add a new message, or a message that returns from flight."""

    def take(self, limit: int) -> list[StoredMessage]:
        """Remove and return the next messages, which are then in flight."""

    def end_flight(self, stored: StoredMessage) -> None:
        """Record the end of a flight: the message was deleted, or added again."""


class StandardOrder:
    """The order of a standard queue: first in, first out. AWS promises no order."""

    def __init__(self) -> None:
        self._waiting: deque[StoredMessage] = deque()

    def put(self, stored: StoredMessage) -> None:
        self._waiting.append(stored)

    def take(self, limit: int) -> list[StoredMessage]:
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def end_flight(self, stored: StoredMessage) -> None:
        """Do nothing: no message waits for another."""


class FifoOrder:
    """The order of a FIFO queue.

    Messages of a group are received in the order of sending, several at once if the limit allows.
    While a message is in flight, the other messages of its group wait.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, StoredMessage]]] = defaultdict(list)
        self._in_flight: Counter[str] = Counter()
        self._ready: deque[str] = deque()  # groups with waiting messages, and none in flight

    def put(self, stored: StoredMessage) -> None:
        group = _group(stored)
        waiting = self._waiting[group]
        heappush(waiting, (stored.number, stored))
        if len(waiting) == 1 and not self._in_flight[group]:
            self._ready.append(group)

    def take(self, limit: int) -> list[StoredMessage]:
        taken: list[StoredMessage] = []
        while self._ready and len(taken) < limit:
            group = self._ready.popleft()
            waiting = self._waiting[group]
            count = min(limit - len(taken), len(waiting))
            taken += [heappop(waiting)[1] for _ in range(count)]
            self._in_flight[group] += count
        return taken

    def end_flight(self, stored: StoredMessage) -> None:
        group = _group(stored)
        self._in_flight[group] -= 1
        if self._in_flight[group]:
            return
        del self._in_flight[group]
        if self._waiting[group]:
            self._ready.append(group)
        else:
            del self._waiting[group]


def _group(stored: StoredMessage) -> str:
    return stored.message.draft.group_id or ''
