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
from mega.match.eventbridge import from_eventbridge
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


@pytest.mark.no_cover
def test_a_set_of_all_patterns_agrees_with_each_pattern_on_the_corpus() -> None:
    for event in EVENTS:
        expected = [text for text, pattern in patterns().items() if evaluate(event, pattern)]
        assert set_of_all().match(event) == expected
