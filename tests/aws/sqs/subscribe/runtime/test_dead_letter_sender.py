"""The dead-letter queue of a listener: the content of dead letters, and that none is lost."""

from __future__ import annotations

import json
import logging
import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mega import timestamps
from mega.aws.sqs.subscribe import ProcessStatus, SqsListener, Stats
from mega.errors import RetriableError
from mega.local import Fault as ServerFault
from mega.local import Server
from mega.testing import Bus
from tests.aws._publishing.batches import Clients
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    listener_on,
    send,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.event.examples import NOTIFICATION, item_added
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)
LEFT = Counts(visible=0, in_flight=1)
WHY = 'MegaDeadLetter'
ATTRIBUTES = {
    'text': {'DataType': 'String', 'StringValue': 'grün'},
    'number': {'DataType': 'Number', 'StringValue': '1.50'},
    'custom': {'DataType': 'String.json', 'StringValue': '[]'},
    'binary': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'},
}


def reason_attributes(message: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a dead letter that contain its reason."""
    attribute = message['MessageAttributes'][WHY]
    assert attribute['DataType'] == 'String'
    read: dict[str, Any] = json.loads(attribute['StringValue'])
    return read


def dead_lettered(aws: LocalAws, dead: str) -> dict[str, Any]:
    [message] = aws.receive(dead, at_least=1)
    return message


def test_a_permanently_failed_message_is_dead_lettered_unchanged_with_the_reason(
    aws: LocalAws,
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    body = '{"type": "user_notification",\n "user": "grün \\ud83d"}'
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    [message_id] = send(aws, queue_url, body, message_attributes=ATTRIBUTES)
    failing = subscriber(KeyError('no such\nuser'), called='Notify')
    stats = listener_on(aws, queue_url, failing, dead_letter_queue_url=dead).drain()
    assert stats == Stats(received=1, fatal=1, dead_lettered=1, deleted=1)
    assert aws.counts(queue_url) == EMPTY
    message = dead_lettered(aws, dead)
    assert message['Body'] == body
    attributes = reason_attributes(message)
    del message['MessageAttributes'][WHY]
    assert message['MessageAttributes'] == ATTRIBUTES
    times = 'sent', 'first_received', 'dead_lettered'
    sent, first, when = (timestamps.parse_timestamp(attributes.pop(key)) for key in times)
    assert sent
    assert first
    assert when
    assert before <= sent <= first <= when <= datetime.now(timezone.utc)
    assert attributes == {
        'error': 'KeyError',
        'text': "'no such\\nuser'",
        'subscriber': 'Notify',
        'message_id': message_id,
        'source_queue': queue_url,
        'receive_count': 1,
    }


@pytest.mark.parametrize('payload', [item_added(), NOTIFICATION, b'{"a":1}'], ids=type)
@pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
def test_a_redriven_message_is_equal(aws: LocalAws, payload: Any, binary: bool) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, payload, binary_encoding=binary)
    failing = subscriber(ProcessStatus.FATAL_ERROR)
    listener_on(aws, queue_url, failing, dead_letter_queue_url=dead).drain()
    seen: list[Any] = []
    assert listener_on(aws, dead, subscriber(None, seen)).drain().done == 1
    assert seen == [payload]


def test_a_dead_letter_of_a_topic_keeps_its_envelope(aws: LocalAws) -> None:
    topic_arn, queue_url, dead = aws.create_topic(), aws.create_queue(), aws.create_queue()
    aws.subscribe(topic_arn, queue_url)
    aws.client('sns').publish(TopicArn=topic_arn, Message='{"a":1}')
    failing = subscriber(ValueError())
    listener_on(aws, queue_url, failing, dead_letter_queue_url=dead).drain()
    message = dead_lettered(aws, dead)
    assert json.loads(message['Body'])['TopicArn'] == topic_arn
    assert reason_attributes(message)['error'] == 'ValueError'


@pytest.mark.parametrize(
    ('body', 'error', 'count'),
    [
        ('{"a":', 'DecodeError', 'unopened'),
        ('{"protocol":"mega","version":1,"event":{"name":"a"}}', 'EventError', 'unopened'),
        ('hej', 'Unmatched', 'unmatched'),
    ],
)
def test_the_reason_of_a_message_that_reached_no_subscriber(
    aws: LocalAws, body: str, error: str, count: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, body)
    unmatching = subscriber(pattern={'a': 1})
    stats = listener_on(aws, queue_url, unmatching, dead_letter_queue_url=dead).drain()
    assert stats == replace(Stats(received=1, dead_lettered=1, deleted=1), **{count: 1})  # type: ignore[arg-type]
    message = dead_lettered(aws, dead)
    assert message['Body'] == body
    assert (reason_attributes(message)['error'], reason_attributes(message)['subscriber']) == (
        error,
        None,
    )
    text = reason_attributes(message)['text']
    assert text
    assert f'is dead-lettered: {error}: {text}' in caplog.text


@pytest.mark.parametrize(
    ('unmatched', 'counts', 'dead_letters', 'action'),
    [
        (None, EMPTY, 1, 'is dead-lettered'),
        ('dead-letter', EMPTY, 1, 'is dead-lettered'),
        ('delete', EMPTY, 0, 'is deleted'),
        ('leave', LEFT, 0, 'stays in the queue'),
    ],
    ids=str,
)
def test_an_unmatched_message_is_dead_lettered_by_default_and_the_log_says_what_happens_to_it(
    aws: LocalAws,
    unmatched: str | None,
    counts: Counts,
    dead_letters: int,
    action: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, 'hej')
    settings = {'unmatched': unmatched, 'dead_letter_queue_url': dead}
    with caplog.at_level(logging.DEBUG, 'mega'):
        listener_on(aws, queue_url, subscriber(pattern='hallo'), **settings).drain()
    assert f', which {action}: explain(payload) and ' in caplog.text
    assert aws.counts(queue_url) == counts
    assert aws.counts(dead).visible == dead_letters


@pytest.mark.parametrize('answer', [RetriableError(), ProcessStatus.RETRY_LATER, None], ids=str)
def test_only_permanent_failures_are_dead_lettered(aws: LocalAws, answer: object) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, 'hej')
    asked = [subscriber(answer), subscriber()]
    listener_on(aws, queue_url, *asked, dead_letter_queue_url=dead).drain()
    assert aws.counts(dead) == EMPTY


def test_a_message_stays_when_its_dead_letter_queue_does_not_exist(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url = aws.create_queue()
    [message_id] = send(aws, queue_url, 'hej')
    gone = {'dead_letter_queue_url': queue_url + '-gone'}
    stats = listener_on(aws, queue_url, subscriber(ValueError()), **gone).drain()
    assert (stats.fatal, stats.dead_lettered, stats.deleted) == (1, 0, 0)
    assert aws.counts(queue_url) == LEFT
    assert any(message_id in text and 'it stays' in text for text in warnings_of(caplog))


def test_a_failed_send_to_the_dead_letter_queue_is_counted_as_an_error(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    gone = {'dead_letter_queue_url': queue_url + '-gone'}
    assert listener_on(aws, queue_url, subscriber(ValueError()), **gone).drain().errors == 1


DELIVERY = sqs_answer(
    Messages=[{'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej', 'MD5OfBody': ''}]
)
NOTHING = sqs_answer()
SENT = sqs_answer(MessageId='2')
READS = ('GetQueueAttributes', 'ReceiveMessage')
QUEUE_URL = 'http://127.0.0.1/123456789012/orders'


def orders_with_dead_letters(server: Server, clients: Clients) -> tuple[str, dict[str, Any]]:
    """Create a queue with a message and a dead-letter queue, and return the settings for it."""
    queue_url, dead = server.create_queue('orders'), server.create_queue('dead')
    clients['sqs'].send_message(QueueUrl=queue_url, MessageBody='hej')
    settings = {'client': clients['sqs'], 'wait_time_seconds': 0, 'dead_letter_queue_url': dead}
    return queue_url, settings


@pytest.mark.parametrize('fault', [ServerFault.ERROR, ServerFault.GARBAGE_BEFORE])
def test_a_message_is_deleted_only_after_sqs_confirmed_its_dead_letter(
    server: Server, clients: Clients, fault: ServerFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)  # no wait before a repetition
    queue_url, settings = orders_with_dead_letters(server, clients)
    server.script(fault, operation='SendMessage')
    with SqsListener(queue_url, [subscriber(ValueError())], **settings) as listener:
        stats = listener.drain()
    assert stats == Stats(received=1, fatal=1, dead_lettered=1, deleted=1, errors=1)
    assert [each.destination.rpartition(':')[2] for each in server.accepted()] == ['orders', 'dead']


def test_a_response_without_an_id_does_not_confirm_a_dead_letter(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)  # no wait before a repetition
    without_id = sqs_answer(MD5OfMessageBody='x')
    will_receive(faults, DELIVERY, NOTHING, SendMessage=[without_id, SENT])
    dead = {'dead_letter_queue_url': f'{QUEUE_URL}-dead'}
    stats = listener_on(faults, QUEUE_URL, subscriber(ValueError()), **dead).drain()
    done = [request.operation for request in faults.requests]
    assert [name for name in done if name not in READS] == [
        'SendMessage', 'SendMessage', 'DeleteMessageBatch'
    ]  # fmt: skip
    assert stats == Stats(received=1, fatal=1, dead_lettered=1, deleted=1, errors=1)


def test_a_message_stays_hidden_until_its_dead_letter_is_sent(bus: Bus) -> None:
    """The repetitions of the send take longer than the visibility timeout."""
    queue_url, dead = bus.queue('orders'), bus.queue('dead')
    send(bus, queue_url, 'hej')
    seen: list[Any] = []
    settings: Any = {'dead_letter_queue_url': dead, 'visibility_timeout': 1}
    listener = listener_on(bus, queue_url, subscriber(ValueError(), seen), **settings)
    begin = bus.time
    bus.fail('SendMessage', times=4)
    bus.run(listener, raising=False)
    assert bus.time - begin > 1
    assert seen == ['hej']
    assert listener.stats() == Stats(received=1, fatal=1, dead_lettered=1, deleted=1, errors=4)


def test_a_dead_letter_whose_sends_got_no_response_arrives_once_in_a_fifo_queue(
    server: Server, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first listener gives up after six sends, and another one receives the message again."""
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)
    queue_url, dead = server.create_queue('orders'), server.create_queue('dead', fifo=True)
    clients['sqs'].send_message(QueueUrl=queue_url, MessageBody='hej')
    server.script(*[ServerFault.TRUNCATED_AFTER] * 6, operation='SendMessage')
    settings: Any = {'dead_letter_queue_url': dead, 'wait_time_seconds': 0, **server.credentials}
    dead_lettered = []
    for _ in '12':
        with SqsListener(queue_url, [subscriber(ValueError())], **settings) as listener:
            dead_lettered.append(listener.drain().dead_lettered)
        server.advance(30)
    assert dead_lettered == [0, 1]
    assert server.counts().calls['SendMessage'] == 8
    received = clients['sqs'].receive_message(QueueUrl=dead, MaxNumberOfMessages=10)
    assert [message['Body'] for message in received['Messages']] == ['hej']


