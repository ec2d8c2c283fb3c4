"""A naive reference implementation of the pattern language.

A description of a pattern is plain data. `build` builds the pattern with the public functions.
`holds` evaluates the description without the package. `readings` has the conversions of values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from mega.match import functions
from tests.match.readings import fits, place, scale, within

Predicate: TypeAlias = Callable[[object], object]
Scalar: TypeAlias = 'bool | int | float | Decimal | str | date | datetime | Predicate | None'
Description: TypeAlias = (
    'Scalar | Call | dict[str, Description] | list[Description] | tuple[Description, ...]'
)
Truth: TypeAlias = 'bool | None'

ABSENT = object()
"""The value of a missing field."""


@dataclass(frozen=True)
class Call:
    """A function of the language and its arguments.

    The arguments are in the order of the function: `in_` takes its members, `exactly`
    one list, `field` a text or a tuple of keys, `is_a` classes.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    options: tuple[tuple[str, int], ...] = ()


# ── descriptions ────────────────────────────────────────────────────────────────────────────


def build(description: Description) -> Any:
    """Build the described pattern with the public functions."""
    if isinstance(description, Call):
        function = getattr(functions, description.name)
        arguments = [build(argument) for argument in description.arguments]
        if description.name == 'in_':
            return function(arguments)
        return function(*arguments, **dict(description.options))
    if isinstance(description, dict):
        return {key: build(value) for key, value in description.items()}
    if isinstance(description, (list, tuple)):
        return type(description)(build(member) for member in description)
    return description


def parts(description: Description) -> Iterator[Description]:
    """The description and all its parts, itself first."""
    yield description
    inner: list[Description] = []
    if isinstance(description, Call):
        inner = list(description.arguments)
    elif isinstance(description, dict):
        inner = list(description.values())
    elif isinstance(description, (list, tuple)):
        inner = list(description)
    for part in inner:
        yield from parts(part)


def functions_in(description: Description) -> set[str]:
    """The names of the functions in a description; 'predicate' for predicates."""
    found = {part.name for part in parts(description) if isinstance(part, Call)}
    users = (part for part in parts(description) if callable(part) and not isinstance(part, type))
    return found | ({'predicate'} if any(users) else set())


def fields_in(description: Description) -> set[tuple[str, ...]]:
    """The paths, from the root of the payload, that a description reads with `field`."""
    return {
        keys_of(part)
        for part in parts(description)
        if isinstance(part, Call) and part.name == 'field'
    }


def keys_of(field: Call) -> tuple[str, ...]:
    """The keys of a field in order."""
    path = field.arguments[0]
    return tuple(path.split('.') if isinstance(path, str) else path)


# ── meaning ────────────────────────────────────────────────────────────────────────────────


def matches(description: Description, payload: object) -> bool:
    """Whether the described pattern matches a payload, as `evaluate`."""
    return holds(description, payload, payload)


def holds(description: Description, lhs: object, root: object) -> bool:
    """Whether the described pattern matches a present value in the root."""
    if isinstance(description, Call):
        return call_holds(description, lhs, root)
    if isinstance(description, dict):
        return isinstance(lhs, dict) and all(
            holds(wanted, lhs[key], root) if key in lhs else truth_of_absence(wanted) is True
            for key, wanted in description.items()
        )
    if isinstance(description, (list, tuple)):
        if not isinstance(lhs, (list, tuple)):
            return any(holds(member, lhs, root) for member in description)
        return all(any(holds(member, item, root) for member in description) for item in lhs) and (
            all(any(holds(member, item, root) for item in lhs) for member in description)
        )
    if description is None or isinstance(description, (bool, str)):
        return type(lhs) is type(description) and lhs == description
    if callable(description):
        return bool(description(lhs))
    return place(lhs, description) == 0


def call_holds(call: Call, lhs: object, root: object) -> bool:
    """The result of a function for a present value."""
    members = call.arguments
    match call.name:
        case 'eq' | 'optional':
            return holds(members[0], lhs, root)
        case 'neq' | 'not_':
            return not holds(members[0], lhs, root)
        case 'one_of' | 'in_':
            return is_among(members, lhs, root)
        case 'none_of':
            return not is_among(members, lhs, root)
        case 'and_':
            return all(holds(member, lhs, root) for member in members)
        case 'or_':
            return any(holds(member, lhs, root) for member in members)
        case 'field':
            other = read(call, root)
            return other is not ABSENT and same(lhs, other)
        case 'any_' | 'exists' | 'missing' | 'empty' | 'is_a':
            return is_of_kind(call, lhs)
        case 'gt' | 'gte' | 'lt' | 'lte' | 'between':
            return compares(call.name, [read(member, root) for member in members], lhs)
        case 'contains' | 'contains_all' | 'every' | 'exactly' | 'length':
            return members_hold(call, lhs, root)
        case 'json_text':
            value = json_value(lhs) if isinstance(lhs, str) else ABSENT
            return value is not ABSENT and holds(members[0], value, root)
        case _:
            return isinstance(lhs, str) and text_holds(call, lhs)


