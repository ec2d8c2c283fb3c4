"""Exceptions of subscribers: groups of them, and their places and tracebacks for the log.

The text of an exception may quote the payload, such as `invalid literal for int() with base 10:
'4111 1111 1111 1111'`. Therefore the log shows where an exception was raised, but not its text.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Iterator
from itertools import islice

__all__ = ('describe_unexpected', 'leaves', 'raised_in', 'traceback_without_text')

MAX_EXCEPTIONS = 20
"""The number of exceptions that a traceback shows, causes included."""


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group and its subgroups; any other exception alone."""
    if not _is_group(error):
        yield error
    for member in _members(error):
        yield from leaves(member)


def traceback_without_text(error: BaseException) -> str:
    """Return the traceback of an exception and of its causes: the classes, but not the texts."""
    return '\n'.join(islice(_descriptions(error), MAX_EXCEPTIONS))


def raised_in(error: BaseException) -> str:
    """Return where an exception was raised: ` in charge (payments.py, line 12)`; or nothing."""
    last = deque(traceback.walk_tb(error.__traceback__), maxlen=1)
    if not last:
        return ''
    [(frame, line)] = last
    code = frame.f_code
    return f' in {code.co_name} ({code.co_filename.rpartition(os.sep)[2]}, line {line})'


def describe_unexpected(error: BaseException, problem: str) -> str:
    """Return a description of an unexpected exception: its class and its place.

    The text of the exception and its traceback may contain parts of the body.
    """
    return f'unexpected {type(error).__name__} {problem}{raised_in(error)}'


def _descriptions(error: BaseException) -> Iterator[str]:
    pending, seen = [('', error)], set[int]()
    while pending:
        relation, error = pending.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        stack = ''.join(traceback.format_tb(error.__traceback__))
        yield f'{relation}{type(error).__qualname__}\n{stack}'.rstrip()
        if error.__cause__ is not None:
            pending.append(('caused by ', error.__cause__))
        elif error.__context__ is not None and not error.__suppress_context__:
            pending.append(('raised while handling ', error.__context__))
        pending += [('with ', member) for member in reversed(_members(error))]


def _members(error: BaseException) -> tuple[BaseException, ...]:
    members: tuple[BaseException, ...] = (
        getattr(error, 'exceptions', ()) if _is_group(error) else ()
    )
    return members


def _is_group(error: BaseException) -> bool:
    # Python 3.10 has no groups, but anyio has a class of that name.
    return any(kind.__name__ == 'BaseExceptionGroup' for kind in type(error).__mro__)
