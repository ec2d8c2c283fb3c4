"""Split conditions on one value into simpler ones, until none of them combines patterns.

A condition is a pattern, and whether it must hold. For example, `not_(or_('a', 'b'))` must hold:

    or_('a', 'b') must not hold
    'a' must not hold, and 'b' must not hold

`or_('a', 'b')` must hold has two alternatives, and `branches` yields both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from typing import NamedTuple, TypeAlias

from mega.match.context import Context
from mega.match.eventbridge.matcher import Combination, EventPattern
from mega.match.functions.arrays import Exactly
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import IsA, OptionalValue
from mega.match.pattern import AllOf, AnyOf, ListLiteral, Members, Not, Object, Pattern

__all__ = ('Condition', 'Conditions', 'Whole', 'branches')

MAX_SPLIT = 16
"""The number of members from which alternatives that must not match are only tested."""


class Condition(NamedTuple):
    """A pattern, and whether a value must match it."""

    pattern: Pattern
    holds: bool = True

    def accepts(self, value: object) -> bool:
        """Return whether a value meets the condition. A predicate that raises meets none."""
        try:
            return self.pattern.accepts(value, Context(value)) is self.holds
        except Exception:
            return False

    @property
    def accepts_missing(self) -> bool:
        """Whether a missing key meets the condition."""
        return (self.pattern.when_missing is True) is self.holds


Conditions: TypeAlias = Sequence[Condition]


class Whole(Pattern, frozen=True):
    """A pattern that is not split: it is only tested."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.child.accepts(lhs, context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)


def branches(conditions: Conditions) -> Iterator[Conditions]:
    """Yield alternatives: a value that meets all conditions of one of them meets all conditions."""
    for at, condition in enumerate(conditions):
        options = _split(condition.pattern, condition.holds)
        if options is not None:
            others = (*conditions[:at], *conditions[at + 1 :])
            for option in options:
                yield from branches((*option, *others))
            return
    yield conditions


_Options: TypeAlias = Iterable[Conditions] | None


@singledispatch
def _split(pattern: Pattern, holds: bool) -> _Options:
    """Return alternatives for a condition; None if it is not split."""
    return None


@_split.register
def _(pattern: Not, holds: bool) -> _Options:
    return [[Condition(pattern.child, not holds)]]


@_split.register(Equal)
@_split.register(OptionalValue)
def _(pattern: Equal | OptionalValue, holds: bool) -> _Options:
    return [[Condition(pattern.child, holds)]]


@_split.register
def _(pattern: AllOf, holds: bool) -> _Options:
    if holds:
        return [[Condition(member) for member in pattern.members]]
    return _one_fails(pattern.members)


def _one_fails(members: Sequence[Pattern]) -> Iterator[Conditions]:
    """Yield alternatives. One member does not match. In the first ones, all others match."""
    for at, member in enumerate(members):
        others = [Condition(other) for other in (*members[:at], *members[at + 1 :])]
        yield [Condition(member, False), *others]
    if len(members) > 1:
        for member in members:
            yield [Condition(member, False)]


@_split.register
def _(pattern: AnyOf, holds: bool) -> _Options:
    return _some(pattern, holds)


def _some(pattern: Members, holds: bool, *others: Condition) -> Iterable[Conditions]:
    if holds:
        return [[Condition(member), *others] for member in pattern.members]
    if len(pattern.members) > MAX_SPLIT:
        return [[Condition(Whole(pattern), False)]]
    return [[*(Condition(member, False) for member in pattern.members), *others]]


_IS_ARRAY = IsA((list,))
_IS_OBJECT = IsA((dict,))


@_split.register
def _(pattern: OneOf, holds: bool) -> _Options:
    if holds:
        return _some(pattern, holds, Condition(_IS_ARRAY, False))
    return [*_some(pattern, holds), [Condition(_IS_ARRAY)]]


@_split.register
def _(pattern: ListLiteral, holds: bool) -> _Options:
    scalars = _some(pattern, holds, Condition(_IS_ARRAY, False))
    if holds:
        orders = pattern.members, pattern.members[::-1]
        return [*scalars, *([Condition(Exactly(order))] for order in orders)]
    return [*scalars, [Condition(_IS_ARRAY), Condition(Whole(pattern), False)]]


@_split.register
def _(pattern: Object, holds: bool) -> _Options:
    if holds or len(pattern.entries) == 1:
        return None
    entries = [Object((entry,)) for entry in pattern.entries]
    is_object = Condition(_IS_OBJECT)
    near = [[is_object, *option] for option in _one_fails(entries)]
    return [*near, [Condition(_IS_OBJECT, False)]]


@_split.register
def _(pattern: EventPattern, holds: bool) -> _Options:
    # Only events without arrays are generated. EventBridge then tests one scalar at each path.
    matching = AnyOf(tuple(map(_to_object, pattern.combinations)))
    paths = {condition.path for each in pattern.combinations for condition in each}
    return [[Condition(matching, holds), *(Condition(_scalar_at(path)) for path in paths)]]


def _to_object(combination: Combination) -> Pattern:
    """Return a pattern of objects with matching scalars at the paths of a combination."""
    parts = []
    for condition in combination:
        values = condition.values
        part: Pattern = AnyOf(values.members)
        if values.accepts_missing:
            part = OptionalValue(part)
        for key in reversed(condition.path):
            part = Object(((key, part),))
        parts.append(part)
    return AllOf(tuple(parts))


def _scalar_at(path: Sequence[str]) -> Pattern:
    """Return a pattern of objects with a scalar, or nothing, at a path."""
    part: Pattern = Not(IsA((list, tuple, dict)))
    for key in reversed(path):
        part = Object(((key, OptionalValue(part)),))
    return part
