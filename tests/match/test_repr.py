"""The repr of a pattern is the code that builds it."""

from __future__ import annotations

import operator
import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from functools import partial
from itertools import product
from uuid import UUID

import pytest

from mega.match import Pattern, evaluate
from mega.match.functions import (
    and_,
    any_,
    between,
    cidr,
    contains,
    contains_all,
    empty,
    eq,
    every,
    exactly,
    exists,
    field,
    fullmatch,
    gt,
    gte,
    iequals,
    in_,
    is_a,
    json_text,
    length,
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
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)
from mega.match.pattern import compile_pattern
from tests.match.tables import DAY, ID, NEXT_DAY, NOON, VALUES, alike, rebuild

THERE: list[dict[str, object]] = [
    {}, {'a': 5}, {'a': 'b', 'b': 5}, {'a': {'b': 5, '': 'a'}}, {'a.b': 'a'}, {'a.b': {'c': 5}},
    {'': 5, '.': 'a'}, {"it's": {'a"b': 5}, '\ud800': 'b'}, {'a': {'b': 6, 'a': 1}},
]  # fmt: skip
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
    fullmatch('a+'), fullmatch('A+', re.I, max_length=3), fullmatch(re.compile('A.B', re.S | re.X)),
    search('b'), search('B', re.I), search(r'\d\\', max_length=9), prefix('a'), prefix(''),
    prefix('STRA', ignore_case=True), prefix("it's"), suffix('b'), suffix('SSE', ignore_case=True),
    suffix('\n'), substring('ab'), substring('AB', ignore_case=True), substring('\ud800'),
    wildcard('a*'), wildcard('A*B', ignore_case=True), wildcard(r'a\*b'), wildcard('a\\\\b'),
    wildcard(r'\a\b'), wildcard('a?b'), iequals('strasse'), iequals('"a\''), cidr('10.0.0.0/8'),
    cidr('10.1.2.3/8'), cidr('10.1.2.3'), cidr('10.0.0.0/255.0.0.0'), cidr('::/0'), cidr('::1'),
    contains('a'), contains(gt(4)), contains({'a': 5}), contains(['a', 'b']), contains(contains(5)),
    contains_all('a', 'b'), contains_all('a'), contains_all(gt(4), 'ab', None), every('a'),
    json_text({'a': gt(5)}), json_text('a'),
    every(or_(5, 'ab', None)), length(1), length(gt(1)), length([1, 2]), exactly([]),
    exactly(['a', 'b']), exactly(('b', 'a')), exactly([gt(4)]), exactly([exactly([5])]),
    ~contains('a') | length(0), not_(contains(one_of('a', 'b'))),
]  # fmt: skip


@pytest.mark.parametrize('pattern', WRITTEN, ids=range(len(WRITTEN)))
def test_the_repr_of_a_pattern_is_the_code_that_builds_it(pattern: Pattern) -> None:
    built = rebuild(pattern)
    assert isinstance(built, Pattern)
    assert alike(built, pattern)
    assert repr(built) == repr(pattern)


KINDS: list[Pattern] = [
    is_a(str), is_a(int, float), is_a(bool), is_a(list), is_a(tuple, dict), is_a(object),
    is_a(None), is_a(str, None), is_a(type(None)), is_a(bytes), is_a(Decimal), is_a(UUID),
    is_a(date), is_a(datetime), is_a(datetime, Decimal, None), not_(is_a(datetime)),
]  # fmt: skip


@pytest.mark.parametrize('pattern', KINDS, ids=range(len(KINDS)))
def test_the_repr_of_a_type_has_the_name_that_its_values_show(pattern: Pattern) -> None:
    """With the names that `datetime.datetime(2020, 5, 4)` and `Decimal('5')` also need."""
    built = rebuild(pattern)
    assert alike(built, pattern)
    assert repr(built) == repr(pattern)


FIELDS: list[Pattern] = [
    field('a'), field('a.b'), field(['a', 'b']), field(('a',)), field(['a.b']), field(['a.b', 'c']),
    field(['']), field(['a', '']), field(['.']), field(["it's", 'a"b']), field(['\ud800']),
    eq(field('a')), neq(field('a.b')), gt(field('a')), lte(field('a.b')), between(field('a'), 9),
    between(1, field('a')), between(field('a'), field(['a', 'b'])), one_of('x', field('a')),
    contains(field('a')), length(field('a')), not_(gt(field('a')) & field('b')),
    exactly([field('a'), 5]), not_([field('a')]), not_({'b': field('a')}), field('a') | 5,
]  # fmt: skip


@pytest.mark.parametrize('pattern', FIELDS, ids=range(len(FIELDS)))
def test_the_repr_of_a_field_is_its_path(pattern: Pattern) -> None:
    built = rebuild(pattern)
    assert repr(built) == repr(pattern)
    for there, lhs in product(THERE, VALUES):
        payload = {**there, 'lhs': lhs}
        assert evaluate(payload, {'lhs': built}) is evaluate(payload, {'lhs': pattern})
        assert evaluate(payload, {'lhs': not_(built)}) is evaluate(payload, {'lhs': not_(pattern)})


def is_known(lhs: object) -> bool:
    return lhs is not None


def test_the_repr_of_a_pattern_has_the_name_of_its_predicate() -> None:
    assert 'is_known' in repr(not_(is_known))


def test_the_repr_of_a_number_beyond_pythons_limit_of_digits_exists() -> None:
    """`str` of an integer of 5,000 digits raises."""
    built = rebuild(gt(10**5_000))
    assert evaluate(10**5_000 + 1, built)
    assert not evaluate(10**5_000, built)


class Colour(str, Enum):
    RED = 'a'


class Level(IntEnum):
    HIGH = 5


class Price(float):
    """A float with another repr, as in numeric libraries."""

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
def test_a_value_of_a_subclass_is_the_plain_value(special: object, plain: object) -> None:
    """It matches like the plain value, and its repr needs no names of the user."""
    pattern = eq(special)
    assert alike(pattern, eq(plain))
    assert alike(rebuild(pattern), eq(plain))


class Named:
    """A callable object, which has no name."""

    def __call__(self, value: object) -> bool:
        return True

    def __repr__(self) -> str:
        return 'Named()'


class Nameless:
    """A callable object, whose repr has its address."""

    def __call__(self, value: object) -> bool:
        return True


def test_the_repr_of_a_predicate_is_its_name_or_its_own_repr() -> None:
    assert repr(compile_pattern(callable)) == 'callable'
    assert repr(compile_pattern(str.isupper)) == 'str.isupper'
    assert repr(compile_pattern(Named())) == 'Named()'
    assert repr(compile_pattern(operator.itemgetter('a'))) == "operator.itemgetter('a')"


def test_the_repr_of_a_predicate_has_no_address() -> None:
    assert repr(compile_pattern(Nameless())) == 'Nameless'
    assert repr(compile_pattern(partial(operator.lt, 5))) == 'lt'
    assert repr(compile_pattern(partial(Nameless()))) == 'Nameless'
