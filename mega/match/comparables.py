"""The four kinds of comparable values: numbers, texts, instants and days.

The type of the pattern's value determines the kind. A value from a payload is converted to this
kind; if that is impossible, it does not match. For example, `gt(5)` compares numbers: 6 and "6"
match, and "six" does not. No payload makes this module raise.

A normaliser returns a value in one normal form, such as a case-folded text; None if the value has
no such form. The index and the member tables look up values in these forms.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable
from datetime import date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from msgspec import Struct

from mega import timestamps

__all__ = (
    'NORMALISERS',
    'Comparable',
    'DayValue',
    'ExactKeys',
    'InstantValue',
    'Normaliser',
    'NumberValue',
    'Test',
    'TextValue',
    'exact',
    'exact_keys_of',
    'is_number',
    'parse_address',
    'parse_number',
    'to_array_marker',
    'to_ascii_lower',
    'to_comparable',
    'to_constant',
    'to_day',
    'to_folded_text',
    'to_instant',
    'to_number',
    'to_ordered_text',
    'to_reversed_ascii_lower',
    'to_reversed_folded_text',
    'to_reversed_text',
    'to_text',
    'to_typed_value',
    'wrap',
)

MAX_ADDRESS = len('ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255')
"""The number of characters in the longest IP address."""

Test: TypeAlias = Callable[[Any, Any], bool]
"""A comparison of the module `operator`, with the payload's value on the left."""

Normaliser: TypeAlias = Callable[[object], Any]
"""Returns a value in one normal form, hashable and ordered; None if it has no such form."""

ExactKeys: TypeAlias = tuple[tuple[Normaliser, Any], ...]
"""Normal forms, each with a value. A value in one of these normal forms may equal the value."""

_JSON_NUMBER = re.compile(r'-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')


class NumberValue(Struct, frozen=True, gc=False):
    """A number. Comparisons are exact: 2**53 + 1 is not 2.0**53. A boolean is not a number.

    A text that spells a number in JSON's grammar is compared with the decimal spelling of the
    pattern's number. So '19.99' equals 19.99, although the float 19.99 is slightly less.
    """

    value: int | float | Decimal
    exact: int | Decimal
    """The exact value: a float as a Decimal."""

    spelled: int | Decimal
    """The value of the shortest decimal spelling, which `repr` shows."""

    @classmethod
    def of(cls, value: int | float | Decimal) -> NumberValue:
        if isinstance(value, float):
            plain = float(value)
            return cls(plain, exact(plain), Decimal(repr(plain)))
        plain_or_decimal = value if isinstance(value, Decimal) else int(value)
        return cls(plain_or_decimal, plain_or_decimal, plain_or_decimal)

    def compare(self, test: Test, lhs: object) -> bool:
        if isinstance(lhs, str):
            number = parse_number(lhs)
            return number is not None and test(number, self.spelled)
        if not is_number(lhs):
            return False
        if isinstance(self.value, Decimal):
            return test(exact(lhs), self.value)
        return test(lhs, self.exact if isinstance(lhs, Decimal) else self.value)


class TextValue(Struct, frozen=True, gc=False):
    """A text, compared by code points, without case folding or normalisation."""

    value: str

    def compare(self, test: Test, lhs: object) -> bool:
        return isinstance(lhs, str) and test(lhs, self.value)


class InstantValue(Struct, frozen=True, gc=False):
    """A point in time. A date without a time means its midnight; without a zone it is UTC."""

    value: datetime

    def compare(self, test: Test, lhs: object) -> bool:
        instant = to_instant(lhs)
        return instant is not None and test(instant, self.value)


class DayValue(Struct, frozen=True, gc=False):
    """A calendar day in UTC."""

    value: date

    def compare(self, test: Test, lhs: object) -> bool:
        day = to_day(lhs)
        return day is not None and test(day, self.value)


Comparable: TypeAlias = NumberValue | TextValue | InstantValue | DayValue


def to_comparable(value: object) -> Comparable | None:
    """Return a value of a pattern as a comparable; None for other types, and for NaN."""
    if isinstance(value, str):
        return TextValue(str.__str__(value))
    if isinstance(value, datetime):
        return InstantValue(_in_utc(value))
    if isinstance(value, date):
        return DayValue(value)
    if is_number(value):
        return NumberValue.of(value)
    return None


def is_number(value: object) -> TypeGuard[int | float | Decimal]:
    """Return whether a value is a number that is neither a boolean nor NaN."""
    if isinstance(value, float):
        return not math.isnan(value)
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, Decimal) and not value.is_nan()


