"""The network: how long calls to AWS take, and how they fail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from tests.simulation.choices import Choices

__all__ = ('CallFate', 'Network')


class CallFate(Enum):
    """The outcome of a call to AWS."""

    FINE = 'answered'
    FAILED = 'failed'
    LOST = 'had its effect, and failed'
    LATE = 'answered late'
    UNANSWERED = 'had its effect, and nothing came back until its time limit'
    GARBLED = 'had its effect, and the answer does not mention it'
    PARTIAL = 'failed for some entries'
    REFUSED = 'failed permanently'


_DEAD_LETTER_FATES = (CallFate.FAILED, CallFate.FAILED, CallFate.LOST, CallFate.REFUSED)


class Network:
    """Draws the durations and the faults of calls.

    A call takes at most `margin` seconds, which the engine allows for, unless it is late. A late
    answer to a receive arrives more than `late_after` seconds after the long poll. In between, a
    client that knows only the times of its request and of the answer could not notice a late
    answer, and could not know when the visibility timeout began.

    `dead_letter_faults` percent of the calls to the dead-letter queue fail, even without other
    faults.
    """

    late_after = 2.0
    """Seconds."""

    def __init__(
        self,
        choices: Choices,
        margin: float,
        percent: int,
        fates: list[CallFate],
        dead_letter_faults: int,
    ) -> None:
        self._choices = choices
        self._dead_letter_faults = dead_letter_faults
        self.margin = margin
        self._percent = percent
        self._of_receive = [fate for fate in fates if fate is not CallFate.PARTIAL]
        self._of_batch = fates
        self._of_one = [fate for fate in fates if fate not in (CallFate.PARTIAL, CallFate.GARBLED)]

    def calm_down(self) -> None:
        """End all faults."""
        self._percent = self._dead_letter_faults = 0

    def request_time(self) -> float:
        """Return the seconds until a request arrives."""
        return 0.01 + self.margin / 2 * self._choices.below(4) / 4

    def response_time(self) -> float:
        """Return the seconds until a response arrives: less than the margin, despite rounding."""
        return 0.99 * self.margin * self._choices.below(5) / 4

    def lateness(self) -> float:
        """Return the additional seconds of a late response."""
        return self._choices.one_of((0.5, 3.0, 10.0, 40.0))

    def of_receive(self) -> CallFate:
        return self._one_of(self._of_receive)

    def of_batch(self) -> CallFate:
        return self._one_of(self._of_batch)

    def of_dead_letter(self) -> CallFate:
        if self._choices.chance(self._dead_letter_faults):
            return self._choices.one_of(_DEAD_LETTER_FATES)
        return self._one_of(self._of_one)

    def _one_of(self, fates: Sequence[CallFate]) -> CallFate:
        if not fates or not self._choices.chance(self._percent):
            return CallFate.FINE
        return self._choices.one_of(fates)
