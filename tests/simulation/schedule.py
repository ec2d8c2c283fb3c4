"""Runs a schedule, minimises a schedule that fails, and prints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from tests.simulation.choices import Choices, Script
from tests.simulation.idempotency.world import World as IdempotencyWorld
from tests.simulation.laws import Law, Violation
from tests.simulation.shrinking import shrink
from tests.simulation.world import World

__all__ = ('MODELS', 'Failure', 'check')


class Schedule(Protocol):
    """A schedule, which its choices determine."""

    def run(self) -> None: ...


class Create(Protocol):
    """Creates a schedule. `trace` receives a line for each event, if it is given."""

    def __call__(
        self, choices: Choices, trace: Callable[[str], None] | None = None, /
    ) -> Schedule: ...


MODELS: dict[str, Create] = {'engine': World, 'idempotency': IdempotencyWorld}
"""What a simulation runs, by its name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that violates a law, with its choices."""

    seed: int
    violation: Violation
    script: Script
    model: str = 'engine'

    @property
    def law(self) -> Enum:
        return self.violation.law

    def minimal(self) -> str:
        """Return the trace of the simplest schedule that violates the same law."""
        create = MODELS[self.model]

        def fails_too(script: Script) -> Script | None:
            choices = Choices.of_script(script)
            violation = _violation(create(choices))
            return choices.drawn if violation and violation.law is self.law else None

        trace: list[str] = []
        simplest = Choices.of_script(shrink(self.script, fails_too))
        violation = _violation(create(simplest, trace.append))
        command = f'python -m tests.simulation --seed {self.seed} --model {self.model}'
        return '\n'.join([*trace, str(violation), f'Repeat with: {command}'])


def check(seed: int, model: str = 'engine') -> Failure | None:
    """Run the schedule of a seed."""
    choices = Choices.of_seed(seed)
    violation = _violation(MODELS[model](choices))
    return Failure(seed, violation, choices.drawn, model) if violation else None


def _violation(schedule: Schedule) -> Violation | None:
    try:
        schedule.run()
    except Violation as violation:
        return violation
    except Exception as error:
        raised = Violation(Law.RAISES_NOTHING, repr(error))
        raised.__cause__ = error
        return raised
    return None
