"""Duplicates that a FIFO queue accepts and does not deliver."""

from __future__ import annotations

import pytest

from tests.local.aws_account import LocalAccount
from tests.local.queue_calls import counts, delete, received

MINUTE = 60


def test_a_duplicate_is_accepted_and_not_delivered(aws: LocalAccount) -> None:
    """Also after the first message is deleted, with its id, and with other attributes."""
    url = aws.queue('q.fifo', ContentBasedDeduplication='true')
    request = {'QueueUrl': url, 'MessageBody': 'x', 'MessageGroupId': 'g'}
    first = aws.sqs('SendMessage', **request)
    delete(aws, url, received(aws, url)['x'])
    attributes = {'n': {'DataType': 'String', 'StringValue': 'v'}}
    aws.clock.advance(5 * MINUTE - 1)
    second = aws.sqs('SendMessage', **request, MessageAttributes=attributes)
    assert second['MessageId'] == first['MessageId']
    assert second['SequenceNumber'] == first['SequenceNumber']
    assert counts(aws, url) == (0, 0, 0)
    aws.clock.advance(1)
    third = aws.sqs('SendMessage', **request)
    assert third['MessageId'] != first['MessageId']
    assert counts(aws, url) == (1, 0, 0)
    accepted = aws.account.state.accepted
    assert [message.is_duplicate for message in accepted] == [False, True, False]


def test_the_digest_of_a_duplicate_is_of_its_own_body(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    request = {'QueueUrl': url, 'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    aws.sqs('SendMessage', **request, MessageBody='x')
    second = aws.sqs('SendMessage', **request, MessageBody='a')
    assert second['MD5OfMessageBody'] == '0cc175b9c0f1b6a831c399e269772661'


@pytest.mark.parametrize(('scope', 'delivered'), [('queue', 1), ('messageGroup', 2)])
def test_the_scope_of_deduplication_is_the_queue_or_the_group(
    aws: LocalAccount, scope: str, delivered: int
) -> None:
    url = aws.queue('q.fifo', DeduplicationScope=scope)
    for group in ('a', 'b', 'a'):
        request = {'QueueUrl': url, 'MessageBody': 'x', 'MessageGroupId': group}
        aws.sqs('SendMessage', **request, MessageDeduplicationId='d')
    assert counts(aws, url) == (delivered, 0, 0)


def test_an_id_equals_the_generated_id_of_the_same_body(aws: LocalAccount) -> None:
    """The generated id is the SHA-256 digest of the body."""
    url = aws.queue('q.fifo', ContentBasedDeduplication='true')
    request = {'QueueUrl': url, 'MessageBody': 'x', 'MessageGroupId': 'g'}
    aws.sqs('SendMessage', **request)
    digest = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
    aws.sqs('SendMessage', **{**request, 'MessageBody': 'y'}, MessageDeduplicationId=digest)
    assert counts(aws, url) == (1, 0, 0)
