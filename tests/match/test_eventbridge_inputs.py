"""The forms of `from_eventbridge`: objects and texts of EventBridge, SNS and Lambda."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.errors import PatternError
from mega.match import PatternSet, evaluate, explain, functions
from mega.match.eventbridge import from_eventbridge
from tests.match.eventbridge_cases import ANSWERED, Case, each_case
from tests.profile import some

PAID = {'status': ['paid'], 'total': [{'numeric': ['>', 9]}]}


def criteria(*patterns: object) -> dict[str, Any]:
    """Filter criteria as Lambda's API has them."""
    return {'Filters': [{'Pattern': json.dumps(pattern)} for pattern in patterns]}


@pytest.mark.no_cover
@each_case(some(ANSWERED, 3))
def test_a_text_has_the_meaning_of_its_object(case: Case) -> None:
    assert evaluate(case.event, from_eventbridge(json.dumps(case.pattern))) is case.matches


@pytest.mark.no_cover
@each_case(some(ANSWERED, 3))
def test_filter_criteria_test_the_payload_by_the_conditions_of_body(case: Case) -> None:
    pattern = from_eventbridge(criteria({'body': case.pattern}))
    assert evaluate(case.event, pattern) is case.matches


def test_a_payload_matches_filter_criteria_if_any_filter_matches() -> None:
    pattern = from_eventbridge(criteria({'body': PAID}, {'body': {'vip': [True]}}))
    patterns: PatternSet[str] = PatternSet()
    patterns.add(pattern, 'x')
    for payload, matches in (
        ({'status': 'paid', 'total': 10}, True),
        ({'status': 'new', 'vip': True}, True),
        ({'status': 'new', 'total': 10}, False),
    ):
        assert evaluate(payload, pattern) is matches
        assert bool(explain(payload, pattern)) is matches
        assert patterns.match(payload) == ['x'] * matches


def test_filter_criteria_may_choose_between_bodies() -> None:
    either = {'$or': [{'body': {'a': [1]}}, {'body': {'b': [2]}}]}
    assert evaluate({'b': 2}, from_eventbridge(criteria(either)))


def test_filter_criteria_may_be_a_text() -> None:
    pattern = from_eventbridge(json.dumps(criteria({'body': PAID})))
    assert evaluate({'status': 'paid', 'total': 10}, pattern)


def test_the_repr_of_filter_criteria_is_the_code_for_them() -> None:
    pattern = from_eventbridge(criteria({'body': PAID}))
    again = eval(repr(pattern), vars(functions) | {'from_eventbridge': from_eventbridge})
    assert repr(again) == repr(pattern)
    assert evaluate({'status': 'paid', 'total': 10}, again)


def test_a_filter_policy_of_message_attributes_is_a_pattern_of_the_attributes() -> None:
    policy = '{"kind": ["order", {"prefix": "refund."}], "test": [{"exists": false}]}'
    pattern = {'attributes': from_eventbridge(policy)}
    assert evaluate({'attributes': {'kind': 'refund.done'}}, pattern)
    assert not evaluate({'attributes': {'kind': 'order', 'test': '1'}}, pattern)


def test_a_field_with_the_name_filters_is_a_field() -> None:
    assert evaluate({'Filters': 'x'}, from_eventbridge({'Filters': ['x']}))
    assert evaluate({'Filters': 'xy'}, from_eventbridge({'Filters': [{'prefix': 'x'}]}))


@pytest.mark.parametrize(
    ('given', 'path', 'problem'),
    [
        pytest.param('{"a": [1]', '', 'is not JSON', id='incomplete text'),
        pytest.param('', '', 'is not JSON', id='empty text'),
        pytest.param('{"a": [NaN]}', '', 'is not JSON', id='NaN'),
        pytest.param('[' * 10**6, '', 'is not JSON', id='a million levels'),
        pytest.param('["a"]', '', 'must be an object', id='an array'),
        pytest.param('{"a": [{"prefix": 1}]}', 'a[0].prefix', 'must be a str', id='operator'),
        pytest.param(b'{"a": [1]}', '', 'must be an object', id='bytes'),
        pytest.param(
            criteria({'body': {'a': [1]}}, {'body': {'a': 1}}), 'Filters[1].Pattern.body.a',
            'must be an array', id='invalid filter',
        ),
        pytest.param(
            criteria({'messageAttributes': {'a': [1]}}), 'Filters[0].Pattern', 'by body only',
            id='another key than body',
        ),
        pytest.param(
            criteria({'body': [{'prefix': 'x'}]}), 'Filters[0].Pattern', 'TextSubscriber',
            id='a text as body',
        ),
        pytest.param(
            {'Filters': [{'Pattern': {'body': {'a': [1]}}}]}, 'Filters[0].Pattern',
            'text of a JSON object', id='a filter that is not a text',
        ),
        pytest.param({'Filters': []}, 'Filters', 'must not be empty', id='no filters'),
    ],
)  # fmt: skip
def test_an_invalid_input_is_refused_with_its_place(given: Any, path: str, problem: str) -> None:
    with pytest.raises(PatternError, match=problem) as caught:
        from_eventbridge(given)
    assert caught.value.path == path