def test_a_second_dead_letter_of_a_message_is_not_a_duplicate_in_a_fifo_queue(
    faults: FaultServer,
) -> None:
    """A redrive can move the message back. It may keep its id, but SQS counts it as sent anew."""
    dead = {'dead_letter_queue_url': f'{QUEUE_URL}-dead.fifo'}
    for sent in ('1606594000000', '1606594060000'):
        message = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}
        delivery = sqs_answer(Messages=[{**message, 'Attributes': {'SentTimestamp': sent}}])
        will_receive(faults, delivery, NOTHING, SendMessage=[SENT])
        stats = listener_on(faults, QUEUE_URL, subscriber(ValueError()), **dead).drain()
        assert stats.dead_lettered == 1
    calls = [
        json.loads(request.body)
        for request in faults.requests
        if request.operation == 'SendMessage'
    ]
    assert [call['MessageGroupId'] for call in calls] == ['1', '1']
    assert len({call['MessageDeduplicationId'] for call in calls}) == 2


def test_a_message_without_room_for_the_reason_is_sent_without_it(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    attributes = {f'number{number}': number for number in range(10)}
    send(aws, queue_url, 'hej', message_attributes=attributes)
    listener = listener_on(aws, queue_url, subscriber(ValueError()), dead_letter_queue_url=dead)
    assert listener.drain().deleted == 1
    assert set(dead_lettered(aws, dead)['MessageAttributes']) == set(attributes)
    assert any('no room' in text for text in warnings_of(caplog))


def test_a_message_of_the_maximum_size_is_sent_without_the_reason(aws: LocalAws) -> None:
    """SQS would reject the message with the reason each time."""
    queue_url, dead = aws.create_queue(), aws.create_queue()
    body = 'a' * 1_048_576
    send(aws, queue_url, body)
    failing = subscriber(ValueError())
    stats = listener_on(aws, queue_url, failing, dead_letter_queue_url=dead).drain()
    assert stats.dead_lettered == 1
    message = dead_lettered(aws, dead)
    assert message['Body'] == body
    assert WHY not in message.get('MessageAttributes', {})


def test_a_second_failure_replaces_the_reason(aws: LocalAws) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    old = {f'number{number}': number for number in range(9)} | {WHY: '{"error": "Old"}'}
    send(aws, queue_url, 'hej', message_attributes=old)
    listener = listener_on(aws, queue_url, subscriber(ValueError()), dead_letter_queue_url=dead)
    listener.drain()
    message = dead_lettered(aws, dead)
    assert reason_attributes(message)['error'] == 'ValueError'
    assert len(message['MessageAttributes']) == 10


def test_a_long_reason_is_shortened(aws: LocalAws) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, 'hej')
    failing = subscriber(ValueError('\x1bé' * 100_000))
    listener_on(aws, queue_url, failing, dead_letter_queue_url=dead).drain()
    message = dead_lettered(aws, dead)
    assert len(message['MessageAttributes'][WHY]['StringValue']) < 4096
    assert reason_attributes(message)['text'].startswith('\\x1bé')


