"""Hostile payloads: a set has the results of its patterns, in bounded time."""

from __future__ import annotations

import random
import re
import time
from typing import Any

import pytest

from mega.match import PatternSet, evaluate
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import (
    between,
    contains,
    gt,
    one_of,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)
from tests.match.steps import cost_of
from tests.match.test_hostile import EVERY_KIND, HOSTILE
from tests.match.test_hostile_vocabulary import Unhashable, UnhashableNumber
from tests.profile import amount

pytestmark = pytest.mark.no_cover  # large inputs; other tests cover the same lines


def is_set(lhs: object) -> bool:
    return lhs is True


@pytest.fixture(scope='module')
def every_kind() -> tuple[PatternSet[int], list[Any]]:
    """Patterns of every kind: of the payload, of a value in it, and of a member of an array."""
    patterns: PatternSet[int] = PatternSet()
    alone = [
        *EVERY_KIND,
        *({'a': rhs} for rhs in EVERY_KIND),
        *({'a': [rhs]} for rhs in EVERY_KIND),
    ]
    for place, pattern in enumerate(alone):
        patterns.add(pattern, place)
    return patterns, alone


@pytest.mark.parametrize('hostile', HOSTILE.values(), ids=HOSTILE.keys())
def test_a_set_has_a_result_for_every_hostile_payload(
    hostile: object, every_kind: tuple[PatternSet[int], list[Any]]
) -> None:
    patterns, alone = every_kind
    for lhs in (hostile, {'a': hostile}, {'a': [hostile]}):
        expected = [place for place, pattern in enumerate(alone) if evaluate(lhs, pattern)]
        assert patterns.match(lhs) == expected


def test_an_array_of_many_members_is_looked_up_in_bounded_time() -> None:
    """Equal members find each pattern only once."""
    patterns: PatternSet[int] = PatternSet()
    for place in range(1000):
        patterns.add({'a': contains(one_of(place, place + 1)), 'b': gt(0)}, place)
    assert patterns.match({'a': list(range(50_000)) * 2, 'b': 1}) == list(range(1000))
    assert patterns.match({'a': [7] * 100_000, 'b': 1}) == [6, 7]


def test_an_object_of_many_keys_is_looked_up_in_bounded_time() -> None:
    payload = {f'k{i}': i for i in range(100_000)}
    patterns: PatternSet[int] = PatternSet()
    for place in range(1000):
        patterns.add({f'k{place * 100}': between(place, place * 100)}, place)
    assert patterns.match(payload) == list(range(1000))


def test_a_text_of_a_mebibyte_is_looked_up_in_bounded_time() -> None:
    patterns: PatternSet[int] = PatternSet()
    for place in range(500):
        patterns.add({'a': prefix('x' * place)}, place)
        patterns.add({'a': suffix('y' * place, ignore_case=True)}, place)
    assert len(patterns.match({'a': 'x' * 2**20})) == 501


@pytest.mark.parametrize('value', ['a' * 56_000, 'ab' * 28_000, 'x.' * 28_000, '=' * 56_000])
def test_overlapping_substrings_are_looked_up_in_bounded_time(value: str) -> None:
    """A long text that contains the looked-up characters of all patterns at every place."""
    patterns: PatternSet[int] = PatternSet()
    alone: list[Any] = []
    for place in range(100):
        part = ('a' * place, 'ab' * place, f'aaa{place}', 'x.' * place)[place % 4]
        kinds = [substring(part), wildcard(f'*{part}*b*'), search(re.escape(part) + '[.b]')]
        alone += [{'a': kind} for kind in kinds]
    for place, pattern in enumerate(alone):
        patterns.add(pattern, place)
    started = time.process_time()
    found = patterns.match({'a': value})
    assert time.process_time() - started < 2
    assert found == [
        place for place, pattern in enumerate(alone) if evaluate({'a': value}, pattern)
    ]


@pytest.mark.parametrize('keys', [1, amount(100, 400)], ids=['one', 'many'])
def test_patterns_with_many_keys_do_not_multiply_the_index(keys: int) -> None:
    """Many patterns with equal conditions on many fields cannot be separated by a look-up."""
    chance = random.Random(keys)
    wanted = {f'k{i}': chance.choice([i, str(i), one_of(i, str(i), i + 1)]) for i in range(keys)}
    patterns: PatternSet[int] = PatternSet()
    for place in range(50):
        patterns.add(wanted, place)
    assert patterns.match({f'k{i}': i for i in range(keys)}) in ([], list(range(50)))
    assert patterns.match({f'k{i}': str(i) for i in range(keys)}) == list(range(50))


def test_patterns_of_more_shapes_than_are_cached_match_too() -> None:
    patterns: PatternSet[int] = PatternSet()
    for place in range(1500):
        patterns.add({f'k{place}': {'a': gt(place)}, 'b': is_set}, place)
    errors: list[Any] = []
    payload = {f'k{i}': {'a': i + i % 2} for i in range(1500)} | {'b': True}
    assert patterns.match(payload, errors) == list(range(1, 1500, 2))
    assert errors == []


def test_a_tree_has_a_limited_depth() -> None:
    pattern: Any = {'a': 1}
    payload: Any = {'a': 1}
    for _ in range(200):
        pattern, payload = {'k': pattern, 'x': 1}, {'k': payload, 'x': 1}
    patterns: PatternSet[int] = PatternSet()
    for place in range(20):
        patterns.add(pattern, place)
    assert patterns.match(payload) == list(range(20))


def test_a_number_or_text_that_is_not_hashable_is_looked_up_by_its_value() -> None:
    patterns: PatternSet[int] = PatternSet()
    for place in range(10):
        patterns.add({'a': place}, place)
        patterns.add({'a': f'x{place}'}, place)
        patterns.add({'a': contains(place)}, place)
    number, text = UnhashableNumber(5), Unhashable('x6')
    assert patterns.match({'a': number}) == [5]
    assert patterns.match({'a': text}) == [6]
    assert patterns.match({'a': [number, 7]}) == [5, 7]


def test_a_pattern_of_eventbridge_may_have_more_fields_than_python_recurses() -> None:
    names = [f'k{i}' for i in range(3000)]
    pattern = from_eventbridge({'l': {name: [1] for name in names}})
    patterns: PatternSet[int] = PatternSet()
    patterns.add(pattern, 0)
    for lhs, matches in (
        ({'l': [{'k0': 2}, dict.fromkeys(names, 1)]}, True),
        ({'l': [dict.fromkeys(names, 1) | {'k2999': 2}]}, False),
    ):
        assert evaluate(lhs, pattern) is matches
        assert patterns.match(lhs) == [0] * matches


def test_arrays_of_the_same_object_do_not_multiply() -> None:
    """An event of n arrays, each with one object twice, has 2**n ways to its innermost object."""
    levels = 14
    event: dict[str, Any] = {'x': 1}
    sources: list[dict[str, Any]] = [{'x': [target]} for target in range(5)]
    for _ in range(levels):
        event = {'a': [event] * 2}
        sources = [{'a': one} for one in sources]
    patterns: PatternSet[int] = PatternSet()
    for target, source in enumerate(sources):
        patterns.add(from_eventbridge(source), target)
    assert patterns.match(event) == [1]
    assert cost_of(lambda: patterns.match(event)).steps < 2**levels
