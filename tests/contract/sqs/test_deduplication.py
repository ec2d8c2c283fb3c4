"""Deduplication in FIFO queues."""

from __future__ import annotations

import hashlib

import pytest

from tests.contract.backend import Backend, refused


def test_a_duplicate_is_accepted_and_not_delivered(aws: Backend) -> None:
    """Source: model, SendMessage, MessageDeduplicationId."""
    url = aws.queue(fifo=True)
    aws.send(url, 'a', 'b', MessageGroupId='g', MessageDeduplicationId='d')
    aws.send(url, 'c', MessageGroupId='g', MessageDeduplicationId='e')
    assert aws.drained(url, 2) == ['a', 'c']


def test_a_duplicate_has_the_id_and_the_number_of_the_first_message(aws: Backend) -> None:
    """Source: guide, exactly-once processing; known."""
    url = aws.queue(fifo=True)
    first, second = aws.send(url, 'a', 'b', MessageGroupId='g', MessageDeduplicationId='d')
    assert second['MessageId'] == first['MessageId']
    assert second['SequenceNumber'] == first['SequenceNumber']


def test_a_message_needs_a_deduplication_id_without_content_based_deduplication(
    aws: Backend,
) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: the action fails with an error."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(fifo=True), 'hej', MessageGroupId='g')


def test_content_based_deduplication_compares_bodies(aws: Backend) -> None:
    """Source: model, CreateQueue, ContentBasedDeduplication: the body, not the attributes."""
    url = aws.queue(fifo=True, ContentBasedDeduplication=True)
    attributes = {'n': {'DataType': 'String', 'StringValue': 'x'}}
    aws.send(url, 'a', 'b', MessageGroupId='g')
    aws.send(url, 'a', MessageGroupId='g', MessageAttributes=attributes)
    assert aws.drained(url, 2) == ['a', 'b']
    assert aws.is_empty(url)


def test_a_deduplication_id_overrides_the_digest_of_the_body(aws: Backend) -> None:
    """Source: model, CreateQueue, ContentBasedDeduplication."""
    url = aws.queue(fifo=True, ContentBasedDeduplication=True)
    for number in '12':
        aws.send(url, 'hej', MessageGroupId='g', MessageDeduplicationId=number)
    assert aws.drained(url, 2) == ['hej', 'hej']


def test_the_digest_of_a_body_is_an_ordinary_deduplication_id(aws: Backend) -> None:
    """Source: model, CreateQueue, ContentBasedDeduplication: the same id as the generated one."""
    url = aws.queue(fifo=True, ContentBasedDeduplication=True)
    aws.send(url, 'a', MessageGroupId='g')
    digest = hashlib.sha256(b'a').hexdigest()
    aws.send(url, 'b', MessageGroupId='g', MessageDeduplicationId=digest)
    assert aws.drained(url, 1) == ['a']
    assert aws.is_empty(url)


def test_a_duplicate_of_a_deleted_message_is_not_delivered(aws: Backend) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: also after receive and delete."""
    url = aws.queue(fifo=True, ContentBasedDeduplication=True)
    aws.send(url, 'hej', MessageGroupId='g')
    assert aws.drained(url, 1) == ['hej']
    aws.send(url, 'hej', MessageGroupId='g')
    assert aws.is_empty(url)


def test_a_deduplication_id_is_forgotten_after_five_minutes(aws: Backend) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: the 5-minute interval."""
    url = aws.queue(fifo=True, ContentBasedDeduplication=True)
    aws.send(url, 'hej', MessageGroupId='g')
    assert aws.drained(url, 1) == ['hej']
    aws.advance(301)
    aws.send(url, 'hej', MessageGroupId='g')
    assert aws.drained(url, 1) == ['hej']


def test_a_deduplication_id_is_remembered_for_five_minutes(aws: Backend) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: the 5-minute interval."""
    url = aws.queue(fifo=True, ContentBasedDeduplication=True)
    aws.send(url, 'hej', MessageGroupId='g')
    assert aws.drained(url, 1) == ['hej']
    aws.advance(280)
    aws.send(url, 'hej', MessageGroupId='g')
    assert aws.is_empty(url)


def test_a_deduplication_id_concerns_the_whole_queue(aws: Backend) -> None:
    """Source: model, CreateQueue, DeduplicationScope: by default the queue."""
    url = aws.queue(fifo=True)
    for group in 'ab':
        aws.send(url, group, MessageGroupId=group, MessageDeduplicationId='d')
    assert aws.drained(url, 1) == ['a']
    assert aws.is_empty(url)


def test_a_deduplication_id_may_concern_one_group(aws: Backend) -> None:
    """Source: model, CreateQueue, DeduplicationScope and FifoThroughputLimit."""
    url = aws.queue(
        fifo=True, DeduplicationScope='messageGroup', FifoThroughputLimit='perMessageGroupId'
    )
    for group in 'aba':
        aws.send(url, group, MessageGroupId=group, MessageDeduplicationId='d')
    assert sorted(aws.drained(url, 2)) == ['a', 'b']
    assert aws.is_empty(url)


def test_a_duplicate_within_a_batch_is_successful_and_not_delivered(aws: Backend) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: accepted successfully."""
    url = aws.queue(fifo=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    entries = [{'Id': each, 'MessageBody': each, **ids} for each in 'ab']
    response = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert {each['Id'] for each in response['Successful']} == {'a', 'b'}
    assert aws.drained(url, 1) == ['a']
    assert aws.is_empty(url)


@pytest.mark.parametrize('id', ['with space', 'ü', 'x' * 129], ids=['space', 'umlaut', 'long'])
def test_an_invalid_deduplication_id_is_refused(aws: Backend, id: str) -> None:
    """Source: model, SendMessage, MessageDeduplicationId: 128 characters."""
    with refused('InvalidParameterValue'):
        aws.send(aws.queue(fifo=True), 'hej', MessageGroupId='g', MessageDeduplicationId=id)
