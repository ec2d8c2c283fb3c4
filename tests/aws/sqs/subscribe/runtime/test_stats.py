"""Counters: one thread at a time adds to them, and any thread can read them."""

from __future__ import annotations

from threading import Thread

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.aws.sqs.subscribe.runtime.worker_pool import WorkerPool
from tests.aws.sqs.subscribe.factories import WITHIN


def test_a_signal_handler_can_read_the_counters_during_an_addition() -> None:
    counter, read = StatsCounter(), []

    class Interrupted(str):
        def __hash__(self) -> int:
            read.append(counter.stats().done)
            return super().__hash__()

    thread = Thread(target=counter.add, args=(Interrupted('done'),), daemon=True)
    thread.start()
    thread.join(WITHIN)
    assert set(read) == {0}
    assert counter.stats().done == 1


def test_a_pool_ignores_events_after_its_shutdown() -> None:
    times: list[float] = []
    pool = WorkerPool(Engine(EngineSettings(), lambda low, high: high, lambda *_: None), {}, 1)
    pool.report_at_next_turn(times.append)
    pool.take_turn()
    assert len(times) == 1
    pool.shutdown()
    pool.report_at_next_turn(times.append)
    pool.take_turn()
    assert len(times) == 1
