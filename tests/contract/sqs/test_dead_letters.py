"""Redrive policies and dead-letter queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.backend import Backend, bodies, refused

# Both are known; the model has only the second.
INVALID_POLICY = ('InvalidParameterValue', 'InvalidAttributeValue')
ATTRIBUTES = {'n': {'DataType': 'Number', 'StringValue': '5'}}


def redrive(aws: Backend, dead: str, after: Any) -> dict[str, object]:
    return {'deadLetterTargetArn': aws.arn(dead), 'maxReceiveCount': after}


def failing(
    aws: Backend, after: int = 1, fifo: bool = False, **attributes: object
) -> tuple[str, str]:
    """Create a queue whose messages are visible again at once, and its dead-letter queue."""
    shared: dict[str, object] = {'ContentBasedDeduplication': True} if fifo else {}
    dead = aws.queue(fifo, **shared)
    policy = redrive(aws, dead, after)
    return aws.queue(fifo, VisibilityTimeout=0, RedrivePolicy=policy, **shared, **attributes), dead


@pytest.mark.parametrize('after', [1, 3])
def test_a_message_moves_when_its_receives_exceed_the_maximum(aws: Backend, after: int) -> None:
    """Source: model, CreateQueue, RedrivePolicy: when ReceiveCount exceeds maxReceiveCount."""
    url, dead = failing(aws, after)
    aws.send(url, 'hej')
    for _ in range(after):
        assert aws.receive_one(url)['Body'] == 'hej'
    assert aws.is_empty(url)
    assert aws.receive_one(dead)['Body'] == 'hej'


def dead_letter(aws: Backend, url: str, dead: str, **parameters: Any) -> Any:
    """Send a message, let it fail, and return the response of the send and the dead letter."""
    [response] = aws.send(url, 'hej', **parameters)
    first = aws.receive_one(url)
    assert aws.is_empty(url)
    return response, first, aws.receive_one(dead)


def test_a_dead_letter_keeps_id_attributes_and_time(aws: Backend) -> None:
    """Source: guide, dead-letter queues: a standard queue keeps the enqueue timestamp."""
    url, dead = failing(aws)
    response, first, message = dead_letter(aws, url, dead, MessageAttributes=ATTRIBUTES)
    assert message['MessageId'] == response['MessageId']
    assert message['MessageAttributes'] == ATTRIBUTES
    assert message['Attributes']['SentTimestamp'] == first['Attributes']['SentTimestamp']


def test_a_dead_letter_names_its_source(aws: Backend) -> None:
    """Source: model, ReceiveMessage, DeadLetterQueueSourceArn; known."""
    url, dead = failing(aws)
    *_, message = dead_letter(aws, url, dead)
    assert message['Attributes']['DeadLetterQueueSourceArn'] == aws.arn(url)


def test_the_receives_of_a_dead_letter_count_on(aws: Backend) -> None:
    """Source: model, ReceiveMessage, ApproximateReceiveCount: across all queues."""
    url, dead = failing(aws)
    *_, message = dead_letter(aws, url, dead)
    assert message['Attributes']['ApproximateReceiveCount'] == '2'


def test_a_dead_letter_lets_its_group_go_on(aws: Backend) -> None:
    """Source: guide, dead-letter queues of FIFO queues."""
    url, dead = failing(aws, fifo=True)
    aws.send(url, 'a1', 'a2', MessageGroupId='a')
    assert aws.receive_one(url)['Body'] == 'a1'
    assert aws.receive_one(url)['Body'] == 'a2'
    message = aws.receive_one(dead)
    assert (message['Body'], message['Attributes']['MessageGroupId']) == ('a1', 'a')


def test_a_message_may_be_deleted_at_its_last_receive(aws: Backend) -> None:
    """Source: model, CreateQueue, RedrivePolicy."""
    url, dead = failing(aws)
    aws.send(url, 'hej')
    aws.delete(url, aws.receive_one(url))
    assert aws.is_empty(url)
    assert aws.is_empty(dead)


@pytest.mark.parametrize('is_source_fifo', [False, True], ids=['standard', 'fifo'])
def test_a_dead_letter_queue_has_the_type_of_its_source(aws: Backend, is_source_fifo: bool) -> None:
    """Source: model, CreateQueue: FIFO with FIFO, standard with standard. It has no code for it."""
    policy = redrive(aws, aws.queue(fifo=not is_source_fifo), 1)
    with refused():
        aws.queue(is_source_fifo, RedrivePolicy=policy)


def test_a_dead_letter_queue_must_exist(aws: Backend) -> None:
    """Source: known: the dead-letter target does not exist."""
    url = aws.queue()
    policy = {'deadLetterTargetArn': f'{aws.arn(url)}-missing', 'maxReceiveCount': 1}
    with refused(*INVALID_POLICY, 'AWS.SimpleQueueService.NonExistentQueue'):
        aws.queue(RedrivePolicy=policy)


@pytest.mark.parametrize('after', [0, 1_001])
def test_the_maximum_of_receives_is_1_to_1000(aws: Backend, after: int) -> None:
    """Source: guide, dead-letter queues, maxReceiveCount."""
    with refused(*INVALID_POLICY):
        aws.queue(RedrivePolicy=redrive(aws, aws.queue(), after))


def test_a_redrive_policy_must_be_an_object(aws: Backend) -> None:
    """Source: model, CreateQueue, RedrivePolicy: the parameters as a JSON object."""
    with refused(*INVALID_POLICY):
        aws.queue(RedrivePolicy='nonsense')


def test_a_queue_may_refuse_to_be_a_dead_letter_queue(aws: Backend) -> None:
    """Source: model, CreateQueue, RedriveAllowPolicy: denyAll."""
    dead = aws.queue(RedriveAllowPolicy={'redrivePermission': 'denyAll'})
    with refused(*INVALID_POLICY):
        aws.queue(RedrivePolicy=redrive(aws, dead, 1))


def test_a_queue_may_allow_some_sources(aws: Backend) -> None:
    """Source: model, CreateQueue, RedriveAllowPolicy: byQueue with sourceQueueArns."""
    allowed, other = aws.queue(), aws.queue()
    policy = {'redrivePermission': 'byQueue', 'sourceQueueArns': [aws.arn(allowed)]}
    dead = aws.queue(RedriveAllowPolicy=policy)
    attributes = {'RedrivePolicy': json.dumps(redrive(aws, dead, 1))}
    aws.sqs.set_queue_attributes(QueueUrl=allowed, Attributes=attributes)
    with refused(*INVALID_POLICY):
        aws.sqs.set_queue_attributes(QueueUrl=other, Attributes=attributes)


def test_a_dead_letter_expires_by_the_time_of_its_send(aws: Backend) -> None:
    """Source: guide, dead-letter queues: the expiration is based on the original timestamp."""
    dead = aws.queue(MessageRetentionPeriod=60)
    url = aws.queue(VisibilityTimeout=0, RedrivePolicy=redrive(aws, dead, 1))
    aws.send(url, 'hej')
    aws.receive_one(url)
    aws.advance(50)
    assert aws.is_empty(url)
    assert bodies(aws.receive(dead, VisibilityTimeout=0)) == ['hej']
    aws.advance(11)
    assert aws.is_empty(dead)


def test_a_message_moves_after_its_last_timeout(aws: Backend) -> None:
    """Source: model, CreateQueue, RedrivePolicy; guide, visibility timeout."""
    dead = aws.queue()
    url = aws.queue(VisibilityTimeout=1, RedrivePolicy=redrive(aws, dead, 1))
    aws.send(url, 'hej')
    aws.receive_one(url)
    aws.advance(1.1)
    assert aws.is_empty(url)
    assert bodies(aws.receive(dead)) == ['hej']


def test_the_sources_of_a_dead_letter_queue_are_listed(aws: Backend) -> None:
    """Source: model, ListDeadLetterSourceQueues."""
    url, dead = failing(aws)
    aws.wait_for_aws(5)
    assert aws.sqs.list_dead_letter_source_queues(QueueUrl=dead)['queueUrls'] == [url]


def test_dead_letters_can_be_moved_back(aws: Backend) -> None:
    """Source: model, StartMessageMoveTask: by default to the original source queue."""
    url, dead = failing(aws)
    aws.send(url, 'hej', MessageAttributes=ATTRIBUTES)
    aws.receive_one(url)
    assert aws.is_empty(url)
    arn = aws.arn(dead)
    assert aws.sqs.start_message_move_task(SourceArn=arn)['TaskHandle']
    aws.wait_for_aws(10)
    message = aws.receive_one(url)
    assert (message['Body'], message['MessageAttributes']) == ('hej', ATTRIBUTES)
    [task] = aws.sqs.list_message_move_tasks(SourceArn=arn)['Results']
    assert (task['Status'], task['ApproximateNumberOfMessagesMoved']) == ('COMPLETED', 1)


def test_messages_are_moved_from_dead_letter_queues_only(aws: Backend) -> None:
    """Source: model, StartMessageMoveTask; the first code is known."""
    with refused('InvalidParameterValue', 'UnsupportedOperation'):
        aws.sqs.start_message_move_task(SourceArn=aws.arn(aws.queue()))
