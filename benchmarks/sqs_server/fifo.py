"""The order in which a queue gives its messages, and what FIFO adds: groups and duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile
from typing import Protocol

from benchmarks.sqs_server.messages import Draft, Message, sha256_of_text

__all__ = ('WINDOW', 'Deduplication', 'Grouped', 'Line', 'Stored', 'Unordered')

WINDOW = 300.0
"""Seconds in which a message with a known deduplication id is a duplicate (model, SendMessage)."""


@dataclass(slots=True, eq=False)
class Stored:
    """A message in a queue, which numbers what it stores. Times are those of the queue's clock.

    `hidden_until` is None while the message waits in the queue's line. `held_until`, when its time
    in flight reaches the 12 hours that AWS allows, is None while the message is not in flight.
    """

    message: Message
    number: int
    extra: Mapping[str, str] = field(default_factory=dict)
    hidden_until: float | None = None
    held_until: float | None = None
    receives: int = 0
    first_received: float = 0.0


class Line(Protocol):
    """The messages of a queue that can be received."""

    def put(self, stored: Stored) -> None:
        """Let a message wait, a new one or one that comes back from flight."""

    def take(self, limit: int) -> list[Stored]:
        """The next messages, which are in flight from now on."""

    def landed(self, stored: Stored) -> None:
        """Know that a message is in flight no more: it was deleted, or put back before."""


class Unordered:
    """The line of a standard queue. AWS promises no order; here it is first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[Stored] = deque()

    def put(self, stored: Stored) -> None:
        self._waiting.append(stored)

    def take(self, limit: int) -> list[Stored]:
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def landed(self, stored: Stored) -> None:
        """Nothing waited for it."""


class Grouped:
    """The line of a FIFO queue.

    Messages of a group are taken in the order in which they were sent, and as many of them together
    as are asked for. While one is in flight, the group gives no other.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, Stored]]] = defaultdict(list)
        self._in_flight: Counter[str] = Counter()
        self._ready: deque[str] = deque()  # groups with something waiting and nothing in flight

    def put(self, stored: Stored) -> None:
        group = _group(stored)
        waiting = self._waiting[group]
        heappush(waiting, (stored.number, stored))
        if len(waiting) == 1 and not self._in_flight[group]:
            self._ready.append(group)

    def take(self, limit: int) -> list[Stored]:
        taken: list[Stored] = []
        while self._ready and len(taken) < limit:
            group = self._ready.popleft()
            waiting = self._waiting[group]
            count = min(limit - len(taken), len(waiting))
            taken += [heappop(waiting)[1] for _ in range(count)]
            self._in_flight[group] += count
        return taken

    def landed(self, stored: Stored) -> None:
        group = _group(stored)
        self._in_flight[group] -= 1
        if self._in_flight[group]:
            return
        del self._in_flight[group]
        if self._waiting[group]:
            self._ready.append(group)
        else:
            del self._waiting[group]


def _group(stored: Stored) -> str:
    return stored.message.draft.group_id or ''


class Deduplication:
    """What was sent to a FIFO queue or topic in the last five minutes, deleted since or not.

    Source: model, SendMessage: AWS keeps track of an id "even after the message is received and
    deleted". The scope is the queue or topic, or by an attribute of it the message group.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        scope = attributes.get('DeduplicationScope', attributes.get('FifoThroughputScope'))
        self._is_per_group = scope in ('messageGroup', 'MessageGroup')
        self._sent: dict[tuple[str | None, str], tuple[float, Message]] = {}

    def first(self, draft: Draft, now: float) -> Message | None:
        """The message of which this one is a duplicate."""
        expired = list(takewhile(lambda key: now - self._sent[key][0] >= WINDOW, self._sent))
        for key in expired:
            del self._sent[key]
        found = self._sent.get(self._key(draft))
        return found[1] if found else None

    def remember(self, message: Message, now: float) -> None:
        self._sent[self._key(message.draft)] = (now, message)

    def _key(self, draft: Draft) -> tuple[str | None, str]:
        """Without an id of its own, a message goes by the hash of its body, attributes apart."""
        deduplication_id = draft.deduplication_id or sha256_of_text(draft.body)
        return (draft.group_id if self._is_per_group else None, deduplication_id)
