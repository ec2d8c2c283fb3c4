"""Patterns in disjunctive normal form: alternatives (OR) of conditions (AND).

For example, `{'name': 'a', **or_({'x': 1}, {'y': 2})}` has two alternatives: `name` is 'a' and `x`
is 1, or `name` is 'a' and `y` is 2. The index finds each alternative by its own conditions.

The number of alternatives is limited, because it multiplies: ten `or_` of two members each in one
`and_` would have 1,024. A pattern over the limit stays one condition, which is tested as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from itertools import chain, product
from math import prod
from typing import TypeAlias

from msgspec import Struct, structs

from mega.match.eventbridge.matcher import Combination, EventPattern
from mega.match.functions.arrays import ContainsAll
from mega.match.functions.comparison import Equal
from mega.match.index.codegen import Path
from mega.match.index.keys import Key, key_sequence, keys_of
from mega.match.member_table import MAX_TESTED
from mega.match.pattern import AllOf, AnyOf, Atom, Not, Object, Pattern

__all__ = ('Alternative', 'Condition', 'Scope', 'to_dnf')

MAX_FIELD_DEPTH = 16
"""The maximum depth of a field of an EventBridge pattern that is looked up.

The names with dots that lead to a field are about half of the square of its depth.
"""

MAX_ALTERNATIVES = 32
"""The maximum number of alternatives of one pattern."""


MAX_CACHED_PATHS = 1_000


class Scope(Enum):
    """What a condition tests."""

    __hash__ = object.__hash__  # faster than the hash of the name

    VALUE = 'the value at the path'

    EVENT = 'the scalars at the path, as one of the fields of an EventBridge pattern'
    """All conditions of such an alternative have this scope. One is the whole pattern, for events
    in which two fields may have to match in the same array member."""

    HINT = 'the scalars at the path, only to find a pattern which another condition decides'


class Condition(Struct, frozen=True, eq=False, gc=False):
    """A pattern for the value at a path.

    If a value on the way to the path is not an object, the condition is false. The tree does not
    keep conditions.
    """

    path: Path
    leaf: Pattern
    key_sequence: tuple[tuple[Key, ...], ...] = ()
    """The keys that find the condition, the best one first; empty if it must be tested."""

    scope: Scope = Scope.VALUE


Alternative: TypeAlias = tuple[Condition, ...]


def to_dnf(pattern: Pattern, path: Path = ()) -> list[Alternative]:
    """Return the alternatives of a pattern at a path."""
    if isinstance(pattern, Atom):
        return _single(pattern, path)
    if isinstance(pattern, Object) and pattern.entries:
        parts = [to_dnf(child, _join(path, str.__str__(key))) for key, child in pattern.entries]
        return _conjunction(parts) or _single(pattern, path)
    if isinstance(pattern, Equal) and pattern.child.when_missing is None:
        return to_dnf(pattern.child, path)
    if isinstance(pattern, Not) and isinstance(pattern.child, Not):
        return to_dnf(pattern.child.child, path)
    if isinstance(pattern, ContainsAll) and len(pattern.members) > MAX_TESTED:
        return _single(pattern, path)  # one pass over the array, instead of one for each member
    if isinstance(pattern, AllOf) and (
        keys_of(pattern) is None or isinstance(pattern, ContainsAll)
    ):
        parts = [to_dnf(child, path) for child in pattern.members]
        return _conjunction(parts) or _single(pattern, path)
    if isinstance(pattern, EventPattern) and len(pattern.combinations) <= MAX_ALTERNATIVES:
        return [_of_fields(combination, pattern, path) for combination in pattern.combinations]
    if isinstance(pattern, AnyOf) and any(map(_has_paths, pattern.members)):
        alternatives = [one for child in pattern.members for one in to_dnf(child, path)]
        return alternatives if len(alternatives) <= MAX_ALTERNATIVES else _single(pattern, path)
    return _single(pattern, path)


@lru_cache(MAX_CACHED_PATHS)
def _join(path: Path, key: str) -> Path:
    """Return the same copy of equal paths, because fewer new objects cause fewer collections."""
    return *path, key


def _single(pattern: Pattern, path: Path) -> list[Alternative]:
    return [(Condition(path, pattern, key_sequence(pattern)),)]


def _of_fields(combination: Combination, pattern: EventPattern, path: Path) -> Alternative:
    """Return the fields of an EventBridge pattern, and the pattern itself."""
    whole = pattern
    if len(pattern.combinations) > 1:
        whole = EventPattern((combination,), pattern.source)
    paths = {one.path for one in combination}
    # An array may have scalars of one path, and objects of another.
    overlap = any(one[:length] in paths for one in paths for length in range(1, len(one)))
    if overlap or max(map(len, paths)) > MAX_FIELD_DEPTH:
        return (Condition(path, whole),)
    fields = [
        Condition((*path, *one.path), one.values, key_sequence(one.values), Scope.EVENT)
        for one in combination
    ]
    alternative = *fields, Condition(path, whole, scope=Scope.EVENT)
    return _as_hints(alternative) if path else alternative


def _as_hints(alternative: Iterable[Condition]) -> Alternative:
    """Let the fields of an EventBridge pattern only help to find it."""
    return tuple(
        [
            one
            if one.scope is not Scope.EVENT
            else structs.replace(one, scope=Scope.VALUE)
            if isinstance(one.leaf, EventPattern)
            else structs.replace(one, scope=Scope.HINT)
            for one in alternative
        ]
    )


def _conjunction(parts: list[list[Alternative]]) -> list[Alternative]:
    """Return the alternatives of patterns that must all match; empty if there are too many."""
    if prod(map(len, parts)) > MAX_ALTERNATIVES:
        return []
    if len(parts) == 1:
        return parts[0]
    return [_as_hints(chain.from_iterable(chosen)) for chosen in product(*parts)]


def _has_paths(pattern: Pattern) -> bool:
    return isinstance(pattern, (Object, AllOf, AnyOf)) and bool(pattern.children)
