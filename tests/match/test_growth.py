"""Hostile payloads: time and memory grow as the payload does, counted in steps and in bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest

from mega.match import Pattern, PatternSet, explain
from mega.match.context import Context
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import (
    any_,
    between,
    contains,
    contains_all,
    every,
    exactly,
    field,
    gt,
    json_text,
    none_of,
    not_,
    one_of,
    or_,
    prefix,
    substring,
    wildcard,
)
from mega.match.pattern import compile_pattern
from tests.match.steps import Cost, cost_of

pytestmark = pytest.mark.no_cover  # counting replaces the tracer of coverage

LITTLE = 40
"""The steps and bytes that do not depend on a size are at most as for this many members."""

Make = Callable[[int], Any]
"""Makes a pattern or a payload of a size."""


def deep(levels: int, value: Any) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def is_at_most_doubled(small: Cost, large: Cost) -> bool:
    """Return whether twice the size costs at most twice as much; 4 if the growth is quadratic."""
    return large.steps < 2.5 * small.steps and large.memory < 2.5 * small.memory + 4_000


def costs(pattern: Any, payload: Any) -> list[Cost]:
    """The costs of a match, of a match in a set, and of an explanation."""
    compiled = compile_pattern(pattern)
    patterns: PatternSet[int] = PatternSet()
    for target in range(5):
        patterns.add(compiled if target else {'other': 1}, target)
    context = Context(payload)
    return [
        cost_of(lambda: compiled.accepts(payload, context)),
        cost_of(lambda: patterns.match(payload)),
        cost_of(lambda: explain(payload, compiled)),
    ]


# ── EventBridge ──────────────────────────────────────────────────────────────────────────────────

EC2 = from_eventbridge(
    {
        'detail': {
            'instance': ['i-1'],
            'state': {'code': [16], 'name': ['running']},
            'tags': ['x'],
        }
    }
)
OF_TWO_ARRAYS = from_eventbridge(
    {
        'a': {
            'b': {'v': [1], 'w': [{'exists': False}], 'x': [1], 'y': [1, {'exists': False}]},
            'c': [1],
            'd': [{'exists': False}],
        }
    }
)
AROUND = from_eventbridge({'a': {'x': [1], 'y': [2], 'z': [{'exists': False}, 3]}})
DOTTED = from_eventbridge({'a': {'b': {'c': [1], 'd': [2]}, 'e': [3]}})

EVENTS: dict[str, tuple[Pattern, Make]] = {
    'two nested arrays': (
        EC2,
        lambda n: {
            'detail': [
                {'instance': 'i-1', 'state': [{'code': 16}, {'name': 'running'}] * 3}
                for _ in range(n)
            ]
        },
    ),
    'a long array in an array': (
        EC2,
        lambda n: {
            'detail': [{'instance': 'i-1', 'state': [{'code': 16}, {'name': 'running'}] * n}]
        },
    ),
    'fields that may be missing': (
        OF_TWO_ARRAYS,
        lambda n: {
            'a': [
                {'b': [{'v': 1}, {'x': 1}, {'v': 1, 'w': 1}, {'v': 1, 'x': 1, 'y': 2}], 'c': 1}
                for _ in range(n)
            ]
        },
    ),
    'arrays around objects': (
        AROUND,
        lambda n: {'a': deep(n, [{'x': 1}, {'y': 2}, {'x': 1, 'y': 2, 'z': 4}] * n)},
    ),
    'arrays that all have a scalar': (AROUND, lambda n: {'a': scalars_at_every_level(n)}),
    'names with dots': (
        DOTTED,
        lambda n: {
            'a': [{'b': [{'c': 1}, {'d': 2}], 'b.c': 1} for _ in range(n)],
            'a.b': [{'c': 1}, {'d': 2}] * n,
            'a.e': 4,
            **{f'a.b.{i}': i for i in range(n)},
        },
    ),
    'a long name with dots': (DOTTED, lambda n: {'a': [{'b.' * n: 1}], 'a.' * n: 1, 'a.b': []}),
}


def scalars_at_every_level(levels: int) -> Any:
    value: Any = [{'x': 1}]
    for _ in range(levels):
        value = [1, {'y': 2}, value]
    return value


@pytest.mark.parametrize(('pattern', 'event'), EVENTS.values(), ids=EVENTS.keys())
def test_an_event_of_twice_the_size_costs_twice_as_much(pattern: Pattern, event: Make) -> None:
    small, large = costs(pattern, event(LITTLE)), costs(pattern, event(2 * LITTLE))
    assert list(map(is_at_most_doubled, small, large)) == [True] * 3


def branches(n: int) -> Pattern:
    """N combinations that all hold for one field of an array, and that none fulfils."""
    return from_eventbridge(
        {'a': {'x': [1]}, '$or': [{'a': {'y': [i], 'z': [2]}} for i in range(n)]}
    )


def test_the_branches_of_or_cost_no_more_than_the_length_of_their_pattern() -> None:
    def event(n: int) -> Any:
        return {'a': [{'x': 1, 'y': i} for i in range(n)] + [{'z': 2}] * n}

    small = costs(branches(LITTLE), event(LITTLE))
    large = costs(branches(2 * LITTLE), event(2 * LITTLE))
    assert list(map(is_at_most_doubled, small[:2], large[:2])) == [True] * 2


def combinations(*names: str) -> list[Pattern]:
    """Patterns for every combination of four values of the fields with these dotted names."""
    patterns = []
    for values in product(range(4), repeat=len(names)):
        pattern: dict[str, Any] = {}
        for name, value in zip(names, values, strict=True):
            *parents, last = name.split('.')
            parent = pattern
            for one in parents:
                parent = parent.setdefault(one, {})
            parent[last] = [value]
        patterns.append(from_eventbridge(pattern))
    return patterns


def objects(name: str, n: int) -> list[dict[str, int]]:
    return [{name: i % 4} for i in range(n)]


def operators() -> list[Pattern]:
    """Patterns of fields of `a`, and of a name beside it, with other operators than equality."""
    patterns = []
    for place in range(24):
        texts = [{'wildcard': '*ab*'}, {'suffix': {'equals-ignore-case': 'b'}}, {'exists': False}]
        fields: dict[str, Any] = {'x': [1, {'prefix': 'ab'}], 'y': [place, 1], 'z': texts}
        for name in ('', 'y', 'z', 'x')[place % 4]:
            del fields[name]
        beside = {'name': [{'wildcard': f'*{place}b*'}, place]} if place % 3 else {}
        patterns.append(from_eventbridge({'a': fields, **beside}))
    return patterns


OPERATORS = operators()

SETS: dict[str, tuple[list[Pattern], Make]] = {
    'two arrays': (
        combinations('a.x', 'b.y'),
        lambda n: {'a': objects('x', n), 'b': objects('y', n)},
    ),
    'three arrays': (
        combinations('a.x', 'b.y', 'c.z'),
        lambda n: {'a': objects('x', n), 'b': objects('y', n), 'c': objects('z', n)},
    ),
    'arrays inside one object': (
        combinations('o.a.x', 'o.b.y'),
        lambda n: {'o': {'a': objects('x', n), 'b': objects('y', n)}},
    ),
    'arrays inside one member of an array': (
        combinations('o.a.x', 'o.b.y'),
        lambda n: {'o': [{'a': objects('x', n), 'b': objects('y', n)}]},
    ),
    'an array of objects, and an array of scalars': (
        combinations('a.x', 'b'),
        lambda n: {'a': objects('x', n), 'b': [i % 4 for i in range(n)]},
    ),
    'arrays of scalars': (
        combinations('a', 'b'),
        lambda n: {'a': [i % 4 for i in range(n)], 'b': [i % 4 for i in range(n)]},
    ),
    'one array': (
        combinations('a.x', 'a.y'),
        lambda n: {'a': [{'x': i % 4, 'y': i % 3} for i in range(n)]},
    ),
    'an array inside an array': (
        combinations('a.x', 'a.b.y'),
        lambda n: {'a': [{'x': 1, 'b': objects('y', n)}]},
    ),
    'names with dots': (
        combinations('a.x', 'b.y'),
        lambda n: {'a': objects('x', n), 'a.x': [*range(n)], 'b.y': [*range(n)]},
    ),
    'arrays inside the members of an array': (
        combinations('o.a.x', 'o.z'),
        lambda n: {
            'o': [{'a': [{'x': i % 4, 'y': i % 3}] * 3, 'z': i % 4, f'k{i}': 1} for i in range(n)]
        },
    ),
    'anything but one of many texts': (
        [from_eventbridge({'a': [{'anything-but': f'v{i}'}]}) for i in range(20)],
        lambda n: {'a': [f'v{i}' for i in range(n)]},
    ),
    'equal members': (OPERATORS, lambda n: {'a': [{'x': 1, 'y': 1, 'z': 'ab'}] * n}),
    'members with different fields': (
        OPERATORS,
        lambda n: {'a': [{'x': 1}, {'y': 1, 'z': 'ab'}] * n},
    ),
    'members with arrays': (
        OPERATORS,
        lambda n: {'a': [{'x': [1] * 9, 'y': [2, 1]}] * n, 'name': [*range(n)]},
    ),
    'many names beside an array': (
        OPERATORS,
        lambda n: {'a': [{'x': 1, 'y': 1}] * n, **{f'k{i}': i for i in range(n)}},
    ),
    'many names in every member': (
        OPERATORS,
        lambda n: {
            'a': [{'x': 1, 'y': i, **{f'k{j}': j for j in range(50)}} for i in range(n)],
            'name': 5,
        },
    ),
    'a name with dots beside an array': (
        OPERATORS,
        lambda n: {'a': [{'x': 1}] * n, 'a.y': [1] * n},
    ),
    'texts in members': (OPERATORS, lambda n: {'a': [{'x': 'ab' * 9, 'z': 'Ab' * 9}] * n}),
    'an array beside members': (
        OPERATORS,
        lambda n: {'a': [{'x': 1, 'y': i} for i in range(n)], 'name': [f'{i}b' for i in range(n)]},
    ),
}


@pytest.mark.parametrize(('patterns', 'event'), SETS.values(), ids=SETS.keys())
def test_a_set_matches_an_event_of_twice_the_size_at_twice_the_cost(
    patterns: list[Pattern], event: Make
) -> None:
    """The arrays are so long that a second look-up for each member would cost the most."""
    pattern_set: PatternSet[int] = PatternSet()
    for target, pattern in enumerate(patterns):
        pattern_set.add(pattern, target)
    sizes = 2 * LITTLE, 4 * LITTLE
    small, large = (cost_of(partial(pattern_set.match, event(n))) for n in sizes)
    assert is_at_most_doubled(small, large)


PREFIXES: dict[str, tuple[Callable[[str], object], Callable[[str], object]]] = {
    'objects in an array': (
        lambda start: from_eventbridge({'a': {'x': [{'prefix': start}]}}),
        lambda text: {'x': text},
    ),
    'scalars in an array': (
        lambda start: from_eventbridge({'a': [{'prefix': start}]}),
        lambda text: text,
    ),
    'members of a list': (lambda start: {'a': contains(prefix(start))}, lambda text: text),
}


@pytest.mark.parametrize(('pattern', 'member'), PREFIXES.values(), ids=PREFIXES.keys())
def test_memory_does_not_multiply_if_every_member_finds_every_pattern(
    pattern: Callable[[str], object], member: Callable[[str], object]
) -> None:
    def memory(n: int) -> int:
        patterns: PatternSet[int] = PatternSet()
        for length in range(1, n):
            patterns.add(pattern('v' * length), length)
        payload = {'a': [member('v' * n) for _ in range(n)]}
        return cost_of(lambda: patterns.match(payload)).memory

    small, large = memory(2 * LITTLE), memory(4 * LITTLE)
    assert large < 2.5 * small


# ── lists of values ──────────────────────────────────────────────────────────────────────────────


def values(n: int) -> list[Any]:
    """Return n values of every kind; each equals a value of an array below."""
    return [(i, f'v{i}', i + 0.5)[i % 3] for i in range(n)]


LISTS: dict[str, Make] = {
    'a list': lambda n: values(n),
    'not a list': lambda n: not_(values(n)),
    'contains one of': lambda n: contains(one_of(*values(n))),
    'contains none of': lambda n: contains(none_of('x', 'y', *values(n))),
    'contains a list': lambda n: contains(values(n)),
    'every one of': lambda n: every(one_of('x', 'y', *values(n))),
    'contains all': lambda n: contains_all(*values(n), 'z'),
    'contains any of': lambda n: contains(or_(*values(n))),
}
ARRAYS: dict[str, Make] = {
    'none in the list': lambda n: ['x', 'y'] * n,
    'all in the list': lambda n: values(n),
    'in the opposite order': lambda n: values(n)[::-1],
}


@pytest.mark.parametrize('array', ARRAYS.values(), ids=ARRAYS.keys())
@pytest.mark.parametrize('pattern', LISTS.values(), ids=LISTS.keys())
def test_a_list_of_values_costs_no_more_than_one_value(pattern: Make, array: Make) -> None:
    """The list and the array are both twice as long: the cost is twice, not four times as much."""
    small = costs({'a': pattern(LITTLE)}, {'a': array(LITTLE)})
    large = costs({'a': pattern(2 * LITTLE)}, {'a': array(2 * LITTLE)})
    assert list(map(is_at_most_doubled, small[:2], large[:2])) == [True] * 2


EVENT_LISTS: dict[str, Make] = {
    'values': values,
    'anything but': lambda n: [{'anything-but': [f'v{i}' for i in range(n)]}],
    'anything but numbers': lambda n: [{'anything-but': [*range(n)]}],
}


@pytest.mark.parametrize('items', EVENT_LISTS.values(), ids=EVENT_LISTS.keys())
def test_a_list_in_an_event_pattern_costs_no_more_than_one_value(items: Make) -> None:
    def event(n: int) -> Any:
        return {'a': [['v0', 0], *[f'v{i}' for i in range(n)], *range(n)], 'b': [{'c': 1}]}

    def pattern(n: int) -> Pattern:
        return from_eventbridge({'a': items(n), 'b': {'c': [2]}})

    small, large = (costs(pattern(n), event(n)) for n in (LITTLE, 2 * LITTLE))
    assert list(map(is_at_most_doubled, small[:2], large[:2])) == [True] * 2


# ── other functions ──────────────────────────────────────────────────────────────────────────────

TEXT = ''.join(['b?' * 20, 'c'])
OTHERS: dict[str, tuple[Any, Make]] = {
    'two texts of the payload': (
        {'a': contains(between(field('low'), field('high')))},
        lambda n: {'low': 'x' * n, 'high': 'x' * n + 'y', 'a': [''] * n},
    ),
    'a field that is an array': (
        {'a': contains(field('b'))},
        lambda n: {'a': [[*range(n)]] * 3, 'b': [*range(n)]},
    ),
    'nested functions': (
        {'a': contains(contains(every(not_([1, prefix('x'), {'b': gt(5)}]))))},
        lambda n: {'a': [[[1, 'x', {'b': 6}]] * 4] * n},
    ),
    'a wildcard with many gaps': (
        {'a': wildcard(f'*{TEXT}*{TEXT}*')},
        lambda n: {'a': 'b' * (50 * n)},
    ),
    'JSON in a text': (
        {'a': contains(json_text({'b': contains(json_text([1, 'x']))}))},
        lambda n: {'a': [json.dumps({'b': ['[1, 2]'] * 9, 'c': [[]] * n})] * 5},
    ),
    'exact arrays': ({'a': exactly([any_()] * 5)}, lambda n: {'a': [[*range(n)]] * 5}),
}


@pytest.mark.parametrize(('pattern', 'payload'), OTHERS.values(), ids=OTHERS.keys())
def test_a_payload_of_twice_the_size_costs_twice_as_much(pattern: Any, payload: Make) -> None:
    small, large = costs(pattern, payload(LITTLE)), costs(pattern, payload(2 * LITTLE))
    assert list(map(is_at_most_doubled, small, large)) == [True] * 3


def test_a_short_substring_leaves_the_look_up_of_long_ones_as_it_is() -> None:
    """Three characters would find eight times as many of these texts as four."""
    letters = 'abcdefgh'
    texts = [''.join(each) for each in product(letters, repeat=4)]
    event = {'a': f'{letters * 4}{letters[::-1] * 4}'}
    alone, together = (set_of_substrings(texts), set_of_substrings([*texts, 'zzz']))
    steps = cost_of(lambda: alone.match(event)).steps
    assert cost_of(lambda: together.match(event)).steps < 1.1 * steps


def set_of_substrings(texts: list[str]) -> PatternSet[str]:
    patterns: PatternSet[str] = PatternSet()
    for text in texts:
        patterns.add({'a': substring(text)}, text)
    return patterns
