"""Bodies that are gzip in Base64, as JustSaying and Brighter send them, marked by an attribute."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest

from mega.aws._messages.compression import MAX_DECOMPRESSED_BYTES
from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs.receive import SqsReceiver
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener, TextSubscriber
from mega.testing import Bus

ORDER = {'Id': 'order-1', 'items': ['some item'] * 10}


class Data(DataSubscriber):
    def process(self, payload: dict[str, Any]) -> None: ...


class Text(TextSubscriber):
    def process(self, payload: str) -> None: ...


def gzipped(text: str) -> str:
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def string(value: str) -> dict[str, str]:
    return {'DataType': 'String', 'StringValue': value}


BODY = gzipped(json.dumps(ORDER))
JUST_SAYING = {'Content-Encoding': string('gzip,base64')}
BRIGHTER = {'content-type': string('application/gzip')}


def received(bus: Bus, queue: str, name: str | None) -> list[Any]:
    bus.run(SqsListener(queue, [Data, Text], client=bus.sqs, gzip_attribute=name))
    return [each.payload for each in bus.processed()]


@pytest.mark.parametrize('attributes', [JUST_SAYING, BRIGHTER], ids=['JustSaying', 'Brighter'])
def test_a_marked_body_is_decompressed_on_request(bus: Bus, attributes: Any) -> None:
    [name] = attributes
    orders = bus.queue('orders')
    bus.sqs.send_message(QueueUrl=orders, MessageBody=BODY, MessageAttributes=attributes)
    assert received(bus, orders, name) == [ORDER]


def test_it_is_a_text_by_default(bus: Bus) -> None:
    orders = bus.queue('orders')
    bus.sqs.send_message(QueueUrl=orders, MessageBody=BODY, MessageAttributes=JUST_SAYING)
    assert received(bus, orders, None) == [BODY]


@pytest.mark.parametrize('is_raw', [True, False], ids=['raw', 'wrapped'])
def test_a_marked_body_passes_through_a_topic(bus: Bus, is_raw: bool) -> None:
    orders = bus.queue('orders')
    topic = bus.topic('news', to=orders, raw=is_raw)
    bus.sns.publish(TopicArn=topic, Message=BODY, MessageAttributes=JUST_SAYING)
    assert received(bus, orders, 'Content-Encoding') == [ORDER]


def test_the_text_in_the_wrapper_of_justsaying_is_decompressed(bus: Bus) -> None:
    """JustSaying sends this form to queues, unless it is configured to send raw messages."""
    orders = bus.queue('orders')
    wrapper = {'Message': BODY, 'Subject': 'OrderPlaced'}
    bus.sqs.send_message(
        QueueUrl=orders, MessageBody=json.dumps(wrapper), MessageAttributes=JUST_SAYING
    )
    assert received(bus, orders, 'Content-Encoding') == [
        {'Message': json.dumps(ORDER), 'Subject': 'OrderPlaced'}
    ]


@pytest.mark.parametrize('value', ['application/json', 'br', 'GZIP'])
def test_a_body_with_another_value_is_not_changed(bus: Bus, value: str) -> None:
    orders = bus.queue('orders')
    attributes = {'content-type': string(value)}
    bus.sqs.send_message(QueueUrl=orders, MessageBody='some text', MessageAttributes=attributes)
    assert received(bus, orders, 'content-type') == ['some text']


@pytest.mark.parametrize(
    'body',
    [gzipped('a' * (MAX_DECOMPRESSED_BYTES + 1)), BODY[:-8], 'some text', '{"a":1}'],
    ids=['bomb', 'incomplete', 'text', 'data'],
)
def test_a_body_that_is_not_what_its_attribute_says_is_dead_lettered(bus: Bus, body: str) -> None:
    orders, failed = bus.queue('orders'), bus.queue('failed')
    bus.sqs.send_message(QueueUrl=orders, MessageBody=body, MessageAttributes=JUST_SAYING)
    options: dict[str, Any] = {'gzip_attribute': 'Content-Encoding', 'client': bus.sqs}
    bus.run(SqsListener(orders, [Data, Text], dead_letter_queue_url=failed, **options))
    [dead] = bus.dead_letters()
    assert dead.error == 'DecodeError'
    assert dead.body == body


def test_a_receiver_decompresses_on_request(bus: Bus) -> None:
    orders = bus.queue('orders')
    bus.sqs.send_message(QueueUrl=orders, MessageBody=BODY, MessageAttributes=JUST_SAYING)
    with SqsReceiver(orders, client=bus.sqs, gzip_attribute='Content-Encoding') as receiver:
        [message] = receiver.receive()
        assert message.payload == ORDER
        message.ack()


def test_a_function_of_lambda_decompresses_on_request() -> None:
    found = []

    class Order(DataSubscriber):
        def process(self, payload: dict[str, Any]) -> None:
            found.append(payload)

    attribute = {'stringValue': 'gzip,base64', 'dataType': 'String'}
    record = {
        'messageId': '1',
        'receiptHandle': '1',
        'body': BODY,
        'attributes': {'ApproximateReceiveCount': '1'},
        'messageAttributes': {'Content-Encoding': attribute},
        'eventSource': 'aws:sqs',
        'eventSourceARN': 'arn:aws:sqs:eu-west-1:123456789012:orders',
        'awsRegion': 'eu-west-1',
    }
    handler = LambdaHandler([Order], gzip_attribute='Content-Encoding')
    assert handler({'Records': [record]}) == {'batchItemFailures': []}
    assert found == [ORDER]
