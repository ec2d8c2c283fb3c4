"""Patterns in disjunctive normal form: alternatives (OR) of conditions (AND).

For example, `{'name': 'a', **or_({'x': 1}, {'y': 2})}` has two alternatives: `name` is 'a' and `x`
is 1, or `name` is 'a' and `y` is 2. The index finds each alternative by its own conditions.

The number of alternatives is limited, because it multiplies: ten `or_` of two members each in one
`and_` would have 1,024. A pattern over the limit stays one condition, which is tested as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from mega.match.context import MISSING, Context
from mega.match.eventbridge.matcher import Combination, EventPattern
from mega.match.functions.arrays import ContainsAll
from mega.match.functions.comparison import Equal
from mega.match.index.codegen import Path
from mega.match.index.keys import Key, key_sequence, keys_of
from mega.match.member_table import MAX_TESTED
from mega.match.pattern import AllOf, AnyOf, Not, Object, Pattern

__all__ = ('Alternative', 'Condition', 'to_dnf')

MAX_ALTERNATIVES = 32
"""The maximum number of alternatives of one pattern."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A pattern for the value at a path.

    If a value on the way to the path is not an object, the condition is false.
    """

    path: Path
    leaf: Pattern
    key_sequence: tuple[tuple[Key, ...], ...] = field(default=(), compare=False)
    """The keys that find the condition, the best one first; empty if it must be tested."""

    is_prefilter: bool = False
    """Whether the condition only helps to find the pattern, and another condition decides.

    A prefilter tests the scalars at the path, also inside arrays on the way.
    """

    @property
    def keys(self) -> tuple[Key, ...] | None:
        """The best keys that find the condition; None if it must be tested."""
        return self.key_sequence[0] if self.key_sequence else None

    def is_met(self, payload: object, context: Context | None) -> bool:
        """Test a payload. The context may be None if the leaf needs none."""
        value = payload
        for key in self.path:
            if not isinstance(value, dict):
                return False
            value = value.get(key, MISSING)
        if value is MISSING:
            return self.leaf.when_missing is True
        return self.leaf.accepts(value, context)  # type: ignore[arg-type]  # needs no context


Alternative: TypeAlias = tuple[Condition, ...]


def to_dnf(pattern: Pattern, path: Path = ()) -> list[Alternative]:
    """Return the alternatives of a pattern at a path."""
    if isinstance(pattern, Equal) and pattern.child.when_missing is None:
        return to_dnf(pattern.child, path)
    if isinstance(pattern, Not) and isinstance(pattern.child, Not):
        return to_dnf(pattern.child.child, path)
    if isinstance(pattern, Object) and pattern.entries:
        parts = [to_dnf(child, (*path, str.__str__(key))) for key, child in pattern.entries]
        return _conjunction(parts) or _single(pattern, path)
    if isinstance(pattern, ContainsAll) and len(pattern.members) > MAX_TESTED:
        return _single(pattern, path)  # one pass over the array, instead of one for each member
    if isinstance(pattern, AllOf) and keys_of(pattern) is None:
        parts = [to_dnf(child, path) for child in pattern.members]
        return _conjunction(parts) or _single(pattern, path)
    if isinstance(pattern, EventPattern) and len(pattern.combinations) <= MAX_ALTERNATIVES:
        return [
            _with_prefilters(combination, pattern, path) for combination in pattern.combinations
        ]
    if isinstance(pattern, AnyOf) and any(map(_has_paths, pattern.members)):
        alternatives = [one for child in pattern.members for one in to_dnf(child, path)]
        return alternatives if len(alternatives) <= MAX_ALTERNATIVES else _single(pattern, path)
    return _single(pattern, path)


def _single(pattern: Pattern, path: Path) -> list[Alternative]:
    return [(Condition(path, pattern, key_sequence(pattern)),)]


def _with_prefilters(combination: Combination, pattern: EventPattern, path: Path) -> Alternative:
    """Return the fields of an EventBridge pattern as prefilters, and the pattern as the decision.

    A field alone cannot decide, because two fields may have to match in the same array member.
    """
    prefilters = [
        Condition((*path, *one.path), one.values, key_sequence(one.values), is_prefilter=True)
        for one in combination
    ]
    whole = pattern
    if len(pattern.combinations) > 1:
        whole = EventPattern((combination,), pattern.source)
    return *(one for one in prefilters if one.keys is not None), Condition(path, whole)


def _conjunction(parts: list[list[Alternative]]) -> list[Alternative]:
    """Return the alternatives of patterns that must all match; empty if there are too many."""
    combinations = 1
    for part in parts:
        combinations *= len(part)
        if combinations > MAX_ALTERNATIVES:
            return []
    return [tuple(c for one in chosen for c in one) for chosen in product(*parts)]


def _has_paths(pattern: Pattern) -> bool:
    return isinstance(pattern, (Object, AllOf, AnyOf)) and bool(pattern.children)
