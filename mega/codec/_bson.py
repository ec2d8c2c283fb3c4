"""Objects as BSON, and back.

BSON carries every value that JSON carries, and also bytes, dates, UUIDs and Decimals. Its integers
have 64 bits, its dates are UTC in milliseconds, and its Decimals have 34 digits:
https://bsonspec.org/spec.html
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion, TypeEncoder, TypeRegistry
from bson.decimal128 import Decimal128
from bson.errors import InvalidBSON
from bson.int64 import Int64

from mega import timestamps
from mega.codec._validation import validate
from mega.errors import DecodeError, safe_repr
from mega.json_reading import TOO_DEEP, nests_too_deep

__all__ = ('decode', 'encode')

_MIN_CONTAINER_BYTES = 5  # an empty object or array: its length and its end
_SPECIAL_SHIFT = 125  # the two bits after the sign
_COEFFICIENT_MASK = 2**113 - 1
_MAX_COEFFICIENT = 10**34 - 1
_FORMAT = 'BSON object'


def encode(document: dict[str, Any]) -> bytes:
    """Write an object as BSON.

    Raises:
        EncodeError: for a value that BSON cannot carry, with its path.
    """
    validate(document, _key_error, _value_error, _object_error)
    return bson.encode(document, codec_options=_OPTIONS)


def decode(data: bytes) -> dict[str, Any] | None:
    """Read an object from BSON, as plain Python values; None if the bytes are not BSON.

    Raises:
        DecodeError: for BSON that is nested too deep, or contains a value that payloads cannot
            carry. Such values are infinite numbers, NaN, Decimals of more than 34 digits, dates
            after the year 9999 and types of MongoDB.
    """
    try:
        document: dict[str, Any] = bson.decode(data, codec_options=_OPTIONS)
    except InvalidBSON as error:
        if str(error).startswith('maximum recursion'):
            raise DecodeError(TOO_DEEP, _FORMAT) from None
        if not str(error):  # pymongo replaces every exception, and only this one has no text
            raise MemoryError from None
        return None
    if nests_too_deep(document, containers=len(data) // _MIN_CONTAINER_BYTES):
        raise DecodeError(TOO_DEEP, _FORMAT)
    _replace_bson_types(document)
    return document


def _replace_bson_types(container: Any) -> None:
    """Replace each instance of a class of pymongo by the plain Python value, in place."""
    members = container.items() if isinstance(container, dict) else enumerate(container)
    for key, value in members:
        kind = type(value)
        if kind is dict or kind is list:
            _replace_bson_types(value)
        elif kind not in _PYTHON_TYPES:
            container[key] = _to_python(value)


def _to_python(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, Decimal128) and _is_canonical(value):
        return value.to_decimal()
    found = f'{safe_repr(value)} ({type(value).__name__})'
    raise DecodeError(f'it contains {found}, which payloads cannot carry', _FORMAT)


def _is_canonical(number: Decimal128) -> bool:
    """Return whether a Decimal128 is a finite number of at most 34 digits.

    The bits can also express a larger coefficient. Some versions of pymongo read it as 0, and
    others raise an exception of `decimal`: https://en.wikipedia.org/wiki/Decimal128_floating-point_format
    """
    bits = int.from_bytes(number.bid, 'little')
    is_plain = bits >> _SPECIAL_SHIFT & 3 != 3  # else it is NaN, infinite or too large
    return is_plain and bits & _COEFFICIENT_MASK <= _MAX_COEFFICIENT


def _key_error(key: object) -> str | None:
    if type(key) is not str:
        return 'but a key in BSON must be a str'
    if '\0' in key:
        return 'but a key in BSON cannot contain NUL'
    return _text_error(key)


def _value_error(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return _text_error(value)
    if kind is int:
        return None if -(2**63) <= value < 2**63 else 'is an integer of more than 64 bits'
    if kind is float:
        return None if math.isfinite(value) else f'is {value}: must be finite'
    if kind is Decimal:
        return _decimal_error(value)
    if kind is datetime:
        return None if timestamps.to_utc(value) else 'lies outside of the years 1 to 9999 in UTC'
    if value is None or kind in (bool, bytes, UUID):
        return None
    return f'is {safe_repr(value)} ({kind.__name__}), which BSON cannot carry with its type'


def _text_error(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f'contains half of a surrogate pair at character {error.start}'
    return None


def _decimal_error(number: Decimal) -> str | None:
    if not number.is_finite():
        return f'is {number}: must be finite'
    try:
        Decimal128(number)
    except ArithmeticError:  # among them decimal.Inexact: BSON would round the number
        return 'is a Decimal that does not fit into 34 digits'
    return None


def _object_error(value: dict[str, Any]) -> str | None:
    # pymongo detects a reference to another document by these keys, and decodes it to a DBRef.
    is_reference = isinstance(value.get('$ref'), str) and '$id' in value
    if is_reference and isinstance(value.get('$db'), (str, type(None))):
        return 'has the keys $ref and $id, and would arrive as a DBRef'
    return None


class _DecimalEncoder(TypeEncoder):
    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    def transform_python(self, value: Decimal) -> Decimal128:
        return Decimal128(value)


_PYTHON_TYPES = frozenset((str, int, bool, type(None), datetime, UUID, bytes))

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    tzinfo=timezone.utc,
    uuid_representation=UuidRepresentation.STANDARD,
    # pymongo returns a date that is out of range as a `DatetimeMS`, which `_to_python` refuses. An
    # exception would be the same InvalidBSON as for bytes that are not BSON.
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    type_registry=TypeRegistry([_DecimalEncoder()]),
)
