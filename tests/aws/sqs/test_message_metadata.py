"""The data of SQS and SNS about a message, beside its payload."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timezone
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns.publish import SnsPublisher
from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.publish import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.testing import Bus
from tests.aws.sqs.test_message import received, wrapped

SYSTEM = {
    'SequenceNumber': '18849496460467696128',
    'MessageDeduplicationId': 'order 7',
    'AWSTraceHeader': 'Root=1-5759e988-bd862e3fe1be46a994272793',
    'SenderId': 'AIDAIENQZJOLO23YVJ4VO',
    'DeadLetterQueueSourceArn': 'arn:aws:sqs:eu-west-1:123456789012:orders',
}
OF_SYSTEM = (
    'sequence_number', 'deduplication_id', 'trace_header', 'sender_id', 'dead_letter_source_arn',
)  # fmt: skip
HOSTILE: list[Any] = [None, 5, b'x', ['x'], {'a': 1}, True]


def system_values(message: Message) -> list[Any]:
    return [getattr(message, name) for name in OF_SYSTEM]


def letter(body: str) -> dict[str, Any]:
    """A dead letter of a listener, as boto3 returns it."""
    message = received(body)
    message['MessageAttributes']['MegaDeadLetter'] = {'DataType': 'String', 'StringValue': '{}'}
    return message


def test_the_system_attributes_are_texts_as_sqs_writes_them() -> None:
    assert system_values(read_message(received(**SYSTEM))) == list(SYSTEM.values())


def test_a_system_attribute_that_sqs_does_not_have_is_none() -> None:
    message = read_message({'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': 'hej'})
    assert system_values(message) == [None] * 5
    assert (message.sns_message_id, message.published_time) == (None, None)
    assert system_values(Message('m', 'hej', 'r')) == [None] * 5


@pytest.mark.parametrize('value', HOSTILE, ids=repr)
def test_a_system_attribute_of_another_type_is_none(value: Any) -> None:
    message, payload = open_message(read_message(received(**dict.fromkeys(SYSTEM, value))))
    assert (system_values(message), payload) == ([None] * 5, 'hej')


def test_an_envelope_has_the_id_and_the_time_of_sns() -> None:
    message = open_message(read_message(received(wrapped('hej'))))[0]
    assert message.sns_message_id == 'dc1e94d9-56c5-5e96-808d-cc7f68faa162'
    assert message.published_time == datetime(2021, 2, 16, 21, 41, 19, 978_000, timezone.utc)
    assert message.id == received()['MessageId']


@pytest.mark.parametrize('text', ['', 'yesterday', '2021-02-30T00:00:00Z', '9' * 10**6])
def test_an_unreadable_time_of_sns_is_none(text: str) -> None:
    message, payload = open_message(read_message(received(wrapped('hej', Timestamp=text))))
    assert (message.published_time, payload) == (None, 'hej')


def test_the_attributes_of_sqs_remain_beside_those_in_an_envelope() -> None:
    message = open_message(read_message(letter(wrapped('hej'))))[0]
    assert message.attributes == {}
    assert message.sqs_attributes == {'MegaDeadLetter': '{}'}


def test_without_an_envelope_both_are_the_same() -> None:
    message = open_message(read_message(letter('hej')))[0]
    assert message.sqs_attributes is message.attributes
    assert message.sqs_attributes == {'MegaDeadLetter': '{}'}


@pytest.mark.parametrize('copied', [copy.copy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_has_all_metadata(copied: Any) -> None:
    received = letter(wrapped('hej'))
    received['Attributes'] |= SYSTEM
    message = open_message(read_message(received))[0]
    again = copied(message)
    assert again == message
    assert system_values(again) == list(SYSTEM.values())
    assert again.published_time == message.published_time
    assert again.sqs_attributes == message.sqs_attributes


def test_the_repr_has_no_attributes_and_no_system_attributes() -> None:
    received = letter(wrapped('hej'))
    received['Attributes'] |= SYSTEM
    shown = repr(open_message(read_message(received))[0])
    assert 'MegaDeadLetter' not in shown
    assert SYSTEM['SenderId'] not in shown
    assert "sns_message_id='dc1e94d9-56c5-5e96-808d-cc7f68faa162'" in shown


class First(MessageSubscriber):
    def process(self, payload: Any) -> None:
        self.message.attributes.clear()
        self.message.sqs_attributes.clear()


class Second(MessageSubscriber):
    messages: list[Message] = []

    def process(self, payload: Any) -> None:
        self.messages.append(self.message)


@pytest.fixture
def messages() -> list[Message]:
    Second.messages.clear()
    return Second.messages


def test_a_subscriber_cannot_change_the_attributes_of_another(messages: list[Message]) -> None:
    bus = Bus()
    queue = bus.queue('orders')
    attribute = {'a': {'DataType': 'String', 'StringValue': 'b'}}
    bus.sqs.send_message(QueueUrl=queue, MessageBody=wrapped('hej'), MessageAttributes=attribute)
    bus.run(SqsListener(queue, [First, Second], client=bus.sqs))
    assert [message.sqs_attributes for message in messages] == [{'a': 'b'}]


def test_a_subscriber_knows_the_queue_also_behind_a_topic_and_with_a_body_in_s3(
    messages: list[Message],
) -> None:
    bus = Bus()
    queue, bucket = bus.queue('orders'), bus.bucket('bodies')
    topic = bus.topic('events', to=queue, raw=False)
    SnsPublisher(topic, client=bus.sns).publish('wrapped')
    with S3PayloadStore(bucket, always=True, client=bus.s3) as store:
        SqsPublisher(queue, payload_store=store, client=bus.sqs).publish('offloaded')
        bus.run(SqsListener(queue, [First, Second], payload_store=store, client=bus.sqs))
    assert [message.queue_name for message in messages] == ['orders', 'orders']


def test_a_message_of_no_queue_has_no_name_of_a_queue() -> None:
    assert read_message(received()).queue_name is None


def test_a_listener_on_a_fifo_queue_receives_the_metadata(messages: list[Message]) -> None:
    bus = Bus()
    queue = bus.queue('orders', fifo=True)
    publisher = SqsPublisher(queue, client=bus.sqs)
    for number in (1, 2):
        publisher.publish(
            {'n': number}, message_group_id='a', message_deduplication_id=f'd{number}'
        )
    bus.run(SqsListener(queue, [Second], client=bus.sqs))
    assert [message.deduplication_id for message in messages] == ['d1', 'd2']
    first, second = (message.sequence_number for message in messages)
    assert first is not None
    assert second is not None
    assert first < second


def test_a_listener_on_a_dead_letter_queue_receives_the_source(messages: list[Message]) -> None:
    bus = Bus()
    dead = bus.queue('dead')
    orders = bus.queue('orders', dead_letter=dead, max_receive_count=1, visibility_timeout=1)
    bus.sqs.send_message(QueueUrl=orders, MessageBody='hej')
    for _ in range(2):
        bus.sqs.receive_message(QueueUrl=orders)
        bus.advance(2)
    bus.run(SqsListener(dead, [Second], client=bus.sqs))
    assert [message.dead_letter_source_arn for message in messages] == [orders.arn]
