"""Failures of sends: which bodies remain in S3, and who reports an invalid parameter."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError

from mega.aws.extended import ExtendedClient
from mega.errors import EncodeError, OffloadError
from mega.local import FailCall, FailEntries, Server
from mega.local import Fault as ServerFault
from tests.aws.answers import Fault, sqs_answer
from tests.aws.extended.place import LARGE, Place, attribute
from tests.aws.fault_server import FaultServer
from tests.conditional_puts import with_conditional_puts


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


@with_conditional_puts
@pytest.mark.parametrize('is_used_before', [False, True])
def test_an_s3_key_is_not_used_twice_by_the_retry_of_an_upload(
    place: Place, server: Server, is_used_before: bool
) -> None:
    """S3 stored the body, and the answer was lost: the retry finds the object that it uploaded."""
    client = place.client()
    parameters: dict[str, Any] = {'MessageAttributes': {'S3Key': attribute('the-key')}}
    if is_used_before:
        place.send(client, **parameters)
        server.script(ServerFault.RESET_AFTER, operation='PutObject')
        with pytest.raises(OffloadError, match='choose another key'):
            place.send(client, **parameters)
        assert place.aws.counts(place.queue_url).visible == 1
    else:
        server.script(ServerFault.RESET_AFTER, operation='PutObject')
        place.send(client, **parameters)
    assert place.bodies == [LARGE]
    [message] = place.receive(client)
    assert message['Body'] == LARGE


@with_conditional_puts
def test_an_upload_whose_object_may_not_be_described_is_refused(
    place: Place, server: Server
) -> None:
    server.script(ServerFault.RESET_AFTER, operation='PutObject')
    server.script(FailCall('AccessDenied', 403), operation='HeadObject')
    with pytest.raises(OffloadError, match='choose another key'):
        place.send(place.client(), MessageAttributes={'S3Key': attribute('the-key')})
    assert place.is_empty


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
        {'MessageBody': 'a', 'MessageAttributes': {'a': {'BinaryValue': b'', 'StringValue': 5}}},
        {'MessageBody': 'a', 'MessageAttributes': 5},
        {'MessageBody': b'a'},
        {'MessageBody': bytearray(b'a')},
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


def test_boto3_reports_an_invalid_url_of_a_queue(place: Place) -> None:
    with pytest.raises(ParamValidationError, match='QueueUrl'):
        place.client().send_message(QueueUrl=5, MessageBody=LARGE)
    assert not place.keys


@pytest.mark.parametrize('entries', [5, 'ab', ['a'], [5], [None], {'a': 1}], ids=repr)
def test_boto3_reports_invalid_entries(entries: Any, place: Place) -> None:
    client = place.client(always=True)
    for call in (
        client.send_message_batch,
        client.delete_message_batch,
        client.change_message_visibility_batch,
    ):
        with pytest.raises(ParamValidationError):
            call(QueueUrl=place.queue_url, Entries=entries)


@pytest.mark.parametrize('names', ['All', 5, {'All': 1}], ids=repr)
def test_boto3_reports_invalid_names_of_attributes(names: Any, place: Place) -> None:
    place.send(place.sqs, 'small')
    with pytest.raises(ParamValidationError):
        place.receive(place.client(), MessageAttributeNames=names)


@pytest.mark.parametrize('value', ['text', 'Grüße', bytearray(b'\xff\x00')], ids=repr)
def test_binary_values_of_each_kind_that_boto3_accepts_are_sent(value: Any, place: Place) -> None:
    """The digests are the same as in SQS. Nothing fails after the message was sent."""
    attributes = {'a': {'DataType': 'Binary', 'BinaryValue': value}}
    expected = place.send(place.sqs, 'small', MessageAttributes=attributes)
    response = place.send(place.client(), MessageAttributes=attributes)
    assert response['MD5OfMessageAttributes'] == expected['MD5OfMessageAttributes']
    entry = {'Id': '1', 'MessageBody': LARGE, 'MessageAttributes': attributes}
    batch = place.client().send_message_batch(QueueUrl=place.queue_url, Entries=[entry])
    [result] = batch['Successful']
    assert result['MD5OfMessageAttributes'] == expected['MD5OfMessageAttributes']
    assert place.bodies == [LARGE, LARGE]


def test_a_large_binary_value_counts(place: Place) -> None:
    value = bytearray(b'\xff' * 300_000)
    place.send(place.client(), 'b', MessageAttributes={'a': attribute(value)})
    assert place.bodies == ['b']


REFUSED_BODIES: dict[str, dict[str, Any]] = {
    'key': {'MessageAttributes': {'S3Key': attribute('../other')}},
    'attributes': {'MessageAttributes': {f'a{n}': attribute('x') for n in range(10)}},
}


@pytest.mark.parametrize('parameters', REFUSED_BODIES.values(), ids=[*REFUSED_BODIES])
def test_a_batch_by_sum_offloads_other_entries_than_those_that_cannot_be(
    parameters: dict[str, Any], place: Place
) -> None:
    large, other = 'x' * 600_000, 'y' * 500_000
    entries: list[dict[str, Any]] = [
        {'Id': '0', 'MessageBody': large, **parameters},
        {'Id': '1', 'MessageBody': other},
    ]
    client = place.client(threshold=1_048_576)
    response = client.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert len(response['Successful']) == 2
    assert place.bodies == [other]


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
