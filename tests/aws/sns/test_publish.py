"""The messages of `SnsPublisher`, as they arrive in queues that are subscribed to the topic."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import boto3
import pytest

from mega.aws.sns import SnsPublisher
from mega.codec import encode
from mega.errors import ConfigurationError, EncodeError, EventError
from tests.aws.payloads import CASES, Case
from tests.event.examples import document
from tests.local_aws import LocalAws

PAYLOAD_TYPE_ATTRIBUTE = 'MegaPayloadType'
RAW_OR_NOT = pytest.mark.parametrize('raw', [False, True], ids=['payload', 'raw message'])


def publishing_to(aws: LocalAws, topic_arn: str | None = None) -> SnsPublisher:
    return SnsPublisher(topic_arn, client=aws.client('sns'))


def subscribed_topic(aws: LocalAws, raw: bool = True, fifo: bool = False) -> tuple[str, str]:
    """A topic's ARN, and the URL of a queue that is subscribed to it."""
    topic_arn, queue_url = aws.create_topic(fifo=fifo), aws.create_queue(fifo=fifo)
    aws.subscribe(topic_arn, queue_url, raw=raw)
    return topic_arn, queue_url


def only(aws: LocalAws, queue_url: str) -> dict[str, Any]:
    """The one message of a queue."""
    [message] = aws.receive(queue_url, at_least=1)
    return message


