"""The limits of SQS and SNS: the largest messages that they take, and what they refuse."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeAlias

import boto3
import pytest
from botocore.exceptions import ClientError, SSLError

from benchmarks.model_server import running as model_server
from mega.local import Server
from tests.local.conftest import ONCE

Fields: TypeAlias = dict[str, Any]
TARGETS = pytest.mark.parametrize('in_batch', [False, True], ids=['alone', 'in a batch'])
LIMIT = 1_024  # of the queues and topics here, the lowest that there is
TEXT = {'DataType': 'String', 'StringValue': 'v'}


def code_of(call: Callable[..., object], **request: object) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return str(refused.value.response['Error']['Code']).removeprefix('AWS.SimpleQueueService.')


def named(name: str, **value: object) -> Fields:
    """Fields that add an attribute with this name."""
    return {'MessageAttributes': {name: value or TEXT}}


def numbered(count: int) -> Fields:
    return {'MessageAttributes': {f'a{n}': TEXT for n in range(count)}}


GROUP, ID = {'MessageGroupId': 'g'}, {'MessageDeduplicationId': 'd'}
SOUND: dict[str, tuple[Fields, str]] = {
    'largest': ({'MessageBody': 'é' * (LIMIT // 2)}, ''),
    'largest with an attribute': ({'MessageBody': 'x' * (LIMIT - 8), **named('n')}, ''),
    'odd characters': (
        {'MessageBody': '\t\n\r \x7f\x85\ud7ff\ue000\ufffd\U00010000\U0010ffff'},
        '',
    ),
    'ten attributes': (numbered(10), ''),
    'longest attribute name': (named('A-z_0.9'.ljust(256, 'n')), ''),
    'labelled types': (named('n', DataType='Number.int', StringValue='-1.5e+3'), ''),
    'binary value': (named('n', DataType='Binary.png', BinaryValue=b'\0'), ''),
    'longest delay': ({'DelaySeconds': 900}, ''),
    'tenant of a fair queue': ({'MessageGroupId': '!~' * 64}, ''),
    'FIFO': ({**GROUP, **ID}, '.fifo'),
    'FIFO, no delay': ({**GROUP, **ID, 'DelaySeconds': 0}, '.fifo'),
    'FIFO, longest id': ({**GROUP, 'MessageDeduplicationId': 'd' * 128}, '.fifo'),
}
VALUE, CONTENTS, MISSING = 'InvalidParameterValue', 'InvalidMessageContents', 'MissingParameter'
REFUSED: dict[str, tuple[Fields, str, str]] = {
    'too large': ({'MessageBody': 'é' * (LIMIT // 2) + 'x'}, '', VALUE),
    'too large by an attribute': ({'MessageBody': 'x' * (LIMIT - 7), **named('n')}, '', VALUE),
    'empty body': ({'MessageBody': ''}, '', MISSING),
    'control character': ({'MessageBody': 'a\x0b'}, '', CONTENTS),
    'U+FFFE': ({'MessageBody': '\ufffe'}, '', CONTENTS),
    'lone surrogate': ({'MessageBody': '\ud800'}, '', CONTENTS),
    'control character in an attribute': (
        named('n', DataType='String', StringValue='\0'),
        '',
        CONTENTS,
    ),
    'eleven attributes': (numbered(11), '', VALUE),
    'long attribute name': (named('n' * 257), '', VALUE),
    'space in a name': (named('a b'), '', VALUE),
    'reserved name': (named('aMaZoN.n'), '', VALUE),
    'other reserved name': (named('AWS.n'), '', VALUE),
    'leading period': (named('.n'), '', VALUE),
    'trailing period': (named('n.'), '', VALUE),
    'two periods': (named('a..n'), '', VALUE),
    'unknown type': (named('n', DataType='Text', StringValue='v'), '', VALUE),
    'empty type': (named('n', DataType='', StringValue='v'), '', VALUE),
    'empty value': (named('n', DataType='String', StringValue=''), '', VALUE),
    'empty binary value': (named('n', DataType='Binary', BinaryValue=b''), '', VALUE),
    'no number': (named('n', DataType='Number', StringValue='1,5'), '', VALUE),
    'not a number': (named('n', DataType='Number', StringValue='NaN'), '', VALUE),
    'binary as text': (named('n', DataType='Binary', StringValue='v'), '', VALUE),
    'long delay': ({'DelaySeconds': 901}, '', VALUE),
    'negative delay': ({'DelaySeconds': -1}, '', VALUE),
    'long group': ({'MessageGroupId': 'g' * 129}, '', VALUE),
    'space in a group': ({'MessageGroupId': 'a b'}, '', VALUE),
    'deduplication of a standard queue': (ID, '', VALUE),
    'FIFO without a group': (ID, '.fifo', MISSING),
    'FIFO without an id': (GROUP, '.fifo', VALUE),
    'FIFO, delayed': ({**GROUP, **ID, 'DelaySeconds': 1}, '.fifo', VALUE),
    'FIFO, long id': ({**GROUP, 'MessageDeduplicationId': 'd' * 129}, '.fifo', VALUE),
    'FIFO, letter beyond ASCII': ({**GROUP, 'MessageDeduplicationId': 'é'}, '.fifo', VALUE),
}


@TARGETS
@pytest.mark.parametrize(('fields', 'kind'), SOUND.values(), ids=SOUND)
def test_sqs_takes(server: Server, sqs: Any, fields: Fields, kind: str, in_batch: bool) -> None:
    url = server.create_queue('limited', fifo=bool(kind), MaximumMessageSize=LIMIT)
    message = {'MessageBody': 'x', **fields}
    if in_batch:
        answer = sqs.send_message_batch(QueueUrl=url, Entries=[{'Id': 'e', **message}])
        assert 'Failed' not in answer
    else:
        sqs.send_message(QueueUrl=url, **message)
    [accepted] = server.accepted()
    assert accepted.body == message['MessageBody']
    assert accepted.attributes == message.get('MessageAttributes', {})


@TARGETS
@pytest.mark.parametrize(('fields', 'kind', 'code'), REFUSED.values(), ids=REFUSED)
def test_sqs_refuses(
    server: Server, sqs: Any, fields: Fields, kind: str, code: str, in_batch: bool
) -> None:
    """The call where the message is alone, and no other entry of a batch."""
    url = server.create_queue('limited', fifo=bool(kind), MaximumMessageSize=LIMIT)
    message = {'MessageBody': 'x', **fields}
    if in_batch:
        sound = {'Id': 'sound', 'MessageBody': 'x', **({**GROUP, **ID} if kind else {})}
        entries = [{'Id': 'bad', **message}, sound]
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        assert [entry['Id'] for entry in answer['Successful']] == ['sound']
        [failed] = answer['Failed']
        assert (failed['Id'], failed['Code'], failed['SenderFault']) == ('bad', code, True)
    else:
        assert code_of(sqs.send_message, QueueUrl=url, **message) == code
        assert not server.accepted()


def entries_of(*ids: str, size: int = 1, body: str = 'MessageBody') -> list[Fields]:
    return [{'Id': entry_id, body: 'x' * size} for entry_id in ids]


BATCHES = {
    'empty': ([], 'EmptyBatchRequest'),
    'eleven': ([str(n) for n in range(11)], 'TooManyEntriesInBatchRequest'),
    'doubled id': (['a', 'b', 'a'], 'BatchEntryIdsNotDistinct'),
    'id with a period': (['a.b'], 'InvalidBatchEntryId'),
    'long id': (['a' * 81], 'InvalidBatchEntryId'),
}


@pytest.mark.parametrize(('ids', 'code'), BATCHES.values(), ids=BATCHES)
def test_both_refuse_a_whole_batch(
    server: Server, sqs: Any, sns: Any, ids: list[str], code: str
) -> None:
    url, arn = server.create_queue('batches'), server.create_topic('batches')
    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=entries_of(*ids)) == code
    entries = entries_of(*ids, body='Message')
    assert code_of(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=entries) == code
    assert not server.accepted()


def test_sqs_refuses_a_batch_of_more_than_1_mib(server: Server, sqs: Any) -> None:
    url = server.create_queue('batches')
    half = 1_048_576 // 2
    sqs.send_message_batch(QueueUrl=url, Entries=entries_of('a', '_-' * 40, size=half))
    entries = [*entries_of('a', 'b', size=half - 1), *entries_of('c', size=3)]
    code = code_of(sqs.send_message_batch, QueueUrl=url, Entries=entries)
    assert code == 'BatchRequestTooLong'
    assert len(server.accepted()) == 2


SNS_SOUND: dict[str, tuple[Fields, str]] = {
    'largest': ({'Message': 'é' * (LIMIT // 2)}, ''),
    'largest with an attribute': ({'Message': 'x' * (LIMIT - 8), **named('n')}, ''),
    'eleven attributes': (numbered(11), ''),
    'array': (named('n', DataType='String.Array', StringValue='["a"]'), ''),
    'binary value': (named('n', DataType='Binary', BinaryValue=b'\0'), ''),
    'longest subject': ({'Subject': 'é' * 99}, ''),
    'tenant of a fair queue': ({'MessageGroupId': 'g' * 128}, ''),
    'FIFO': ({**GROUP, **ID}, '.fifo'),
}
INVALID = 'InvalidParameter'
SNS_REFUSED: dict[str, tuple[Fields, str, str]] = {
    'empty': ({'Message': ''}, '', INVALID),
    'control character': ({'Message': 'a\x0b'}, '', INVALID),
    'long subject': ({'Subject': 'x' * 100}, '', INVALID),
    'subject of two lines': ({'Subject': 'a\nb'}, '', INVALID),
    'empty subject': ({'Subject': ''}, '', INVALID),
    'reserved attribute': (named('AWS.n'), '', 'ParameterValueInvalid'),
    'empty value': (named('n', DataType='String', StringValue=''), '', 'ParameterValueInvalid'),
    'no number': (named('n', DataType='Number', StringValue='x'), '', 'ParameterValueInvalid'),
    'long group': ({'MessageGroupId': 'g' * 129}, '', INVALID),
    'deduplication of a standard topic': (ID, '', INVALID),
    'FIFO without a group': (ID, '.fifo', INVALID),
    'FIFO without an id': (GROUP, '.fifo', INVALID),
}


@TARGETS
@pytest.mark.parametrize(('fields', 'kind'), SNS_SOUND.values(), ids=SNS_SOUND)
def test_sns_takes(server: Server, sns: Any, fields: Fields, kind: str, in_batch: bool) -> None:
    arn = server.create_topic('limited', fifo=bool(kind), MaximumMessageSize=LIMIT)
    message = {'Message': 'x', **fields}
    if in_batch:
        entries = [{'Id': 'e', **message}]
        answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
        assert not answer['Failed']
    else:
        sns.publish(TopicArn=arn, **message)
    [accepted] = server.accepted()
    assert (accepted.body, accepted.subject) == (message['Message'], message.get('Subject'))
    assert accepted.attributes == message.get('MessageAttributes', {})


@TARGETS
@pytest.mark.parametrize(('fields', 'kind', 'code'), SNS_REFUSED.values(), ids=SNS_REFUSED)
def test_sns_refuses(
    server: Server, sns: Any, fields: Fields, kind: str, code: str, in_batch: bool
) -> None:
    """The call where the message is alone, and its entry in a batch."""
    arn = server.create_topic('limited', fifo=bool(kind), MaximumMessageSize=LIMIT)
    message = {'Message': 'x', **fields}
    if in_batch:
        entries = [{'Id': 'e', **message}]
        answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
        [failed] = answer['Failed']
        assert (failed['Id'], failed['Code'], failed['SenderFault']) == ('e', code, True)
    else:
        assert code_of(sns.publish, TopicArn=arn, **message) == code
    assert not server.accepted()


@pytest.mark.parametrize(
    'fields',
    [{'Message': 'é' * (LIMIT // 2) + 'x'}, {'Message': 'x' * (LIMIT - 7), **named('n')}],
    ids=['body', 'body and attribute'],
)
def test_sns_refuses_what_is_too_large(server: Server, sns: Any, fields: Fields) -> None:
    arn = server.create_topic('limited', MaximumMessageSize=LIMIT)
    assert code_of(sns.publish, TopicArn=arn, **fields) == INVALID
    entries = [{'Id': 'e', **fields}]
    code = code_of(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=entries)
    assert code == 'BatchRequestTooLong'
    assert not server.accepted()


def test_a_topic_takes_256_kib_unless_it_says_otherwise(server: Server, sns: Any) -> None:
    arn = server.create_topic('usual')
    sns.publish(TopicArn=arn, Message='x' * 262_144)
    assert code_of(sns.publish, TopicArn=arn, Message='x' * 262_145) == INVALID


def test_a_queue_or_topic_that_does_not_exist_is_an_error(
    server: Server, sqs: Any, sns: Any
) -> None:
    url = server.endpoint_url + '/123456789012/nowhere'
    assert code_of(sqs.send_message, QueueUrl=url, MessageBody='x') == 'NonExistentQueue'
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody='x')
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn='arn:aws:sns:eu-west-1:123456789012:nowhere', Message='x')


def test_answers_with_the_digests_that_clients_check(server: Server, sqs: Any) -> None:
    """The digests equal moto's."""
    url = server.create_queue('digests')
    attributes = {
        'time.stamp': {'DataType': 'Number', 'StringValue': '1493147359900'},
        'time.b': {'DataType': 'Binary.png', 'BinaryValue': b'\0\xff'},
        'time.A': {'DataType': 'String', 'StringValue': 'é'},
    }
    answer = sqs.send_message(QueueUrl=url, MessageBody='é', MessageAttributes=attributes)
    assert answer['MD5OfMessageBody'] == '66ddcd97cfdeabb2f6fb8a999b4bc76f'
    assert answer['MD5OfMessageAttributes'] == '5bba574fa718da9e8c9b539dbe886a83'
    assert re.fullmatch(r'[0-9a-f-]{36}', answer['MessageId'])
    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=['time.*'])['Messages']
    assert message['MD5OfBody'] == answer['MD5OfMessageBody']
    assert message['MD5OfMessageAttributes'] == answer['MD5OfMessageAttributes']
    assert message['MessageAttributes'] == attributes


def test_serves_https_to_clients_that_trust_its_certificate() -> None:
    with model_server(https=True) as server:
        assert server.endpoint_url.startswith('https://')
        queue_url = server.create_queue('orders')
        with closing(boto3.Session().client('sqs', **server.credentials)) as client:
            client.send_message(QueueUrl=queue_url, MessageBody='hello')
        untrusting = boto3.Session().client('sqs', config=ONCE, verify=True, **server.credentials)
        with closing(untrusting) as client, pytest.raises(SSLError):
            client.send_message(QueueUrl=queue_url, MessageBody='hello')
        assert [accepted.body for accepted in server.accepted()] == ['hello']
    assert 'AWS_CA_BUNDLE' not in os.environ


def test_serves_tls_1_3_and_nothing_older() -> None:
    with model_server(https=True) as server:
        context = ssl.create_default_context(cafile=server.certificate)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        port = int(server.endpoint_url.rpartition(':')[2])
        with (
            socket.create_connection(('127.0.0.1', port)) as plain,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(plain, server_hostname='127.0.0.1')
