"""Which messages a filter policy of the in-memory SNS accepts, and which policies it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.local.messages import Attribute
from mega.local.sns.filter_policy import PolicyError, filter_of

Policy = dict[str, Any]


def accepts_attributes(policy: Policy, **attributes: tuple[str, str | bytes]) -> bool:
    accepts = filter_of(json.dumps(policy), 'MessageAttributes')
    given = {name: Attribute(*attribute) for name, attribute in attributes.items()}
    return accepts is None or accepts('not JSON', given)


def accepts_body(policy: Policy, body: object) -> bool:
    accepts = filter_of(json.dumps(policy), 'MessageBody')
    return accepts is None or accepts(body if isinstance(body, str) else json.dumps(body), {})


def problem_of(policy: Policy | str, scope: str = 'MessageBody') -> str:
    with pytest.raises(PolicyError) as refused:
        filter_of(policy if isinstance(policy, str) else json.dumps(policy), scope)
    return str(refused.value)


@pytest.mark.parametrize(
    ('values', 'attribute', 'is_accepted'),
    [
        (['red'], ('String', 'red'), True),
        (['red'], ('String', 'Red'), False),
        (['red'], ('String.label', 'red'), True),
        ([7], ('Number', '7'), True),
        ([7], ('Number', '7.0'), True),
        ([7], ('Number.int', '7'), True),
        ([7], ('String', '7'), False),
        (['7'], ('Number', '7'), False),
        ([{'numeric': ['>', 1.4, '<=', 1.5]}], ('Number', '1.50'), True),
        ([{'numeric': ['>', 0]}], ('Number', '1e999'), False),
        ([{'numeric': ['>', 0]}], ('Number', '9' * 5_000), False),
        (['b'], ('String.Array', '["a", "b"]'), True),
        ([True], ('String.Array', '[true]'), True),
        ([None], ('String.Array', '[null, 1]'), True),
        (['a'], ('String.Array', '[]'), False),
        (['a'], ('String.Array', '"a"'), False),
        (['a'], ('String.Array', '["a"'), False),
        (['a'], ('String.Array', '[' * 100_000), False),
        ([{'anything-but': ['a']}], ('String.Array', '["a", "b"]'), True),
        ([{'anything-but': ['a']}], ('String', 'a'), False),
        ([{'prefix': 're'}], ('String', 'red'), True),
        ([{'exists': True}], ('String', 'red'), True),
        ([{'exists': True}], ('Binary', b'red'), False),
        ([{'exists': False}], ('Binary', b'red'), True),
    ],
)
def test_a_policy_tests_attributes_by_their_types(
    values: list[object], attribute: tuple[str, str | bytes], is_accepted: bool
) -> None:
    assert accepts_attributes({'x': values}, x=attribute) is is_accepted


@pytest.mark.parametrize('policy', [{'x': ['red']}, {'x': [{'exists': False}]}])
def test_a_message_without_attributes_is_not_delivered(policy: Policy) -> None:
    assert not accepts_attributes(policy)


def test_an_attribute_may_be_absent() -> None:
    assert accepts_attributes({'x': [{'exists': False}]}, y=('String', 'red'))
    assert not accepts_attributes({'x': [{'anything-but': 'red'}]}, y=('String', 'red'))


def test_the_name_of_an_attribute_may_have_dots() -> None:
    assert accepts_attributes({'a.b': ['red']}, **{'a.b': ('String', 'red')})


@pytest.mark.parametrize(
    ('body', 'is_accepted'),
    [
        ({'order': {'state': 'paid', 'total': 7}}, True),
        ({'order': {'state': ['new', 'paid'], 'total': 7}}, True),
        ({'order': {'state': 'paid', 'total': 1}}, False),
        ({'order': 'paid'}, False),
        ([{'order': {'state': 'paid', 'total': 7}}], False),
        ('not JSON', False),
        ('{"order": ' * 100_000, False),
    ],
    ids=range(7),
)
def test_a_policy_tests_the_body(body: object, is_accepted: bool) -> None:
    policy = {'order': {'state': ['paid'], 'total': [{'numeric': ['>', 5]}]}}
    assert accepts_body(policy, body) is is_accepted


def test_a_large_policy_is_refused_before_its_alternatives_are_combined() -> None:
    policy: Policy = {'$or': [{'x': [number]} for number in range(1_000)]}
    policy.update({str(number): [1] for number in range(10_000)})
    assert 'more than 5 keys' in problem_of(policy)


def test_one_alternative_suffices() -> None:
    policy = {'kind': ['order'], '$or': [{'state': ['paid']}, {'total': [{'numeric': ['>', 5]}]}]}
    assert accepts_body(policy, {'kind': 'order', 'total': 7})
    assert not accepts_body(policy, {'kind': 'order', 'total': 1})


@pytest.mark.parametrize('text', ['', '{}'])
def test_an_empty_policy_accepts_every_message(text: str) -> None:
    assert filter_of(text, 'MessageBody') is None


@pytest.mark.parametrize(
    ('policy', 'problem'),
    [
        ('{x}', 'failed to parse JSON'),
        ('{"x": [NaN]}', 'failed to parse JSON'),
        ('[' * 100_000, 'failed to parse JSON'),
        ('[1]', 'Filter is not an object'),
        ('{"x": "' + 'y' * 262_144 + '"}', 'larger than'),
        ({'x': 'red'}, 'must be an array of values, or an object'),
        ({'x': []}, 'must not be empty'),
        ({'x': [{'regex': 'a'}]}, 'not an operator'),
        ({'x': [{'anything-but': {'suffix': 'a'}}]}, 'Unsupported anything-but pattern: suffix'),
        ({str(number): [1] for number in range(6)}, 'more than 5 keys'),
        ({'x': {str(number): [1] for number in range(6)}}, 'more than 5 keys'),
        ({'$or': [{str(number): [1]} for number in range(6)]}, 'more than 5 keys'),
        ({'x': [*range(151)]}, 'too complex'),
        ({'x': {'y': [*range(76)]}}, 'too complex'),
        ({'x': [*range(13)], 'y': [*range(12)]}, 'too complex'),
        ({'x': [{'anything-but': [*range(151)]}]}, 'too complex'),
        ({'x': [{'wildcard': 'a*'}] * 11}, 'too complex'),
    ],
    ids=range(17),
)
def test_a_policy_that_sns_refuses_is_refused(policy: Policy | str, problem: str) -> None:
    assert problem in problem_of(policy)


@pytest.mark.parametrize(
    'policy', [{'a': {'b': [1]}}, {'$or': [{'a': [1]}, {'b': {'c': [1]}}]}], ids=['plain', '$or']
)
def test_a_policy_for_attributes_must_not_be_nested(policy: Policy) -> None:
    assert 'does not support nested' in problem_of(policy, 'MessageAttributes')


def test_the_combinations_of_alternatives_are_added_up() -> None:
    """The numbers are from answers of AWS: 18 + 48 + 84 are accepted, and 152 are refused."""
    alternatives = [{'a': [*range(9)]}, {'a': [*range(24)]}, {'b': [*range(42)]}]
    policy = {'source': [0, 1], '$or': alternatives}
    assert filter_of(json.dumps(policy), 'MessageBody')
    alternatives[2]['b'].append(-1)
    assert 'too complex' in problem_of(policy)
