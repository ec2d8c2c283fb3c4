"""Filter policies of subscribers with a `message_pattern`: SNS excludes no message that matches."""

from __future__ import annotations

from typing import Any

import pytest

from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import DataSubscriber, MessageSubscriber, SqsListener, TextSubscriber
from mega.match.functions import (
    any_,
    exists,
    gt,
    missing,
    not_,
    one_of,
    optional,
    or_,
    prefix,
    suffix,
    wildcard,
)
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber

TEXTS = ['order', 'order.paid', 'ORDER', '5', '-5', '17', 'true', 'null', '["a"]', 'é', ' a', '+5']
ATTRIBUTES: list[dict[str, Any]] = [
    *({'kind': {'DataType': 'String', 'StringValue': text}} for text in TEXTS),
    *({'kind': {'DataType': 'Number', 'StringValue': text}} for text in ('5', '-5', '17', '1.50')),
    *({'kind': {'DataType': 'String.Array', 'StringValue': text}} for text in ('["a"]', '[5]')),
    {'kind': {'DataType': 'Binary', 'BinaryValue': b'order'}},
    {'other': {'DataType': 'String', 'StringValue': 'order'}},
    {},
]
LEAVES: list[Any] = [
    'order', '5', 5, '["a"]', 'é', '+5', prefix('order'), prefix('5'), prefix('['), prefix(''),
    suffix('r'), wildcard('*'), gt(4), one_of('order', 'true'), one_of('order', 5), ['order', 'é'],
    or_('order', prefix('O')), not_('order'), any_(), exists(), missing(), optional('order'),
    b'order', lambda value: True, prefix('ORDER', ignore_case=True),
]  # fmt: skip


def policy_of(*subscribers: Any) -> Any:
    return to_filter_policy(*subscribers, attributes=()).policy


@pytest.mark.no_cover
@pytest.mark.parametrize('place', range(len(LEAVES)))
def test_every_message_that_matches_arrives(place: int) -> None:
    seen: list[Any] = []

    def process(self: MessageSubscriber, payload: Any) -> None:
        seen.append(payload)

    pattern = {'attributes': {'kind': LEAVES[place]}}
    made: Any = type('Made', (TextSubscriber,), {'process': process, 'message_pattern': pattern})
    bus = Bus()
    everything, filtered = bus.queue('everything'), bus.queue('filtered')
    topic = bus.topic('topic', to=everything)
    bus.topic('topic', to=filtered, filter_policy=to_filter_policy(made, attributes=()))
    for number, attributes in enumerate(ATTRIBUTES):
        bus.sns.publish(TopicArn=topic, Message=f'text {number}', MessageAttributes=attributes)
    bus.run(SqsListener(everything, [made], client=bus.sqs))
    expected = sorted(seen)
    seen.clear()
    bus.run(SqsListener(filtered, [made], client=bus.sqs))
    assert sorted(seen) == expected


@pytest.mark.parametrize(
    ('leaf', 'conditions'),
    [
        ('order', ['order']),
        (one_of('order', prefix('refund.')), ['order', {'prefix': 'refund.'}]),
        (['order', 'refund'], ['order', 'refund']),
    ],
)
def test_texts_that_begin_with_a_letter_are_tested(leaf: Any, conditions: list[Any]) -> None:
    made = subscriber(base=TextSubscriber, message_pattern={'attributes': {'kind': leaf}})
    found = policy_of(made)
    assert sorted(map(str, found['kind'])) == sorted(map(str, conditions))


@pytest.mark.parametrize(
    'leaf', ['5', 5, gt(4), prefix('5'), '["a"]', missing(), not_('order')], ids=repr
)
def test_any_other_pattern_of_an_attribute_is_not_tested(leaf: Any) -> None:
    made = subscriber(base=DataSubscriber, message_pattern={'attributes': {'kind': leaf}})
    policy = to_filter_policy(made, attributes=())
    assert policy.policy is None
    [reason] = [str(each) for each in policy.widened if each.path]
    assert reason.startswith('message.attributes.kind: SNS compares an attribute by its type')


def test_other_metadata_and_bodies_have_no_test() -> None:
    pattern = {'attributes': {'kind': 'order'}, 'receive_count': 1}
    made = subscriber(base=DataSubscriber, pattern={'a': 'x'}, message_pattern=pattern)
    by_attributes = to_filter_policy(made, attributes={'a': 'a'})
    assert by_attributes.policy == {'a': ['x'], 'kind': ['order']}
    assert [each.path for each in by_attributes.widened] == ['message.receive_count']
    by_body = to_filter_policy(made)
    assert by_body.policy == {'a': ['x']}
    assert [str(each) for each in by_body.widened] == [
        'message: SNS tests the body, not the attributes of a message'
    ]


def test_a_policy_tells_whether_a_message_with_other_attributes_passes() -> None:
    made = subscriber(base=DataSubscriber, message_pattern={'attributes': {'kind': 'order'}})
    policy = to_filter_policy(made, attributes=())
    assert policy.lets_through({'a': 1}, {'kind': 'order'})
    assert not policy.lets_through({'a': 1}, {'kind': 'refund'})
    assert not policy.lets_through({'a': 1})


def test_a_subscriber_without_a_message_pattern_receives_every_attribute() -> None:
    made = subscriber(base=DataSubscriber, message_pattern={'attributes': {'kind': 'order'}})
    assert policy_of(made, subscriber(base=DataSubscriber)) is None
