"""Timestamps: ISO-8601 text to `datetime`, and back.

    parse_timestamp('2020-05-04T17:53:23.123+02:00')   an aware datetime
    format_timestamp(...)                              '2020-05-04T15:53:23.123', without the zone

A timestamp without a zone is UTC, by the MEGA protocol. The whole library follows this rule.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone

from msgspec import to_builtins

__all__ = (
    'format_timestamp',
    'parse_timestamp',
    'parse_written_timestamp',
    'to_utc',
    'utc_date',
)

# `fromisoformat` and `isoparse` accept far more than a calendar date and a time: 50,000 digits '1'
# are a date to `fromisoformat`. Therefore they only see texts of this form.
_TIMESTAMP = re.compile(
    r'(\d{4}-\d\d-\d\d)'
    r'(?:([T ]\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,12}|)|)|))(?:Z|([+-]\d\d(?::?\d\d|))|)|)',
    re.ASCII,
)


_from_iso_format = datetime.fromisoformat


def parse_timestamp(text: str) -> datetime | None:
    """Return a calendar date and time as an aware `datetime`; None if the text is not one.

    A date without a time is midnight. Digits after the microsecond are cut off.
    The text is at most as long as a date, a time with 12 decimals and an offset.
    """
    if (instant := parse_written_timestamp(text)) is not None:
        return instant
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        return None
    day, time, offset = found.groups()
    # To parse the zone together with the time is far cheaper than to add it afterwards.
    zoned = f'{day}{time}+00:00' if time and not offset else text
    try:
        instant = datetime.fromisoformat(zoned)
        return _aware(instant) if instant.tzinfo is None else instant
    except ValueError:
        pass
    # `fromisoformat` refuses 24:00. In Python 3.10 it also refuses a comma, an offset like +02, and
    # other numbers of decimals than 3 and 6.
    from dateutil.parser import isoparse  # takes longer to import than the rest of `mega.event`

    try:
        return _aware(isoparse(text))
    except (ValueError, OverflowError):
        return None


def parse_written_timestamp(text: str) -> datetime | None:
    """Return the instant in UTC that `format_timestamp` wrote; None for texts of other forms.

    Nearly every event has a timestamp of this form, which needs no regular expression.
    """
    if len(text) == 23 and text[4:20:3] == '--T::.':
        try:
            return _from_iso_format(f'{text}+00:00')
        except ValueError:
            pass
    return None


def utc_date(instant: datetime) -> date | None:
    """Return the calendar date in UTC; None if its year is not 1 to 9999."""
    in_utc = to_utc(instant)
    return None if in_utc is None else in_utc.date()


def to_utc(instant: datetime) -> datetime | None:
    """Return the same instant in UTC; None if its year in UTC is not 1 to 9999."""
    if instant.tzinfo is timezone.utc:
        return instant
    try:
        known = instant if type(instant.tzinfo) is timezone else _aware(instant)
        return known.astimezone(timezone.utc)
    except OverflowError:
        return None


def format_timestamp(instant: datetime) -> str:
    """Write an instant in UTC as the examples of the protocol do: `2020-05-04T15:53:23.123`."""
    if type(instant) is datetime:
        # The same text as that of `isoformat`, in a tenth of the time. Each event has a timestamp.
        text: str = to_builtins(instant)
        return text[:23] if instant.microsecond else f'{text[:19]}.000'
    return datetime.isoformat(instant, timespec='milliseconds')[:23]


def _aware(instant: datetime) -> datetime:
    # A tzinfo may return None as its offset. Python calls such an instant naive.
    return instant.replace(tzinfo=timezone.utc) if instant.utcoffset() is None else instant
