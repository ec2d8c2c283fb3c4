"""What the documents of the extended clients promise about options and content.

The tests of other promises are in test_extend_sqs.py and test_operations.py. Each row of the table
in docs/extended-client.md names its test, and test_guide.py compares the names.
"""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from mega.aws.extended import ExtendedClient
from mega.aws.s3 import S3PayloadStore
from mega.errors import ConfigurationError, EncodeError, OffloadError, PayloadTooLargeError
from tests.aws.extended.place import LARGE, Place, attribute
from tests.conditional_puts import with_conditional_puts

POINTER_CLASS = 'software.amazon.payloadoffloading.PayloadS3Pointer'
LEGACY_CLASS = 'com.amazon.sqs.javamessaging.MessageS3Pointer'
SIZE = {'DataType': 'Number', 'StringValue': str(len(LARGE.encode()))}


# The options of amazon-sqs-extended-client


def test_large_payload_support_is_the_bucket(place: Place) -> None:
    client = place.client()
    assert client.large_payload_support == place.bucket
    place.send(client)
    assert place.bodies == [LARGE]


def test_always_through_s3_stores_small_bodies(place: Place) -> None:
    for client in (place.client(always=True), place.client()):
        client.always_through_s3 = True
        place.send(client, 'small')
    assert place.bodies == ['small', 'small']


def test_a_small_body_is_in_the_message_by_default(place: Place) -> None:
    client = place.client()
    place.send(client, 'small')
    assert place.raw_message()['Body'] == 'small'
    assert not client.always_through_s3
    assert not place.keys


def test_use_legacy_attribute_writes_the_older_names(place: Place) -> None:
    client = place.client()
    client.use_legacy_attribute = True
    place.send(client)
    message = place.raw_message()
    assert json.loads(message['Body'])[0] == LEGACY_CLASS
    assert message['MessageAttributes'] == {'SQSLargePayloadSize': SIZE}


def test_the_pointer_has_the_names_of_the_extended_clients_by_default(place: Place) -> None:
    place.send(place.client())
    message = place.raw_message()
    pointer_class, location = json.loads(message['Body'])
    assert pointer_class == POINTER_CLASS
    assert location['s3BucketName'] == place.bucket
    assert [location['s3Key']] == place.keys
    assert message['MessageAttributes'] == {'ExtendedPayloadSize': SIZE}


def test_delete_payload_from_s3_deletes_the_body_with_the_message(place: Place) -> None:
    client = place.client()
    place.send(client)
    [message] = place.receive(client)
    client.delete_payload_from_s3 = True
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.is_empty
    assert not place.keys


def test_a_body_remains_by_default(place: Place) -> None:
    client = place.client()
    place.send(client)
    [message] = place.receive(client)
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.is_empty
    assert place.bodies == [LARGE]


def test_s3_client_is_the_client_of_the_store(place: Place) -> None:
    client = place.client()
    assert client.s3_client is place.aws.client('s3')


@pytest.mark.parametrize(('size', 'is_offloaded'), [(262_144, False), (262_145, True)])
def test_the_default_threshold_is_256_kib_with_the_attributes(
    size: int, is_offloaded: bool, place: Place
) -> None:
    attributes = {'tenant': attribute(b'\xff' * 10)}
    own_bytes = len('tenantBinary') + 10
    body = 'a' * (size - own_bytes)
    place.send(place.client(), body, MessageAttributes=attributes)
    assert place.bodies == [body] * is_offloaded


@pytest.mark.parametrize('threshold', [0, 100, 1_048_576])
def test_a_threshold_is_0_bytes_to_1_mib(threshold: int, place: Place) -> None:
    client = place.client(threshold=threshold)
    place.send(client, 'a' * max(threshold, 1))
    assert len(place.keys) == (threshold == 0)
    with pytest.raises(ConfigurationError, match='threshold'):
        place.client(threshold=1_048_577)


def test_nine_attributes_accompany_a_body_in_s3(place: Place) -> None:
    attributes = {f'a{number}': attribute('x') for number in range(10)}
    client = place.client()
    with pytest.raises(EncodeError, match='MessageAttributes are 10; the limit is 9'):
        place.send(client, MessageAttributes=attributes)
    assert not place.keys
    del attributes['a9']
    place.send(client, MessageAttributes=attributes)
    assert len(place.raw_message()['MessageAttributes']) == 10


