"""Thousands of schedules of the listener's engine. Every law holds in each of them."""

from __future__ import annotations

import pytest

from tests.profile import amount
from tests.simulation.choices import Choices
from tests.simulation.schedule import check
from tests.simulation.world import World

SCHEDULES = amount(800, 200_000)
SCHEDULES_PER_TEST = SCHEDULES // 10  # several tests, for the workers of pytest-xdist


@pytest.mark.parametrize('first', range(0, SCHEDULES, SCHEDULES_PER_TEST))
def test_every_law_holds(first: int) -> None:
    for seed in range(first, first + SCHEDULES_PER_TEST):
        failure = check(seed)
        assert failure is None, failure.minimal()


def test_the_same_seed_runs_the_same_schedule() -> None:
    assert _traces() == _traces()


def _traces() -> list[str]:
    trace: list[str] = []
    for seed in range(50):
        World(Choices.of_seed(seed), trace.append).run()
    return trace
