"""The comparison of filter policies by their meaning, and the steps of a change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.aws.sns import to_filter_policy
from mega.cli.policies import Policy, changes, difference, is_equal, needed_policy, read_policy

BODY = 'MessageBody'
ATTRIBUTES = 'MessageAttributes'


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ({'a': ['x', 'y'], 'b': [1]}, {'b': [1.0], 'a': ['y', 'x']}),
        ({'a': [{'anything-but': ['x', 'y']}]}, {'a': [{'anything-but': ['y', 'x']}]}),
        ({'$or': [{'a': [1]}, {'b': [2]}]}, {'$or': [{'b': [2]}, {'a': [1]}]}),
        ({'a': [None, 'x', 2, True]}, {'a': [True, 2, 'x', None]}),
        (
            {'a': [{'numeric': ['>', 0, '<', 5]}, 'x']},
            {'a': ['x', {'numeric': ['>', 0.0, '<', 5]}]},
        ),
    ],
    ids=str,
)
def test_the_order_of_values_does_not_count(one: Any, other: Any) -> None:
    assert is_equal(Policy(one, BODY), Policy(other, BODY))
    assert difference(Policy(one, BODY), Policy(other, BODY)) == ''


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        (Policy({'a': ['x']}, BODY), Policy({'a': ['x']}, ATTRIBUTES)),
        (Policy({'a': ['1']}, BODY), Policy({'a': [1]}, BODY)),
        (Policy({'a': [True]}, BODY), Policy({'a': [1]}, BODY)),
        (Policy({'a': ['x']}, BODY), Policy(None, None)),
        (
            Policy({'a': [{'numeric': ['>', 0, '<', 5]}]}, BODY),
            Policy({'a': [{'numeric': ['>', 5, '<', 0]}]}, BODY),
        ),
    ],
    ids=str,
)
def test_another_meaning_is_a_difference(one: Policy, other: Policy) -> None:
    assert not is_equal(one, other)
    assert difference(one, other).startswith('--- AWS\n+++ TARGET\n')


def test_the_difference_has_one_line_for_each_changed_value() -> None:
    one, other = (
        Policy({'a': ['x'], 'b': ['\x1b']}, BODY),
        Policy({'a': ['y'], 'b': ['\x1b']}, BODY),
    )
    changed = [line for line in difference(one, other).splitlines()[2:] if line[0] in '+-']
    assert changed == ['-    "x"', '+    "y"']
    assert '\x1b' not in difference(one, other)


@pytest.mark.parametrize(
    ('attributes', 'policy'),
    [
        ({}, Policy(None, None)),
        ({'FilterPolicy': '{}', 'FilterPolicyScope': BODY}, Policy(None, None)),
        ({'FilterPolicy': '{"a": ["x"]}'}, Policy({'a': ['x']}, ATTRIBUTES)),
        ({'FilterPolicy': '{"a": ["x"]}', 'FilterPolicyScope': BODY}, Policy({'a': ['x']}, BODY)),
    ],
    ids=str,
)
def test_the_policy_of_a_subscription_is_read_from_its_attributes(
    attributes: dict[str, str], policy: Policy
) -> None:
    assert read_policy(attributes) == policy


def test_subscribers_that_need_every_message_need_no_policy() -> None:
    assert needed_policy(to_filter_policy('any text')) == Policy(None, None)


def test_another_scope_is_set_between_two_policies() -> None:
    """A policy of a body may be invalid for attributes."""
    nested, flat = Policy({'a': {'b': ['x']}}, BODY), Policy({'a': ['x']}, ATTRIBUTES)
    assert list(changes(nested, flat)) == [
        ('FilterPolicy', '{}'),
        ('FilterPolicyScope', ATTRIBUTES),
        ('FilterPolicy', json.dumps({'a': ['x']})),
    ]
    assert [name for name, _ in changes(Policy(None, None), nested)] == [
        'FilterPolicyScope',
        'FilterPolicy',
    ]
    assert list(changes(nested, Policy({'c': [1]}, BODY))) == [('FilterPolicy', '{"c": [1]}')]
    assert list(changes(nested, Policy(None, None))) == [('FilterPolicy', '{}')]
