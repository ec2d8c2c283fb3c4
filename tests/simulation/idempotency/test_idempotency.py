"""Thousands of schedules of the `Idempotency` hook. Every law holds, and every defect is found."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.profile import amount
from tests.simulation.idempotency.defects import DEFECTS, Defect
from tests.simulation.idempotency.laws import RecordLaw
from tests.simulation.schedule import Failure, check

SCHEDULES = amount(600, 100_000)
SCHEDULES_PER_TEST = SCHEDULES // 3  # several tests, for the workers of pytest-xdist

MAX_SCHEDULES = 2_000
"""Schedules within which a defect must be found."""


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    logging.disable()  # a lost record is a warning
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('first', range(0, SCHEDULES, SCHEDULES_PER_TEST))
def test_every_law_holds(first: int) -> None:
    for seed in range(first, first + SCHEDULES_PER_TEST):
        failure = check(seed, 'idempotency')
        assert failure is None, failure.minimal()


@pytest.mark.parametrize('defect', DEFECTS, ids=lambda defect: defect.name)
def test_finds_a_deliberate_defect(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        defect.install(patch)
        failure = found(defect)
    assert check(failure.seed, 'idempotency') is None


def test_shows_the_simplest_schedule_with_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    defect = next(each for each in DEFECTS if each.law is RecordLaw.NOT_LOST)
    defect.install(monkeypatch)
    failure = found(defect)
    shown = failure.minimal()
    assert len(shown.splitlines()) < 15
    assert f'python -m tests.simulation --seed {failure.seed} --model idempotency' in shown


def found(defect: Defect) -> Failure:
    """Return the first schedule that violates the law of a defect."""
    seeds = range(defect.seed, defect.seed + MAX_SCHEDULES)
    for failure in (check(seed, 'idempotency') for seed in seeds):
        if failure is not None and failure.law is defect.law:
            return failure
    pytest.fail(f'{defect.name}: not found in {MAX_SCHEDULES} schedules')
