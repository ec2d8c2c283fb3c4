"""The local servers behave as the other tests assume, and end with the tests."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from tests.local_aws import Counts, LocalAws

ATTRIBUTES = {
    'text': {'DataType': 'String', 'StringValue': 'grün'},
    'number': {'DataType': 'Number', 'StringValue': '1.50'},
}


def send(aws: LocalAws, queue_url: str, *bodies: str, **arguments: object) -> None:
    for body in bodies:
        aws.client('sqs').send_message(QueueUrl=queue_url, MessageBody=body, **arguments)


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message['Body'] for message in messages]


def test_a_message_arrives_with_its_attributes(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej', MessageAttributes=ATTRIBUTES)
    [message] = aws.receive(queue_url, at_least=1)
    assert message['Body'] == 'hej'
    assert message['MessageAttributes'] == ATTRIBUTES
    assert message['Attributes']['ApproximateReceiveCount'] == '1'


def test_receive_deletes_every_message(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    sent = [str(number) for number in range(12)]
    send(aws, queue_url, *sent)
    assert aws.counts(queue_url) == Counts(visible=12, in_flight=0)
    assert sorted(bodies(aws.receive(queue_url))) == sorted(sent)
    assert aws.counts(queue_url) == Counts(visible=0, in_flight=0)


def test_receive_may_leave_messages_in_flight(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    aws.receive(queue_url, delete=False)
    assert aws.counts(queue_url) == Counts(visible=0, in_flight=1)


def test_a_message_moves_to_the_dead_letter_queue_after_its_last_receive(
    aws: LocalAws,
) -> None:
    dead = aws.create_queue()
    queue_url = aws.create_queue(VisibilityTimeout=0, RedrivePolicy=aws.redrive_to(dead, after=1))
    send(aws, queue_url, 'hej')
    aws.receive(queue_url, delete=False)
    assert bodies(aws.receive(dead, at_least=1)) == ['hej']


def test_a_topic_delivers_raw_bodies_to_a_raw_subscription(aws: LocalAws) -> None:
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    aws.subscribe(topic_arn, queue_url, raw=True)
    aws.client('sns').publish(TopicArn=topic_arn, Message='hej', MessageAttributes=ATTRIBUTES)
    [message] = aws.receive(queue_url, at_least=1)
    assert message['Body'] == 'hej'
    assert message['MessageAttributes'] == ATTRIBUTES


def test_a_topic_wraps_bodies_in_an_envelope_by_default(aws: LocalAws) -> None:
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    aws.subscribe(topic_arn, queue_url)
    aws.client('sns').publish(
        TopicArn=topic_arn, Message='hej', Subject='greeting', MessageAttributes=ATTRIBUTES
    )
    [message] = aws.receive(queue_url, at_least=1)
    envelope = json.loads(message['Body'])
    assert envelope['Type'] == 'Notification'
    assert envelope['TopicArn'] == topic_arn
    assert envelope['Subject'] == 'greeting'
    assert envelope['Message'] == 'hej'
    assert envelope['MessageAttributes'] == {
        'text': {'Type': 'String', 'Value': 'grün'},
        'number': {'Type': 'Number', 'Value': '1.50'},
    }


def test_a_subscription_filters_by_the_body(aws: LocalAws) -> None:
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    policy = {'type': ['cart', {'prefix': 'user.'}]}
    aws.subscribe(
        topic_arn, queue_url, raw=True, FilterPolicy=policy, FilterPolicyScope='MessageBody'
    )
    for type_ in ('cart', 'item', 'user.created'):
        aws.client('sns').publish(TopicArn=topic_arn, Message=json.dumps({'type': type_}))
    found = {json.loads(message['Body'])['type'] for message in aws.receive(queue_url, at_least=2)}
    assert found == {'cart', 'user.created'}


def test_a_fifo_topic_delivers_to_a_fifo_queue_in_order(aws: LocalAws) -> None:
    topic_arn, queue_url = aws.create_topic(fifo=True), aws.create_queue(fifo=True)
    aws.subscribe(topic_arn, queue_url, raw=True)
    for body in 'abc':
        aws.client('sns').publish(
            TopicArn=topic_arn, Message=body, MessageGroupId='g', MessageDeduplicationId=body
        )
    assert bodies(aws.receive(queue_url, at_least=3)) == ['a', 'b', 'c']


def test_a_fifo_queue_drops_a_duplicate(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    send(aws, queue_url, 'hej', 'hej', MessageGroupId='g')
    assert bodies(aws.receive(queue_url, at_least=1)) == ['hej']


def test_a_message_in_flight_blocks_its_group_and_no_other(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    send(aws, queue_url, 'a1', MessageGroupId='a')
    assert bodies(aws.receive(queue_url, at_least=1, delete=False)) == ['a1']
    send(aws, queue_url, 'a2', MessageGroupId='a')
    send(aws, queue_url, 'b1', MessageGroupId='b')
    assert bodies(aws.receive(queue_url, at_least=1)) == ['b1']


@pytest.mark.cannot(moto='remembers deduplication ids only while the message is in the queue')
def test_a_fifo_queue_drops_a_duplicate_of_a_deleted_message(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    send(aws, queue_url, 'hej', MessageGroupId='g')
    assert bodies(aws.receive(queue_url, at_least=1)) == ['hej']
    send(aws, queue_url, 'hej', MessageGroupId='g')
    assert aws.receive(queue_url) == []


def test_regions_are_separate(aws: LocalAws) -> None:
    name = aws.create_queue().rpartition('/')[2]
    elsewhere = aws.client('sqs', 'us-west-2')
    with pytest.raises(elsewhere.exceptions.QueueDoesNotExist):
        elsewhere.get_queue_url(QueueName=name)


def test_credentials_select_the_server(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    client = boto3.client('sqs', **aws.credentials)
    assert client.list_queues(QueueNamePrefix=queue_url.rpartition('/')[2])['QueueUrls']
    client.close()


def test_the_environment_contains_no_credentials() -> None:
    assert not {name for name in os.environ if name.startswith('AWS_ACCESS')}
    client = boto3.client('sqs', region_name='eu-west-1', endpoint_url='http://127.0.0.1:1')
    with pytest.raises(NoCredentialsError):
        client.list_queues()
    client.close()


@pytest.mark.parametrize('host', ['192.0.2.1', 'sqs.eu-west-1.amazonaws.com', '::2'])
def test_no_other_machine_can_be_reached(host: str) -> None:
    with pytest.raises(pytest.fail.Exception, match='must not leave this machine'):
        socket.create_connection((host, 443), timeout=1)
