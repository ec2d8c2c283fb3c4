"""Ranges of numbers, texts and instants, and numbers within a range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from mega.match.comparables import exact

__all__ = ('WIDTH', 'Range', 'floats_in', 'floats_near', 'integers_in', 'integers_near')

WIDTH = 10**6
"""The distance of the generated numbers from a bound, if the other is open."""

COMMON = (0, 1, -1, 2, 7, 42, 1_000)

LARGEST = 10**300
"""The largest bound near which floats are known to exist."""


@dataclass
class Range:
    """Values between two bounds of one type. A bound of None does not limit the range."""

    low: Any = None
    high: Any = None
    has_low: bool = True
    """Whether the range contains its lower bound."""

    has_high: bool = True

    def narrow(self, name: str, value: Any) -> None:
        """Keep the values that are `gt`, `gte`, `lt` or `lte` of a value."""
        is_included = name in ('gte', 'lte')
        if name in ('gt', 'gte'):
            if self.low is None or value > self.low or (value == self.low and not is_included):
                self.low, self.has_low = value, is_included
        elif self.high is None or value < self.high or (value == self.high and not is_included):
            self.high, self.has_high = value, is_included

    @property
    def is_empty(self) -> bool:
        """Whether no value is between the bounds."""
        if self.low is None or self.high is None or self.low < self.high:
            return False
        return self.low > self.high or not (self.has_low and self.has_high)

    @property
    def is_limited(self) -> bool:
        """Whether there is a bound."""
        return self.low is not None or self.high is not None

    @property
    def bounds(self) -> list[Any]:
        """The bounds that exist."""
        return [bound for bound in (self.low, self.high) if bound is not None]


def integers_near(numbers: Range) -> list[int]:
    """Return common integers, and those near the bounds of a range."""
    bounds = [int(bound) for bound in numbers.bounds if abs(bound) <= LARGEST]
    return [*COMMON, *(bound + offset for bound in bounds for offset in (-1, 0, 1))]


def floats_near(numbers: Range) -> list[float]:
    """Return common floats, those near the bounds of a range, and the one in the middle."""
    bounds = [float(bound) for bound in numbers.bounds if abs(bound) <= LARGEST]
    near = [math.nextafter(bound, towards) for bound in bounds for towards in (-math.inf, math.inf)]
    middle = [sum(bounds) / 2] if len(bounds) == 2 else []
    return [*map(float, COMMON), *bounds, *near, *middle]


def integers_in(numbers: Range) -> st.SearchStrategy[int] | None:
    """Return the integers in a range; None if there are none."""
    low, high = numbers.low, numbers.high
    first = None if low is None else math.ceil(low)
    last = None if high is None else math.floor(high)
    if first is not None and first == low and not numbers.has_low:
        first += 1
    if last is not None and last == high and not numbers.has_high:
        last -= 1
    if first is None and last is None:
        return st.integers(-WIDTH, WIDTH)
    if first is None:
        assert last is not None
        first = last - WIDTH
    if last is None:
        last = first + WIDTH
    return st.integers(first, last) if first <= last else None


def floats_in(numbers: Range) -> st.SearchStrategy[float] | None:
    """Return the floats in a range; None if there are none."""
    if numbers.is_empty:
        return None
    low, high = numbers.low, numbers.high
    try:
        first = None if low is None else _float_from(low, math.inf, numbers.has_low)
        last = None if high is None else _float_from(high, -math.inf, numbers.has_high)
    except OverflowError:  # beyond the largest float
        return None
    first = first if first is not None else -WIDTH if last is None else last - WIDTH
    last = last if last is not None else first + 2 * WIDTH
    if first > last:
        return None
    return st.floats(first, last, allow_nan=False, allow_infinity=False)


def _float_from(bound: Any, towards: float, is_included: bool) -> float:
    """Return the first float within a bound."""
    found = float(bound)
    is_outside = exact(found) < bound if towards > 0 else exact(found) > bound
    if is_outside or (exact(found) == bound and not is_included):
        return math.nextafter(found, towards)
    return found
