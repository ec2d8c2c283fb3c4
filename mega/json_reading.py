"""JSON text from a stranger as a value, in time and memory proportional to the text.

msgspec decodes nearly every text, in a third of the time of Python's `json`. `json` decodes every
text that msgspec refuses: it accepts halves of a surrogate pair, and its errors name the position.
So the result never depends on which of the two was used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from math import isinf
from typing import Any, NoReturn

from msgspec import MsgspecError
from msgspec.json import Decoder as JsonDecoder

__all__ = (
    'BYTE_ORDER_MARK',
    'MAX_DIGITS',
    'MAX_NESTED_LEVELS',
    'TOO_DEEP',
    'WHITE_SPACE',
    'count_openings',
    'nests_too_deep',
    'read_json',
)

MAX_NESTED_LEVELS = 100
"""The limit of nested objects and arrays, in levels. The value itself is the first level.

Python copies, pickles and compares nested values by recursion, which fails at about 600 levels.
"""

TOO_DEEP = f'it is nested deeper than {MAX_NESTED_LEVELS} levels'

BYTE_ORDER_MARK = '\ufeff'
"""The character before the text in a file of some programs. It is not part of the JSON."""

WHITE_SPACE = ' \t\r\n'
"""The characters that JSON allows around its values."""

# Python reads and writes an integer in quadratic time, so it has a limit of 4,300 digits. A process
# can remove the limit, or lower it to 640 digits (sys.set_int_max_str_digits).
MAX_DIGITS = 4_300

# Python limits `json` to about a thousand levels. msgspec has no such limit and needs three
# times as much of the stack per level, so it never gets a text with more levels than this.
_MAX_MSGSPEC_LEVELS = 300


_read_with_msgspec: Callable[[str], Any] = JsonDecoder().decode


def read_json(text: str, decode: Callable[[str], Any] = _read_with_msgspec) -> Any:
    """Return the value of a JSON text.

    If an object has the same key twice, the last one counts. Only white space may surround the
    value. A text that is nested too deep is refused early, without much memory or time.

    `decode` is a decoder of msgspec. It may skip members of objects. A skipped value may contain a
    number that is too large, or be nested too deep. A text with many objects and arrays is read as
    a whole.

    Raises:
        ValueError: for any other text than one complete JSON value.
    """
    openings = count_openings(text)
    try:
        value = decode(text) if openings <= _MAX_MSGSPEC_LEVELS else _read_with_json(text)
    except (MsgspecError, ValueError, RecursionError):
        value = _read_with_json(text)
    if openings > MAX_NESTED_LEVELS and nests_too_deep(value, openings):
        raise ValueError(TOO_DEEP)
    return value


def count_openings(text: str) -> int:
    """Return the number of brackets and braces that open, at least the depth of the text.

    To count them is a hundred times faster than to measure the depth, and sufficient for nearly
    every text.
    """
    if '[' not in text:
        return text.count('{')
    return text.replace('{', '[').count('[')  # Python replaces faster than it counts


def nests_too_deep(value: Any, containers: int) -> bool:
    """Return whether a decoded value has more than `MAX_NESTED_LEVELS` levels. Uses no recursion.

    `containers` is an upper limit of the number of objects and arrays in it, itself included. The
    search stops early: the containers that are left may be too few for a level that is too deep.
    """
    level: list[Any] = [value]
    for depth in range(1, MAX_NESTED_LEVELS + 1):
        containers -= len(level)
        if not level or depth + containers <= MAX_NESTED_LEVELS:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


def _read_with_json(text: str) -> Any:
    start = len(text) - len(text.lstrip(WHITE_SPACE))
    try:
        decoder = _decoder if len(text) <= MAX_DIGITS else _decoder_of_long_texts()
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:  # not chained: it contains the text
        problem = error.msg.removesuffix(' at')  # 'Unterminated string starting at'
        raise ValueError(f'{problem} at character {error.pos}') from None
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if end < len(text) and text[end:].strip(WHITE_SPACE):
        raise ValueError(f'it ends at character {end}, but text follows')
    return value


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f'{constant} is not a JSON number')


def _decoder_of_long_texts() -> json.JSONDecoder:
    # Only a long text can contain an integer with too many digits.
    limit = getattr(sys, 'get_int_max_str_digits', int)()  # missing before Python 3.10.7
    return _decoder if 0 < limit <= MAX_DIGITS else _bounded_decoder


def _bounded(digits: str) -> int:
    if len(digits.lstrip('-')) > MAX_DIGITS:
        raise ValueError(f'an integer has over {MAX_DIGITS:,} digits')
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError('a number is too large for a float')
    return number


_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_bounded_decoder = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, parse_int=_bounded
)
