"""The time of the model, which a test can advance."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ('Clock',)


class Clock:
    """Seconds since the epoch. The time never goes back.

    `elapsed` returns the seconds since an arbitrary moment. The clock adds them to `start`, and the
    seconds of every `advance`. Without `elapsed`, time passes only by `advance`. All times of the
    model are of this clock, so that a test does not wait for them.
    """

    def __init__(self, start: float, elapsed: Callable[[], float] = lambda: 0.0) -> None:
        self._elapsed = elapsed
        self._offset = start - elapsed()

    def __call__(self) -> float:
        return self._elapsed() + self._offset

    def advance(self, seconds: float) -> None:
        """Let time pass at once.

        Raises:
            ValueError: for a number of seconds that is negative, infinite or not a number.
        """
        if not 0 <= seconds < float('inf'):
            raise ValueError(f'seconds must be finite, and not negative: {seconds}')
        self._offset += seconds
