"""Objects as compact JSON text, and back (`mega.json_reading`).

msgspec encodes nearly every body, in a third of the time of Python's `json`. `json` encodes the
rest: halves of a surrogate pair, subclasses of `dict`, integers of over 640 digits, and floats like
1e-05, which msgspec writes with two more characters (0.00001).

The two write some floats differently, as 1e16 and 1e+16. JSON readers return the same float.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

from msgspec.json import Encoder as JsonEncoder

from mega.codec._validation import validate
from mega.errors import DecodeError, safe_repr
from mega.json_reading import MAX_NESTED_LEVELS, read_json

__all__ = ('decode', 'encode')

_MAX_BITS = 14_284  # such an integer has at most MAX_DIGITS
_ALWAYS_ALLOWED_BITS = 2_126  # at most 640 digits

# JSON can express these, but SQS refuses them: noncharacters, and halves of a surrogate pair.
_NOT_IN_SQS = re.compile('[\ud800-\udfff\ufffe\uffff]')
_TWO_HALVES = re.compile('[\ud800-\udbff][\udc00-\udfff]')

_FORMAT = 'JSON object'


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
    """Read an object from JSON text that begins with a brace, with the limits of `read_json`.

    Raises:
        DecodeError: for any other text than one complete JSON object.
    """
    try:
        document: dict[str, Any] = read_json(body)
    except ValueError as error:
        raise DecodeError(str(error), _FORMAT) from None
    return document


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


_msgspec_encode = JsonEncoder().encode
_encode_with_json = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(',', ':')
).encode
