"""Payloads that `matching` and `not_matching` construct from a pattern."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck, Unsatisfiable

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    TextSubscriber,
)
from mega.codec import decode, encode, payload_type_hint
from mega.errors import EncodeError, PatternError
from mega.event import Payload
from mega.match import evaluate, functions
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import (
    and_,
    any_,
    between,
    cidr,
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
    json_text,
    length,
    lt,
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
from mega.testing.strategies import matching, not_matching
from tests.match.eventbridge_cases import CASES as EVENTBRIDGE
from tests.match.reference import build, functions_in
from tests.match.strategies import object_descriptions, payloads
from tests.match.test_cases import MATCHED
from tests.payload_equality import with_types
from tests.profile import amount, some

FEW = settings(
    max_examples=amount(3, 30), phases=[Phase.generate], database=None, deadline=None
)  # fmt: skip


def examples(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return examples of a strategy. The health checks of Hypothesis apply: few are filtered."""
    found: list[Any] = []

    @FEW
    @given(strategy)
    def collect(payload: Any) -> None:
        found.append(payload)

    collect()
    return found


def check(pattern: Any) -> None:
    """Check that payloads match, or do not, and arrive as they were published."""
    for strategy, holds in ((matching, True), (not_matching, False)):
        for payload in examples(strategy(pattern)):
            assert evaluate(payload, pattern) is holds
            assert arrives(payload)


def arrives(payload: Any) -> bool:
    """Return whether a payload arrives as it was published: in JSON, or otherwise in BSON."""
    try:
        body = encode(payload)
    except EncodeError:
        body = encode(payload, binary_encoding=True)
    found = decode(body, payload_type_hint(payload, body))
    return bool(with_types(found) == with_types(payload))


# ── all functions ────────────────────────────────────────────────────────────────────────────────

IMPOSSIBLE = {
    "{'a': float('nan')}": 'NaN equals nothing',
    "{'a': {'a': and_(missing(), not_(5))}}": 'neither a missing key nor a value matches',
    "{'a': field('a')}": 'a present value always equals itself',
}
"""Patterns of the cases that all payloads match, or none."""


