"""Array consistency: fields of objects in an array match in the same object.

A naive search, which tries all members of all arrays, has the same results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.errors import PatternError
from mega.match import PatternSet, evaluate, explain
from mega.match.context import Context
from mega.match.eventbridge import from_eventbridge
from mega.match.eventbridge.matcher import EventPattern, FieldCondition
from tests.profile import amount

Members = dict[int, int]
"""The index of the chosen member, by the id of the array."""

NAMES = st.sampled_from(['a', 'b', 'c'])
SCALARS = st.sampled_from([1, 2, 'x', None])
EVENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=12,
    ),
)
ITEMS = SCALARS | st.sampled_from([{'exists': False}, {'exists': True}, {'anything-but': 1}])
PATTERNS = st.dictionaries(
    NAMES,
    st.recursive(
        st.lists(ITEMS, min_size=1, max_size=2),
        lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3),
        max_leaves=5,
    ),
    min_size=1,
)


def flat(value: Any, path: str, members: Members) -> Iterator[tuple[str, Any, Members]]:
    """Yield all scalars, each with its path and the members of arrays on the way."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f'{path}.{name}' if path else name, members)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            is_container = isinstance(inner, (dict, list))
            yield from flat(inner, path, {**members, id(value): index} if is_container else members)
    else:
        yield path, value, members


def is_consistent(
    conditions: Sequence[FieldCondition],
    scalars: Sequence[tuple[str, Any, Members]],
    chosen: Members,
) -> bool:
    """Search for members of arrays in which all conditions hold, in the order of their names."""
    if not conditions:
        return True
    first, *others = conditions
    compatible = [
        (value, members)
        for path, value, members in scalars
        if path == first.name
        and all(chosen.get(array, index) == index for array, index in members.items())
    ]
    if not compatible:
        return first.values.accepts_missing and is_consistent(others, scalars, chosen)
    return any(
        is_consistent(others, scalars, {**chosen, **members})
        for value, members in compatible
        if first.values.accepts(value, Context(None))
    )


@settings(max_examples=amount(100, 3_000))
@given(PATTERNS, st.lists(PATTERNS, max_size=2), st.lists(EVENTS, min_size=5, max_size=5))
def test_a_search_through_all_members_has_the_same_result(
    pattern: dict[str, Any], branches: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    if len(branches) > 1:
        pattern = {**pattern, '$or': branches}
    compiled = from_eventbridge(pattern)
    assert isinstance(compiled, EventPattern)
    patterns: PatternSet[int] = PatternSet()
    patterns.add(compiled, 1)
    for event in events:
        scalars = list(flat(event, '', {}))
        expected = any(is_consistent(one, scalars, {}) for one in compiled.combinations)
        assert evaluate(event, compiled) is expected
        assert bool(explain(event, compiled)) is expected
        assert patterns.match(event) == [1] * expected


SPELLINGS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({'a': {'b': [1]}}, {'a.b': [1, 2]}, True),
    ({'a': {'b': [1], 'c': [2]}}, {'a.b': 1, 'a': [{'c': 2}]}, True),
    ({'a': {'b': [1], 'c': [2]}}, {'a': {'b': [1]}, 'a.c': [2]}, True),
    ({'a': {'b': [1], 'c': [2]}}, {'a': [{'b': 1}, {'c': 2}], 'a.c': 2}, True),
    ({'a': {'b': [1], 'c': [2]}}, {'a': [{'b': 1}, {'c': 2}], 'a.c': 3}, False),
    ({'a': {'b': {'c': [1], 'd': [2]}}}, {'a.b': [{'c': 1}, {'d': 2}]}, False),
    ({'a': {'b': {'c': [1], 'd': [2]}}}, {'a.b': [{'c': 1, 'd': 2}], 'a': {'b': [3]}}, True),
    ({'a': {'b': {'c': [1], 'd': [2]}}}, {'a.b.c': 1, 'a': [{'b.d': [3]}, {'b.d': [2]}]}, True),
    ({'a': [1], 'a.b': [2]}, {'a': [1], 'a.b': [2]}, True),
    ({'a': {'b': [1, 2]}, 'c': [1]}, {'a': {'b': 3}, 'a.b': 1, 'c': [1]}, False),
    ({'a': {'b': [1]}}, {'a': 5, 'a.b': [1]}, True),
    ({'a': {'b': [1]}}, {'a': {'x': 1}, 'a.b': [[1]]}, True),
    ({'a': {'b': [{'exists': False}]}}, {'a': [{'c': 1}], 'a.b': [3]}, False),
    ({'a': {'b': [{'exists': False}]}}, {'a': [{'c': 1}], 'a.b': []}, True),
    ({'a': {'b': {'x': [5]}}}, {'a': {'b': {'x': 5}}, 'a.b': [{'x': 2}]}, True),
    ({'a': {'b': {'x': [2]}}}, {'a': {'b': {'x': 5}}, 'a.b': [{'x': 2}]}, False),
    ({'a': {'b': {'x': [5], 'y': [3]}}}, {'a.b': [{'x': 2, 'y': 3}], 'a': {'b': {'x': 5}}}, True),
    ({'a': {'b': {'x': [2], 'y': [3]}}}, {'a.b': [{'x': 2, 'y': 3}], 'a': {'b': {'x': 5}}}, False),
    (
        {'a': {'b': {'x': [5], 'y': [3], 'z': [4]}}},
        {'a': {'b': {'x': 5}}, 'a.b': [{'y': 3, 'z': 4}]},
        True,
    ),
    (
        {'$or': [{'a': {'c': [1], 'd': [2]}}, {'a': {'b': {'x': [5]}}}]},
        {'a': {'b': {'x': 5}, 'c': [1], 'd': [3]}, 'a.b': [{'x': 2}]},
        True,
    ),
    ({'a': {'b': [5], 'b.c': [1]}}, {'a': {'b': 5}, 'a.b': [{'c': 1}]}, True),
    ({'a': {'x': [2]}}, {'a': [{'x': 1}], 'a.x': 2}, True),
    ({'a': {'x': [2], 'y': [1]}}, {'a': [{'x': 1, 'y': 1}], 'a.x': 2}, True),
    ({'a': {'b': {'c': [2]}}}, {'a': [{'b': {'c': 1}, 'b.c': 2}]}, True),
    ({'a': {'b': {'x': [1]}}}, {'a': [{'b.x': {}}], 'a.b.x': 1}, True),
    ({'a': {'b': {'x': [1]}}}, {'a': {'c': 1}, 'a.b': 3, 'a.b.x': 1, 'a.c': 2, 'a.d': 4}, True),
    ({'a': {'b': {'x': [1]}, 'c': [1]}}, {'a': [{}], 'a.c': [1], 'a.b.x': 1, 'a.d': 4}, True),
    ({'a': {'b': {'c': [2]}, 'd': [3]}}, {'a': [{'b': {'c': 1}, 'b.c': 2, 'd': 3}]}, True),
]


