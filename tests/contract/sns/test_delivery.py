"""Delivery to queues: raw, in envelopes, and to dead-letter queues."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.backend import Backend, bodies

STRING = {'DataType': 'String', 'StringValue': 'grün'}
NUMBER = {'DataType': 'Number', 'StringValue': '1.50'}
BINARY = {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}
ARRAY = {'DataType': 'String.Array', 'StringValue': '["a", "b"]'}


def test_each_queue_of_a_topic_receives_a_message(aws: Backend) -> None:
    """Source: guide, fan-out to SQS queues."""
    topic, queues = aws.topic(), [aws.queue_for_topics() for _ in range(2)]
    for queue in queues:
        aws.subscribe(topic, queue, RawMessageDelivery=True)
    aws.sns.publish(TopicArn=topic, Message='hej')
    assert [bodies(aws.receive(queue)) for queue in queues] == [['hej'], ['hej']]


@pytest.mark.parametrize(
    'body', ['hej', '{"a": "b"}', ' grün\n"\\\t😀'], ids=['text', 'json', 'escapes']
)
def test_a_raw_body_arrives_as_published(aws: Backend, body: str) -> None:
    """Source: guide, raw message delivery."""
    topic, queue = aws.subscribed()
    aws.sns.publish(TopicArn=topic, Message=body, Subject='subject')
    assert aws.receive_one(queue)['Body'] == body


@pytest.mark.parametrize(
    'attribute', [STRING, NUMBER, BINARY], ids=lambda attribute: attribute['DataType']
)
def test_attributes_of_a_raw_message_become_those_of_sqs(
    aws: Backend, attribute: dict[str, Any]
) -> None:
    """Source: guide, raw message delivery and message attributes."""
    topic, queue = aws.subscribed()
    aws.sns.publish(TopicArn=topic, Message='hej', MessageAttributes={'n': attribute})
    assert aws.receive_one(queue)['MessageAttributes'] == {'n': attribute}


def test_a_raw_message_may_have_ten_attributes(aws: Backend) -> None:
    """Source: guide, message attributes: up to 10 with raw message delivery."""
    topic, queue = aws.subscribed()
    attributes = {f'n{number}': STRING for number in range(10)}
    aws.sns.publish(TopicArn=topic, Message='hej', MessageAttributes=attributes)
    assert aws.receive_one(queue)['MessageAttributes'] == attributes


def test_a_raw_message_with_eleven_attributes_is_discarded(aws: Backend) -> None:
    """Source: guide, message attributes: discarded as a client-side error."""
    topic, queue = aws.subscribed()
    attributes = {f'n{number}': STRING for number in range(11)}
    aws.sns.publish(TopicArn=topic, Message='hej', MessageAttributes=attributes)
    assert aws.is_empty(queue)


def test_a_message_in_an_envelope_may_have_eleven_attributes(aws: Backend) -> None:
    """Source: guide, message attributes: the limit concerns raw message delivery."""
    topic, queue = aws.subscribed(raw=False)
    attributes = {f'n{number}': STRING for number in range(11)}
    aws.sns.publish(TopicArn=topic, Message='hej', MessageAttributes=attributes)
    assert len(json.loads(aws.receive_one(queue)['Body'])['MessageAttributes']) == 11


FULL = {
    'Subject': 'greeting',
    'MessageAttributes': {'text': STRING, 'number': NUMBER, 'bytes': BINARY, 'texts': ARRAY},
}
_enveloped: dict[tuple[str, bool], Any] = {}


def enveloped(aws: Backend, is_full: bool = False) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Publish a message to a topic with one queue. Return the response, message and envelope.

    All tests of a backend share the message, because some servers need long for a signature.
    """
    key = (aws.name, is_full)
    if key not in _enveloped:
        topic, queue = aws.subscribed(raw=False)
        parameters = FULL if is_full else {}
        response = aws.sns.publish(TopicArn=topic, Message='grün "1"', **parameters)
        message = aws.receive_one(queue)
        envelope = json.loads(message['Body'])
        assert envelope['TopicArn'] == topic
        _enveloped[key] = response, message, envelope
    found: tuple[Any, dict[str, Any], dict[str, Any]] = _enveloped[key]
    return found


def test_an_envelope_is_a_notification_with_the_published_message(aws: Backend) -> None:
    """Source: guide, HTTP notification JSON format; SQS receives the same object."""
    response, _, envelope = enveloped(aws)
    assert envelope['Type'] == 'Notification'
    assert envelope['Message'] == 'grün "1"'
    assert envelope['MessageId'] == response['MessageId']


def test_an_envelope_has_a_timestamp_with_milliseconds(aws: Backend) -> None:
    """Source: guide, HTTP notification JSON format."""
    *_, envelope = enveloped(aws)
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', envelope['Timestamp'])


