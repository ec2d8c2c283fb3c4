"""Random choices, from a seed or from a script."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ('Choices', 'Script')

T = TypeVar('T')
Script = list[int]


class Choices:
    """A sequence of random whole numbers below given bounds, and choices derived from them.

    `drawn` is the script that repeats the choices. A lower number means a simpler choice: 0 is the
    absence of a fault or a delay, or the first entry of a table. A script that is too short
    continues with 0.
    """

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._draw = draw
        self.drawn: Script = []

    @classmethod
    def of_seed(cls, seed: int) -> Choices:
        fraction = random.Random(seed).random
        return cls(lambda bound: int(fraction() * bound))

    @classmethod
    def of_script(cls, script: Script) -> Choices:
        numbers = iter(script)
        return cls(lambda bound: min(next(numbers, 0), bound - 1))

    def below(self, bound: int) -> int:
        number = self._draw(bound)
        self.drawn.append(number)
        return number

    def chance(self, percent: int) -> bool:
        """Return whether an event happens. For 0 percent, the method draws no number."""
        return percent > 0 and self.below(100) >= 100 - percent

    def one_of(self, table: Sequence[T]) -> T:
        return table[self.below(len(table))]

    def fraction(self) -> float:
        """Return a number from 0 to 1, both included."""
        return self.below(9) / 8

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.fraction()
