"""How much to receive, and when."""

from __future__ import annotations

from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.commands import Receive, Settings

__all__ = ('LONGEST_BACKOFF', 'PollController')

LONGEST_BACKOFF = 60.0
"""Seconds between two tries while nothing can be received."""


class PollController:
    """Receives that are under way, and whether one more is wanted.

    One listens to a queue that has nothing. While messages come there is one more for each answer
    that brought some, as far as they find room: as many as can be started soon, and one batch.
    """

    def __init__(self, settings: Settings, uniform: Callable[[float, float], float]) -> None:
        self._number = settings.max_number_of_messages
        self._uniform = uniform
        # A batch is received ahead, but never more than others are in work: one at a time is just
        # that, and nothing waits behind it that another process could have.
        ahead = min(self._number, settings.concurrency - 1)
        self._room = settings.concurrency + ahead
        self._wait = settings.wait_time_seconds
        if settings.until_empty:
            self._wait = min(1, self._wait)
        self._allowed = 1
        self._failures = 0
        self._failed_at = float('-inf')
        self.under_way = 0
        self.has_succeeded = False
        self.not_before = float('-inf')
        self.epoch = 0
        self.empty_receives = 0

    def next(self, in_hand: int, now: float) -> Receive | None:
        """One more receive, if it is wanted now, beside so many messages in hand."""
        if (
            in_hand + self.under_way * self._number >= self._room
            or self.under_way >= self._allowed
            or now < self.not_before
        ):
            return None
        self.under_way += 1
        return Receive(self._number, self._wait, now, self.epoch)

    def answered(self, poll: Receive, count: int) -> None:
        self.under_way -= 1
        self.has_succeeded = True
        self._failures = 0
        if count:
            self._allowed += 1
            self.bump_epoch()
        else:
            self._allowed = 1
            self.empty_receives += poll.epoch == self.epoch
        # More than there is room for are never under way.
        self._allowed = min(self._allowed, self._room)

    def broken_off(self) -> None:
        self.under_way -= 1

    def failed(self, poll: Receive, now: float) -> None:
        """Wait before the next try: at least a second, and no two listeners the same."""
        self.under_way -= 1
        self._allowed = 1
        if poll.asked_at >= self._failed_at:  # not one of several that failed together
            self._failures += 1
            self._failed_at = now
            longest = min(LONGEST_BACKOFF, 2.0 ** min(self._failures, 10))  # or it overflows
            self.not_before = now + self._uniform(1.0, longest)

    def bump_epoch(self) -> None:
        """From now on what was found, or not, says nothing about the queue any more."""
        self.epoch += 1
        self.empty_receives = 0
