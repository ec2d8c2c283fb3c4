"""The cost of a call in steps and in bytes: measures that do not depend on the machine."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

__all__ = ('Cost', 'cost_of')


@dataclass(frozen=True)
class Cost:
    steps: int
    """Calls of Python functions, and executed lines. Each turn of a loop counts."""

    memory: int
    """The most memory in use at a time, in bytes."""


def cost_of(call: Callable[[], object]) -> Cost:
    """Return the cost of a call. Code is compiled and tables are built by a call before."""
    call()
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    other = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(other)
    # The least of two: other threads may allocate meanwhile.
    return Cost(steps, min(_memory_of(call), _memory_of(call)))


def _memory_of(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