def read(given: Any, root: object) -> Any:
    """The argument of a function: a value, or the value at the path of a field."""
    if not isinstance(given, Call):
        return given
    assert given.name == 'field'
    value = root
    for key in keys_of(given):
        value = value[key] if isinstance(value, dict) and key in value else ABSENT
    return value


def same(lhs: Any, other: Any) -> bool:
    """Whether a value equals the value of another field, with its members and keys."""
    if isinstance(other, dict):
        return (
            isinstance(lhs, dict)
            and set(lhs) == set(other)
            and all(same(lhs[key], other[key]) for key in other)
        )
    if isinstance(other, (list, tuple)):
        return (
            isinstance(lhs, (list, tuple))
            and len(lhs) == len(other)
            and all(same(*pair) for pair in zip(lhs, other, strict=True))
        )
    return holds(other, lhs, None)


def is_among(members: tuple[Description, ...], lhs: object, root: object) -> bool:
    return not isinstance(lhs, (list, tuple)) and any(holds(each, lhs, root) for each in members)


def is_of_kind(call: Call, lhs: object) -> bool:
    match call.name:
        case 'any_':
            return True
        case 'exists':
            return lhs is not None
        case 'missing':
            return False
        case 'empty':
            return lhs is None or (isinstance(lhs, (str, list, tuple, dict)) and len(lhs) == 0)
        case _:
            return any(is_instance(lhs, kind) for kind in call.arguments)


def is_instance(lhs: object, kind: type | None) -> bool:
    if kind is None:
        return lhs is None
    if kind is int and isinstance(lhs, bool):
        return False
    return isinstance(lhs, kind) or (kind is list and isinstance(lhs, tuple))


def compares(name: str, values: list[Any], lhs: object) -> bool:
    """Whether a comparison of a value is true."""
    if name == 'between':
        low, high = values
        in_order = scale(low) == scale(high) and place(low, high) in (-1, 0)
        return in_order and place(lhs, low) in (0, 1) and place(lhs, high) in (-1, 0)
    accepted = {'gt': (1,), 'gte': (0, 1), 'lt': (-1,), 'lte': (-1, 0)}[name]
    return place(lhs, values[0]) in accepted


def members_hold(call: Call, lhs: object, root: object) -> bool:
    """The result of a function of arrays; `length` also accepts texts and objects."""
    if call.name == 'length':
        sized = isinstance(lhs, (str, list, tuple, dict))
        return sized and holds(call.arguments[0], len(lhs), root)  # type: ignore[arg-type]
    if not isinstance(lhs, (list, tuple)):
        return False
    if call.name == 'every':
        return all(holds(call.arguments[0], item, root) for item in lhs)
    if call.name == 'exactly':
        wanted = call.arguments[0]
        return len(lhs) == len(wanted) and all(
            holds(member, item, root) for member, item in zip(wanted, lhs, strict=True)
        )
    return all(any(holds(member, item, root) for item in lhs) for member in call.arguments)


def json_value(text: str) -> Any:
    """The value of a JSON text; ABSENT for any other text."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except ValueError:
        return ABSENT
    return value


def text_holds(call: Call, lhs: str) -> bool:
    """The result of a function of texts."""
    [wanted] = call.arguments
    options = dict(call.options)
    if call.name == 'cidr':
        return within(wanted, lhs)
    if call.name in ('match', 'fullmatch', 'search'):
        longest = options.get('max_length', len(lhs))
        return len(lhs) <= longest and getattr(re, call.name)(wanted, lhs) is not None
    if call.name == 'iequals' or options.get('ignore_case'):
        wanted, lhs = wanted.casefold(), lhs.casefold()
    answers: dict[str, Callable[[], bool]] = {
        'iequals': lambda: lhs == wanted,
        'prefix': lambda: lhs[: len(wanted)] == wanted,
        'suffix': lambda: lhs[::-1][: len(wanted)] == wanted[::-1],
        'substring': lambda: wanted in lhs,
        'wildcard': lambda: fits(wanted, lhs),
    }
    return answers[call.name]()


def truth_of_absence(description: Description) -> Truth:
    """The result for a missing key: true, false or unknown (None)."""
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
