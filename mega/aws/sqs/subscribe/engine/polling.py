"""How many messages to receive, and when."""

from __future__ import annotations

from collections.abc import Callable

from mega.aws._messages.backoff import backoff
from mega.aws.sqs.subscribe.engine.commands import EngineSettings, Receive

__all__ = ('MAX_BACKOFF', 'ReceiveScheduler')

MAX_BACKOFF = 60.0
"""The maximum number of seconds between two receives that fail."""

_MAX_LATENESS = 2.0
"""Seconds after its long poll within which the answer to a receive is not late."""

_EMPTY_RECEIVES = 2
"""The number of consecutive empty receives that prove an empty queue."""


class ReceiveScheduler:
    """Counts the receives under way, and decides whether to make another one.

    One receive waits at an empty queue. Each receive that returns messages allows one more, as long
    as there is room for its messages. Room is `concurrency` and one batch that is received ahead.

    The epoch detects an empty queue. It changes when messages may have become visible. Only an
    empty receive that began in the present epoch proves that the queue is empty.
    """

    def __init__(self, settings: EngineSettings, uniform: Callable[[float, float], float]) -> None:
        self._max_messages = settings.max_number_of_messages
        self._uniform = uniform
        # With a concurrency of 1 nothing is received ahead: another process could start it sooner.
        ahead = min(self._max_messages, settings.concurrency - 1)
        self._room = settings.concurrency + ahead
        self._wait_seconds = settings.wait_time_seconds
        if settings.until_empty:
            self._wait_seconds = min(1, self._wait_seconds)
        self._allowed = 1
        self._failures = 0
        self._failed_at = float('-inf')
        self.under_way = 0
        self.has_succeeded = False
        self.not_before = float('-inf')
        self.queue_version = 0
        self._empty_receives = 0

    def next(self, in_flight: int, now: float) -> Receive | None:
        """Return another receive, if there is room for its messages beside those in flight."""
        if (
            in_flight + self.under_way * self._max_messages >= self._room
            or self.under_way >= self._allowed
            or now < self.not_before
        ):
            return None
        self.under_way += 1
        return Receive(self._max_messages, self._wait_seconds, now, self.queue_version)

    def succeeded(self, poll: Receive, count: int) -> None:
        """Record that a receive returned `count` messages."""
        self.under_way -= 1
        self.has_succeeded = True
        self._failures = 0
        if count:
            self._allowed += 1
            self.queue_may_have_changed()
        else:
            self._allowed = 1
            self._empty_receives += poll.queue_version == self.queue_version
        self._allowed = min(self._allowed, self._room)

    def interrupted(self) -> None:
        """Record that the listener interrupted a receive."""
        self.under_way -= 1

    def failed(self, poll: Receive, now: float) -> None:
        """Record that a receive failed, and wait before the next one.

        The wait is random, at least 1 second, and at most twice as long after each failure.
        """
        self.under_way -= 1
        self._allowed = 1
        # Receives that were under way together fail together, and count once.
        if poll.asked_at >= self._failed_at:
            self._failures += 1
            self._failed_at = now
            wait = backoff(self._failures, 2.0, MAX_BACKOFF, self._uniform, shortest=1.0)
            self.not_before = now + wait

    def is_late(self, poll: Receive, now: float) -> bool:
        """Return whether a receive took longer than its long poll and a call should take."""
        return now > poll.asked_at + poll.wait_seconds + _MAX_LATENESS

    @property
    def is_queue_empty(self) -> bool:
        """Whether the last receives prove that the queue is empty."""
        return self._empty_receives >= _EMPTY_RECEIVES

    def queue_may_have_changed(self) -> None:
        """Record a change: earlier empty receives do not prove that the queue is empty."""
        self.queue_version += 1
        self._empty_receives = 0