def exact(number: Any) -> Any:
    """Return a float as a Decimal of the same value, and any other number as it is.

    Python orders a float and a Decimal, and converts a float by `Decimal(...)`, in the decimal
    context of the program. A context that traps `FloatOperation` makes both raise.
    """
    return Decimal.from_float(number) if isinstance(number, float) else number


def parse_number(lhs: object) -> Decimal | None:
    """Return the number that a text spells in JSON's grammar."""
    if not isinstance(lhs, str) or not _JSON_NUMBER.fullmatch(lhs):
        return None
    try:
        number = Decimal(lhs)
    except InvalidOperation:  # the exponent exceeds the limit of Decimal
        return None
    return None if number.is_nan() else number  # the same, if the program does not trap it


def to_instant(lhs: object) -> datetime | None:
    """Return a value, or the text of a timestamp, as an instant in UTC."""
    if isinstance(lhs, str):
        return timestamps.parse_timestamp(lhs)
    if isinstance(lhs, datetime):
        return _in_utc(lhs)
    if isinstance(lhs, date):
        return datetime.combine(lhs, time(), timezone.utc)
    return None


def to_day(lhs: object) -> date | None:
    """Return the calendar day in UTC of a value, or of the text of a timestamp."""
    instant = to_instant(lhs)
    return None if instant is None else timestamps.utc_date(instant)


def parse_address(lhs: object) -> tuple[int, int] | None:
    """Return the IP address that a text spells, as its version (4 or 6) and its integer value."""
    if not isinstance(lhs, str) or len(lhs) > MAX_ADDRESS or '%' in lhs:
        return None
    try:
        address = ip_address(lhs)
    except ValueError:
        return None
    return address.version, int(address)


# ── normal forms, for look-ups in hash tables and sorted lists ────────────────────────────────────


def to_text(lhs: object) -> str | None:
    return str.__str__(lhs) if isinstance(lhs, str) else None


def to_reversed_text(lhs: object) -> str | None:
    return lhs[::-1] if isinstance(lhs, str) else None


def to_folded_text(lhs: object) -> str | None:
    return lhs.casefold() if isinstance(lhs, str) else None


def to_reversed_folded_text(lhs: object) -> str | None:
    return lhs.casefold()[::-1] if isinstance(lhs, str) else None


def to_ascii_lower(lhs: object) -> str | None:
    """Return a text with the 26 capitals of ASCII in lower case, and no other changes."""
    if not isinstance(lhs, str):
        return None
    return lhs.lower() if lhs.isascii() else lhs.translate(_ASCII_LOWER)


def to_reversed_ascii_lower(lhs: object) -> str | None:
    lowered = to_ascii_lower(lhs)
    return None if lowered is None else lowered[::-1]


_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def to_number(lhs: object) -> Any:
    if type(lhs) is int:
        return lhs
    if not is_number(lhs):
        return None
    # An instance of a subclass may not be hashable.
    if isinstance(lhs, Decimal):
        return Decimal(lhs)
    return float(lhs) if isinstance(lhs, float) else int(lhs)


def to_ordered_text(lhs: object) -> tuple[str, ...]:
    """Return a form in the order of texts. A value that is not a text is before all texts."""
    return (str.__str__(lhs),) if isinstance(lhs, str) else ()


def to_constant(lhs: object) -> str | None:
    return repr(lhs) if lhs is None or lhs is True or lhs is False else None


def to_typed_value(lhs: object) -> tuple[type, object] | None:
    for kind in (bytes, UUID):
        if isinstance(lhs, kind):
            return kind, lhs
    return None


def to_array_marker(lhs: object) -> str | None:
    return 'array' if isinstance(lhs, (list, tuple)) else None


def wrap(lhs: object) -> tuple[object]:
    """Return any value in a tuple, so that the value None also has a normal form."""
    return (lhs,)


NORMALISERS: dict[type, Normaliser] = {
    TextValue: to_text,
    InstantValue: to_instant,
    DayValue: to_day,
}
"""The normal form of each kind of comparable, except numbers, which have two."""


def exact_keys_of(comparable: Comparable) -> ExactKeys:
    """Return the normal forms of a comparable. An equal value has at least one of them."""
    if isinstance(comparable, NumberValue):
        return (to_number, comparable.value), (parse_number, comparable.spelled)
    return ((NORMALISERS[type(comparable)], comparable.value),)


def _in_utc(instant: datetime) -> datetime:
    """Return an instant in UTC. Python compares two instants in one zone by their wall clocks."""
    return timestamps.to_utc(instant) or instant
