"""An event loop in the calling thread, for callers that process one message after another.

`mega.testing` and AWS Lambda use it. asyncio is imported with the first awaitable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

from mega.aws.sqs.subscribe.runtime.awaiting import await_result
from mega.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio

    from mega.aws._hooks.work import AwaitResult
    from mega.aws.sqs.subscribe.runtime.stack_traces import WorkerRef

__all__ = ('InlineEventLoop', 'is_in_event_loop')


class InlineEventLoop:
    """Runs awaitables in the calling thread. All of them use one event loop, until `close`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> None:
        """Return None: no other thread has an event loop that could run a message."""

    def run(
        self, awaitable: Awaitable[object], is_late: Callable[[], bool] = lambda: False
    ) -> AwaitResult:
        """Wait for an awaitable, and return its result or its exception.

        It begins at once, so that it never becomes late.
        """
        import asyncio

        if is_in_event_loop():
            if isinstance(awaitable, Coroutine):
                awaitable.close()
            raise ConfigurationError(
                'an event loop runs in this thread, and an async def subscriber needs another: '
                'call bus.run, deliver or a LambdaHandler in a function that is not async def'
            )
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(await_result(awaitable))

    def stack_of(self, worker: WorkerRef) -> str:
        """Return an empty text: the caller waits, and its traceback shows where."""
        return ''

    def close(self) -> None:
        """Cancel the tasks that are left, and close the event loop."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        import asyncio

        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def is_in_event_loop() -> bool:
    """Return whether an event loop runs in this thread."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
