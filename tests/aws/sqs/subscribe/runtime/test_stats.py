"""Counts: one thread at a time counts, and any may read."""

from __future__ import annotations

from threading import Thread

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import Settings
from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.aws.sqs.subscribe.runtime.worker_pool import WorkerPool
from tests.aws.sqs.subscribe.making import WITHIN


def test_can_be_read_by_a_signal_handler_in_the_middle_of_counting() -> None:
    tally, read = StatsCounter(), []

    class Interrupted(str):
        def __hash__(self) -> int:
            read.append(tally.stats().done)
            return super().__hash__()

    thread = Thread(target=tally.add, args=(Interrupted('done'),), daemon=True)
    thread.start()
    thread.join(WITHIN)
    assert set(read) == {0}
    assert tally.stats().done == 1


def test_hears_nothing_of_a_crew_that_is_dismissed() -> None:
    heard: list[float] = []
    crew = WorkerPool(Engine(Settings(), lambda low, high: high, lambda *_: None), {}, 1)
    crew.report(heard.append)
    assert len(heard) == 1
    crew.shutdown()
    crew.report(heard.append)
    assert len(heard) == 1
