"""`json_text`: patterns of JSON inside of a text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, reject

from mega import json_reading
from mega.match import PatternSet, evaluate, explain
from mega.match.functions import (
    any_,
    contains,
    exists,
    field,
    gt,
    json_text,
    length,
    lt,
    missing,
    neq,
    not_,
    one_of,
    prefix,
)
from mega.match.pattern import compile_pattern
from tests.match.reference import build
from tests.match.strategies import descriptions, json_values
from tests.match.tables import table

TWICE = json.dumps({'a': json.dumps({'b': [1, 2]})})
LONE_SURROGATE = '"\\ud800"'


@table(
    ('an object', '{"a": 5}', json_text({'a': gt(4)}), True),
    ('another value', '{"a": 5}', json_text({'a': gt(5)}), False),
    ('white space around it', ' \r\n\t{"a": 5} \n', json_text({'a': 5}), True),
    ('a number', '5', json_text(5), True),
    ('a text that spells a number', '"5"', json_text(5), True),
    ('a text', '"x"', json_text('x'), True),
    ('a text without quotes', 'x', json_text('x'), False),
    ('null', 'null', json_text(None), True),
    ('a boolean', 'true', json_text(True), True),
    ('an array', '[1, 2]', json_text(contains(2)), True),
    ('an array as a list of values', '[2, 1]', json_text([1, 2]), True),
    ('JSON in JSON', TWICE, json_text({'a': json_text({'b': length(2)})}), True),
    ('a missing key', '{}', json_text({'a': missing()}), True),
    ('a missing key is not null', '{}', json_text({'a': not_(exists())}), True),
    ('the last of equal keys', '{"a": 1, "a": 2}', json_text({'a': 2}), True),
    ('half of a surrogate pair', LONE_SURROGATE, json_text('\ud800'), True),
    ('an exact integer', str(2**70 + 1), json_text(2**70 + 1), True),
    ('a function of the user', '[1]', json_text(lambda value: value == [1]), True),
    ('no text', '', json_text(any_()), False),
    ('incomplete', '{"a": 5', json_text(any_()), False),
    ('text behind it', '{"a": 5} x', json_text(any_()), False),
    ('two values', '1 2', json_text(any_()), False),
    ('NaN', 'NaN', json_text(any_()), False),
    ('a number beyond a double', '1e999', json_text(any_()), False),
    ('100 levels', '[' * 100 + ']' * 100, json_text(any_()), True),
    ('101 levels', '[' * 101 + ']' * 101, json_text(any_()), False),
    ('a million levels', '[' * 10**6, json_text(any_()), False),
    ('too many digits', '9' * 4_301, json_text(any_()), False),
    ('not a text, but its value', {'a': 5}, json_text({'a': 5}), False),
    ('bytes', b'{"a": 5}', json_text({'a': 5}), False),
    ('a number itself', 5, json_text(5), False),
)
def test_a_text_matches_if_the_value_of_its_json_does(
    lhs: object, rhs: object, holds: bool
) -> None:
    assert evaluate(lhs, rhs) is holds
    assert bool(explain(lhs, rhs)) is holds
    assert evaluate(lhs, not_(rhs)) is not holds


@given(json_values(), descriptions(predicates=False))
def test_a_value_and_its_json_match_the_same_patterns(value: object, description: Any) -> None:
    pattern = compile_pattern(build(description))
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        reject()  # a value that only BSON has
    assume(not pattern.needs_context)  # a field starts at the root of the payload
    assert evaluate(text, json_text(pattern)) is evaluate(json.loads(text), pattern)


def test_a_field_starts_at_the_root_of_the_payload() -> None:
    changed = {'now': json_text({'status': neq(field('status'))})}
    assert evaluate({'now': '{"status": "paid"}', 'status': 'new'}, changed)
    assert not evaluate({'now': '{"status": "paid"}', 'status': 'paid'}, changed)


def test_an_explanation_has_the_path_inside_of_the_text() -> None:
    why = explain({'order': '{"total": 5, "lines": "x"}'},
                  {'order': json_text({'total': gt(9), 'lines': json_text(1)})})  # fmt: skip
    assert str(why).splitlines() == [
        'it does not match',
        '  - order.total is 5, wanted gt(9)',
        "  - order.lines is 'x', wanted json_text(1) (the text is not JSON)",
    ]


def test_an_explanation_does_not_call_a_predicate_if_another_condition_failed() -> None:
    asked: list[object] = []
    explain({'a': '{"b": 1, "c": 2}'}, {'a': json_text({'b': asked.append, 'c': 3})})
    assert asked == []


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed during the test."""
    texts: list[str] = []
    read_json = json_reading.read_json

    def read(text: str) -> Any:
        texts.append(text)
        return read_json(text)

    monkeypatch.setattr(json_reading, 'read_json', read)
    return texts


def set_of(*patterns: Any) -> PatternSet[int]:
    made: PatternSet[int] = PatternSet()
    for place, pattern in enumerate(patterns):
        made.add(pattern, place)
    return made


def test_all_tests_of_a_text_share_one_parse(parsed: list[str]) -> None:
    patterns = set_of(*({'a': json_text({'n': not_(place), 'm': any_()})} for place in range(100)))
    assert patterns.match({'a': '{"n": 7, "m": 0}'}) == [i for i in range(100) if i != 7]
    assert parsed == ['{"n": 7, "m": 0}']


@pytest.mark.parametrize(
    'inner',
    [
        lambda n: {'n': n},
        lambda n: {'o': {'n': n}},
        lambda n: {'n': gt(n - 0.5) & lt(n + 0.5)},
        lambda n: {'n': one_of(n, -1)},
        lambda n: {'s': prefix(f'x{n}.')},
        lambda n: {'m': any_(), 's': f'x{n}.'},
        lambda n: {'t': json_text({'n': n})},
    ],
    ids=['value', 'nested', 'range', 'one of', 'prefix', 'beside another', 'JSON in JSON'],
)
def test_a_field_in_a_text_is_looked_up_among_any_number_of_patterns(
    inner: Any, parsed: list[str]
) -> None:
    patterns = set_of(*({'a': json_text(inner(place))} for place in range(1000)))
    value = {'n': 7, 'm': 0, 'o': {'n': 7}, 's': 'x7.', 't': '{"n": 7}'}
    patterns.build()
    payload = {'a': json.dumps(value)}
    assert patterns.match(payload) == [7]
    assert len(parsed) <= 6
    for other in ('no JSON', '[]', '5', '{}', 5, None, {'n': 7}):
        assert patterns.match({'a': other}) == []
