"""One event loop serves all `async def process` of a listener, for as long as it works."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import pytest

from mega.aws.sqs.subscribe.processing.dispatch import AwaitingWork, AwaitResult
from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

WITHIN = 5.0  # seconds; what takes so long does not happen

tenant: ContextVar[str] = ContextVar('tenant')


@pytest.fixture
def coroutines() -> Iterator[EventLoopThread]:
    with closing(EventLoopThread()) as made:
        yield made


async def current_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def raise_(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    'error',
    [ValueError('a'), asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt(), MemoryError(),
     GeneratorExit()],
    ids=repr,
)  # fmt: skip
def test_exceptions_reach_the_caller_and_the_loop_continues(
    coroutines: EventLoopThread, error: BaseException
) -> None:
    loop = coroutines.run(current_loop())
    assert coroutines.run(raise_(error)) == (None, error)
    assert coroutines.run(current_loop()) == loop


def test_a_coroutine_that_cancels_itself_is_cancelled(coroutines: EventLoopThread) -> None:
    async def cancel() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    _, error = coroutines.run(cancel())
    assert isinstance(error, asyncio.CancelledError)


async def wait_for(awaitable: Awaitable[object]) -> None:
    await asyncio.wait_for(awaitable, WITHIN)


async def gather(awaitable: Awaitable[object]) -> None:
    await asyncio.gather(awaitable)


@pytest.mark.parametrize('wrap', [wait_for, gather])
def test_an_exit_in_another_task_leaves_the_loop(
    wrap: Callable[[Any], Awaitable[None]],
) -> None:
    """And whoever waits for it does not wait for ever: so it is tried in a thread."""
    coroutines = EventLoopThread()
    exit_ = SystemExit(3)
    found: list[AwaitResult] = []

    def run() -> None:
        found.append(coroutines.run(wrap(raise_(exit_))))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WITHIN)
    assert found == [(None, exit_)]
    coroutines.close()


def test_a_coroutine_has_the_context_of_the_waiting_thread(coroutines: EventLoopThread) -> None:
    async def read() -> str:
        return tenant.get()

    token = tenant.set('a')
    try:
        assert coroutines.run(read()) == ('a', None)
        tenant.set('b')
        assert coroutines.run(read()) == ('b', None)
    finally:
        tenant.reset(token)


def test_what_a_coroutine_sets_in_its_context_is_gone_with_it(coroutines: EventLoopThread) -> None:
    async def exchange(name: str) -> str:
        before = tenant.get('nobody')
        tenant.set(name)
        return before

    assert [coroutines.run(exchange(name)) for name in 'ab'] == [('nobody', None)] * 2


def test_what_a_coroutine_leaves_in_the_loop_serves_the_next(coroutines: EventLoopThread) -> None:
    async def make_queue() -> asyncio.Queue[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        filled = asyncio.create_task(queue.put('hej'))
        queues.append((queue, filled))
        return queue

    async def take() -> str:
        return await queues[0][0].get()

    queues: list[tuple[asyncio.Queue[str], asyncio.Task[None]]] = []
    coroutines.run(make_queue())
    assert coroutines.run(take()) == ('hej', None)


def test_closing_cancels_what_still_runs_and_ends_the_loop_with_its_thread() -> None:
    ends: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ends.append('task')

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ends.append('generator')

    generator = generate()

    async def start() -> asyncio.AbstractEventLoop:
        tasks.extend(asyncio.create_task(linger()) for _ in '12')
        await anext(generator)
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    coroutines = EventLoopThread()
    loop, _ = coroutines.run(start())
    assert 'mega-event-loop' in names_of_threads()
    coroutines.close()
    assert ends == ['task', 'task', 'generator']
    assert 'mega-event-loop' not in names_of_threads()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert loop.is_closed()


class Begun:
    """Work that was begun, and what came of it."""

    def __init__(self, coroutines: EventLoopThread, work: AwaitingWork[object]) -> None:
        self.answers: list[object] = []
        self.failures: list[BaseException] = []
        self.threads: list[str] = []
        self._has_ended = threading.Event()
        coroutines.submit(work, self._done, self._failed)

    def ends(self) -> None:
        assert self._has_ended.wait(WITHIN)

    def _done(self, answer: object) -> None:
        self.threads.append(threading.current_thread().name)
        self.answers.append(answer)
        self._has_ended.set()

    def _failed(self, error: BaseException) -> None:
        self.failures.append(error)
        self._has_ended.set()


def test_submitted_work_and_its_callback_run_in_the_loop(
    coroutines: EventLoopThread,
) -> None:
    error = ValueError('a')

    def work() -> AwaitingWork[object]:
        found = [(yield current_loop()), (yield raise_(error))]
        return [*found, threading.current_thread().name]

    begun = Begun(coroutines, work())
    begun.ends()
    loop = coroutines.run(current_loop())
    assert begun.answers == [[loop, (None, error), 'mega-event-loop']]
    assert begun.threads == ['mega-event-loop']
    assert begun.failures == []


def test_several_are_at_work_at_once(coroutines: EventLoopThread) -> None:
    """Each waits until the others are there."""
    met: list[asyncio.Event] = []

    async def meet() -> None:
        met.append(asyncio.Event())
        if len(met) == 3:
            for event in met:
                event.set()
        await met[len(met) - 1].wait()

    def work() -> AwaitingWork[object]:
        return (yield meet())

    all_of_them = [Begun(coroutines, work()) for _ in '123']
    for begun in all_of_them:
        begun.ends()
    assert [begun.answers for begun in all_of_them] == [[(None, None)]] * 3


def test_an_exception_of_the_work_is_reported_and_the_loop_continues(
    coroutines: EventLoopThread,
) -> None:
    error = ValueError('a')

    def work() -> AwaitingWork[object]:
        yield current_loop()
        raise error

    begun = Begun(coroutines, work())
    begun.ends()
    assert (begun.answers, begun.failures) == ([], [error])
    _, none = coroutines.run(current_loop())
    assert none is None


def test_closing_ends_work_that_was_begun_and_does_not_go_on_with_it() -> None:
    ends: list[str] = []

    async def linger() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append('awaited')

    def work() -> AwaitingWork[object]:
        try:
            yield linger()
            ends.append('went on')
        finally:
            ends.append('work')
        return None

    waiting = threading.Event()
    coroutines = EventLoopThread()
    begun = Begun(coroutines, work())
    assert waiting.wait(WITHIN)
    coroutines.close()
    assert ends == ['awaited', 'work']
    assert (begun.answers, begun.failures) == ([], [])


def test_a_coroutine_that_blocks_its_loop_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr('mega.aws.sqs.subscribe.runtime.event_loop.JOIN_TIMEOUT', 0.01)
    blocking, going_on = threading.Event(), threading.Event()

    async def block() -> None:
        blocking.set()
        assert going_on.wait(WITHIN)

    def work() -> AwaitingWork[object]:
        return (yield block())

    coroutines = EventLoopThread()
    Begun(coroutines, work())
    assert blocking.wait(WITHIN)
    coroutines.close()
    assert 'left behind' in caplog.text
    going_on.set()
    monkeypatch.undo()
    coroutines.close()
