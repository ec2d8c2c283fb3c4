"""The functions of the language: matches, and invalid arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mega.errors import PatternError
from mega.match import Pattern, evaluate
from mega.match.functions import (
    and_,
    any_,
    between,
    contains,
    contains_all,
    empty,
    eq,
    exists,
    field,
    gt,
    gte,
    in_,
    is_a,
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
from mega.match.pattern import compile_pattern
from tests.match.steps import cost_of
from tests.match.tables import DAY, ID, NEXT_DAY, NOON, alike, check, table


@table(
    ('an equal number', '5.0', eq(5), True),
    ('another number', 6, eq(5), False),
    ('an equal string', 'a', eq('a'), True),
    ('null', None, eq(None), True),
    ('the boolean', True, eq(True), True),
    ('not a boolean', 1, eq(True), False),
    ('an equal array', [2, 1], eq([1, 2]), True),
    ('an object by its keys', {'a': 1, 'b': 2}, eq({'a': 1}), True),
    ('not equal to it', 6, neq(5), True),
    ('equal to it', '5.0', neq(5), False),
    ('of another type', 'five', neq(5), True),
    ('not null', 0, neq(None), True),
    ('not the boolean', 1, neq(True), True),
    ('null for another value', None, neq('a'), True),
)
def test_eq_is_the_value_and_neq_is_its_negation(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('after it', 'b', gt('a'), True),
    ('not after itself', 'a', gt('a'), False),
    ('at least itself', 'a', gte('a'), True),
    ('a longer string', 'aa', gt('a'), True),
    ('capitals come first', 'B', lt('a'), True),
    ('the empty string comes first', '', lt('a'), True),
    ('at most itself', 'a', lte('a'), True),
    ('between', 'b', between('a', 'c'), True),
    ('at the upper end', 'c', between('a', 'c'), True),
    ('beyond the upper end', 'ca', between('a', 'c'), False),
    ('as text, not as numbers', '9', gt('10'), True),
    ('a number is never made a string', 9, gt('10'), False),
    ('an instant is never made a string', NOON, gt('2000'), False),
    ('null', None, gt(''), False),
    ('an array', ['b'], gt('a'), False),
    ('true', True, gt('A'), False),
)
def test_comparisons_order_strings_by_their_characters(
    lhs: object, rhs: object, holds: bool
) -> None:
    check(lhs, rhs, holds)


@table(
    ('a member', 'b', one_of('a', 'b'), True),
    ('no member', 'c', one_of('a', 'b'), False),
    ('a string for the number', '42', one_of(42, 'a'), True),
    ('a number for the string', 42, one_of('42', 'a'), False),
    ('a float for the integer', 42.0, one_of(42, 'a'), True),
    ('true for one', True, one_of(1, 2), False),
    ('one for true', 1, one_of(True, 'a'), False),
    ('true beside one', True, one_of(1, True), True),
    ('one beside true', 1, one_of(True, 1), True),
    ('false for zero', False, one_of(0, 'a'), False),
    ('null', None, one_of('a', None), True),
    ('a member pattern', 7, one_of('a', gt(5)), True),
    ('a member pattern first', 7, one_of(gt(5), 'a'), True),
    ('no member pattern', 3, one_of(gt(5), 'a'), False),
    ('a member predicate', 'abc', one_of(1, lambda lhs: lhs == 'abc'), True),
    ('an object', {'a': 1, 'b': 2}, one_of('x', {'a': 1}), True),
    ('an object for strings alone', {'a': 1}, one_of('a', 'b'), False),
    ('an instant', '2020-05-04T12:00:00Z', one_of('a', NOON), True),
    ('a day', '2020-05-04T12:00:00Z', one_of('a', DAY), True),
    ('a UUID', ID, one_of('a', ID), True),
    ('bytes', b'a', one_of('a', b'a'), True),
    ('an array', ['a'], one_of('a', 'b'), False),
    ('an array for any value', ['a'], one_of('a', any_()), False),
    ('the empty array', [], one_of('a', empty()), False),
    ('from a list', 'b', in_(['a', 'b']), True),
    ('from a set', 'c', in_({'a', 'b'}), False),
    ('from a tuple', 7, in_(('a', gt(5))), True),
    ('from what can be read but once', 'b', in_(iter(['a', 'b'])), True),
    ('none of them', 'c', none_of('a', 'b'), True),
    ('one of none', 'a', none_of('a', 'b'), False),
    ('none by pattern', 7, none_of('a', gt(5)), False),
    ('null for none of them', None, none_of('a', 'b'), True),
    ('an array for none of them', ['a'], none_of('a', 'b'), True),
)
def test_membership(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('from the start', 'user:login:web', match('user:login'), True),
    ('not from the middle', 'a user:login', match('user:login'), False),
    ('the whole', '987650', match(r'^\d+$'), True),
    ('a letter more', '987650x', match(r'^\d+$'), False),
    ('another case', 'USER', match('user'), False),
    ('another case, ignored', 'USER', match('user', re.IGNORECASE), True),
    ('flags by name', 'a\nUSER', match('a.user', flags=re.I | re.S), True),
    ('a number', 987650, match(r'\d+'), False),
    ('null', None, match('None'), False),
    ('true', True, match('True'), False),
    ('bytes', b'user', match('user'), False),
    ('an array', ['user'], match('user'), False),
    ('an object', {'user': 1}, match('.*user'), False),
    ('the empty string', '', match('a*'), True),
    ('a lone surrogate', '\ud800', match('.$'), True),
    ('as long as allowed', 'aaa', match('a+', max_length=3), True),
    ('longer than allowed', 'aaaa', match('a+', max_length=3), False),
    ('one beyond the first plane is one character', '\U0001f600', match('.', max_length=1), True),
)
def test_match_is_re_match_on_strings(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('any, a value', 0, any_(), True),
    ('any, null', None, any_(), True),
    ('any, an array', [], any_(), True),
    ('exists, a value', False, exists(), True),
    ('exists, the empty string', '', exists(), True),
    ('exists, null', None, exists(), False),
    ('missing, a value', 0, missing(), False),
    ('missing, null', None, missing(), False),
    ('optional, the value', 5, optional(5), True),
    ('optional, another value', 6, optional(5), False),
    ('optional, null', None, optional(5), False),
    ('optional, null where it is wanted', None, optional(None), True),
    ('optional, a pattern', 6, optional(gt(5)), True),
    ('empty, null', None, empty(), True),
    ('empty, string', '', empty(), True),
    ('empty, array', [], empty(), True),
    ('empty, object', {}, empty(), True),
    ('empty, a space', ' ', empty(), False),
    ('empty, zero', 0, empty(), False),
    ('empty, zero as a float', 0.0, empty(), False),
    ('empty, false', False, empty(), False),
    ('empty, an array of null', [None], empty(), False),
    ('empty, a key', {'a': None}, empty(), False),
)
def test_presence_and_type_of_a_present_value(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('both', 5, and_(gt(4), lt(6)), True),
    ('one of both', 6, and_(gt(4), lt(6)), False),
    ('either', 7, or_('a', gt(6)), True),
    ('neither', 5, or_('a', gt(6)), False),
    ('a predicate', 5, and_(gt(4), lambda lhs: lhs == 5), True),
    ('objects, the first', {'a': 1}, or_({'a': 1}, {'b': 2}), True),
    ('objects, the second', {'b': 2}, or_({'a': 1}, {'b': 2}), True),
    ('objects, both', {'a': 1}, and_({'a': 1}, {'b': 2}), False),
    ('not, a value', 5, not_(5), False),
    ('not, another value', 6, not_(5), True),
    ('not, another type', 'five', not_(5), True),
    ('not, null', None, not_(5), True),
    ('not, neither of them', 'real', not_(['test', 'synthetic']), True),
    ('not, one of them', 'test', not_(['test', 'synthetic']), False),
    ('not, equal as sets', ['b', 'a'], not_(['a', 'b']), False),
    ('not, an array that has both and more', ['b', 'a', 'c'], not_(['a', 'b']), True),
    ('not, an object', {'a': 2}, not_({'a': 1}), True),
    ('not, an object without the key', {}, not_({'a': 1}), True),
    ('or of an array', ['a'], or_('a', ['a']), True),
)
def test_logic_combines_any_patterns(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@pytest.mark.parametrize(
    ('written', 'meant'),
    [
        pytest.param(gt(4) & lt(6), and_(gt(4), lt(6)), id='and'),
        pytest.param(gt(5) | lt(4), or_(gt(5), lt(4)), id='or'),
        pytest.param(~gt(4), not_(gt(4)), id='not'),
        pytest.param(~missing(), not_(missing()), id='not missing'),
        pytest.param(gt(4) & lt(6) | one_of('a'), or_(and_(gt(4), lt(6)), 'a'), id='and, or'),
        pytest.param(gt(4) | 'a', or_(gt(4), 'a'), id='a value'),
        pytest.param(any_() & {'a': 5}, and_(any_(), {'a': 5}), id='an object'),
        pytest.param(any_() & ['a', 'b'], and_(any_(), ['a', 'b']), id='a list'),
        pytest.param(optional(5) & exists(), and_(optional(5), exists()), id='presence'),
        pytest.param(neq(5), not_(eq(5)), id='neq'),
        pytest.param(none_of('a', 5), not_(one_of('a', 5)), id='none_of'),
        pytest.param(in_(['a', 5]), one_of('a', 5), id='in_'),
        pytest.param(between(4, 6), and_(gte(4), lte(6)), id='between'),
        pytest.param(one_of('a', 5), one_of(5, 'a'), id='order'),
    ],
)
def test_equivalent_patterns_match_the_same_values(written: object, meant: object) -> None:
    assert alike(written, meant)


def test_operators_refuse_an_invalid_pattern() -> None:
    with pytest.raises(PatternError):
        any_() & object()


THING = object()


@pytest.mark.parametrize(
    ('function', 'arguments'),
    [
        pytest.param(gt, ([],), id='gt of an array'),
        pytest.param(gte, ({},), id='gte of an object'),
        pytest.param(lt, (None,), id='lt of null'),
        pytest.param(lte, (True,), id='lte of a boolean'),
        pytest.param(gt, (b'a',), id='gt of bytes'),
        pytest.param(gt, (ID,), id='gt of a UUID'),
        pytest.param(lt, (gt(5),), id='lt of a pattern'),
        pytest.param(gt, (len,), id='gt of a predicate'),
        pytest.param(gt, (THING,), id='gt of an object of Python'),
        pytest.param(between, (2, 1), id='low above high'),
        pytest.param(between, ('b', 'a'), id='low text above high'),
        pytest.param(between, (NEXT_DAY, DAY), id='low day above high'),
        pytest.param(between, (1, 'a'), id='a range of two kinds'),
        pytest.param(between, (1, None), id='a range to null'),
        pytest.param(between, (False, True), id='a range of booleans'),
        pytest.param(between, ([1], [2]), id='a range of arrays'),
        pytest.param(eq, (THING,), id='eq of no pattern'),
        pytest.param(neq, (str,), id='neq of a class'),
        pytest.param(one_of, (), id='one of nothing'),
        pytest.param(none_of, (), id='none of nothing'),
        pytest.param(in_, ([],), id='in nothing'),
        pytest.param(in_, (5,), id='in a number'),
        pytest.param(in_, (None,), id='in null'),
        pytest.param(in_, ('ab',), id='in a text'),
        pytest.param(in_, (b'ab',), id='in bytes'),
        pytest.param(one_of, ('a', THING), id='one of no patterns'),
        pytest.param(in_, (['a', THING],), id='in no patterns'),
        pytest.param(match, ('(',), id='a bad regular expression'),
        pytest.param(match, ('*',), id='another'),
        pytest.param(match, ('a{99999999999999999999}',), id='a count beyond all bounds'),
        pytest.param(match, ('(' * 5_000 + ')' * 5_000,), id='groups beyond all bounds'),
        pytest.param(match, (5,), id='a number for a regular expression'),
        pytest.param(match, (None,), id='null for a regular expression'),
        pytest.param(match, (b'a',), id='bytes for a regular expression'),
        pytest.param(match, ('a', 'i'), id='flags as text'),
        pytest.param(optional, (THING,), id='optional of no pattern'),
        pytest.param(not_, (THING,), id='not of no pattern'),
        pytest.param(and_, (), id='and of nothing'),
        pytest.param(or_, (), id='or of nothing'),
        pytest.param(and_, (5, THING), id='and of no pattern'),
        pytest.param(or_, (THING, 5), id='or of no pattern'),
    ],
)
def test_a_function_refuses_invalid_arguments(
    function: Callable[..., Pattern], arguments: tuple[object, ...]
) -> None:
    """At the call, not when the first payload arrives."""
    with pytest.raises(PatternError) as refusal:
        function(*arguments)
    assert isinstance(refusal.value.path, str)
    assert str(refusal.value)


@pytest.mark.parametrize('max_length', ['3', -1, 2.5, True], ids=repr)
def test_match_refuses_an_invalid_max_length(max_length: Any) -> None:
    with pytest.raises(PatternError):
        match('a', max_length=max_length)


@pytest.mark.parametrize(
    ('function', 'argument', 'path', 'value'),
    [
        pytest.param(gt, [], '', [], id='gt'),
        pytest.param(match, '(', '', '(', id='match'),
        pytest.param(not_, THING, '', THING, id='not_'),
        pytest.param(not_, {'a': [1, THING]}, 'a[1]', THING, id='not_, deep'),
        pytest.param(optional, {'a': {'b': THING}}, 'a.b', THING, id='optional, deep'),
        pytest.param(eq, ['a', THING], '[1]', THING, id='eq, deep'),
    ],
)
def test_an_error_names_the_path_and_the_value(
    function: Callable[..., Pattern], argument: object, path: str, value: object
) -> None:
    with pytest.raises(PatternError) as refusal:
        function(argument)
    assert refusal.value.path == path
    assert refusal.value.value == value


@pytest.mark.parametrize('join', [and_, or_, one_of, none_of], ids=lambda join: join.__name__)
def test_an_error_in_nested_functions_has_the_path_in_the_innermost_one(
    join: Callable[..., Pattern],
) -> None:
    with pytest.raises(PatternError) as refusal:
        join('a', {'b': {'c': THING}})
    assert refusal.value.path.endswith('b.c')
    assert refusal.value.value is THING


MANY = [f'value {number}' for number in range(500)]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('lhs', 'rhs'),
    [
        ('value 499', one_of(*MANY)),
        ('value 499', or_(*MANY)),
        ('value 499', none_of(*MANY)),
        ('another value', one_of(*MANY)),
        ('value 499', compile_pattern(MANY)),
        (['value 499'], contains(one_of(*MANY))),
        (['value 1'], contains_all(*MANY)),
    ],
    ids=['one_of', 'or_', 'none_of', 'no member', 'list', 'contains', 'contains_all'],
)
def test_many_values_are_looked_up_and_not_tested_one_by_one(lhs: object, rhs: object) -> None:
    assert cost_of(lambda: evaluate(lhs, rhs)).steps < 100


@pytest.mark.parametrize(
    ('pattern', 'matching', 'other'),
    [
        (5 | gt(9), [5, 10], [9]),
        (gt(9) | 5, [5, 10], [9]),
        ({'a': 1} | is_a(int), [{'a': 1}, 7], [{'a': 2}]),
        ('5' & gt(4), ['5'], ['6', 5]),
        (gt(4) & '5', ['5'], ['6', 5]),
        ({'a': 1} & exists(), [{'a': 1, 'b': 2}], [{'a': 2}, None]),
        (~gt(4), [4, 'x'], [5]),
        (5 | (gt(9) & lt(20)) | 30, [5, 10, 30], [9, 20]),
    ],
    ids=repr,
)
def test_a_plain_value_may_stand_on_either_side_of_an_operator(
    pattern: Pattern, matching: list[object], other: list[object]
) -> None:
    assert [evaluate(lhs, pattern) for lhs in matching] == [True] * len(matching)
    assert [evaluate(lhs, pattern) for lhs in other] == [False] * len(other)


@pytest.mark.parametrize(
    ('pattern', 'depth'),
    [
        (5, 1),
        ({'a': 5}, 2),
        ({'a': 5, 'b': {'c': 5}}, 3),
        (and_(5, {'a': {'b': {'c': 5}}}, 6), 5),
        (or_({'a': {'b': 5}}, 5), 4),
        ([contains(not_(5)), 5], 4),
        (gt(5) | 5 | 6, 2),
    ],
    ids=str,
)
def test_the_depth_of_a_pattern_is_that_of_its_deepest_member(pattern: object, depth: int) -> None:
    assert compile_pattern(pattern).depth == depth


def test_a_pattern_has_at_most_250_levels() -> None:
    pattern: Any = 5
    for _ in range(249):
        pattern = contains(pattern)
    assert compile_pattern(pattern).depth == 250
    with pytest.raises(PatternError, match='nested too deep'):
        contains(pattern)


@pytest.mark.parametrize(
    ('pattern', 'has_predicate', 'needs_context'),
    [
        ({'a': [gt(5), 6, None, b'x']}, False, False),
        ({'a': field('b')}, False, True),
        ({'a': gt(field('b'))}, False, True),
        ({'a': between(1, field('b')), 'c': 5}, False, True),
        (callable, True, True),
        ({'a': [5, callable], 'c': 5}, True, True),
        (and_(callable, 5), True, True),
        (or_(5, {'a': not_(callable)}), True, True),
    ],
    ids=str,
)
def test_only_predicates_and_fields_need_the_payload(
    pattern: object, has_predicate: bool, needs_context: bool
) -> None:
    compiled = compile_pattern(pattern)
    assert (compiled.has_predicate, compiled.needs_context) == (has_predicate, needs_context)
