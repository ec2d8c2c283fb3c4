"""Local servers apply filter policies: every matched message arrives, and few others.

The servers interpret a policy in their own way. `sns_reference` follows AWS's documentation.
"""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mega.aws._messages.attributes import to_aws, with_filter_attributes
from mega.aws.sns import FilterPolicy, SnsPublisher, to_filter_policy
from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, MessageSubscriber, SqsListener
from mega.codec import WirePayload, encode, to_document
from mega.errors import ConfigurationError, EncodeError, PublishError
from mega.event import PayloadBuilder
from mega.local import Server
from mega.match import evaluate
from mega.match.functions import contains, gt, match, not_, one_of, prefix, substring, suffix
from tests.aws._publishing.batches import EACH_SERVICE, Clients, publisher
from tests.aws.payloads import CASES
from tests.local_aws import LocalAws, Service

NAME_AND_DOMAIN = {'kind': 'event.name', 'domain': 'event.domain'}


class Paid(EventSubscriber):
    domain = 'shop'
    name = one_of('order:paid', 'order:sent')

    def process(self, payload: Any) -> None: ...


class Logins(EventSubscriber):
    domain = 'shop'
    name = match(r'user:login:\w+')
    attributes = {'attempts': gt(2)}

    def process(self, payload: Any) -> None: ...


class Photos(DataSubscriber):
    pattern = {'file': suffix('.png'), 'owner': {'name': not_('test'), 'group': prefix('eu-')}}

    def process(self, payload: Any) -> None: ...


class Tagged(DataSubscriber):
    pattern = {'tags': contains('new'), 'title': substring('sale')}

    def process(self, payload: Any) -> None: ...


def payloads(count: int, seed: int) -> list[WirePayload]:
    """Return events and data objects; each subscriber matches some of them."""
    generator = random.Random(seed)
    names = ('order:paid', 'order:sent', 'order:lost', 'user:login:web', 'user:logout', 'x')
    generated: list[WirePayload] = []
    for number in range(count):
        if number % 2:
            event = PayloadBuilder().with_event(
                domain=generator.choice(('shop', 'shop', 'user')),
                name=generator.choice(names),
                attempts=generator.randrange(6),
            )
            generated.append(event.build())
        else:
            generated.append(
                {
                    'file': generator.choice(('a.png', 'b.jpg', '.png', 'c')),
                    'owner': {
                        'name': generator.choice('abc'),
                        'group': generator.choice(('eu-1', 'us')),
                    },
                    'tags': generator.sample(['new', 'old', 'gift'], generator.randrange(1, 4)),
                    'title': generator.choice(('a sale', 'sale', 'a gift')),
                    'number': number,
                }
            )
    return generated


def is_matched(payload: WirePayload, subscribers: list[type[MessageSubscriber]]) -> bool:
    return any(
        isinstance(payload, each.payload_classes) and evaluate(payload, each.compiled_pattern)
        for each in subscribers
    )


def subscribe(aws: LocalAws, policy: FilterPolicy) -> tuple[str, str]:
    """Return the ARN of a topic, and the URL of a queue that is subscribed with a policy."""
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    aws.subscribe(topic_arn, queue_url, raw=True, **policy.subscription_attributes)
    return topic_arn, queue_url


def receive_bodies(aws: LocalAws, queue_url: str, at_least: int) -> set[str]:
    return {message['Body'] for message in aws.receive(queue_url, at_least=at_least)}


@pytest.mark.parametrize(
    ('subscribers', 'attributes', 'binary'),
    [
        pytest.param([Paid], None, False, id='events'),
        pytest.param([Photos], None, False, id='data'),
        pytest.param(
            [Paid, Logins, Tagged, Photos],
            None,
            False,
            id='all subscribers',
            marks=pytest.mark.cannot(moto='reads $or in a body as a key'),
        ),
        pytest.param(
            [Tagged],
            None,
            False,
            id='wildcards',
            marks=pytest.mark.cannot(moto='does not support wildcards'),
        ),
        pytest.param([Paid], NAME_AND_DOMAIN, False, id='attributes'),
        pytest.param([Paid, Logins], NAME_AND_DOMAIN, True, id='attributes of BSON'),
    ],
)
def test_a_subscription_delivers_every_matched_message_and_excludes_others(
    subscribers: list[type[MessageSubscriber]], attributes: Any, binary: bool, aws: LocalAws
) -> None:
    """The test publishes 200 messages, and `lets_through` predicts which ones may arrive."""
    policy = to_filter_policy(subscribers, attributes=attributes)
    assert policy.policy is not None
    topic_arn, queue_url = subscribe(aws, policy)
    sent = payloads(200, seed=len(subscribers))
    SnsPublisher(topic_arn, client=aws.client('sns')).publish_batch(
        sent, binary, filter_attributes=attributes
    )
    matched = {encode(payload, binary) for payload in sent if is_matched(payload, subscribers)}
    passing = {encode(payload, binary) for payload in sent if policy.lets_through(payload)}
    assert 5 < len(matched) <= len(passing) < 150
    received = receive_bodies(aws, queue_url, at_least=len(matched))
    assert matched <= received
    assert received <= passing


def test_a_policy_can_be_set_and_removed_later(aws: LocalAws) -> None:
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    subscription = aws.subscribe(topic_arn, queue_url, raw=True)
    sns = aws.client('sns')
    to_topic = SnsPublisher(topic_arn, client=sns)

    def arrives(payload: WirePayload) -> bool:
        to_topic.publish(payload)
        to_topic.publish({'a': 'last'})
        return encode(payload) in receive_bodies(aws, queue_url, at_least=1)

    for pattern, passes in (({'a': one_of('x', 'last')}, False), (lambda payload: True, True)):
        attributes = to_filter_policy(pattern).subscription_attributes
        for name, value in attributes.items():
            sns.set_subscription_attributes(
                SubscriptionArn=subscription, AttributeName=name, AttributeValue=value
            )
        assert arrives({'a': 'y'}) is passes


