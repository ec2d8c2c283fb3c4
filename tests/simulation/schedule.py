"""Runs a schedule, minimises a schedule that fails, and prints it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.choices import Choices, Script
from tests.simulation.laws import Law, Violation
from tests.simulation.shrinking import shrink
from tests.simulation.world import World

__all__ = ('Failure', 'check')


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that violates a law, with its choices."""

    seed: int
    violation: Violation
    script: Script

    @property
    def law(self) -> Law:
        return self.violation.law

    def minimal(self) -> str:
        """Return the trace of the simplest schedule that violates the same law."""

        def fails_too(script: Script) -> Script | None:
            choices = Choices.of_script(script)
            violation = _violation(World(choices))
            return choices.drawn if violation and violation.law is self.law else None

        trace: list[str] = []
        violation = _violation(
            World(Choices.of_script(shrink(self.script, fails_too)), trace.append)
        )
        command = f'python -m tests.simulation --seed {self.seed}'
        return '\n'.join([*trace, str(violation), f'Repeat with: {command}'])


def check(seed: int) -> Failure | None:
    """Run the schedule of a seed."""
    choices = Choices.of_seed(seed)
    violation = _violation(World(choices))
    return Failure(seed, violation, choices.drawn) if violation else None


def _violation(world: World) -> Violation | None:
    try:
        world.run()
    except Violation as violation:
        return violation
    except Exception as error:
        raised = Violation(Law.RAISES_NOTHING, repr(error))
        raised.__cause__ = error
        return raised
    return None