@pytest.mark.parametrize('name', ['ExtendedPayloadSize', 'SQSLargePayloadSize', 'MegaCompression'])
@pytest.mark.parametrize('body', [LARGE, 'small'])
def test_the_attribute_of_the_size_is_reserved(name: str, body: str, place: Place) -> None:
    with pytest.raises(EncodeError, match=f'MessageAttributes.{name} announces a body in S3'):
        place.send(place.client(), body, MessageAttributes={name: SIZE})
    assert place.is_empty
    assert not place.keys


def test_s3_key_chooses_the_key_below_the_prefix(place: Place) -> None:
    key = attribute('orders/18a3 + ü')
    client = place.client(key_prefix='app/')
    place.send(client, MessageAttributes={'S3Key': key})
    assert place.keys == ['app/orders/18a3 + ü']
    [message] = place.receive(client)
    assert message['Body'] == LARGE
    assert message['MessageAttributes'] == {'S3Key': key}


@with_conditional_puts
def test_an_s3_key_never_replaces_a_body(place: Place) -> None:
    client = place.client()
    place.send(client, MessageAttributes={'S3Key': attribute('the-key')})
    with pytest.raises(OffloadError, match='choose another key'):
        place.send(client, f'{LARGE}!', MessageAttributes={'S3Key': attribute('the-key')})
    assert place.bodies == [LARGE]
    assert place.aws.counts(place.queue_url).visible == 1


# Both libraries


def test_a_body_has_up_to_2_gib(place: Place) -> None:
    place.client(max_payload=2 * 1024**3)
    with pytest.raises(ConfigurationError, match='max_payload'):
        place.client(max_payload=2 * 1024**3 + 1)
    with pytest.raises(PayloadTooLargeError):
        place.send(place.client(max_payload=262_145, threshold=0), 'a' * 262_146)


def test_the_digests_are_those_of_the_received_content(place: Place) -> None:
    """SQS computes the same digests, so that a body in the message is the reference."""
    attributes = {
        'b': attribute(b'\x00\xff'),
        'a': {'DataType': 'Number.int', 'StringValue': '5'},
        'c': {'DataType': 'String.ü', 'StringValue': 'ü'},
    }
    expected = []
    for client in (place.sqs, place.client(threshold=0)):
        sent = place.send(client, 'the body', MessageAttributes=attributes)
        [message] = place.receive(client)
        assert message['MessageAttributes'] == attributes
        digests = [message['MD5OfBody'], message['MD5OfMessageAttributes']]
        assert digests == [sent['MD5OfMessageBody'], sent['MD5OfMessageAttributes']]
        expected.append(digests)
    assert expected[0] == expected[1]
    assert expected[0][0] == md5(b'the body', usedforsecurity=False).hexdigest()


def test_a_message_whose_body_was_in_s3_has_attributes(place: Place) -> None:
    """They are empty, because the attribute of the size is removed."""
    client = place.client()
    sent = place.send(client)
    assert 'MD5OfMessageAttributes' not in sent
    [message] = place.receive(client)
    assert message['MessageAttributes'] == {}
    digest = md5(b'', usedforsecurity=False).hexdigest()
    assert message['MD5OfMessageAttributes'] == digest


@pytest.mark.parametrize('names', [None, [], ['tenant'], ['ExtendedPayloadSize'], ['.*'], ['All']])
def test_the_attribute_of_the_size_is_always_requested(
    names: list[str] | None, place: Place
) -> None:
    attributes = {'tenant': attribute('acme')}
    place.send(place.client(legacy_attribute=True), MessageAttributes=attributes)
    client = place.client()
    parameters = {} if names is None else {'MessageAttributeNames': names}
    response = client.receive_message(QueueUrl=place.queue_url, **parameters)
    [message] = response['Messages']
    assert message['Body'] == LARGE
    has_requested = bool({'tenant', '.*', 'All'}.intersection(names or ()))
    assert message['MessageAttributes'] == (attributes if has_requested else {})


def test_other_methods_and_attributes_are_those_of_the_client(place: Place) -> None:
    client = place.client()
    assert client.meta is place.sqs.meta
    assert client.exceptions is place.sqs.exceptions
    assert client.get_queue_attributes(QueueUrl=place.queue_url)['ResponseMetadata']
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.get_queue_url(QueueName='missing')
    assert client.get_paginator('list_queues').paginate().build_full_result()['QueueUrls']
    with pytest.raises(AttributeError):
        client.always_trough_s3 = True  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        client.send_massage  # noqa: B018


