"""Objects as BSON, and back: what JSON carries, and bytes, dates, UUIDs and Decimals besides.

Integers are of 64 bits, dates of milliseconds in UTC, Decimals of 34 digits: https://bsonspec.org.
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
from mega.codec._values import MAX_DEPTH, check, nests_too_deep
from mega.errors import DecodeError, safe_repr

__all__ = ('decode', 'encode')


def encode(document: dict[str, Any]) -> bytes:
    """Write an object as BSON.

    Raises:
        EncodeError: for what BSON cannot carry, with its path.
    """
    check(document, _problem_of_key, _problem_of_value, _problem_of_object)
    return bson.encode(document, codec_options=_OPTIONS)


def decode(data: bytes) -> dict[str, Any] | None:
    """Read an object from BSON, as plain Python values; None for bytes that are none.

    Raises:
        DecodeError: for BSON of which a value cannot be carried by us: nested too deep, not finite,
            a date beyond the year 9999, or of a type of MongoDB's own.
    """
    try:
        document: dict[str, Any] = bson.decode(data, codec_options=_OPTIONS)
    except InvalidBSON as error:
        if str(error).startswith('maximum recursion'):
            raise DecodeError(_TOO_DEEP, _FORMAT) from None
        return None
    if nests_too_deep(document, at_most=len(data) // _MIN_BYTES):
        raise DecodeError(_TOO_DEEP, _FORMAT)
    _make_plain(document)
    return document


_MIN_BYTES = 5  # of an object or array: its length and its end
_FORMAT = 'BSON object'
_TOO_DEEP = f'it is nested deeper than {MAX_DEPTH} levels'


def _make_plain(container: Any) -> None:
    members = container.items() if isinstance(container, dict) else enumerate(container)
    for key, value in members:
        kind = type(value)
        if kind is dict or kind is list:
            _make_plain(value)
        elif kind not in _AS_THEY_ARE:
            container[key] = _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        if number.is_finite():
            return number
    problem = f'it contains {safe_repr(value)} ({type(value).__name__}), which has no Python type'
    raise DecodeError(problem, _FORMAT)


def _problem_of_key(key: object) -> str | None:
    if type(key) is not str:
        return 'but a key in BSON is a str'
    if '\0' in key:
        return 'but a key in BSON holds no NUL'
    return _problem_of_text(key)


def _problem_of_value(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return _problem_of_text(value)
    if kind is int:
        return None if -(2**63) <= value < 2**63 else 'is an integer of more than 64 bits'
    if kind is float:
        return None if math.isfinite(value) else f'is {value}, which is not carried'
    if kind is Decimal:
        return _problem_of_decimal(value)
    if kind is datetime:
        return None if timestamps.to_utc(value) else 'lies outside of the years 1 to 9999 in UTC'
    if value is None or kind in (bool, bytes, UUID):
        return None
    return f'is {safe_repr(value)} ({kind.__name__}), which BSON cannot carry with its type'


def _problem_of_text(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f'holds half of a surrogate pair at character {error.start}'
    return None


def _problem_of_decimal(number: Decimal) -> str | None:
    if not number.is_finite():
        return f'is {number}, which is not carried'
    try:
        exact = Decimal128(number).to_decimal() == number
    except ArithmeticError:
        exact = False
    return None if exact else 'is a Decimal that does not fit into 34 digits'


def _problem_of_object(value: dict[str, Any]) -> str | None:
    # So does pymongo tell a reference to another document, and read it as a DBRef.
    is_reference = isinstance(value.get('$ref'), str) and '$id' in value
    if is_reference and isinstance(value.get('$db'), (str, type(None))):
        return 'has the keys $ref and $id, and would come back as a DBRef'
    return None


class _DecimalEncoder(TypeEncoder):
    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    def transform_python(self, value: Decimal) -> Decimal128:
        return Decimal128(value)


_AS_THEY_ARE = frozenset((str, int, bool, type(None), datetime, UUID, bytes))

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    tzinfo=timezone.utc,
    uuid_representation=UuidRepresentation.STANDARD,
    # A date out of range becomes an object of its own, which is refused by its type; raised as an
    # error it could not be told from bytes that are no BSON at all.
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    type_registry=TypeRegistry([_DecimalEncoder()]),
)
