"""Virtual time: it passes when a test, a wait or a retry says so, and at once."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ('VirtualClock',)


class VirtualClock:
    """Seconds since the epoch, for publishers, listeners and the in-memory AWS.

    `advance` is called with a number of seconds. It lets them pass.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self.advance: Callable[[float], None] = self.move

    def __call__(self) -> float:
        return self.now

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self.now

    def monotonic(self) -> float:
        """Return seconds that never decrease."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """Let seconds pass at once."""
        self.advance(seconds)

    def move(self, seconds: float) -> None:
        """Move the time forward, without effects."""
        self.move_to(self.now + seconds)

    def move_to(self, time: float) -> None:
        """Move the time forward to a moment, unless it is in the past."""
        self.now = max(self.now, time)
