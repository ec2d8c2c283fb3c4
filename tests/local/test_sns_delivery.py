"""What a topic of the in-memory SNS delivers to its queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.local.messages import sha256_of_text
from tests.local.aws_account import LocalAccount

COLOUR = {'colour': {'DataType': 'String', 'StringValue': 'red'}}


def test_a_raw_delivery_has_the_body_and_the_attributes(aws: LocalAccount) -> None:
    topic, queue = aws.topic('orders'), aws.queue('q')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    attributes = {**COLOUR, 'bytes': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}}
    published = aws.sns('Publish', TopicArn=topic, Message='{}', MessageAttributes=attributes)
    [message] = aws.received(queue)
    assert message['Body'] == '{}'
    assert message['MessageAttributes'] == attributes
    assert message['MessageId'] != published['MessageId']


def test_a_wrapped_delivery_is_an_envelope_without_attributes(aws: LocalAccount) -> None:
    topic, queue = aws.topic('orders'), aws.queue('q')
    subscription = aws.subscribe(topic, queue)
    attributes = {**COLOUR, 'bytes': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}}
    published = aws.sns(
        'Publish', TopicArn=topic, Message='é"', Subject='News', MessageAttributes=attributes
    )
    [message] = aws.received(queue)
    assert 'MessageAttributes' not in message
    envelope = json.loads(message['Body'])
    assert envelope.pop('Signature')
    assert envelope.pop('SigningCertURL').endswith('.pem')
    assert envelope.pop('UnsubscribeURL').endswith(f'SubscriptionArn={subscription}')
    assert envelope == {
        'Type': 'Notification',
        'MessageId': published['MessageId'],
        'TopicArn': topic,
        'Subject': 'News',
        'Message': 'é"',
        'Timestamp': '2026-01-01T00:00:00.000Z',
        'SignatureVersion': '1',
        'MessageAttributes': {
            'colour': {'Type': 'String', 'Value': 'red'},
            'bytes': {'Type': 'Binary', 'Value': 'AP8='},
        },
    }


def test_an_envelope_has_only_the_fields_of_its_message(aws: LocalAccount) -> None:
    topic, queue = aws.topic('orders', SignatureVersion='2'), aws.queue('q')
    aws.subscribe(topic, queue)
    aws.sns('Publish', TopicArn=topic, Message='{}')
    envelope = json.loads(aws.bodies(queue)[0])
    assert not envelope.keys() & {'Subject', 'MessageAttributes', 'SequenceNumber'}
    assert envelope['SignatureVersion'] == '2'


def test_every_subscribed_queue_gets_the_message(aws: LocalAccount) -> None:
    topic = aws.topic('orders')
    queues = [aws.queue(f'q{number}') for number in range(3)]
    for queue in queues:
        aws.subscribe(topic, queue, RawMessageDelivery='true')
    aws.sns('Publish', TopicArn=topic, Message='once')
    assert [aws.bodies(queue) for queue in queues] == [['once']] * 3


def test_each_entry_of_a_batch_is_delivered_or_refused(aws: LocalAccount) -> None:
    topic, queue = aws.topic('orders'), aws.queue('q')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    entries = [{'Id': 'a', 'Message': 'one'}, {'Id': 'b', 'Message': ''}]
    answer = aws.sns('PublishBatch', TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each['Id'] for each in answer['Successful']] == ['a']
    assert [(each['Id'], each['SenderFault']) for each in answer['Failed']] == [('b', True)]
    assert aws.bodies(queue) == ['one']


def test_a_fifo_topic_delivers_with_group_and_deduplication_id(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t.fifo', ContentBasedDeduplication='true'), aws.queue('q.fifo')
    aws.subscribe(topic, queue)
    for body in ('a', 'b', 'a'):
        aws.sns('Publish', TopicArn=topic, Message=body, MessageGroupId='g')
    messages = aws.received(queue)
    envelopes = [json.loads(each['Body']) for each in messages]
    assert [each['Message'] for each in envelopes] == ['a', 'b']
    assert envelopes[0]['SequenceNumber'] < envelopes[1]['SequenceNumber']
    assert messages[0]['Attributes']['MessageGroupId'] == 'g'
    assert messages[0]['Attributes']['MessageDeduplicationId'] == sha256_of_text('a')


def test_a_fifo_topic_accepts_a_duplicate_after_five_minutes(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t.fifo'), aws.queue('q.fifo')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    first = aws.sns('Publish', TopicArn=topic, Message='a', **ids)
    assert aws.sns('Publish', TopicArn=topic, Message='b', **ids) == first
    aws.clock.advance(300)
    assert aws.sns('Publish', TopicArn=topic, Message='c', **ids) != first
    assert aws.bodies(queue) == ['a', 'c']


def test_deduplication_can_be_per_group_of_a_topic(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t.fifo'), aws.queue('q.fifo', DeduplicationScope='messageGroup')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    change = {'AttributeName': 'FifoThroughputScope', 'AttributeValue': 'MessageGroup'}
    aws.sns('SetTopicAttributes', TopicArn=topic, **change)
    for group in ('g', 'h'):
        ids = {'MessageGroupId': group, 'MessageDeduplicationId': 'd'}
        aws.sns('Publish', TopicArn=topic, Message=group, **ids)
    assert aws.bodies(queue) == ['g', 'h']


@pytest.mark.parametrize(
    ('topic_name', 'passes_group'), [('t', True), pytest.param('t.fifo', False, id='fifo')]
)
def test_a_standard_queue_gets_the_group_of_standard_topics(
    aws: LocalAccount, topic_name: str, passes_group: bool
) -> None:
    topic, queue = aws.topic(topic_name), aws.queue('q')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    ids = {'MessageDeduplicationId': 'd'} if topic_name == 't.fifo' else {}
    aws.sns('Publish', TopicArn=topic, Message='a', MessageGroupId='tenant', **ids)
    [message] = aws.received(queue)
    assert message['Attributes'].get('MessageGroupId') == ('tenant' if passes_group else None)
    assert 'MessageDeduplicationId' not in message['Attributes']


def many_attributes(count: int) -> dict[str, Any]:
    return {f'a{number}': {'DataType': 'Number', 'StringValue': '1'} for number in range(count)}


def test_a_raw_message_with_more_than_ten_attributes_becomes_a_dead_letter(
    aws: LocalAccount,
) -> None:
    topic, raw, wrapped, dead = aws.topic('t'), aws.queue('r'), aws.queue('w'), aws.queue('d')
    redrive = {'deadLetterTargetArn': aws.arn_of(dead)}
    aws.subscribe(topic, raw, RawMessageDelivery='true', RedrivePolicy=redrive)
    aws.subscribe(topic, wrapped)
    aws.sns('Publish', TopicArn=topic, Message='ten', MessageAttributes=many_attributes(10))
    aws.sns('Publish', TopicArn=topic, Message='eleven', MessageAttributes=many_attributes(11))
    assert aws.bodies(raw) == ['ten']
    assert [json.loads(body)['Message'] for body in aws.bodies(wrapped)] == ['ten', 'eleven']
    [dead_letter] = aws.bodies(dead)
    assert len(json.loads(dead_letter)['MessageAttributes']) == 11


@pytest.mark.parametrize('fault', ['missing', 'too large'])
def test_a_message_that_the_queue_refuses_becomes_a_dead_letter(
    aws: LocalAccount, fault: str
) -> None:
    topic, queue, dead = aws.topic('t'), aws.queue('q', MaximumMessageSize='1024'), aws.queue('d')
    redrive = {'deadLetterTargetArn': aws.arn_of(dead)}
    arn = aws.arn_of(queue)
    aws.subscribe(topic, queue, RawMessageDelivery='true', RedrivePolicy=redrive)
    if fault == 'missing':
        del aws.account.sqs.queues['q']
    body = 'x' * (2_000 if fault == 'too large' else 1)
    aws.sns('Publish', TopicArn=topic, Message=body, MessageAttributes=COLOUR)
    [message] = aws.received(dead)
    assert (message['Body'], message['MessageAttributes']) == (body, COLOUR)
    assert arn.endswith(':q')


def test_without_a_dead_letter_queue_a_refused_delivery_is_lost(aws: LocalAccount) -> None:
    topic, queue, other = aws.topic('t'), aws.queue('q', MaximumMessageSize='1024'), aws.queue('o')
    aws.subscribe(topic, queue)
    aws.subscribe(topic, other, RawMessageDelivery='true')
    aws.sns('Publish', TopicArn=topic, Message='x' * 1_024)
    assert aws.bodies(queue) == []
    assert len(aws.bodies(other)) == 1


def test_a_message_may_have_another_text_for_queues(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t'), aws.queue('q')
    aws.subscribe(topic, queue, RawMessageDelivery='true')
    for texts in ({'default': 'any', 'sqs': 'for queues'}, {'default': 'any', 'email': 'Hello'}):
        aws.sns('Publish', TopicArn=topic, Message=json.dumps(texts), MessageStructure='json')
    assert aws.bodies(queue) == ['for queues', 'any']


@pytest.mark.parametrize(
    ('body', 'problem'),
    [('{', 'failed to parse'), ('{"sqs": "x"}', 'No default'), ('{"default": 1}', 'No default')],
)
def test_a_message_with_a_text_for_each_protocol_must_have_a_default(
    aws: LocalAccount, body: str, problem: str
) -> None:
    request = {'TopicArn': aws.topic('t'), 'Message': body, 'MessageStructure': 'json'}
    assert problem in aws.refused('sns', 'Publish', **request).message


def test_only_messages_of_producers_are_recorded(aws: LocalAccount) -> None:
    topic, queue = aws.topic('t'), aws.queue('q')
    aws.subscribe(topic, queue)
    aws.sns('Publish', TopicArn=topic, Message='a')
    aws.sqs('SendMessage', QueueUrl=queue, MessageBody='b')
    recorded = [(each.destination, each.draft.body) for each in aws.account.state.accepted]
    assert recorded == [(topic, 'a'), (aws.arn_of(queue), 'b')]
