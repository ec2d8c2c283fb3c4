"""`match_json` has the result of `match` with the decoded text."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.errors import DecodeError, PatternError
from mega.json_reading import read_json
from mega.match import PatternSet, evaluate
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import any_, field, gt, json_text, missing, neq, not_, or_, prefix
from mega.match.json_fields import MAX_PATH_KEYS, MAX_PATHS
from tests.hostile import cpu_limit, nested_json
from tests.match.eventbridge_cases import ANSWERED
from tests.match.reference import Description, build
from tests.match.strategies import json_values, object_descriptions, payloads
from tests.match.test_cases import MATCHED
from tests.match.test_eventbridge_agreement import DRAWN_EVENTS, DRAWN_PATTERNS
from tests.profile import amount
from tests.strategies import mutated_json_bodies

MEBIBYTE = 2**20


def set_of(*patterns: Any) -> PatternSet[int]:
    made: PatternSet[int] = PatternSet()
    for position, pattern in enumerate(patterns):
        made.add(pattern, position)
    return made


def check(patterns: PatternSet[int], value: Any) -> None:
    try:
        text = json.dumps(value, default=str, allow_nan=False)
    except ValueError:  # JSON has no NaN
        return
    expected = patterns.match(json.loads(text))
    assert patterns.match_json(text) == expected
    assert patterns.match_json(text.encode()) == expected


@settings(deadline=None, max_examples=amount(30, 5_000))
@given(
    st.lists(object_descriptions(), min_size=1, max_size=8),
    st.lists(payloads() | json_values(), min_size=1, max_size=8),
)
def test_has_the_result_of_match_also_between_additions(
    described: list[Description], values: list[Any]
) -> None:
    patterns = set_of()
    for position, description in enumerate(described):
        patterns.add(build(description), position)
        for value in values:
            check(patterns, value)


@settings(deadline=None, max_examples=amount(30, 5_000))
@given(
    st.lists(DRAWN_PATTERNS, min_size=1, max_size=5),
    st.lists(DRAWN_EVENTS, min_size=1, max_size=8),
)
def test_has_the_result_of_match_with_patterns_of_eventbridge(
    drawn: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    patterns, within = set_of(), set_of()
    for source in drawn:
        with suppress(PatternError):
            patterns.add(pattern := from_eventbridge(source), len(patterns))
            within.add({'a': pattern}, len(within))
    for event in events:
        check(patterns, event)
        check(within, {'a': event})


@pytest.mark.no_cover
def test_has_the_result_of_match_for_each_case_of_the_language() -> None:
    for case in MATCHED:
        check(set_of(build(case.described)), case.payload)


@pytest.mark.no_cover
def test_has_the_result_of_match_for_each_case_of_eventbridge() -> None:
    for case in ANSWERED:
        check(set_of(from_eventbridge(case.pattern)), case.event)


PATTERNS: dict[str, Any] = {
    'an event': {'event': {'name': 'a', 'attributes': {'a': gt(0)}}},
    'the object of an event': {'object': {'id': missing()}},
    'extra data': {'extra': not_({'a': {'b': 1}})},
    'one of two': or_({'a': 1}, {'version': '1'}),
    'EventBridge': from_eventbridge({'event': {'name': [{'prefix': 'a'}]}, 'a': {'b': [1]}}),
    'a reference': {'event': {'name': neq(field('object.id'))}},
}


@settings(deadline=None, max_examples=amount(100, 20_000))
@given(mutated_json_bodies(), st.sampled_from(sorted(PATTERNS)))
def test_any_text_has_the_result_of_match_or_the_error_of_the_decoder(body: str, name: str) -> None:
    patterns = set_of(PATTERNS[name])
    try:
        expected: Any = patterns.match(read_json(body))
    except ValueError as error:
        expected = f'invalid JSON: {error}'
    try:
        found: Any = patterns.match_json(body)
    except DecodeError as error:
        found = str(error)
    # A value that no pattern tests may contain a number that is too large.
    assert found == expected or (found in ([], [0]) and '1e400' in body)


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ('{"a":{"b":1},"a":{"c":1}}', []),
        ('{"a":{"c":1},"a":{"b":1}}', [0]),
        ('{"a":5,"a":{"b":1,"b":2}}', []),
        ('{"\\u0061":{"b":1}}', [0]),
        ('{"a":[{"b":1}]}', []),
        ('{"a":null}', []),
        ('{"a":{"b":1.0}}', [0]),
        ('{"a":{"b":true}}', []),
        (' {"a":{"b":1},"x":"\\ud800"} ', [0]),
        ('{"a":{"b":1},"x":1e400}', [0]),
        (f'{{"a":{{"b":1}},"x":{"[" * 200}{"]" * 200}}}', [0]),
        ('[{"a":{"b":1}}]', []),
        ('5', []),
    ],
)
def test_a_text_has_the_result_of_its_value(body: str, expected: list[int]) -> None:
    assert set_of({'a': {'b': 1}}).match_json(body) == expected


@pytest.mark.parametrize(
    ('body', 'problem'),
    [
        ('', 'Expecting value at character 0'),
        ('{"a":1', "Expecting ',' delimiter at character 6"),
        ('{"a":NaN}', 'NaN is not a JSON number'),
        ('{"a":1e400}', 'a number is too large for a float'),
        ('{"x":01}', "Expecting ',' delimiter at character 6"),
        ('{} {}', 'it ends at character 2, but text follows'),
        (nested_json(100_000), 'it is nested deeper than 100 levels'),
        (b'{"a":"\xff"}', 'it is not UTF-8 at byte 6'),
    ],
)
def test_any_other_text_is_an_error_that_says_why(body: str | bytes, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        set_of({'a': 1}).match_json(body)
    assert str(caught.value) == f'invalid JSON: {problem}'


def test_a_set_without_patterns_checks_the_text() -> None:
    assert set_of().match_json('{"a":1}') == []
    with pytest.raises(DecodeError):
        set_of().match_json('{"a":1')


def test_any_number_of_paths_is_found() -> None:
    document = {f'k{n}': n for n in range(3 * MAX_PATHS)}
    patterns = set_of()
    for n in range(3 * MAX_PATHS):
        patterns.add({f'k{n}': n}, n)
        assert patterns.match_json(json.dumps(document)) == [*range(n + 1)]


def test_one_path_is_followed_by_more_than_the_limit() -> None:
    patterns = set_of({'k0': 0})
    assert patterns.match_json('{"k0":0}') == [0]
    patterns.add({f'k{n}': n for n in range(2 * MAX_PATHS)}, 1)
    assert patterns.match_json(json.dumps({f'k{n}': n for n in range(2 * MAX_PATHS)})) == [0, 1]


@pytest.mark.parametrize('levels', [MAX_PATH_KEYS - 1, MAX_PATH_KEYS, MAX_PATH_KEYS + 1, 90])
def test_a_path_may_have_any_number_of_keys(levels: int) -> None:
    nested: Any = {'b': [1], 'c.d': [2]}
    written: Any = {'b': 1, 'c': {'d': 2}}
    for _ in range(levels):
        nested, written = {'a': nested, 'x': [1]}, {'a': written, 'x': 1}
    plain = {'a': {'x': 1, 'y': missing()}}
    eventbridge = from_eventbridge(
        json.loads(json.dumps(written).replace('1', '[1]').replace('2', '[2]'))
    )
    patterns = set_of(written, plain, eventbridge)
    for value in (nested, written, {'a': written}, {'a.a': written}):
        check(patterns, value)
    assert patterns.match_json(json.dumps(written)) == [0, 1, 2]


def test_the_path_of_a_reference_is_decoded() -> None:
    patterns = set_of({'a': neq(field('b.c'))}, {'a': json_text({'x': field('b.d')})})
    assert patterns.match_json('{"a":1,"b":{"c":2}}') == [0]
    assert patterns.match_json('{"a":1,"b":{"c":1}}') == []
    assert patterns.match_json('{"a":"{\\"x\\":5}","b":{"d":5,"c":"x"}}') == [0, 1]


def test_a_pattern_of_the_whole_value_gets_the_whole_value() -> None:
    seen: list[Any] = []
    patterns = set_of(seen.append, {'a': 1})
    assert patterns.match_json('{"a":1,"b":[{}]}') == [1]
    assert seen == [{'a': 1, 'b': [{}]}]
    assert set_of(any_()).match_json('5') == [0]


def test_a_predicate_that_raises_affects_only_its_own_pattern() -> None:
    patterns = set_of({'a': lambda value: value > 1}, {'a': 'x'})
    errors: list[tuple[int, BaseException]] = []
    assert patterns.match_json('{"a":"x"}', errors) == [1]
    assert [target for target, _ in errors] == [0]
    with pytest.raises(TypeError):
        patterns.match_json('{"a":"x"}')


def test_a_removed_pattern_is_not_found() -> None:
    patterns = set_of({'a': 1}, {'b': 1})
    assert patterns.match_json('{"a":1,"b":1}') == [0, 1]
    patterns.remove(0)
    assert patterns.match_json('{"a":1,"b":1}') == [1]


def test_a_pattern_that_is_added_while_a_value_is_read_is_not_in_the_result() -> None:
    """A text is decoded with the fields of the patterns before it."""
    patterns = set_of({'a': 1})

    class Value:
        def to_dict(self) -> dict[str, Any]:
            patterns.add({'a': 1, 'b': missing()}, 1)
            patterns.build()
            return {'a': 1}

    assert patterns.match(Value()) == [0]
    assert patterns.match({'a': 1}) == [0, 1]


def test_a_text_may_be_of_a_subclass_of_str_or_bytes() -> None:
    class Text(str): ...

    class Data(bytes): ...

    patterns = set_of({'a': 1})
    assert patterns.match_json(Text('{"a":1}')) == patterns.match_json(Data(b'{"a":1}')) == [0]


HOSTILE: dict[str, Callable[[int], str]] = {
    'levels in a value that is skipped': lambda n: '{"x":' + '[' * (n // 2) + ']' * (n // 2) + '}',
    'levels in a value that is decoded': lambda n: '{"a":' + '[' * (n // 2) + ']' * (n // 2) + '}',
    'empty objects that are skipped': lambda n: '{"x":[' + '{},' * (n // 3) + '0]}',
    'objects in an array on the path': lambda n: '{"a":[' + '{"b":1},' * (n // 8) + '0]}',
    'one key many times': lambda n: '{' + '"a":{"b":1},' * (n // 12) + '"x":0}',
    'many keys': lambda n: '{' + ','.join(f'"k{i}":1' for i in range(n // 10)) + '}',
    'one long text': lambda n: '{"x":"' + 'a' * n + '"}',
    'half of a surrogate pair at the end': lambda n: '{"x":"' + 'a' * n + '\\ud800"}',
    'an error at the end': lambda n: '{"x":"' + 'a' * n + '"',
}


@pytest.mark.no_cover
@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_text_of_a_mebibyte_takes_bounded_time(name: str) -> None:
    body = HOSTILE[name](MEBIBYTE)
    patterns = set_of({'a': {'b': prefix('x')}}, from_eventbridge({'a': {'b': ['x']}}))
    is_refused = name.startswith(('levels', 'an error'))
    with cpu_limit(1), pytest.raises(DecodeError) if is_refused else nullcontext():
        assert patterns.match_json(body) == []


@pytest.mark.parametrize('body', ['\ufeff{"a":1}', b'\xef\xbb\xbf{"a":1}', '\ufeff\n{"a":1}'])
def test_a_byte_order_mark_is_ignored(body: str | bytes) -> None:
    assert set_of({'a': 1}, {'a': 2}).match_json(body) == [0]


@pytest.mark.parametrize(
    'body', ['\ufeff\ufeff{"a":1}', '{"a":1}\ufeff', ' \ufeff{"a":1}', '\ufeff']
)
def test_a_byte_order_mark_elsewhere_is_an_error(body: str) -> None:
    with pytest.raises(DecodeError):
        set_of({'a': 1}).match_json(body)


def test_agrees_with_evaluate() -> None:
    pattern = {'event': {'name': prefix('item.')}}
    for name in ('item.added', 'user.added'):
        document = {'event': {'name': name}, 'extra': {'event': {'name': 'item.'}}}
        assert set_of(pattern).match_json(json.dumps(document)) == [0] * evaluate(document, pattern)
