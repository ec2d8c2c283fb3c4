"""Exceptions that concern the machine, not the message in processing.

    [Errno 24] Too many open files          no file descriptor was free
    ConnectionError caused by [Errno 24]    ... and a library wrapped the error
    can't start new thread                  the process has too many threads
    CancelledError                          the event loop ends

The message may be valid. It stays in the queue, and the attempt does not count.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError

from mega.aws.sqs.subscribe.exceptions import leaves

__all__ = ('EventLoopError', 'InvalidResultError', 'is_exit_request', 'is_system_failure')

_ERRNOS = frozenset(
    getattr(errno, name)
    for name in (
        *('EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN', 'ENOLCK'),  # too many of something
        *('ENOSPC', 'EDQUOT', 'EIO', 'EROFS'),  # no disk
        *('EADDRNOTAVAIL', 'ENETDOWN', 'ENETUNREACH'),  # no port, no network
    )
    if hasattr(errno, name)  # not every platform has all of them
)

_NAME_ERRORS = (socket.EAI_AGAIN, socket.EAI_MEMORY, getattr(socket, 'EAI_SYSTEM', None))
"""The errors of a name resolution that failed on this machine, for example without a socket."""

_RUNTIME_ERRORS = (
    "can't start new thread",
    "can't create new thread",
    "can't allocate lock",
    'cannot schedule new futures after',
    'Executor shutdown has been called',
    'Event loop is closed',
    'Event loop stopped before Future completed',
)
"""The first words of a `RuntimeError` of CPython's `threading`, `concurrent` and `asyncio`."""


class EventLoopError(RuntimeError):
    """The event loop did not begin an `async def` subscriber: it is blocked, or does not exist."""


class InvalidResultError(TypeError):
    """A subscriber or a hook returned an invalid result, which the text shows shortened."""


def is_exit_request(error: BaseException) -> bool:
    """Return whether an exception asks the process to end."""
    return isinstance(error, (SystemExit, KeyboardInterrupt))


def is_system_failure(error: BaseException) -> bool:
    """Return whether an exception concerns the machine or the process, and not a message.

    For a group, the result is whether one of its exceptions does. A failure of the machine may also
    be the cause of an exception, or have been handled when the exception was raised.
    """
    if any(
        isinstance(leaf, CancelledError) or not isinstance(leaf, Exception)
        for leaf in leaves(error)
    ):
        return True
    return any(map(_is_machine_failure, _with_causes(error)))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group, and all exceptions that led to them."""
    pending, seen = [error], set[int]()
    while pending:
        for each in leaves(pending.pop()):
            if id(each) not in seen:
                seen.add(id(each))
                yield each
                pending += [one for one in (each.__cause__, each.__context__) if one is not None]


def _is_machine_failure(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno in _NAME_ERRORS
    if isinstance(error, OSError):
        # The errno of other classes, such as SSLError, may have another meaning.
        return type(error).__module__ == 'builtins' and error.errno in _ERRNOS
    if isinstance(error, (MemoryError, EventLoopError, BrokenExecutor)):
        return True
    text = error.args[0] if isinstance(error, RuntimeError) and error.args else ''
    return isinstance(text, str) and text.startswith(_RUNTIME_ERRORS)
