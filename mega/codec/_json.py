"""Objects as compact JSON text, and back.

msgspec encodes and decodes nearly every body, in a third of the time of Python's `json`. `json`
handles the rest, so the result never depends on which of the two was used:

    encoding   halves of a surrogate pair, subclasses of `dict`, integers of over 640 digits, and
               floats like 1e-05, which msgspec writes with two more characters (0.00001)
    decoding   every body that msgspec refuses: `json` accepts halves of a surrogate pair, and its
               errors name the position

The two write some floats differently, as 1e16 and 1e+16. JSON readers return the same float.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from math import isfinite, isinf
from typing import Any, NoReturn

from msgspec import MsgspecError
from msgspec.json import Decoder as JsonDecoder
from msgspec.json import Encoder as JsonEncoder

from mega.codec._validation import MAX_NESTED_LEVELS, nests_too_deep, validate
from mega.errors import DecodeError, safe_repr

__all__ = ('WHITE_SPACE', 'count_openings', 'decode', 'encode')

WHITE_SPACE = ' \t\r\n'
"""The characters that JSON allows around its values."""

# Python reads and writes an integer in quadratic time, so it has a limit of 4,300 digits. A process
# can remove the limit, or lower it to 640 digits (sys.set_int_max_str_digits).
_MAX_DIGITS = 4_300
_MAX_BITS = 14_284  # such an integer has at most 4,300 digits
_ALWAYS_ALLOWED_BITS = 2_126  # at most 640 digits

# Python limits `json` to about a thousand levels. msgspec has no such limit and needs three
# times as much of the stack per level, so it never gets a body with more levels than this.
_MAX_MSGSPEC_LEVELS = 300

# JSON can express these, but SQS refuses them: noncharacters, and halves of a surrogate pair.
_NOT_IN_SQS = re.compile('[\ud800-\udfff\ufffe\uffff]')
_TWO_HALVES = re.compile('[\ud800-\udbff][\udc00-\udfff]')

_FORMAT = 'JSON object'
_TOO_DEEP = f'it is nested deeper than {MAX_NESTED_LEVELS} levels'


def encode(document: dict[str, Any]) -> str:
    """Write an object as JSON without spaces.

    Non-ASCII characters are escaped only if SQS refuses them.

    Raises:
        EncodeError: for a value that JSON cannot carry, with its path.
    """
    if type(document) is dict and _is_surely_valid(document, 1):
        body = _encode_with_msgspec(document)
        if body is not None:
            return body
    else:
        validate(document, _key_error, _value_error)
    body = _encode_with_json(document)
    if _TWO_HALVES.search(body):
        validate(document, _key_error, _value_error)
    return _NOT_IN_SQS.sub(lambda found: f'\\u{ord(found[0]):04x}', body)


def decode(body: str) -> dict[str, Any]:
    """Read an object from JSON text that begins with a brace.

    If an object has the same key twice, the last one counts. Only white space may follow the
    object. A body that is nested too deep is refused early, without much memory or time.

    Raises:
        DecodeError: for any other text than one complete JSON object.
    """
    openings = count_openings(body)
    try:
        within_limit = openings <= _MAX_MSGSPEC_LEVELS
        document = _decode_with_msgspec(body) if within_limit else _decode_with_json(body)
    except (MsgspecError, ValueError, RecursionError):
        document = _decode_with_json(body)
    if openings > MAX_NESTED_LEVELS and nests_too_deep(document, openings):
        raise DecodeError(_TOO_DEEP, _FORMAT)
    return document


def count_openings(body: str) -> int:
    """Return the number of brackets and braces that open, at least the depth of the body.

    To count them is a hundred times faster than to measure the depth, and sufficient for nearly
    every body.
    """
    return body.count('{') + (body.count('[') if '[' in body else 0)


def _encode_with_msgspec(document: dict[str, Any]) -> str | None:
    """Return the JSON text that msgspec writes; None if `json` must write it."""
    try:
        body = _msgspec_encode(document).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    if '0.0000' in body:  # perhaps a float that is shorter with an exponent
        return None
    if not body.isascii() and ('\ufffe' in body or '\uffff' in body):  # not carried by SQS
        return None
    return body


def _decode_with_json(body: str) -> dict[str, Any]:
    try:
        document: dict[str, Any]
        decoder = _decoder if len(body) <= _MAX_DIGITS else _decoder_of_long_bodies()
        document, end = decoder.raw_decode(body)
    except json.JSONDecodeError as error:  # not chained: it contains the body
        problem = error.msg.removesuffix(' at')  # 'Unterminated string starting at'
        raise DecodeError(f'{problem} at character {error.pos}', _FORMAT) from None
    except ValueError as error:
        raise DecodeError(str(error), _FORMAT) from None
    except RecursionError:
        raise DecodeError(_TOO_DEEP, _FORMAT) from None
    if end < len(body) and body[end:].strip(WHITE_SPACE):
        raise DecodeError(f'it ends at character {end}, but text follows', _FORMAT)
    return document


def _is_surely_valid(container: Any, depth: int) -> bool:
    """Return True if every value in an object or array is valid; False if that is not certain.

    Nearly every payload is surely valid. This takes a third of the time of `validate`, which also
    finds the path of an invalid value.
    """
    if depth > MAX_NESTED_LEVELS:
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
            if value.bit_length() > _ALWAYS_ALLOWED_BITS:
                return False
        elif kind is dict or kind is list or kind is tuple:
            if not _is_surely_valid(value, depth + 1):
                return False
        elif kind is not float or not isfinite(value):
            return False
    return True


def _key_error(key: object) -> str | None:
    return _text_error(key) if type(key) is str else 'but a key in JSON must be a str'


def _value_error(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return _text_error(value)
    if kind is int:
        return _integer_error(value)
    if kind is float:
        return None if isfinite(value) else f'is {value}, which JSON cannot express'
    if value is None or kind is bool:
        return None
    return f'is {safe_repr(value)} ({kind.__name__}), which JSON cannot carry with its type'


def _integer_error(value: int) -> str | None:
    bits = value.bit_length()
    try:
        if bits <= _ALWAYS_ALLOWED_BITS or (bits <= _MAX_BITS and str(value)):
            return None
    except ValueError:  # this process has a lower limit
        pass
    return 'is an integer with too many digits to be decoded'


def _text_error(text: Any) -> str | None:
    if text.isascii() or not _TWO_HALVES.search(text):
        return None
    return 'contains two halves of a surrogate pair, which would arrive as one character'


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f'{constant} is not a JSON number')


def _decoder_of_long_bodies() -> json.JSONDecoder:
    # Only a long body can contain an integer with too many digits.
    limit = getattr(sys, 'get_int_max_str_digits', int)()  # missing before Python 3.10.7
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


_msgspec_encode = JsonEncoder().encode
_encode_with_json = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(',', ':')
).encode
_decode_with_msgspec: Callable[[str], dict[str, Any]] = JsonDecoder().decode
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_bounded_decoder = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, parse_int=_bounded
)
