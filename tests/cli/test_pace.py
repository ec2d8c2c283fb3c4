from __future__ import annotations

from mega.cli.pace import Pace
from mega.testing import Bus


def test_items_begin_at_the_rate_and_lost_time_is_not_caught_up() -> None:
    bus = Bus()
    clock = bus.sqs.clock
    start = clock.monotonic()
    pace = Pace(2, clock)
    begun = []
    for item in range(5):
        pace.wait()
        begun.append(clock.monotonic() - start)
        if item == 1:
            bus.advance(3)
    assert begun == [0, 0.5, 3.5, 4.0, 4.5]


def test_items_that_begin_together_delay_the_next_ones() -> None:
    clock = Bus().sqs.clock
    start = clock.monotonic()
    pace = Pace(2, clock)
    pace.wait(6)
    pace.wait()
    assert clock.monotonic() - start == 3


def test_without_a_rate_nothing_waits() -> None:
    clock = Bus().sqs.clock
    start = clock.monotonic()
    for _ in range(3):
        Pace(None, clock).wait()
    assert clock.monotonic() == start
