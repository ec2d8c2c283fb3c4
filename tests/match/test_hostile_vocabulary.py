"""Hostile payloads for single functions of the language."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from copy import deepcopy
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
    eq,
    every,
    exactly,
    field,
    gt,
    gte,
    iequals,
    is_a,
    length,
    lt,
    lte,
    missing,
    neq,
    not_,
    one_of,
    prefix,
    substring,
    suffix,
    wildcard,
)
from tests.match.test_hostile import HOSTILE, Awkward, deep

pytestmark = pytest.mark.no_cover  # large inputs; other tests cover the same lines

# ── text ─────────────────────────────────────────────────────────────────────────────────────────

LONG = 'a' * 100_000


@pytest.mark.parametrize(
    ('text', 'lhs'),
    [
        pytest.param('*a' * 30 + 'b', LONG, id='stars'),
        pytest.param('*a' * 30 + '*b', LONG, id='stars, and one before the end'),
        pytest.param('a*' * 30 + 'b', LONG, id='stars behind'),
        pytest.param('*' * 100 + 'b', LONG, id='nothing but stars'),
        pytest.param('*?' * 30 + 'b', LONG, id='stars and question marks'),
        pytest.param('*' + 'a' * 30 + 'b*', LONG, id='a long piece that nearly fits'),
        pytest.param('*' + 'a?' * 15 + 'b*', LONG, id='a piece with gaps that nearly fits'),
        pytest.param('*ab' * 30 + '*c*', 'ab' * 50_000, id='pieces that fit everywhere'),
        pytest.param('*ab*ba*' * 10 + 'c', 'aba' * 33_000, id='pieces that overlap'),
        pytest.param('a' * 1_000 + '*b', LONG, id='a long pattern'),
        pytest.param('*' + '?' * 1_000 + 'b', LONG[:20_000], id='a thousand question marks'),
        pytest.param('*ß' * 15 + '*a', 'ß' * 50_000 + 's', id='letters that grow'),
    ],
)
@pytest.mark.parametrize('fold', [False, True])
def test_a_wildcard_does_not_backtrack(text: str, lhs: str, fold: bool) -> None:
    """Backtracking over all of them would take longer than a lifetime."""
    assert not evaluate(lhs, wildcard(text, ignore_case=fold))
    assert not evaluate({'a': [lhs]}, {'a': contains(wildcard(text, ignore_case=fold))})
    assert evaluate(lhs, not_(wildcard(text, ignore_case=fold)))


def test_a_wildcard_matches_a_long_text_fast() -> None:
    assert evaluate(LONG, wildcard('*a' * 30))
    assert evaluate(LONG + 'b', wildcard('*a' * 30 + '*b'))
    assert evaluate(LONG.upper(), wildcard('a*?*a', ignore_case=True))
    assert evaluate('\n' * 100_000, wildcard('?*' * 30))
    assert evaluate('\\' * 100_000, wildcard(r'\\*\\'))


# ── fields ───────────────────────────────────────────────────────────────────────────────────────

OTHER = field('other')
OF_A_FIELD: list[Pattern] = [
    eq(OTHER), neq(OTHER), gt(OTHER), gte(OTHER), lt(OTHER), lte(OTHER), between(OTHER, 5),
    between('a', OTHER), between(OTHER, OTHER), one_of(OTHER, 'a'), contains(OTHER),
    contains_all(OTHER), every(OTHER), exactly([OTHER]), length(OTHER), OTHER | 5, ~OTHER,
    field('other.a.a'), eq(field(['other'] * 600)), gt(field(['other', ''])),
    field('other.__class__.__init__'), field('lhs'), field('nowhere'),
]  # fmt: skip
SMALL = {name: lhs for name, lhs in HOSTILE.items() if ' of 100,000 ' not in name}


@pytest.mark.parametrize('hostile', SMALL.values(), ids=SMALL.keys())
def test_a_field_has_a_result_for_every_hostile_payload(hostile: object) -> None:
    """On each side, and on both: it is not called, not changed, and never too deep."""
    for rhs in OF_A_FIELD:
        for lhs, other in ((hostile, 5), ('a', hostile), (hostile, hostile), ([hostile], hostile)):
            payload = {'lhs': lhs, 'other': other}
            answer = evaluate(payload, {'lhs': rhs})
            assert isinstance(answer, bool)
            assert evaluate(payload, {'lhs': not_(rhs)}) is not answer
            assert payload.keys() == {'lhs', 'other'}


@pytest.mark.parametrize('root', HOSTILE.values(), ids=HOSTILE.keys())
def test_a_value_that_is_not_an_object_has_no_fields(root: object) -> None:
    assert not evaluate(root, field('x.y'))
    assert evaluate(root, neq(field('x.y')))


@pytest.mark.parametrize(
    'callable_',
    [
        pytest.param(lambda lhs: True, id='a predicate'),
        pytest.param(lambda: 1 / 0, id='a function that takes nothing'),
        pytest.param(str, id='a class'),
        pytest.param(any_(), id='a pattern'),
        pytest.param(not_(any_()), id='a pattern that nothing matches'),
    ],
)
def test_a_callable_in_a_payload_is_not_called(callable_: object) -> None:
    """It is a value of an unknown type, which does not match."""
    for rhs in (eq(OTHER), contains(OTHER), one_of(OTHER), every(OTHER), gt(OTHER)):
        lhs: object = [1] if rhs is not OTHER else 1
        assert evaluate({'lhs': lhs, 'other': callable_}, {'lhs': rhs}) is False
        assert evaluate({'lhs': lhs, 'other': [callable_]}, {'lhs': rhs}) is False
        assert evaluate({'lhs': {'a': 1}, 'other': {'a': callable_}}, {'lhs': rhs}) is False


@pytest.mark.parametrize('kind', ['object', 'array', 'both'])
def test_two_fields_of_maximum_depth_are_compared(kind: str) -> None:
    payload = {'lhs': deep(98, kind), 'other': deep(98, kind)}
    assert evaluate(payload, {'lhs': OTHER})
    for different in (deep(98, kind, 'b'), deep(99, kind)):
        assert not evaluate({**payload, 'lhs': different}, {'lhs': OTHER})
        assert evaluate({**payload, 'lhs': different}, {'lhs': neq(OTHER)})


def test_two_fields_are_compared_with_half_of_the_stack_in_use() -> None:
    """A listener may be called deep in a call stack."""
    payload = {'lhs': deep(98, 'both'), 'other': deep(98, 'both')}

    def from_depth(levels: int) -> bool:
        return from_depth(levels - 1) if levels else evaluate(payload, {'lhs': eq(OTHER)})

    assert from_depth(300)


def test_a_path_may_be_as_deep_as_the_payload() -> None:
    payload = {'lhs': 'a', 'other': deep(50_000, 'object')}
    assert evaluate(payload, {'lhs': field(['other'] + ['a'] * 50_000)})
    assert not evaluate(payload, {'lhs': field(['other'] + ['a'] * 49_999)})
    assert not evaluate(payload, {'lhs': field(['other'] + ['a'] * 50_001)})


def test_two_objects_of_many_keys_are_compared() -> None:
    lhs, other = ({f'k{i}': i for i in range(100_000)} for _ in range(2))
    payload = {'lhs': lhs, 'other': other}
    assert evaluate(payload, {'lhs': OTHER})
    assert evaluate(payload, {'lhs': length(100_000)})
    del lhs['k99999']
    assert evaluate(payload, {'lhs': neq(OTHER)})
    assert not evaluate(payload, {'lhs': gt(OTHER)})


MANY = 4_000
SAME: dict[str, tuple[list[object], list[object]]] = {
    'numbers': ([*range(MANY)], [*range(MANY)]),
    'texts': ([f'tag-{i}' for i in range(MANY)], [f'tag-{i}' for i in range(MANY)]),
    'texts of numbers': ([str(i) for i in range(MANY)], [float(i) for i in range(MANY)]),
}


@pytest.mark.parametrize(('lhs', 'other'), SAME.values(), ids=SAME.keys())
def test_two_large_arrays_of_one_payload_are_compared_in_bounded_time(
    lhs: list[object], other: list[object]
) -> None:
    """Both are untrusted: quadratic time would block a listener for hours."""
    assert evaluate({'lhs': lhs, 'other': other}, {'lhs': OTHER})
    assert evaluate({'lhs': [*lhs, 'x'], 'other': other}, {'lhs': neq(OTHER)})
    assert evaluate({'lhs': lhs, 'other': [*other, 'x']}, {'lhs': neq(OTHER)})
    assert evaluate({'lhs': lhs, 'other': [*other[1:], other[0]]}, {'lhs': neq(OTHER)})


def test_members_are_compared_with_a_large_array_in_bounded_time() -> None:
    numbers = list(range(MANY))
    assert evaluate({'lhs': [numbers] * 3, 'other': numbers}, {'lhs': every(OTHER)})
    assert not evaluate({'lhs': numbers, 'other': numbers}, {'lhs': contains(OTHER)})


def test_many_members_are_compared_with_a_large_field() -> None:
    payload = {'lhs': ['x'] * 500, 'other': {f'k{i}': i for i in range(5_000)}}
    assert not evaluate(payload, {'lhs': contains(OTHER)})
    assert evaluate(payload, {'lhs': every(not_(OTHER))})


# ── subclasses of dict, list and str ──────────────────────────────────────────────────────────────


class Sealed(dict[str, Any]):
    """A dict whose `[]` raises, and which creates missing values.

    The built-in methods of `dict` do not call these, and neither do patterns.
    """

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError('do not touch')

    def __missing__(self, key: str) -> Any:
        self[key] = 'made up'
        return 'made up'


class Unhashable(str):
    """A text that is not hashable."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


