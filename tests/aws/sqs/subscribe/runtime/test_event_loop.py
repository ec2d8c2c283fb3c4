"""One event loop runs all `async def process` of a listener, until the listener ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import pytest

from mega.aws._hooks.work import AwaitingWork, AwaitResult, BlockingCall
from mega.aws.sqs.subscribe.processing.failures import EventLoopError, is_system_failure
from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

WITHIN = 5.0  # seconds; a test fails if an event takes longer

tenant: ContextVar[str] = ContextVar('tenant')


@pytest.fixture
def event_loop() -> Iterator[EventLoopThread]:
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
    event_loop: EventLoopThread, error: BaseException
) -> None:
    loop = event_loop.run(current_loop())
    assert event_loop.run(raise_(error)) == (None, error)
    assert event_loop.run(current_loop()) == loop


def test_a_coroutine_that_cancels_itself_is_cancelled(event_loop: EventLoopThread) -> None:
    async def cancel() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    _, error = event_loop.run(cancel())
    assert isinstance(error, asyncio.CancelledError)


async def wait_for(awaitable: Awaitable[object]) -> None:
    await asyncio.wait_for(awaitable, WITHIN)


async def gather(awaitable: Awaitable[object]) -> None:
    await asyncio.gather(awaitable)


@pytest.mark.parametrize('wrap', [wait_for, gather])
def test_an_exit_in_another_task_ends_the_wait_for_the_loop(
    wrap: Callable[[Any], Awaitable[None]],
) -> None:
    """The waiting thread must not block forever. So the test waits in a separate thread."""
    event_loop = EventLoopThread()
    exit_ = SystemExit(3)
    found: list[AwaitResult] = []

    def run() -> None:
        found.append(event_loop.run(wrap(raise_(exit_))))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WITHIN)
    assert found == [(None, exit_)]
    event_loop.close()


def test_a_coroutine_has_the_context_of_the_waiting_thread(event_loop: EventLoopThread) -> None:
    async def read() -> str:
        return tenant.get()

    token = tenant.set('a')
    try:
        assert event_loop.run(read()) == ('a', None)
        tenant.set('b')
        assert event_loop.run(read()) == ('b', None)
    finally:
        tenant.reset(token)


def test_context_variables_that_a_coroutine_sets_end_with_it(event_loop: EventLoopThread) -> None:
    async def exchange(name: str) -> str:
        before = tenant.get('default')
        tenant.set(name)
        return before

    assert [event_loop.run(exchange(name)) for name in 'ab'] == [('default', None)] * 2


def test_objects_that_a_coroutine_binds_to_the_loop_work_in_the_next_coroutine(
    event_loop: EventLoopThread,
) -> None:
    async def make_queue() -> asyncio.Queue[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        filled = asyncio.create_task(queue.put('hej'))
        queues.append((queue, filled))
        return queue

    async def take() -> str:
        return await queues[0][0].get()

    queues: list[tuple[asyncio.Queue[str], asyncio.Task[None]]] = []
    event_loop.run(make_queue())
    assert event_loop.run(take()) == ('hej', None)


def test_an_awaitable_that_becomes_late_behind_a_blocked_loop_does_not_begin(
    event_loop: EventLoopThread,
) -> None:
    is_late = iter([False, True])  # when it is submitted, and when it could begin
    value, error = event_loop.run(current_loop(), lambda: next(is_late))
    assert value is None
    assert isinstance(error, EventLoopError)
    assert is_system_failure(error)


def test_an_awaitable_that_was_late_before_runs_nevertheless(event_loop: EventLoopThread) -> None:
    """An earlier subscriber of the message took too long. The others must still see it."""
    value, error = event_loop.run(current_loop(), lambda: True)
    assert value is not None
    assert error is None


def test_closing_cancels_running_tasks_and_ends_the_loop_and_its_thread() -> None:
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

    event_loop = EventLoopThread()
    loop, _ = event_loop.run(start())
    assert 'mega-event-loop' in names_of_threads()
    event_loop.close()
    assert ends == ['task', 'task', 'generator']
    assert 'mega-event-loop' not in names_of_threads()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert loop.is_closed()


class SubmittedWork:
    """Submitted work, with its results, exceptions and threads."""

    def __init__(self, event_loop: EventLoopThread, work: AwaitingWork[object]) -> None:
        self.answers: list[object] = []
        self.failures: list[BaseException] = []
        self.threads: list[str] = []
        self._has_ended = threading.Event()
        event_loop.submit(work, self._done, self._failed)

    def wait(self) -> None:
        assert self._has_ended.wait(WITHIN)

    def _done(self, answer: object) -> None:
        self.threads.append(threading.current_thread().name)
        self.answers.append(answer)
        self._has_ended.set()

    def _failed(self, error: BaseException) -> None:
        self.failures.append(error)
        self._has_ended.set()


def test_submitted_work_and_its_callback_run_in_the_loop(
    event_loop: EventLoopThread,
) -> None:
    error = ValueError('a')

    def work() -> AwaitingWork[object]:
        found = [(yield current_loop()), (yield raise_(error))]
        return [*found, threading.current_thread().name]

    submitted = SubmittedWork(event_loop, work())
    submitted.wait()
    loop = event_loop.run(current_loop())
    assert submitted.answers == [[loop, (None, error), 'mega-event-loop']]
    assert submitted.threads == ['mega-event-loop']
    assert submitted.failures == []


def test_several_coroutines_run_at_the_same_time(event_loop: EventLoopThread) -> None:
    """Each coroutine waits for the two others."""
    met: list[asyncio.Event] = []

    async def meet() -> None:
        met.append(asyncio.Event())
        if len(met) == 3:
            for event in met:
                event.set()
        await met[len(met) - 1].wait()

    def work() -> AwaitingWork[object]:
        return (yield meet())

    all_of_them = [SubmittedWork(event_loop, work()) for _ in '123']
    for submitted in all_of_them:
        submitted.wait()
    assert [submitted.answers for submitted in all_of_them] == [[(None, None)]] * 3


def test_a_blocking_call_does_not_block_the_loop(event_loop: EventLoopThread) -> None:
    may_end = threading.Event()
    error = ValueError('a')

    def wait() -> tuple[str, str]:
        assert may_end.wait(WITHIN)
        return threading.current_thread().name, tenant.get()

    def fail() -> None:
        raise error

    def work() -> AwaitingWork[object]:
        return [(yield BlockingCall(wait)), (yield BlockingCall(fail))]

    token = tenant.set('acme')
    submitted = SubmittedWork(event_loop, work())
    tenant.reset(token)
    event_loop.run(current_loop())
    may_end.set()
    submitted.wait()
    result = 'mega-blocking-0', 'acme'
    assert submitted.answers == [[(result, None), (None, error)]]


def test_an_exception_of_the_work_is_reported_and_the_loop_continues(
    event_loop: EventLoopThread,
) -> None:
    error = ValueError('a')

    def work() -> AwaitingWork[object]:
        yield current_loop()
        raise error

    submitted = SubmittedWork(event_loop, work())
    submitted.wait()
    assert (submitted.answers, submitted.failures) == ([], [error])
    _, none = event_loop.run(current_loop())
    assert none is None


def test_closing_ends_submitted_work_and_does_not_continue_it() -> None:
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
            ends.append('continued')
        finally:
            ends.append('work')
        return None

    waiting = threading.Event()
    event_loop = EventLoopThread()
    submitted = SubmittedWork(event_loop, work())
    assert waiting.wait(WITHIN)
    event_loop.close()
    assert ends == ['awaited', 'work']
    assert (submitted.answers, submitted.failures) == ([], [])


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

    event_loop = EventLoopThread()
    SubmittedWork(event_loop, work())
    assert blocking.wait(WITHIN)
    event_loop.close()
    assert 'did not end' in caplog.text
    going_on.set()
    monkeypatch.undo()
    event_loop.close()
