"""A missing key is true, false or unknown; only true is a match."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

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

YES, NO, UNKNOWN = True, False, None
Truth = bool | None


def predicate(lhs: object) -> bool:
    raise AssertionError('a predicate was asked about a missing key')


LEAVES: list[tuple[Any, Truth]] = [
    (missing(), YES),
    (optional(5), YES),
    (optional(exists()), YES),
    (optional(predicate), YES),
    (exists(), NO),
    (any_(), NO),
    (empty(), UNKNOWN),
    (5, UNKNOWN),
    ('a', UNKNOWN),
    (True, UNKNOWN),
    (False, UNKNOWN),
    (None, UNKNOWN),
    (date(2020, 5, 4), UNKNOWN),
    (b'', UNKNOWN),
    ([], UNKNOWN),
    (['a', None], UNKNOWN),
    ([missing(), 5], UNKNOWN),
    ({}, UNKNOWN),
    ({'a': missing()}, UNKNOWN),
    (predicate, UNKNOWN),
    (eq(5), UNKNOWN),
    (eq(None), UNKNOWN),
    (neq(5), UNKNOWN),
    (neq(None), UNKNOWN),
    (gt(5), UNKNOWN),
    (gte(5), UNKNOWN),
    (lt(5), UNKNOWN),
    (lte(date(2020, 5, 4)), UNKNOWN),
    (between(1, 5), UNKNOWN),
    (one_of('a', None), UNKNOWN),
    (in_(['a']), UNKNOWN),
    (none_of('a', 'b'), UNKNOWN),
    (match('.*'), UNKNOWN),
    (match('a', max_length=3), UNKNOWN),
    (fullmatch('.*'), UNKNOWN),
    (search(''), UNKNOWN),
    (prefix(''), UNKNOWN),
    (suffix('', ignore_case=True), UNKNOWN),
    (substring(''), UNKNOWN),
    (wildcard('*'), UNKNOWN),
    (iequals('none'), UNKNOWN),
    (cidr('::/0'), UNKNOWN),
    (is_a(None), UNKNOWN),
    (is_a(object), UNKNOWN),
    (contains(missing()), UNKNOWN),
    (contains(optional(5)), UNKNOWN),
    (contains_all(missing()), UNKNOWN),
    (contains_all(exists(), any_()), UNKNOWN),
    (contains_all(predicate), UNKNOWN),
    (every(missing()), UNKNOWN),
    (every(predicate), UNKNOWN),
    (length(missing()), UNKNOWN),
    (json_text(missing()), UNKNOWN),
    (json_text(any_()), UNKNOWN),
    (length(0), UNKNOWN),
    (exactly([]), UNKNOWN),
    (exactly([missing(), optional(5)]), UNKNOWN),
    (field('other'), UNKNOWN),
    (field('key'), UNKNOWN),
    (field('nowhere'), UNKNOWN),
    (eq(field('nowhere')), UNKNOWN),
    (neq(field('nowhere')), UNKNOWN),
    (gt(field('other')), UNKNOWN),
    (not_(gt(field('nowhere'))), UNKNOWN),
    (between(field('nowhere'), 5), UNKNOWN),
    (one_of(field('nowhere')), UNKNOWN),
]


def accepts_absence(pattern: object) -> bool:
    return evaluate({'other': None}, {'key': pattern})


def truth(pattern: object) -> Truth:
    """An unknown result matches neither directly nor under `not_`."""
    yes, no = accepts_absence(pattern), accepts_absence(not_(pattern))
    assert not (yes and no)
    return YES if yes else NO if no else UNKNOWN


@pytest.mark.parametrize(('pattern', 'expected'), LEAVES, ids=range(len(LEAVES)))
def test_every_pattern_is_true_false_or_unknown(pattern: object, expected: Truth) -> None:
    assert truth(pattern) is expected
    assert accepts_absence(pattern) is (expected is YES)


REPRESENTATIVES: list[tuple[Any, Truth]] = [
    (missing(), YES),
    (optional('a'), YES),
    (exists(), NO),
    (any_(), NO),
    (5, UNKNOWN),
    (empty(), UNKNOWN),
    (predicate, UNKNOWN),
]
PAIRS = [
    pytest.param(*left, *right, id=f'{i}')
    for i, (left, right) in enumerate(product(REPRESENTATIVES, repeat=2))
]


def both(left: Truth, right: Truth) -> Truth:
    if left is NO or right is NO:
        return NO
    return YES if left is YES and right is YES else UNKNOWN


def negated(value: Truth) -> Truth:
    return UNKNOWN if value is UNKNOWN else not value


def either(left: Truth, right: Truth) -> Truth:
    return negated(both(negated(left), negated(right)))


@pytest.mark.parametrize(('left', 'is_left', 'right', 'is_right'), PAIRS)
def test_logic_follows_kleene(left: Any, is_left: Truth, right: Any, is_right: Truth) -> None:
    assert truth(and_(left, right)) is both(is_left, is_right)
    assert truth(or_(left, right)) is either(is_left, is_right)
    assert truth(not_(left)) is negated(is_left)


@pytest.mark.parametrize(('left', 'is_left', 'right', 'is_right'), PAIRS)
def test_the_laws_hold_on_a_missing_key(
    left: Any, is_left: Truth, right: Any, is_right: Truth
) -> None:
    assert truth(not_(not_(left))) is is_left
    assert truth(not_(and_(left, right))) is truth(or_(not_(left), not_(right)))
    assert truth(not_(or_(left, right))) is truth(and_(not_(left), not_(right)))
    assert truth(and_(right, left)) is both(is_left, is_right)
    assert truth(or_(right, left)) is either(is_left, is_right)


@pytest.mark.parametrize(('left', 'is_left', 'right', 'is_right'), PAIRS)
def test_operators_are_the_same_on_a_missing_key(
    left: Any, is_left: Truth, right: Any, is_right: Truth
) -> None:
    if isinstance(left, Pattern):
        assert truth(left & right) is both(is_left, is_right)
        assert truth(left | right) is either(is_left, is_right)
        assert truth(~left) is negated(is_left)


@pytest.mark.parametrize(
    ('pattern', 'holds'),
    [
        pytest.param(not_(exists()), True, id='not exists'),
        pytest.param(or_(missing(), 5), True, id='missing or 5'),
        pytest.param(or_(not_(5), missing()), True, id='not 5, or missing'),
        pytest.param(not_(and_(5, exists())), True, id='not both 5 and there'),
        pytest.param(not_(or_(exists(), any_())), True, id='neither there nor anything'),
        pytest.param(and_(optional(5), missing()), True, id='optional and missing'),
        pytest.param(not_(5), False, id='not 5'),
        pytest.param(not_(not_(5)), False, id='not not 5'),
        pytest.param(not_(['test', 'synthetic']), False, id='neither of two'),
        pytest.param(not_(empty()), False, id='not empty'),
        pytest.param(not_(missing()), False, id='not missing'),
        pytest.param(not_(optional(5)), False, id='not optional'),
        pytest.param(or_(5, not_(5)), False, id='5 or not 5'),
        pytest.param(and_(missing(), not_(5)), False, id='missing and not 5'),
        pytest.param(not_(or_(exists(), 5)), False, id='neither there nor 5'),
        pytest.param(not_({'a': 1}), False, id='not an object'),
        pytest.param(not_(predicate), False, id='not a predicate'),
    ],
)
def test_only_true_accepts_a_missing_key(pattern: object, holds: bool) -> None:
    assert accepts_absence(pattern) is holds


@pytest.mark.parametrize('wrap', [one_of, lambda *members: in_(members)], ids=['one_of', 'in_'])
def test_membership_of_a_missing_key_is_unknown(wrap: Any) -> None:
    """Only logic combines the results of its members: use `or_(missing(), 5)`."""
    assert truth(wrap(missing(), 5)) is UNKNOWN
    assert truth(wrap(optional('a'))) is UNKNOWN
    assert truth(wrap(exists())) is UNKNOWN


def test_null_is_not_missing() -> None:
    lhs = {'key': None}
    assert not evaluate(lhs, {'key': missing()})
    assert not evaluate(lhs, {'key': optional(5)})
    assert evaluate(lhs, {'key': None})
    assert evaluate(lhs, {'key': any_()})
    assert evaluate(lhs, {'key': not_(exists())})
    assert evaluate(lhs, {'key': not_(5)})


def test_a_missing_key_in_a_present_object_makes_its_pattern_false() -> None:
    """The result is false, not unknown: the object is present but does not match."""
    assert not evaluate({}, {'a': not_(5)})
    assert evaluate({}, not_({'a': 5}))
    assert evaluate({}, not_({'a': not_(5)}))
    assert evaluate({'x': {}}, {'x': not_({'a': 5})})
    assert evaluate({}, not_(or_({'a': 1}, {'b': 2})))
    assert not evaluate({'x': {}}, {'x': or_({'a': 1}, {'b': 2})})


def test_missing_is_true_only_in_the_parent_of_the_key() -> None:
    """The parent of a missing key must be present, and an object."""
    pattern = {'a': {'b': missing()}}
    assert evaluate({'a': {}}, pattern)
    assert not evaluate({'a': {'b': None}}, pattern)
    assert not evaluate({}, pattern)
    assert not evaluate({'a': None}, pattern)
    assert not evaluate({'a': []}, pattern)
    assert not evaluate({'a': 'b'}, pattern)


def test_missing_is_tested_in_the_members_of_an_array() -> None:
    pattern = [{'a': missing(), 'b': 1}]
    assert evaluate([{'b': 1}, {'b': 1, 'c': 2}], pattern)
    assert not evaluate([{'b': 1}, {'a': 0, 'b': 1}], pattern)


def test_a_present_value_is_never_missing() -> None:
    assert not evaluate({}, missing())
    assert not evaluate(None, missing())
    assert evaluate(None, not_(missing()))


def test_no_predicate_is_called_for_a_missing_key() -> None:
    """`predicate` fails the test when it is called."""
    for pattern in (
        predicate,
        not_(predicate),
        optional(predicate),
        or_(predicate, missing()),
        and_(predicate, exists()),
        one_of('a', predicate),
        [predicate],
        {'a': predicate},
        contains(predicate),
        contains_all(predicate),
        every(predicate),
        length(predicate),
        exactly([predicate]),
    ):
        accepts_absence(pattern)
        evaluate({'x': {}}, {'x': {'key': pattern}})
