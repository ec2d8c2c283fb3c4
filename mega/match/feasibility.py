"""Find the part of a pattern that can never match a value of a known type.

`DataSubscriber.pattern = 'x'` matches no message: such a subscriber receives objects, and a text
equals no object. The module knows the types that each pattern can match. A pattern that it does not
know, such as a predicate, counts as possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch
from typing import TypeAlias

from mega.errors import join_path
from mega.match.comparables import Comparable, NumberValue, TextValue
from mega.match.eventbridge.matcher import EventPattern
from mega.match.functions.arrays import Contains, Every, Exactly, Length
from mega.match.functions.comparison import Between, Compare, Equal
from mega.match.functions.embedded_json import JsonText
from mega.match.functions.network import Cidr
from mega.match.functions.presence import Empty, IsA, Missing, OptionalValue
from mega.match.functions.text import IEquals, Prefix, Regex, Substring, Suffix
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import AllOf, Constant, ExactValue, Members, Not, Object, Pattern, Value

__all__ = ('Shape', 'find_impossible')

Shape: TypeAlias = 'type | Mapping[str, Shape]'
"""The type of a value, `object` for any; or the keys that an object can have, each with the shape
of its value."""

Impossible: TypeAlias = tuple[str, Pattern, str]
"""The path of the impossible part, the part, and the reason."""


def find_impossible(pattern: Pattern, shape: Shape, path: str = '') -> Impossible | None:
    """Return the part of a pattern that matches no value of a shape; None if a match is possible.

    >>> from mega.match.pattern import compile_pattern
    >>> find_impossible(compile_pattern({'name': 5}), {'name': dict})
    ('name', 5, 'the value here is always an object')
    """
    if shape is object:
        return None
    if isinstance(pattern, (Equal, OptionalValue)):
        return find_impossible(pattern.child, shape, path)
    if isinstance(pattern, Not) and isinstance(pattern.child, Not):
        return find_impossible(pattern.child.child, shape, path)
    if isinstance(pattern, AllOf):
        return _first(find_impossible(child, shape, path) for child in pattern.members)
    if isinstance(pattern, Members):
        found = [find_impossible(child, shape, path) for child in pattern.members]
        if len(found) == 1:
            return found[0]
        return None if None in found else (path, pattern, _reason(shape))
    if isinstance(pattern, Object) and isinstance(shape, Mapping):
        return _first(
            _of_key(key, child, shape, path)
            for key, child in pattern.entries
            if child.when_missing is not True
        )
    types = _types_of(pattern)
    kind = shape if isinstance(shape, type) else dict
    if types is None or issubclass(kind, types):
        return None
    return path, pattern, _reason(shape)


def _of_key(key: str, child: Pattern, shape: Mapping[str, Shape], path: str) -> Impossible | None:
    here = join_path(path, key)
    if key in shape:
        return find_impossible(child, shape[key], here)
    return here, child, f'there is no such key here; the keys are {", ".join(shape)}'


def _first(found: Iterable[Impossible | None]) -> Impossible | None:
    return next(filter(None, found), None)


def _reason(shape: Shape) -> str:
    kind = shape if isinstance(shape, type) else dict
    return f'the value here is always {_NAMES.get(kind, kind.__name__)}'


_NAMES: dict[type, str] = {
    dict: 'an object',
    str: 'a str',
    int: 'an int',
    bytes: 'bytes',
    datetime: 'a datetime',
}


@singledispatch
def _types_of(pattern: Pattern) -> tuple[type, ...] | None:
    """Return the types of the values that a pattern may match; None if it may be any."""
    return None


@_types_of.register(Value)
@_types_of.register(Compare)
def _(pattern: Value | Compare) -> tuple[type, ...]:
    return _types_of_comparable(pattern.comparable)


@_types_of.register(Between)
def _(pattern: Between) -> tuple[type, ...]:
    return _types_of_comparable(pattern.low)


def _types_of_comparable(comparable: Comparable) -> tuple[type, ...]:
    if isinstance(comparable, TextValue):
        return (str,)
    return (str, int, float, Decimal) if isinstance(comparable, NumberValue) else (str, date)


@_types_of.register(Constant)
@_types_of.register(ExactValue)
def _(pattern: Constant | ExactValue) -> tuple[type, ...]:
    return (type(pattern.value),)


@_types_of.register(Regex)
@_types_of.register(IEquals)
@_types_of.register(Prefix)
@_types_of.register(Suffix)
@_types_of.register(Substring)
@_types_of.register(Wildcard)
@_types_of.register(Cidr)
@_types_of.register(JsonText)
def _(pattern: Pattern) -> tuple[type, ...]:
    return (str,)


@_types_of.register(Contains)
@_types_of.register(Every)
@_types_of.register(Exactly)
def _(pattern: Pattern) -> tuple[type, ...]:
    return (list, tuple)


@_types_of.register(Object)
@_types_of.register(EventPattern)
def _(pattern: Pattern) -> tuple[type, ...]:
    return (dict,)


@_types_of.register(Length)
def _(pattern: Length) -> tuple[type, ...]:
    return (str, list, tuple, dict)


@_types_of.register(Empty)
def _(pattern: Empty) -> tuple[type, ...]:
    return (str, list, tuple, dict, type(None))


@_types_of.register(IsA)
def _(pattern: IsA) -> tuple[type, ...]:
    return pattern.types


@_types_of.register(Missing)
def _(pattern: Missing) -> tuple[type, ...]:
    return ()
