"""Failures of S3 and SQS, and messages of hostile senders: nothing is lost, and nothing leaks."""

from __future__ import annotations

import json
import logging
import pickle
from contextlib import closing
from hashlib import md5
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mega.aws.extended import ExtendedClient
from mega.aws.s3 import Pointer, S3PayloadStore
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber
from mega.errors import DecodeError, OffloadError, PointerError
from mega.local import FailCall, Server
from mega.testing import Bus
from tests.aws.extended.place import LARGE, Place, attribute
from tests.aws.s3.making import create_bucket, pointing_to, put, send_pointer

# Receiving


def receive_all(place: Place, client: ExtendedClient) -> dict[str, Any]:
    return client.receive_message(QueueUrl=place.queue_url, MaxNumberOfMessages=10)


def test_a_message_without_its_body_does_not_hide_the_others(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    client = place.client()
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    place.send(client)
    response = receive_all(place, client)
    assert [message['Body'] for message in response['Messages']] == [LARGE]
    [failed] = response['Failed']
    assert failed['Code'] == 'OffloadError'
    assert "'missing'" in failed['Message']
    assert 'the object does not exist' in failed['Message']
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert failed['MessageId'] in record.getMessage()
    place.sqs.change_message_visibility(
        QueueUrl=place.queue_url, ReceiptHandle=failed['ReceiptHandle'], VisibilityTimeout=0
    )
    assert place.raw_message()['MessageId'] == failed['MessageId']


def test_a_response_without_a_readable_message_has_no_messages(place: Place) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    response = receive_all(place, place.client())
    assert 'Messages' not in response
    assert len(response['Failed']) == 1


def test_the_text_of_a_failure_ends_with_the_remedy_even_if_the_text_of_aws_is_long(
    place: Place, server: Server
) -> None:
    place.send(place.client())
    server.script(FailCall('AccessDenied', 403, 'x' * 299), operation='GetObject')
    [failed] = receive_all(place, place.client())['Failed']
    assert failed['Message'].endswith(
        '; allow s3:GetObject on the object, the use of its KMS key, and s3:ListBucket on the'
        ' bucket, without which a missing object looks like a forbidden one'
    )


def test_a_message_whose_body_is_missing_is_deleted_if_the_store_says_so(place: Place) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    response = receive_all(place, place.client(on_missing='delete'))
    assert response.keys() == {'ResponseMetadata'}
    assert place.is_empty


def test_a_message_whose_body_is_missing_remains_if_it_cannot_be_deleted(
    place: Place, server: Server
) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    server.script(FailCall('AccessDenied', 403), operation='DeleteMessage')
    response = receive_all(place, place.client(on_missing='delete'))
    [failed] = response['Failed']
    assert failed['Code'] == 'TransportError'
    assert not place.is_empty


def test_a_pointer_is_returned_for_a_missing_body_if_the_store_says_so(place: Place) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    [message] = receive_all(place, place.client(on_missing='raw'))['Messages']
    assert 'missing' in message['Body']
    assert message['MessageAttributes'].keys() == {'ExtendedPayloadSize'}


def test_retrieve_message_body_reports_a_missing_body(place: Place) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    with pytest.raises(OffloadError, match='the object does not exist'):
        place.client().retrieve_message_body(place.raw_message())


@pytest.mark.parametrize('body', ['not a pointer', '[]', '{"s3BucketName":1,"s3Key":"k"}'])
def test_a_broken_pointer_remains_in_the_queue(body: str, place: Place) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'k', 2), body=body)
    [failed] = receive_all(place, place.client())['Failed']
    assert failed['Code'] == 'PointerError'
    assert not place.is_empty


def test_a_body_that_looks_like_a_pointer_is_a_text_without_the_attribute(place: Place) -> None:
    pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b"}]'
    place.send(place.sqs, pointer)
    [message] = place.receive(place.client())
    assert message['Body'] == pointer


def test_a_pointer_into_another_bucket_is_not_followed(place: Place) -> None:
    secret = put(place.aws, create_bucket(place.aws), 'secret')
    send_pointer(place.aws, place.queue_url, secret)
    client = place.client(delete=True)
    [failed] = receive_all(place, client)['Failed']
    assert failed['Code'] == 'PointerError'
    with pytest.raises(PointerError):
        client.retrieve_message_body(pointing_to(secret))


def test_an_error_that_is_not_about_a_body_is_raised(place: Place) -> None:
    """The process has no memory left, for example: a message must not be blamed."""

    class Stream:
        def read(self) -> bytes:
            raise MemoryError

        def close(self) -> None:
            pass

    def replace_stream(parsed: dict[str, Any], **_: object) -> None:
        parsed['Body'] = Stream()

    place.send(place.client())
    with closing(boto3.Session().client('s3', **place.aws.credentials)) as s3:
        s3.meta.events.register('after-call.s3.GetObject', replace_stream)
        client = ExtendedClient(place.sqs, S3PayloadStore(place.bucket, client=s3))
        with pytest.raises(MemoryError):
            receive_all(place, client)
    assert not place.is_empty


# Deleting


@pytest.mark.parametrize('handle', ['-..s3BucketName..-b', '-..s3BucketName..-b-..s3Key..-k', 'x'])
def test_sqs_refuses_a_handle_that_only_begins_like_one_of_another_client(
    handle: str, place: Place
) -> None:
    client = place.client(delete=True)
    with pytest.raises(client.exceptions.ReceiptHandleIsInvalid):
        client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=handle)


