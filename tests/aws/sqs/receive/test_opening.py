"""The content of received messages: invalid ones, envelopes, bodies in S3, and typed payloads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher, SqsReceiver
from mega.errors import (
    ConfigurationError,
    ConsumeError,
    DecodeError,
    EnvelopeError,
    EventError,
    InvalidPayloadError,
    OffloadError,
    PointerError,
)
from mega.event import Payload, event
from mega.testing import Bus, Queue
from tests.aws.s3.making import LARGE
from tests.aws.sqs.receive.factories import payloads, published, receiver_on


@pytest.fixture
def orders(bus: Bus) -> Queue:
    return bus.queue('orders')


INVALID: dict[str, tuple[str, type[Exception]]] = {
    'not JSON': ('{"a": ', DecodeError),
    'not an event': ('{"protocol": "mega", "version": 1}', EventError),
    'nested': ('{"a":' * 200 + '1' + '}' * 200, DecodeError),
}


@pytest.mark.parametrize(('body', 'kind'), INVALID.values(), ids=[*INVALID])
def test_the_script_decides_about_a_message_that_cannot_be_opened(
    bus: Bus, orders: Queue, body: str, kind: type[Exception]
) -> None:
    dead = bus.queue('dead')
    SqsPublisher(orders, client=bus.sqs).publish_raw_message(body)
    published(bus, orders, 'hej')
    with receiver_on(bus, orders, dead_letter_queue_url=dead) as receiver:
        invalid, valid = receiver.receive()
        assert (type(invalid.error), valid.error) == (kind, None)
        with pytest.raises(kind):
            invalid.payload  # noqa: B018  # it raises the error
        with pytest.raises(kind):
            invalid.payload_as(dict)
        assert invalid.error is not None
        invalid.dead_letter(invalid.error)
        valid.ack()
    [letter] = bus.dead_letters()
    assert letter.error == kind.__name__


def test_a_script_that_ignores_an_error_does_not_lose_the_message(bus: Bus, orders: Queue) -> None:
    SqsPublisher(orders, client=bus.sqs).publish_raw_message('{')

    def script() -> None:
        with receiver_on(bus, orders) as receiver:
            [received] = receiver.receive()
            assert received.payload
            received.ack()

    with pytest.raises(DecodeError):
        script()
    [again] = receiver_on(bus, orders).receive()
    assert again.message.receive_count == 2


# Through SNS


def test_an_envelope_of_sns_is_opened(bus: Bus, orders: Queue) -> None:
    topic = bus.topic('news', to=orders)
    SnsPublisher(topic, client=bus.sns).publish({'n': 1}, subject='numbers')
    [received] = receiver_on(bus, orders, allowed_topics=[topic]).receive()
    assert received.payload == {'n': 1}
    assert (received.message.topic_arn, received.message.subject) == (topic, 'numbers')


def test_an_envelope_of_another_topic_is_not_opened(bus: Bus, orders: Queue) -> None:
    others = [str(bus.topic('others', to=[]))]
    SnsPublisher(bus.topic('news', to=orders), client=bus.sns).publish({'n': 1})
    [received] = receiver_on(bus, orders, allowed_topics=others).receive()
    assert isinstance(received.error, EnvelopeError)


def test_a_notice_about_a_subscription_has_no_payload(bus: Bus, orders: Queue) -> None:
    notice = {
        'Type': 'SubscriptionConfirmation',
        'TopicArn': 'arn:aws:sns:eu-west-1:123456789012:news',
        'MessageId': '1',
        'Timestamp': '2026-01-01T00:00:00.000Z',
        'Message': 'You have chosen to subscribe',
        'SubscribeURL': 'https://example.com',
        'Token': 'x',
    }
    bus.sqs.send_message(QueueUrl=orders, MessageBody=json.dumps(notice))
    [received] = receiver_on(bus, orders).receive()
    assert isinstance(received.error, ConsumeError)
    assert 'SubscriptionConfirmation of the topic' in str(received.error)


# Bodies in S3


def large(bus: Bus, orders: Queue, **settings: Any) -> S3PayloadStore:
    """Publish a payload whose body is in S3, and return a store that reads it."""
    bucket = bus.bucket('bodies')
    store = S3PayloadStore(bucket, client=bus.s3, **settings)
    SqsPublisher(orders, client=bus.sqs, payload_store=store).publish({'text': 'x' * LARGE})
    return store


def keys(bus: Bus) -> list[str]:
    return [each['Key'] for each in bus.s3.list_objects_v2(Bucket='bodies').get('Contents', [])]


def test_a_body_in_s3_is_fetched_and_deleted_after_its_message(bus: Bus, orders: Queue) -> None:
    store = large(bus, orders, delete=True)
    with receiver_on(bus, orders, payload_store=store) as receiver:
        [received] = receiver.receive()
        assert received.payload == {'text': 'x' * LARGE}
        assert len(keys(bus)) == 1
        received.ack()
    assert keys(bus) == []


def test_a_body_in_s3_stays_with_a_message_that_stays(bus: Bus, orders: Queue) -> None:
    store = large(bus, orders, delete=True)
    with receiver_on(bus, orders, payload_store=store) as receiver:
        [received] = receiver.receive()
        received.retry(0)
    assert len(keys(bus)) == 1


@pytest.mark.parametrize(
    ('on_missing', 'kind'), [('raise', PointerError), ('delete', ConsumeError)]
)
def test_a_missing_body_is_an_error(
    bus: Bus, orders: Queue, on_missing: str, kind: type[Exception]
) -> None:
    store = large(bus, orders, on_missing=on_missing)
    bus.s3.delete_object(Bucket='bodies', Key=keys(bus)[0])
    [received] = receiver_on(bus, orders, payload_store=store).receive()
    assert type(received.error) is kind


def test_a_body_that_s3_does_not_return_now_is_an_error_of_this_receive(
    bus: Bus, orders: Queue
) -> None:
    store = large(bus, orders)
    bus.fail('GetObject', 'ServiceUnavailable')
    receiver = receiver_on(bus, orders, payload_store=store)
    [received] = receiver.receive()
    assert isinstance(received.error, OffloadError)
    received.retry(0)
    [received] = receiver.receive()
    assert received.payload == {'text': 'x' * LARGE}


def test_a_store_of_another_bus_is_refused(bus: Bus, orders: Queue) -> None:
    other = Bus()
    store = S3PayloadStore(other.bucket('bodies'), client=other.s3)
    with pytest.raises(ConfigurationError, match='of the same Bus'):
        receiver_on(bus, orders, payload_store=store)


# Typed payloads


def from_version_1(attributes: dict[str, Any]) -> dict[str, Any]:
    return {**attributes, 'quantity': 1}


@event('item.added', domain='shopping_cart', version=2, upgrade={1: from_version_1})
@dataclass(frozen=True)
class ItemAdded:
    cart_id: str
    quantity: int


@dataclass(frozen=True)
class Order:
    number: int


def event_of(**fields: Any) -> Payload:
    given = {'name': 'item.added', 'domain': 'shopping_cart', 'version': 2, **fields}
    given.setdefault('attributes', {'cart_id': '18a3', 'quantity': 5})
    timestamp = '2026-01-01T00:00:00.000Z'
    document = {'protocol': 'mega', 'version': 1, 'event': {'timestamp': timestamp, **given}}
    return Payload.from_dict(document)


@pytest.mark.parametrize(
    ('payload', 'expected'),
    [
        (ItemAdded('18a3', 5), ItemAdded('18a3', 5)),
        (event_of(version=1, attributes={'cart_id': '18a3'}), ItemAdded('18a3', 1)),
        ({'number': '7'}, Order(7)),
    ],
    ids=['event', 'older version', 'data object'],
)
def test_a_payload_is_read_as_an_object_of_a_class(
    bus: Bus, orders: Queue, payload: Any, expected: Any
) -> None:
    published(bus, orders, payload)
    [received] = receiver_on(bus, orders).receive()
    assert received.payload_as(type(expected)) == expected


@pytest.mark.parametrize(
    ('cls', 'payload', 'problem'),
    [
        (ItemAdded, event_of(name='item.removed'), "event.name must be 'item.added'"),
        (ItemAdded, event_of(domain='stock'), "event.domain must be 'shopping_cart'"),
        (ItemAdded, event_of(version=3), 'event.version must be 1 or 2'),
        (
            ItemAdded,
            event_of(attributes={'cart_id': '1', 'quantity': 'x'}),
            'event.attributes.quantity must be int, not str',
        ),
        (ItemAdded, {'number': 7}, 'the payload must be a MEGA event, not a data object'),
        (ItemAdded, b'x', 'the payload must be a MEGA event, not a blob'),
        (Order, event_of(), 'the payload must be a data object, not a MEGA event'),
        (Order, 'a text', 'the payload must be a data object, not a text'),
        (Order, {}, 'number is missing'),
    ],
    ids=['name', 'domain', 'version', 'attribute', 'data', 'blob', 'event', 'text', 'field'],
)
def test_a_payload_that_does_not_fit_its_class_is_refused(
    bus: Bus, orders: Queue, cls: type, payload: Any, problem: str
) -> None:
    published(bus, orders, payload)
    [received] = receiver_on(bus, orders).receive()
    with pytest.raises(InvalidPayloadError) as caught:
        received.payload_as(cls)
    assert str(caught.value) == f'invalid payload: {problem}'
    assert received.error is None


def test_payloads_of_one_queue_may_have_several_classes(bus: Bus, orders: Queue) -> None:
    published(bus, orders, ItemAdded('18a3', 5), {'number': 7})
    added, order = SqsReceiver(orders, client=bus.sqs, max_number_of_messages=10).receive()
    assert (added.payload_as(ItemAdded).quantity, order.payload_as(Order).number) == (5, 7)
    assert payloads([order]) == [{'number': 7}]
