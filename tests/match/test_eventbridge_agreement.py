"""`evaluate`, a pattern set and `explain` agree on EventBridge patterns, for any event."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.errors import PatternError
from mega.match import Pattern, PatternSet, evaluate, explain
from mega.match.context import Context
from mega.match.eventbridge import from_eventbridge
from mega.match.eventbridge.matcher import EventPattern
from mega.match.eventbridge.parser import parse_event_pattern
from tests.match.eventbridge_cases import ANSWERED, EVENTS, patterns, set_of_all
from tests.match.strategies import MANY

NAMES = st.sampled_from(['a', 'b', 'c', 'd', 'a.b', '$or'])
SCALARS = st.sampled_from([None, True, False, 0, 1, 2.5, '', 'x', 'xy', 'Y', '1', '::1', '0::1'])
DRAWN_EVENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    ),
)
ITEMS = SCALARS | st.sampled_from(
    [
        case.pattern[name][index]
        for case in ANSWERED
        for name in case.pattern
        if isinstance(case.pattern[name], list) and name != '$or'
        for index in range(len(case.pattern[name]))
    ]
)
DRAWN_PATTERNS = st.dictionaries(
    NAMES.filter(lambda name: name != '$or'),
    st.recursive(
        st.lists(ITEMS, min_size=1, max_size=2),
        lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=2),
        max_leaves=3,
    ),
    min_size=1,
    max_size=2,
)
OR_PATTERNS = st.lists(DRAWN_PATTERNS, min_size=2, max_size=3).map(
    lambda branches: {'$or': branches}
)


@settings(max_examples=MANY // 4)  # each is of 200 pairs
@given(
    st.lists(DRAWN_PATTERNS | OR_PATTERNS, min_size=20, max_size=20),
    st.lists(DRAWN_EVENTS, min_size=10, max_size=10),
)
def test_evaluate_set_and_explain_agree(
    drawn: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    """Events contain arrays and names with dots, and the set grows between events."""
    known: list[Pattern] = []
    pattern_set: PatternSet[int] = PatternSet()
    for event in events:
        for source in drawn[len(known) : len(known) + 5]:
            with suppress(PatternError):
                known.append(from_eventbridge(source))
                pattern_set.add(known[-1], len(known) - 1)
        expected = [index for index, pattern in enumerate(known) if evaluate(event, pattern)]
        assert pattern_set.match(event) == expected
        assert [index for index, pattern in enumerate(known) if explain(event, pattern)] == expected
        copy = json.loads(json.dumps(event))
        assert [index for index, pattern in enumerate(known) if evaluate(copy, pattern)] == expected


# ── fields in one array, as every operator looks them up ──────────────────────────────────────────

TEXTS = st.text('aAbB.ſK', max_size=3)
OPERATORS = st.one_of(
    st.sampled_from([0, 1, 2**53 + 1, 'a', 'B', None, True, '10.0.0.1', '::1']),
    st.sampled_from(['prefix', 'suffix', 'equals-ignore-case']).flatmap(
        lambda name: TEXTS.map(lambda text: {name: text})
    ),
    st.sampled_from(['prefix', 'suffix']).flatmap(
        lambda name: TEXTS.map(lambda text: {name: {'equals-ignore-case': text}})
    ),
    st.tuples(TEXTS, TEXTS).map(lambda texts: {'wildcard': '*'.join(texts)}),
    TEXTS.map(lambda text: {'wildcard': f'*{text or "a"}*'}),
    st.sampled_from(
        [
            {'anything-but': 'a'},
            {'anything-but': [0, 1]},
            {'anything-but': {'prefix': ['a', 'B']}},
            {'numeric': ['>', 0]},
            {'numeric': ['>=', 0, '<', 2]},
            {'cidr': '10.0.0.0/8'},
            {'cidr': '::/64'},
            {'exists': True},
            {'exists': False},
        ]
    ),
)
VALUES: st.SearchStrategy[Any] = TEXTS | st.sampled_from(
    [0, 1, 2, 0.5, 2**53 + 1, 'a', 'B', None, True, '10.0.0.1', '10.00.1.1', '::1', '0::1', [], {}]
)
FIELDS = st.sampled_from(['x', 'y', 'z'])
IN_ARRAY = st.dictionaries(FIELDS, st.lists(OPERATORS, min_size=1, max_size=2), min_size=1)
ARRAY_PATTERNS = st.one_of(
    IN_ARRAY.map(lambda fields: {'a': fields}),
    IN_ARRAY.map(lambda fields: {'a': {'b': fields}}),
    st.tuples(IN_ARRAY, IN_ARRAY).map(lambda both: {'a': {'b': both[0], 'c': both[1]}}),
    st.tuples(IN_ARRAY, IN_ARRAY).map(lambda both: {'a': {**both[0], 'b': both[1]}}),
    st.tuples(IN_ARRAY, IN_ARRAY).map(lambda both: {'a': both[0], 'x': both[1].get('x', [0])}),
)
MEMBERS = st.dictionaries(
    FIELDS | st.sampled_from(['b', 'c', 'b.x', 'c.y']),
    st.recursive(VALUES, lambda inner: st.lists(inner, max_size=2), max_leaves=3)
    | st.dictionaries(FIELDS, VALUES)
    | st.lists(st.dictionaries(FIELDS, VALUES), max_size=3),
)
ARRAY_EVENTS = st.fixed_dictionaries(
    {'a': st.lists(MEMBERS | VALUES | st.lists(MEMBERS, max_size=2), max_size=4) | MEMBERS},
    optional={'x': VALUES, 'a.b': MEMBERS | st.lists(MEMBERS, max_size=2), 'a.x': VALUES},
)


@settings(max_examples=MANY // 4, deadline=None)
@given(
    st.lists(ARRAY_PATTERNS, min_size=30, max_size=30),
    st.lists(ARRAY_EVENTS, min_size=10, max_size=10),
)
def test_a_set_agrees_with_its_patterns_on_fields_of_objects_in_arrays(
    drawn: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    """Each pattern is in the set with two targets, and many members of an array are equal.

    `evaluate` also agrees with the tree of conditions, which it needs for few events only.
    """
    known: list[EventPattern] = []
    pattern_set: PatternSet[int] = PatternSet()
    for source in drawn:
        with suppress(PatternError):
            known += [parse_event_pattern(source)] * 2
            for target in (len(known) - 2, len(known) - 1):
                pattern_set.add(known[target], target)
    longer = [{**one, 'a': one['a'] * 6} for one in events if isinstance(one['a'], list)]
    for event in [*events, *longer]:
        context = Context(event)
        expected = [i for i, one in enumerate(known) if one.first_match(event, context)]
        assert [i for i, pattern in enumerate(known) if evaluate(event, pattern)] == expected
        assert pattern_set.match(event) == expected


def test_a_pattern_with_two_targets_is_delivered_to_both_for_an_event_with_arrays() -> None:
    pattern = from_eventbridge({'lines': {'sku': ['A'], 'gift': [{'exists': False}]}})
    pattern_set: PatternSet[str] = PatternSet()
    pattern_set.add(pattern, 'billing')
    pattern_set.add(pattern, 'archive')
    for place in range(5):
        pattern_set.add(from_eventbridge({'lines': {'sku': [f'B{place}']}}), f'other {place}')
    assert pattern_set.match({'lines': [{'sku': 'A'}, {'sku': 'B'}]}) == ['billing', 'archive']


@pytest.mark.no_cover
def test_a_set_of_all_patterns_agrees_with_each_pattern_on_the_corpus() -> None:
    for event in EVENTS:
        expected = [text for text, pattern in patterns().items() if evaluate(event, pattern)]
        assert set_of_all().match(event) == expected
