"""Values as patterns: matches, and similar values that do not match."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from mega.match import Pattern, evaluate
from mega.match.functions import any_, gt, match, not_, one_of
from tests.match.tables import check, table

ID = UUID('61fcc874-624e-40f8-8fd7-0e663c7837e8')
OTHER_ID = UUID('3c7f8798-1d3d-47de-82dd-c6c5e0de74ee')
ACCENTED, ACCENT_APART = '\u00e9', 'e\u0301'


@table(
    ('the equal string', 'item.added', 'item.added', True),
    ('another string', 'item.removed', 'item.added', False),
    ('the same letters in another case', 'Item.Added', 'item.added', False),
    ('a longer string', 'item.added.twice', 'item.added', False),
    ('white space around it', ' a ', 'a', False),
    ('a trailing newline', 'a\n', 'a', False),
    ('the empty string', '', '', True),
    ('nothing for the empty string', None, '', False),
    ('one character written in two ways', ACCENT_APART, ACCENTED, False),
    ('a lone surrogate', '\ud800', '\ud800', True),
    ('another lone surrogate', '\ud801', '\ud800', False),
    ('a number is never made a string', 42, '42', False),
    ('a boolean is never made a string', True, 'True', False),
    ('null is never made a string', None, 'None', False),
    ('bytes are no string', b'a', 'a', False),
    ('a UUID is no string', ID, str(ID), False),
    ('an array that has it', ['a'], 'a', False),
    ('an object that has it', {'a': 'a'}, 'a', False),
    ('text that spells the same number', '42.0', '42', False),
    ('text that spells the same instant', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00', False),
)
def test_a_string_matches_the_equal_string_alone(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('true', True, True, True),
    ('false', False, False, True),
    ('the other one', False, True, False),
    ('one', 1, True, False),
    ('one as a float', 1.0, True, False),
    ('zero', 0, False, False),
    ('its name in JSON', 'true', True, False),
    ('its name in Python', 'True', True, False),
    ('the other name', 'false', False, False),
    ('null for false', None, False, False),
    ('the empty string for false', '', False, False),
    ('the empty array for false', [], False, False),
    ('the empty object for false', {}, False, False),
)
def test_a_boolean_matches_that_boolean_alone(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('null', None, None, True),
    ('false', False, None, False),
    ('zero', 0, None, False),
    ('the empty string', '', None, False),
    ('its name in JSON', 'null', None, False),
    ('the empty array', [], None, False),
    ('the empty object', {}, None, False),
)
def test_none_matches_an_explicit_null(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('equal bytes', b'\x00\xff', b'\x00\xff', True),
    ('other bytes', b'\x00', b'\x00\xff', False),
    ('no bytes', b'', b'', True),
    ('the same characters as text', 'a', b'a', False),
    ('null', None, b'', False),
    ('an equal UUID', UUID(str(ID)), ID, True),
    ('another UUID', OTHER_ID, ID, False),
    ('the text of the UUID', str(ID), ID, False),
    ('the number of the UUID', ID.int, ID, False),
    ('the bytes of the UUID', ID.bytes, ID, False),
)
def test_bytes_and_uuids_match_the_equal_one(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('the equal object', {'a': 1}, {'a': 1}, True),
    ('an object with more keys', {'a': 1, 'b': 2}, {'a': 1}, True),
    ('keys in another order', {'b': 2, 'a': 1}, {'a': 1, 'b': 2}, True),
    ('an object with fewer keys', {'a': 1}, {'a': 1, 'b': 2}, False),
    ('one value differs', {'a': 1, 'b': 3}, {'a': 1, 'b': 2}, False),
    ('any object for the empty pattern', {'a': 1}, {}, True),
    ('the empty object for the empty pattern', {}, {}, True),
    ('null for the empty pattern', None, {}, False),
    ('the empty string for the empty pattern', '', {}, False),
    ('the empty array for the empty pattern', [], {}, False),
    ('a key in another case', {'A': 1}, {'a': 1}, False),
    ('an object deeper down', {'a': {'b': {'c': 1, 'd': 2}}}, {'a': {'b': {'c': 1}}}, True),
    ('another value deeper down', {'a': {'b': {'c': 2}}}, {'a': {'b': {'c': 1}}}, False),
    ('a scalar where an object was wanted', {'a': 'b'}, {'a': {'b': 1}}, False),
    ('null where an object was wanted', {'a': None}, {'a': {'b': 1}}, False),
    ('an array of such objects', [{'a': 1}], {'a': 1}, False),
    ('a key with a dot is one key', {'a.b': 1}, {'a.b': 1}, True),
    ('a key with a dot is no path', {'a': {'b': 1}}, {'a.b': 1}, False),
    ('the empty key', {'': 1}, {'': 1}, True),
    ('values that are patterns', {'a': 5, 'b': 'x'}, {'a': gt(4), 'b': any_()}, True),
    ('explicit null under a key', {'a': None}, {'a': None}, True),
    ('missing key for null', {}, {'a': None}, False),
)
def test_a_dict_matches_objects_with_all_of_its_keys(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@table(
    ('one of its members', 'a', ['a', 'b'], True),
    ('none of its members', 'c', ['a', 'b'], False),
    ('null among them', None, ['a', None], True),
    ('a member read as a number', '42', [7, 42], True),
    ('a boolean for the number', True, [0, 1], False),
    ('the number for a boolean', 1, [True, 'a'], False),
    ('a member pattern', 7, ['a', gt(5)], True),
    ('no member pattern', 5, ['a', gt(5)], False),
    ('a member predicate', 'abc', [1, lambda lhs: lhs == 'abc'], True),
    ('an object for a member', {'a': 1, 'b': 2}, ['x', {'a': 1}], True),
    ('an object for no member', {'a': 2}, ['x', {'a': 1}], False),
    ('a string is no array of characters', 'ab', ['a', 'b'], False),
    ('bytes are no array of numbers', b'ab', [97, 98], False),
    ('anything for no members', 'a', [], False),
    ('null for no members', None, [], False),
    ('a tuple says the same', 'b', ('a', 'b'), True),
    ('a set says the same', 'b', {'a', 'b'}, True),
    ('nobody in the set', 'c', {'a', 'b'}, False),
    ('a pattern in a set', 7, {'a', gt(5)}, True),
    ('a member of a list in a list', 'b', ['a', ['b', 'c']], True),
)
def test_a_list_matches_a_scalar_or_object_that_matches_a_member(
    lhs: object, rhs: object, holds: bool
) -> None:
    check(lhs, rhs, holds)


@table(
    ('the equal array', ['a', 'b'], ['a', 'b'], True),
    ('another order', ['b', 'a'], ['a', 'b'], True),
    ('a member twice', ['a', 'b', 'a'], ['b', 'a'], True),
    ('a pattern twice', ['a'], ['a', 'a'], True),
    ('a member too many', ['a', 'b', 'c'], ['a', 'b'], False),
    ('a member too few', ['a'], ['a', 'b'], False),
    ('no members on both sides', [], [], True),
    ('no members here', [], ['a'], False),
    ('no members there', ['a'], [], False),
    ('members that match by pattern', ['a', 7], ['a', gt(5)], True),
    ('one pattern for two members', [6, 7], [gt(5)], True),
    ('two patterns for one member', [7], [gt(5), gt(6)], True),
    ('a pattern that nobody matches', ['a', 3], ['a', gt(5)], False),
    ('text that spells a member', ['42'], [42], True),
    ('a number for the text', [42], ['42'], False),
    ('booleans for numbers', [True, False], [1, 0], False),
    ('numbers for booleans', [1, 0], [True, False], False),
    ('objects by their keys', [{'a': 1, 'b': 2}], [{'a': 1}], True),
    ('an object without the key', [{'b': 2}], [{'a': 1}], False),
    ('arrays in arrays, as sets', [[2, 1], [3]], [[3], [1, 2]], True),
    ('arrays in arrays that differ', [[1, 2], [3]], [[1, 2], [4]], False),
    ('a scalar for an array of one', [1], [[1, 2]], True),
    ('null in both', [None, 1], [1, None], True),
    ('a tuple says the same', ['b', 'a'], ('a', 'b'), True),
    ('a set says the same', ['b', 'a'], {'a', 'b'}, True),
    ('anything in one array', [1, 'a', None, []], [any_()], True),
)
def test_a_list_matches_an_array_with_the_same_members(
    lhs: object, rhs: object, holds: bool
) -> None:
    check(lhs, rhs, holds)


class Long:
    """A predicate with state, as an object and as a method."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, lhs: object) -> bool:
        return isinstance(lhs, str) and len(lhs) >= self.least

    method = __call__

    @staticmethod
    def of_three(lhs: object) -> bool:
        return Long(3)(lhs)

    @classmethod
    def of_four(cls, lhs: object) -> bool:
        return cls(4)(lhs)


