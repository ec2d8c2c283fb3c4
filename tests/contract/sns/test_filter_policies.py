"""Filter policies of subscriptions. Source: guide, subscription filter policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.backend import Backend, refused


def string(value: str) -> dict[str, str]:
    return {'DataType': 'String', 'StringValue': value}


def number(value: str) -> dict[str, str]:
    return {'DataType': 'Number', 'StringValue': value}


def array(*values: object) -> dict[str, str]:
    return {'DataType': 'String.Array', 'StringValue': json.dumps(values)}


BINARY = {'DataType': 'Binary', 'BinaryValue': b'order'}

# A policy on the attribute `a`, attributes that match, and attributes that do not.
ON_ATTRIBUTES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    'text': ({'a': ['x']}, [string('x')], [string('y'), string('X'), None]),
    'one of several': ({'a': ['x', 'y']}, [string('x'), string('y')], [string('z')]),
    'number': ({'a': [5]}, [number('5')], [number('6'), string('x')]),
    'prefix': ({'a': [{'prefix': 'ab'}]}, [string('abc')], [string('bab'), None]),
    'suffix': ({'a': [{'suffix': 'yz'}]}, [string('xyz')], [string('yzx')]),
    'ignore case': ({'a': [{'equals-ignore-case': 'ab'}]}, [string('aB')], [string('abc')]),
    'wildcard': ({'a': [{'wildcard': 'a*z'}]}, [string('abz'), string('az')], [string('azb')]),
    'anything but': ({'a': [{'anything-but': ['x', 'y']}]}, [string('z')], [string('x'), None]),
    'anything but a prefix': (
        {'a': [{'anything-but': {'prefix': 'ab'}}]},
        [string('b')],
        [string('abc'), None],
    ),
    'anything but numbers': ({'a': [{'anything-but': [1, 2]}]}, [number('3')], [number('2')]),
    'anything but, or missing': (
        {'a': [{'anything-but': ['x']}, {'exists': False}]},
        [string('y'), None],
        [string('x')],
    ),
    'range': (
        {'a': [{'numeric': ['>', 0, '<=', 10]}]},
        [number('0.5'), number('10')],
        [number('0'), number('11'), string('x')],
    ),
    'equal number': ({'a': [{'numeric': ['=', 5]}]}, [number('5.0')], [number('5.1')]),
    'exists': ({'a': [{'exists': True}]}, [string('x'), number('5')], [None]),
    'missing': ({'a': [{'exists': False}]}, [None], [string('x')]),
    'address': (
        {'a': [{'cidr': '10.0.0.0/24'}]},
        [string('10.0.0.255')],
        [string('10.0.1.0'), string('x')],
    ),
    'array': ({'a': ['x']}, [array('y', 'x')], [array('y'), array()]),
    'numbers in an array': ({'a': [5]}, [array(4, 5)], [array(4), array('x')]),
    'binary': ({'a': ['order']}, [string('order')], [BINARY]),
}


@pytest.mark.parametrize(('policy', 'matching', 'other'), ON_ATTRIBUTES.values(), ids=ON_ATTRIBUTES)
def test_a_policy_filters_by_an_attribute(
    aws: Backend, policy: Any, matching: list[Any], other: list[Any]
) -> None:
    """Source: guide, filter policies: string, numeric and existence matching."""
    topic, queue = aws.subscribed(FilterPolicy=policy)
    # `exists: false` applies to messages with at least one attribute.
    messages = {f'yes {n}': each for n, each in enumerate(matching)}
    messages |= {f'no {n}': each for n, each in enumerate(other)}
    entries = [
        {
            'Id': str(n),
            'Message': body,
            'MessageAttributes': {'other': string('x')} | ({'a': each} if each else {}),
        }
        for n, (body, each) in enumerate(messages.items())
    ]
    aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert sorted(aws.drained(queue, len(matching))) == [f'yes {n}' for n in range(len(matching))]
    assert aws.is_empty(queue)


# A policy on bodies, bodies that match, and bodies that do not.
ON_BODIES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    'text': ({'a': ['x']}, [{'a': 'x'}], [{'a': 'y'}, {}, {'a': None}]),
    'number': ({'a': [5]}, [{'a': 5}, {'a': 5.0}], [{'a': '5'}, {'a': 6}]),
    'boolean': ({'a': [True]}, [{'a': True}], [{'a': 'true'}, {'a': False}, {'a': 1}]),
    'null': ({'a': [None]}, [{'a': None}], [{'a': 0}, {'a': ''}, {}]),
    'nested': ({'a': {'b': ['x']}}, [{'a': {'b': 'x', 'c': 1}}], [{'a': 'x'}, {'b': 'x'}]),
    'array': ({'a': ['x']}, [{'a': ['y', 'x']}], [{'a': ['y']}, {'a': []}]),
    'objects in an array': (
        {'a': {'b': ['x']}},
        [{'a': [{'b': 'y'}, {'b': 'x'}]}],
        [{'a': [{'b': 'y'}]}],
    ),
    'prefix': ({'a': [{'prefix': 'ab'}]}, [{'a': 'abc'}], [{'a': 'b'}, {'a': 5}]),
    'suffix': ({'a': [{'suffix': 'yz'}]}, [{'a': 'xyz'}], [{'a': 'yzx'}]),
    'ignore case': ({'a': [{'equals-ignore-case': 'ab'}]}, [{'a': 'aB'}], [{'a': 'abc'}]),
    'wildcard': ({'a': [{'wildcard': 'a*z'}]}, [{'a': 'abz'}], [{'a': 'azb'}]),
    'anything but': (
        {'a': [{'anything-but': ['x']}]},
        [{'a': 'y'}, {'a': ['x', 'y']}],
        [{'a': 'x'}, {}],
    ),
    'range': ({'a': [{'numeric': ['>', 0]}]}, [{'a': 1}], [{'a': 0}, {'a': '1'}]),
    'exists': ({'a': [{'exists': True}]}, [{'a': 'x'}], [{'b': 'x'}]),
    'missing': ({'a': [{'exists': False}]}, [{'b': 'x'}], [{'a': 'x'}]),
    'address': ({'a': [{'cidr': '10.0.0.0/24'}]}, [{'a': '10.0.0.1'}], [{'a': '10.0.1.1'}]),
    'or': (
        {'$or': [{'a': ['x']}, {'b': ['y']}]},
        [{'a': 'x'}, {'b': 'y', 'a': 'z'}],
        [{'a': 'y', 'b': 'x'}],
    ),
    'two fields': ({'a': ['x'], 'b': ['y']}, [{'a': 'x', 'b': 'y'}], [{'a': 'x'}, {'b': 'y'}]),
}


@pytest.mark.parametrize(('policy', 'matching', 'other'), ON_BODIES.values(), ids=ON_BODIES)
def test_a_policy_filters_by_the_body(
    aws: Backend, policy: Any, matching: list[Any], other: list[Any]
) -> None:
    """Source: guide, filter policies: FilterPolicyScope MessageBody."""
    topic, queue = aws.subscribed(FilterPolicy=policy, FilterPolicyScope='MessageBody')
    entries = [
        {'Id': str(n), 'Message': json.dumps(body)} for n, body in enumerate([*matching, *other])
    ]
    aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    found = aws.drained(queue, len(matching))
    assert sorted(found) == sorted(map(json.dumps, matching))
    assert aws.is_empty(queue)


def test_a_policy_on_bodies_filters_out_text(aws: Backend) -> None:
    """Source: guide, filter policies: a body that is not well-formed JSON is filtered out."""
    policy = {'a': [{'exists': False}]}
    topic, queue = aws.subscribed(FilterPolicy=policy, FilterPolicyScope='MessageBody')
    aws.sns.publish(TopicArn=topic, Message='hej')
    assert aws.is_empty(queue)


def test_each_key_of_a_policy_must_match(aws: Backend) -> None:
    """Source: guide, filter policies: AND across keys."""
    topic, queue = aws.subscribed(FilterPolicy={'a': ['x'], 'b': ['y']})
    both = {'a': string('x'), 'b': string('y')}
    for body, attributes in {'one': {'a': string('x')}, 'both': both}.items():
        aws.sns.publish(TopicArn=topic, Message=body, MessageAttributes=attributes)
    assert aws.drained(queue, 1) == ['both']
    assert aws.is_empty(queue)


def test_a_policy_may_have_alternatives(aws: Backend) -> None:
    """Source: guide, filter policies: OR across keys, `$or`."""
    policy = {'$or': [{'a': ['x']}, {'b': [{'prefix': 'y'}]}]}
    topic, queue = aws.subscribed(FilterPolicy=policy)
    for name, value in {'a': 'x', 'b': 'yy', 'c': 'x'}.items():
        attributes = {name: string(value)}
        aws.sns.publish(TopicArn=topic, Message=name, MessageAttributes=attributes)
    assert sorted(aws.drained(queue, 2)) == ['a', 'b']
    assert aws.is_empty(queue)


def test_a_message_without_attributes_matches_no_policy(aws: Backend) -> None:
    """Source: guide, filter policies: the message must have the attribute."""
    topic, queue = aws.subscribed(FilterPolicy={'a': ['x']})
    aws.sns.publish(TopicArn=topic, Message='hej')
    assert aws.is_empty(queue)


def test_a_policy_can_change(aws: Backend) -> None:
    """Source: model, SetSubscriptionAttributes, FilterPolicy."""
    topic, queue = aws.topic(), aws.queue_for_topics()
    arn = aws.subscribe(topic, queue, RawMessageDelivery=True, FilterPolicy={'a': ['x']})
    aws.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName='FilterPolicy', AttributeValue='{"a": ["y"]}'
    )
    aws.wait_for_aws(60)
    for value in 'xy':
        aws.sns.publish(TopicArn=topic, Message=value, MessageAttributes={'a': string(value)})
    assert aws.drained(queue, 1) == ['y']
    assert aws.is_empty(queue)


AT_THE_LIMIT: dict[str, Any] = {
    'five keys': {name: ['x'] for name in 'abcde'},
    '150 combinations': {'a': [str(n) for n in range(150)]},
}


@pytest.mark.parametrize('policy', AT_THE_LIMIT.values(), ids=AT_THE_LIMIT)
def test_a_policy_at_a_limit_is_accepted(aws: Backend, policy: Any) -> None:
    """Source: guide, filter policy constraints: five keys, 150 combinations."""
    aws.subscribed(FilterPolicy=policy)


INVALID: dict[str, Any] = {
    'not an array': {'a': 'x'},
    'empty array': {'a': []},
    'unknown operator': {'a': [{'regex': 'x'}]},
    'six keys': {name: ['x'] for name in 'abcdef'},
    '151 combinations': {'a': [str(n) for n in range(151)]},
    'nested': {'a': {'b': ['x']}},
    'anything but a suffix': {'a': [{'anything-but': {'suffix': 'x'}}]},  # documented and refused
    'not JSON': 'nonsense',
    'range without a number': {'a': [{'numeric': ['>', 'x']}]},
    'exists without a boolean': {'a': [{'exists': 'x'}]},
}


@pytest.mark.parametrize('policy', INVALID.values(), ids=INVALID)
def test_an_invalid_policy_is_refused(aws: Backend, policy: Any) -> None:
    """Source: guide, filter policy constraints; model, InvalidParameter."""
    with refused('InvalidParameter', 'FilterPolicyLimitExceeded'):
        aws.subscribed(FilterPolicy=policy)
