"""FIFO topics."""

from __future__ import annotations

import hashlib
import json

from tests.contract.backend import Backend, refused


def test_a_message_of_a_fifo_topic_needs_a_group(aws: Backend) -> None:
    """Source: model, Publish, MessageGroupId."""
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(fifo=True), Message='hej', MessageDeduplicationId='d')


def test_a_message_of_a_fifo_topic_needs_a_deduplication_id(aws: Backend) -> None:
    """Source: model, Publish, MessageDeduplicationId."""
    with refused('InvalidParameter'):
        aws.sns.publish(TopicArn=aws.topic(fifo=True), Message='hej', MessageGroupId='g')


def test_a_fifo_topic_delivers_in_order(aws: Backend) -> None:
    """Source: guide, FIFO topics, message delivery."""
    topic, queue = aws.subscribed(fifo=True)
    for body in 'cab':
        ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': body}
        aws.sns.publish(TopicArn=topic, Message=body, **ids)
    assert aws.drained(queue, 3) == [*'cab']


def test_a_batch_of_a_fifo_topic_keeps_its_order(aws: Backend) -> None:
    """Source: guide, FIFO topics, message delivery."""
    topic, queue = aws.subscribed(fifo=True)
    entries = [
        {'Id': each, 'Message': each, 'MessageGroupId': 'g', 'MessageDeduplicationId': each}
        for each in 'cab'
    ]
    aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert aws.drained(queue, 3) == [*'cab']


def test_a_fifo_topic_passes_group_and_deduplication_id(aws: Backend) -> None:
    """Source: guide, FIFO topics: SNS passes both ids to the queue."""
    topic, queue = aws.subscribed(fifo=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    aws.sns.publish(TopicArn=topic, Message='hej', **ids)
    attributes = aws.receive_one(queue)['Attributes']
    assert {name: attributes[name] for name in ids} == ids


def test_a_fifo_topic_drops_a_duplicate(aws: Backend) -> None:
    """Source: model, Publish, MessageDeduplicationId."""
    topic, queue = aws.subscribed(fifo=True)
    for body in 'ab':
        ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
        aws.sns.publish(TopicArn=topic, Message=body, **ids)
    assert aws.drained(queue, 1) == ['a']
    assert aws.is_empty(queue)


def test_a_fifo_topic_drops_a_duplicate_of_a_deleted_message(aws: Backend) -> None:
    """Source: guide, FIFO topics, message deduplication: within five minutes."""
    topic, queue = aws.subscribed(fifo=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    aws.sns.publish(TopicArn=topic, Message='a', **ids)
    assert aws.drained(queue, 1) == ['a']
    aws.sns.publish(TopicArn=topic, Message='b', **ids)
    assert aws.is_empty(queue)


def test_a_fifo_topic_forgets_a_deduplication_id_after_five_minutes(aws: Backend) -> None:
    """Source: guide, FIFO topics, message deduplication: within five minutes."""
    topic, queue = aws.subscribed(fifo=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    aws.sns.publish(TopicArn=topic, Message='a', **ids)
    assert aws.drained(queue, 1) == ['a']
    aws.advance(301)
    aws.sns.publish(TopicArn=topic, Message='b', **ids)
    assert aws.drained(queue, 1) == ['b']


def test_a_fifo_topic_may_compare_bodies(aws: Backend) -> None:
    """Source: model, CreateTopic, ContentBasedDeduplication: SHA-256 of the body."""
    topic = aws.topic(fifo=True, ContentBasedDeduplication=True)
    queue = aws.queue_for_topics(fifo=True)
    aws.subscribe(topic, queue, RawMessageDelivery=True)
    for body in 'aab':
        aws.sns.publish(TopicArn=topic, Message=body, MessageGroupId='g')
    messages = aws.receive(queue, at_least=2)
    assert [message['Body'] for message in messages] == ['a', 'b']
    found = messages[0]['Attributes']['MessageDeduplicationId']
    assert found == hashlib.sha256(b'a').hexdigest()


def test_sequence_numbers_of_a_fifo_topic_increase(aws: Backend) -> None:
    """Source: model, Publish, SequenceNumber."""
    topic = aws.topic(fifo=True)
    numbers = [
        int(
            aws.sns.publish(
                TopicArn=topic, Message=body, MessageGroupId='g', MessageDeduplicationId=body
            )['SequenceNumber']
        )
        for body in 'abc'
    ]
    assert numbers == sorted(set(numbers))


def test_an_envelope_of_a_fifo_topic_has_the_sequence_number(aws: Backend) -> None:
    """Source: guide, FIFO topics, message delivery; known."""
    topic, queue = aws.subscribed(fifo=True, raw=False)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    number = aws.sns.publish(TopicArn=topic, Message='hej', **ids)['SequenceNumber']
    assert json.loads(aws.receive_one(queue)['Body'])['SequenceNumber'] == number
