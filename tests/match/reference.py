"""The pattern language once more, naively: descriptions of patterns, and what they mean.

A description is plain data. `build` makes the pattern that it describes from the public
functions, `holds` says what the language says of it, without any help from the package. It reads
JSON values; of the numbers, only those with exponents of a sane size.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from mega.match import functions

Predicate: TypeAlias = Callable[[object], object]
Scalar: TypeAlias = 'bool | int | float | Decimal | str | date | datetime | Predicate | None'
Description: TypeAlias = 'Scalar | Call | dict[str, Description] | list[Description]'
Truth: TypeAlias = 'bool | None'


@dataclass(frozen=True)
class Call:
    """A function of the language and what it was given."""

    name: str
    arguments: tuple[Description, ...] = ()
    options: tuple[tuple[str, int], ...] = ()


def build(description: Description) -> Any:
    """The pattern that this describes, made by the public functions."""
    if isinstance(description, Call):
        function = getattr(functions, description.name)
        arguments = [build(argument) for argument in description.arguments]
        if description.name == 'in_':
            return function(arguments)
        return function(*arguments, **dict(description.options))
    if isinstance(description, dict):
        return {key: build(value) for key, value in description.items()}
    if isinstance(description, list):
        return [build(member) for member in description]
    return description


def holds(description: Description, lhs: object) -> bool:
    """Whether the pattern described matches a value that is there."""
    if isinstance(description, Call):
        return call_holds(description, lhs)
    if isinstance(description, dict):
        return isinstance(lhs, dict) and all(
            holds(wanted, lhs[key]) if key in lhs else truth_of_absence(wanted) is True
            for key, wanted in description.items()
        )
    if isinstance(description, list):
        if not isinstance(lhs, list):
            return any(holds(member, lhs) for member in description)
        return all(any(holds(member, item) for member in description) for item in lhs) and all(
            any(holds(member, item) for item in lhs) for member in description
        )
    if description is None or isinstance(description, (bool, str)):
        return type(lhs) is type(description) and lhs == description
    if callable(description):
        return bool(description(lhs))
    return place(lhs, description) == 0


def call_holds(call: Call, lhs: object) -> bool:
    """What each function makes of a value that is there."""
    members = call.arguments
    among = not isinstance(lhs, list) and any(holds(member, lhs) for member in members)
    match call.name:
        case 'eq' | 'optional':
            return holds(members[0], lhs)
        case 'neq' | 'not_':
            return not holds(members[0], lhs)
        case 'one_of' | 'in_':
            return among
        case 'none_of':
            return not among
        case 'and_':
            return all(holds(member, lhs) for member in members)
        case 'or_':
            return any(holds(member, lhs) for member in members)
        case 'any_':
            return True
        case 'exists':
            return lhs is not None
        case 'missing':
            return False
        case 'empty':
            return lhs is None or (isinstance(lhs, (str, list, dict)) and len(lhs) == 0)
        case 'match':
            return text_matches(call, lhs)
        case 'between':
            low, high = members
            return place(lhs, low) in (0, 1) and place(lhs, high) in (-1, 0)
        case comparison:
            accepted = {'gt': (1,), 'gte': (0, 1), 'lt': (-1,), 'lte': (-1, 0)}[comparison]
            return place(lhs, members[0]) in accepted


def text_matches(call: Call, lhs: object) -> bool:
    if not isinstance(lhs, str) or len(lhs) > dict(call.options).get('max_length', len(lhs)):
        return False
    regex = call.arguments[0]
    assert isinstance(regex, str)
    return re.match(regex, lhs) is not None


def truth_of_absence(description: Description) -> Truth:
    """True, false or unknown (None), where the key is missing."""
    if not isinstance(description, Call):
        return None
    if description.name in ('missing', 'optional'):
        return True
    if description.name in ('exists', 'any_'):
        return False
    if description.name not in ('not_', 'and_', 'or_'):
        return None
    members = [truth_of_absence(member) for member in description.arguments]
    if description.name == 'not_':
        return None if members[0] is None else not members[0]
    decisive = description.name == 'or_'
    if decisive in members:
        return decisive
    return None if None in members else not decisive


def place(lhs: object, rhs: object) -> int | None:
    """Where a value stands to one that can be ordered: -1, 0 or 1; None where it cannot stand."""
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


JSON_NUMBER = re.compile(r'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?')


def number(value: object) -> Fraction | None:
    """The exact number that this is, or spells; infinity and NaN are none."""
    if isinstance(value, str):
        return Fraction(value) if JSON_NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return Fraction(value) if Decimal(value).is_finite() else None


ISO_TEXT = re.compile(
    r'(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:(Z)|([+-])(\d\d):(\d\d))?)?',
    re.ASCII,
)


def instant(value: object) -> datetime | None:
    """The instant in UTC that this is, or spells; a date is its midnight."""
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
