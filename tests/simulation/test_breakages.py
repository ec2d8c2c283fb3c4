"""The simulation finds deliberate bugs, and prints a short schedule for each."""

from __future__ import annotations

import pytest

from tests.simulation.breakages import BREAKAGES, Breakage
from tests.simulation.laws import Law
from tests.simulation.schedule import Failure, check

_SEEDS = range(2_000)


@pytest.mark.parametrize('breakage', BREAKAGES, ids=lambda breakage: breakage.name)
def test_finds_a_bug_that_was_put_in_on_purpose(
    breakage: Breakage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        breakage.put_in(patch)
        failure = _found(breakage)

    assert check(failure.seed) is None


def test_minimises_what_it_finds_and_says_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breakage = next(each for each in BREAKAGES if each.law is Law.RETRIES_KEPT)
    breakage.put_in(monkeypatch)
    failure = _found(breakage)

    shown = failure.minimal()

    assert shown.count('sent m') <= 2
    assert len(shown.splitlines()) < 30
    assert breakage.law.name in shown
    assert f'python -m tests.simulation --seed {failure.seed}' in shown


def _found(breakage: Breakage) -> Failure:
    """Return the first schedule that violates the law of a bug."""
    for failure in map(check, _SEEDS):
        if failure is not None and failure.law is breakage.law:
            return failure
    pytest.fail(f'{breakage.name}: not found in {len(_SEEDS)} schedules')
