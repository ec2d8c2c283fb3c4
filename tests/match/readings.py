"""Conversions of the reference implementation: to numbers, instants, addresses and wildcards.

They are naive and do not use the package. Numbers with huge exponents are not supported.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

JSON_NUMBER = re.compile(r'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?')
ISO_TEXT = re.compile(
    r'(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:(Z)|([+-])(\d\d):(\d\d))?)?',
    re.ASCII,
)
Address = tuple[int, int]
"""The number of bits of an address, and its integer value."""


def place(lhs: object, rhs: object) -> int | None:
    """Compare a value with an ordered one: -1, 0 or 1; None if they are not comparable."""
    here: Any
    there: Any
    if isinstance(rhs, str):
        here, there = (lhs if isinstance(lhs, str) else None), rhs
    elif isinstance(rhs, datetime):
        here, there = instant(lhs), instant(rhs)
    elif isinstance(rhs, date):
        when = instant(lhs)
        here, there = (None if when is None else when.date()), rhs
    elif isinstance(lhs, str):
        here, there = number(lhs), number(str(rhs))
    else:
        here, there = number(lhs), number(rhs)
    if here is None or there is None:
        return None
    return int(here > there) - int(here < there)


def scale(value: object) -> str:
    """The kind of a value. Values of one kind are ordered."""
    if isinstance(value, str):
        return 'text'
    if isinstance(value, date):
        return 'instant' if isinstance(value, datetime) else 'day'
    return 'nothing' if number(value) is None else 'number'


def number(value: object) -> Fraction | None:
    """The exact number of a value or of its text; None for infinity and NaN."""
    if isinstance(value, str):
        return Fraction(value) if JSON_NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return Fraction(value) if Decimal(value).is_finite() else None


def instant(value: object) -> datetime | None:
    """The instant in UTC of a value or of its text; a date is its midnight."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    found = ISO_TEXT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *fields, decimals, _, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = (int(field or 0) for field in fields)
    fraction = int((decimals or '').ljust(6, '0'))
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        clock = datetime(year, month, day, hour, minute, second, fraction, timezone.utc)
        return clock + ahead if sign == '-' else clock - ahead
    except (ValueError, OverflowError):
        return None


def fits(wildcard: str, text: str) -> bool:
    """Whether a text matches a wildcard. It tries every length for each star."""

    @cache
    def rest_fits(at: int, read: int) -> bool:
        if at == len(wildcard):
            return read == len(text)
        if wildcard[at] == '*':
            return any(rest_fits(at + 1, after) for after in range(read, len(text) + 1))
        if read == len(text):
            return False
        if wildcard[at] == '?':
            return rest_fits(at + 1, read + 1)
        literal = at + 1 if wildcard[at] == '\\' else at
        return wildcard[literal] == text[read] and rest_fits(literal + 1, read + 1)

    return rest_fits(0, 0)


def within(block: str, lhs: object) -> bool:
    """Whether a value is the text of an address in the block."""
    network, _, prefix = block.partition('/')
    base, found = address(network), address(lhs) if isinstance(lhs, str) else None
    if base is None or found is None or base[0] != found[0]:
        return False
    host_bits = base[0] - int(prefix or base[0])
    return base[1] >> host_bits == found[1] >> host_bits


def address(text: str) -> Address | None:
    """The IPv4 or IPv6 address of a text; None for an address with a zone."""
    return _address_4(text) or _address_6(text)


def _address_4(text: str) -> Address | None:
    parts = text.split('.')
    if len(parts) != 4 or not all(re.fullmatch('0|[1-9][0-9]{0,2}', part) for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return (32, int.from_bytes(bytes(numbers), 'big')) if max(numbers) < 256 else None


def _address_6(text: str) -> Address | None:
    start, _, last = text.rpartition(':')
    if embedded := _address_4(last):
        text = f'{start}:{embedded[1] >> 16:x}:{embedded[1] & 0xFFFF:x}'
    if text.count('::') == 1:
        left, right = (half.split(':') if half else [] for half in text.split('::'))
        gap = 8 - len(left) - len(right)
        groups = [*left, *['0'] * gap, *right] if gap > 0 else []
    else:
        groups = text.split(':')
    if len(groups) != 8 or not all(re.fullmatch('[0-9a-fA-F]{1,4}', group) for group in groups):
        return None
    return 128, int(''.join(group.rjust(4, '0') for group in groups), 16)
