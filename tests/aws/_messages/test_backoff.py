"""Exponential backoff: how long the wait after each failed attempt is."""

from __future__ import annotations

import random

import pytest

from mega.aws._messages.backoff import backoff, max_backoff


def test_the_longest_wait_doubles_with_each_attempt_up_to_the_limit() -> None:
    waits = [max_backoff(attempt, 0.2, 5.0) for attempt in range(1, 8)]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_the_longest_wait_may_grow_by_another_factor() -> None:
    waits = [max_backoff(attempt, 1.0, 20.0, factor=3.0) for attempt in range(1, 5)]
    assert waits == [1.0, 3.0, 9.0, 20.0]


@pytest.mark.parametrize('attempt', [60, 1_000, 10**100])
def test_any_number_of_attempts_has_the_longest_wait(attempt: int) -> None:
    assert max_backoff(attempt, 0.2, 5.0) == 5.0


def test_no_failed_attempt_counts_as_one() -> None:
    assert max_backoff(0, 0.2, 5.0) == max_backoff(1, 0.2, 5.0)


def test_the_wait_is_drawn_between_the_shortest_and_the_longest() -> None:
    drawn = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    assert backoff(2, 1.0, 60.0, uniform) == 2.0
    assert backoff(3, 1.0, 60.0, uniform, factor=3.0, shortest=1.0) == 9.0
    assert drawn == [(0.0, 2.0), (1.0, 9.0)]


def test_two_clients_do_not_wait_equally_long() -> None:
    assert len({backoff(1, 0.2, 5.0, random.uniform) for _ in range(20)}) > 10
