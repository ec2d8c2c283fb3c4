"""Hostile payloads: every match ends soon and without an error."""

from __future__ import annotations

import operator
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import reduce
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
    fullmatch,
    gt,
    gte,
    iequals,
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
from tests.match.tables import DAY, ID, NOON
from tests.profile import amount

pytestmark = pytest.mark.no_cover  # large inputs; other tests cover the same lines

LONG = amount(2**17, 2**20)  # characters; in the nightly profile, the maximum of an SQS message
MEMBERS = amount(2_000, 20_000)

EVERY_KIND: list[Any] = [
    5, 5.5, Decimal('5.5'), True, None, '', 'a', NOON, DAY, ID, b'a', {}, {'a': 1},
    {'a': {'b': [1]}}, [], ['a', 5, None, {'a': 1}, [1]], (1, NOON), {1, 'a'}, eq(5), neq('a'),
    gt(5), gte(5.5), lt(Decimal(5)), lte('a'), gt(''), gt(NOON), lte(DAY), between(1, 5),
    between('a', 'b'), between(DAY, DAY), one_of(1, 'a', None, NOON), none_of(1, 'a', DAY),
    one_of(gt(5), {'a': 1}), one_of('a', 'b'), match('a+b'), match('.*', max_length=100), any_(),
    exists(), missing(), optional(5), empty(), not_(5), not_(['a', 'b']), and_(gt(5), {'a': 1}),
    or_({'a': 1}, [1, 2], 'a'), {'a': gt(5)}, {'a': {'a': {'a': not_(['b'])}}}, fullmatch('a+'),
    search('b$'), prefix('a'), prefix('ß', ignore_case=True), suffix('a'), substring('ab'),
    substring('SSE', ignore_case=True), wildcard('*a*b'), wildcard('?*ß', ignore_case=True),
    iequals('straße'), cidr('10.0.0.0/8'), cidr('::/0'), is_a(str, int, None), is_a(list),
    contains(5), contains({'a': gt(5)}), contains_all('a', 5), every(gt(5)), every({'a': 1}),
    json_text({'a': 1}), json_text(any_()),
    length(5), length(gt(5)), exactly(['a', 5]), exactly([{'a': 1}]), not_(contains(contains('a'))),
]  # fmt: skip


def deep(levels: int, kind: str, inner: object = 'a') -> object:
    for level in range(levels):
        inner = {'a': inner} if kind == 'object' or (kind == 'both' and level % 2) else [inner]
    return inner


class Awkward:
    """A value whose methods all raise. It is not in JSON or BSON, but may be in a Python dict."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def refuse(self, *_: object) -> Any:
        raise RuntimeError('do not touch')

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __repr__ = __str__ = refuse


class Nowhere(tzinfo):
    """A zone without an offset from UTC: its times are naive."""

    def utcoffset(self, when: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


def cyclic(kind: str) -> object:
    array: list[object] = ['a']
    around: dict[str, object] = {'a': array, 'b': 1}
    array.append(around if kind == 'object' else array)
    return around if kind == 'object' else array


HOSTILE: dict[str, object] = {
    'objects 600 levels deep': deep(600, 'object'),
    'arrays 600 levels deep': deep(600, 'array'),
    'arrays and objects 600 levels deep': deep(600, 'both'),
    'arrays of very many levels': deep(amount(5_000, 20_000), 'array'),
    'an object of 100,000 keys': {f'k{number}': number for number in range(100_000)},
    'an array of many numbers': list(range(MEMBERS)),
    'an array of many texts': [f'5.{number}' for number in range(MEMBERS)],
    'an array of many objects': [{'a': 1}] * MEMBERS,
    'a long text': 'a' * LONG,
    'long white space': ' ' * LONG,
    'many digits': '9' * LONG,
    'many decimals': '5.' + '0' * LONG,
    'a long exponent': '1e' + '9' * LONG,
    'a zero with such an exponent': '0e' + '9' * LONG,
    'a long instant': '2020-05-04T12:00:00.' + '0' * LONG,
    'a long date': '1' * LONG,
    'a long offset': '2020-05-04T12:00:00+' + '0' * LONG,
    'a long text that grows as it is folded': '\u0390' * LONG,
    'a long address': '10.0.0.' + '1' * LONG,
    'many octets': '1.' * LONG,
    'many groups': '1:' * LONG,
    'many colons': ':' * LONG,
    'an address with a zone': 'fe80::1%eth0',
    'an address with a long zone': 'fe80::1%' + '%' * LONG,
    'an integer of 5,000 digits': 10**4_999,
    'a negative one': -(10**4_999),
    'its text': '1' + '0' * 4_999,
    'an integer of 30,000 digits': 1 << 100_000,
    'a datetime in a zone without an offset': datetime(2020, 5, 4, 12, tzinfo=Nowhere()),
    'a huge exponent': '1e999999999',
    'a huge negative exponent': '-1e-999999999',
    'an exponent beyond all bounds': '1e' + '9' * 30,
    'a decimal with a huge exponent': Decimal('1e999999'),
    'a decimal with a tiny exponent': Decimal('1e-999999'),
    'a signalling NaN': Decimal('sNaN'),
    'a quiet NaN': Decimal('NaN'),
    'NaN': float('nan'),
    'infinity': float('inf'),
    'a lone surrogate': '\ud800',
    'surrogates the wrong way round': '\udc00\ud800',
    'keys that are lone surrogates': {'\ud800': '\udc00'},
    'NUL and escapes': '\x00\x1b[2J\n',
    'the first moment, ahead': '0001-01-01T00:00:00+14:00',
    'the last moment, behind': '9999-12-31T23:59:59-14:00',
    'an array within itself': cyclic('array'),
    'an object within itself': cyclic('object'),
    'an awkward object': Awkward(),
    'an array of awkward objects': [Awkward(), Awkward()],
    'an object of awkward objects': {'a': Awkward(), 'b': {'a': Awkward()}},
    'a class': int,
    'a function': len,
    'a complex number': 5j,
    'a set': {1, 'a'},
    'a range': range(10**9),
}


@pytest.mark.parametrize('lhs', HOSTILE.values(), ids=HOSTILE.keys())
def test_every_pattern_has_a_result_for_every_hostile_payload(lhs: object) -> None:
    for rhs in EVERY_KIND:
        for found, wanted in ((lhs, rhs), ({'a': lhs}, {'a': rhs}), ([lhs], [rhs])):
            answer = evaluate(found, wanted)
            assert isinstance(answer, bool)
            assert evaluate(found, not_(wanted)) is not answer


class Once:
    """A predicate that fails the test after a few calls."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self, lhs: object) -> bool:
        self.most -= 1
        assert self.most >= 0, 'asked about the same value again and again'
        return lhs == 'a'


