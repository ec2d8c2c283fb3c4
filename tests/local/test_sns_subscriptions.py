"""Topics, subscriptions and their attributes in the in-memory SNS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.aws_account import LocalAccount


def attributes_of(aws: LocalAccount, subscription: str) -> dict[str, str]:
    found: dict[str, str] = aws.sns('GetSubscriptionAttributes', SubscriptionArn=subscription)[
        'Attributes'
    ]
    return found


def test_a_topic_can_be_created_again_without_other_attributes(aws: LocalAccount) -> None:
    topic = aws.topic('t', DisplayName='Orders')
    assert aws.topic('t') == aws.topic('t', DisplayName='Orders') == topic
    error = aws.refused('sns', 'CreateTopic', Name='t', Attributes={'DisplayName': 'Other'})
    assert (error.code, 'already exists with different attributes' in error.message) == (
        'InvalidParameter',
        True,
    )


def test_a_deleted_topic_has_no_subscriptions(aws: LocalAccount) -> None:
    topic = aws.topic('t')
    subscription = aws.subscribe(topic, aws.queue('q'))
    for _ in range(2):
        aws.sns('DeleteTopic', TopicArn=topic)
    assert aws.sns('ListSubscriptions') == {'Subscriptions': []}
    error = aws.refused('sns', 'GetSubscriptionAttributes', SubscriptionArn=subscription)
    assert (error.code, error.status) == ('NotFound', 404)
    assert aws.refused('sns', 'Publish', TopicArn=topic, Message='x').code == 'NotFound'


@pytest.mark.parametrize('arn', ['', 'orders', 'arn:aws:sns'])
def test_a_text_that_is_not_an_arn_is_an_invalid_parameter(aws: LocalAccount, arn: str) -> None:
    error = aws.refused('sns', 'Publish', TopicArn=arn, Message='x')
    assert error.message.startswith('Invalid parameter: TopicArn Reason: An ARN must have')


def test_the_attributes_of_a_topic_can_change(aws: LocalAccount) -> None:
    topic = aws.topic('t')
    change = {'AttributeName': 'MaximumMessageSize', 'AttributeValue': '1024'}
    aws.sns('SetTopicAttributes', TopicArn=topic, **change)
    assert aws.refused('sns', 'Publish', TopicArn=topic, Message='x' * 1_025).message == (
        'Invalid parameter: Message too long'
    )
    found = aws.sns('GetTopicAttributes', TopicArn=topic)['Attributes']
    assert (found['MaximumMessageSize'], found['TopicArn']) == ('1024', topic)


def test_a_topic_may_log_the_status_of_deliveries(aws: LocalAccount) -> None:
    given = {'SQSSuccessFeedbackSampleRate': '100', 'LambdaFailureFeedbackRoleArn': 'arn'}
    topic = aws.topic('t', **given)
    change = {'AttributeName': 'SQSSuccessFeedbackSampleRate', 'AttributeValue': '50'}
    aws.sns('SetTopicAttributes', TopicArn=topic, **change)
    found = aws.sns('GetTopicAttributes', TopicArn=topic)['Attributes']
    assert found.items() >= {**given, 'SQSSuccessFeedbackSampleRate': '50'}.items()


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('FifoTopic', 'true'),
        ('FifoThroughputScope', 'Topic'),
        ('Colour', 'red'),
        ('MaximumMessageSize', '7'),
    ],
)
def test_an_invalid_attribute_of_a_topic_is_refused(
    aws: LocalAccount, name: str, value: str
) -> None:
    change = {'AttributeName': name, 'AttributeValue': value}
    error = aws.refused('sns', 'SetTopicAttributes', TopicArn=aws.topic('t'), **change)
    assert error.code == 'InvalidParameter'


def test_a_topic_with_101_subscriptions_accepts_no_large_messages(aws: LocalAccount) -> None:
    topic = aws.topic('t')
    subscriptions = [aws.subscribe(topic, aws.queue(f'q{number}')) for number in range(101)]
    change = {'AttributeName': 'MaximumMessageSize', 'AttributeValue': '262145'}
    error = aws.refused('sns', 'SetTopicAttributes', TopicArn=topic, **change)
    assert error.code == 'InvalidParameter'
    aws.sns('Unsubscribe', SubscriptionArn=subscriptions[0])
    aws.sns('SetTopicAttributes', TopicArn=topic, **change)


def test_topics_are_listed_in_pages(aws: LocalAccount) -> None:
    topics = {aws.topic(f't{number}') for number in range(201)}
    first = aws.sns('ListTopics')
    second = aws.sns('ListTopics', NextToken=first['NextToken'])
    third = aws.sns('ListTopics', NextToken=second['NextToken'])
    pages = [first['Topics'], second['Topics'], third['Topics']]
    assert [len(page) for page in pages] == [100, 100, 1]
    assert {each['TopicArn'] for page in pages for each in page} == topics
    assert 'NextToken' not in third
    assert aws.refused('sns', 'ListTopics', NextToken='é').code == 'InvalidParameter'


def test_a_subscription_describes_itself(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t'), aws.queue('q')
    policy = json.dumps({'colour': ['red']})
    subscription = aws.subscribe(topic, queue, RawMessageDelivery='true', FilterPolicy=policy)
    found = attributes_of(aws, subscription)
    assert (
        found.items()
        >= {
            'Protocol': 'sqs',
            'Endpoint': aws.arn_of(queue),
            'TopicArn': topic,
            'RawMessageDelivery': 'true',
            'FilterPolicy': policy,
            'FilterPolicyScope': 'MessageAttributes',
            'PendingConfirmation': 'false',
        }.items()
    )
    [listed] = aws.sns('ListSubscriptionsByTopic', TopicArn=topic)['Subscriptions']
    assert listed['SubscriptionArn'] == subscription


def test_a_queue_can_be_subscribed_again_without_other_attributes(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t'), aws.queue('q')
    subscription = aws.subscribe(topic, queue, RawMessageDelivery='true')
    assert aws.subscribe(topic, queue) == subscription
    request = {'TopicArn': topic, 'Protocol': 'sqs', 'Endpoint': aws.arn_of(queue)}
    error = aws.refused('sns', 'Subscribe', **request, Attributes={'RawMessageDelivery': 'false'})
    assert 'Subscription already exists with different attributes' in error.message


def test_an_unsubscribed_queue_gets_nothing(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t'), aws.queue('q')
    subscription = aws.subscribe(topic, queue)
    for _ in range(2):
        aws.sns('Unsubscribe', SubscriptionArn=subscription)
    aws.sns('Publish', TopicArn=topic, Message='x')
    assert aws.received(queue) == []
    found = aws.sns('GetTopicAttributes', TopicArn=topic)['Attributes']
    assert (found['SubscriptionsConfirmed'], found['SubscriptionsDeleted']) == ('0', '1')


def test_the_attributes_of_a_subscription_can_change(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t'), aws.queue('q')
    subscription = aws.subscribe(topic, queue, FilterPolicy={'colour': ['red']})

    def change(name: str, value: str) -> None:
        change = {'AttributeName': name, 'AttributeValue': value}
        aws.sns('SetSubscriptionAttributes', SubscriptionArn=subscription, **change)

    change('RawMessageDelivery', 'true')
    change('FilterPolicy', '{}')
    aws.sns('Publish', TopicArn=topic, Message='x')
    assert aws.bodies(queue) == ['x']
    assert 'FilterPolicy' not in attributes_of(aws, subscription)


@pytest.mark.parametrize(
    ('name', 'value', 'problem'),
    [
        ('Colour', 'red', 'Invalid parameter: AttributeName'),
        ('RawMessageDelivery', 'yes', 'RawMessageDelivery: Invalid value [yes]. Must be true or'),
        ('FilterPolicyScope', 'Body', 'FilterPolicyScope: Invalid value [Body].'),
        ('RedrivePolicy', '{x}', 'RedrivePolicy: failed to parse JSON.'),
        ('RedrivePolicy', '{"deadLetterTargetArn": "q"}', 'deadLetterTargetArn is an invalid arn'),
        ('RedrivePolicy', '[1]', 'deadLetterTargetArn is an invalid arn'),
        ('FilterPolicy', '{x}', 'Invalid parameter: FilterPolicy: failed to parse JSON.'),
    ],
)
def test_an_invalid_attribute_of_a_subscription_is_refused_and_changes_nothing(
    aws: LocalAccount, name: str, value: str, problem: str
) -> None:
    subscription = aws.subscribe(aws.topic('t'), aws.queue('q'))
    before = attributes_of(aws, subscription)
    change = {'AttributeName': name, 'AttributeValue': value}
    error = aws.refused('sns', 'SetSubscriptionAttributes', SubscriptionArn=subscription, **change)
    assert (error.code, problem in error.message) == ('InvalidParameter', True), error.message
    assert attributes_of(aws, subscription) == before


def test_a_topic_has_at_most_200_filter_policies(aws: LocalAccount) -> None:
    topic, policy = aws.topic('t'), {'FilterPolicy': '{"a": ["b"]}'}
    for number in range(200):
        aws.subscribe(topic, aws.queue(f'q{number}'), **policy)
    subscription = aws.subscribe(topic, aws.queue('q'))
    change = {'AttributeName': 'FilterPolicy', 'AttributeValue': '{"a": ["c"]}'}
    error = aws.refused('sns', 'SetSubscriptionAttributes', SubscriptionArn=subscription, **change)
    assert (error.code, error.status) == ('FilterPolicyLimitExceeded', 403)
    endpoint = aws.arn_of(aws.queue('other'))
    request = {'TopicArn': topic, 'Protocol': 'sqs', 'Endpoint': endpoint, 'Attributes': policy}
    assert aws.refused('sns', 'Subscribe', **request).code == 'FilterPolicyLimitExceeded'
    existing = aws.subscribe(topic, aws.queue('q0'), **policy)
    aws.sns('SetSubscriptionAttributes', SubscriptionArn=existing, **change)


@pytest.mark.parametrize(
    'request_',
    [
        {'Protocol': 'https', 'Endpoint': 'https://example.com'},
        {'Protocol': 'sqs', 'Endpoint': 'q'},
        {'Protocol': 'sqs', 'Endpoint': 'arn:aws:sqs:eu-west-1:123456789012:q.fifo'},
        {
            'Protocol': 'sqs',
            'Endpoint': 'arn:aws:sqs:eu-west-1:123456789012:q',
            'Attributes': {'RawMessageDelivery': 'x'},
        },
    ],
    ids=['another protocol', 'a name', 'a fifo queue of a standard topic', 'an attribute'],
)
def test_an_invalid_subscription_is_refused(aws: LocalAccount, request_: dict[str, Any]) -> None:
    topic = aws.topic('t')
    assert aws.refused('sns', 'Subscribe', TopicArn=topic, **request_).code == 'InvalidParameter'
    assert aws.sns('ListSubscriptions') == {'Subscriptions': []}


def test_a_fifo_queue_of_a_fifo_topic_has_a_fifo_dead_letter_queue(aws: LocalAccount) -> None:
    topic, queue, standard = aws.topic('t.fifo'), aws.queue('q.fifo'), aws.queue('q')
    dead = {'deadLetterTargetArn': aws.arn_of(standard)}
    aws.subscribe(topic, standard, RedrivePolicy=dead)
    request = {'TopicArn': topic, 'Protocol': 'sqs', 'Endpoint': aws.arn_of(queue)}
    error = aws.refused(
        'sns', 'Subscribe', **request, Attributes={'RedrivePolicy': json.dumps(dead)}
    )
    assert 'must use a FIFO queue as DLQ' in error.message


def test_a_topic_has_tags(aws: LocalAccount) -> None:
    tags = [{'Key': 'team', 'Value': 'shop'}, {'Key': 'stage', 'Value': 'test'}]
    topic = aws.sns('CreateTopic', Name='t', Tags=tags[:1])['TopicArn']
    aws.sns('TagResource', ResourceArn=topic, Tags=tags[1:])
    assert aws.sns('ListTagsForResource', ResourceArn=topic) == {'Tags': tags}
    aws.sns('UntagResource', ResourceArn=topic, TagKeys=['team', 'other'])
    assert aws.sns('ListTagsForResource', ResourceArn=topic) == {'Tags': tags[1:]}
    assert 'different tags' in aws.refused('sns', 'CreateTopic', Name='t', Tags=tags).message
    twice = {'ResourceArn': topic, 'Tags': [*tags, *tags]}
    assert 'Duplicated keys' in aws.refused('sns', 'TagResource', **twice).message
    many = [{'Key': str(number), 'Value': ''} for number in range(50)]
    error = aws.refused('sns', 'TagResource', ResourceArn=topic, Tags=many)
    assert error.code == 'TagLimitExceeded'
    missing = aws.refused('sns', 'ListTagsForResource', ResourceArn=f'{topic}s')
    assert missing.code == 'ResourceNotFound'
