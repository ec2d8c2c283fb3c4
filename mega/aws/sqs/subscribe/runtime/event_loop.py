"""An event loop for `async def process`, running in a thread of its own while it is wanted."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import wait
from contextlib import suppress
from inspect import CORO_RUNNING, getcoroutinestate
from typing import Any, TypeVar

from mega.aws.sqs.subscribe.processing.dispatch import AwaitingWork, AwaitResult
from mega.aws.sqs.subscribe.runtime.stack_traces import (
    WorkerRef,
    stack_of_coroutine,
    stack_of_thread,
)
from mega.aws.sqs.subscribe.safe_logging import log_of

__all__ = ('EventLoopThread',)

T = TypeVar('T')

_log = log_of(__name__)

SIGNAL_CHECK_SECONDS = 0.5
"""Seconds for which the waiting thread may miss a signal."""

PATIENCE = 1.0
"""Seconds in which the loop has to end, once nobody waits for a coroutine any more."""


class EventLoopThread:
    """Runs awaitables, for threads that have nothing to do with asyncio.

    The loop is the same for all until `close()`: so what they keep between messages (a pool of
    connections) goes on working.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_closing = False
        self._inbox: deque[Coroutine[Any, Any, None]] = deque()
        self._is_told = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._awaited: dict[int, Coroutine[Any, Any, AwaitResult]] = {}
        self._thread = threading.Thread(target=self._run, name='mega-coroutines', daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[object]) -> AwaitResult:
        """Wait for what an awaitable answers or raises, whatever that is."""
        coroutine = self._awaited[threading.get_ident()] = _awaited(awaitable)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            while not future.done():
                # Python sees a signal that comes right before a wait only when that wait is over.
                wait([future], timeout=SIGNAL_CHECK_SECONDS)
            return future.result()
        finally:
            del self._awaited[threading.get_ident()]

    def submit(
        self,
        work: AwaitingWork[T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> WorkerRef:
        """Have all of some work done in the loop, and `done` called there with what it answers.

        What the work itself raises, and nothing that it awaited, goes to `failed`. Answers the
        coroutine that does it.
        """
        coroutine = self._finish(work, done, failed)
        self._inbox.append(coroutine)
        if not self._is_told:  # waking the loop up for each would cost more than they do
            self._is_told = True
            self._loop.call_soon_threadsafe(self._begin)
        return coroutine

    def stack_of(self, worker: WorkerRef) -> str:
        """Where one is that was begun here, or a thread that waits here, perhaps."""
        coroutine = self._awaited.get(worker) if isinstance(worker, int) else worker
        if coroutine is None:
            return ''
        if getcoroutinestate(coroutine) == CORO_RUNNING:  # it keeps the loop from everything else
            return stack_of_thread(self._thread.ident or 0)
        return stack_of_coroutine(coroutine)

    def close(self) -> None:
        """End the loop and its thread. What still runs (nobody waits for it) is cancelled."""
        self._is_closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            _log.warning('a coroutine blocks its event loop, and is left behind')
            return
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
        while self._inbox:  # what came too late to begin
            self._inbox.popleft().close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _begin(self) -> None:
        self._is_told = False
        while self._inbox:
            task = self._loop.create_task(self._inbox.popleft())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _finish(
        self,
        work: AwaitingWork[T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        try:
            awaited = await _awaited(next(work))
            while not self._is_closing:
                awaited = await _awaited(work.send(awaited))
        except StopIteration as end:
            done(end.value)
        except BaseException as error:
            failed(error)
        work.close()

    def _run(self) -> None:
        while not self._is_closing:
            # An exit in a task that a coroutine made comes out of the loop, and again, where it
            # belongs, out of whoever waits for that task: once the loop goes on.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()


async def _awaited(awaitable: Awaitable[object]) -> AwaitResult:
    # Raised within a task, an exit would end the loop's thread, and a cancellation would reach the
    # waiting thread as an ordinary exception.
    try:
        return await awaitable, None
    except BaseException as error:
        return None, error
