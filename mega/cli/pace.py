"""The rate of an operation: at most a number of items per second."""

from __future__ import annotations

from mega.aws._transport.clock import Clock

__all__ = ('Pace',)


class Pace:
    """Waits before each item, so that items begin at most `per_second` times. None: unlimited.

    Time that is lost is not caught up: a slow item does not make the next ones faster.
    """

    def __init__(self, per_second: float | None, clock: Clock) -> None:
        self._seconds = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next = clock.monotonic()

    def wait(self, count: int = 1) -> None:
        """Wait until the next `count` items may begin together."""
        if not self._seconds:
            return
        now = self._clock.monotonic()
        if now < self._next:
            self._clock.sleep(self._next - now)
        self._next = max(now, self._next) + count * self._seconds
