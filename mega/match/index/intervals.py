"""The look-up of the intervals that contain a value."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from mega.match.comparables import Normaliser, exact
from mega.match.index.bounds import Interval
from mega.match.index.codegen import Node
from mega.match.index.lookups import NormalisedLookup
from mega.match.index.residuals import group_nodes

__all__ = ('IntervalIndex',)

MAX_BLOCK_ENTRIES = 250_000
"""The maximum number of nodes in all blocks of an interval index, about 8 bytes each."""


class IntervalIndex(NormalisedLookup):
    """Intervals that contain the normalised value.

    The bounds of all intervals divide the axis into cells: each bound is a cell, and each gap
    between two bounds. A binary search finds the cell of a value. For example, the bounds 10 and
    20 make five cells: below 10, 10, between, 20, above 20.

    Neighbouring cells form blocks. A block stores the nodes of the intervals that cover all of it,
    and separately the intervals that cover only some of its cells. With one cell per block, 10,000
    half-open intervals would need 100 million entries; larger blocks limit the memory.
    """

    __slots__ = ('_block_size', '_bounds', '_exact', '_has_decimals', '_inside', '_partial')

    def __init__(
        self, normalise: Normaliser, intervals: Sequence[tuple[Interval, list[Node]]]
    ) -> None:
        ends = {end for one, _ in intervals for end in (one.low, one.high) if end is not None}
        self.normalise = normalise
        self._has_decimals = any(isinstance(end, Decimal) for end in ends)
        self._exact = sorted({exact(end) for end in ends})
        self._bounds = self._exact if self._has_decimals else sorted(ends)
        cells = [(*self._cells(interval), nodes) for interval, nodes in intervals]
        cells = [one for one in cells if one[0] <= one[1]]  # `gt(9) & lt(5)` has no cells
        covered = sum((last - first + 1) * len(nodes) for first, last, nodes in cells)
        self._block_size = 1 + covered // MAX_BLOCK_ENTRIES
        count = 1 + 2 * len(self._bounds) // self._block_size
        inside: list[list[Node]] = [[] for _ in range(count)]
        self._partial: list[list[tuple[int, int, list[Node]]]] = [[] for _ in range(count)]
        for first, last, nodes in cells:
            self._place(first, last, nodes, inside)
        self._inside = [group_nodes(nodes) for nodes in inside]

    def _find(self, normalised: Any) -> Iterable[Node]:
        if self._block_size == 1:
            return self._inside[self._cell(normalised)]
        cell = self._cell(normalised)
        block = cell // self._block_size
        partial = self._partial[block]
        return [
            *self._inside[block],
            *(node for first, last, nodes in partial if first <= cell <= last for node in nodes),
        ]

    def _cell(self, normalised: Any) -> int:
        bounds = self._bounds
        if type(normalised) is not int:
            if isinstance(normalised, Decimal):
                bounds = self._exact
            elif self._has_decimals:
                normalised = exact(normalised)
        return bisect_left(bounds, normalised) + bisect_right(bounds, normalised)

    def _cells(self, interval: Interval) -> tuple[int, int]:
        """Return the first and the last cell of an interval."""
        first, last = 0, 2 * len(self._bounds)
        if interval.low is not None:
            first = self._cell(interval.low) + (not interval.low_included)
        if interval.high is not None:
            last = self._cell(interval.high) - (not interval.high_included)
        return first, last

    def _place(self, first: int, last: int, nodes: list[Node], inside: list[list[Node]]) -> None:
        for block in range(first // self._block_size, last // self._block_size + 1):
            start = block * self._block_size
            end = min(start + self._block_size - 1, 2 * len(self._bounds))
            if first <= start and end <= last:
                inside[block] += nodes
            else:
                self._partial[block].append((first, last, nodes))
