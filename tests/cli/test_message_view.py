from __future__ import annotations

import json
from typing import Any

import click
import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.cli.message_view import message_record, render_message
from mega.cli.output import Record, json_text
from mega.codec import encode
from mega.testing import Bus, Queue
from tests.hostile import HOSTILE_NAMES, nested_json


@pytest.fixture
def bus() -> Bus:
    return Bus()


def received(body: str, **fields: Any) -> dict[str, Any]:
    return {'MessageId': 'm-1', 'ReceiptHandle': 'r-1', 'Body': body, **fields}


def receive(bus: Bus, queue: Queue) -> dict[str, Any]:
    names: list[Any] = ['All']
    answer = bus.sqs.receive_message(
        QueueUrl=queue, AttributeNames=names, MessageAttributeNames=names
    )
    [message] = answer['Messages']
    found: dict[str, Any] = message
    return found


def shown(record: Record) -> str:
    return click.unstyle(render_message(record))


def test_a_record_has_the_data_of_the_message_and_its_payload(bus: Bus) -> None:
    queue = bus.queue('orders.fifo')
    id = SqsPublisher(queue, client=bus.sqs).publish(
        {'amount': 5}, message_attributes={'priority': 1, 'key': b'\0'}, message_group_id='g'
    )
    record = dict(message_record(receive(bus, queue)))
    assert record.pop('sent').timestamp() == pytest.approx(bus.time, abs=0.001)
    assert record == {
        'id': id,
        'kind': 'data',
        'group_id': 'g',
        'receive_count': 1,
        'size': len('{"amount":5}') + len('priorityNumber1') + len('keyBinary') + 1,
        'attributes': {'priority': '1', 'key': b'\0'},
        'payload': {'amount': 5},
    }


@pytest.mark.parametrize(
    ('payload', 'kind'),
    [
        pytest.param({'a': 1}, 'data', id='data'),
        pytest.param(
            {'protocol': 'mega', 'version': '1', 'event': {'name': 'a', 'timestamp': '2026-03-01'}},
            'event',
            id='event',
        ),
        pytest.param('hello', 'text', id='text'),
        pytest.param(b'\xff', 'blob', id='blob'),
    ],
)
def test_the_kind_is_that_of_the_payload(payload: Any, kind: str, bus: Bus) -> None:
    queue = bus.queue('orders')
    SqsPublisher(queue, client=bus.sqs).publish(payload)
    record = message_record(receive(bus, queue))
    assert record['kind'] == kind
    assert json.loads(json_text(record))['kind'] == kind


def test_an_envelope_is_opened_and_its_topic_and_subject_are_shown(bus: Bus) -> None:
    queue = bus.queue('orders')
    topic = bus.topic('events', to=queue)
    SnsPublisher(topic, client=bus.sns).publish(
        {'amount': 5}, subject='Order', message_attributes={'priority': 1}
    )
    record = message_record(receive(bus, queue))
    assert record['topic_arn'] == topic
    assert record['subject'] == 'Order'
    assert record['attributes'] == {'priority': '1'}
    assert record['payload'] == {'amount': 5}


def test_a_request_to_confirm_a_subscription_is_a_notice() -> None:
    body = {
        'Type': 'SubscriptionConfirmation',
        'TopicArn': 'arn:aws:sns:eu-west-1:123456789012:events',
        'Message': 'You have chosen to subscribe',
        'MessageId': 'n-1',
        'Timestamp': '2026-03-01T09:30:00.000Z',
        'SubscribeURL': 'https://sns.eu-west-1.amazonaws.com/',
    }
    record = message_record(received(json.dumps(body)))
    assert (record['kind'], record['notice']) == ('notice', 'SubscriptionConfirmation')
    assert 'notice: SubscriptionConfirmation' in shown(record)


@pytest.mark.parametrize('is_wrapped', [False, True], ids=['plain', 'wrapped'])
def test_an_offloaded_body_is_not_fetched(is_wrapped: bool, bus: Bus) -> None:
    queue, bucket = bus.queue('orders'), bus.bucket('bodies')
    store = S3PayloadStore(bucket, always=True, client=bus.s3)
    if is_wrapped:
        topic = bus.topic('events', to=queue)
        SnsPublisher(topic, payload_store=store, client=bus.sns).publish({'amount': 5})
    else:
        SqsPublisher(queue, payload_store=store, client=bus.sqs).publish({'amount': 5})
    bus.fail('GetObject', 'AccessDenied', 1)
    record = message_record(receive(bus, queue))
    assert record['kind'] == 'offloaded'
    assert (record['pointer']['bucket'], record['pointer']['size']) == (bucket, 12)
    assert 'payload' not in record


def test_the_reason_of_a_dead_letter_is_parsed(bus: Bus) -> None:
    class Fails(MessageSubscriber):
        def process(self, payload: object) -> None:
            raise ValueError('the amount is negative')

    dead, queue = bus.queue('dead'), bus.queue('orders')
    SqsPublisher(queue, client=bus.sqs).publish({}, message_attributes={'a': 'b'})
    bus.run(SqsListener(queue, [Fails], dead_letter_queue_url=dead, client=bus.sqs), raising=False)
    record = message_record(receive(bus, dead))
    assert record['dead_letter']['error'] == 'ValueError'
    assert record['dead_letter']['source_queue'] == queue
    assert record['attributes'] == {'a': 'b'}
    assert 'dead letter: ValueError in Fails: the amount is negative' in shown(record)


