"""One event loop serves all `async def process` of a listener, for as long as it works."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import pytest

from mega.aws.sqs.subscribe.coroutines import Coroutines

WITHIN = 5.0  # seconds; what takes so long does not happen

tenant: ContextVar[str] = ContextVar('tenant')


@pytest.fixture
def coroutines() -> Iterator[Coroutines]:
    with closing(Coroutines()) as made:
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
def test_what_is_raised_comes_out_as_it_is_and_the_loop_goes_on(
    coroutines: Coroutines, error: BaseException
) -> None:
    loop = coroutines.run(current_loop())
    with pytest.raises(type(error)) as caught:
        coroutines.run(raise_(error))
    assert caught.value is error
    assert coroutines.run(current_loop()) is loop


def test_a_coroutine_that_cancels_itself_is_cancelled(coroutines: Coroutines) -> None:
    async def cancel() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        coroutines.run(cancel())


async def wait_for(awaitable: Awaitable[object]) -> None:
    await asyncio.wait_for(awaitable, WITHIN)


async def gather(awaitable: Awaitable[object]) -> None:
    await asyncio.gather(awaitable)


@pytest.mark.parametrize('wrap', [wait_for, gather])
def test_an_exit_in_a_task_of_its_own_comes_out_too(
    wrap: Callable[[Any], Awaitable[None]],
) -> None:
    """And whoever waits for it does not wait for ever: so it is tried in a thread."""
    coroutines = Coroutines()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            coroutines.run(wrap(raise_(SystemExit(3))))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WITHIN)
    assert [type(error) for error in raised] == [SystemExit]
    coroutines.close()


def test_the_context_of_the_thread_that_waits_is_at_hand(coroutines: Coroutines) -> None:
    async def read() -> str:
        return tenant.get()

    token = tenant.set('a')
    try:
        assert coroutines.run(read()) == 'a'
        tenant.set('b')
        assert coroutines.run(read()) == 'b'
    finally:
        tenant.reset(token)


def test_what_a_coroutine_sets_in_its_context_is_gone_with_it(coroutines: Coroutines) -> None:
    async def exchange(name: str) -> str:
        before = tenant.get('nobody')
        tenant.set(name)
        return before

    assert [coroutines.run(exchange(name)) for name in 'ab'] == ['nobody', 'nobody']


def test_what_a_coroutine_leaves_in_the_loop_serves_the_next(coroutines: Coroutines) -> None:
    async def make_queue() -> asyncio.Queue[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        filled = asyncio.create_task(queue.put('hej'))
        queues.append((queue, filled))
        return queue

    async def take() -> str:
        return await queues[0][0].get()

    queues: list[tuple[asyncio.Queue[str], asyncio.Task[None]]] = []
    coroutines.run(make_queue())
    assert coroutines.run(take()) == 'hej'


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

    coroutines = Coroutines()
    loop = coroutines.run(start())
    assert 'mega-coroutines' in names_of_threads()
    coroutines.close()
    assert ends == ['task', 'task', 'generator']
    assert 'mega-coroutines' not in names_of_threads()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert loop.is_closed()
