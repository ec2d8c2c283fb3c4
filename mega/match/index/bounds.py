"""Intervals of comparable values, and their intersection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from mega.match.comparables import exact

__all__ = ('Interval', 'intersection')


class Interval(Struct, frozen=True):
    """The values between two bounds. A bound of None does not limit the interval."""

    low: Any = None
    high: Any = None
    low_included: bool = True
    high_included: bool = True


def intersection(intervals: Iterable[Interval]) -> Interval:
    """Return the values that are in all intervals."""
    lows = [one for one in intervals if one.low is not None]
    highs = [one for one in intervals if one.high is not None]
    lowest = max(lows, key=lambda one: (exact(one.low), not one.low_included), default=Interval())
    highest = min(highs, key=lambda one: (exact(one.high), one.high_included), default=Interval())
    return Interval(lowest.low, highest.high, lowest.low_included, highest.high_included)