@pytest.mark.parametrize('fifo', [True, False], ids=['fifo', 'standard'])
def test_dead_letters_keep_the_group_and_are_not_deduplicated(aws: LocalAws, fifo: bool) -> None:
    """A FIFO queue drops an equal body for five minutes. But each failure needs a dead letter."""
    queue_url = aws.create_queue(fifo=True)
    dead = aws.create_queue(fifo=fifo, **{'ContentBasedDeduplication': True} if fifo else {})
    for number in '12':
        options = {'message_group_id': 'cart-5', 'message_deduplication_id': number}
        send(aws, queue_url, 'hej', **options)
    listener = listener_on(aws, queue_url, subscriber(ValueError()), dead_letter_queue_url=dead)
    assert listener.drain() == Stats(received=2, fatal=2, dead_lettered=2, deleted=2)
    messages = aws.receive(dead, at_least=2)
    assert len(messages) == 2
    assert {message['Attributes'].get('MessageGroupId') for message in messages} == {'cart-5'}


def test_a_message_without_a_group_gets_its_own_group_in_a_fifo_dead_letter_queue(
    aws: LocalAws,
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue(fifo=True)
    send(aws, queue_url, *'ab')
    listener = listener_on(aws, queue_url, subscriber(ValueError()), dead_letter_queue_url=dead)
    assert listener.drain().dead_lettered == 2
    messages = aws.receive(dead, at_least=2)
    assert len({message['Attributes']['MessageGroupId'] for message in messages}) == 2