@pytest.mark.parametrize(('pattern', 'event', 'matches'), SPELLINGS)
def test_a_name_with_dots_is_a_path_also_beside_arrays(
    pattern: dict[str, Any], event: dict[str, Any], matches: bool
) -> None:
    compiled = from_eventbridge(pattern)
    patterns: PatternSet[int] = PatternSet()
    patterns.add(compiled, 1)
    assert evaluate(event, compiled) is matches
    assert bool(explain(event, compiled)) is matches
    assert patterns.match(event) == [1] * matches


TWICE = st.recursive(
    st.dictionaries(
        st.sampled_from(['x', 'y', 'z', 'y.z']), st.sampled_from([1, 2, 3, [1, 2], []])
    ),
    lambda inner: st.lists(inner | st.sampled_from([1, 2]), max_size=3),
    max_leaves=4,
)
SPELLED_TWICE = st.permutations(['a', 'a.b', 'a.b.x', 'a.y']).flatmap(
    lambda names: st.fixed_dictionaries(
        {},
        optional={
            name: TWICE
            if name != 'a'
            else st.fixed_dictionaries({'b': TWICE}, optional={'b.y': TWICE, 'y': TWICE})
            | st.lists(st.fixed_dictionaries({}, optional={'b': TWICE, 'b.x': TWICE}), max_size=2)
            for name in names
        },
    )
)
WANTED = st.lists(
    st.sampled_from([1, 2, 3, {'exists': False}, {'exists': True}, {'anything-but': 1}]),
    min_size=1,
    max_size=2,
)
BRANCHES = st.lists(
    st.dictionaries(
        st.sampled_from(['a.b.x', 'a.b.y', 'a.b.z', 'a.y', 'a.b']), WANTED, min_size=1, max_size=3
    ),
    min_size=2,
    max_size=3,
)


@settings(max_examples=amount(100, 3_000))
@given(BRANCHES, st.lists(SPELLED_TWICE, min_size=5, max_size=5))
def test_evaluate_explain_and_a_set_agree_on_events_with_two_values_at_a_path(
    branches: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    """An `$or` matches exactly if one of its branches does.

    A nested scalar that is in no array decides about its field, whatever the other fields are.
    """
    sources = [*branches, {'$or': branches}]
    compiled = [from_eventbridge(source) for source in sources]
    patterns: PatternSet[int] = PatternSet()
    for place, pattern in enumerate(compiled):
        patterns.add(pattern, place)
    for event in events:
        results = [evaluate(event, pattern) for pattern in compiled]
        assert results[-1] is any(results[:-1])
        assert [bool(explain(event, pattern)) for pattern in compiled] == results
        assert patterns.match(event) == [place for place, holds in enumerate(results) if holds]
        for branch, holds in zip(branches, results, strict=False):
            nested = {path for path in branch if is_nested_scalar(event, path)}
            parts = [{path: branch[path]} for path in nested]
            parts.append({path: branch[path] for path in branch if path not in nested})
            assert holds is all(evaluate(event, from_eventbridge(one)) for one in parts if one)


def is_nested_scalar(event: Any, path: str) -> bool:
    for name in path.split('.'):
        event = event.get(name) if isinstance(event, dict) else None
    return isinstance(event, int)


def test_an_array_within_itself_has_the_scalars_of_one_turn() -> None:
    array: list[Any] = [{'b': 1}, 2]
    array.append(array)
    assert evaluate({'a': array}, from_eventbridge({'a': {'b': [1]}, 'c': [{'exists': False}]}))
    assert evaluate({'a': array}, from_eventbridge({'a': [2]}))
    assert not explain({'a': array}, from_eventbridge({'a': {'b': [3]}}))


def test_arrays_may_be_nested_deeper_than_python_recurses() -> None:
    value: Any = {'b': 1, 'c': 2}
    for _ in range(5_000):
        value = [value]
    assert evaluate({'a': value}, from_eventbridge({'a': {'b': [1], 'c': [2]}}))
    assert not evaluate({'a': value}, from_eventbridge({'a': {'b': [1], 'c': [3]}}))


def test_a_path_of_more_than_a_hundred_names_is_refused() -> None:
    assert evaluate({'.'.join('a' * 100): [1]}, from_eventbridge({'.'.join('a' * 100): [1]}))
    with pytest.raises(PatternError, match='nested deeper than 100 levels'):
        from_eventbridge({'.'.join('a' * 101): [1]})
