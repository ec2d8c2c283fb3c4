"""The event loop of a session, which the first `async def` subscriber creates."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Protocol

from mega.aws._hooks.work import AwaitResult
from mega.aws.sqs.subscribe.processing.failures import EventLoopError
from mega.aws.sqs.subscribe.runtime.stack_traces import WorkerRef
from mega.logging import about, get_logger

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

__all__ = ('EventLoop', 'LazyEventLoop')

_log = get_logger(__name__)


class EventLoop(Protocol):
    """Awaits for a session. `LazyEventLoop` describes the methods."""

    def get(self) -> EventLoopThread | None: ...
    def run(self, awaitable: Awaitable[object], is_late: Callable[[], bool]) -> AwaitResult: ...
    def stack_of(self, worker: WorkerRef) -> str: ...
    def close(self) -> None: ...


class LazyEventLoop:
    """Creates an `EventLoopThread` when it is needed. Safe to share among threads."""

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        self._lock = threading.Lock()
        self._event_loop: EventLoopThread | None = None

    def get(self) -> EventLoopThread | None:
        """Return the event loop; None if the machine has no resources for one at present."""
        with self._lock:
            if self._event_loop is None:
                # The import of asyncio takes a third of the time of the import of this package.
                from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

                try:
                    self._event_loop = EventLoopThread(self._on_done)
                except Exception as error:
                    name = type(error).__name__
                    problem = 'no event loop could be created: %s: %s'
                    _log.error(problem, name, error, code='no-event-loop', extra=about(error=name))
            return self._event_loop

    def run(self, awaitable: Awaitable[object], is_late: Callable[[], bool]) -> AwaitResult:
        """Wait for an awaitable, as `EventLoopThread.run` does."""
        if event_loop := self.get():
            return event_loop.run(awaitable, is_late)
        if isinstance(awaitable, Coroutine):
            awaitable.close()
        return None, EventLoopError('no event loop could be created')

    def stack_of(self, worker: WorkerRef) -> str:
        """Return the stack of a coroutine, or of a thread that waits for one."""
        return '' if self._event_loop is None else self._event_loop.stack_of(worker)

    def close(self) -> None:
        """End the event loop, if there is one."""
        if self._event_loop is not None:
            self._event_loop.close()
