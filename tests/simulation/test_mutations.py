"""The simulation finds deliberate bugs, and prints a short schedule for each."""

from __future__ import annotations

import pytest

from tests.profile import some
from tests.simulation.laws import Law
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.schedule import Failure, check

_SCHEDULES = 2_000


@pytest.mark.parametrize('mutation', some(MUTATIONS, 2), ids=lambda mutation: mutation.name)
def test_finds_a_deliberate_bug(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        mutation.install(patch)
        failure = _found(mutation)

    assert check(failure.seed) is None


def test_minimises_a_failed_schedule_and_prints_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutation = next(each for each in MUTATIONS if each.law is Law.RETRIES_KEPT)
    mutation.install(monkeypatch)
    failure = _found(mutation)

    shown = failure.minimal()

    assert shown.count('sent m') <= 2
    assert len(shown.splitlines()) < 30
    assert mutation.law.name in shown
    assert f'python -m tests.simulation --seed {failure.seed}' in shown


def _found(mutation: Mutation) -> Failure:
    """Return the first schedule that violates the law of a bug."""
    for failure in map(check, range(mutation.seed, mutation.seed + _SCHEDULES)):
        if failure is not None and failure.law is mutation.law:
            return failure
    pytest.fail(f'{mutation.name}: not found in {_SCHEDULES} schedules')
