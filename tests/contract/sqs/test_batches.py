"""Requests with several entries, and their results entry by entry."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.contract.backend import Backend, bodies, refused

GOOD: dict[str, Any] = {'MessageBody': 'good'}


def entries(count: int, **entry: Any) -> list[dict[str, Any]]:
    return [{'Id': f'id-{number}', **entry} for number in range(count)]


def test_each_entry_of_a_send_has_a_result(aws: Backend) -> None:
    """Source: model, SendMessageBatch: Successful, with Id, MessageId and MD5OfMessageBody."""
    url = aws.queue()
    response = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries(10, **GOOD))
    results = {each['Id']: each for each in response['Successful']}
    assert set(results) == {f'id-{number}' for number in range(10)}
    assert len({each['MessageId'] for each in results.values()}) == 10
    assert {each['MD5OfMessageBody'] for each in results.values()} == {
        hashlib.md5(b'good').hexdigest()
    }
    assert not response.get('Failed')
    assert len(aws.receive(url, at_least=10)) == 10


BAD = {
    'character': {'MessageBody': 'bad \x00'},
    'attribute': {
        'MessageBody': 'bad',
        'MessageAttributes': {'AWS.x': {'DataType': 'String', 'StringValue': 'x'}},
    },
    'size': {'MessageBody': 'x' * 1_025},
}


@pytest.mark.parametrize('bad', BAD.values(), ids=BAD)
def test_an_invalid_entry_fails_alone(aws: Backend, bad: dict[str, Any]) -> None:
    """Source: model, SendMessageBatch: the result of each message is reported individually."""
    url = aws.queue(MaximumMessageSize=1_024)
    response = aws.sqs.send_message_batch(
        QueueUrl=url, Entries=[{'Id': 'bad', **bad}, {'Id': 'good', **GOOD}]
    )
    [failed] = response['Failed']
    assert (failed['Id'], failed['SenderFault']) == ('bad', True)
    assert failed['Code']
    assert [each['Id'] for each in response['Successful']] == ['good']
    assert bodies(aws.receive(url)) == ['good']


@pytest.mark.parametrize(
    ('ids', 'code'),
    [
        pytest.param([], 'EmptyBatchRequest', id='empty'),
        pytest.param([*'abcdefghijk'], 'TooManyEntriesInBatchRequest', id='eleven'),
        pytest.param(['a', 'b', 'a'], 'BatchEntryIdsNotDistinct', id='same id'),
        pytest.param(['with space'], 'InvalidBatchEntryId', id='space in id'),
        pytest.param(['x' * 81], 'InvalidBatchEntryId', id='long id'),
    ],
)
@pytest.mark.parametrize(
    ('operation', 'fields'),
    [
        ('send_message_batch', GOOD),
        ('delete_message_batch', {'ReceiptHandle': 'x'}),
        ('change_message_visibility_batch', {'ReceiptHandle': 'x', 'VisibilityTimeout': 0}),
    ],
    ids=['send', 'delete', 'change'],
)
def test_an_invalid_batch_is_refused(
    aws: Backend, ids: list[str], code: str, operation: str, fields: dict[str, Any]
) -> None:
    """Source: model, errors of SendMessageBatch, DeleteMessageBatch and the like."""
    with refused(code, f'AWS.SimpleQueueService.{code}'):
        getattr(aws.sqs, operation)(
            QueueUrl=aws.queue(), Entries=[{'Id': each, **fields} for each in ids]
        )


def test_a_batch_of_1_mib_is_accepted(aws: Backend) -> None:
    """Source: model, SendMessageBatch: 1 MiB in total."""
    halves = entries(2, MessageBody='x' * 524_288)
    response = aws.sqs.send_message_batch(QueueUrl=aws.queue(), Entries=halves)
    assert len(response['Successful']) == 2


def test_a_batch_above_1_mib_is_refused(aws: Backend) -> None:
    """Source: model, SendMessageBatch; BatchRequestTooLong."""
    halves = entries(2, MessageBody='x' * 524_289)
    with refused('BatchRequestTooLong', 'AWS.SimpleQueueService.BatchRequestTooLong'):
        aws.sqs.send_message_batch(QueueUrl=aws.queue(), Entries=halves)


def test_entries_may_have_different_delays(aws: Backend) -> None:
    """Source: model, SendMessageBatchRequestEntry, DelaySeconds."""
    url = aws.queue()
    late = {'Id': 'late', 'MessageBody': 'late', 'DelaySeconds': 900}
    aws.sqs.send_message_batch(QueueUrl=url, Entries=[late, {'Id': 'now', 'MessageBody': 'now'}])
    assert bodies(aws.receive(url)) == ['now']


def test_a_batch_deletes_messages(aws: Backend) -> None:
    """Source: model, DeleteMessageBatch."""
    url = aws.queue()
    aws.send(url, 'a', 'b')
    handles = {each['Body']: each['ReceiptHandle'] for each in aws.receive(url, at_least=2)}
    response = aws.sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{'Id': body, 'ReceiptHandle': handle} for body, handle in handles.items()],
    )
    assert {each['Id'] for each in response['Successful']} == {'a', 'b'}
    aws.wait_for_aws(60)
    name = 'ApproximateNumberOfMessagesNotVisible'
    assert aws.attributes(url, name) == {name: '0'}


def test_an_invalid_handle_fails_alone_in_a_batch_of_deletes(aws: Backend) -> None:
    """Source: model, DeleteMessageBatch: the result of each is reported individually."""
    url = aws.queue()
    aws.send(url, 'hej')
    handle = aws.receive_one(url)['ReceiptHandle']
    response = aws.sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{'Id': 'bad', 'ReceiptHandle': 'x'}, {'Id': 'good', 'ReceiptHandle': handle}],
    )
    assert [each['Id'] for each in response['Successful']] == ['good']
    [failed] = response['Failed']
    assert (failed['Id'], failed['Code'], failed['SenderFault']) == (
        'bad',
        'ReceiptHandleIsInvalid',
        True,
    )


def test_a_batch_changes_visibility_timeouts(aws: Backend) -> None:
    """Source: model, ChangeMessageVisibilityBatch."""
    url = aws.queue()
    aws.send(url, 'hej')
    handle = aws.receive_one(url)['ReceiptHandle']
    response = aws.sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {'Id': 'bad', 'ReceiptHandle': 'x', 'VisibilityTimeout': 0},
            {'Id': 'good', 'ReceiptHandle': handle, 'VisibilityTimeout': 0},
        ],
    )
    assert [each['Id'] for each in response['Successful']] == ['good']
    assert [(each['Id'], each['Code']) for each in response['Failed']] == [
        ('bad', 'ReceiptHandleIsInvalid')
    ]
    assert bodies(aws.receive(url)) == ['hej']
