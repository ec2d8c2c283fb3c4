"""How an event loop awaits an awaitable of a subscriber."""

from __future__ import annotations

import os
from collections.abc import Awaitable

from mega.aws._hooks.work import AwaitResult
from mega.aws.sqs.subscribe.processing.forks import end_child_process

__all__ = ('await_result',)


async def await_result(awaitable: Awaitable[object]) -> AwaitResult:
    """Await an awaitable, and return its result or its exception.

    An exit request that leaves a task would end the event loop, and a cancellation would reach the
    waiting thread as an ordinary exception. A child process that the awaitable forks ends here.
    """
    process_id = os.getpid()
    result: AwaitResult
    try:
        result = await awaitable, None
    except BaseException as error:
        result = None, error
    if os.getpid() != process_id:  # no other thread exists in the child process
        end_child_process(result[1])
    return result
