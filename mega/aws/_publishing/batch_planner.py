"""The plan of a batch: which messages go into the next request, and which have to wait.

A plan has no I/O and no clock. Its caller passes the time, in seconds of any clock. With requests
of two messages, and a message group for each letter:

    waiting            next_batch    in flight
    a1 a2 b1 c1        a1, b1        a, b         a2 waits for a1: both are of group a
    a2 c1              c1            a, b, c      a2 still waits
    a2                 (none)        a, b, c      until mark_sent(a1)

One message of a group is in flight at most, so that no failure can change the order of a group.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

__all__ = ('BatchPlanner', 'PlannedMessage')

T = TypeVar('T')

MAX_LOOKAHEAD_BYTES = 32 * 1024**2
"""Bytes of bodies on their way to S3 that may wait in memory: such bodies may be large."""


class PlannedMessage(Struct, Generic[T], eq=False):
    """A message of a plan.

    `message_group` is the message group whose order the message keeps; None for no order.
    `problem` is set if the message cannot be sent. It then only keeps its place in its group.
    `position` is its place among the payloads. `attempts` counts the requests that contained it,
    and `first_attempt_at` is the time of the first one. It is not sent before `not_before`.
    `offload` returns a smaller content and its size in bytes, which is `offloaded_size` at most.
    `memory_bytes` is the memory that it needs in addition to `size`.
    """

    content: T
    size: int
    message_group: str | None = None
    problem: Exception | None = None
    position: int = 0
    attempts: int = 0
    first_attempt_at: float = 0.0
    not_before: float = 0.0
    offloaded_size: int | None = None
    offload: Callable[[], tuple[T, int]] | None = None
    memory_bytes: int = 0

    @property
    def min_size(self) -> int:
        """The size of the message in bytes, offloaded if that is possible."""
        if self.offload is None or self.offloaded_size is None:
            return self.size
        return self.offloaded_size


class BatchPlanner(Struct, Generic[T], eq=False):
    """Reads messages from a source, lazily and in order, and plans the requests that send them.

    A batch has at most `max_entries` messages and `max_bytes` in sum. A message that is larger than
    that goes alone. If the sum is larger, the largest bodies are offloaded to S3.
    `lookahead` is the number of messages that wait at most, to find some that can be sent now.
    After a message of a group failed for good, no other message of the group is sent.
    """

    source: Iterator[PlannedMessage[T]]
    max_entries: int
    max_bytes: int
    lookahead: int
    _waiting: deque[PlannedMessage[T]] = msgspec.field(default_factory=deque)
    _waiting_bytes: int = 0
    _groups_in_flight: set[str] = msgspec.field(default_factory=set)
    _failed_groups: set[str] = msgspec.field(default_factory=set)
    _unsent: list[PlannedMessage[T]] = []
    _in_flight: int = 0
    _is_exhausted: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether no message waits, is in flight, or was given up without a report."""
        self._refill()
        return not self._waiting and not self._in_flight and not self._unsent

    def next_batch(self, now: float) -> list[PlannedMessage[T]]:
        """Return the messages of the next request; none if all must wait longer."""
        self._refill()
        batch: list[PlannedMessage[T]] = []
        passed: list[PlannedMessage[T]] = []
        blocked = set(self._groups_in_flight)
        bytes_left = self.max_bytes
        while self._waiting and len(batch) < self.max_entries:
            message = self._waiting.popleft()
            if message.message_group in self._failed_groups:
                self._give_up(message)
            elif message.not_before > now or message.message_group in blocked:
                passed.append(message)
                if message.message_group is not None:
                    blocked.add(message.message_group)
            elif message.problem:
                self._give_up(message)
            elif batch and message.min_size > bytes_left:
                self._waiting.appendleft(message)
                break
            else:
                batch.append(message)
                bytes_left -= message.min_size
                self._mark_in_flight(message, now)
                if message.message_group is not None:
                    blocked.add(message.message_group)
        self._waiting.extendleft(reversed(passed))
        self._offload_largest(batch)
        return batch

    def take_unsent(self) -> list[PlannedMessage[T]]:
        """Return the messages that were given up without a request, since the last call."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def mark_sent(self, message: PlannedMessage[T]) -> None:
        """Record that AWS has a message."""
        self._mark_done(message)

    def mark_failed(self, message: PlannedMessage[T]) -> None:
        """Record that a message failed for good, and give up the rest of its group."""
        self._mark_done(message)
        if message.message_group is not None:
            self._failed_groups.add(message.message_group)

    def reschedule(self, messages: Iterable[PlannedMessage[T]], not_before: float) -> None:
        """Put messages back in front of the others, to be sent at `not_before` or later."""
        for message in reversed(list(messages)):
            self._mark_done(message)
            message.not_before = not_before
            self._waiting.appendleft(message)
            self._waiting_bytes += message.memory_bytes

    def next_due(self) -> float | None:
        """Return when the next message may be sent; None if all wait for one in flight."""
        blocked = set(self._groups_in_flight)
        earliest = None
        for message in self._waiting:
            if message.message_group in blocked:
                continue
            if message.message_group is not None:
                blocked.add(message.message_group)
            if earliest is None or message.not_before < earliest:
                earliest = message.not_before
        return earliest

    def _offload_largest(self, batch: list[PlannedMessage[T]]) -> None:
        excess = sum([message.size for message in batch]) - self.max_bytes
        if excess <= 0:
            return
        for message in sorted(batch, key=lambda message: message.size, reverse=True):
            if excess <= 0:
                return
            if message.offload is not None:
                excess -= message.size
                message.content, message.size = message.offload()
                message.offload = None
                excess += message.size

    def _give_up(self, message: PlannedMessage[T]) -> None:
        self._waiting_bytes -= message.memory_bytes
        self._unsent.append(message)
        if message.message_group is not None:
            self._failed_groups.add(message.message_group)

    def _mark_in_flight(self, message: PlannedMessage[T], now: float) -> None:
        self._waiting_bytes -= message.memory_bytes
        if not message.attempts:
            message.first_attempt_at = now
        message.attempts += 1
        self._in_flight += 1
        if message.message_group is not None:
            self._groups_in_flight.add(message.message_group)

    def _mark_done(self, message: PlannedMessage[T]) -> None:
        self._in_flight -= 1
        if message.message_group is not None:
            self._groups_in_flight.discard(message.message_group)

    def _refill(self) -> None:
        if self._is_exhausted:
            return
        while len(self._waiting) < self.lookahead and self._waiting_bytes < MAX_LOOKAHEAD_BYTES:
            message = next(self.source, None)
            if message is None:
                self._is_exhausted = True
                return
            self._waiting.append(message)
            self._waiting_bytes += message.memory_bytes