def test_the_policy_of_a_listener_is_the_policy_of_its_subscribers(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    with SqsListener(queue_url, [Paid, Photos], client=aws.client('sqs')) as listener:
        assert listener.subscribers == (Paid, Photos)
        assert to_filter_policy(listener) == to_filter_policy(Paid, Photos)


# ── the attributes that publishers set ───────────────────────────────────────────────────────────


def attributes_of(payload: WirePayload, *paths: str) -> dict[str, Any]:
    """Return the message attributes for the paths of a payload."""
    return to_aws(with_filter_attributes(None, paths, to_document(payload)))


@pytest.mark.parametrize(
    ('value', 'kind', 'text'),
    [
        ('x', 'String', 'x'),
        (5, 'Number', '5'),
        (19.99, 'Number', '19.99'),
        (Decimal('1.50'), 'Number', '1.50'),
        (10**130, 'String', str(10**130)),
        (True, 'String.Array', '[true]'),
        (None, 'String.Array', '[null]'),
        ('a\x00', 'String.Array', '["a\\u0000"]'),
        ('\ud800', 'String.Array', '["\\ud800"]'),
        (['a', 5, 2.5, None, False], 'String.Array', '["a",5,2.5,null,false]'),
        ([{'a': 1}, 'a', ['b', [2]], Decimal('1.50')], 'String.Array', '["a","b",2,1.50]'),
        (datetime(2020, 5, 4, 12, tzinfo=timezone.utc), 'String', '2020-05-04T12:00:00.000'),
        (UUID(int=5), 'String', '00000000-0000-0000-0000-000000000005'),
        ([UUID(int=5)], 'String.Array', '["00000000-0000-0000-0000-000000000005"]'),
    ],
    ids=repr,
)
def test_converts_a_field_to_the_attribute_that_sns_compares(
    value: Any, kind: str, text: str
) -> None:
    assert attributes_of({'a': value}, 'a') == {'a': {'DataType': kind, 'StringValue': text}}


@pytest.mark.parametrize('value', ['', b'x', {}, {'b': 1}, [], [{}], [[]]], ids=repr)
def test_sets_no_attribute_for_a_value_without_one(value: Any) -> None:
    assert attributes_of({'a': value}, 'a', 'missing', 'a.b.c') == {}


@pytest.mark.parametrize('payload', ['a text', b'a blob'])
def test_sets_no_attributes_for_texts_and_blobs(payload: WirePayload) -> None:
    assert attributes_of(payload, 'a') == {}


def test_takes_the_fields_of_an_event_from_its_normal_form() -> None:
    event = {'name': 'e', 'timestamp': '2020-05-04T12:00:00+02:00', 'a': 'x'}
    found = attributes_of(
        {'protocol': 'mega', 'version': '1', 'event': event},
        'event.version', 'event.timestamp', 'event.attributes.a', 'event.a',
    )  # fmt: skip
    assert {name: attribute['StringValue'] for name, attribute in found.items()} == {
        'event_version': '1',
        'event_timestamp': '2020-05-04T10:00:00.000',
        'event_attributes_a': 'x',
    }


@EACH_SERVICE
def test_every_publish_method_sets_filter_attributes(
    service: Service, server: Server, clients: Clients
) -> None:
    to = publisher(server, clients, service)
    filtered: dict[str, Any] = {'filter_attributes': {'kind': 'type'}}
    own = {'message_attributes': {'tenant': 'a'}}
    to.publish({'type': 'one'}, **filtered, **own)
    to.publish({'type': 'two'}, True, **filtered, **own)
    to.publish_batch([{'type': 'three'}], **filtered, **own)
    with to.buffer() as buffer:
        buffer.publish({'type': 'four'}, **filtered, **own)
    kinds = [accepted.attributes['kind']['StringValue'] for accepted in server.accepted()]
    assert kinds == ['one', 'two', 'three', 'four']
    assert {accepted.attributes['tenant']['StringValue'] for accepted in server.accepted()} == {'a'}


@EACH_SERVICE
def test_validates_filter_attributes_like_other_attributes(
    service: Service, server: Server, clients: Clients
) -> None:
    to = publisher(server, clients, service)
    payload = {f'f{n}': n for n in range(10)}
    with pytest.raises(EncodeError, match='the limit is 10'):
        to.publish(payload, filter_attributes=list(payload), message_attributes={'a': 'b'})
    with pytest.raises(EncodeError, match=r'message_attributes\.f1 .*another name'):
        to.publish(payload, filter_attributes=['f1'], message_attributes={'f1': 'b'})
    with pytest.raises(EncodeError, match='MegaPayloadType'):
        to.publish(payload, filter_attributes={'MegaPayloadType': 'f1'})
    with pytest.raises(EncodeError, match='invalid name'):
        to.publish(payload, filter_attributes={'a b': 'f1'})
    with pytest.raises(ConfigurationError, match='filter_attributes'):
        to.publish(payload, filter_attributes='f1')
    with pytest.raises(PublishError, match='filter_attributes'):
        to.publish_batch([payload], filter_attributes='f1')
    assert server.accepted() == []


@pytest.mark.parametrize('name', CASES)
def test_filter_attributes_do_not_change_the_payload(name: str) -> None:
    case = CASES[name]
    before = encode(case.payload, case.binary)
    json.dumps(attributes_of(case.payload, 'event.name', 'type', 'nested', 'price'))
    assert encode(case.payload, case.binary) == before
