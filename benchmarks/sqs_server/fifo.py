"""The order of the messages in a queue, message groups, and deduplication."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile
from typing import Protocol

from benchmarks.sqs_server.messages import Draft, Message, sha256_of_text

__all__ = ('WINDOW', 'Deduplication', 'FifoOrder', 'ReceiveOrder', 'StandardOrder', 'StoredMessage')

WINDOW = 300.0
"""The deduplication interval in seconds (model, SendMessage)."""


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


class Deduplication:
    """The messages sent to a FIFO queue or topic in the last five minutes, also deleted ones.

    Source: model, SendMessage: AWS keeps track of an id "even after the message is received and
    deleted". The scope is the queue or topic, or the message group if an attribute says so.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        scope = attributes.get('DeduplicationScope', attributes.get('FifoThroughputScope'))
        self._is_per_group = scope in ('messageGroup', 'MessageGroup')
        self._sent: dict[tuple[str | None, str], tuple[float, Message]] = {}

    def first(self, draft: Draft, now: float) -> Message | None:
        """Return the earlier message with the same deduplication id, if any."""
        expired = list(takewhile(lambda key: now - self._sent[key][0] >= WINDOW, self._sent))
        for key in expired:
            del self._sent[key]
        found = self._sent.get(self._key(draft))
        return found[1] if found else None

    def remember(self, message: Message, now: float) -> None:
        self._sent[self._key(message.draft)] = (now, message)

    def _key(self, draft: Draft) -> tuple[str | None, str]:
        """Return the deduplication id, or by default the hash of the body without attributes."""
        deduplication_id = draft.deduplication_id or sha256_of_text(draft.body)
        return (draft.group_id if self._is_per_group else None, deduplication_id)
