"""The deadlines of a stop.

A stop interrupts the receives, waits for the messages in processing, and makes the last calls:

    the begin of a drain + its timeout: the stop begins
    stop      + INTERRUPT_TIMEOUT: the stop does not wait longer for interrupted receives
    stop      + grace period: messages that are still in processing are released
    the above + SETTLE_TIMEOUT: the stop ends, even if calls are under way
"""

from __future__ import annotations

from mega.aws.sqs.subscribe.engine.delivery import NEVER

__all__ = ('INTERRUPT_TIMEOUT', 'SETTLE_TIMEOUT', 'StopDeadlines')

INTERRUPT_TIMEOUT = 0.75
"""Seconds that a stop waits for the receives that the runtime interrupts."""

SETTLE_TIMEOUT = 5.0
"""Seconds after the grace period within which a stop makes its last calls to SQS."""


class StopDeadlines:
    """The deadlines; infinity before a stop."""

    def __init__(self, grace_period: float, timeout: float | None = None) -> None:
        self._grace_period = grace_period
        self._timeout = timeout
        self._work_ends = NEVER
        self._receives_end = NEVER
        self.grace_ends = NEVER
        self.settling_ends = NEVER

    def is_due(self, now: float) -> bool:
        """Return whether the time of a drain is over. The first call begins it."""
        if self._timeout is not None:
            self._work_ends = min(self._work_ends, now + self._timeout)
        return now >= self._work_ends

    def start(self, now: float) -> None:
        """Begin a stop."""
        self._receives_end = now + INTERRUPT_TIMEOUT
        self.grace_ends = now + self._grace_period
        self.settling_ends = self.grace_ends + SETTLE_TIMEOUT

    def is_over(self, now: float, receiving: int, in_flight: int) -> bool:
        """Return whether the stop may end, with that many receives and messages."""
        if now >= self.settling_ends:
            return True
        return not in_flight and (not receiving or now >= self._receives_end)

    def times(self) -> tuple[float, ...]:
        """Return the deadlines."""
        return self._work_ends, self._receives_end, self.grace_ends, self.settling_ends
