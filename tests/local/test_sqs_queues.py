"""The operations on queues: creation, attributes, lists, tags, permissions, and their errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.aws_account import LocalAccount
from tests.local.queue_calls import counts, received, send


def attributes(aws: LocalAccount, url: str, *names: str) -> dict[str, str]:
    request = {'QueueUrl': url, 'AttributeNames': list(names or ['All'])}
    return dict(aws.sqs('GetQueueAttributes', **request)['Attributes'])


def test_a_queue_has_the_default_attributes(aws: LocalAccount) -> None:
    url = aws.queue('q')
    created = str(int(aws.clock()))
    assert attributes(aws, url) == {
        'ApproximateNumberOfMessages': '0',
        'ApproximateNumberOfMessagesDelayed': '0',
        'ApproximateNumberOfMessagesNotVisible': '0',
        'CreatedTimestamp': created,
        'DelaySeconds': '0',
        'LastModifiedTimestamp': created,
        'MaximumMessageSize': '1048576',
        'MessageRetentionPeriod': '345600',
        'QueueArn': 'arn:aws:sqs:eu-west-1:123456789012:q',
        'ReceiveMessageWaitTimeSeconds': '0',
        'SqsManagedSseEnabled': 'true',
        'VisibilityTimeout': '30',
    }
    assert (
        attributes(aws, aws.queue('q.fifo')).items()
        >= {
            'FifoQueue': 'true',
            'ContentBasedDeduplication': 'false',
            'DeduplicationScope': 'queue',
            'FifoThroughputLimit': 'perQueue',
        }.items()
    )


def test_only_requested_attributes_of_a_queue_are_returned(aws: LocalAccount) -> None:
    url = aws.queue('q')
    assert attributes(aws, url, 'QueueArn', 'Policy') == {'QueueArn': aws.arn_of(url)}
    assert aws.sqs('GetQueueAttributes', QueueUrl=url)['Attributes'] == {}
    request = {'QueueUrl': url, 'AttributeNames': ['Unknown']}
    assert aws.refused('sqs', 'GetQueueAttributes', **request).code == 'InvalidAttributeName'


def test_changed_attributes_apply_at_once(aws: LocalAccount) -> None:
    url = aws.queue('q')
    aws.clock.advance(5)
    changes = {'VisibilityTimeout': '5', 'MaximumMessageSize': '1024', 'DelaySeconds': '3'}
    aws.sqs('SetQueueAttributes', QueueUrl=url, Attributes=changes)
    found = attributes(aws, url)
    assert found.items() >= changes.items()
    assert int(found['LastModifiedTimestamp']) == int(found['CreatedTimestamp']) + 5
    refused = aws.refused('sqs', 'SendMessage', QueueUrl=url, MessageBody='x' * 1_025)
    assert '1024 bytes' in refused.message
    send(aws, url, 'x')
    aws.clock.advance(3)
    assert aws.sqs('ReceiveMessage', QueueUrl=url)
    aws.clock.advance(5)
    assert counts(aws, url) == (1, 0, 0)


NAME, VALUE = 'InvalidAttributeName', 'InvalidAttributeValue'
INVALID_ATTRIBUTES: list[tuple[dict[str, str], str]] = [
    ({'Unknown': '1'}, NAME),
    ({'QueueArn': 'arn'}, NAME),
    ({'ContentBasedDeduplication': 'true'}, NAME),
    ({'KmsMasterKeyId': 'key', 'SqsManagedSseEnabled': 'true'}, NAME),
    ({'DelaySeconds': '901'}, VALUE),
    ({'MaximumMessageSize': '1023'}, VALUE),
    ({'MaximumMessageSize': '1048577'}, VALUE),
    ({'MessageRetentionPeriod': '59'}, VALUE),
    ({'ReceiveMessageWaitTimeSeconds': '21'}, VALUE),
    ({'VisibilityTimeout': '-1'}, VALUE),
    ({'VisibilityTimeout': '²'}, VALUE),
    ({'KmsDataKeyReusePeriodSeconds': '59'}, VALUE),
    ({'SqsManagedSseEnabled': 'yes'}, VALUE),
]


@pytest.mark.parametrize(('given', 'code'), INVALID_ATTRIBUTES, ids=str)
def test_an_invalid_attribute_is_refused(
    aws: LocalAccount, given: dict[str, str], code: str
) -> None:
    assert aws.refused('sqs', 'CreateQueue', QueueName='q', Attributes=given).code == code
    url = aws.queue('other')
    before = attributes(aws, url)
    assert aws.refused('sqs', 'SetQueueAttributes', QueueUrl=url, Attributes=given).code == code
    assert attributes(aws, url) == before


def test_the_type_of_a_queue_is_fixed(aws: LocalAccount) -> None:
    rows = [('q', 'true', NAME), ('q.fifo', 'false', VALUE)]
    for name, value, code in rows:
        request = {'QueueUrl': aws.queue(name), 'Attributes': {'FifoQueue': value}}
        assert aws.refused('sqs', 'SetQueueAttributes', **request).code == code


def test_high_throughput_needs_deduplication_by_group(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    limit = {'FifoThroughputLimit': 'perMessageGroupId'}
    assert aws.refused('sqs', 'SetQueueAttributes', QueueUrl=url, Attributes=limit).code == VALUE
    limit |= {'DeduplicationScope': 'messageGroup'}
    aws.sqs('SetQueueAttributes', QueueUrl=url, Attributes=limit)


def test_a_kms_key_replaces_the_encryption_of_sqs(aws: LocalAccount) -> None:
    found = attributes(aws, aws.queue('q', KmsMasterKeyId='key'))
    assert (found['KmsMasterKeyId'], found['SqsManagedSseEnabled']) == ('key', 'false')


def test_creating_a_queue_again_returns_the_same_queue(aws: LocalAccount) -> None:
    """Unless the request has an attribute with another value."""
    url = aws.queue('q', DelaySeconds='5')
    assert aws.queue('q') == aws.queue('q', DelaySeconds='5', VisibilityTimeout='30') == url
    request = {'QueueName': 'q', 'Attributes': {'DelaySeconds': '6'}}
    refused = aws.refused('sqs', 'CreateQueue', **request)
    assert refused.code == 'QueueNameExists'
    assert 'DelaySeconds' in refused.message


@pytest.mark.parametrize('name', ['', 'a b', 'a' * 81, 'q.fifo', 'é'])
def test_an_invalid_name_of_a_queue_is_refused(aws: LocalAccount, name: str) -> None:
    refused = aws.refused('sqs', 'CreateQueue', QueueName=name)
    assert refused.code == 'InvalidParameterValue'


def test_a_fifo_queue_needs_the_suffix_of_its_name(aws: LocalAccount) -> None:
    request = {'QueueName': 'q', 'Attributes': {'FifoQueue': 'true'}}
    assert aws.refused('sqs', 'CreateQueue', **request).code == 'InvalidParameterValue'


def test_the_name_of_a_deleted_queue_is_taken_for_a_minute(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, 'x')
    aws.sqs('DeleteQueue', QueueUrl=url)
    assert aws.refused('sqs', 'ReceiveMessage', QueueUrl=url).code == 'QueueDoesNotExist'
    assert aws.refused('sqs', 'DeleteQueue', QueueUrl=url).code == 'QueueDoesNotExist'
    aws.clock.advance(59.9)
    assert aws.refused('sqs', 'CreateQueue', QueueName='q').code == 'QueueDeletedRecently'
    aws.clock.advance(0.1)
    assert aws.queue('q') == url
    assert not received(aws, url)


def test_a_purge_removes_all_messages_once_a_minute(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, 'in flight')
    received(aws, url)
    send(aws, url, 'visible')
    aws.sqs('SendMessage', QueueUrl=url, MessageBody='delayed', DelaySeconds=5)
    aws.sqs('PurgeQueue', QueueUrl=url)
    assert counts(aws, url) == (0, 0, 0)
    refused = aws.refused('sqs', 'PurgeQueue', QueueUrl=url)
    assert (refused.code, refused.status) == ('PurgeQueueInProgress', 403)
    aws.clock.advance(60)
    aws.sqs('PurgeQueue', QueueUrl=url)
    send(aws, url, 'later')
    assert list(received(aws, url)) == ['later']


def test_queues_are_listed_by_prefix_and_in_pages(aws: LocalAccount) -> None:
    urls = [aws.queue(name) for name in ('b1', 'a1', 'b2', 'b3')]
    assert aws.sqs('ListQueues')['QueueUrls'] == sorted(urls)
    request: dict[str, Any] = {'QueueNamePrefix': 'b', 'MaxResults': 2}
    first = aws.sqs('ListQueues', **request)
    second = aws.sqs('ListQueues', **request, NextToken=first['NextToken'])
    assert first['QueueUrls'] + second['QueueUrls'] == [urls[0], urls[2], urls[3]]
    assert 'NextToken' not in second
    assert aws.sqs('ListQueues', QueueNamePrefix='c') == {}
    assert aws.refused('sqs', 'ListQueues', MaxResults=1_001).code == 'InvalidParameterValue'
    assert aws.refused('sqs', 'ListQueues', NextToken='!').code == 'InvalidParameterValue'


def test_a_list_without_a_maximum_has_a_thousand_queues_and_no_token(aws: LocalAccount) -> None:
    for number in range(1_001):
        aws.queue(f'q{number}')
    listed = aws.sqs('ListQueues')
    assert len(listed['QueueUrls']) == 1_000
    assert 'NextToken' not in listed


def test_a_queue_is_found_by_its_name(aws: LocalAccount) -> None:
    url = aws.queue('q')
    assert aws.sqs('GetQueueUrl', QueueName='q') == {'QueueUrl': url}
    assert aws.refused('sqs', 'GetQueueUrl', QueueName='no').code == 'QueueDoesNotExist'


def test_tags_are_added_replaced_and_removed(aws: LocalAccount) -> None:
    url = aws.sqs('CreateQueue', QueueName='q', tags={'a': '1'})['QueueUrl']
    aws.sqs('TagQueue', QueueUrl=url, Tags={'a': '2', 'b': ''})
    assert aws.sqs('ListQueueTags', QueueUrl=url) == {'Tags': {'a': '2', 'b': ''}}
    aws.sqs('UntagQueue', QueueUrl=url, TagKeys=['a', 'b', 'c'])
    assert aws.sqs('ListQueueTags', QueueUrl=url) == {}


def test_permissions_are_statements_of_the_policy(aws: LocalAccount) -> None:
    url = aws.queue('q')
    request = {'QueueUrl': url, 'AWSAccountIds': ['1', '2'], 'Actions': ['ReceiveMessage']}
    aws.sqs('AddPermission', **request, Label='a')
    aws.sqs('AddPermission', **request, Label='b')
    refused = aws.refused('sqs', 'AddPermission', **request, Label='a')
    assert refused.code == 'InvalidParameterValue'
    document = json.loads(attributes(aws, url, 'Policy')['Policy'])
    assert [statement['Sid'] for statement in document['Statement']] == ['a', 'b']
    assert document['Statement'][0] == {
        'Sid': 'a',
        'Effect': 'Allow',
        'Principal': {'AWS': ['arn:aws:iam::1:root', 'arn:aws:iam::2:root']},
        'Action': 'SQS:ReceiveMessage',
        'Resource': aws.arn_of(url),
    }
    aws.sqs('RemovePermission', QueueUrl=url, Label='a')
    aws.sqs('RemovePermission', QueueUrl=url, Label='b')
    assert attributes(aws, url, 'Policy') == {}
    refused = aws.refused('sqs', 'RemovePermission', QueueUrl=url, Label='b')
    assert refused.code == 'InvalidParameterValue'


@pytest.mark.parametrize('policy', ['x', '[]', '{}', '{"Statement": {}}', '{"Statement": ["x"]}'])
def test_a_policy_without_a_list_of_statements_gets_no_permission(
    aws: LocalAccount, policy: str
) -> None:
    url = aws.queue('q', Policy=policy)
    request = {'QueueUrl': url, 'Label': 'a', 'AWSAccountIds': ['1'], 'Actions': ['*']}
    assert aws.refused('sqs', 'AddPermission', **request).code == 'InvalidParameterValue'
    assert attributes(aws, url, 'Policy') == {'Policy': policy}


@pytest.mark.parametrize(
    ('operation', 'request_', 'code'),
    [
        ('SendMessage', {}, 'MissingParameter'),
        ('SendMessage', {'QueueUrl': 1}, 'SerializationException'),
        ('SendMessageBatch', {'QueueUrl': 'q', 'Entries': [1]}, 'SerializationException'),
        ('SendMessageBatch', {'QueueUrl': 'q', 'Entries': [{}]}, 'MissingParameter'),
        ('ReceiveMessage', {'QueueUrl': 'q', 'WaitTimeSeconds': 'x'}, 'SerializationException'),
        ('ReceiveMessage', {'QueueUrl': 'q', 'WaitTimeSeconds': True}, 'SerializationException'),
        ('DeleteMessage', {'QueueUrl': 'q', 'ReceiptHandle': {}}, 'SerializationException'),
        ('TagQueue', {'QueueUrl': 'q', 'Tags': ['x']}, 'SerializationException'),
        ('UntagQueue', {'QueueUrl': 'q', 'TagKeys': 'x'}, 'SerializationException'),
        ('NoSuchOperation', {}, 'InvalidAction'),
    ],
)
def test_a_malformed_request_is_an_error_of_the_caller(
    aws: LocalAccount, operation: str, request_: dict[str, Any], code: str
) -> None:
    aws.queue('q')
    refused = aws.refused('sqs', operation, **request_)
    assert (refused.code, refused.status) == (code, 400)


def test_malformed_message_attributes_are_an_error_of_the_caller(aws: LocalAccount) -> None:
    request = {'QueueUrl': aws.queue('q'), 'MessageBody': 'x'}
    for value in ([1], {'a': 1}, {'a': {'DataType': 1}}, {'a': {'StringValue': 1}}):
        refused = aws.refused('sqs', 'SendMessage', **request, MessageAttributes=value)
        assert refused.code == 'SerializationException'
    trace = {'Other': {'DataType': 'String', 'StringValue': 'x'}}
    refused = aws.refused('sqs', 'SendMessage', **request, MessageSystemAttributes=trace)
    assert refused.code == 'InvalidParameterValue'


def test_lists_and_binary_values_may_have_the_types_that_boto3_accepts(aws: LocalAccount) -> None:
    url = aws.queue('q')
    binary = {'DataType': 'Binary', 'BinaryValue': bytearray(b'\0')}
    entry = {'Id': 'a', 'MessageBody': 'x', 'MessageAttributes': {'n': binary}}
    assert aws.sqs('SendMessageBatch', QueueUrl=url, Entries=(entry,))['Successful']
    [message] = aws.sqs('ReceiveMessage', QueueUrl=url, MessageAttributeNames=('All',))['Messages']
    assert message['MessageAttributes']['n']['BinaryValue'] == b'\0'
