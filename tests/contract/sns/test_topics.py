"""Topics and subscriptions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.backend import Backend, bodies, refused


def test_the_arn_of_a_topic_names_service_region_and_topic(aws: Backend) -> None:
    """Source: model, CreateTopic, TopicArn."""
    name = aws.new_name()
    arn = aws.sns.create_topic(Name=name)['TopicArn']
    assert arn.split(':')[:4] == ['arn', 'aws', 'sns', aws.region]
    assert arn.split(':')[5] == name
    aws.sns.delete_topic(TopicArn=arn)


def test_a_topic_is_created_once(aws: Backend) -> None:
    """Source: model, CreateTopic: if the topic exists, its ARN is returned."""
    arn = aws.topic()
    assert aws.sns.create_topic(Name=arn.rpartition(':')[2])['TopicArn'] == arn


@pytest.mark.parametrize('name', ['with space', 'with.dot', 'x' * 257], ids=lambda name: name[:10])
def test_an_invalid_name_of_a_topic_is_refused(aws: Backend, name: str) -> None:
    """Source: model, CreateTopic, Name: up to 256 letters, digits, hyphens and underscores."""
    with refused('InvalidParameter'):
        aws.sns.create_topic(Name=name)


def test_the_name_of_a_fifo_topic_must_end_in_fifo(aws: Backend) -> None:
    """Source: model, CreateTopic, Name."""
    with refused('InvalidParameter'):
        aws.sns.create_topic(Name=aws.new_name(), Attributes={'FifoTopic': 'true'})


def test_a_topic_returns_its_attributes(aws: Backend) -> None:
    """Source: model, GetTopicAttributes."""
    arn = aws.topic(fifo=True, ContentBasedDeduplication=True)
    found = aws.sns.get_topic_attributes(TopicArn=arn)['Attributes']
    assert found['TopicArn'] == arn
    assert (found['FifoTopic'], found['ContentBasedDeduplication']) == ('true', 'true')


def test_a_topic_returns_its_maximum_message_size(aws: Backend) -> None:
    """Source: model, CreateTopic, MaximumMessageSize."""
    arn = aws.topic(MaximumMessageSize=1_048_576)
    found = aws.sns.get_topic_attributes(TopicArn=arn)['Attributes']
    assert found['MaximumMessageSize'] == '1048576'


@pytest.mark.parametrize('size', [1_023, 1_048_577])
def test_a_maximum_message_size_out_of_range_is_refused(aws: Backend, size: int) -> None:
    """Source: model, CreateTopic, MaximumMessageSize: 1,024 to 1,048,576."""
    with refused('InvalidParameter'):
        aws.topic(MaximumMessageSize=size)


OPERATIONS: dict[str, dict[str, Any]] = {
    'publish': {'Message': 'hej'},
    'publish_batch': {'PublishBatchRequestEntries': [{'Id': '0', 'Message': 'hej'}]},
    'get_topic_attributes': {},
    'subscribe': {'Protocol': 'sqs', 'Endpoint': 'arn:aws:sqs:eu-west-1:123456789012:q'},
}


@pytest.mark.parametrize('operation', OPERATIONS)
def test_an_operation_on_a_missing_topic_is_refused(aws: Backend, operation: str) -> None:
    """Source: model, NotFoundException of each operation."""
    with refused('NotFound', 'NotFoundException'):
        getattr(aws.sns, operation)(TopicArn=f'{aws.topic()}x', **OPERATIONS[operation])


def test_a_deleted_topic_does_not_exist(aws: Backend) -> None:
    """Source: model, DeleteTopic."""
    arn = aws.topic()
    aws.sns.delete_topic(TopicArn=arn)
    aws.wait_for_aws(5)
    with refused('NotFound', 'NotFoundException'):
        aws.sns.publish(TopicArn=arn, Message='hej')


def test_a_subscription_returns_its_attributes(aws: Backend) -> None:
    """Source: model, GetSubscriptionAttributes."""
    topic, queue = aws.topic(), aws.queue_for_topics()
    policy = {'kind': ['order']}
    arn = aws.subscribe(topic, queue, RawMessageDelivery=True, FilterPolicy=policy)
    found = aws.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes']
    assert (found['TopicArn'], found['Endpoint']) == (topic, aws.arn(queue))
    assert (found['Protocol'], found['RawMessageDelivery']) == ('sqs', 'true')
    assert json.loads(found['FilterPolicy']) == policy


def test_a_subscription_filters_by_attributes_by_default(aws: Backend) -> None:
    """Source: model, SetSubscriptionAttributes, FilterPolicyScope."""
    arn = aws.subscribe(aws.topic(), aws.queue_for_topics(), FilterPolicy={'kind': ['order']})
    found = aws.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes']
    assert found['FilterPolicyScope'] == 'MessageAttributes'


def test_the_same_subscription_is_created_once(aws: Backend) -> None:
    """Source: model, Subscribe: known: the ARN of the existing subscription is returned."""
    topic, queue = aws.topic(), aws.queue_for_topics()
    assert aws.subscribe(topic, queue) == aws.subscribe(topic, queue)


def test_the_subscriptions_of_a_topic_are_listed(aws: Backend) -> None:
    """Source: model, ListSubscriptionsByTopic."""
    topic, queue = aws.topic(), aws.queue_for_topics()
    arn = aws.subscribe(topic, queue)
    [found] = aws.sns.list_subscriptions_by_topic(TopicArn=topic)['Subscriptions']
    assert (found['SubscriptionArn'], found['Endpoint']) == (arn, aws.arn(queue))


def test_attributes_of_a_subscription_can_change(aws: Backend) -> None:
    """Source: model, SetSubscriptionAttributes."""
    topic, queue = aws.topic(), aws.queue_for_topics()
    arn = aws.subscribe(topic, queue)
    aws.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName='RawMessageDelivery', AttributeValue='true'
    )
    aws.wait_for_aws(5)
    aws.sns.publish(TopicArn=topic, Message='hej')
    assert bodies(aws.receive(queue)) == ['hej']


def test_a_queue_receives_nothing_after_the_end_of_its_subscription(aws: Backend) -> None:
    """Source: model, Unsubscribe."""
    topic, queue = aws.topic(), aws.queue_for_topics()
    aws.sns.unsubscribe(SubscriptionArn=aws.subscribe(topic, queue, RawMessageDelivery=True))
    aws.wait_for_aws(5)
    aws.sns.publish(TopicArn=topic, Message='hej')
    assert aws.is_empty(queue)


def test_a_fifo_queue_cannot_subscribe_to_a_standard_topic(aws: Backend) -> None:
    """Source: guide, FIFO topics, subscriptions; known."""
    with refused('InvalidParameter'):
        aws.subscribe(aws.topic(), aws.queue_for_topics(fifo=True))


def test_a_standard_queue_can_subscribe_to_a_fifo_topic(aws: Backend) -> None:
    """Source: guide, FIFO topics, subscriptions to standard queues."""
    topic, queue = aws.topic(fifo=True), aws.queue_for_topics()
    aws.subscribe(topic, queue, RawMessageDelivery=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    aws.sns.publish(TopicArn=topic, Message='hej', **ids)
    assert bodies(aws.receive(queue)) == ['hej']
