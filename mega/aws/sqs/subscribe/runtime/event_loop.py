"""The event loop for `async def` subscribers, in its own thread.

A message whose subscribers are all `async def` runs entirely in the event loop: `submit` returns at
once, so that one thread can begin many messages. For other messages a worker thread calls `run`,
and waits for one awaitable.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from inspect import CORO_RUNNING, getcoroutinestate
from typing import Any, TypeAlias, TypeVar

from mega.aws._executor import Executor, start_daemon_thread
from mega.aws._hooks.work import AwaitingWork, AwaitResult, BlockingCall
from mega.aws.sqs.subscribe.processing.failures import EventLoopError
from mega.aws.sqs.subscribe.runtime.awaiting import await_result
from mega.aws.sqs.subscribe.runtime.stack_traces import (
    WorkerRef,
    stack_of_coroutine,
    stack_of_thread,
)
from mega.logging import about, get_logger

__all__ = ('EventLoopThread',)

T = TypeVar('T')

_Begin: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Creates the coroutine that runs a work."""

_log = get_logger(__name__)

SIGNAL_CHECK_SECONDS = 0.5
"""Seconds after which a waiting thread returns to Python, which then handles signals."""

MAX_BLOCKING_CALLS = 32
"""The maximum number of threads for calls that would block the event loop, as in asyncio itself."""

JOIN_TIMEOUT = 1.0
"""Seconds that the event loop may take to end when it is closed."""


class EventLoopThread:
    """Runs awaitables for threads without an event loop.

    All messages use the same event loop, so that connection pools of subscribers keep working.

    `on_done` is called in the event loop after works of `submit` ended: once for all works that
    ended in the same iteration of the loop.

    Raises:
        OSError, RuntimeError: if the machine has no resources for an event loop or its thread.
    """

    def __init__(self, on_done: Callable[[], None] = lambda: None) -> None:
        self._loop = asyncio.new_event_loop()
        self._on_done = on_done
        self._is_done_scheduled = False
        self._is_closing = False
        self._submitted: deque[tuple[Coroutine[Any, Any, None], _Begin, Context]] = deque()
        self._is_begin_scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._awaited: dict[int, Coroutine[Any, Any, AwaitResult]] = {}
        self._executor = Executor('mega-blocking', MAX_BLOCKING_CALLS)
        try:
            self._thread = start_daemon_thread('mega-event-loop', self._run)
        except RuntimeError:
            self._loop.close()
            raise

    def run(
        self, awaitable: Awaitable[object], is_late: Callable[[], bool] = lambda: False
    ) -> AwaitResult:
        """Wait for an awaitable, and return its result or its exception.

        An awaitable that becomes late while something blocks the event loop does not begin.
        """
        catch = await_result(awaitable) if is_late() else _await_in_time(awaitable, is_late)
        coroutine = self._awaited[threading.get_ident()] = catch
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            while not future.done():
                # A signal right before a wait is handled only after the wait.
                wait([future], timeout=SIGNAL_CHECK_SECONDS)
            return future.result()
        except CancelledError as error:  # the task was cancelled before it began
            if isinstance(awaitable, Coroutine):
                awaitable.close()
            return None, error
        finally:
            del self._awaited[threading.get_ident()]

    def submit(
        self,
        work: AwaitingWork[T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> WorkerRef:
        """Run work in the event loop, and return its coroutine.

        The work has a copy of the context variables of the calling thread.
        The event loop calls `done` with the value of the work. It calls `failed` with an exception
        that the work raises by itself. The work receives the exceptions of its awaitables.
        """
        begin = partial(self._run_work, work, done, failed)
        coroutine = begin()
        self._submitted.append((coroutine, begin, copy_context()))
        if not self._is_begin_scheduled:  # to wake the loop costs more than to run the work
            self._is_begin_scheduled = True
            self._loop.call_soon_threadsafe(self._begin_submitted)
        return coroutine

    def stack_of(self, worker: WorkerRef) -> str:
        """Return the stack of a coroutine of `submit`, or of a thread that waits in `run`."""
        coroutine = self._awaited.get(worker) if isinstance(worker, int) else worker
        if coroutine is None:
            return ''
        if getcoroutinestate(coroutine) == CORO_RUNNING:  # it blocks the event loop
            return stack_of_thread(self._thread.ident or 0)
        return stack_of_coroutine(coroutine)

    def close(self) -> None:
        """End the event loop and its thread. Coroutines that still run are cancelled."""
        self._is_closing = True
        self._executor.close(timeout=0.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(JOIN_TIMEOUT)
        if self._thread.is_alive():
            problem = 'the event loop did not end within 1 s: a coroutine blocks it'
            _log.warning(problem, code='event-loop-blocked', extra=about())
            return
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
        while self._submitted:  # these came too late to begin
            self._submitted.popleft()[0].close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _begin_submitted(self) -> None:
        self._is_begin_scheduled = False
        while self._submitted:
            self._create_task(*self._submitted.popleft())

    def _create_task(
        self, coroutine: Coroutine[Any, Any, None], begin: _Begin, context: Context
    ) -> None:
        task = context.run(self._loop.create_task, coroutine)  # a task copies its context
        self._tasks.add(task)
        task.add_done_callback(partial(self._task_ended, begin, context))

    def _task_ended(self, begin: _Begin, context: Context, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # The coroutine receives a cancellation, unless it has not begun. Then it begins again, or
        # its message would occupy a place until the listener stops.
        if task.cancelled() and not self._is_closing:
            self._create_task(begin(), begin, context)

    async def _run_work(
        self,
        work: AwaitingWork[T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        try:
            result = await self._answer(next(work))
            while not self._is_closing:
                result = await self._answer(work.send(result))
        except StopIteration as end:
            done(end.value)
            if not self._is_done_scheduled:
                self._is_done_scheduled = True
                # Not in the context of this delivery: `on_done` is about all deliveries.
                self._loop.call_soon(self._call_on_done, context=Context())
        except BaseException as error:
            failed(error)
        work.close()

    async def _answer(self, needed: Awaitable[object] | BlockingCall) -> AwaitResult:
        if isinstance(needed, BlockingCall):
            call = partial(copy_context().run, needed.function)
            needed = asyncio.wrap_future(self._executor.submit(call))
        return await await_result(needed)

    def _call_on_done(self) -> None:
        self._is_done_scheduled = False
        self._on_done()

    def _run(self) -> None:
        while not self._is_closing:
            # An exit request in a task of a subscriber leaves the loop here. The coroutine that
            # awaits that task receives it, too, once the loop continues.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()


async def _await_in_time(awaitable: Awaitable[object], is_late: Callable[[], bool]) -> AwaitResult:
    if not is_late():
        return await await_result(awaitable)
    if isinstance(awaitable, Coroutine):
        awaitable.close()
    return None, EventLoopError('the event loop was blocked until the visibility timeout ended')
