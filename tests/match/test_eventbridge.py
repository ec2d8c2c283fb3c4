"""EventBridge's event patterns, with AWS's meaning: a corpus of cases, and what holds for all."""

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
from tests.hostile import within
from tests.match.eventbridge_cases import ANSWERED, REFUSED, Case, each, patterns, set_of_all

# ── the corpus ───────────────────────────────────────────────────────────────────────────────────


@each(ANSWERED)
def test_answers_as_eventbridge_does(case: Case) -> None:
    """Alone, in a set of all patterns, and explained; and the event is left as it was."""
    pattern, event = from_eventbridge(case.pattern), copy.deepcopy(case.event)
    assert evaluate(event, pattern) is case.matches
    is_found = json.dumps(case.pattern) in set_of_all().match(event)
    assert is_found is case.matches
    why = explain(event, pattern)
    assert why.matches is case.matches
    assert (why.reason is None) is case.matches
    assert str(why)
    assert json.dumps(event) == json.dumps(case.event)


@pytest.mark.no_cover
@each(ANSWERED)
def test_is_a_pattern_as_any_other(case: Case) -> None:
    """It is negated, combined, nested under a key, and its `repr` is the code that builds it."""
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
@each(ANSWERED)
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


@each(REFUSED)
def test_refuses_what_aws_refuses(case: Case) -> None:
    """When the pattern is declared, with the path of what is wrong."""
    with pytest.raises(PatternError) as caught:
        from_eventbridge(case.pattern)
    if case.path is not None:
        assert caught.value.path == case.path
    assert caught.value.path.startswith(case.within)


def test_stands_in_a_set_beside_other_patterns() -> None:
    chosen: PatternSet[str] = PatternSet()
    chosen.add({'state': 'sent', 'size': gt(5)}, 'ours')
    chosen.add(from_eventbridge({'state': ['sent', 'seen'], 'size': [5, 7]}), 'theirs')
    chosen.add(or_({'state': 'lost'}, from_eventbridge({'size': [{'exists': False}]})), 'both')
    assert chosen.match({'state': 'sent', 'size': 7}) == ['ours', 'theirs']
    assert chosen.match({'state': 'seen', 'size': 5}) == ['theirs']
    assert chosen.match({'state': 'sent', 'size': '7'}) == ['ours']
    assert chosen.match({'state': 'seen'}) == ['both']


def test_matches_a_payload() -> None:
    payload = (
        PayloadBuilder()
        .with_event(name='order:sent', domain='shop', quantity=7)
        .with_object(type='order', current={'lines': [{'sku': 'A', 'n': 1}, {'sku': 'B', 'n': 2}]})
        .build()
    )
    wanted: dict[str, Any] = {
        'event': {'name': [{'prefix': 'order:'}], 'subject': [{'exists': False}]}
    }
    lines = {'object': {'current': {'lines': {'sku': ['A'], 'n': [2]}}}}
    assert evaluate(payload, from_eventbridge(wanted))
    assert not evaluate(payload, from_eventbridge(lines))


# ── events and patterns that JSON does not know ──────────────────────────────────────────────────


@pytest.mark.parametrize('event', [[], ['a'], 'a', '', 5, True, None, [{'a': 1}]], ids=repr)
def test_what_is_no_object_does_not_match(event: object) -> None:
    assert not evaluate(event, from_eventbridge({'a': [{'exists': False}]}))
    assert not evaluate(event, from_eventbridge({'a': [1]}))
    assert not explain(event, from_eventbridge({'a': [{'anything-but': 1}]}))


def test_a_tuple_in_an_event_is_an_array() -> None:
    pattern = from_eventbridge({'l': {'sku': ['A'], 'n': [2]}})
    assert evaluate({'l': ({'sku': 'A', 'n': (1, 2)},)}, pattern)
    assert not evaluate({'l': ({'sku': 'A'}, {'n': 2})}, pattern)


def test_one_list_in_two_places_of_an_event_is_two_arrays() -> None:
    """As it would be after the event went through JSON."""
    pattern = from_eventbridge({'p': {'x': [1]}, 'q': {'x': [2]}})
    shared = [{'x': 1}, {'x': 2}]
    assert evaluate({'p': shared, 'q': shared}, pattern)
    in_turn = from_eventbridge({'l': {'p': {'x': [1]}, 'q': {'x': [2]}}})
    assert evaluate({'l': [{'p': shared, 'q': shared}]}, in_turn)


ODD_VALUES: list[Any] = [
    float('nan'), float('inf'), -float('inf'), Decimal('5.5'), Decimal('NaN'), b'a', {'a', 1},
    bytearray(b'a'), datetime(2020, 5, 4), datetime(2020, 5, 4, tzinfo=timezone.utc), UUID(int=1),
    object(), 10**5_000, '\ud800', '\x00', 'a' * 10_000, {1: 2}, {None: {'a': 1}}, {'': 1},
    {'.': {'.': 1}}, ({'a': 1},), [[[]]], {'a': {'a': [{'a': [[{'a': 1}]]}]}},
]  # fmt: skip


