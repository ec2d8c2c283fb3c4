"""Twenty thousand schedules of the listener's engine, in each of which every law holds."""

from __future__ import annotations

import pytest

from tests.simulation.choices import Choices
from tests.simulation.schedule import check
from tests.simulation.world import World

_CHUNK = 1_000


@pytest.mark.parametrize('first', range(0, 20 * _CHUNK, _CHUNK))
def test_every_law_holds(first: int) -> None:
    for seed in range(first, first + _CHUNK):
        failure = check(seed)
        assert failure is None, failure.minimal()


def test_a_seed_is_always_the_same_schedule() -> None:
    assert _traces() == _traces()


def _traces() -> list[str]:
    trace: list[str] = []
    for seed in range(50):
        World(Choices.of_seed(seed), trace.append).run()
    return trace
