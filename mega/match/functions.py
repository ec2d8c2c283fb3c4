"""The vocabulary of patterns beyond plain values.

Every function returns a pattern, and refuses with a `PatternError`, at once, what it cannot use.
Where a function takes patterns, any value is one.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from mega.errors import PatternError, step
from mega.match.nodes import (
    Any,
    Between,
    Compare,
    Empty,
    Equal,
    Exists,
    Missing,
    OneOf,
    Optional,
    Regex,
)
from mega.match.pattern import AllOf, AnyOf, Not, Pattern, compiled
from mega.match.scales import Scale, Test, scale_of

__all__ = (
    'and_',
    'any_',
    'between',
    'empty',
    'eq',
    'exists',
    'gt',
    'gte',
    'in_',
    'lt',
    'lte',
    'match',
    'missing',
    'neq',
    'none_of',
    'not_',
    'one_of',
    'optional',
    'or_',
)

Comparable: TypeAlias = int | float | Decimal | str | date
"""What can be compared: a number, a text, a `datetime`, or a `date` (a calendar day in UTC)."""

_COMPARISONS: dict[str, Test] = {
    'gt': operator.gt,
    'gte': operator.ge,
    'lt': operator.lt,
    'lte': operator.le,
}


# ── comparison ───────────────────────────────────────────────────────────────────────────────────


def eq(value: object) -> Pattern:
    """The value itself, said as a function.

    >>> evaluate(19.99, eq(19.99)), evaluate('19.99', eq(19.99)), evaluate(True, eq(1))
    (True, True, False)
    """
    return Equal(compiled(value))


def neq(value: object) -> Pattern:
    """Anything but the value: `not_(eq(value))`.

    >>> evaluate('sms', neq('email'))
    True
    """
    return Not(eq(value))


def gt(value: Comparable) -> Pattern:
    """More than the value; after that instant, or after that day.

    >>> evaluate(3, gt(2)), evaluate('3', gt(2)), evaluate('b', gt('a')), evaluate(True, gt(0))
    (True, True, True, False)
    """
    return _comparison('gt', value)


def gte(value: Comparable) -> Pattern:
    """The value or more; on that day or later.

    >>> evaluate('2020-01-01T00:00:00Z', gte(date(2020, 1, 1)))
    True
    """
    return _comparison('gte', value)


def lt(value: Comparable) -> Pattern:
    """Less than the value; before that instant, or before that day.

    >>> evaluate(1, lt(2)), evaluate(2, lt(2))
    (True, False)
    """
    return _comparison('lt', value)


def lte(value: Comparable) -> Pattern:
    """The value or less; on that day or earlier.

    >>> evaluate('2020-01-31T23:59:59.999Z', lte(date(2020, 1, 31)))
    True
    """
    return _comparison('lte', value)


def between(low: Comparable, high: Comparable) -> Pattern:
    """From low to high, both included.

    >>> evaluate(5, between(1, 5)), evaluate(6, between(1, 5))
    (True, False)
    """
    from_, to = _scale(low), _scale(high)
    if type(from_) is not type(to):
        raise PatternError('', (low, high), 'low and high are of different kinds')
    if from_.holds(operator.lt, high):
        raise PatternError('', (low, high), 'low is above high')
    return Between(from_, to)


# ── membership ───────────────────────────────────────────────────────────────────────────────────


def one_of(*values: object) -> Pattern:
    """A value that matches at least one member, in whatever order. An array never is one.

    >>> evaluate('sms', one_of('email', 'sms')), evaluate(['sms'], one_of('email', 'sms'))
    (True, False)
    """
    return OneOf(_members('one_of', values))


def in_(members: Iterable[object]) -> Pattern:
    """A value that matches at least one member of a collection: `one_of(*members)`.

    >>> evaluate('sms', in_(['email', 'sms']))
    True
    """
    if isinstance(members, (str, bytes, Mapping)) or not isinstance(members, Iterable):
        raise PatternError('', members, 'in_() takes a list of members')
    return OneOf(_members('in_', tuple(members)))


def none_of(*values: object) -> Pattern:
    """A value that matches no member: `not_(one_of(...))`.

    >>> evaluate('push', none_of('email', 'sms'))
    True
    """
    return Not(one_of(*values))


# ── text ─────────────────────────────────────────────────────────────────────────────────────────


def match(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    """A text that begins with the regular expression, as `re.match` finds it.

    A text longer than `max_length` characters does not match: some expressions take exponential
    time, and what they are run on comes from outside.

    >>> evaluate('user:login:web', match(r'user:login:(.*)'))
    True
    """
    return Regex(_regex(regex, flags), _length(max_length))


# ── presence and kind ────────────────────────────────────────────────────────────────────────────


def any_() -> Pattern:
    """Any value that is there, null included.

    >>> evaluate({'a': None}, {'a': any_()}), evaluate({}, {'a': any_()})
    (True, False)
    """
    return Any()


def exists() -> Pattern:
    """Any value that is there and not null.

    >>> evaluate({'a': None}, {'a': exists()}), evaluate({'a': 0}, {'a': exists()})
    (False, True)
    """
    return Exists()


def missing() -> Pattern:
    """No such key. Null is there, and so not missing.

    >>> evaluate({}, {'a': missing()}), evaluate({'a': None}, {'a': missing()})
    (True, False)
    """
    return Missing()


def optional(pattern: object) -> Pattern:
    """No such key, or a value that matches.

    >>> evaluate({}, {'a': optional(gt(0))}), evaluate({'a': 0}, {'a': optional(gt(0))})
    (True, False)
    """
    return Optional(compiled(pattern))


def empty() -> Pattern:
    """Null, `''`, `[]` or `{}`.

    >>> evaluate('', empty()), evaluate(0, empty())
    (True, False)
    """
    return Empty()


# ── logic ────────────────────────────────────────────────────────────────────────────────────────


def not_(pattern: object) -> Pattern:
    """What the pattern does not match. A missing key matches neither.

    >>> evaluate('john', not_(['test', 'synthetic'])), evaluate({}, {'a': not_(5)})
    (True, False)
    """
    return Not(compiled(pattern))


def and_(*patterns: object) -> Pattern:
    """What every pattern matches.

    >>> evaluate(7, and_(gt(5), lt(10)))
    True
    """
    return AllOf(_members('and_', patterns))


def or_(*patterns: object) -> Pattern:
    """What at least one pattern matches. Over whole objects too.

    >>> evaluate({'b': 2}, or_({'a': 1}, {'b': 2}))
    True
    """
    return AnyOf(_members('or_', patterns))


# ── what they refuse ─────────────────────────────────────────────────────────────────────────────


def _comparison(name: str, value: object) -> Pattern:
    return Compare(name, _COMPARISONS[name], _scale(value))


def _scale(value: object) -> Scale:
    scale = scale_of(value)
    if scale is None:
        raise PatternError('', value, 'only a number, a text, a date or a datetime compares')
    return scale


def _members(name: str, values: tuple[object, ...]) -> tuple[Pattern, ...]:
    if not values:
        raise PatternError('', values, f'{name}() needs at least one member')
    return tuple(compiled(value, step('', i)) for i, value in enumerate(values))


def _regex(regex: object, flags: int) -> re.Pattern[str]:
    try:
        made: re.Pattern[str] = re.compile(regex, flags)  # type: ignore[call-overload]  # it checks
    except (re.error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PatternError('', regex, f'no regular expression: {error}') from error
    if not isinstance(made.pattern, str):
        raise PatternError('', regex, 'a regular expression over text is wanted, not over bytes')
    return made


def _length(limit: object) -> int | None:
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0):
        return limit
    raise PatternError('', limit, 'max_length is a number of characters')
