"""How long calls take, and how they fail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from tests.simulation.choices import Choices

__all__ = ('Fate', 'Network')


class Fate(Enum):
    """What becomes of a call."""

    FINE = 'answered'
    FAILED = 'failed'
    LOST = 'had its effect, and failed'
    LATE = 'answered late'
    GARBLED = 'had its effect, and the answer says nothing of it'
    PARTIAL = 'failed for some of its entries'
    REFUSED = 'failed, and always will'


_OF_LETTERS = (Fate.FAILED, Fate.FAILED, Fate.LOST, Fate.REFUSED)


class Network:
    """Calls take up to a margin that engines allow for, unless one is late.

    The answer to a receive takes no longer than `margin` or else comes when more than `too_late`
    seconds went by beyond what the queue was to wait. What lies between nobody could notice who
    sees only when a receive was asked for and when it was answered; and then nobody could know when
    the message was hidden.

    Of the dead letters `letters_fail` percent do, whatever else is in order.
    """

    too_late = 2.0

    def __init__(
        self, choices: Choices, margin: float, percent: int, fates: list[Fate], letters_fail: int
    ) -> None:
        self._choices = choices
        self._letters_fail = letters_fail
        self._margin = margin
        self._percent = percent
        self._of_receive = [fate for fate in fates if fate is not Fate.PARTIAL]
        self._of_batch = fates
        self._of_one = [fate for fate in fates if fate not in (Fate.PARTIAL, Fate.GARBLED)]

    def calm_down(self) -> None:
        """From now on all calls are fine."""
        self._percent = self._letters_fail = 0

    def there(self) -> float:
        return 0.01 + self._margin / 2 * self._choices.below(4) / 4

    def back(self) -> float:
        """Less than the margin, so that sums of floats are."""
        return 0.99 * self._margin * self._choices.below(5) / 4

    def lateness(self) -> float:
        return self._choices.one_of((0.5, 3.0, 10.0, 40.0))

    def of_receive(self) -> Fate:
        return self._one_of(self._of_receive)

    def of_batch(self) -> Fate:
        return self._one_of(self._of_batch)

    def of_dead_letter(self) -> Fate:
        if self._choices.chance(self._letters_fail):
            return self._choices.one_of(_OF_LETTERS)
        return self._one_of(self._of_one)

    def _one_of(self, fates: Sequence[Fate]) -> Fate:
        if not fates or not self._choices.chance(self._percent):
            return Fate.FINE
        return self._choices.one_of(fates)