@pytest.mark.parametrize('reason', ['', '[]', '{"a": NaN}', '{"a":' * 200_000])
def test_a_reason_that_no_listener_wrote_remains_an_attribute(reason: str) -> None:
    attribute = {'DataType': 'String', 'StringValue': reason}
    message = received('text', MessageAttributes={'MegaDeadLetter': attribute})
    record = message_record(message)
    assert record['attributes'] == {'MegaDeadLetter': reason}
    assert 'dead_letter' not in record


def test_the_first_id_of_a_redriven_message_is_its_origin() -> None:
    attribute = {'DataType': 'String', 'StringValue': 'm-0'}
    record = message_record(received('text', MessageAttributes={'MegaMessageId': attribute}))
    assert record['origin'] == 'm-0'
    assert 'origin: m-0' in shown(record)


def test_a_message_that_cannot_be_opened_says_why_and_keeps_its_body() -> None:
    record = message_record(received('{"a": '))
    assert (record['kind'], record['body']) == ('invalid', '{"a": ')
    assert record['problem'] == 'invalid JSON object: Expecting value at character 6'
    assert shown(record).endswith('  {"a": ')


@pytest.mark.parametrize(
    ('body', 'problem'),
    [
        ('{"a": ', 'invalid JSON object: Expecting value at character 6'),
        ('{"protocol":"mega"}', 'invalid MEGA event: version is None'),
    ],
    ids=['JSON', 'event'],
)
def test_a_body_that_cannot_be_opened_is_shown_out_of_its_envelope(
    body: str, problem: str, bus: Bus
) -> None:
    queue = bus.queue('orders')
    topic = bus.topic('events', to=queue)
    SnsPublisher(topic, client=bus.sns).publish_raw_message(
        body, subject='Order', message_attributes={'priority': 1}
    )
    record = message_record(receive(bus, queue))
    assert (record['kind'], record['body']) == ('invalid', body)
    assert record['problem'].startswith(problem)
    assert (record['topic_arn'], record['subject']) == (topic, 'Order')
    assert record['attributes'] == {'priority': '1'}


def test_an_envelope_that_cannot_be_opened_keeps_its_body() -> None:
    envelope = {'Type': 'Notification', 'TopicArn': 'arn:\n', 'Message': '{}'}
    body = json.dumps({**envelope, 'MessageId': 'n-1', 'Timestamp': '2026-03-01T09:30:00.000Z'})
    record = message_record(received(body))
    assert (record['kind'], record['body']) == ('invalid', body)
    assert 'topic_arn' not in record


def test_a_payload_is_shown_as_indented_json() -> None:
    lines = shown(message_record(received('{"user":{"name":"Zoë"}}'))).splitlines()
    assert lines[1:] == ['  {', '    "user": {', '      "name": "Zoë"', '    }', '  }']
    assert lines[0] == 'm-1  data  24 bytes'


def test_a_text_is_shown_with_its_lines() -> None:
    text = shown(message_record(received('first\nsecond')))
    assert text.splitlines()[1:] == ['  first', '  second']


@pytest.mark.parametrize('text', HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
@pytest.mark.parametrize('place', ['text', 'data', 'invalid', 'attribute', 'subject', 'reason'])
def test_no_text_controls_the_terminal_or_fills_it(text: str, place: str) -> None:
    text += '\x1b]0;title\a\x9b31m\u202eabc\r'
    envelope = {
        'Type': 'Notification',
        'TopicArn': 'arn:aws:sns:eu-west-1:123456789012:events',
        'Message': 'text',
        'MessageId': text.replace('\n', ' ').replace('\r', ' '),
        'Timestamp': '2026-03-01T09:30:00.000Z',
        'Subject': text.replace('\n', ' ').replace('\r', ' '),
    }
    reason = {'DataType': 'String', 'StringValue': json.dumps({'error': text, 'text': text})}
    message = {
        'text': received(text),
        'data': received(encode({text: text})),
        'invalid': received(f'{{{text}'),
        'attribute': received('text', MessageAttributes={text: {'StringValue': text}}),
        'subject': received(json.dumps(envelope)),
        'reason': received('text', MessageAttributes={'MegaDeadLetter': reason}),
    }[place]
    found = shown(message_record(message))
    assert all(line.isprintable() for line in found.split('\n'))
    assert len(found) < 12_000


@pytest.mark.parametrize(
    'body',
    [
        pytest.param('x' * 1_048_576, id='one long line'),
        pytest.param('\n' * 1_048_576, id='many lines'),
        pytest.param(encode({'a': ['\x01'] * 100_000}), id='control characters'),
        pytest.param(nested_json(100), id='100 levels'),
        pytest.param(nested_json(500_000), id='too deep'),
    ],
)
def test_the_text_of_a_large_body_is_bounded_and_its_record_is_complete(body: str) -> None:
    record = message_record(received(body))
    text = shown(record)
    assert len(text) < 12_000
    assert text.count('\n') <= 205
    if body != nested_json(100):
        assert text.endswith('  ... cut: -o json prints all')
    parsed = json.loads(json_text(record))
    content = parsed.get('payload', parsed.get('body'))
    assert (content if isinstance(content, str) else encode(content)) == body
