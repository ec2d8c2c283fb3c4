"""The end of an invocation: Lambda stops a function at its timeout, and then retries all messages.

    remaining time    10 s ............ margin (1 s) .... 0.1 s ..... 0
                      messages begin    | calls to SQS    | return    | Lambda ends the function

Therefore no message begins within the margin. The calls that settle the earlier ones use it.
"""

from __future__ import annotations

from typing import Any

from mega.aws._transport.clock import Clock
from mega.aws._transport.time_limits import TimeLimit

__all__ = ('Deadline',)

RETURN_SECONDS = 0.1
"""Seconds that remain for the response."""


class Deadline:
    """The remaining time of an invocation, which is also that of its messages.

    `context` is the object that Lambda passes to a handler, or None for a call without a timeout.
    `margin` is in seconds.
    """

    def __init__(self, context: Any, margin: float) -> None:
        self._remaining_ms = getattr(context, 'get_remaining_time_in_millis', None)
        self._margin = margin

    @property
    def is_known(self) -> bool:
        """Whether there is a timeout."""
        return self._remaining_ms is not None

    @property
    def is_near(self) -> bool:
        """Whether no other message may begin."""
        return self.is_known and self.time_left <= self._margin

    @property
    def time_left(self) -> float:
        """The seconds until Lambda ends the function; infinity without a timeout."""
        return float('inf') if self._remaining_ms is None else max(0.0, self._remaining_ms() / 1e3)

    @property
    def is_lost(self) -> bool:
        """Return False: Lambda ends the function before another consumer gets its messages.

        The visibility timeout of a queue must be at least the timeout of the function.
        """
        return False

    def limit_of_fetch(self, clock: Clock) -> TimeLimit | None:
        """Return the time limit for the body of a message in S3; None: no limit."""
        return self._limit(self._margin, clock)

    def limit_of_settlement(self, clock: Clock) -> TimeLimit | None:
        """Return the time limit for the calls that settle a message; None: no limit."""
        return self._limit(RETURN_SECONDS, clock)

    def _limit(self, reserve: float, clock: Clock) -> TimeLimit | None:
        return TimeLimit(max(0.0, self.time_left - reserve), clock) if self.is_known else None
