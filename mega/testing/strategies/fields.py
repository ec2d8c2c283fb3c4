"""Patterns with `field(...)`: first the other fields, then the values that are compared with them.

{'status': neq(field('previous.status'))}

1. a payload with a text or a number at `previous.status`, such as 'new'
2. a payload for {'status': neq('new'), 'previous': {'status': 'new'}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mega.errors import PatternError
from mega.match.context import MISSING, Context
from mega.match.functions import comparison
from mega.match.functions.arrays import Contains, Every, Exactly, Length, length
from mega.match.functions.comparison import BetweenFields, CompareField, Equal, between
from mega.match.functions.logic import and_, or_
from mega.match.functions.paths import Field
from mega.match.functions.presence import AnyValue, Missing, OptionalValue, is_a
from mega.match.pattern import AllOf, Members, Not, Object, Pattern, compile_pattern

__all__ = ('COMPARABLE', 'fields_of', 'resolve', 'with_fields', 'without_fields')

COMPARABLE = or_(
    and_(is_a(int), between(0, 20)), is_a(int), and_(is_a(str), length(comparison.gt(0)))
)
"""The values of other fields: a value can equal them or be compared with them. Some are lengths."""


def fields_of(pattern: Pattern) -> set[tuple[str, ...]]:
    """Return the paths of all fields in a pattern."""
    own = {pattern.keys} if isinstance(pattern, Field) else set()
    return own.union(*map(fields_of, pattern.children))


def with_fields(paths: set[tuple[str, ...]], value: Pattern) -> Iterator[Pattern]:
    """Yield a pattern for each path: the payload has this value there."""
    for path in paths:
        yield _at(path, value)


def without_fields(pattern: Pattern) -> Pattern:
    """Return a pattern without the conditions that refer to other fields."""
    if isinstance(pattern, Object):
        entries = pattern.entries
        return Object(tuple((key, without_fields(child)) for key, child in entries))
    if isinstance(pattern, AllOf) and type(pattern) is AllOf:
        return AllOf(tuple(map(without_fields, pattern.members)))
    return AnyValue() if fields_of(pattern) else pattern


def resolve(pattern: Pattern, payload: Any) -> tuple[Pattern, list[Pattern]]:
    """Return a pattern with the values of a payload in place of its fields.

    The other patterns require that another payload has the same values there.
    """
    context = Context(payload)
    found = {path: context.value_at(path) for path in fields_of(pattern)}
    same = [_at(path, _literal(value)) for path, value in found.items() if value is not MISSING]
    return _replace(pattern, lambda field: found[field.keys]), same


def _at(path: tuple[str, ...], value: Pattern) -> Pattern:
    for key in reversed(path):
        value = Object(((key, value),))
    return value


def _literal(value: Any) -> Pattern:
    """Return the pattern of an equal value, as `field` compares it."""
    if isinstance(value, dict):
        entries = tuple((key, _literal(member)) for key, member in value.items())
        return AllOf((Object(entries), Length(compile_pattern(len(value)))))
    if isinstance(value, (list, tuple)):
        return Exactly(tuple(map(_literal, value)))
    return compile_pattern(value)


def _replace(pattern: Pattern, value_of: Callable[[Field], object]) -> Pattern:
    """Return a copy of a pattern, with the value of each field in place of the field."""
    if isinstance(pattern, Field):
        value = value_of(pattern)
        return Missing() if value is MISSING else _literal(value)
    if isinstance(pattern, CompareField):
        return _compared(
            lambda end: getattr(comparison, pattern.name)(end), [pattern.field], value_of
        )
    if isinstance(pattern, BetweenFields):
        return _compared(between, [pattern.low, pattern.high], value_of)
    if not fields_of(pattern):
        return pattern
    if isinstance(pattern, Object):
        entries = tuple((key, _replace(child, value_of)) for key, child in pattern.entries)
        return Object(entries)
    if isinstance(pattern, (Members, AllOf, Exactly)):
        return type(pattern)(tuple(_replace(member, value_of) for member in pattern.members))
    assert isinstance(pattern, (Not, Equal, OptionalValue, Contains, Every, Length))
    return type(pattern)(_replace(pattern.child, value_of))


def _compared(
    function: Callable[..., Pattern], ends: list[Any], value_of: Callable[[Field], object]
) -> Pattern:
    """Return a comparison with the values of fields; a pattern without a match if there is none."""
    found = [value_of(end) if isinstance(end, Field) else end.value for end in ends]
    try:
        return function(*found)
    except PatternError:
        return Missing()
