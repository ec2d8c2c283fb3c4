"""Random choices for everything that the documentation of SQS leaves open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mega.local.sqs.decisions import Decisions
from mega.local.sqs.stored import StoredMessage
from tests.simulation.choices import Choices

__all__ = ('QueueBehaviour', 'RandomDecisions')


@dataclass(slots=True)
class QueueBehaviour:
    """The deviations of a queue (in percent of the cases), and the limit of its redrive policy.

    `names_groups` says whether a delivery contains the group of its message.
    """

    disorder: int = 0
    duplicates: int = 0
    delivers_heads: bool = False
    max_receives: int | None = None
    names_groups: bool = True


class RandomDecisions(Decisions):
    """Decides by random choices. `behaviour` may change during a schedule."""

    def __init__(self, choices: Choices, behaviour: QueueBehaviour) -> None:
        super().__init__()
        self._choices = choices
        self.behaviour = behaviour

    def start(self, count: int) -> int:
        return self._choices.below(count) if self._choices.chance(self.behaviour.disorder) else 0

    def shorten(self, count: int) -> int:
        is_shorter = self._choices.chance(self.behaviour.disorder)
        return 1 + self._choices.below(count) if is_shorter else count

    def repeat(self, messages: Collection[StoredMessage]) -> StoredMessage | None:
        if messages and self._choices.chance(self.behaviour.duplicates):
            return self._choices.one_of(list(messages))
        return None

    def delivers_heads(self) -> bool:
        return self.behaviour.delivers_heads

    def ignores_delete(self, is_latest: bool, is_in_flight: bool) -> bool:
        return self._choices.chance(self.behaviour.duplicates if is_in_flight else 50)

    def refuses_change(self) -> bool:
        return self._choices.chance(50)