def test_a_body_outside_of_the_store_is_not_deleted(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """A receipt handle in the form of other clients may name any bucket."""
    foreign = put(place.aws, create_bucket(place.aws), 'ours')
    place.send(place.sqs, 'small')
    [message] = place.receive(place.sqs)
    mark, key_mark = '-..s3BucketName..-', '-..s3Key..-'
    handle = f'{mark}{foreign.bucket}{mark}{key_mark}{foreign.key}{key_mark}'
    place.client(delete=True).delete_message(
        QueueUrl=place.queue_url, ReceiptHandle=handle + message['ReceiptHandle']
    )
    assert place.is_empty
    assert Place(place.aws, foreign.bucket, place.queue_url).bodies == ['ours']
    assert 'was not deleted' in caplog.text


def test_the_body_remains_if_sqs_does_not_delete_the_message(place: Place, server: Server) -> None:
    client = place.client(delete=True)
    place.send(client)
    [message] = place.receive(client)
    server.script(FailCall('AccessDenied', 403), operation='DeleteMessage')
    with pytest.raises(ClientError):
        client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.bodies == [LARGE]


def test_a_body_of_another_queue_is_not_deleted(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Any sender to a queue can name a body whose own message is in another queue."""
    other = Place.with_bucket(place.bucket, place.aws)
    other.send(other.client())
    [key] = other.keys
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, key, len(LARGE.encode())))
    client = place.client(delete=True)
    [message] = place.receive(client)
    assert message['Body'] == LARGE
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.is_empty
    assert other.bodies == [LARGE]
    assert 'it is the body of a message of another queue' in caplog.text


def test_only_the_bodies_of_deleted_entries_are_deleted(place: Place) -> None:
    client = place.client(delete=True)
    for number in range(2):
        place.send(client, f'{LARGE}{number}')
    kept, deleted = place.receive(client)
    broken = type(kept['ReceiptHandle'])(f'x{kept["ReceiptHandle"]}')
    broken.pointer = kept['ReceiptHandle'].pointer
    entries = [
        {'Id': '0', 'ReceiptHandle': broken},
        {'Id': '1', 'ReceiptHandle': deleted['ReceiptHandle']},
    ]
    response = client.delete_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert [entry['Id'] for entry in response['Failed']] == ['0']
    assert place.bodies == [kept['Body']]


def test_a_receipt_handle_keeps_its_pointer_through_pickle(place: Place) -> None:
    client = place.client(delete=True)
    place.send(client)
    [message] = place.receive(client)
    handle = pickle.loads(pickle.dumps(message['ReceiptHandle']))
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=handle)
    assert not place.keys


# With other parts of the library


def test_the_client_works_on_the_bus() -> None:
    bus = Bus()
    queue, bucket = bus.queue('orders'), bus.bucket('bodies')
    client = ExtendedClient(bus.sqs, S3PayloadStore(bucket, client=bus.s3))
    client.send_message(QueueUrl=queue, MessageBody=LARGE)
    [message] = client.receive_message(QueueUrl=queue)['Messages']
    assert message['Body'] == LARGE


def test_a_listener_reads_the_message_of_an_extended_client_and_deletes_its_body(
    place: Place,
) -> None:
    found: list[object] = []

    class Texts(TextSubscriber):
        def process(self, payload: str) -> None:
            found.append(payload)

    place.send(place.client())
    store = place.store(delete=True)
    with SqsListener(
        place.queue_url, [Texts], client=place.sqs, payload_store=store, wait_time_seconds=0
    ) as listener:
        listener.drain()
    assert found == [LARGE]
    assert place.is_empty
    assert not place.keys


@pytest.mark.parametrize('attributes', [{}, {'kind': 'greeting'}], ids=repr)
def test_a_body_that_is_compressed_in_its_message_is_decompressed(
    attributes: dict[str, str], place: Place
) -> None:
    publisher = SqsPublisher(place.queue_url, client=place.sqs, compression='gzip')
    publisher.publish({'text': 'x' * 1_000}, message_attributes=attributes)
    client = place.client(delete=True)
    body = json.dumps({'text': 'x' * 1_000}, separators=(',', ':'))
    assert client.retrieve_message_body(place.raw_message()) == body
    [message] = place.receive(client)
    assert message['Body'] == body
    assert message['MD5OfBody'] == md5(body.encode(), usedforsecurity=False).hexdigest()
    assert message['MessageAttributes'].keys() == attributes.keys()
    expected = place.send(place.sqs, 'x', MessageAttributes={'kind': attribute('greeting')})
    if attributes:
        assert message['MD5OfMessageAttributes'] == expected['MD5OfMessageAttributes']
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])


def test_a_message_whose_body_is_not_what_its_attribute_says_remains_in_the_queue(
    place: Place,
) -> None:
    place.send(place.sqs, 'AAAA', MessageAttributes={'MegaCompression': attribute('gzip')})
    place.send(place.sqs, 'small')
    response = receive_all(place, place.client())
    assert [message['Body'] for message in response['Messages']] == ['small']
    [failed] = response['Failed']
    assert failed['Code'] == 'DecodeError'
    with pytest.raises(DecodeError):
        place.client().retrieve_message_body(
            {'Body': '?', 'MessageAttributes': {'MegaCompression': attribute('gzip')}}
        )


def test_an_extended_client_reads_the_message_of_a_publisher(place: Place) -> None:
    publisher = SqsPublisher(place.queue_url, client=place.sqs, payload_store=place.store())
    publisher.publish({'body': LARGE})
    client = place.client(delete=True)
    [message] = place.receive(client)
    assert json.loads(message['Body']) == {'body': LARGE}
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert not place.keys
