"""Failures of S3 and SQS, and messages of hostile senders: nothing is lost, and nothing leaks."""

from __future__ import annotations

import json
import logging
import pickle
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError

from mega.aws.extended import ExtendedClient
from mega.aws.s3 import Pointer, S3PayloadStore
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber
from mega.errors import EncodeError, OffloadError, PointerError
from mega.local import FailCall, FailEntries, Server
from mega.testing import Bus
from tests.aws.answers import Fault, sqs_answer
from tests.aws.extended.place import LARGE, Place, attribute
from tests.aws.fault_server import FaultServer
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


# Sending


def test_no_message_of_a_batch_is_sent_if_an_upload_fails(place: Place, server: Server) -> None:
    server.script(FailCall('AccessDenied', 403), operation='PutObject')
    entries = [{'Id': f'{number}', 'MessageBody': LARGE} for number in range(3)]
    with pytest.raises(OffloadError):
        place.client().send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert place.is_empty
    assert not place.keys


def test_the_body_of_a_refused_message_is_deleted(place: Place) -> None:
    with pytest.raises(ClientError, match='DelaySeconds'):
        place.send(place.client(), DelaySeconds=901)
    assert not place.keys


def test_the_body_of_a_message_that_boto3_refuses_is_deleted(place: Place) -> None:
    with pytest.raises(ParamValidationError, match='Dellay'):
        place.send(place.client(), Dellay=1)
    assert not place.keys


def test_the_body_remains_if_the_message_may_have_been_sent(place: Place, server: Server) -> None:
    server.script(*[FailCall('InternalError', 500)] * 5, operation='SendMessage')
    with pytest.raises(ClientError):
        place.send(place.client())
    assert place.bodies == [LARGE]


def test_the_body_remains_if_the_connection_fails(place: Place, faults: FaultServer) -> None:
    faults.will(Fault.RESET_AFTER)
    client = ExtendedClient(faults.client('sqs'), place.store())
    with pytest.raises(ConnectionClosedError):
        place.send(client)
    with pytest.raises(ConnectionClosedError):
        client.send_message_batch(
            QueueUrl=place.queue_url, Entries=[{'Id': '1', 'MessageBody': LARGE}]
        )
    assert place.bodies == [LARGE, LARGE]


def test_the_bodies_of_refused_entries_are_deleted(place: Place, server: Server) -> None:
    server.script(FailEntries((1,), 'InvalidParameterValue', 400), operation='SendMessageBatch')
    entries = [{'Id': f'{number}', 'MessageBody': f'{LARGE}{number}'} for number in range(2)]
    response = place.client().send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert [entry['Id'] for entry in response['Failed']] == ['1']
    assert place.bodies == [f'{LARGE}0']


def test_an_entry_that_only_the_answer_has_is_returned(place: Place, faults: FaultServer) -> None:
    """A proxy may have written the answer. The message may have been sent: the body remains."""
    strange = {'Id': 'x', 'MessageId': 'm', 'MD5OfMessageBody': 'd'}
    faults.will(sqs_answer(Successful=[strange], Failed=[]))
    client = ExtendedClient(faults.client('sqs'), place.store())
    entries = [{'Id': '1', 'MessageBody': LARGE}]
    response = client.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert response['Successful'] == [strange]
    assert place.bodies == [LARGE]


@pytest.mark.parametrize('key', ['', '../other', 'a/../../b', 'a//b', '%2e%2e/a', 'k' * 1_021])
def test_an_s3_key_that_leaves_the_prefix_is_refused(key: str, place: Place) -> None:
    with pytest.raises(EncodeError, match=r'MessageAttributes\.S3Key'):
        place.send(place.client(key_prefix='app/'), MessageAttributes={'S3Key': attribute(key)})
    assert not place.keys


def test_an_s3_key_that_is_not_a_text_is_refused(place: Place) -> None:
    with pytest.raises(EncodeError, match=r'MessageAttributes\.S3Key is None'):
        place.send(place.client(), MessageAttributes={'S3Key': attribute(b'k')})


def test_an_s3_key_of_a_small_message_has_no_effect(place: Place) -> None:
    place.send(place.client(), 'small', MessageAttributes={'S3Key': attribute('../other')})
    assert place.raw_message()['Body'] == 'small'


def test_a_body_that_utf_8_cannot_carry_is_refused(place: Place) -> None:
    with pytest.raises(EncodeError, match=r'contains U\+D800 at character 300000'):
        place.send(place.client(), f'{LARGE}\ud800')


def test_an_empty_body_is_refused(place: Place) -> None:
    client = place.client(always=True)
    with pytest.raises(EncodeError, match='is empty'):
        place.send(client, '', MessageAttributes={'a': attribute('x')})
    assert not place.keys


@pytest.mark.parametrize(
    'parameters',
    [
        {},
        {'MessageBody': 5},
        {'MessageBody': 'a', 'MessageAttributes': {'a': {'StringValue': 5}}},
        {'MessageBody': 'a', 'MessageAttributes': {'a': 'x'}},
    ],
    ids=str,
)
def test_boto3_reports_invalid_parameters(parameters: dict[str, Any], place: Place) -> None:
    client = place.client(always=True)
    with pytest.raises(ParamValidationError):
        client.send_message(QueueUrl=place.queue_url, **parameters)
    with pytest.raises(ParamValidationError):
        client.send_message_batch(QueueUrl=place.queue_url, Entries=[parameters])
    with pytest.raises(ParamValidationError):
        client.send_message_batch(QueueUrl=place.queue_url)
    with pytest.raises(ParamValidationError):
        client.delete_message(QueueUrl=place.queue_url)
    with pytest.raises(ParamValidationError):
        client.delete_message_batch(QueueUrl=place.queue_url)
    assert not place.keys


def test_a_batch_keeps_bodies_whose_messages_cannot_become_smaller(place: Place) -> None:
    """SQS says so, and nothing is uploaded in vain."""
    large = {'a': attribute('x' * 150_000)}
    many = {f'a{number}': attribute('x' * 15_000) for number in range(10)}
    entries = [
        {'Id': f'{number}', 'MessageBody': 'small', 'MessageAttributes': attributes}
        for number, attributes in enumerate([large, many] * 4)
    ]
    with pytest.raises(ClientError, match='BatchRequestTooLong'):
        place.client().send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert not place.keys


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


def test_an_extended_client_reads_the_message_of_a_publisher(place: Place) -> None:
    publisher = SqsPublisher(place.queue_url, client=place.sqs, payload_store=place.store())
    publisher.publish({'body': LARGE})
    client = place.client(delete=True)
    [message] = place.receive(client)
    assert json.loads(message['Body']) == {'body': LARGE}
    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert not place.keys
