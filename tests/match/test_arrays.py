"""Patterns of arrays: members, order and length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mega.errors import PatternError
from mega.match import Pattern, PatternSet, evaluate
from mega.match.functions import (
    any_,
    between,
    contains,
    contains_all,
    empty,
    every,
    exactly,
    exists,
    field,
    gt,
    gte,
    is_a,
    length,
    lt,
    missing,
    not_,
    one_of,
    optional,
    or_,
    prefix,
)
from tests.match.tables import DAY, ID, NOON, VALUES, alike, check, table


@table(
    ('a member', ['a', 'b'], contains('a'), True),
    ('the last', ['a', 'b'], contains('b'), True),
    ('the only one', ['a'], contains('a'), True),
    ('no member', ['a', 'b'], contains('c'), False),
    ('of nothing', [], contains('a'), False),
    ('of nothing, anything', [], contains(any_()), False),
    ('anything', [None], contains(any_()), True),
    ('null', ['a', None], contains(None), True),
    ('no null', ['a'], contains(None), False),
    ('a number in a text', ['41', '42'], contains(42), True),
    ('no text in a number', [42], contains('42'), False),
    ('no boolean in a number', [1], contains(True), False),
    ('no number in a boolean', [True], contains(1), False),
    ('an instant', ['a', '2020-05-04T12:00:00Z'], contains(NOON), True),
    ('a pattern', [1, 7], contains(gt(5)), True),
    ('no pattern', [1, 5], contains(gt(5)), False),
    ('a predicate', ['', 'abc'], contains(lambda lhs: len(lhs) == 3), True),
    ('one of several', ['x', 'b'], contains(one_of('a', 'b')), True),
    ('a list is one of several', ['x', 'b'], contains(['a', 'b']), True),
    ('an array in an array', [['b', 'a']], contains(['a', 'b']), True),
    ('an array for its members', [['a']], contains('a'), False),
    ('an array that contains', [[], ['a']], contains(contains('a')), True),
    ('an object by its keys', [{'b': 1}, {'a': 1, 'b': 2}], contains({'a': 1}), True),
    ('an object made of two', [{'a': 1}, {'b': 2}], contains({'a': 1, 'b': 2}), False),
    ('an object without a key', [{'a': 1}, {}], contains({'a': missing()}), True),
    ('a tuple has members too', ('a', 'b'), contains('b'), True),
    ('a text has none', 'abc', contains('a'), False),
    ('an object has none', {'a': 'a'}, contains('a'), False),
    ('null has none', None, contains(None), False),
    ('bytes have none', b'a', contains(97), False),
    ('a number has none', 5, contains(5), False),
    ('contains none of them', ['c'], not_(contains(one_of('a', 'b'))), True),
    ('contains one of them', ['c', 'a'], not_(contains(one_of('a', 'b'))), False),
)
def test_contains_matches_an_array_with_one_matching_member(
    lhs: object, rhs: object, holds: bool
) -> None:
    check(lhs, rhs, holds)


@table(
    ('all', ['a', 'b', 'c'], contains_all('c', 'a'), True),
    ('all and no more', ['b', 'a'], contains_all('a', 'b'), True),
    ('one is not there', ['a', 'c'], contains_all('a', 'b'), False),
    ('none is there', [], contains_all('a'), False),
    ('only one wanted', ['a', 'b'], contains_all('b'), True),
    ('one member for two patterns', [7], contains_all(gt(5), lt(9)), True),
    ('two members for two patterns', [1, 20], contains_all(gt(5), lt(9)), True),
    ('no member for the second', [20], contains_all(gt(5), lt(9)), False),
    ('the same twice', ['a'], contains_all('a', 'a'), True),
    ('objects', [{'a': 1}, {'b': 2}], contains_all({'a': 1}, {'b': 2}), True),
    ('a tuple', ('a', 'b'), contains_all('a', 'b'), True),
    ('a text', 'ab', contains_all('a', 'b'), False),
    ('an object', {'a': 1}, contains_all('a'), False),
    ('null', None, contains_all(None), False),
)
def test_contains_all_needs_a_matching_member_for_each_pattern(
    lhs: object, rhs: object, holds: bool
) -> None:
    check(lhs, rhs, holds)


@table(
    ('all of them', [6, 7], every(gt(5)), True),
    ('all but one', [6, 5], every(gt(5)), False),
    ('the first not', [5, 6], every(gt(5)), False),
    ('none there to object', [], every(gt(5)), True),
    ('none there, whatever is asked', [], every(not_(any_())), True),
    ('the same value', ['a', 'a'], every('a'), True),
    ('null is a member', ['a', None], every(exists()), False),
    ('objects', [{'a': 1}, {'a': 1, 'b': 2}], every({'a': 1}), True),
    ('an object without the key', [{'a': 1}, {}], every({'a': 1}), False),
    ('an object without an optional key', [{'a': 1}, {}], every({'a': optional(1)}), True),
    ('arrays', [['a'], []], every(every('a')), True),
    ('a tuple', ('a', 'b'), every(is_a(str)), True),
    ('an empty tuple', (), every('a'), True),
    ('a text', 'aaa', every('a'), False),
    ('the empty text', '', every(any_()), False),
    ('the empty object', {}, every(any_()), False),
    ('null', None, every(None), False),
    ('some member not', ['a', 'b'], not_(every('a')), True),
)
def test_every_matches_if_all_members_match(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('the same', ['a', 'b'], exactly(['a', 'b']), True),
    ('another order', ['b', 'a'], exactly(['a', 'b']), False),
    ('one more', ['a', 'b', 'c'], exactly(['a', 'b']), False),
    ('one less', ['a'], exactly(['a', 'b']), False),
    ('one twice', ['a', 'b', 'b'], exactly(['a', 'b']), False),
    ('twice in both', ['a', 'a'], exactly(['a', 'a']), True),
    ('nothing', [], exactly([]), True),
    ('something for nothing', ['a'], exactly([]), False),
    ('nothing for something', [], exactly(['a']), False),
    ('patterns', [7, 'ab', None], exactly([gt(5), prefix('a'), any_()]), True),
    ('patterns in another order', ['ab', 7], exactly([gt(5), prefix('a')]), False),
    ('members by their types', [True, '5'], exactly([1, 5]), False),
    ('a text that spells a number', ['5', 1], exactly([5, 1]), True),
    ('objects by their keys', [{'a': 1, 'b': 2}, 5], exactly([{'a': 1}, 5]), True),
    ('arrays inside are sets', [[2, 1]], exactly([[1, 2]]), True),
    ('unless that is said too', [[2, 1]], exactly([exactly([1, 2])]), False),
    ('a list inside is any of', ['b', 'c'], exactly([['a', 'b'], 'c']), True),
    ('given as a tuple', ['a', 'b'], exactly(('a', 'b')), True),
    ('of a tuple', ('a', 'b'), exactly(['a', 'b']), True),
    ('of a text', 'ab', exactly(['a', 'b']), False),
    ('of the empty text', '', exactly([]), False),
    ('of an object', {'a': 1}, exactly(['a']), False),
    ('of the empty object', {}, exactly([]), False),
    ('of null', None, exactly([]), False),
    ('of one for an array', 'a', exactly(['a']), False),
)
def test_exactly_matches_members_one_by_one(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('of an array', ['a', 'b'], length(2), True),
    ('another', ['a', 'b'], length(3), False),
    ('of a tuple', ('a', 'b'), length(2), True),
    ('of a text', 'abc', length(3), True),
    ('of a text in characters, not in bytes', 'äöü', length(3), True),
    ('of a text in code points', 'e\u0301\U0001f600', length(3), True),
    ('of a lone surrogate', '\ud800', length(1), True),
    ('of an object', {'a': 1, 'b': None}, length(2), True),
    ('of nothing', [], length(0), True),
    ('of no characters', '', length(0), True),
    ('of no keys', {}, length(0), True),
    ('a comparison', ['a'] * 9, length(gt(5)), True),
    ('a range', ['a'] * 9, length(between(1, 5)), False),
    ('any of several', 'ab', length([1, 2]), True),
    ('a float', 'ab', length(2.0), True),
    ('no text', 'ab', length('2'), False),
    ('no boolean', 'a', length(True), False),
    ('null', '', length(None), False),
    ('zero is not empty', '', length(empty()), False),
    ('a predicate', 'abc', length(lambda size: size % 2 == 1), True),
    ('an integer', 'abc', length(is_a(int)), True),
    ('at least none', 'a', length(gte(0)), True),
    ('of a number', 5, length(gte(0)), False),
    ('of null', None, length(gte(0)), False),
    ('of a boolean', True, length(gte(0)), False),
    ('of bytes', b'abc', length(3), False),
    ('of an instant', NOON, length(any_()), False),
    ('not that long', 'ab', length(not_(3)), True),
    ('has no length that is not', 5, length(not_(3)), False),
    ('has not that length', 5, not_(length(3)), True),
)
def test_length_counts_members_characters_and_keys(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@pytest.mark.parametrize(
    ('written', 'meant'),
    [
        pytest.param(contains(['a', 5]), contains(or_('a', 5, ['a', 5])), id='any of'),
        pytest.param(contains_all('a'), contains('a'), id='contains_all of one'),
        pytest.param(
            contains_all('a', gt(4)), contains('a') & contains(gt(4)), id='contains_all of two'
        ),
        pytest.param(every(gt(4)), is_a(list) & ~contains(~gt(4)), id='every'),
        pytest.param(exactly([]), is_a(list) & length(0), id='exactly nothing'),
        pytest.param(exactly([any_()]), is_a(list) & length(1), id='exactly one'),
        pytest.param(
            length(0), (is_a(str) | is_a(list) | is_a(dict)) & empty(), id='a length of zero'
        ),
    ],
)
def test_equivalent_patterns_match_the_same_values(written: object, meant: object) -> None:
    assert alike(written, meant)


@pytest.mark.parametrize(
    'rhs', [contains(any_()), contains_all(or_(any_(), 5)), every(any_()), exactly([any_()])]
)
def test_a_value_that_is_not_an_array_has_no_members(rhs: Pattern) -> None:
    for lhs in VALUES:
        if not isinstance(lhs, (list, tuple)):
            check(lhs, rhs, False)


THING = object()
ONE_PATTERN: list[Callable[[Any], Pattern]] = [contains, every, length]


@pytest.mark.parametrize('function', ONE_PATTERN)
@pytest.mark.parametrize(
    ('argument', 'path', 'value'),
    [
        pytest.param(THING, '', THING, id='no pattern'),
        pytest.param(str, '', str, id='a class'),
        pytest.param({'a': [1, THING]}, 'a[1]', THING, id='deep'),
    ],
)
def test_a_function_of_one_pattern_refuses_an_invalid_pattern(
    function: Callable[[Any], Pattern], argument: object, path: str, value: object
) -> None:
    with pytest.raises(PatternError) as refusal:
        function(argument)
    assert refusal.value.path == path
    assert refusal.value.value is value


@pytest.mark.parametrize(
    'wrap', [contains_all, lambda *members: exactly(list(members))], ids=['contains_all', 'exactly']
)
def test_an_error_names_the_member(wrap: Callable[..., Pattern]) -> None:
    with pytest.raises(PatternError) as refusal:
        wrap('a', {'b': {'c': THING}})
    assert refusal.value.path.endswith('[1].b.c')
    assert refusal.value.value is THING


def test_contains_all_refuses_an_empty_list() -> None:
    with pytest.raises(PatternError):
        contains_all()


@pytest.mark.parametrize(
    'members',
    ['ab', b'ab', 5, None, {'a': 1}, {'a', 'b'}, iter(['a']), any_(), field('a'), len],
    ids=lambda members: type(members).__name__,
)
def test_exactly_refuses_collections_without_order(members: Any) -> None:
    """A text is refused, too: it is not an array of characters."""
    with pytest.raises(PatternError) as refusal:
        exactly(members)
    assert refusal.value.path == ''
    assert refusal.value.value is members


def test_exactly_does_not_change_when_its_list_changes() -> None:
    members = ['a']
    pattern = exactly(members)
    members.append('b')
    check(['a'], pattern, True)
    check(['a', 'b'], pattern, False)


def test_a_long_list_of_values_of_any_kind_is_matched_as_a_short_one() -> None:
    values: list[Any] = [1, 2.5, '3', 'a', None, True, NOON, DAY, ID, b'b', float('nan'), gt(100)]
    for value in (1, '1', 1.0, '2.5', 3, '3', 'a', None, True, NOON, DAY, ID, b'b', 101, '101'):
        expected = any(evaluate(value, one) for one in values)
        assert evaluate(value, one_of(*values)) is expected
        assert evaluate(value, values) is expected
        assert evaluate([value], contains(or_(*values))) is expected
        assert evaluate([0, value], contains(one_of(*values))) is expected
    others: list[Any] = [False, 'b', 'A', 4, ID.hex, [1], {}, float('nan'), b'a', 'true', 'null']
    for other in others:
        assert not evaluate(other, one_of(*values))
        assert not evaluate([other], contains(one_of(*values)))


@pytest.mark.parametrize('count', [3, 10])
def test_contains_all_looks_for_many_members_as_for_few(count: int) -> None:
    wanted = contains_all(*range(count), gt(100))
    patterns: PatternSet[int] = PatternSet()
    for target in range(5):
        patterns.add(wanted, target)
    for array, matches in (
        ([*range(count), 101], True),
        ((*range(count), '101'), True),
        ([*range(count - 1), 101], False),
        ([*range(count)], False),
        ('0', False),
        (None, False),
    ):
        assert evaluate(array, wanted) is matches
        assert patterns.match(array) == [0, 1, 2, 3, 4] * matches


def test_a_predicate_is_called_only_for_an_array_that_contains_all_other_members() -> None:
    called: list[object] = []
    wanted = contains_all(called.append, *range(10))
    assert not evaluate([1, 2], wanted)
    assert called == []
    assert not evaluate([*range(10)], wanted)
    assert called == [*range(10)]