def test_an_envelope_is_signed(aws: Backend) -> None:
    """Source: guide, verifying signatures: version 1 by default."""
    *_, envelope = enveloped(aws)
    assert envelope['SignatureVersion'] == '1'
    assert envelope['Signature']
    assert envelope['SigningCertURL'].endswith('.pem')
    assert 'Action=Unsubscribe' in envelope['UnsubscribeURL']


def test_an_envelope_has_the_subject_if_one_was_given(aws: Backend) -> None:
    """Source: guide, HTTP notification JSON format: Subject, if specified."""
    *_, envelope = enveloped(aws, is_full=True)
    assert envelope['Subject'] == 'greeting'


def test_an_envelope_without_subject_and_attributes_has_no_such_fields(aws: Backend) -> None:
    """Source: guide, HTTP notification JSON format."""
    *_, envelope = enveloped(aws)
    assert not {'Subject', 'MessageAttributes', 'SequenceNumber'} & set(envelope)


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        pytest.param('text', {'Type': 'String', 'Value': 'grün'}, id='String'),
        pytest.param('number', {'Type': 'Number', 'Value': '1.50'}, id='Number'),
        pytest.param('bytes', {'Type': 'Binary', 'Value': 'AP8='}, id='Binary'),
        pytest.param('texts', {'Type': 'String.Array', 'Value': '["a", "b"]'}, id='String.Array'),
    ],
)
def test_an_envelope_has_types_and_values_of_attributes(
    aws: Backend, name: str, found: dict[str, str]
) -> None:
    """Source: guide, message attributes: a Binary value is in Base64."""
    _, message, envelope = enveloped(aws, is_full=True)
    assert envelope['MessageAttributes'][name] == found
    assert 'MessageAttributes' not in message


def test_an_envelope_may_be_too_large_for_a_queue(aws: Backend) -> None:
    """Source: model, CreateQueue, MaximumMessageSize: the envelope is the body."""
    topic = aws.topic()
    raw, wrapped = (aws.queue_for_topics(MaximumMessageSize=1_024) for _ in range(2))
    aws.subscribe(topic, raw, RawMessageDelivery=True)
    aws.subscribe(topic, wrapped)
    aws.sns.publish(TopicArn=topic, Message='x' * 1_000)
    assert len(aws.receive_one(raw)['Body']) == 1_000
    assert aws.is_empty(wrapped)


def test_a_standard_topic_passes_the_group_to_its_queues(aws: Backend) -> None:
    """Source: model, Publish, MessageGroupId: forwarded to standard queues."""
    topic, queue = aws.subscribed()
    aws.sns.publish(TopicArn=topic, Message='hej', MessageGroupId='tenant')
    assert aws.receive_one(queue)['Attributes']['MessageGroupId'] == 'tenant'


def test_a_message_that_cannot_be_delivered_moves_to_a_dead_letter_queue(aws: Backend) -> None:
    """Source: guide, SNS dead-letter queues: client-side errors, such as a deleted queue."""
    topic, queue, dead = aws.topic(), aws.queue_for_topics(), aws.queue_for_topics()
    policy = {'deadLetterTargetArn': aws.arn(dead)}
    aws.subscribe(topic, queue, RawMessageDelivery=True, RedrivePolicy=policy)
    aws.sqs.delete_queue(QueueUrl=queue)
    aws.wait_for_aws(60)
    aws.sns.publish(TopicArn=topic, Message='hej', MessageAttributes={'n': STRING})
    assert 'hej' in aws.receive_one(dead)['Body']


def test_a_subscription_returns_its_redrive_policy(aws: Backend) -> None:
    """Source: model, GetSubscriptionAttributes, RedrivePolicy."""
    policy = {'deadLetterTargetArn': aws.arn(aws.queue())}
    arn = aws.subscribe(aws.topic(), aws.queue_for_topics(), RedrivePolicy=policy)
    found = aws.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes']
    assert json.loads(found['RedrivePolicy']) == policy


def test_an_undeliverable_message_without_a_dead_letter_queue_is_lost(aws: Backend) -> None:
    """Source: guide, SNS dead-letter queues: the message is discarded, and publishes go on."""
    topic, gone, queue = aws.topic(), aws.queue_for_topics(), aws.queue_for_topics()
    for each in (gone, queue):
        aws.subscribe(topic, each, RawMessageDelivery=True)
    aws.sqs.delete_queue(QueueUrl=gone)
    aws.wait_for_aws(60)
    aws.sns.publish(TopicArn=topic, Message='hej')
    assert bodies(aws.receive(queue)) == ['hej']
