"""Virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

__all__ = ('Timeline',)

_MANY = 100_000


class Timeline:
    """A clock that stands still during an event, and then jumps to the time of the next event.

    Events at the same time happen in the order of their scheduling.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._steps = 0

    def at(self, when: float, act: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, act, arguments))

    def after(self, delay: float, act: Callable[..., None], *arguments: Any) -> None:
        self.at(self.now + delay, act, *arguments)

    def step(self) -> bool:
        """Run the next event. Return False if there is none, or if there were too many."""
        self._steps += 1
        if not self._events or self._steps > _MANY:
            return False
        self.now, _, act, arguments = heapq.heappop(self._events)
        act(*arguments)
        return True
