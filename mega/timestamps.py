"""Instants as text: ISO-8601 to `datetime` and back.

A text without a zone is UTC: that is the MEGA protocol's rule, and so the whole library's.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone

from dateutil.parser import isoparse

__all__ = ('format_timestamp', 'parse_timestamp', 'to_utc', 'utc_date')

# Both parsers take far more than a calendar date and a time (fifty thousand digits '1' are a date
# to `fromisoformat`), so nothing reaches them that does not look like an instant.
_INSTANT = re.compile(
    r'(\d{4}-\d\d-\d\d)'
    r'(?:([T ]\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,12}|)|)|))(?:Z|([+-]\d\d(?::?\d\d|))|)|)',
    re.ASCII,
)

_TWO_DIGITS = tuple(f'{number:02}' for number in range(100))
_THREE_DIGITS = tuple(f'{number:03}' for number in range(1000))


def parse_timestamp(text: str) -> datetime | None:
    """Read a calendar date and time as an aware `datetime`, or answer None.

    A date alone is its midnight. Digits after the microsecond are cut.
    Bounded: what is longer than a date, a time and an offset can be is not read.
    """
    found = _INSTANT.fullmatch(text)
    if not found:
        return None
    day, time, offset = found.groups()
    # To read the zone with the time is far cheaper than to put it in afterwards.
    zoned = f'{day}{time}+00:00' if time and not offset else text
    try:
        instant = datetime.fromisoformat(zoned)
        return _aware(instant) if instant.tzinfo is None else instant
    except ValueError:
        pass
    try:  # 24:00, and in Python 3.10 also a comma, other than 3 or 6 decimals, an offset like +02
        return _aware(isoparse(text))
    except (ValueError, OverflowError):
        return None


def utc_date(instant: datetime) -> date | None:
    """The UTC calendar day of an instant; None where UTC's would lie outside of years 1 to 9999."""
    in_utc = to_utc(instant)
    return None if in_utc is None else in_utc.date()


def to_utc(instant: datetime) -> datetime | None:
    """The same instant in UTC; None where that lies outside of years 1 to 9999."""
    if instant.tzinfo is timezone.utc:
        return instant
    try:
        known = instant if type(instant.tzinfo) is timezone else _aware(instant)
        return known.astimezone(timezone.utc)
    except OverflowError:
        return None


def format_timestamp(instant: datetime) -> str:
    """Write an instant in UTC as the protocol's examples do: `2020-05-04T15:53:23.123`."""
    # `isoformat` writes the same in three times the time, and every event has an instant.
    two, year = _TWO_DIGITS, instant.year
    return (
        f'{two[year // 100]}{two[year % 100]}-{two[instant.month]}-{two[instant.day]}'
        f'T{two[instant.hour]}:{two[instant.minute]}:{two[instant.second]}'
        f'.{_THREE_DIGITS[instant.microsecond // 1000]}'
    )


def _aware(instant: datetime) -> datetime:
    # A zone may be there and know no offset.
    return instant.replace(tzinfo=timezone.utc) if instant.utcoffset() is None else instant
