"""The worker pool: its end after an unexpected exception, and its waits."""

from __future__ import annotations

import random
from threading import Thread

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import EngineSettings, Receive
from mega.aws.sqs.subscribe.runtime.worker_pool import EngineCallback, WorkerPool
from tests.aws.sqs.subscribe.factories import WITHIN
from tests.profile import amount


class UnexpectedError(Exception):
    pass


def fail(now: float) -> None:
    raise UnexpectedError


def pool_with(event: EngineCallback) -> WorkerPool:
    """Return a pool whose receives all end with the given event."""
    engine = Engine(EngineSettings(), random.uniform, lambda notice, delivery: None)
    return WorkerPool(engine, {Receive: lambda receive: event}, 1)


def test_an_exception_in_the_main_thread_ends_the_pool() -> None:
    pool = pool_with(fail)
    pool.work()
    assert isinstance(pool.failure, UnexpectedError)
    assert pool.shutdown() == []


def test_an_exception_in_another_thread_ends_the_pool() -> None:
    pool = pool_with(fail)
    pool.report_at_next_turn(fail)
    pool.take_turn()
    pool.work()
    assert isinstance(pool.failure, UnexpectedError)


def test_an_event_after_the_shutdown_is_ignored() -> None:
    times: list[float] = []
    pool = pool_with(fail)
    pool.work()
    pool.shutdown()
    pool.report_at_next_turn(times.append)
    pool.take_turn()
    assert times == []


def test_a_wait_without_time_ends_at_once() -> None:
    """`SimpleQueue.get(timeout=0.0)` of Python 3.10 waits forever in one of some thousand cases."""

    def wait_often() -> None:
        for _ in range(amount(5_000, 200_000)):
            engine = Engine(EngineSettings(), random.uniform, lambda notice, delivery: None)
            WorkerPool(engine, {}, max_threads=0).wait(0.0)

    thread = Thread(target=wait_often, daemon=True)
    thread.start()
    thread.join(WITHIN)
    assert not thread.is_alive()
