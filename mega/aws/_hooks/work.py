"""The work for one message: a generator that does not wait itself.

It yields an awaitable or a call that may block, and receives the result. Therefore a thread and an
event loop can both run it:

    the work yields     in a thread                             in an event loop
    an awaitable        the event loop of the session runs it   it is awaited
    a `BlockingCall`    it is called                            another thread calls it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, ParamSpec, TypeAlias, TypeVar

from msgspec import Struct

__all__ = (
    'AwaitResult',
    'AwaitingWork',
    'BlockingCall',
    'blocking',
    'resume',
    'run_to_completion',
)

T = TypeVar('T')
P = ParamSpec('P')


class BlockingCall(Struct, frozen=True):
    """A call that may block its thread, for example a request to a database."""

    function: Callable[[], object]


AwaitResult: TypeAlias = tuple[object, BaseException | None]
"""The result of an awaitable or a call, or the exception that it raised."""

AwaitingWork: TypeAlias = Generator[Awaitable[object] | BlockingCall, AwaitResult, T]
"""Work that yields awaitables and calls, receives their results, and returns a value."""


def blocking(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> Generator[BlockingCall, Any, T]:
    """Call a function that may block, from a hook: `result = yield from blocking(get, key)`.

    The event loop of `async def` subscribers does not wait for it: another thread calls it, with a
    copy of the context variables. An exception of the function is raised at the `yield from`.
    """
    result: T = yield BlockingCall(partial(function, *args, **kwargs))
    return result


def resume(work: Generator[Any, Any, object], value: object) -> None:
    """Pass a value to work, and run it in this thread until it yields anything but a blocking call.

    Raises:
        StopIteration: with the value of the work, if the work ends.
    """
    needed = work.send(value)
    while isinstance(needed, BlockingCall):
        needed = work.send(_call(needed.function))


def run_to_completion(
    work: AwaitingWork[T], await_: Callable[[Awaitable[object]], AwaitResult]
) -> T:
    """Run work in this thread, with a function that awaits, and return its value."""
    try:
        needed = next(work)
        while True:
            needed = work.send(
                _call(needed.function) if isinstance(needed, BlockingCall) else await_(needed)
            )
    except StopIteration as end:
        value: T = end.value
        return value


def _call(function: Callable[[], object]) -> AwaitResult:
    try:
        return function(), None
    except BaseException as error:
        return None, error
