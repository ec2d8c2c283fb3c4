"""The functions of users in patterns: which are refused, and how they are shown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ('predicate_error', 'predicate_repr')

_FUNCTIONS = 'mega.match.functions.', 'mega.match.eventbridge.'


def predicate_error(rhs: object) -> str:
    """Return why a value is not a predicate; an empty text if it is one."""
    if isinstance(rhs, re.Pattern):
        return 'write match(...) to search for a regular expression'
    if inspect.isclass(rhs):
        return 'a class is not a pattern; write is_a(...) to test the type, or give a value'
    if inspect.iscoroutinefunction(rhs):
        return 'a predicate must not be async: its result, a coroutine, would always be true'
    function = rhs.func if isinstance(rhs, partial) else rhs
    if inspect.isfunction(function) and function.__module__.startswith(_FUNCTIONS):
        return f'call the function, with its arguments: {function.__name__}(...)'
    if not callable(rhs):
        return 'must be a value of JSON or BSON, a date, a function of one value, or a pattern'
    return ''


def predicate_repr(function: Callable[[Any], object]) -> str:
    """Return the name of a user's function, which has no address: it is the same in every process.

    >>> predicate_repr(partial(isinstance, 5))
    'isinstance'
    """
    if isinstance(function, partial):
        return predicate_repr(function.func)
    if name := getattr(function, '__qualname__', None):
        return str(name)
    kind = type(function)
    own_repr: object = kind.__repr__
    return kind.__qualname__ if own_repr is object.__repr__ else repr(function)