def patterns_of(name: str) -> list[Any]:
    """Return different patterns of the cases with a function."""
    found: dict[str, Any] = {}
    for case in MATCHED:
        used = functions_in(case.described)
        if name in used or (name == 'values' and not used):
            pattern = build(case.described)
            pattern = pattern if 'field' in used else {'a': pattern}
            found[repr(compile_pattern(pattern))] = pattern
    possible = [pattern for text, pattern in found.items() if text not in IMPOSSIBLE]
    return possible[:: -(-len(possible) // amount(2, len(possible)))]


@pytest.mark.no_cover  # the combinations below run the same lines
@pytest.mark.parametrize('name', [*functions.__all__, 'values'])
def test_payloads_match_the_patterns_of_a_function_or_do_not(name: str) -> None:
    patterns = patterns_of(name)
    assert patterns
    for pattern in patterns:
        check(pattern)


COMBINED = [
    {'a': and_(prefix('user:'), suffix('@x.org'), not_(substring('admin')))},
    {'a': and_(prefix('ab'), suffix('ba'), length(3))},
    {'a': and_(gt(5), lt(6))},
    {'a': and_(gte(5), not_(5), lt(7), is_a(int))},
    {'a': between('b', 'ba')},
    {'a': and_(between(date(2020, 1, 1), date(2020, 1, 2)), neq(date(2020, 1, 1)))},
    {'a': gt(datetime(2020, 1, 1, tzinfo=timezone.utc)), 'b': lt(date(1, 1, 2))},
    {'a': and_(match(r'v\d+'), length(gt(2))), 'b': search('[a-f]{3}$')},
    {'a': and_(wildcard('a*z?'), prefix('ab', ignore_case=True))},
    {'a': and_(length(100), prefix('x'))},
    {'a': json_text({'b': gt(5), 'c': json_text(['x', 'y'])})},
    {'a': not_(json_text({'b': 1}))},
    {'a': and_(length(50), contains('x'), every(is_a(str)))},
    {'a': and_(contains_all(1, 2), every(between(1, 2)), length(lt(4)))},
    {'a': and_(contains(gt(5)), contains(lt(9)), length(1))},
    {'a': and_(exactly([any_(), 2]), every(gt(1)))},
    {'a': {'b': {'c': [1, {'d': one_of(1, 2)}]}}},
    {'a': not_({'b': 1, 'c': 2})},
    {'a': not_([1, 2, 'x'])},
    {'a': not_(not_(and_(exists(), not_(empty()))))},
    {'a': optional(and_(cidr('10.0.0.0/8'), none_of('10.0.0.1')))},
    {'a': or_(missing(), and_(is_a(dict), length(2))), 'b': any_()},
    or_({'a': 1}, {'b': 2}, and_({'c': 3}, not_({'d': 4}))),
    {'a': neq(field('b')), 'b': field('c.d'), 'c': {'e': missing()}},
    {'a': between(field('low'), field('high')), 'low': between(1, 5), 'high': between(6, 9)},
    and_({'a': neq(field('b'))}, {'b': lt(field('c'))}),
    {'a': 2.5, 'b': Decimal('2.50'), 'c': Decimal('0.1'), 'd': Decimal(7)},
    {'a': datetime(2020, 1, 1), 'b': datetime(2020, 1, 1, 0, 0, 0, 123456)},
    {'a': or_(gt(10**400), gt(date(9999, 12, 30))), 'b': lt(10**400), 'c': 10**400},
    {'a': and_(Decimal('2.50'), is_a(Decimal)), 'b': date(2020, 1, 1)},
    {'a': not_(length(lt(5))), 'b': not_(contains(1)), 'c': not_(every(1))},
    {'a': b'blob', 'b': UUID(int=5), 'c': is_a(datetime), 'd': is_a(Decimal)},
    {'a': one_of(*range(300)), 'b': none_of(*range(300))},
    {'event': {'name': match('item[.]'), 'attributes': {'n': gt(5), 'x': missing()}}},
    {'event': {'timestamp': gt(date(2020, 1, 1))}, 'extra': {'a': [1]}},
    {'object': {'current': {'s': neq(field('object.previous.s'))}}, 'event': {'name': 'x'}},
    and_(prefix('hej'), length(9)),
    b'blob',
    'text',
    5,
]  # fmt: skip


@pytest.mark.parametrize('pattern', some(COMBINED, 2), ids=repr)
def test_payloads_match_a_combination_of_patterns_or_do_not(pattern: Any) -> None:
    check(pattern)


def eventbridge_patterns() -> list[Any]:
    found = {repr(case.pattern): case.pattern for case in EVENTBRIDGE if not case.refused}
    possible = [
        pattern
        for pattern in found.values()
        if pattern not in ({'l': ['x'], 'l.v': [1]}, {'a': ['x'], 'a.b': [1]})  # only arrays match
        and pattern != {'c': [{'exists': True}, {'exists': False}]}  # every event matches
    ]
    return possible[:: -(-len(possible) // amount(12, len(possible)))]


def test_payloads_match_patterns_of_eventbridge_or_do_not() -> None:
    for pattern in eventbridge_patterns():
        check(from_eventbridge(pattern))


@settings(
    max_examples=amount(20, 2_000),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    deadline=None,
)
@given(st.data(), object_descriptions(predicates=False), payloads(), st.booleans())
def test_payloads_of_generated_patterns_match_or_do_not(
    data: st.DataObject, description: Any, payload: Any, holds: bool
) -> None:
    pattern = build(description)
    try:
        strategy = matching(pattern) if holds else not_matching(pattern)
    except PatternError:
        assert evaluate(payload, pattern) is not holds
        return
    found = data.draw(strategy)
    assert evaluate(found, pattern) is holds
    assert arrives(found)


# ── subscribers ──────────────────────────────────────────────────────────────────────────────────


class ItemAdded(EventSubscriber):
    domain = 'shop'
    name = prefix('item.')
    attributes = {'quantity': gt(10)}
    object_version = optional(gt(1))

    def process(self, payload: Any) -> None: ...


class Order(DataSubscriber):
    pattern = {'total': gt(100), 'status': neq(field('previous'))}

    def process(self, payload: Any) -> None: ...


class Greeting(TextSubscriber):
    pattern = prefix('hej')

    def process(self, payload: Any) -> None: ...


class Picture(BlobSubscriber):
    def process(self, payload: Any) -> None: ...


class Everything(MessageSubscriber):
    def process(self, payload: Any) -> None: ...


@pytest.mark.parametrize(
    ('subscriber', 'kind'),
    [(ItemAdded, Payload), (Order, dict), (Greeting, str), (Picture, bytes)],
)
def test_payloads_match_a_subscriber(subscriber: Any, kind: type) -> None:
    for payload in examples(matching(subscriber)):
        assert isinstance(payload, kind)
        assert subscriber.matches(payload)


@pytest.mark.parametrize(
    ('subscriber', 'kind'), [(ItemAdded, Payload), (Order, dict), (Greeting, str)]
)
def test_payloads_that_do_not_match_a_subscriber_have_its_type(subscriber: Any, kind: type) -> None:
    for payload in examples(not_matching(subscriber)):
        assert isinstance(payload, kind)
        assert not subscriber.matches(payload)


def test_a_subscriber_of_everything_gets_payloads_of_all_types() -> None:
    @settings(FEW, max_examples=40)
    @given(matching(Everything))
    def collect(payload: Any) -> None:
        kinds.add(type(payload))

    kinds: set[type] = set()
    collect()
    assert kinds == {Payload, dict, str, bytes}


def test_a_payload_is_of_json_if_the_pattern_allows_it() -> None:
    for payload in examples(matching({'a': Decimal('2.50'), 'b': exists(), 'c': any_()})):
        assert encode(payload)


def test_a_payload_may_fail_one_condition_of_several() -> None:
    @settings(FEW, max_examples=40)
    @given(not_matching({'a': 1, 'b': 2}))
    def collect(payload: Any) -> None:
        found.add((evaluate(payload, {'a': 1}), evaluate(payload, {'b': 2})))

    found: set[tuple[bool, bool]] = set()
    collect()
    assert found >= {(True, False), (False, True)}


# ── predicates and errors ────────────────────────────────────────────────────────────────────────


def test_a_predicate_selects_from_the_values_of_the_other_conditions() -> None:
    check({'a': and_(is_a(int), lambda lhs: lhs % 2 == 0)})


def test_a_predicate_that_raises_matches_nothing() -> None:
    for payload in examples(matching({'a': and_(is_a(int, str), lambda lhs: len(lhs) > 2)})):
        assert isinstance(payload['a'], str)


@pytest.mark.parametrize(
    'pattern',
    [
        {'a': and_(1, 2)},
        {'a': and_(gt(5), lt(5))},
        {'a': and_(missing(), 5)},
        {'a': and_(is_a(str), is_a(list))},
        {'a': length(-1)},
        {'a': and_(prefix('a'), prefix('b'))},
        {'a': and_(contains(1), every(2))},
        {'a': and_(exactly([1]), exactly([1, 2]))},
        {'a': and_(gt('b'), lt('a'))},
        {'a': and_(gt(date(2020, 1, 2)), lt(date(2020, 1, 1)))},
        {'a': float('inf')},
        and_({'a': 1}, not_({'a': any_()})),
        not_(any_()),
        '',
        is_a(list),
        {'event': {'version': and_(gt(1), lt(2))}},
        from_eventbridge({'a': [{'numeric': ['>', 5]}], 'a.b': [1]}),
    ],
    ids=repr,
)
def test_a_pattern_that_nothing_matches_is_refused(pattern: Any) -> None:
    with pytest.raises(PatternError, match='no payload that matches it can be generated'):
        matching(pattern)


@pytest.mark.parametrize('pattern', [any_(), is_a(object), or_(5, not_(5))], ids=repr)
def test_a_pattern_that_everything_matches_is_refused(pattern: Any) -> None:
    with pytest.raises(PatternError, match='no payload that does not match it'):
        not_matching(pattern)


def test_a_subscriber_that_receives_everything_is_refused() -> None:
    with pytest.raises(PatternError, match='no payload that does not match it'):
        not_matching(Picture)


@pytest.mark.parametrize('pattern', [object(), {'a': object()}, gt, int])
def test_an_object_that_is_not_a_pattern_is_refused(pattern: Any) -> None:
    with pytest.raises(PatternError):
        matching(pattern)


def test_a_predicate_that_accepts_nothing_is_reported_by_hypothesis() -> None:
    with pytest.raises((Unsatisfiable, FailedHealthCheck)):
        examples(matching({'a': lambda lhs: False}))


def test_hypothesis_shows_the_pattern() -> None:
    shown = {"{'a': gt(5)}": matching({'a': gt(5)}), 'ItemAdded': not_matching(ItemAdded)}
    for source, strategy in shown.items():
        assert repr(strategy).removesuffix(')').endswith(source)
        assert len(repr(strategy)) < 50


def test_the_import_error_names_the_package_to_install() -> None:
    program = "import sys; sys.modules['hypothesis'] = None; import mega.testing.strategies"
    run = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert 'run `pip install hypothesis`' in run.stderr
