"""The repr of a pattern is the code that builds it."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntEnum

import pytest

from mega.match import Pattern, evaluate
from mega.match.functions import (
    and_,
    any_,
    between,
    empty,
    eq,
    exists,
    gt,
    gte,
    in_,
    lt,
    lte,
    match,
    missing,
    neq,
    none_of,
    not_,
    one_of,
    optional,
    or_,
)

from .tables import DAY, ID, NEXT_DAY, NOON, alike, rebuild

INFINITY, NAN = float('inf'), float('nan')
WRITTEN: list[Pattern] = [
    eq(5), eq('a'), eq(None), eq(True), eq([1, 'a', {'b': 5}]), eq(DAY), eq(NOON), eq(ID),
    eq(b'a'), neq(5), neq(None), gt(5), gte(5.5), lt(Decimal('5.50')), lte(DAY), gt(NOON),
    lt('b'), gt(10**30), between(4, 5.5), between('a', 'b'), between(DAY, NEXT_DAY),
    between(NOON, NOON), eq(datetime(2020, 5, 4)), one_of('a'), one_of('a', 5, None, True),
    one_of(gt(5), {'a': 5}, [1, 5]), in_(['b']), none_of('a', 5), match('a+'), match('A+', re.I),
    match('a+', max_length=3), match('A.?', re.I | re.S, max_length=2), match(r'\d+\\'),
    match('"\'\n'), match('(?i)A'), match('\ud800'), any_(), exists(), missing(), empty(),
    optional(5), optional(gt(5)), optional({'a': 5}), not_(5), not_(['a', 'b']),
    not_({'a': {'b': 5}}), not_("it's"), not_('\ud800'), not_({'a': ('x', {'y'})}), not_(set()),
    not_([]), not_({}), not_(()), not_({'a.b': 1, "'": 2}), and_(gt(4), lt(6)),
    and_(any_(), {'a': optional(5)}), or_(5, 'a', None), or_({'a': 5}, {'b': [1, 5]}),
    gt(4) & lt(6), gt(5) | lt(4) | one_of('a'), ~gt(4), ~~gt(4), ~(gt(4) | lt(2)),
    gt(4) & ~one_of(5) | ~(missing() | empty()), (gt(4) | lt(2)) & neq(5),
    not_(and_(exists(), or_(4, 6))), eq(Decimal('NaN')), eq(NAN), one_of(5, NAN), eq(INFINITY),
    gt(-INFINITY), between(-INFINITY, INFINITY), eq(Decimal('Infinity')), not_(-0.0),
]  # fmt: skip


@pytest.mark.parametrize('pattern', WRITTEN, ids=range(len(WRITTEN)))
def test_a_pattern_shows_as_the_code_that_builds_it(pattern: Pattern) -> None:
    built = rebuild(pattern)
    assert isinstance(built, Pattern)
    assert alike(built, pattern)
    assert repr(built) == repr(pattern)


def is_known(lhs: object) -> bool:
    return lhs is not None


def test_a_pattern_with_a_predicate_shows_the_predicate() -> None:
    assert 'is_known' in repr(not_(is_known))


def test_a_number_beyond_pythons_limit_of_digits_can_be_shown() -> None:
    """`str` of an integer of 5,000 digits is an error in itself."""
    built = rebuild(gt(10**5_000))
    assert evaluate(10**5_000 + 1, built)
    assert not evaluate(10**5_000, built)


class Colour(str, Enum):
    RED = 'a'


class Level(IntEnum):
    HIGH = 5


class Price(float):
    """A float that shows in its own way, as those of numeric libraries do."""

    def __repr__(self) -> str:
        return f'Price({float(self)})'


@pytest.mark.parametrize(
    ('special', 'plain'),
    [
        pytest.param(Colour.RED, 'a', id='string'),
        pytest.param(Level.HIGH, 5, id='integer'),
        pytest.param(Price(5.5), 5.5, id='float'),
    ],
)
def test_a_special_kind_of_a_value_is_that_value(special: object, plain: object) -> None:
    """It matches as the value does, and shows as code that needs no name of the user's."""
    pattern = eq(special)
    assert alike(pattern, eq(plain))
    assert alike(rebuild(pattern), eq(plain))
