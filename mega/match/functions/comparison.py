"""Comparisons: equal, less, greater, between."""

from __future__ import annotations

import operator
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from mega.errors import PatternError
from mega.match.comparables import Comparable, ExactKeys, Test, to_comparable
from mega.match.context import Context
from mega.match.functions.paths import Field
from mega.match.pattern import Atom, Not, Pattern, compile_pattern
from mega.match.representation import call_repr

__all__ = (
    'Between',
    'BetweenFields',
    'Compare',
    'CompareField',
    'Equal',
    'between',
    'eq',
    'gt',
    'gte',
    'lt',
    'lte',
    'neq',
)

Operand: TypeAlias = int | float | Decimal | str | date | Pattern
"""A number, a text, a `datetime`, a `date` (a calendar day in UTC), or a `field(...)` of these."""

_TESTS: dict[str, Test] = {
    'gt': operator.gt,
    'gte': operator.ge,
    'lt': operator.lt,
    'lte': operator.le,
}


class Equal(Pattern, frozen=True):
    """A value that the child matches, written as `eq(child)`."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.child.accepts(lhs, context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    @property
    def exact_keys(self) -> ExactKeys | None:
        return self.child.exact_keys

    def __repr__(self) -> str:
        return call_repr('eq', self.child)


class Compare(Atom, frozen=True):
    """A value that is less or greater than a constant."""

    name: str
    comparable: Comparable

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.comparable.compare(_TESTS[self.name], lhs)

    def __repr__(self) -> str:
        return call_repr(self.name, self.comparable.value)


class CompareField(Pattern, frozen=True):
    """A value that is less or greater than the value of another field of the payload."""

    name: str
    field: Field

    def accepts(self, lhs: object, context: Context) -> bool:
        comparable = to_comparable(self.field.value(context))
        return comparable is not None and comparable.compare(_TESTS[self.name], lhs)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.field,)

    def __repr__(self) -> str:
        return call_repr(self.name, self.field)


class Between(Atom, frozen=True):
    """A value from `low` to `high`, both included."""

    low: Comparable
    high: Comparable

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.low.compare(operator.ge, lhs) and self.high.compare(operator.le, lhs)

    def __repr__(self) -> str:
        return call_repr('between', self.low.value, self.high.value)


class BetweenFields(Pattern, frozen=True):
    """A value from `low` to `high`, where one or both are other fields of the payload."""

    low: Comparable | Field
    high: Comparable | Field

    def accepts(self, lhs: object, context: Context) -> bool:
        low, high = (
            to_comparable(end.value(context)) if isinstance(end, Field) else end
            for end in (self.low, self.high)
        )
        if low is None or high is None or type(low) is not type(high):
            return False
        # The bounds are compared last. They may be long, and most values are short.
        is_between = low.compare(operator.ge, lhs) and high.compare(operator.le, lhs)
        return is_between and not _range_error(low, high)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return tuple(end for end in (self.low, self.high) if isinstance(end, Field))

    def __repr__(self) -> str:
        ends = (self.low, self.high)
        return call_repr('between', *(end if isinstance(end, Field) else end.value for end in ends))


def eq(value: object) -> Pattern:
    """A value that equals this value.

    >>> evaluate(19.99, eq(19.99)), evaluate('19.99', eq(19.99)), evaluate(True, eq(1))
    (True, True, False)
    """
    return Equal(compile_pattern(value))


def neq(value: object) -> Pattern:
    """A value that does not equal this value: `not_(eq(value))`.

    >>> evaluate('sms', neq('email'))
    True
    """
    return Not(eq(value))


def gt(value: Operand) -> Pattern:
    """A value greater than this value; after this instant, or after this day.

    >>> evaluate(3, gt(2)), evaluate('3', gt(2)), evaluate('b', gt('a')), evaluate(True, gt(0))
    (True, True, True, False)
    """
    return _comparison('gt', value)


def gte(value: Operand) -> Pattern:
    """A value greater than or equal to this value; on this day or later.

    >>> evaluate('2020-01-01T00:00:00Z', gte(date(2020, 1, 1)))
    True
    """
    return _comparison('gte', value)


def lt(value: Operand) -> Pattern:
    """A value less than this value; before this instant, or before this day.

    >>> evaluate(1, lt(2)), evaluate(2, lt(2))
    (True, False)
    """
    return _comparison('lt', value)


def lte(value: Operand) -> Pattern:
    """A value less than or equal to this value; on this day or earlier.

    >>> evaluate('2020-01-31T23:59:59.999Z', lte(date(2020, 1, 31)))
    True
    """
    return _comparison('lte', value)


def between(low: Operand, high: Operand) -> Pattern:
    """A value from `low` to `high`, both included.

    >>> evaluate(5, between(1, 5)), evaluate(6, between(1, 5))
    (True, False)
    """
    if isinstance(low, Field) or isinstance(high, Field):
        return BetweenFields(
            *(end if isinstance(end, Field) else _comparable(end) for end in (low, high))
        )
    bounds = _comparable(low), _comparable(high)
    if problem := _range_error(*bounds):
        raise PatternError('', (low, high), problem)
    return Between(*bounds)


def _comparison(name: str, value: object) -> Pattern:
    return (
        CompareField(name, value) if isinstance(value, Field) else Compare(name, _comparable(value))
    )


def _comparable(value: object) -> Comparable:
    comparable = to_comparable(value)
    if comparable is None:
        raise PatternError('', value, 'must be a number, a text, a date or a datetime')
    return comparable


def _range_error(low: Comparable, high: Comparable) -> str:
    if type(low) is not type(high):
        return 'low and high must have the same type'
    return 'low must not be above high' if low.compare(operator.lt, high.value) else ''
