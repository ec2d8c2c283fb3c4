"""The memory benchmark drains all messages, and computes the growth."""

from __future__ import annotations

import pytest

from benchmarks.memory import growth, measured


def test_measures_memory_every_100_messages(caplog: pytest.LogCaptureFixture) -> None:
    found = list(measured(300, at_once=100))
    assert [done for done, _ in found] == [100, 200, 300]
    assert all(10 < memory < 10_000 for _, memory in found)


def test_growth_is_the_largest_increase_after_the_first_messages() -> None:
    assert growth([(5, 10.0), (10, 30.0), (15, 34.0), (20, 32.0)], first=10) == 4.0
    assert growth([(10, 30.0), (20, 29.0)], first=10) == 0.0