@pytest.mark.parametrize('value', ODD_VALUES, ids=range(len(ODD_VALUES)))
def test_odd_values_are_answered_and_all_agree(value: object) -> None:
    """Where every pattern of the corpus looks."""
    names = {key for case in ANSWERED if isinstance(case.event, dict) for key in case.event}
    for event in (dict.fromkeys(names, value), {name: [value, value] for name in names}, value):
        expected = [text for text, pattern in patterns().items() if evaluate(event, pattern)]
        assert set_of_all().match(event) == expected
        assert [text for text, pattern in patterns().items() if explain(event, pattern)] == expected


@pytest.mark.parametrize('kind', ['object', 'list', 'both'])
def test_an_event_may_be_nested_deeper_than_python_recurses(kind: str) -> None:
    value: object = 'x'
    for level in range(5_000):
        value = {'a': value} if kind == 'object' or (kind == 'both' and level % 2) else [value]
    event = {'a': value, 'b': 1}
    assert evaluate(event, from_eventbridge({'b': [1]}))
    assert not evaluate(event, from_eventbridge({'c': [1]}))
    asked = evaluate(event, from_eventbridge({'a': [{'exists': True}]}))
    assert set_of_all().match(event) is not None
    assert asked is explain(event, from_eventbridge({'a': [{'exists': True}]})).matches


NO_JSON: list[tuple[str, Any, str]] = [
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
    ('one of our own patterns', {'a': [gt(5)]}, 'a[0]'),
    ('one of our own patterns for a field', {'a': gt(5)}, 'a'),
    ('a name that is no text', {1: ['a']}, ''),
    ('a name below that is no text', {'a': {None: ['a']}}, 'a'),
    ('an operator that is no text', {'a': [{1: 'a'}]}, 'a[0]'),
    ('bytes instead of a pattern', b'{"a": [1]}', ''),
]  # fmt: skip


@pytest.mark.parametrize(
    ('pattern', 'path'), [pytest.param(*rest, id=name) for name, *rest in NO_JSON]
)
def test_refuses_what_json_does_not_know(pattern: Any, path: str) -> None:
    with pytest.raises(PatternError) as caught:
        from_eventbridge(pattern)
    assert caught.value.path.startswith(path)


def test_numbers_may_be_longer_than_any_double() -> None:
    pattern = from_eventbridge({'id': [10**400]})
    assert evaluate({'id': 10**400}, pattern)
    assert not evaluate({'id': 10**400 + 1}, pattern)
    assert not evaluate({'id': float('inf')}, pattern)
    for operand in ({'numeric': ['>', 10**400]}, {'anything-but': 10**400}):
        with pytest.raises(PatternError):
            from_eventbridge({'id': [operand]})


@pytest.mark.parametrize('through', ['object', 'array', 'branch', 'what is read after an error'])
def test_refuses_a_pattern_that_contains_itself(through: str) -> None:
    pattern: dict[str, Any] = {'b': [1]}
    if through == 'branch':
        pattern['$or'] = [pattern, {'c': [1]}]
    elif through == 'what is read after an error':
        pattern |= {'b': 1, 'a': pattern}
    else:
        pattern['a'] = pattern if through == 'object' else [pattern]
    with pytest.raises(PatternError):
        from_eventbridge(pattern)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


def test_arrays_that_are_independent_are_not_multiplied() -> None:
    """Four arrays have 10**12 choices of members; the first of each is as good as any."""
    wanted: dict[str, Any] = {name: {'x': [1]} for name in 'pqrs'}
    event: dict[str, Any] = {name: [{'x': 1}] * 1_000 for name in 'pqrs'}
    with within(2):
        assert evaluate(event | {'z': 1}, from_eventbridge(wanted | {'z': [1]}))
        assert not evaluate(event | {'z': 2}, from_eventbridge(wanted | {'z': [1]}))
        assert not evaluate(event, from_eventbridge(wanted | {'z': {'x': [1]}}))


def test_an_array_as_long_as_a_message_is_answered_soon() -> None:
    """As many members as 256 KiB hold, each of which has all but one of the fields."""
    pattern = from_eventbridge({'l': {'a': [1], 'b': [1], 'c': [1]}})
    with within(5):
        assert not evaluate({'l': [{'a': 1, 'b': 1}, {'c': 1}] * 10_000}, pattern)


@pytest.mark.parametrize('operator', ['wildcard', 'anything-but'])
def test_a_wildcard_takes_no_exponential_time(operator: str) -> None:
    stars = '*a*a*b'
    operand: Any = stars if operator == 'wildcard' else {'wildcard': stars}
    pattern = from_eventbridge({'f': [{operator: operand}]})
    with within(2):
        assert evaluate({'f': 'a' * 10_000}, pattern) is (operator == 'anything-but')
