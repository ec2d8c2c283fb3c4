"""An event loop for `async def process`, running in a thread of its own while it is wanted."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable
from concurrent.futures import wait
from contextlib import suppress

__all__ = ('Coroutines',)

_log = logging.getLogger(__name__)

LONGEST_DEAFNESS = 0.5
"""Seconds for which the waiting thread may miss a signal."""

PATIENCE = 1.0
"""Seconds in which the loop has to end, once nobody waits for a coroutine any more."""


class Coroutines:
    """Runs awaitables one at a time, from a thread that has nothing to do with asyncio.

    The loop is the same for all until `close()`: so what they keep between messages (a pool of
    connections) goes on working.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name='mega-coroutines', daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[object]) -> object:
        """Wait for what an awaitable answers, or raise what it raises, whatever that is."""
        future = asyncio.run_coroutine_threadsafe(_caught(awaitable), self._loop)
        while not future.done():
            # Python sees a signal that comes right before a wait only when that wait is over.
            wait([future], timeout=LONGEST_DEAFNESS)
        answer, error = future.result()
        if error is not None:
            raise error
        return answer

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
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _run(self) -> None:
        while not self._is_closing:
            # An exit in a task that a coroutine made comes out of the loop, and again, where it
            # belongs, out of whoever waits for that task: once the loop goes on.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()


async def _caught(awaitable: Awaitable[object]) -> tuple[object, BaseException | None]:
    # Raised within a task, an exit would end the loop's thread, and a cancellation would reach the
    # waiting thread as an ordinary exception.
    try:
        return await awaitable, None
    except BaseException as error:
        return None, error
