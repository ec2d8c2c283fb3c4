"""Objects as compact JSON text, and back.

msgspec reads in a third of the time what Python's own `json` reads: the same value, integers of any
size and all floats included, or none. What it refuses is read by `json`, which also takes halves of
a surrogate pair, and says where a text is wrong.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from math import isfinite, isinf
from typing import Any, NoReturn

from msgspec import MsgspecError
from msgspec.json import Decoder as JsonDecoder

from mega.codec._values import MAX_DEPTH, check, nests_too_deep
from mega.errors import DecodeError, safe_repr

__all__ = ('WHITE_SPACE', 'decode', 'encode')

WHITE_SPACE = ' \t\r\n'
"""What JSON allows around its values."""

# Reading and writing integers takes quadratic time, so Python has a limit of 4,300 digits, which a
# process may lift, or lower to 640 (sys.set_int_max_str_digits). One of up to so many bits has no
# more digits than that.
_MAX_DIGITS = 4_300
_MAX_BITS = 14_284
_ALWAYS_BITS = 2_126

# For each level msgspec takes three times as much of the stack as `json`, to which Python allows a
# thousand. In so many it takes no more.
_FEW = 300

# What JSON can say and SQS cannot carry as it is: noncharacters, and halves of a surrogate pair.
_ESCAPED = re.compile('[\ud800-\udfff\ufffe\uffff]')
_TWO_HALVES = re.compile('[\ud800-\udbff][\udc00-\udfff]')


def encode(document: dict[str, Any]) -> str:
    """Write an object as JSON without spaces, every character as itself where SQS carries it.

    Raises:
        EncodeError: for what JSON cannot carry, with its path.
    """
    if not _is_plain(document, 1):
        check(document, _problem_of_key, _problem_of_value)
    body = ''.join(_write(document, 0))
    if body.isascii() or _is_carried(body):
        return body
    if _TWO_HALVES.search(body):
        check(document, _problem_of_key, _problem_of_value)
    return _ESCAPED.sub(lambda found: f'\\u{ord(found[0]):04x}', body)


def decode(body: str) -> dict[str, Any]:
    """Read an object from JSON text that begins with a brace. Of keys given twice the last counts.

    White space may follow, and nothing else.
    Bounded: what is nested too deep is refused while it is read.

    Raises:
        DecodeError: for anything that is not a whole JSON object.
    """
    # To count is a hundred times cheaper than to look, and says enough of nearly every body; to
    # find that there is nothing to count is cheaper still.
    openings = body.count('{') + (body.count('[') if '[' in body else 0)
    try:
        document = _read_fast(body) if openings <= _FEW else _read(body)
    except (MsgspecError, ValueError, RecursionError):
        document = _read(body)
    if openings > MAX_DEPTH and nests_too_deep(document, openings):
        raise DecodeError(_TOO_DEEP, _FORMAT)
    return document


def _read(body: str) -> dict[str, Any]:
    try:
        document: dict[str, Any]
        decoder = _decoder if len(body) <= _MAX_DIGITS else _decoder_of_long_bodies()
        document, end = decoder.raw_decode(body)
    except json.JSONDecodeError as error:  # not chained: it holds the body
        raise DecodeError(f'{error.msg} at character {error.pos}', _FORMAT) from None
    except ValueError as error:
        raise DecodeError(str(error), _FORMAT) from None
    except RecursionError:
        raise DecodeError(_TOO_DEEP, _FORMAT) from None
    if end < len(body) and body[end:].strip(WHITE_SPACE):
        raise DecodeError(f'it ends at character {end}, but text follows', _FORMAT)
    return document


_FORMAT = 'JSON object'
_TOO_DEEP = f'it is nested deeper than {MAX_DEPTH} levels'


def _is_plain(container: Any, depth: int) -> bool:
    """Whether JSON surely carries everything in an object or array; if not, `check` has to look.

    Nearly every payload is plain, and to say so takes a third of the time of looking for the path.
    """
    if depth > MAX_DEPTH:
        return False
    values = container
    if type(container) is dict:
        for key in container:
            if type(key) is not str:
                return False
        values = container.values()
    for value in values:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int:
            if value.bit_length() > _ALWAYS_BITS:
                return False
        elif kind is dict or kind is list or kind is tuple:
            if not _is_plain(value, depth + 1):
                return False
        elif kind is not float or not isfinite(value):
            return False
    return True


def _is_carried(body: str) -> bool:
    """Whether nothing is to be escaped. To look is cheaper than to replace nothing."""
    if '\ufffe' in body or '\uffff' in body:
        return False
    try:
        body.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _problem_of_key(key: object) -> str | None:
    return _problem_of_text(key) if type(key) is str else 'but a key in JSON is a str'


def _problem_of_value(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return _problem_of_text(value)
    if kind is int:
        return _problem_of_integer(value)
    if kind is float:
        return None if isfinite(value) else f'is {value}, which JSON cannot say'
    if value is None or kind is bool:
        return None
    return f'is {safe_repr(value)} ({kind.__name__}), which JSON cannot carry with its type'


def _problem_of_integer(value: int) -> str | None:
    bits = value.bit_length()
    try:
        if bits <= _ALWAYS_BITS or (bits <= _MAX_BITS and str(value)):
            return None
    except ValueError:  # this process has a lower limit
        pass
    return 'is an integer of too many digits to be read back'


def _problem_of_text(text: Any) -> str | None:
    if text.isascii() or not _TWO_HALVES.search(text):
        return None
    return 'holds two halves of a surrogate pair, which would come back as one character'


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f'{constant} is not a JSON number')


def _decoder_of_long_bodies() -> json.JSONDecoder:
    # Only a long body can hold an integer of too many digits.
    limit = getattr(sys, 'get_int_max_str_digits', int)()  # not in 3.10.6 and before
    return _decoder if 0 < limit <= _MAX_DIGITS else _bounded_decoder


def _bounded(digits: str) -> int:
    if len(digits.lstrip('-')) > _MAX_DIGITS:
        raise ValueError(f'an integer has over {_MAX_DIGITS:,} digits')
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError('a number is too large for a float')
    return number


def _writer() -> Callable[..., Iterable[str]]:
    """What writes an object, in pieces. `JSONEncoder` makes one for every call; this is for all."""
    options = json.JSONEncoder(
        ensure_ascii=False, check_circular=False, allow_nan=False, separators=(',', ':')
    )
    make = getattr(json.encoder, 'c_make_encoder', None)
    if make is None:  # a Python whose json is not written in C
        return options.iterencode
    write: Callable[..., Iterable[str]] = make(
        None,
        options.default,
        json.encoder.encode_basestring,
        options.indent,
        options.key_separator,
        options.item_separator,
        options.sort_keys,
        options.skipkeys,
        options.allow_nan,
    )
    return write


_write = _writer()
_read_fast: Callable[[str], dict[str, Any]] = JsonDecoder().decode
_decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_bounded_decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, parse_int=_bounded)