class UnhashableNumber(int):
    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


def test_a_dict_with_overridden_methods_is_read_like_any_other() -> None:
    payload = Sealed(a=5, b=5, c=Sealed(d='x'), e=[1])
    assert evaluate(payload, {'a': field('b'), 'c': {'d': 'x'}})
    assert evaluate(payload, {'a': neq(field('c.d')), 'c': {'e': missing()}})
    assert evaluate(payload, {'a': neq(field('c.e')), 'e': contains(1)})
    assert evaluate(payload, and_(length(4), is_a(dict), not_(contains(5))))
    assert evaluate({'a': Sealed(a=5), 'b': {'a': 5}}, {'a': field('b')})
    assert list(payload) == ['a', 'b', 'c', 'e']


@pytest.mark.parametrize('made', [defaultdict(list), defaultdict(dict), Sealed(), OrderedDict()])
def test_no_pattern_creates_a_key(made: dict[str, Any]) -> None:
    made['there'] = 5
    patterns = [
        field('there'), field('nowhere'), field('nowhere.x'), contains('x'), every('x'), length(2),
        exactly([]), is_a(list), prefix('x'), cidr('::1'), gt(field('nowhere')), one_of('x'),
    ]  # fmt: skip
    for pattern in patterns:
        evaluate(made, pattern)
        evaluate(made, {'nowhere': pattern})
        evaluate(made, {'there': pattern})
    assert list(made) == ['there']