def only_envelope(aws: LocalAws, queue_url: str) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(only(aws, queue_url)['Body'])
    assert envelope['Type'] == 'Notification'
    return envelope


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_payload_is_encoded_with_a_payload_type_only_if_needed(case: Case, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publishing_to(aws, topic_arn).publish(case.payload, binary_encoding=case.binary)
    message = only(aws, queue_url)
    assert message['Body'] == encode(case.payload, case.binary)
    marks = (
        {PAYLOAD_TYPE_ATTRIBUTE: {'DataType': 'String', 'StringValue': case.mark}}
        if case.mark
        else {}
    )
    assert message.get('MessageAttributes', {}) == marks


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_an_envelope_has_the_body_and_the_payload_type(case: Case, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, raw=False)
    publishing_to(aws, topic_arn).publish(case.payload, binary_encoding=case.binary)
    envelope = only_envelope(aws, queue_url)
    assert envelope['Message'] == encode(case.payload, case.binary)
    marks = {PAYLOAD_TYPE_ATTRIBUTE: {'Type': 'String', 'Value': case.mark}} if case.mark else {}
    assert envelope.get('MessageAttributes', {}) == marks


@RAW_OR_NOT
def test_publish_returns_the_message_id_in_the_envelope(raw: bool, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, raw=False)
    publisher = publishing_to(aws, topic_arn)
    message_id = publisher.publish_raw_message('hej') if raw else publisher.publish('hej')
    message = only(aws, queue_url)
    assert json.loads(message['Body'])['MessageId'] == message_id
    assert message['MessageId'] != message_id


@RAW_OR_NOT
def test_attributes_arrive_with_their_types(raw: bool, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    attributes = {
        'tenant': 'grün & <co>',
        'priority': 5,
        'price': Decimal('19.90'),
        'share': 0.5,
        'tags': {'DataType': 'String.Array', 'StringValue': '["a","b"]'},
    }
    publisher = publishing_to(aws, topic_arn)
    send = publisher.publish_raw_message if raw else publisher.publish
    send('hej', message_attributes=attributes)
    assert only(aws, queue_url)['MessageAttributes'] == {
        'tenant': {'DataType': 'String', 'StringValue': 'grün & <co>'},
        'priority': {'DataType': 'Number', 'StringValue': '5'},
        'price': {'DataType': 'Number', 'StringValue': '19.90'},
        'share': {'DataType': 'Number', 'StringValue': '0.5'},
        'tags': {'DataType': 'String.Array', 'StringValue': '["a","b"]'},
    }


@pytest.mark.cannot(moto='answers 500 to who receives a binary attribute that came raw')
def test_a_binary_attribute_arrives_raw(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publishing_to(aws, topic_arn).publish('hej', message_attributes={'digest': b'\x00\xff'})
    found = only(aws, queue_url)['MessageAttributes']
    assert found == {'digest': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}}


@pytest.mark.cannot(ministack='leaves the value of a binary attribute out of the envelope')
def test_a_binary_attribute_is_base64_in_the_envelope(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, raw=False)
    publishing_to(aws, topic_arn).publish('hej', message_attributes={'digest': b'\x00\xff'})
    found = only_envelope(aws, queue_url)['MessageAttributes']
    assert found == {'digest': {'Type': 'Binary', 'Value': 'AP8='}}


def test_the_payload_type_is_sent_with_the_attributes(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publishing_to(aws, topic_arn).publish(b'\x00', message_attributes={'tenant': 'a'})
    found = only(aws, queue_url)['MessageAttributes']
    values = {name: attribute['StringValue'] for name, attribute in found.items()}
    assert values == {'tenant': 'a', PAYLOAD_TYPE_ATTRIBUTE: 'blob'}


@pytest.mark.parametrize('body', ['{"a":', 'text', 'BQAAAAA=', '{"default":"x"}', ' '])
def test_a_raw_message_is_sent_unchanged_without_a_payload_type(body: str, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publishing_to(aws, topic_arn).publish_raw_message(body)
    message = only(aws, queue_url)
    assert message['Body'] == body
    assert not message.get('MessageAttributes')


def test_a_raw_message_may_have_a_payload_type(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publisher = publishing_to(aws, topic_arn)
    publisher.publish_raw_message('{"a":1}', message_attributes={PAYLOAD_TYPE_ATTRIBUTE: 'text'})
    assert (
        only(aws, queue_url)['MessageAttributes'][PAYLOAD_TYPE_ATTRIBUTE]['StringValue'] == 'text'
    )


@RAW_OR_NOT
def test_the_subject_is_in_the_envelope(raw: bool, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, raw=False)
    publisher = publishing_to(aws, topic_arn)
    send = publisher.publish_raw_message if raw else publisher.publish
    send('hej', subject='A greeting')
    assert only_envelope(aws, queue_url)['Subject'] == 'A greeting'


def test_without_a_subject_the_envelope_has_none(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, raw=False)
    publishing_to(aws, topic_arn).publish('hej')
    assert only_envelope(aws, queue_url).get('Subject') is None


@RAW_OR_NOT
def test_a_fifo_topic_gets_the_ids_of_group_and_deduplication(raw: bool, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, fifo=True)
    publisher = publishing_to(aws, topic_arn)
    send = publisher.publish_raw_message if raw else publisher.publish
    for _ in range(2):
        send('hej', message_group_id='cart-7', message_deduplication_id='once')
    attributes = only(aws, queue_url)['Attributes']
    assert attributes['MessageGroupId'] == 'cart-7'
    assert attributes['MessageDeduplicationId'] == 'once'


def test_a_message_without_a_group_is_not_sent_to_a_fifo_topic(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws, fifo=True)
    with pytest.raises(EncodeError) as caught:
        publishing_to(aws, topic_arn).publish({'a': 1}, message_deduplication_id='once')
    assert caught.value.path == 'message_group_id'
    assert aws.counts(queue_url).visible == 0


@RAW_OR_NOT
def test_the_group_is_the_tenant_of_fair_queues(raw: bool, aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publisher = publishing_to(aws, topic_arn)
    send = publisher.publish_raw_message if raw else publisher.publish
    send('hej', message_group_id='tenant-a')
    assert only(aws, queue_url)['Attributes']['MessageGroupId'] == 'tenant-a'


def test_every_subscribed_queue_gets_the_message(aws: LocalAws) -> None:
    topic_arn, first = subscribed_topic(aws)
    second = aws.create_queue()
    aws.subscribe(topic_arn, second, raw=True)
    publishing_to(aws, topic_arn).publish('hej')
    assert only(aws, first)['Body'] == only(aws, second)['Body'] == 'hej'


def test_the_topic_of_a_call_overrides_the_topic_of_the_publisher(aws: LocalAws) -> None:
    own_arn, own = subscribed_topic(aws)
    other_arn, other = subscribed_topic(aws)
    publisher = publishing_to(aws, own_arn)
    publisher.publish('a', topic_arn=other_arn)
    publisher.publish_raw_message('b', topic_arn=other_arn)
    publisher.publish('c')
    assert {message['Body'] for message in aws.receive(other, at_least=2)} == {'a', 'b'}
    assert only(aws, own)['Body'] == 'c'


def test_a_publisher_without_a_topic_needs_one_in_each_call(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publisher = publishing_to(aws)
    publisher.publish('a', topic_arn=topic_arn)
    with pytest.raises(ConfigurationError, match='topic_arn'):
        publisher.publish('b')
    with pytest.raises(ConfigurationError, match='topic_arn'):
        publisher.publish_raw_message('c')
    assert only(aws, queue_url)['Body'] == 'a'


def test_a_publisher_creates_a_client_from_credentials(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    with SnsPublisher(topic_arn, **aws.credentials) as publisher:
        publisher.publish('hej')
    assert only(aws, queue_url)['Body'] == 'hej'


def test_a_publisher_finds_the_region_in_the_arn(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    session = boto3.Session(aws_access_key_id='testing', aws_secret_access_key='testing')
    with SnsPublisher(topic_arn, session=session, endpoint_url=aws.endpoint_url) as publisher:
        publisher.publish('hej')
    assert only(aws, queue_url)['Body'] == 'hej'


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    'a value': ({'user': {'tags': [1, {2}]}}, {}, 'user.tags[1]'),
    'an object': (object, {}, ''),
    'an empty text': ('', {}, ''),
    'an empty blob': (b'', {}, ''),
    'a text in bson': ('hej', {'binary_encoding': True}, ''),
    'an attribute': ('hej', {'message_attributes': {'a': True}}, 'message_attributes.a'),
    'a mark': (
        'hej',
        {'message_attributes': {PAYLOAD_TYPE_ATTRIBUTE: 'text'}},
        f'message_attributes.{PAYLOAD_TYPE_ATTRIBUTE}',
    ),
}


@pytest.mark.parametrize(('payload', 'options', 'path'), REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_payload_is_refused_and_not_sent(
    payload: Any, options: dict[str, Any], path: str, moto: LocalAws
) -> None:
    topic_arn, queue_url = subscribed_topic(moto)
    with pytest.raises(EncodeError) as caught:
        publishing_to(moto, topic_arn).publish(payload, **options)
    assert caught.value.path == path
    assert moto.counts(queue_url).visible == 0


def test_a_dict_that_is_an_invalid_event_is_refused(moto: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(moto)
    with pytest.raises(EventError) as caught:
        publishing_to(moto, topic_arn).publish(document({'timestamp': 'yesterday'}))
    assert caught.value.path == 'event.timestamp'
    assert moto.counts(queue_url).visible == 0


@pytest.mark.parametrize('body', ['', None, b'bytes', {'a': 1}], ids=repr)
def test_a_raw_message_must_be_a_text(body: Any, moto: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(moto)
    with pytest.raises(EncodeError):
        publishing_to(moto, topic_arn).publish_raw_message(body)
    assert moto.counts(queue_url).visible == 0


def test_threads_share_a_publisher(aws: LocalAws) -> None:
    topic_arn, queue_url = subscribed_topic(aws)
    publish = publishing_to(aws, topic_arn).publish
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(publish, ({'number': number} for number in range(40))))
    assert len(ids) == 40
    bodies = {message['Body'] for message in aws.receive(queue_url, at_least=40)}
    assert bodies == {encode({'number': number}) for number in range(40)}
