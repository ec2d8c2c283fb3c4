"""Deletes, retention, and the limit of messages in flight."""

from __future__ import annotations

import pytest

from tests.contract.backend import Backend, bodies, refused
from tests.profile import NIGHTLY

IN_FLIGHT = 120_000  # source: guide, quotas of queues
MAXIMUM = 43_200  # seconds; source: model, CreateQueue, VisibilityTimeout
SLOW = ('moto', 'ministack')


def test_a_deleted_message_is_not_delivered_again(aws: Backend) -> None:
    """Source: model, DeleteMessage."""
    url = aws.queue(VisibilityTimeout=1)
    aws.send(url, 'hej')
    aws.delete(url, aws.receive_one(url))
    aws.advance(1.1)
    assert aws.is_empty(url)


def test_a_message_can_be_deleted_twice(aws: Backend) -> None:
    """Source: model, DeleteMessage: with an old handle the request succeeds."""
    url = aws.queue()
    aws.send(url, 'hej')
    message = aws.receive_one(url)
    aws.delete(url, message, message)
    assert aws.is_empty(url)


def test_an_old_handle_of_a_standard_queue_is_accepted(aws: Backend) -> None:
    """Source: model, DeleteMessage: the request succeeds, but may delete nothing."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    old, latest = aws.receive_one(url), aws.receive_one(url)
    aws.delete(url, old, latest)
    assert aws.is_empty(url)


def test_the_latest_handle_deletes_a_message_that_is_visible_again(aws: Backend) -> None:
    """Source: model, DeleteMessage: the handle of the most recent receive."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    aws.delete(url, aws.receive_one(url))
    assert aws.is_empty(url)


def test_an_expired_handle_of_a_fifo_queue_is_refused(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ReceiveRequestAttemptId: the action fails with an error."""
    url = aws.queue(fifo=True, VisibilityTimeout=1, ContentBasedDeduplication=True)
    aws.send(url, 'hej', MessageGroupId='g')
    message = aws.receive_one(url)
    aws.advance(1.1)
    with refused('InvalidParameterValue', 'ReceiptHandleIsInvalid'):
        aws.delete(url, message)


def test_an_invalid_handle_is_refused(aws: Backend) -> None:
    """Source: model, ReceiptHandleIsInvalid."""
    with refused('ReceiptHandleIsInvalid'):
        aws.delete(aws.queue(), {'ReceiptHandle': 'x'})


def test_a_message_expires_after_the_retention_period(aws: Backend) -> None:
    """Source: model, CreateQueue, MessageRetentionPeriod."""
    url = aws.queue(MessageRetentionPeriod=60)
    aws.send(url, 'hej')
    aws.advance(61)
    assert aws.is_empty(url)


def test_a_message_in_flight_expires_too(aws: Backend) -> None:
    """Source: model, DeleteMessage: SQS deletes messages left longer than the retention period."""
    url = aws.queue(MessageRetentionPeriod=60, VisibilityTimeout=70)
    aws.send(url, 'hej')
    aws.receive_one(url)
    aws.advance(71)
    assert aws.is_empty(url)


def test_a_message_is_kept_within_the_retention_period(aws: Backend) -> None:
    """Source: model, CreateQueue, MessageRetentionPeriod."""
    url = aws.queue(MessageRetentionPeriod=60)
    aws.send(url, 'hej')
    aws.advance(50)
    assert bodies(aws.receive(url)) == ['hej']


@pytest.mark.skipif(not NIGHTLY, reason='120,000 messages take a minute: at night only')
@pytest.mark.parametrize('fifo', [False, True], ids=['standard', 'fifo'])
def test_120_000_messages_may_be_in_flight(aws: Backend, fifo: bool) -> None:
    """Source: model, ChangeMessageVisibility: OverLimit, or no error from a FIFO queue."""
    if aws.name in SLOW:
        pytest.skip(f'{aws.name} reads all messages at each receive')
    url = aws.queue(fifo, VisibilityTimeout=MAXIMUM)
    for number in range(0, IN_FLIGHT + 10, 10):
        ids = [f'{number + place}' for place in range(10)]
        entries = [
            {'Id': each, 'MessageBody': 'x'}
            | ({'MessageGroupId': each, 'MessageDeduplicationId': each} if fifo else {})
            for each in ids
        ]
        aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    found = 0
    while found < IN_FLIGHT:
        found += len(aws.receive(url))
    if fifo:
        assert aws.is_empty(url)
    else:
        with refused('OverLimit'):
            aws.receive(url, at_least=0)