def long(lhs: object, least: int = 3) -> bool:
    return Long(least)(lhs)


PREDICATES: list[Callable[[object], object]] = [
    long,
    lambda lhs: long(lhs),
    partial(long, least=2),
    Long(3),
    Long(3).method,
    Long.of_three,
    Long.of_four,
]
PREDICATE_IDS = ['function', 'lambda', 'partial', 'object', 'method', 'static', 'class method']


@pytest.mark.parametrize('predicate', PREDICATES, ids=PREDICATE_IDS)
def test_a_callable_is_called_with_the_value(predicate: Callable[[object], object]) -> None:
    check('long enough', predicate, True)
    check('x', predicate, False)
    check(5, predicate, False)


def test_a_builtin_function_is_a_predicate() -> None:
    check([1], len, True)
    check([], len, False)


@pytest.mark.parametrize('answer', [1, 'yes', [0], object()], ids=['1', 'text', 'list', 'object'])
def test_a_true_result_is_a_match(answer: object) -> None:
    check('anything', lambda _: answer, True)


@pytest.mark.parametrize('answer', [None, 0, '', [], {}], ids=['None', '0', 'text', 'list', 'dict'])
def test_a_false_result_is_not_a_match(answer: object) -> None:
    check('anything', lambda _: answer, False)


