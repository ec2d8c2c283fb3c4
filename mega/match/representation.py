"""The `repr` of patterns: the code that builds them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ('call_repr', 'predicate_repr', 'value_repr')

MAX_BITS_AS_DIGITS = 14_000
"""Python does not convert longer integers to decimal text (sys.set_int_max_str_digits)."""


def call_repr(name: str, *arguments: object) -> str:
    """Return the code of a call, for the `repr` of a pattern."""
    return f'{name}({", ".join(map(value_repr, arguments))})'


def value_repr(value: object) -> str:
    """Return the code of a value, for the `repr` of a pattern."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, int) and value.bit_length() > MAX_BITS_AS_DIGITS:
        return hex(value)
    return repr(value)


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
