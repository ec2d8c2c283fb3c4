"""The messages of `SqsPublisher`, as local servers return them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import boto3
import pytest

from mega.aws.sqs import SqsPublisher
from mega.codec import encode
from mega.errors import ConfigurationError, EncodeError, EventError
from tests.aws.payloads import CASES, Case
from tests.event.examples import document
from tests.local_aws import LocalAws

PAYLOAD_TYPE_ATTRIBUTE = 'MegaPayloadType'
FIFO: dict[str, Any] = {'message_group_id': 'cart-7', 'message_deduplication_id': 'once'}


def publishing_to(aws: LocalAws, queue_url: str | None = None) -> SqsPublisher:
    return SqsPublisher(queue_url, client=aws.client('sqs'))


def only(aws: LocalAws, queue_url: str) -> dict[str, Any]:
    """The one message of a queue."""
    [message] = aws.receive(queue_url, at_least=1)
    return message


def delayed(aws: LocalAws, queue_url: str) -> int:
    name = 'ApproximateNumberOfMessagesDelayed'
    found = aws.client('sqs').get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(found['Attributes'][name])


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_payload_is_encoded_with_a_payload_type_only_if_needed(case: Case, aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    publisher.publish(case.payload, binary_encoding=case.binary)
    message = only(aws, queue_url)
    assert message['Body'] == encode(case.payload, case.binary)
    marks = (
        {PAYLOAD_TYPE_ATTRIBUTE: {'DataType': 'String', 'StringValue': case.mark}}
        if case.mark
        else {}
    )
    assert message.get('MessageAttributes', {}) == marks


def test_publish_returns_the_id_of_the_received_message(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    ids = {publisher.publish({'a': 1}), publisher.publish_raw_message('{"a":1}')}
    assert len(ids) == 2
    assert {message['MessageId'] for message in aws.receive(queue_url, at_least=2)} == ids


@pytest.mark.parametrize('raw', [False, True], ids=['payload', 'raw message'])
def test_attributes_arrive_with_their_types(raw: bool, aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    attributes = {
        'tenant': 'grün',
        'priority': 5,
        'price': Decimal('19.90'),
        'share': 0.5,
        'digest': b'\x00\xff',
        'tags': {'DataType': 'String.Array', 'StringValue': '["a","b"]'},
    }
    publisher = publishing_to(aws, queue_url)
    send = publisher.publish_raw_message if raw else publisher.publish
    send('hej', message_attributes=attributes)
    assert only(aws, queue_url)['MessageAttributes'] == {
        'tenant': {'DataType': 'String', 'StringValue': 'grün'},
        'priority': {'DataType': 'Number', 'StringValue': '5'},
        'price': {'DataType': 'Number', 'StringValue': '19.90'},
        'share': {'DataType': 'Number', 'StringValue': '0.5'},
        'digest': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'},
        'tags': {'DataType': 'String.Array', 'StringValue': '["a","b"]'},
    }


def test_the_payload_type_is_sent_with_the_attributes(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    publisher.publish(b'\x00', message_attributes={'tenant': 'a'})
    found = only(aws, queue_url)['MessageAttributes']
    values = {name: attribute['StringValue'] for name, attribute in found.items()}
    assert values == {'tenant': 'a', PAYLOAD_TYPE_ATTRIBUTE: 'blob'}


@pytest.mark.parametrize('body', ['{"a":', 'text', 'BQAAAAA=', '{"Type":"Notification"}', ' '])
def test_a_raw_message_is_sent_unchanged_without_a_payload_type(body: str, aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    publisher.publish_raw_message(body)
    message = only(aws, queue_url)
    assert message['Body'] == body
    assert not message.get('MessageAttributes')


def test_a_raw_message_may_have_a_payload_type(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    publisher.publish_raw_message('{"a":1}', message_attributes={PAYLOAD_TYPE_ATTRIBUTE: 'text'})
    assert (
        only(aws, queue_url)['MessageAttributes'][PAYLOAD_TYPE_ATTRIBUTE]['StringValue'] == 'text'
    )


@pytest.mark.parametrize('raw', [False, True], ids=['payload', 'raw message'])
def test_a_fifo_queue_gets_the_ids_of_group_and_deduplication(raw: bool, aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True)
    publisher = publishing_to(aws, queue_url)
    send = publisher.publish_raw_message if raw else publisher.publish
    for _ in range(2):
        send('hej', **FIFO)
    attributes = only(aws, queue_url)['Attributes']
    assert attributes['MessageGroupId'] == 'cart-7'
    assert attributes['MessageDeduplicationId'] == 'once'


def test_a_fifo_queue_keeps_the_order_of_its_messages(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    publisher = publishing_to(aws, queue_url)
    for number in range(5):
        publisher.publish({'number': number}, message_group_id='g')
    bodies = [message['Body'] for message in aws.receive(queue_url, at_least=5)]
    assert bodies == [encode({'number': number}) for number in range(5)]


def test_a_message_without_a_group_is_not_sent_to_a_fifo_queue(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    publisher = publishing_to(aws, queue_url)
    with pytest.raises(EncodeError) as caught:
        publisher.publish({'a': 1})
    assert caught.value.path == 'message_group_id'
    assert aws.counts(queue_url).visible == 0


@pytest.mark.parametrize('raw', [False, True], ids=['payload', 'raw message'])
def test_the_group_is_the_tenant_of_a_fair_queue(raw: bool, aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    send = publisher.publish_raw_message if raw else publisher.publish
    send('hej', message_group_id='tenant-a')
    assert only(aws, queue_url)['Attributes']['MessageGroupId'] == 'tenant-a'


@pytest.mark.parametrize('raw', [False, True], ids=['payload', 'raw message'])
def test_a_message_may_be_delayed(raw: bool, aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws, queue_url)
    send = publisher.publish_raw_message if raw else publisher.publish
    send('hej', delay_seconds=900)
    assert delayed(aws, queue_url) == 1
    assert aws.counts(queue_url).visible == 0


def test_a_delay_of_zero_overrides_the_delay_of_the_queue(aws: LocalAws) -> None:
    queue_url = aws.create_queue(DelaySeconds=900)
    publisher = publishing_to(aws, queue_url)
    publisher.publish('now', delay_seconds=0)
    publisher.publish('later')
    assert aws.counts(queue_url).visible == delayed(aws, queue_url) == 1
    assert only(aws, queue_url)['Body'] == 'now'


def test_the_queue_of_a_call_overrides_the_queue_of_the_publisher(aws: LocalAws) -> None:
    own, other = aws.create_queue(), aws.create_queue()
    publisher = publishing_to(aws, own)
    publisher.publish('a', queue_url=other)
    publisher.publish_raw_message('b', queue_url=other)
    publisher.publish('c')
    assert {message['Body'] for message in aws.receive(other, at_least=2)} == {'a', 'b'}
    assert only(aws, own)['Body'] == 'c'


def test_a_publisher_without_a_queue_needs_one_in_each_call(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publisher = publishing_to(aws)
    publisher.publish('a', queue_url=queue_url)
    with pytest.raises(ConfigurationError, match='queue_url'):
        publisher.publish('b')
    with pytest.raises(ConfigurationError, match='queue_url'):
        publisher.publish_raw_message('c')
    assert only(aws, queue_url)['Body'] == 'a'


def test_a_publisher_creates_a_client_from_credentials(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    with SqsPublisher(queue_url, **aws.credentials) as publisher:
        publisher.publish('hej')
    assert only(aws, queue_url)['Body'] == 'hej'


def test_a_publisher_creates_a_client_from_a_session(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    session = boto3.Session(aws_access_key_id='testing', aws_secret_access_key='testing')
    with SqsPublisher(
        queue_url, session=session, region_name=aws.region, endpoint_url=aws.endpoint_url
    ) as publisher:
        publisher.publish('hej')
    assert only(aws, queue_url)['Body'] == 'hej'


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    'a value': ({'user': {'tags': [1, {2}]}}, {}, 'user.tags[1]'),
    'not a number': ({'price': float('nan')}, {}, 'price'),
    'a list': ([1], {}, ''),
    'nothing': (None, {}, ''),
    'an empty text': ('', {}, ''),
    'an empty blob': (b'', {}, ''),
    'a text in bson': ('hej', {'binary_encoding': True}, ''),
    'half a surrogate pair': ('\ud800', {}, ''),
    'an attribute': ('hej', {'message_attributes': {'a': None}}, 'message_attributes.a'),
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
    queue_url = moto.create_queue()
    publisher = publishing_to(moto, queue_url)
    with pytest.raises(EncodeError) as caught:
        publisher.publish(payload, **options)
    assert caught.value.path == path
    assert moto.counts(queue_url).visible == 0


def test_a_dict_that_is_an_invalid_event_is_refused(moto: LocalAws) -> None:
    queue_url = moto.create_queue()
    publisher = publishing_to(moto, queue_url)
    with pytest.raises(EventError) as caught:
        publisher.publish(document({'name': 5}))
    assert caught.value.path == 'event.name'
    assert moto.counts(queue_url).visible == 0


@pytest.mark.parametrize('body', ['', None, b'bytes', {'a': 1}, 5], ids=repr)
def test_a_raw_message_must_be_a_text(body: Any, moto: LocalAws) -> None:
    queue_url = moto.create_queue()
    publisher = publishing_to(moto, queue_url)
    with pytest.raises(EncodeError):
        publisher.publish_raw_message(body)
    assert moto.counts(queue_url).visible == 0


def test_publishing_does_not_change_a_payload(moto: LocalAws) -> None:
    payload = document({'item_id': 'x'}, extra={'tags': ('a', 'b')})
    before = document({'item_id': 'x'}, extra={'tags': ('a', 'b')})
    publisher = publishing_to(moto, moto.create_queue())
    publisher.publish(payload)
    publisher.publish(payload, binary_encoding=True)
    assert payload == before


def test_threads_share_a_publisher(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    publish = publishing_to(aws, queue_url).publish
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(publish, ({'number': number} for number in range(40))))
    assert len(ids) == 40
    assert {message['MessageId'] for message in aws.receive(queue_url, at_least=40)} == ids
