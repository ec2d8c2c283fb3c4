"""The threads that take turns with the engine: what cannot happen, and does, ends their work."""

from __future__ import annotations

import random

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import Receive, Settings
from mega.aws.sqs.subscribe.runtime.worker_pool import EngineEvent, WorkerPool


class ImpossibleError(Exception):
    pass


def fails(now: float) -> None:
    raise ImpossibleError


def crew_of(report: EngineEvent) -> WorkerPool:
    """One whose every receive ends with a report."""
    engine = Engine(Settings(), random.uniform, lambda happening, delivery: None)
    return WorkerPool(engine, {Receive: lambda poll: report}, 1)


def test_a_report_that_fails_ends_the_work_of_the_thread_that_makes_it() -> None:
    crew = crew_of(fails)
    crew.work()
    assert isinstance(crew.failure, ImpossibleError)
    assert crew.shutdown() == []


def test_a_report_that_fails_ends_the_work_of_others_too() -> None:
    crew = crew_of(fails)
    crew.report(fails)
    crew.work()
    assert isinstance(crew.failure, ImpossibleError)


def test_what_is_reported_after_the_end_is_not_heard() -> None:
    heard: list[float] = []
    crew = crew_of(fails)
    crew.work()
    crew.shutdown()
    crew.report(heard.append)
    assert heard == []
