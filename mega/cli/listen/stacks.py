"""The stacks of a process: of each thread, and of each coroutine that waits."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
from collections.abc import Iterator
from types import CoroutineType
from typing import Any

from mega.aws.sqs.subscribe.runtime.stack_traces import stack_of_coroutine, stack_of_thread

__all__ = ('stacks',)


def stacks() -> str:
    """Return the stacks of all threads but the calling one, and of all suspended coroutines."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found = [
        f'thread {names.get(number, number)}:\n{stack_of_thread(number)}'
        for number in sys._current_frames()
        if number != threading.get_ident()
    ]
    for coroutine in _suspended():
        found.append(f'coroutine {coroutine.__qualname__}:\n{stack_of_coroutine(coroutine)}')
    return ''.join(found)


def _suspended() -> Iterator[CoroutineType[Any, Any, Any]]:
    """Yield the suspended coroutines that no other coroutine awaits."""
    coroutines = [each for each in gc.get_objects() if isinstance(each, CoroutineType)]
    awaited = {id(coroutine.cr_await) for coroutine in coroutines}
    for coroutine in coroutines:
        is_suspended = inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
        if is_suspended and id(coroutine) not in awaited:
            yield coroutine
