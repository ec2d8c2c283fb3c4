"""The pauses before restarts, and the limit of restarts."""

from __future__ import annotations

from collections import deque

__all__ = ('WINDOW_SECONDS', 'RestartLimit', 'pause_before_restart')

WINDOW_SECONDS = 60.0
"""The time in which the restarts are counted."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds


def pause_before_restart(failures: int) -> float:
    """Return the pause in seconds after a number of consecutive failures: 0.5, 1, 2 ... 30."""
    return float(min(_FIRST_PAUSE * 2 ** min(failures, 10), _LONGEST_PAUSE))


class RestartLimit:
    """Allows a number of restarts of all processes in `WINDOW_SECONDS`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: deque[float] = deque()
        self.total = 0

    def allows(self, now: float) -> bool:
        """Count a restart, and return whether it is within the limit."""
        while self._times and self._times[0] <= now - WINDOW_SECONDS:
            self._times.popleft()
        if len(self._times) >= self._limit:
            return False
        self._times.append(now)
        self.total += 1
        return True
