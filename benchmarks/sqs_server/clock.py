"""The time of the server, which a test can advance."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ('Clock',)


class Clock:
    """Seconds since an arbitrary start. The time never goes back.

    Visibility timeouts, delays and deduplication windows are measured by this clock, so that a test
    does not wait for them.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._advance = 0.0

    def __call__(self) -> float:
        return self._time() + self._advance

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(f'seconds must not be negative: {seconds}')
        self._advance += seconds