@pytest.mark.parametrize('kind', ['object', 'array', 'both'])
def test_a_deep_pattern_costs_time_in_proportion_to_its_depth(kind: str) -> None:
    """If each level tested the next one twice, the time would be exponential."""
    pattern = not_(deep(100, kind, Once(500)))
    assert not evaluate(deep(100, kind), pattern)
    assert evaluate(deep(100, kind, 'b'), pattern)
    assert evaluate(deep(600, kind), pattern)


def test_nested_negations_cost_time_in_proportion_to_their_number() -> None:
    pattern = missing()
    for _ in range(26):
        pattern = ~pattern
    assert evaluate({}, {'a': pattern})
    assert not evaluate({'a': 1}, {'a': pattern})


@pytest.mark.parametrize('join', [operator.and_, operator.or_], ids=['&', '|'])
def test_a_pattern_of_many_operators_has_a_result(
    join: Callable[[Pattern, Pattern], Pattern],
) -> None:
    """A loop of `p | q | ...` builds it. A match must not exhaust the stack."""
    pattern = reduce(join, [not_(number) for number in range(2_000)])
    assert evaluate('a', pattern)
    assert evaluate({'a': 'a'}, {'a': pattern})
    assert not evaluate({}, {'a': pattern})


def test_a_flat_pattern_does_not_read_a_deep_payload() -> None:
    """Also if the stack is nearly full."""
    payload, pattern = {'a': deep(100_000, 'array')}, {'a': not_({'b': 1})}

    def from_depth(levels: int) -> bool:
        return from_depth(levels - 1) if levels else evaluate(payload, pattern)

    assert from_depth(sys.getrecursionlimit() // 2)


NAMES = [
    '__class__', '__dict__', '__init__', '__proto__', '__len__', '$where', '$ne', 'keys', 'items',
    'get', 'to_dict', 'constructor', '{0.__class__}', '%s', '%(a)s', '${a}', '../../etc/passwd',
    '\x00', '\ud800', 'a.b', 'a[0]', '*',
]  # fmt: skip


@pytest.mark.parametrize('name', NAMES, ids=ascii)
def test_names_of_python_attributes_are_ordinary_keys(name: str) -> None:
    """It is looked up as a key, not as an attribute."""
    assert evaluate({name: 'x'}, {name: 'x'})
    assert evaluate({name: {name: 1}}, {name: {name: gt(0)}})
    assert evaluate({}, {name: missing()})
    assert not evaluate({}, {name: any_()})
    others: list[object] = [[], 'text', 5, None, True, object]
    for other in others:
        assert not evaluate(other, {name: any_()})
        assert not evaluate(other, {name: missing()})


def test_a_lookup_creates_no_key() -> None:
    """It is also missing in a dict that creates missing values."""
    payload: defaultdict[str, Any] = defaultdict(dict)
    assert not evaluate(payload, {'a': {'b': any_()}})
    assert not evaluate(payload, {'a': any_()})
    assert evaluate(payload, {'a': missing()})
    assert not payload


CATASTROPHE = [
    pytest.param(r'^(a+)+$', id='nested repeats'),
    pytest.param(r'(.*)*x$', id='nested stars'),
    pytest.param(r'^(a|aa)+$', id='two ways'),
]


@pytest.mark.parametrize('regex', CATASTROPHE)
def test_fault_30_max_length_bounds_a_catastrophic_regular_expression(regex: str) -> None:
    """A longer value would block the interpreter for hours."""
    assert not evaluate('a' * 15 + '!', match(regex, max_length=16))
    assert not evaluate('a' * 100_000 + '!', match(regex, max_length=16))
    assert not evaluate({'a': 'a' * 100 + '!'}, {'a': match(regex, max_length=16)})
    assert evaluate('a' * 100 + '!', not_(match(regex, max_length=16)))


def test_long_arrays_are_compared_in_bounded_time() -> None:
    """A small pattern and a large array take linear time, not quadratic."""
    payload = list(range(100_000))
    assert not evaluate(payload, [0, 1, 2, 'a'])
    assert evaluate([5] * 100_000, [5])
    assert evaluate(payload, [gt(-1)])