TEXTS: list[Pattern] = [
    prefix('abc'), suffix('c'), substring('b'), wildcard('a*c'), iequals('ABC'), one_of('abc', 'x'),
    one_of('abc', 5, gt(9)), eq('abc'), gt('ab'), is_a(str), length(3), field('abc'),
]  # fmt: skip


@pytest.mark.parametrize('pattern', TEXTS, ids=repr)
def test_a_text_that_is_not_hashable_is_matched_by_its_value(pattern: Pattern) -> None:
    payload = {'a': Unhashable('abc'), 'abc': 'abc'}
    assert evaluate(payload, {'a': pattern})
    assert evaluate({**payload, 'a': [Unhashable('abc')]}, {'a': contains(pattern)})
    assert evaluate({**payload, 'a': (Unhashable('abc'),)}, {'a': exactly([pattern])})


def test_a_number_that_is_not_hashable_is_a_number() -> None:
    assert evaluate({'a': UnhashableNumber(5)}, {'a': one_of(5, 6)})
    assert evaluate({'a': UnhashableNumber(5), 'b': UnhashableNumber(5)}, {'a': field('b')})
    assert evaluate({'a': [UnhashableNumber(5)], 'b': [5.0]}, {'a': field('b')})


UNTOUCHED: list[Pattern] = [
    field('b'), contains(field('b')), every(field('b')), exactly([field('b')]), length(2),
    contains_all(1, 'x'), contains([2, 1]), every(is_a(int)), gt(field('b')), one_of(field('b')),
]  # fmt: skip


@pytest.mark.parametrize('pattern', UNTOUCHED, ids=repr)
def test_no_pattern_changes_a_payload(pattern: Pattern) -> None:
    payload = {'a': [2, 1, [3, 2, 2]], 'b': [[1, 2], {'c': [2, 1]}, 'x']}
    before = deepcopy(payload)
    evaluate(payload, {'a': pattern})
    evaluate(payload, {'b': not_(pattern)})
    assert payload == before


def test_awkward_objects_have_a_type() -> None:
    assert evaluate(Awkward(), is_a(Awkward, object))
    assert evaluate([Awkward()], and_(length(1), contains(is_a(object)), every(any_())))
    assert not evaluate(Awkward(), is_a(str, int, list, dict, None))