def test_retries_are_those_of_the_given_client(place: Place) -> None:
    config = Config(retries={'max_attempts': 10})
    session = boto3.Session()
    client = session.client('sqs', config=config, **place.aws.credentials)
    extended = ExtendedClient(client, place.store())
    assert extended.meta.config.retries['total_max_attempts'] == 11
    place.send(extended)
    client.close()


def test_parameters_of_the_caller_remain_unchanged(place: Place) -> None:
    client = place.client(delete=True)
    attributes = {'tenant': attribute('acme')}
    entries = [{'Id': '1', 'MessageBody': LARGE, 'MessageAttributes': attributes}]
    names = ['tenant']
    for _ in range(2):
        place.send(client, MessageAttributes=attributes)
        client.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert attributes == {'tenant': attribute('acme')}
    assert entries == [{'Id': '1', 'MessageBody': LARGE, 'MessageAttributes': attributes}]
    received = place.receive(client, MessageAttributeNames=names)
    assert names == ['tenant']
    deleted = [{'Id': '1', 'ReceiptHandle': received[0]['ReceiptHandle']}]
    client.delete_message_batch(QueueUrl=place.queue_url, Entries=deleted)
    assert deleted[0]['ReceiptHandle'] is received[0]['ReceiptHandle']


def test_a_large_body_arrives_through_a_topic_with_raw_delivery(place: Place) -> None:
    arn = place.aws.create_topic()
    place.aws.subscribe(arn, place.queue_url, raw=True)
    client = place.client()
    place.send(client)
    message = place.raw_message()
    place.aws.receive(place.queue_url)
    place.aws.client('sns').publish(
        TopicArn=arn, Message=message['Body'], MessageAttributes=message['MessageAttributes']
    )
    [received] = place.receive(client)
    assert received['Body'] == LARGE


# The guide


def test_retrieve_message_body_returns_the_body_of_a_message_of_another_client(
    place: Place,
) -> None:
    client = place.client()
    for body in (LARGE, 'small'):
        place.send(client, body)
        [message] = place.receive(place.sqs)
        assert client.retrieve_message_body(message) == body
        place.sqs.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.is_empty


def test_an_extended_client_needs_a_client_and_a_store(place: Place) -> None:
    with pytest.raises(ConfigurationError, match='must be a boto3 client of SQS'):
        ExtendedClient(place.aws.client('s3'), place.store())
    with pytest.raises(ConfigurationError, match='S3PayloadStore'):
        ExtendedClient(place.sqs, place.bucket)  # type: ignore[arg-type]
    assert isinstance(place.store(), S3PayloadStore)
    assert place.bucket in repr(place.client())


def test_settings_are_private_to_a_client(place: Place) -> None:
    store = place.store()
    first, second = ExtendedClient(place.sqs, store), ExtendedClient(place.sqs, store)
    first.always_through_s3 = first.delete_payload_from_s3 = True
    place.send(second, 'small')
    assert not place.keys
    place.send(place.sqs, 'small')
    assert not place.keys
    assert not second.delete_payload_from_s3


def test_concurrent_calls_do_not_mix_bodies(place: Place) -> None:
    client = place.client(threshold=100, delete=True)
    bodies = [f'{number} {"x" * 100}' for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda body: place.send(client, body), bodies))
        received = list(threads.map(lambda _: place.receive(client), range(8)))
        messages = [message for some in received for message in some]
        handles = [message['ReceiptHandle'] for message in messages]
        list(
            threads.map(
                lambda handle: client.delete_message(
                    QueueUrl=place.queue_url, ReceiptHandle=handle
                ),
                handles,
            )
        )
    assert sorted(message['Body'] for message in messages) == sorted(bodies)
    assert place.is_empty
    assert not place.keys


def test_a_blob_is_a_text_to_sqs(place: Place) -> None:
    blob = base64.b64encode(bytes(300_000)).decode()
    client = place.client()
    place.send(client, blob)
    [message] = place.receive(client)
    assert message['Body'] == blob
    with pytest.raises(ClientError):
        place.send(place.client(always=True), '')
