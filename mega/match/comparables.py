"""Scales on which two values can be compared: numbers, texts, instants, days.

The type of the pattern's value picks the scale; a value from a payload that cannot be read on it
does not match. Nothing here raises, whatever the payload holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any, TypeAlias, TypeGuard

from mega import timestamps

__all__ = (
    'Comparable',
    'DayValue',
    'InstantValue',
    'NumberValue',
    'Test',
    'TextValue',
    'is_number',
    'parse_address',
    'parse_number',
    'to_comparable',
    'to_day',
    'to_instant',
)

MAX_ADDRESS = len('ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255')
"""The characters of the longest internet address."""

Test: TypeAlias = Callable[[Any, Any], bool]
"""One of `operator`'s comparisons, the payload's value on the left."""

_JSON_NUMBER = re.compile(r'-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')


@dataclass(frozen=True, slots=True)
class NumberValue:
    """Numbers, exactly: 2**53 + 1 is not 2.0**53. Booleans are none.

    A text is read where it spells a number in JSON's grammar, and then stands against the
    pattern's number as that is spelled: 19.99 against '19.99'.
    """

    value: int | float | Decimal
    exact: int | Decimal
    spelled: int | Decimal

    @classmethod
    def of(cls, value: int | float | Decimal) -> NumberValue:
        if isinstance(value, float):
            plain = float(value)
            return cls(plain, Decimal.from_float(plain), Decimal(repr(plain)))
        plain_or_decimal = value if isinstance(value, Decimal) else int(value)
        return cls(plain_or_decimal, plain_or_decimal, plain_or_decimal)

    def compare(self, test: Test, lhs: object) -> bool:
        if isinstance(lhs, str):
            read = parse_number(lhs)
            return read is not None and test(read, self.spelled)
        if not is_number(lhs):
            return False
        # Between a float and a Decimal, the caller's decimal context would have a say.
        if isinstance(lhs, float) and isinstance(self.value, Decimal):
            return test(Decimal.from_float(lhs), self.value)
        return test(lhs, self.exact if isinstance(lhs, Decimal) else self.value)


@dataclass(frozen=True, slots=True)
class TextValue:
    """Texts, code point by code point: no case is folded and nothing is normalised."""

    value: str

    def compare(self, test: Test, lhs: object) -> bool:
        return isinstance(lhs, str) and test(lhs, self.value)


@dataclass(frozen=True, slots=True)
class InstantValue:
    """Points in time. A day alone is its midnight; no zone means UTC."""

    value: datetime

    def compare(self, test: Test, lhs: object) -> bool:
        instant = to_instant(lhs)
        return instant is not None and test(instant, self.value)


@dataclass(frozen=True, slots=True)
class DayValue:
    """Calendar days in UTC."""

    value: date

    def compare(self, test: Test, lhs: object) -> bool:
        day = to_day(lhs)
        return day is not None and test(day, self.value)


Comparable: TypeAlias = NumberValue | TextValue | InstantValue | DayValue


def to_comparable(value: object) -> Comparable | None:
    """The scale on which a pattern's value lies; None for one that is on no scale.

    NaN is on none: it compares with nothing.
    """
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
    """Whether something is a number that compares: no boolean, and not NaN."""
    if isinstance(value, float):
        return not math.isnan(value)
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, Decimal) and not value.is_nan()


def parse_number(lhs: object) -> Decimal | None:
    """The number that a text spells in JSON's grammar."""
    if not isinstance(lhs, str) or not _JSON_NUMBER.fullmatch(lhs):
        return None
    try:
        return Decimal(lhs)
    except InvalidOperation:  # an exponent of more digits than Decimal has room for
        return None


def to_instant(lhs: object) -> datetime | None:
    """The instant in UTC that something is, or that a text spells."""
    if isinstance(lhs, str):
        return timestamps.parse_timestamp(lhs)
    if isinstance(lhs, datetime):
        return _in_utc(lhs)
    if isinstance(lhs, date):
        return datetime.combine(lhs, time(), timezone.utc)
    return None


def to_day(lhs: object) -> date | None:
    """The calendar day in UTC on which something lies, or that a text spells."""
    instant = to_instant(lhs)
    return None if instant is None else timestamps.utc_date(instant)


def parse_address(lhs: object) -> tuple[int, int] | None:
    """The internet address that a text spells: its version, then its bits."""
    if not isinstance(lhs, str) or len(lhs) > MAX_ADDRESS or '%' in lhs:
        return None
    try:
        address = ip_address(lhs)
    except ValueError:
        return None
    return address.version, int(address)


def _in_utc(instant: datetime) -> datetime:
    """The same instant, comparable with any other: within one zone Python compares wall clocks."""
    return timestamps.to_utc(instant) or instant
