"""Combinations of patterns, and alternatives of one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mega.errors import PatternError, join_path
from mega.match.context import Context
from mega.match.member_table import MAX_TESTED
from mega.match.pattern import AllOf, AnyOf, Members, Not, Pattern, compile_pattern
from mega.match.representation import call_repr

__all__ = ('OneOf', 'and_', 'compile_members', 'in_', 'none_of', 'not_', 'one_of', 'or_')


class OneOf(Members, frozen=True):
    """A value, but not an array, that at least one member matches."""

    def accepts(self, lhs: object, context: Context) -> bool:
        if isinstance(lhs, (list, tuple)):
            return False
        if len(self.members) > MAX_TESTED:
            return self.table.matches_any(lhs, context)
        for child in self.members:
            if child.accepts(lhs, context):
                return True
        return False

    def __repr__(self) -> str:
        return call_repr('one_of', *self.members)


def one_of(*values: object) -> Pattern:
    """A value that matches at least one member. An array never matches.

    >>> evaluate('sms', one_of('email', 'sms')), evaluate(['sms'], one_of('email', 'sms'))
    (True, False)
    """
    return OneOf(compile_members('one_of', values))


def in_(values: Iterable[object]) -> Pattern:
    """A value that matches at least one member of a collection: `one_of(*values)`.

    >>> evaluate('sms', in_(['email', 'sms']))
    True
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise PatternError('', values, 'in_() takes a list of members')
    return OneOf(compile_members('in_', tuple(values)))


def none_of(*values: object) -> Pattern:
    """A value that matches no member: `not_(one_of(...))`.

    >>> evaluate('push', none_of('email', 'sms'))
    True
    """
    return Not(one_of(*values))


def not_(pattern: object) -> Pattern:
    """A value that the pattern does not match. A missing key matches neither.

    >>> evaluate('john', not_(['test', 'synthetic'])), evaluate({}, {'a': not_(5)})
    (True, False)
    """
    return Not(compile_pattern(pattern))


def and_(*patterns: object) -> Pattern:
    """A value that all patterns match.

    >>> evaluate(7, and_(gt(5), lt(10)))
    True
    """
    return AllOf(compile_members('and_', patterns))


def or_(*patterns: object) -> Pattern:
    """A value, which may be an object, that at least one pattern matches.

    >>> evaluate({'b': 2}, or_({'a': 1}, {'b': 2}))
    True
    """
    return AnyOf(compile_members('or_', patterns))


def compile_members(name: str, values: tuple[object, ...]) -> tuple[Pattern, ...]:
    """Compile the arguments of a function.

    Raises:
        PatternError: if an argument is not a valid pattern, or without arguments.
    """
    if not values:
        raise PatternError('', values, f'{name}() needs at least one member')
    return tuple(compile_pattern(value, join_path('', i)) for i, value in enumerate(values))
