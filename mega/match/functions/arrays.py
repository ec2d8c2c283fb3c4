"""Patterns of arrays: their members, and the length of arrays, texts and objects."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import force_setattr

from mega.errors import PatternError, join_path
from mega.match.context import Context
from mega.match.functions.logic import compile_members
from mega.match.member_table import EMPTY_TABLE, MAX_TESTED, MemberTable
from mega.match.pattern import AllOf, Pattern, compile_pattern
from mega.match.representation import call_repr

__all__ = (
    'Contains',
    'ContainsAll',
    'Every',
    'Exactly',
    'Length',
    'contains',
    'contains_all',
    'every',
    'exactly',
    'length',
)


class Contains(Pattern, frozen=True):
    """An array with at least one member that matches."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, (list, tuple)):
            return False
        for value in lhs:
            if self.child.accepts(value, context):
                return True
        return False

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def __repr__(self) -> str:
        return call_repr('contains', self.child)


class ContainsAll(AllOf, frozen=True, kw_only=True):
    """An array that matches several `Contains`. One pass over the array tests all of them."""

    table: MemberTable = EMPTY_TABLE

    def __post_init__(self) -> None:
        AllOf.__post_init__(self)
        children = [one.child for one in self.members if isinstance(one, Contains)]
        force_setattr(self, 'table', MemberTable(children))

    def accepts(self, lhs: object, context: Context) -> bool:
        # A predicate of the user is called only if all other members match.
        if self.has_predicate or len(self.members) <= MAX_TESTED:
            return AllOf.accepts(self, lhs, context)
        if not isinstance(lhs, (list, tuple)):
            return False
        unmatched = (1 << len(self.members)) - 1
        for value in lhs:
            unmatched &= ~self.table.find(value, context)
            if not unmatched:
                return True
        return False


class Every(Pattern, frozen=True):
    """An array whose members all match."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, (list, tuple)):
            return False
        for value in lhs:
            if not self.child.accepts(value, context):
                return False
        return True

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def __repr__(self) -> str:
        return call_repr('every', self.child)


class Length(Pattern, frozen=True):
    """An array, a text or an object whose length matches."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, (str, list, tuple, dict)) and self.child.accepts(len(lhs), context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def __repr__(self) -> str:
        return call_repr('length', self.child)


class Exactly(Pattern, frozen=True):
    """An array with as many members as patterns, each matching the pattern at its position."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, (list, tuple)) or len(lhs) != len(self.members):
            return False
        for child, value in zip(self.members, lhs, strict=True):
            if not child.accepts(value, context):
                return False
        return True

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.members

    def __repr__(self) -> str:
        return f'exactly([{", ".join(map(repr, self.members))}])'


def contains(pattern: object) -> Pattern:
    """An array with at least one member that matches.

    >>> evaluate(['sms', 'email'], contains('sms')), evaluate('sms', contains('sms'))
    (True, False)
    """
    return Contains(compile_pattern(pattern))


def contains_all(*patterns: object) -> Pattern:
    """An array that contains a matching member for each pattern: several `contains` combined.

    >>> evaluate([1, 2, 3], contains_all(1, gt(2))), evaluate([1, 2], contains_all(1, gt(2)))
    (True, False)
    """
    return ContainsAll(tuple(map(Contains, compile_members('contains_all', patterns))))


def every(pattern: object) -> Pattern:
    """An array whose members all match. An empty array matches.

    >>> evaluate([1, 2], every(gt(0))), evaluate([1, 'x'], every(gt(0))), evaluate([], every(1))
    (True, False, True)
    """
    return Every(compile_pattern(pattern))


def length(pattern: object) -> Pattern:
    """An array, a text (in code points) or an object (in keys) whose length matches.

    >>> evaluate('abc', length(3)), evaluate([1, 2], length(gt(2)))
    (True, False)
    """
    return Length(compile_pattern(pattern))


def exactly(array: Sequence[object]) -> Pattern:
    """An array with exactly these members in this order.

    >>> evaluate(['a', 'b'], exactly(['a', 'b'])), evaluate(['b', 'a'], exactly(['a', 'b']))
    (True, False)
    """
    if not isinstance(array, (list, tuple)):
        raise PatternError('', array, 'exactly() takes a list')
    return Exactly(tuple(compile_pattern(value, join_path('', i)) for i, value in enumerate(array)))
