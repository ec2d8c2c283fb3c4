"""Queues and their attributes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.backend import Backend, refused

DEFAULTS = {
    'DelaySeconds': '0',
    'MaximumMessageSize': '1048576',
    'MessageRetentionPeriod': '345600',
    'ReceiveMessageWaitTimeSeconds': '0',
    'VisibilityTimeout': '30',
}


def test_the_url_of_a_queue_ends_with_its_name(aws: Backend) -> None:
    """Source: guide, queue and message identifiers."""
    name = aws.new_name()
    assert aws.sqs.create_queue(QueueName=name)['QueueUrl'].rpartition('/')[2] == name
    aws.sqs.delete_queue(QueueUrl=aws.sqs.get_queue_url(QueueName=name)['QueueUrl'])


def test_the_arn_of_a_queue_names_service_region_and_queue(aws: Backend) -> None:
    """Source: guide, queue and message identifiers."""
    url = aws.queue()
    arn = aws.attributes(url, 'QueueArn')['QueueArn'].split(':')
    assert arn[:4] == ['arn', 'aws', 'sqs', aws.region]
    assert arn[4].isdecimal()
    assert arn[5] == url.rpartition('/')[2]


def test_a_queue_is_found_by_its_name(aws: Backend) -> None:
    """Source: model, GetQueueUrl."""
    url = aws.queue()
    assert aws.sqs.get_queue_url(QueueName=url.rpartition('/')[2])['QueueUrl'] == url


def test_queues_are_listed_by_a_prefix_of_their_names(aws: Backend) -> None:
    """Source: model, ListQueues, QueueNamePrefix."""
    url = aws.queue()
    aws.wait_for_aws(2)
    assert aws.sqs.list_queues(QueueNamePrefix=url.rpartition('/')[2])['QueueUrls'] == [url]


def test_a_queue_is_created_once_with_the_same_attributes(aws: Backend) -> None:
    """Source: model, CreateQueue: with the same attributes it returns the URL of the queue."""
    url = aws.queue(VisibilityTimeout=7)
    name = url.rpartition('/')[2]
    again = aws.sqs.create_queue(QueueName=name, Attributes={'VisibilityTimeout': '7'})
    assert again['QueueUrl'] == url


def test_a_queue_is_not_created_again_with_other_attributes(aws: Backend) -> None:
    """Source: model, QueueNameExists."""
    name = aws.queue(VisibilityTimeout=7).rpartition('/')[2]
    with refused('QueueNameExists', 'QueueAlreadyExists'):
        aws.sqs.create_queue(QueueName=name, Attributes={'VisibilityTimeout': '8'})


@pytest.mark.parametrize('name', ['with space', 'with.dot', 'x' * 81], ids=lambda name: name[:10])
def test_an_invalid_name_of_a_queue_is_refused(aws: Backend, name: str) -> None:
    """Source: model, CreateQueue, QueueName: 80 letters, digits, hyphens and underscores."""
    with refused('InvalidParameterValue'):
        aws.sqs.create_queue(QueueName=name)


def test_the_name_of_a_fifo_queue_must_end_in_fifo(aws: Backend) -> None:
    """Source: model, CreateQueue, QueueName."""
    with refused('InvalidParameterValue'):
        aws.sqs.create_queue(QueueName=aws.new_name(), Attributes={'FifoQueue': 'true'})


def test_a_queue_has_defaults(aws: Backend) -> None:
    """Source: model, CreateQueue, Attributes."""
    found = aws.attributes(aws.queue())
    assert {name: found.get(name) for name in DEFAULTS} == DEFAULTS


def test_only_requested_attributes_of_a_queue_are_returned(aws: Backend) -> None:
    """Source: model, GetQueueAttributes, AttributeNames."""
    assert aws.attributes(aws.queue(), 'VisibilityTimeout') == {'VisibilityTimeout': '30'}


def test_no_attributes_of_a_queue_are_returned_without_a_request(aws: Backend) -> None:
    """Source: model, GetQueueAttributes, AttributeNames is optional; known."""
    response = aws.sqs.get_queue_attributes(QueueUrl=aws.queue())
    assert response.get('Attributes', {}) == {}


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('DelaySeconds', 901),
        ('MaximumMessageSize', 1_023),
        ('MaximumMessageSize', 1_048_577),
        ('MessageRetentionPeriod', 59),
        ('MessageRetentionPeriod', 1_209_601),
        ('ReceiveMessageWaitTimeSeconds', 21),
        ('VisibilityTimeout', 43_201),
        ('VisibilityTimeout', 'long'),
    ],
)
def test_an_attribute_out_of_its_range_is_refused(aws: Backend, name: str, value: Any) -> None:
    """Source: model, CreateQueue, Attributes; InvalidAttributeValue."""
    with refused('InvalidAttributeValue'):
        aws.queue(**{name: value})


def test_an_unknown_attribute_of_a_queue_is_refused(aws: Backend) -> None:
    """Source: model, InvalidAttributeName."""
    with refused('InvalidAttributeName'):
        aws.queue(Colour='green')


def test_attributes_of_a_queue_can_change(aws: Backend) -> None:
    """Source: model, SetQueueAttributes."""
    url = aws.queue(VisibilityTimeout=7)
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={'VisibilityTimeout': '0'})
    aws.wait_for_aws(60)
    assert aws.attributes(url, 'VisibilityTimeout') == {'VisibilityTimeout': '0'}
    aws.send(url, 'hej')
    assert aws.receive_one(url)
    assert aws.receive_one(url)


def test_a_redrive_policy_is_returned_as_json(aws: Backend) -> None:
    """Source: model, GetQueueAttributes, RedrivePolicy."""
    policy = {'deadLetterTargetArn': aws.arn(aws.queue()), 'maxReceiveCount': 3}
    found = json.loads(aws.attributes(aws.queue(RedrivePolicy=policy))['RedrivePolicy'])
    assert found['deadLetterTargetArn'] == policy['deadLetterTargetArn']
    assert int(found['maxReceiveCount']) == 3


def test_a_queue_counts_visible_hidden_and_delayed_messages(aws: Backend) -> None:
    """Source: model, GetQueueAttributes. AWS needs up to a minute for the numbers."""
    url = aws.queue(VisibilityTimeout=300)
    aws.send(url, 'in flight')
    aws.receive_one(url)
    aws.send(url, 'visible')
    aws.send(url, 'delayed', 'delayed', DelaySeconds=300)
    aws.wait_for_aws(60)
    prefix = 'ApproximateNumberOfMessages'
    found = aws.attributes(url, prefix, f'{prefix}NotVisible', f'{prefix}Delayed')
    assert [found[prefix + kind] for kind in ('', 'NotVisible', 'Delayed')] == ['1', '1', '2']


OPERATIONS: dict[str, dict[str, Any]] = {
    'send_message': {'MessageBody': 'hej'},
    'send_message_batch': {'Entries': [{'Id': '0', 'MessageBody': 'hej'}]},
    'receive_message': {},
    'delete_message': {'ReceiptHandle': 'x'},
    'delete_message_batch': {'Entries': [{'Id': '0', 'ReceiptHandle': 'x'}]},
    'change_message_visibility': {'ReceiptHandle': 'x', 'VisibilityTimeout': 0},
    'get_queue_attributes': {'AttributeNames': ['All']},
    'purge_queue': {},
}


@pytest.mark.parametrize('operation', OPERATIONS)
def test_an_operation_on_a_missing_queue_is_refused(aws: Backend, operation: str) -> None:
    """Source: model, QueueDoesNotExist of each operation."""
    url = aws.queue()
    missing = url.replace(url.rpartition('/')[2], aws.new_name())
    with refused('QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'):
        getattr(aws.sqs, operation)(QueueUrl=missing, **OPERATIONS[operation])


def test_a_missing_queue_is_not_found_by_its_name(aws: Backend) -> None:
    """Source: model, GetQueueUrl, QueueDoesNotExist."""
    with refused('QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'):
        aws.sqs.get_queue_url(QueueName=aws.new_name())


def test_a_deleted_queue_does_not_exist(aws: Backend) -> None:
    """Source: model, DeleteQueue: the deletion takes up to 60 seconds."""
    url = aws.queue()
    aws.sqs.delete_queue(QueueUrl=url)
    aws.wait_for_aws(60)
    with refused('QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'):
        aws.send(url, 'hej')


def test_a_purge_deletes_visible_hidden_and_delayed_messages(aws: Backend) -> None:
    """Source: model, PurgeQueue: the deletion takes up to 60 seconds."""
    url = aws.queue()
    aws.send(url, 'a', 'b')
    hidden = aws.receive_one(url, VisibilityTimeout=300)
    aws.send(url, 'c', DelaySeconds=300)
    aws.sqs.purge_queue(QueueUrl=url)
    aws.wait_for_aws(60)
    assert hidden
    assert aws.is_empty(url)
    found = aws.attributes(url)
    assert found['ApproximateNumberOfMessagesNotVisible'] == '0'
    assert found['ApproximateNumberOfMessagesDelayed'] == '0'


def test_a_second_purge_within_a_minute_is_refused(aws: Backend) -> None:
    """Source: model, PurgeQueueInProgress."""
    url = aws.queue()
    aws.sqs.purge_queue(QueueUrl=url)
    with refused('PurgeQueueInProgress', 'AWS.SimpleQueueService.PurgeQueueInProgress'):
        aws.sqs.purge_queue(QueueUrl=url)


def test_a_purge_is_allowed_again_after_a_minute(aws: Backend) -> None:
    """Source: model, PurgeQueueInProgress: within the last 60 seconds."""
    url = aws.queue()
    aws.sqs.purge_queue(QueueUrl=url)
    aws.advance(61)
    aws.sqs.purge_queue(QueueUrl=url)
