"""How many messages to receive, and when."""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable

from mega.aws._messages.backoff import backoff, max_backoff
from mega.aws.sqs.subscribe.engine.commands import EngineSettings, Receive
from mega.aws.sqs.subscribe.engine.delivery import MAX_VISIBILITY, NEVER

__all__ = ('MAX_BACKOFF', 'ReceiveScheduler')

MAX_BACKOFF = 60.0
"""The maximum number of seconds between two receives that fail."""

_MAX_LATENESS = 2.0
"""Seconds after its long poll within which the answer to a receive is not late. With a short
visibility timeout, a quarter of that timeout."""

FIRST_PAUSE, MAX_PAUSE = 0.05, 1.0
"""The minimum and maximum number of seconds between two receives that return nothing at once."""

ATTEMPT_SECONDS = 290.0
"""Seconds within which SQS returns the messages of a receive again for the same attempt id. SQS's
limit is five minutes (API reference of ReceiveMessage), from the arrival of the request."""

_EMPTY_RECEIVES = 2
"""The number of consecutive empty receives that prove an empty queue."""


class ReceiveScheduler:
    """Counts the receives under way, and decides whether to make another one.

    One receive waits at an empty queue. Each receive that returns messages allows one more, as long
    as there is room for its messages. Room is `concurrency` and one batch that is received ahead.

    The visibility timeout of messages in a late answer counts from the request, and may be over.
    The next receives therefore ask for a longer one, by the seconds that the late answer took.

    `queue_version` changes when messages may have become visible. Only an empty receive that began
    in the present version proves that the queue is empty.
    """

    def __init__(self, settings: EngineSettings, uniform: Callable[[float, float], float]) -> None:
        self._max_messages = settings.max_number_of_messages
        self._uniform = uniform
        # With a concurrency of 1 nothing is received ahead: another process could start it sooner.
        ahead = min(self._max_messages, settings.concurrency - 1)
        self._room = settings.concurrency + ahead
        self._wait_seconds = settings.wait_time_seconds
        self._visibility_timeout = settings.visibility_timeout
        if settings.until_empty:
            self._wait_seconds = min(1, self._wait_seconds)
        self._max_lateness = min(_MAX_LATENESS, settings.visibility_timeout / 4)
        self._allowance = 0
        self._allowed = 1
        self._is_fifo = settings.is_fifo
        self._lost: deque[Receive] = deque()
        self._remaining = settings.max_messages or NEVER
        self._empty_in_a_row = 0
        self._has_failed_receive = False
        self._failures = 0
        self._failed_at = float('-inf')
        self.under_way = 0
        self.has_succeeded = False
        self.not_before = float('-inf')
        self.queue_version = 0
        self._empty_receives = 0

    def next(self, in_flight: int, now: float) -> Receive | None:
        """Return another receive, if there is room for its messages beside those in flight."""
        most = min(self._max_messages, self._remaining)
        if (
            not most
            or in_flight + self.under_way * self._max_messages >= self._room
            or self.under_way >= self._allowed
            or now < self.not_before
        ):
            return None
        self.under_way += 1
        self._remaining -= most
        timeout = self._visibility_timeout
        return Receive(
            int(most),
            self._wait_seconds,
            now,
            self.queue_version,
            min(timeout + self._allowance, max(timeout, MAX_VISIBILITY)),
            self._has_failed_receive,
            *self._attempt(now),
        )

    def succeeded(self, receive: Receive, count: int, taken: int, now: float) -> None:
        """Record that a receive returned `count` new messages, `taken` of them to process."""
        self._remaining += receive.max_messages - taken
        self._allowance //= 2
        if count and self.is_late(receive, now):
            self._allowance = max(self._allowance, math.ceil(now - receive.asked_at))
        self.under_way -= 1
        self.has_succeeded = True
        self._has_failed_receive = False
        self._failures = 0
        if count:
            self._allowed += 1
            self._empty_in_a_row = 0
            self.queue_may_have_changed()
        else:
            self._allowed = 1
            self._empty_in_a_row += 1
            self._empty_receives += receive.queue_version == self.queue_version
            if now - receive.asked_at < MAX_PAUSE:
                self.not_before = max(self.not_before, now + self._pause())
        self._allowed = min(self._allowed, self._room)

    def _pause(self) -> float:
        """Return the seconds until the next receive, after empty ones that did not wait."""
        more = self._empty_in_a_row - _EMPTY_RECEIVES  # a drain ends after these, without a pause
        return max_backoff(more, FIRST_PAUSE, MAX_PAUSE) if more > 0 else 0.0

    def interrupted(self, receive: Receive) -> None:
        """Record that the listener interrupted a receive. Its response may be lost."""
        self.under_way -= 1
        self._remaining += receive.max_messages
        if self._is_fifo:
            self._lost.append(receive)

    def _attempt(self, now: float) -> tuple[str | None, float]:
        """Return the id of the next attempt to receive, and the time of its first attempt.

        SQS returns the messages of a lost response again, if they are still hidden, and if the
        first attempt was at most five minutes ago.
        """
        if not self._is_fifo:
            return None, now
        while self._lost:
            lost = self._lost.popleft()
            ends = min(
                lost.asked_at + lost.visibility_timeout, lost.attempted_since + ATTEMPT_SECONDS
            )
            if now < ends:
                return lost.attempt_id, lost.attempted_since
        return uuid.uuid4().hex, now

    def failed(self, receive: Receive, now: float, *, is_lost: bool) -> None:
        """Record that a receive failed, and wait before the next one.

        The wait is random, at least 1 second, and at most twice as long after each failure.
        """
        self.under_way -= 1
        self._remaining += receive.max_messages
        self._allowed = 1
        self._has_failed_receive = True
        if is_lost and self._is_fifo:
            self._lost.append(receive)
        # Receives that were under way together fail together, and count once.
        if receive.asked_at >= self._failed_at:
            self._failures += 1
            self._failed_at = now
            wait = backoff(self._failures, 2.0, MAX_BACKOFF, self._uniform, shortest=1.0)
            self.not_before = now + wait

    def is_late(self, receive: Receive, now: float) -> bool:
        """Return whether a receive took longer than its long poll and a call should take."""
        return now > receive.asked_at + receive.wait_seconds + self._max_lateness

    def hidden_at(self, receive: Receive, now: float) -> float:
        """Return when the visibility timeouts of messages began, whose receive was answered now.

        In a late answer they may have begun long ago.
        """
        return receive.asked_at if self.is_late(receive, now) else now

    @property
    def is_drained(self) -> bool:
        """Whether the queue is empty, or the maximum number of messages is received."""
        has_all = not self._remaining and not self.under_way
        return has_all or self._empty_receives >= _EMPTY_RECEIVES

    def queue_may_have_changed(self) -> None:
        """Record a change: earlier empty receives do not prove that the queue is empty."""
        self.queue_version += 1
        self._empty_receives = 0
