"""The `repr` of patterns: the code that builds them."""

from __future__ import annotations

import math

__all__ = ('call_repr', 'value_repr')

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
