"""Dead-letter queues, and the tasks that move messages out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.aws_account import LocalAccount
from tests.local.queue_calls import counts, delete, received, send

DAY = 86_400


def with_dead_letter_queue(
    aws: LocalAccount, suffix: str = '', max_receives: int = 1, **attributes: str
) -> tuple[str, str]:
    """Create a queue and its dead-letter queue, and return both URLs."""
    dead = aws.queue(f'dead{suffix}', **attributes)
    return aws.queue(f'q{suffix}', RedrivePolicy=policy(aws, dead, max_receives)), dead


def policy(aws: LocalAccount, dead: str, max_receives: int = 1) -> str:
    return json.dumps({'deadLetterTargetArn': aws.arn_of(dead), 'maxReceiveCount': max_receives})


def move_to_dead_letter_queue(aws: LocalAccount, url: str, *bodies: str) -> None:
    send(aws, url, *bodies)
    assert received(aws, url, seconds=0)
    assert not received(aws, url)


def test_a_message_moves_at_the_receive_beyond_the_maximum(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws, max_receives=2)
    send(aws, url, 'a', 'b')
    delete(aws, url, received(aws, url)['b'])
    aws.clock.advance(30)
    assert list(received(aws, url)) == ['a']
    aws.clock.advance(30)
    assert counts(aws, url) == (1, 0, 0)
    assert not received(aws, url)
    [letter] = aws.received(dead)
    assert letter['Body'] == 'a'
    assert letter['Attributes']['DeadLetterQueueSourceArn'] == aws.arn_of(url)
    assert letter['Attributes']['ApproximateReceiveCount'] == '3'


def test_a_dead_letter_keeps_its_id(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws)
    sent = aws.sqs('SendMessage', QueueUrl=url, MessageBody='x')
    received(aws, url, seconds=0)
    received(aws, url)
    assert [letter['MessageId'] for letter in aws.received(dead)] == [sent['MessageId']]


@pytest.mark.parametrize(('suffix', 'days_left'), [('', 3), ('.fifo', 4)])
def test_the_retention_period_of_a_dead_letter(
    aws: LocalAccount, suffix: str, days_left: int
) -> None:
    """It begins at the time of sending, in a FIFO queue at the time of the move."""
    url, dead = with_dead_letter_queue(aws, suffix)
    send(aws, url, 'x')
    aws.clock.advance(DAY)
    received(aws, url, seconds=0)
    assert not received(aws, url)
    aws.clock.advance(days_left * DAY - 1)
    assert counts(aws, dead) == (1, 0, 0)
    aws.clock.advance(1)
    assert counts(aws, dead) == (0, 0, 0)


def test_the_deduplication_id_of_a_fifo_dead_letter_is_its_message_id(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws, '.fifo')
    move_to_dead_letter_queue(aws, url, 'x')
    [letter] = aws.received(dead)
    assert letter['Attributes']['MessageDeduplicationId'] == letter['MessageId']


def test_the_messages_behind_a_fifo_dead_letter_are_delivered(aws: LocalAccount) -> None:
    url, _ = with_dead_letter_queue(aws, '.fifo')
    send(aws, url, 'a1', 'a2')
    received(aws, url, limit=1, seconds=0)
    assert list(received(aws, url, limit=1)) == ['a2']


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ('no JSON', 'not a JSON object'),
        ('[]', 'not a JSON object'),
        ('[["maxReceiveCount", 3]]', 'not a JSON object'),
        ('{}', 'deadLetterTargetArn'),
        ({'deadLetterTargetArn': 'dummy'}, 'deadLetterTargetArn'),
        ({'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:123456789012:no'}, 'does not exist'),
        ({'maxReceiveCount': 0}, 'maxReceiveCount'),
        ({'maxReceiveCount': 1_001}, 'maxReceiveCount'),
        ({'maxReceiveCount': 'x'}, 'maxReceiveCount'),
    ],
)
def test_an_invalid_redrive_policy_is_refused(
    aws: LocalAccount, given: str | dict[str, object], reason: str
) -> None:
    arn = aws.arn_of(aws.queue('dead'))
    text = given if isinstance(given, str) else json.dumps({'deadLetterTargetArn': arn, **given})
    refused = aws.refused('sqs', 'CreateQueue', QueueName='q', Attributes={'RedrivePolicy': text})
    assert refused.code == 'InvalidParameterValue'
    assert reason in refused.message
    assert aws.refused('sqs', 'GetQueueUrl', QueueName='q').code == 'QueueDoesNotExist'


def test_a_fifo_queue_needs_a_fifo_dead_letter_queue(aws: LocalAccount) -> None:
    text = policy(aws, aws.queue('dead'))
    attributes = {'FifoQueue': 'true', 'RedrivePolicy': text}
    refused = aws.refused('sqs', 'CreateQueue', QueueName='q.fifo', Attributes=attributes)
    assert 'same type' in refused.message


def test_the_maximum_of_receives_is_ten_by_default(aws: LocalAccount) -> None:
    arn = aws.arn_of(aws.queue('dead'))
    url = aws.queue('q', RedrivePolicy=json.dumps({'deadLetterTargetArn': arn}))
    send(aws, url, 'x')
    for _ in range(10):
        assert received(aws, url, seconds=0)
    assert not received(aws, url)


def test_a_removed_redrive_policy_moves_nothing(aws: LocalAccount) -> None:
    url, _ = with_dead_letter_queue(aws)
    aws.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'RedrivePolicy': ''})
    send(aws, url, 'x')
    assert received(aws, url, seconds=0)
    assert received(aws, url)
    found = aws.sqs('GetQueueAttributes', QueueUrl=url, AttributeNames=['All'])['Attributes']
    assert 'RedrivePolicy' not in found


@pytest.mark.parametrize(
    ('allow', 'is_allowed'),
    [
        ({'redrivePermission': 'allowAll'}, True),
        ({'redrivePermission': 'denyAll'}, False),
        ({'redrivePermission': 'byQueue', 'sourceQueueArns': ['q']}, True),
        ({'redrivePermission': 'byQueue', 'sourceQueueArns': ['other']}, False),
    ],
)
def test_a_dead_letter_queue_decides_which_queues_may_use_it(
    aws: LocalAccount, allow: dict[str, object], is_allowed: bool
) -> None:
    prefix = 'arn:aws:sqs:eu-west-1:123456789012:'
    if isinstance(names := allow.get('sourceQueueArns'), list):
        allow = {**allow, 'sourceQueueArns': [prefix + name for name in names]}
    dead = aws.queue('dead', RedriveAllowPolicy=json.dumps(allow))
    attributes = {'RedrivePolicy': policy(aws, dead)}
    if is_allowed:
        aws.queue('q', **attributes)
    else:
        refused = aws.refused('sqs', 'CreateQueue', QueueName='q', Attributes=attributes)
        assert 'RedriveAllowPolicy' in refused.message


@pytest.mark.parametrize(
    'allow',
    [
        {'redrivePermission': 'some'},
        {'redrivePermission': 'byQueue'},
        {'redrivePermission': 'byQueue', 'sourceQueueArns': ['arn'] * 11},
        {'redrivePermission': 'allowAll', 'sourceQueueArns': ['arn']},
    ],
)
def test_an_invalid_redrive_allow_policy_is_refused(
    aws: LocalAccount, allow: dict[str, object]
) -> None:
    attributes = {'RedriveAllowPolicy': json.dumps(allow)}
    refused = aws.refused('sqs', 'CreateQueue', QueueName='q', Attributes=attributes)
    assert refused.code == 'InvalidParameterValue'


def test_the_sources_of_a_dead_letter_queue_are_listed(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws)
    found = aws.sqs('ListDeadLetterSourceQueues', QueueUrl=dead)
    assert found == {'queueUrls': [url]}
    assert aws.sqs('ListDeadLetterSourceQueues', QueueUrl=url) == {'queueUrls': []}


# Message move tasks


def listed(aws: LocalAccount, dead: str) -> dict[str, object]:
    [task] = aws.sqs('ListMessageMoveTasks', SourceArn=aws.arn_of(dead))['Results']
    return dict(task)


def test_a_task_moves_messages_back_to_their_queue(aws: LocalAccount) -> None:
    """A moved message is a new one, with an id, a receive count and a time of its own."""
    url, dead = with_dead_letter_queue(aws)
    move_to_dead_letter_queue(aws, url, 'a', 'b')
    ids = {letter['MessageId'] for letter in aws.received(dead)}
    aws.clock.advance(DAY)
    aws.sqs('StartMessageMoveTask', SourceArn=aws.arn_of(dead))
    moved = aws.received(url)
    assert [each['Body'] for each in moved] == ['a', 'b']
    assert not ids & {each['MessageId'] for each in moved}
    assert {each['Attributes']['ApproximateReceiveCount'] for each in moved} == {'1'}
    assert moved[0]['Attributes']['SentTimestamp'] == str(int(aws.clock() * 1_000))
    assert listed(aws, dead) == {
        'Status': 'COMPLETED',
        'SourceArn': aws.arn_of(dead),
        'ApproximateNumberOfMessagesMoved': 2,
        'ApproximateNumberOfMessagesToMove': 2,
        'StartedTimestamp': int(aws.clock() * 1_000),
    }


def test_a_task_moves_messages_to_another_queue_at_a_rate(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws)
    other = aws.queue('other')
    move_to_dead_letter_queue(aws, url, 'a', 'b', 'c')
    request = {'SourceArn': aws.arn_of(dead), 'DestinationArn': aws.arn_of(other)}
    aws.sqs('StartMessageMoveTask', **request, MaxNumberOfMessagesPerSecond=2)
    assert aws.account.sqs.next_event() == aws.clock() + 0.5
    aws.clock.advance(1)
    assert aws.bodies(other) == ['a', 'b']
    assert listed(aws, dead)['Status'] == 'RUNNING'
    aws.clock.advance(1)
    assert aws.bodies(other) == ['c']
    assert listed(aws, dead)['Status'] == 'COMPLETED'


def test_a_cancelled_task_moves_no_more_messages(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws)
    move_to_dead_letter_queue(aws, url, 'a', 'b', 'c')
    request = {'SourceArn': aws.arn_of(dead), 'MaxNumberOfMessagesPerSecond': 1}
    handle = aws.sqs('StartMessageMoveTask', **request)['TaskHandle']
    assert listed(aws, dead)['TaskHandle'] == handle
    aws.clock.advance(1)
    cancelled = aws.sqs('CancelMessageMoveTask', TaskHandle=handle)
    assert cancelled == {'ApproximateNumberOfMessagesMoved': 1}
    aws.clock.advance(60)
    assert counts(aws, dead) == (2, 0, 0)
    assert listed(aws, dead)['Status'] == 'CANCELLED'
    refused = aws.refused('sqs', 'CancelMessageMoveTask', TaskHandle=handle)
    assert (refused.code, refused.status) == ('ResourceNotFoundException', 404)


def test_a_task_fails_when_its_destination_is_unknown(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws)
    send(aws, dead, 'sent to the dead-letter queue')
    aws.sqs('StartMessageMoveTask', SourceArn=aws.arn_of(dead))
    assert listed(aws, dead)['FailureReason'] == 'CouldNotDetermineMessageSource'
    assert counts(aws, dead) == (1, 0, 0)
    move_to_dead_letter_queue(aws, url, 'x')
    other = aws.queue('other')
    request = {'SourceArn': aws.arn_of(dead), 'DestinationArn': aws.arn_of(other)}
    aws.sqs('StartMessageMoveTask', **request, MaxNumberOfMessagesPerSecond=1)
    aws.sqs('DeleteQueue', QueueUrl=other)
    aws.clock.advance(1)
    failed = listed(aws, dead)
    assert failed['Status'] == 'FAILED'
    assert failed['FailureReason'] == 'AWS.SimpleQueueService.NonExistentQueue'
    assert counts(aws, dead) == (2, 0, 0)


def test_a_task_is_refused(aws: LocalAccount) -> None:
    url, dead = with_dead_letter_queue(aws)
    move_to_dead_letter_queue(aws, url, 'x')
    source = aws.arn_of(dead)
    missing = f'{source}-missing'
    fifo = aws.arn_of(aws.queue('other.fifo'))
    rows: list[tuple[dict[str, Any], str]] = [
        ({'SourceArn': aws.arn_of(url)}, 'InvalidParameterValue'),
        ({'SourceArn': missing}, 'ResourceNotFoundException'),
        ({'SourceArn': source, 'DestinationArn': missing}, 'ResourceNotFoundException'),
        ({'SourceArn': source, 'DestinationArn': fifo}, 'InvalidParameterValue'),
        ({'SourceArn': source, 'MaxNumberOfMessagesPerSecond': 501}, 'InvalidParameterValue'),
    ]
    for request, code in rows:
        assert aws.refused('sqs', 'StartMessageMoveTask', **request).code == code
    aws.sqs('StartMessageMoveTask', SourceArn=source, MaxNumberOfMessagesPerSecond=1)
    assert 'already' in aws.refused('sqs', 'StartMessageMoveTask', SourceArn=source).message
