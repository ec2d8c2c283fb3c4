"""ReceiveMessage: limits, system attributes and long polls."""

from __future__ import annotations

import pytest

from tests.contract.backend import Backend, bodies, refused


def test_a_receive_from_an_empty_queue_returns_no_messages(aws: Backend) -> None:
    """Source: model, ReceiveMessage: an empty response."""
    assert 'Messages' not in aws.sqs.receive_message(QueueUrl=aws.queue())


def test_a_receive_returns_one_message_by_default(aws: Backend) -> None:
    """Source: model, ReceiveMessage, MaxNumberOfMessages: default 1."""
    url = aws.queue()
    aws.send(url, 'a', 'b')
    assert len(aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)['Messages']) == 1


def test_a_receive_returns_at_most_the_requested_number(aws: Backend) -> None:
    """Source: model, ReceiveMessage, MaxNumberOfMessages: never more than specified."""
    url = aws.queue()
    aws.send(url, 'a', 'b', 'c')
    response = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, WaitTimeSeconds=1)
    assert 1 <= len(response['Messages']) <= 2


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('MaxNumberOfMessages', 0),
        ('MaxNumberOfMessages', 11),
        ('VisibilityTimeout', -1),
        ('VisibilityTimeout', 43_201),
        ('WaitTimeSeconds', -1),
        ('WaitTimeSeconds', 21),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(aws: Backend, name: str, value: int) -> None:
    """Source: model, ReceiveMessage and quotas: 1 to 10, 0 to 43,200, 0 to 20."""
    url = aws.queue()
    aws.send(url, 'hej')  # a server that accepts 21 seconds does not wait for a message
    with refused('InvalidParameterValue', 'ReadCountOutOfRange'):
        aws.sqs.receive_message(QueueUrl=url, **{name: value})


def test_no_system_attributes_are_returned_without_a_request(aws: Backend) -> None:
    """Source: model, ReceiveMessage, MessageSystemAttributeNames."""
    url = aws.queue()
    aws.send(url, 'hej')
    [message] = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)['Messages']
    assert not message.get('Attributes')


@pytest.mark.parametrize('parameter', ['AttributeNames', 'MessageSystemAttributeNames'])
@pytest.mark.parametrize('name', ['ApproximateReceiveCount', 'All'])
def test_requested_system_attributes_are_returned(aws: Backend, parameter: str, name: str) -> None:
    """Source: model, ReceiveMessage: AttributeNames is the older parameter."""
    url = aws.queue()
    aws.send(url, 'hej')
    parameters = {parameter: [name]}
    [message] = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, **parameters)['Messages']
    attributes = message['Attributes']
    assert attributes['ApproximateReceiveCount'] == '1'
    assert ('SentTimestamp' in attributes) is (name == 'All')


def test_both_parameters_for_system_attributes_may_be_given(aws: Backend) -> None:
    """Source: model, ReceiveMessage: some servers know only one of them."""
    url = aws.queue()
    aws.send(url, 'hej')
    names = ['ApproximateReceiveCount', 'SentTimestamp', 'MessageGroupId']
    message = aws.receive_one(url, AttributeNames=names, MessageSystemAttributeNames=names)
    assert set(message['Attributes']) == {'ApproximateReceiveCount', 'SentTimestamp'}


def test_system_attributes_are_texts(aws: Backend) -> None:
    """Source: model, Message, Attributes: times are in milliseconds since the epoch."""
    url = aws.queue()
    aws.send(url, 'hej')
    attributes = aws.receive_one(url)['Attributes']
    assert attributes['SenderId']
    sent, first = attributes['SentTimestamp'], attributes['ApproximateFirstReceiveTimestamp']
    assert len(sent) == len(first) == 13
    assert int(sent) <= int(first)


def test_the_receive_count_counts_receives(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ApproximateReceiveCount."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    counts = [aws.receive_one(url)['Attributes']['ApproximateReceiveCount'] for _ in range(3)]
    assert counts == ['1', '2', '3']


def test_the_time_of_the_first_receive_stays(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ApproximateFirstReceiveTimestamp."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    first = aws.receive_one(url)
    aws.advance(1)
    second = aws.receive_one(url)
    for name in ('SentTimestamp', 'ApproximateFirstReceiveTimestamp'):
        assert second['Attributes'][name] == first['Attributes'][name]


def test_each_receive_has_another_handle(aws: Backend) -> None:
    """Source: model, DeleteMessage: a different ReceiptHandle each time."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    first, second = aws.receive_one(url), aws.receive_one(url)
    assert first['MessageId'] == second['MessageId']
    assert first['ReceiptHandle'] != second['ReceiptHandle']


def test_a_received_message_is_hidden_from_other_receives(aws: Backend) -> None:
    """Source: model, ReceiveMessage; guide, visibility timeout."""
    url = aws.queue()
    aws.send(url, 'hej')
    assert aws.receive_one(url)
    assert aws.is_empty(url)


def test_a_long_poll_returns_when_a_message_appears(aws: Backend) -> None:
    """Source: model, ReceiveMessage, WaitTimeSeconds: it returns sooner than the wait time."""
    url = aws.queue()
    aws.send(url, 'hej', DelaySeconds=1)
    assert bodies(aws.long_poll(url, 1.1, WaitTimeSeconds=20)) == ['hej']


def test_a_queue_may_let_receives_wait(aws: Backend) -> None:
    """Source: model, CreateQueue, ReceiveMessageWaitTimeSeconds."""
    url = aws.queue(ReceiveMessageWaitTimeSeconds=20)
    aws.send(url, 'hej', DelaySeconds=1)
    assert bodies(aws.long_poll(url, 1.1)) == ['hej']
