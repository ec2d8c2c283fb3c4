"""The Query protocol of the in-memory SNS, as boto3 speaks it."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

_numbers = count(1)


@pytest.fixture
def topic(sns: Any) -> str:
    return str(sns.create_topic(Name=f'topic-{next(_numbers)}')['TopicArn'])


@pytest.fixture
def queue_url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName=f'queue-{next(_numbers)}')['QueueUrl'])


def arn_of(sqs: Any, queue_url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=['QueueArn'])
    return str(found['Attributes']['QueueArn'])


def test_a_message_travels_from_topic_to_queue(
    sns: Any, sqs: Any, topic: str, queue_url: str
) -> None:
    raw = {'RawMessageDelivery': 'true'}
    subscription = sns.subscribe(
        TopicArn=topic, Protocol='sqs', Endpoint=arn_of(sqs, queue_url), Attributes=raw
    )
    assert subscription['SubscriptionArn'].startswith(topic)
    attributes = {
        'text': {'DataType': 'String', 'StringValue': '<&é\r\n'},
        'bytes': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'},
    }
    body = '{"a": "<&>é\U0001f600\\r\\n"}\r\n'
    published = sns.publish(TopicArn=topic, Message=body, MessageAttributes=attributes)
    assert published['MessageId']
    found = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=['All'])
    [message] = found['Messages']
    assert (message['Body'], message['MessageAttributes']) == (body, attributes)


def test_the_results_of_a_batch_travel(sns: Any, topic: str) -> None:
    entries = [{'Id': str(number), 'Message': 'x' * (number + 1)} for number in range(9)]
    entries.append({'Id': 'subject', 'Message': 'x', 'Subject': ''})
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each['Id'] for each in answer['Successful']] == [str(number) for number in range(9)]
    [failed] = answer['Failed']
    assert (failed['Id'], failed['Code'], failed['SenderFault']) == (
        'subject',
        'InvalidParameter',
        True,
    )


def test_attributes_and_tags_travel(sns: Any, sqs: Any, queue_url: str) -> None:
    tags = [{'Key': 'a&', 'Value': '<1>'}]
    name = f'topic-{next(_numbers)}'
    created = sns.create_topic(Name=name, Attributes={'DisplayName': 'A <b> & é'}, Tags=tags)
    topic = created['TopicArn']
    assert sns.get_topic_attributes(TopicArn=topic)['Attributes']['DisplayName'] == 'A <b> & é'
    assert sns.list_tags_for_resource(ResourceArn=topic)['Tags'] == tags
    sns.untag_resource(ResourceArn=topic, TagKeys=['a&'])
    assert sns.list_tags_for_resource(ResourceArn=topic)['Tags'] == []
    sns.tag_resource(ResourceArn=topic, Tags=tags)
    sns.set_topic_attributes(TopicArn=topic, AttributeName='DisplayName', AttributeValue='x')
    endpoint = arn_of(sqs, queue_url)
    request = {'TopicArn': topic, 'Protocol': 'sqs', 'Endpoint': endpoint}
    subscription = sns.subscribe(**request, ReturnSubscriptionArn=True)['SubscriptionArn']
    policy = json.dumps({'a': ['<', {'prefix': '&'}]})
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName='FilterPolicy', AttributeValue=policy
    )
    found = sns.get_subscription_attributes(SubscriptionArn=subscription)['Attributes']
    assert found['FilterPolicy'] == policy
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)['Subscriptions']
    assert [each['Endpoint'] for each in listed] == [endpoint]
    sns.unsubscribe(SubscriptionArn=subscription)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)['Subscriptions'] == []
    sns.delete_topic(TopicArn=topic)


def test_errors_are_those_of_boto3(sns: Any, topic: str) -> None:
    with pytest.raises(sns.exceptions.NotFoundException, match='Topic does not exist'):
        sns.publish(TopicArn=f'{topic}-missing', Message='x')
    with pytest.raises(sns.exceptions.InvalidParameterException, match='Empty message'):
        sns.publish(TopicArn=topic, Message='')
    attributes = {'n': {'DataType': 'Number', 'StringValue': 'x'}}
    with pytest.raises(sns.exceptions.InvalidParameterValueException):
        sns.publish(TopicArn=topic, Message='x', MessageAttributes=attributes)
    with pytest.raises(sns.exceptions.EmptyBatchRequestException):
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[])


def test_an_error_shows_no_character_that_xml_excludes(sns: Any, topic: str) -> None:
    request = {'AttributeName': 'RawMessageDelivery', 'AttributeValue': '\x00\ufffe'}
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.set_subscription_attributes(SubscriptionArn=f'{topic}:x', **request)
    with pytest.raises(sns.exceptions.InvalidParameterException, match='Invalid value'):
        sns.subscribe(
            TopicArn=topic,
            Protocol='sqs',
            Endpoint='arn:aws:sqs:eu-west-1:123456789012:q',
            Attributes={'RawMessageDelivery': '\x00\ufffe'},
        )


def code_of(server_url: str, body: bytes) -> tuple[int, str]:
    with pytest.raises(HTTPError) as refused, urlopen(server_url, body, 10):
        pass
    with refused.value as response:
        text = response.read().decode()
    return refused.value.code, text.partition('<Code>')[2].partition('</Code>')[0]


@pytest.mark.parametrize(
    'fields',
    [
        {'TopicArn': 'x', 'TopicArn.member.1': 'y'},
        {'TopicArn.member.1': 'y', 'TopicArn': 'x'},
        {'A.member.x': 'y'},
        {f'A.member.{"9" * 5_000}': 'y'},
        {'A.entry.1.key': 'y'},
        {'A.entry.1': 'y'},
        {'A.member': 'y'},
        {'.'.join('a' * 1_000): 'y'},
        {'a' + '.' * 100_000: 'y'},
        {'A.entry.1.Value.BinaryValue': 'A', 'A.entry.1.Name': 'y'},
    ],
    ids=range(10),
)
def test_a_form_with_a_wrong_parameter_is_refused(server_url: str, fields: dict[str, str]) -> None:
    body = urlencode({'Action': 'Publish', **fields}).encode()
    assert code_of(server_url, body) == (400, 'MalformedQueryString')


@pytest.mark.parametrize('body', [b'', b'\xff', b'Action=Nothing', b'a=b'])
def test_a_form_without_a_known_action_is_refused(server_url: str, body: bytes) -> None:
    assert code_of(server_url, body) == (400, 'InvalidAction')
