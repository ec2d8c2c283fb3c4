"""Patterns from EventBridge alone, in a set and explained say the same of any event."""

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
        case.pattern[name][place]
        for case in ANSWERED
        for name in case.pattern
        if isinstance(case.pattern[name], list) and name != '$or'
        for place in range(len(case.pattern[name]))
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
EITHER = st.lists(DRAWN_PATTERNS, min_size=2, max_size=3).map(lambda branches: {'$or': branches})


@settings(max_examples=MANY // 4)  # each is of 200 pairs
@given(
    st.lists(DRAWN_PATTERNS | EITHER, min_size=20, max_size=20),
    st.lists(DRAWN_EVENTS, min_size=10, max_size=10),
)
def test_all_ways_to_ask_agree(drawn: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    """On any event, whatever arrays and dots are in it, and while the set grows."""
    known: list[Pattern] = []
    chosen: PatternSet[int] = PatternSet()
    for event in events:
        for written in drawn[len(known) : len(known) + 5]:
            with suppress(PatternError):
                known.append(from_eventbridge(written))
                chosen.add(known[-1], len(known) - 1)
        expected = [place for place, pattern in enumerate(known) if evaluate(event, pattern)]
        assert chosen.match(event) == expected
        assert [place for place, pattern in enumerate(known) if explain(event, pattern)] == expected
        read = json.loads(json.dumps(event))
        assert [place for place, pattern in enumerate(known) if evaluate(read, pattern)] == expected


@pytest.mark.no_cover
def test_a_set_of_all_agrees_with_each_on_every_event_of_the_corpus() -> None:
    for event in EVENTS:
        expected = [text for text, pattern in patterns().items() if evaluate(event, pattern)]
        assert set_of_all().match(event) == expected
