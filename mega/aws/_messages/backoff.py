"""Exponential backoff with jitter: the wait before the next attempt.

The longest wait grows by a factor with each failed attempt, up to a limit. The wait itself is drawn
at random, so that clients that failed together do not try again together. With `first=0.2` and
`longest=5.0`, in seconds:

    failed attempts    1    2    3    4    5    6    7
    longest wait     0.2  0.4  0.8  1.6  3.2  5.0  5.0

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ('RandomUniform', 'backoff', 'max_backoff')

RandomUniform: TypeAlias = Callable[[float, float], float]
"""Draws a number between two others, as `random.uniform` does."""

_MAX_EXPONENT = 64
"""Larger exponents change nothing, and would end in an OverflowError."""


def backoff(
    attempt: int,
    first: float,
    longest: float,
    uniform: RandomUniform,
    *,
    factor: float = 2.0,
    shortest: float = 0.0,
) -> float:
    """Draw the seconds to wait after a failed attempt, between `shortest` and `max_backoff`.

    `attempt` counts the failed attempts from 1.
    """
    return uniform(shortest, max_backoff(attempt, first, longest, factor))


def max_backoff(attempt: int, first: float, longest: float, factor: float = 2.0) -> float:
    """Return the longest wait after a failed attempt, in seconds."""
    return min(longest, first * factor ** min(max(attempt - 1, 0), _MAX_EXPONENT))
