"""Fields: another value of the same payload in place of a constant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mega.errors import PatternError
from mega.match import Pattern, evaluate
from mega.match.functions import (
    and_,
    any_,
    between,
    contains,
    contains_all,
    eq,
    every,
    exactly,
    exists,
    field,
    gt,
    gte,
    in_,
    is_a,
    length,
    lt,
    lte,
    missing,
    neq,
    none_of,
    not_,
    one_of,
    optional,
    or_,
)
from tests.match.tables import DAY, NEXT_DAY, NOON, VALUES

OTHER = field('there.other')
Row = tuple[str, object, object, object, bool]


def fields(*rows: Row) -> pytest.MarkDecorator:
    """Parametrise a test with rows of (claim, value, other value, pattern, the result)."""
    cases = [pytest.param(*rest, id=claim) for claim, *rest in rows]
    return pytest.mark.parametrize(('lhs', 'other', 'rhs', 'holds'), cases)


def check_field(lhs: object, other: object, rhs: object, holds: bool) -> None:
    """Check a claim at the top, at a path, negated, and among other patterns."""
    there = {'there': {'other': other, 'more': None}}
    assert evaluate({'lhs': lhs, **there}, {'lhs': rhs}) is holds
    assert evaluate({'lhs': lhs, **there}, {'lhs': not_(rhs)}) is not holds
    assert evaluate({'lhs': lhs, **there}, {'lhs': and_(rhs, any_()), 'there': {}}) is holds
    assert evaluate({'lhs': lhs, **there}, or_({'no': 1}, {'lhs': or_(rhs, missing())})) is holds
    assert evaluate({'a': {'b': lhs}, **there}, {'a': {'b': rhs}}) is holds
    assert evaluate({'a': [lhs], **there}, {'a': contains(rhs)}) is holds
    assert evaluate({'a': [lhs], **there}, {'a': exactly([rhs])}) is holds


@fields(
    ('the same text', 'paid', 'paid', OTHER, True),
    ('another text', 'paid', 'open', OTHER, False),
    ('another case', 'Paid', 'paid', OTHER, False),
    ('the same number', 5, 5.0, OTHER, True),
    ('another number', 5, 6, OTHER, False),
    ('a text that spells the other number', '19.990', 19.99, OTHER, True),
    ('a number that the other text spells', 19.99, '19.99', OTHER, False),
    ('integers beyond 53 bits', 2**53 + 1, 2**53, OTHER, False),
    ('a float beside such an integer', float(2**53), 2**53 + 1, OTHER, False),
    ('a decimal', 5.5, Decimal('5.50'), OTHER, True),
    ('NaN', float('nan'), float('nan'), OTHER, False),
    ('true', True, True, OTHER, True),
    ('true for one', True, 1, OTHER, False),
    ('one for true', 1, True, OTHER, False),
    ('null', None, None, OTHER, True),
    ('something for null', 0, None, OTHER, False),
    ('the same bytes', b'a', b'a', OTHER, True),
    ('other bytes', b'b', b'a', OTHER, False),
    ('a text for bytes', 'a', b'a', OTHER, False),
    ('the same UUID', UUID(int=5), UUID(int=5), OTHER, True),
    ('another UUID', UUID(int=6), UUID(int=5), OTHER, False),
    ('bytes in an array', [b'b'], [b'a'], OTHER, False),
    ('an instant in a text', '2020-05-04T12:00:00Z', NOON, OTHER, True),
    ('an instant where the text leads', NOON, '2020-05-04T12:00:00Z', OTHER, False),
    ('an instant on the other day', NOON, DAY, OTHER, True),
    ('an object with more keys', {'a': 1, 'b': 2}, {'a': 1}, OTHER, False),
    ('an object with fewer keys', {'a': 1}, {'a': 1, 'b': 2}, OTHER, False),
    ('any object for the empty one', {'a': 1}, {}, OTHER, False),
    ('the same object', {'b': 2, 'a': '1'}, {'a': 1, 'b': 2}, OTHER, True),
    ('true for one, deep within', {'a': [True]}, {'a': [1]}, OTHER, False),
    ('a null in the other object', {}, {'a': None}, OTHER, False),
    ('the same array', ['a', 'b'], ['a', 'b'], OTHER, True),
    ('an array in another order', ['b', 'a'], ['a', 'b'], OTHER, False),
    ('an array with more', ['a', 'b', 'c'], ['a', 'b'], OTHER, False),
    ('a member of the other array', 'b', ['a', 'b'], OTHER, False),
    ('no member of it', 'c', ['a', 'b'], OTHER, False),
    ('an array with the other value', ['a', 'b'], 'a', OTHER, False),
    ('eq says the same', 'paid', 'paid', eq(OTHER), True),
    ('neq', 'paid', 'open', neq(OTHER), True),
    ('neq, the same', 'paid', 'paid', neq(OTHER), False),
    ('neq, a number its text spells', '5', 5, neq(OTHER), False),
    ('neq, arrays in another order', ['b', 'a'], ['a', 'b'], neq(OTHER), True),
    ('one of it and others', 'paid', 'paid', one_of('x', OTHER), True),
    ('one of neither', 'y', 'paid', one_of('x', OTHER), False),
    ('in it', 'paid', 'paid', in_([OTHER, 'x']), True),
    ('an array is not one of them', ['a'], ['a'], one_of(OTHER), False),
    ('none of it', 'paid', 'open', none_of('x', OTHER), True),
    ('a list with it', 'paid', 'paid', ['x', OTHER], True),
    ('a list as a set', ['x', 'paid'], 'paid', [OTHER, 'x'], True),
    ('a member equals it', ['x', 5], 5, contains(OTHER), True),
    ('no member equals it', ['x', 5], 6, contains(OTHER), False),
    ('members equal it and another', ['x', 5], 5, contains_all(OTHER, 'x'), True),
    ('every member equals it', ['5', 5.0], 5, every(OTHER), True),
    ('every member, an array itself', [['a', 'b'], ['a', 'b']], ['a', 'b'], every(OTHER), True),
    ('its place in an array', [1, 5], 5, exactly([1, OTHER]), True),
    ('another place in an array', [5, 1], 5, exactly([1, OTHER]), False),
    ('as long as it says', ['x', 'y'], 2, length(OTHER), True),
    ('longer than it says', 'abc', 2, length(gt(OTHER)), True),
    ('under a key', {'a': 5, 'b': 1}, 5, {'a': OTHER}, True),
    ('optional', 6, 5, optional(gt(OTHER)), True),
    ('with an operator', 6, 5, gt(OTHER) & is_a(int), True),
    ('a field with an operator', 'x', 5, OTHER | 'x', True),
    ('a field negated', 6, 5, ~OTHER, True),
)
def test_a_field_matches_like_the_value_of_the_other_field(
    lhs: object, other: object, rhs: object, holds: bool
) -> None:
    check_field(lhs, other, rhs, holds)


@fields(
    ('more', 6, 5, gt(OTHER), True),
    ('not more', 5, 5, gt(OTHER), False),
    ('at least', 5, 5.0, gte(OTHER), True),
    ('less', 4, 5, lt(OTHER), True),
    ('at most', 6, 5, lte(OTHER), False),
    ('exact', 2**53 + 1, 2**53, gt(OTHER), True),
    ('a text against the other number', '10', 9, gt(OTHER), True),
    ('a text against a float as it is written', '0.1', 0.1, gte(OTHER), True),
    ('a number against the other text', 10, '9', gt(OTHER), False),
    ('two texts as texts', '10', '9', gt(OTHER), False),
    ('instants', '2020-05-04T12:00:01Z', NOON, gt(OTHER), True),
    ('texts of instants as texts', '2020-05-04T12:00:01', '2020-05-04T12:00:00', gt(OTHER), True),
    ('days', NOON, date(2020, 5, 3), gt(OTHER), True),
    ('that day', NOON, DAY, lte(OTHER), True),
    ('null', 5, None, gt(OTHER), False),
    ('null, negated', 5, None, not_(gt(OTHER)), True),
    ('at most null', None, None, lte(OTHER), False),
    ('a boolean', 5, True, gte(OTHER), False),
    ('an array', 5, [1], gt(OTHER), False),
    ('an object', 5, {}, gt(OTHER), False),
    ('equal arrays do not compare', [1], [1], gte(OTHER), False),
    ('NaN', 5, float('nan'), lte(OTHER), False),
    ('bytes', b'b', b'a', gt(OTHER), False),
    ('from it', 6, 5, between(OTHER, 10), True),
    ('below it', 4, 5, between(OTHER, 10), False),
    ('to it', 5, 5, between(1, OTHER), True),
    ('beyond it', 6, 5, between(1, OTHER), False),
    ('from it to it', 5, 5, between(OTHER, OTHER), True),
    ('from above', 5, 9, between(OTHER, 1), False),
    ('from above, itself', 9, 9, between(OTHER, 1), False),
    ('to below', 1, 0, between(1, OTHER), False),
    ('texts', 'b', 'a', between(OTHER, 'c'), True),
    ('from a text to a number', '5', '1', between(OTHER, 9), False),
    ('from null', 5, None, between(OTHER, 9), False),
    ('to an array', 5, [9], between(1, OTHER), False),
    ('days in a range', NOON, DAY, between(OTHER, NEXT_DAY), True),
)
def test_the_type_of_the_other_field_determines_the_comparison(
    lhs: object, other: object, rhs: object, holds: bool
) -> None:
    check_field(lhs, other, rhs, holds)


COMPARING: list[Callable[[Any], Pattern]] = [
    eq, gt, gte, lt, lte, one_of, lambda other: between(other, 5), lambda other: between(1, other),
]  # fmt: skip
SCALARS = [value for value in VALUES if not isinstance(value, (list, tuple, dict))]
ONE_VALUE = [
    *COMPARING, neq, contains, every, length, lambda other: between('a', other),
    lambda other: exactly([other]),
]  # fmt: skip


@pytest.mark.no_cover  # other tests run the same lines
@pytest.mark.parametrize('function', ONE_VALUE, ids=range(len(ONE_VALUE)))
def test_a_field_with_any_scalar_matches_like_this_scalar(
    function: Callable[[Any], Pattern],
) -> None:
    """A value that cannot be compared matches nothing."""
    with_field = {'lhs': function(field('other'))}
    for other in SCALARS:
        try:
            written = function(other)
        except PatternError:
            written = not_(any_())
        for lhs in [*VALUES, [other], [other, other]]:
            payload = {'lhs': lhs, 'other': other}
            expected = evaluate(payload, {'lhs': written})
            assert evaluate(payload, with_field) is expected, payload


NOWHERE = [
    field('nowhere'), field('there.nowhere'), field('there.other.deeper'), field('array.0'),
    field('array.a'), field('text.a'), field('null.a'), field(['there.other']), field('dotted.key'),
    field(['there', 'other', 'a', 'b']), field('THERE.other'), field(['there', '']),
    field('there.__class__'), field('there.keys'), field('array.__len__'),
]  # fmt: skip
PAYLOAD: dict[str, object] = {
    'lhs': 5, 'there': {'other': 5}, 'array': [{'a': 5}], 'text': 'abc', 'null': None,
    'dotted.key': 5,
}  # fmt: skip


@pytest.mark.parametrize('nowhere', NOWHERE, ids=repr)
def test_a_missing_field_does_not_match(nowhere: Pattern) -> None:
    """The result is false, not unknown: the negation of a present value matches."""
    for rhs in (nowhere, [nowhere], *(function(nowhere) for function in COMPARING)):
        assert not evaluate(PAYLOAD, {'lhs': rhs})
        assert evaluate(PAYLOAD, {'lhs': not_(rhs)})
    assert evaluate(PAYLOAD, {'lhs': neq(nowhere)})
    assert evaluate(PAYLOAD, {'lhs': none_of(nowhere, 6)})
    assert evaluate(PAYLOAD, {'null': not_(nowhere)})


def test_a_field_with_null_is_present() -> None:
    assert evaluate({'a': None, 'b': None}, {'a': field('b')})
    assert not evaluate({'a': None}, {'a': field('b')})
    assert evaluate({'a': 5, 'b': None}, {'a': neq(field('b'))})


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        pytest.param('a', 1, id='one key'),
        pytest.param('b.c', 2, id='dots separate keys'),
        pytest.param(['b', 'c'], 2, id='a list of keys'),
        pytest.param(('b', 'c'), 2, id='a tuple of keys'),
        pytest.param(['a'], 1, id='a list of one'),
        pytest.param(['b.c'], 3, id='a key with a dot'),
        pytest.param(['d.e', 'f'], 4, id='a key with a dot, first'),
        pytest.param(['b', 'c.d'], 5, id='a key with a dot, last'),
        pytest.param([''], 6, id='the empty key'),
        pytest.param(['*'], 7, id='no wildcard'),
        pytest.param(['b[0]'], 8, id='no index'),
        pytest.param('b.x y', 9, id='a key with a space'),
    ],
)
def test_a_path_starts_at_the_root(path: Any, expected: int) -> None:
    inner = {'c': 2, 'c.d': 5, 'x y': 9}
    payload = {'a': 1, 'b': inner, 'b.c': 3, 'd.e': {'f': 4}, '': 6, '*': 7, 'b[0]': 8}
    for number in range(1, 10):
        found = evaluate({**payload, 'deep': {'er': number}}, {'deep': {'er': field(path)}})
        assert found is (number == expected)


def test_the_root_is_the_whole_payload_at_any_depth_of_the_pattern() -> None:
    payload = {'status': 'x', 'object': {'status': 'y', 'previous': {'status': 'y'}}}
    assert evaluate(payload, {'object': {'status': field('object.previous.status')}})
    assert not evaluate(payload, {'object': {'status': field('status')}})
    assert not evaluate(payload, {'object': {'status': field('previous.status')}})
    assert evaluate(payload, {'object': field('object')})
    assert evaluate(payload, or_({'status': 1}, {'object': {'previous': neq(field('status'))}}))


def test_a_payload_that_is_not_an_object_has_no_fields() -> None:
    for lhs in VALUES:
        assert not evaluate(lhs, field('nowhere'))
        assert evaluate(lhs, neq(field('nowhere')))


class Documented:
    """An object with `to_dict()`, like an event."""

    def to_dict(self) -> dict[str, object]:
        return {'a': 5, 'b': {'c': 5}}


def test_the_root_of_an_object_with_to_dict_is_its_dict() -> None:
    assert evaluate(Documented(), {'a': field('b.c')})
    assert not evaluate(Documented(), {'a': neq(field('b.c'))})


def test_a_field_is_read_from_every_payload_again() -> None:
    pattern = not_({'a': neq(field('b'))})
    payload: dict[str, object] = {'a': 1, 'b': 1}
    assert evaluate(payload, pattern)
    payload['b'] = 2
    assert not evaluate(payload, pattern)
    assert evaluate({'a': [1, 2], 'b': [1, 2]}, pattern)


def test_a_predicate_may_match_another_payload() -> None:
    def asks(lhs: object) -> bool:
        return evaluate({'a': 1, 'b': 2, 'c': lhs}, {'a': field('b')})

    assert evaluate({'a': 5, 'b': 5}, {'a': or_(asks, field('b'))})
    assert evaluate({'a': 5, 'b': 5}, {'a': and_(not_(asks), field('b'))})
    assert not evaluate({'a': 5, 'b': 6}, {'a': or_(asks, field('b'))})


def test_threads_do_not_see_the_payloads_of_other_threads() -> None:
    pattern = eq({'a': field('there.b'), 'c': not_(gt(field('there.b')))})

    def answer(number: int) -> bool:
        return evaluate({'a': number, 'c': number, 'there': {'b': number // 2 * 2}}, pattern)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(answer, range(2_000)))
    assert answers == [number % 2 == 0 for number in range(2_000)]


def test_a_field_creates_no_key() -> None:
    payload: defaultdict[str, Any] = defaultdict(dict, a={})
    assert not evaluate(payload, {'a': field('x.y')})
    assert evaluate(payload, {'a': neq(field('x'))})
    assert list(payload) == ['a']


@pytest.mark.parametrize(
    'path',
    [[], (), None, 5, True, b'a', {'a'}, {'a': 1}, any_(), len, ['a', 5], [None], ('a', b'b'),
     [['a']], [field('a')]],
    ids=repr,
)  # fmt: skip
def test_an_invalid_path_is_refused(path: Any) -> None:
    with pytest.raises(PatternError) as refusal:
        field(path)
    assert str(refusal.value)


@pytest.mark.parametrize(
    ('function', 'arguments'),
    [
        pytest.param(between, (field('a'), None), id='a range to null'),
        pytest.param(between, ([], field('a')), id='a range from an array'),
        pytest.param(between, (field('a'), exists()), id='a range to another pattern'),
        pytest.param(gt, (not_(field('a')),), id='more than a negated field'),
        pytest.param(lt, ([field('a')],), id='less than a list of fields'),
    ],
)
def test_the_other_bound_beside_a_field_must_be_comparable(
    function: Callable[..., Pattern], arguments: tuple[object, ...]
) -> None:
    with pytest.raises(PatternError):
        function(*arguments)


def test_a_path_does_not_change_after_its_declaration() -> None:
    keys = ['b', 'c']
    pattern = field(keys)
    keys.append('d')
    assert evaluate({'a': 5, 'b': {'c': 5}}, {'a': pattern})
