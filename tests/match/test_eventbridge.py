"""EventBridge's event patterns: a corpus of cases with AWS's answers, and general properties."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mega.errors import PatternError
from mega.event import PayloadBuilder
from mega.match import PatternSet, evaluate, explain, functions
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import and_, gt, not_, one_of, or_
from tests.hostile import cpu_limit
from tests.match.eventbridge_cases import ANSWERED, REFUSED, Case, each_case, patterns, set_of_all
from tests.profile import some

# ── the corpus ───────────────────────────────────────────────────────────────────────────────────


@each_case(ANSWERED)
def test_matches_like_eventbridge(case: Case) -> None:
    """A pattern alone, a set of all patterns and an explanation agree, and keep the event."""
    pattern, event = from_eventbridge(case.pattern), copy.deepcopy(case.event)
    assert evaluate(event, pattern) is case.matches
    is_found = json.dumps(case.pattern) in set_of_all().match(event)
    assert is_found is case.matches
    explanation = explain(event, pattern)
    assert explanation.matches is case.matches
    assert (explanation.reason is None) is case.matches
    assert str(explanation)
    assert json.dumps(event) == json.dumps(case.event)


@pytest.mark.no_cover
@each_case(some(ANSWERED, 3))
def test_combines_like_any_other_pattern(case: Case) -> None:
    """The pattern can be negated, combined and nested, and its `repr` is the code for it."""
    event, holds, pattern = case.event, case.matches, from_eventbridge(case.pattern)
    assert evaluate(event, not_(pattern)) is not holds
    assert evaluate(event, not_(not_(pattern))) is holds
    assert evaluate(event, and_(pattern, {})) is holds
    assert evaluate(event, or_(5, pattern)) is holds
    assert evaluate(event, one_of(5, pattern)) is holds
    assert evaluate({'key': event, 'other': 5}, {'key': pattern}) is holds
    assert evaluate({'key': event}, {'key': not_(pattern)}) is not holds
    assert evaluate({}, {'key': pattern}) is False
    built = eval(repr(pattern), vars(functions) | {'from_eventbridge': from_eventbridge})
    assert evaluate(event, built) is holds


@pytest.mark.no_cover
@each_case(some(ANSWERED, 3))
def test_keeps_its_meaning_when_the_given_dict_changes(case: Case) -> None:
    given = copy.deepcopy(case.pattern)
    pattern = from_eventbridge(given)
    assert json.dumps(given) == json.dumps(case.pattern)
    empty_out(given)
    assert evaluate(case.event, pattern) is case.matches


def empty_out(value: object) -> None:
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            empty_out(inner)
        value.clear()


@each_case(REFUSED)
def test_refuses_what_aws_refuses(case: Case) -> None:
    """The declaration fails, with the path of the invalid part."""
    with pytest.raises(PatternError) as caught:
        from_eventbridge(case.pattern)
    if case.path is not None:
        assert caught.value.path == case.path
    assert caught.value.path.startswith(case.within)


def test_matches_in_a_set_with_other_patterns() -> None:
    pattern_set: PatternSet[str] = PatternSet()
    pattern_set.add({'state': 'sent', 'size': gt(5)}, 'ours')
    pattern_set.add(from_eventbridge({'state': ['sent', 'seen'], 'size': [5, 7]}), 'theirs')
    pattern_set.add(or_({'state': 'lost'}, from_eventbridge({'size': [{'exists': False}]})), 'both')
    assert pattern_set.match({'state': 'sent', 'size': 7}) == ['ours', 'theirs']
    assert pattern_set.match({'state': 'seen', 'size': 5}) == ['theirs']
    assert pattern_set.match({'state': 'sent', 'size': '7'}) == ['ours']
    assert pattern_set.match({'state': 'seen'}) == ['both']


def test_matches_a_payload() -> None:
    payload = (
        PayloadBuilder()
        .with_event(name='order:sent', domain='shop', quantity=7)
        .with_object(type='order', current={'lines': [{'sku': 'A', 'n': 1}, {'sku': 'B', 'n': 2}]})
        .build()
    )
    by_name: dict[str, Any] = {
        'event': {'name': [{'prefix': 'order:'}], 'subject': [{'exists': False}]}
    }
    lines = {'object': {'current': {'lines': {'sku': ['A'], 'n': [2]}}}}
    assert evaluate(payload, from_eventbridge(by_name))
    assert not evaluate(payload, from_eventbridge(lines))


# ── events and patterns beyond JSON ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize('event', [[], ['a'], 'a', '', 5, True, None, [{'a': 1}]], ids=repr)
def test_does_not_match_an_event_that_is_not_an_object(event: object) -> None:
    assert not evaluate(event, from_eventbridge({'a': [{'exists': False}]}))
    assert not evaluate(event, from_eventbridge({'a': [1]}))
    assert not explain(event, from_eventbridge({'a': [{'anything-but': 1}]}))


def test_a_tuple_in_an_event_is_an_array() -> None:
    pattern = from_eventbridge({'l': {'sku': ['A'], 'n': [2]}})
    assert evaluate({'l': ({'sku': 'A', 'n': (1, 2)},)}, pattern)
    assert not evaluate({'l': ({'sku': 'A'}, {'n': 2})}, pattern)


def test_treats_one_list_in_two_places_of_an_event_as_two_arrays() -> None:
    """A round trip through JSON would also produce two arrays."""
    pattern = from_eventbridge({'p': {'x': [1]}, 'q': {'x': [2]}})
    shared = [{'x': 1}, {'x': 2}]
    assert evaluate({'p': shared, 'q': shared}, pattern)
    nested = from_eventbridge({'l': {'p': {'x': [1]}, 'q': {'x': [2]}}})
    assert evaluate({'l': [{'p': shared, 'q': shared}]}, nested)


ODD_VALUES: list[Any] = [
    float('nan'), float('inf'), -float('inf'), Decimal('5.5'), Decimal('NaN'), b'a', {'a', 1},
    bytearray(b'a'), datetime(2020, 5, 4), datetime(2020, 5, 4, tzinfo=timezone.utc), UUID(int=1),
    object(), 10**5_000, '\ud800', '\x00', 'a' * 10_000, {1: 2}, {None: {'a': 1}}, {'': 1},
    {'.': {'.': 1}}, ({'a': 1},), [[[]]], {'a': {'a': [{'a': [[{'a': 1}]]}]}},
]  # fmt: skip


@pytest.mark.no_cover  # other tests run the same lines
@pytest.mark.parametrize('value', ODD_VALUES, ids=range(len(ODD_VALUES)))
def test_evaluate_set_and_explain_agree_on_unusual_values(value: object) -> None:
    """The value stands at every name that a pattern of the corpus tests."""
    names = {key for case in ANSWERED if isinstance(case.event, dict) for key in case.event}
    for event in (dict.fromkeys(names, value), {name: [value, value] for name in names}, value):
        expected = [text for text, pattern in patterns().items() if evaluate(event, pattern)]
        assert set_of_all().match(event) == expected
        assert [text for text, pattern in patterns().items() if explain(event, pattern)] == expected


@pytest.mark.parametrize('kind', ['object', 'list', 'both'])
def test_matches_an_event_that_is_nested_deeper_than_the_recursion_limit(kind: str) -> None:
    value: object = 'x'
    for level in range(5_000):
        value = {'a': value} if kind == 'object' or (kind == 'both' and level % 2) else [value]
    event = {'a': value, 'b': 1}
    assert evaluate(event, from_eventbridge({'b': [1]}))
    assert not evaluate(event, from_eventbridge({'c': [1]}))
    exists = evaluate(event, from_eventbridge({'a': [{'exists': True}]}))
    assert set_of_all().match(event) is not None
    assert exists is explain(event, from_eventbridge({'a': [{'exists': True}]})).matches


NOT_JSON: list[tuple[str, Any, str]] = [
    ('not a number', {'a': [float('nan')]}, 'a[0]'),
    ('infinity', {'a': [1, float('inf')]}, 'a[1]'),
    ('not a number as a bound', {'a': [{'numeric': ['>', float('nan')]}]}, 'a[0].numeric'),
    ('infinity as a bound', {'a': [{'numeric': ['<', float('inf')]}]}, 'a[0].numeric'),
    ('anything but not a number', {'a': [{'anything-but': float('nan')}]}, 'a[0].anything-but'),
    ('bytes', {'a': [b'a']}, 'a[0]'),
    ('bytes as a prefix', {'a': [{'prefix': b'a'}]}, 'a[0].prefix'),
    ('a datetime', {'a': [datetime(2020, 5, 4)]}, 'a[0]'),
    ('a UUID', {'a': [UUID(int=1)]}, 'a[0]'),
    ('a set', {'a': {'x', 'y'}}, 'a'),
    ('a set as an item', {'a': [{'x'}]}, 'a[0]'),
    ('a function', {'a': [len]}, 'a[0]'),
    ('a pattern of the language', {'a': [gt(5)]}, 'a[0]'),
    ('a pattern of the language for a field', {'a': gt(5)}, 'a'),
    ('a name that is not a str', {1: ['a']}, ''),
    ('a nested name that is not a str', {'a': {None: ['a']}}, 'a'),
    ('an operator that is not a str', {'a': [{1: 'a'}]}, 'a[0]'),
    ('bytes instead of a pattern', b'{"a": [1]}', ''),
]  # fmt: skip


@pytest.mark.parametrize(
    ('pattern', 'path'), [pytest.param(*rest, id=name) for name, *rest in NOT_JSON]
)
def test_refuses_a_pattern_that_is_not_json(pattern: Any, path: str) -> None:
    with pytest.raises(PatternError) as caught:
        from_eventbridge(pattern)
    assert caught.value.path.startswith(path)


def test_compares_integers_beyond_the_range_of_a_double() -> None:
    pattern = from_eventbridge({'id': [10**400]})
    assert evaluate({'id': 10**400}, pattern)
    assert not evaluate({'id': 10**400 + 1}, pattern)
    assert not evaluate({'id': float('inf')}, pattern)
    for operand in ({'numeric': ['>', 10**400]}, {'anything-but': 10**400}):
        with pytest.raises(PatternError):
            from_eventbridge({'id': [operand]})


@pytest.mark.parametrize('through', ['object', 'array', 'branch', 'the second parse'])
def test_refuses_a_pattern_that_contains_itself(through: str) -> None:
    pattern: dict[str, Any] = {'b': [1]}
    if through == 'branch':
        pattern['$or'] = [pattern, {'c': [1]}]
    elif through == 'the second parse':
        pattern |= {'b': 1, 'a': pattern}
    else:
        pattern['a'] = pattern if through == 'object' else [pattern]
    with pytest.raises(PatternError):
        from_eventbridge(pattern)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.no_cover
def test_independent_arrays_do_not_multiply_the_time() -> None:
    """Four arrays of 1,000 members have 10**12 bindings."""
    fields: dict[str, Any] = {name: {'x': [1]} for name in 'pqrs'}
    event: dict[str, Any] = {name: [{'x': 1}] * 1_000 for name in 'pqrs'}
    with cpu_limit(2):
        assert evaluate(event | {'z': 1}, from_eventbridge(fields | {'z': [1]}))
        assert not evaluate(event | {'z': 2}, from_eventbridge(fields | {'z': [1]}))
        assert not evaluate(event, from_eventbridge(fields | {'z': {'x': [1]}}))


@pytest.mark.no_cover
def test_matches_an_array_as_long_as_a_message_within_seconds() -> None:
    """The array has as many members as fit into 256 KiB. Each lacks at least one field."""
    pattern = from_eventbridge({'l': {'a': [1], 'b': [1], 'c': [1]}})
    with cpu_limit(5):
        assert not evaluate({'l': [{'a': 1, 'b': 1}, {'c': 1}] * 10_000}, pattern)


@pytest.mark.parametrize('operator', ['wildcard', 'anything-but'])
def test_a_wildcard_does_not_take_exponential_time(operator: str) -> None:
    stars = '*a*a*b'
    operand: Any = stars if operator == 'wildcard' else {'wildcard': stars}
    pattern = from_eventbridge({'f': [{operator: operand}]})
    with cpu_limit(2):
        assert evaluate({'f': 'a' * 10_000}, pattern) is (operator == 'anything-but')
