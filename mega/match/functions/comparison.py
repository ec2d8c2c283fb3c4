"""More, less, equal: values on one scale."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from mega.errors import PatternError
from mega.match.comparables import Comparable, Test, to_comparable
from mega.match.context import Context
from mega.match.functions.paths import Field
from mega.match.pattern import Not, Pattern, call_repr, compile_pattern

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
"""What can be compared: a number, a text, a `datetime`, a `date` (a calendar day in UTC), or the
`field(...)` that holds one of these.
"""

_TESTS: dict[str, Test] = {
    'gt': operator.gt,
    'gte': operator.ge,
    'lt': operator.lt,
    'lte': operator.le,
}


@dataclass(frozen=True, slots=True, eq=False)
class Equal(Pattern):
    """The value itself."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.child.accepts(lhs, context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def __repr__(self) -> str:
        return call_repr('eq', self.child)


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Pattern):
    """More or less than a value on its scale."""

    name: str
    comparable: Comparable

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.comparable.compare(_TESTS[self.name], lhs)

    def __repr__(self) -> str:
        return call_repr(self.name, self.comparable.value)


@dataclass(frozen=True, slots=True, eq=False)
class CompareField(Pattern):
    """More or less than what another field of the payload holds, on the scale of that."""

    name: str
    field: Field

    def accepts(self, lhs: object, context: Context) -> bool:
        scale = to_comparable(self.field.value(context))
        return scale is not None and scale.compare(_TESTS[self.name], lhs)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.field,)

    def __repr__(self) -> str:
        return call_repr(self.name, self.field)


@dataclass(frozen=True, slots=True, eq=False)
class Between(Pattern):
    """From one value to another on their scale, both included."""

    low: Comparable
    high: Comparable

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.low.compare(operator.ge, lhs) and self.high.compare(operator.le, lhs)

    def __repr__(self) -> str:
        return call_repr('between', self.low.value, self.high.value)


@dataclass(frozen=True, slots=True, eq=False)
class BetweenFields(Pattern):
    """From one value to another, where other fields of the payload hold one or both."""

    low: Comparable | Field
    high: Comparable | Field

    def accepts(self, lhs: object, context: Context) -> bool:
        low, high = (
            to_comparable(end.value(context)) if isinstance(end, Field) else end
            for end in (self.low, self.high)
        )
        if low is None or high is None or _why_no_range(low, high):
            return False
        return low.compare(operator.ge, lhs) and high.compare(operator.le, lhs)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return tuple(end for end in (self.low, self.high) if isinstance(end, Field))

    def __repr__(self) -> str:
        ends = (self.low, self.high)
        return call_repr('between', *(end if isinstance(end, Field) else end.value for end in ends))


def eq(value: object) -> Pattern:
    """The value itself, said as a function.

    >>> evaluate(19.99, eq(19.99)), evaluate('19.99', eq(19.99)), evaluate(True, eq(1))
    (True, True, False)
    """
    return Equal(compile_pattern(value))


def neq(value: object) -> Pattern:
    """Anything but the value: `not_(eq(value))`.

    >>> evaluate('sms', neq('email'))
    True
    """
    return Not(eq(value))


def gt(value: Operand) -> Pattern:
    """More than the value; after that instant, or after that day.

    >>> evaluate(3, gt(2)), evaluate('3', gt(2)), evaluate('b', gt('a')), evaluate(True, gt(0))
    (True, True, True, False)
    """
    return _comparison('gt', value)


def gte(value: Operand) -> Pattern:
    """The value or more; on that day or later.

    >>> evaluate('2020-01-01T00:00:00Z', gte(date(2020, 1, 1)))
    True
    """
    return _comparison('gte', value)


def lt(value: Operand) -> Pattern:
    """Less than the value; before that instant, or before that day.

    >>> evaluate(1, lt(2)), evaluate(2, lt(2))
    (True, False)
    """
    return _comparison('lt', value)


def lte(value: Operand) -> Pattern:
    """The value or less; on that day or earlier.

    >>> evaluate('2020-01-31T23:59:59.999Z', lte(date(2020, 1, 31)))
    True
    """
    return _comparison('lte', value)


def between(low: Operand, high: Operand) -> Pattern:
    """From low to high, both included.

    >>> evaluate(5, between(1, 5)), evaluate(6, between(1, 5))
    (True, False)
    """
    if isinstance(low, Field) or isinstance(high, Field):
        return BetweenFields(
            *(end if isinstance(end, Field) else _scale(end) for end in (low, high))
        )
    from_, to = _scale(low), _scale(high)
    if problem := _why_no_range(from_, to):
        raise PatternError('', (low, high), problem)
    return Between(from_, to)


def _comparison(name: str, value: object) -> Pattern:
    return CompareField(name, value) if isinstance(value, Field) else Compare(name, _scale(value))


def _scale(value: object) -> Comparable:
    scale = to_comparable(value)
    if scale is None:
        raise PatternError('', value, 'only a number, a text, a date or a datetime compares')
    return scale


def _why_no_range(low: Comparable, high: Comparable) -> str:
    if type(low) is not type(high):
        return 'low and high are of different kinds'
    return 'low is above high' if low.compare(operator.lt, high.value) else ''