@pytest.mark.parametrize('lhs', [None, {'a': [1]}, ['a'], 'text', 0], ids=repr)
def test_a_callable_gets_the_value_unchanged(lhs: object) -> None:
    """Null and whole objects and arrays included."""
    seen: list[object] = []
    evaluate({'key': lhs}, {'key': seen.append})
    assert seen == [lhs]


def test_an_exception_of_a_predicate_is_raised() -> None:
    """The predicate is code of the user: its result cannot be replaced."""

    def broken(lhs: object) -> bool:
        raise LookupError(lhs)

    with pytest.raises(LookupError):
        evaluate({'a': 1}, {'a': broken})


@pytest.mark.parametrize('pattern', [gt(4), one_of(5, 6), not_(None), any_(), ~gt(7)], ids=repr)
def test_a_compiled_pattern_is_not_compiled_again(pattern: Pattern) -> None:
    assert isinstance(pattern, Pattern)
    check(5, pattern, True)


class Documented:
    """An object with `to_dict()`, like an event."""

    def to_dict(self) -> dict[str, object]:
        return {'a': 1}


def test_a_value_with_to_dict_is_matched_as_its_dict() -> None:
    assert evaluate(Documented(), {'a': 1})
    assert not evaluate(Documented(), {'a': 2})
    assert evaluate({'to_dict': 1}, {'to_dict': 1})


def test_the_result_is_a_boolean() -> None:
    assert evaluate({'a': 'x'}, {'a': match('x')}) is True
    assert evaluate({'a': 'y'}, {'a': match('x')}) is False
