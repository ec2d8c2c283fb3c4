"""What a receive returns, and for how long messages are hidden."""

from __future__ import annotations

from typing import Any

import pytest

from mega.local.errors import AwsError
from mega.local.messages import Draft, Message
from mega.local.sqs.attributes import defaults
from mega.local.sqs.queues import MAX_IN_FLIGHT, Queue
from tests.local.aws_account import LocalAccount
from tests.local.queue_calls import change, counts, delete, received, send

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def test_a_received_message_is_hidden_until_its_visibility_timeout(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, 'a', 'b')
    assert list(received(aws, url, limit=1)) == ['a']
    assert aws.account.sqs.next_event() == aws.clock() + 30
    aws.clock.advance(29.9)
    assert list(received(aws, url)) == ['b']
    aws.clock.advance(0.1)
    assert list(received(aws, url)) == ['a']


def test_a_delayed_message_is_not_in_flight(aws: LocalAccount) -> None:
    url = aws.queue('q', DelaySeconds='7')
    aws.sqs('SendMessage', QueueUrl=url, MessageBody='at once', DelaySeconds=0)
    aws.sqs('SendMessage', QueueUrl=url, MessageBody='in five seconds', DelaySeconds=5)
    send(aws, url, 'in seven seconds')
    assert list(received(aws, url)) == ['at once']
    assert counts(aws, url) == (0, 1, 2)
    aws.clock.advance(5)
    assert list(received(aws, url)) == ['in five seconds']
    aws.clock.advance(2)
    assert list(received(aws, url)) == ['in seven seconds']


@pytest.mark.parametrize(
    ('name', 'delay', 'in_seconds'),
    [('q', 0, 60), ('q.fifo', 0, 0), ('q.fifo', 30, 20), ('q.fifo', 90, 80)],
)
def test_a_change_of_the_delay_applies_to_delayed_messages_of_fifo_queues(
    aws: LocalAccount, name: str, delay: int, in_seconds: int
) -> None:
    url = aws.queue(name, DelaySeconds='70')
    send(aws, url, 'a1')
    aws.clock.advance(10)
    aws.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'DelaySeconds': str(delay)})
    send(aws, url, 'a2')
    if in_seconds:
        aws.clock.advance(in_seconds - 1)
        assert 'a1' not in received(aws, url, seconds=0)
        aws.clock.advance(1)
    assert 'a1' in received(aws, url)
    aws.clock.advance(600)
    assert counts(aws, url) == (2, 0, 0)


def test_a_changed_visibility_timeout_begins_at_the_change(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, 'a')
    handle = received(aws, url)['a']
    aws.clock.advance(10)
    change(aws, url, handle, 100)
    aws.clock.advance(99)
    assert not received(aws, url)
    aws.clock.advance(1)
    handle = received(aws, url)['a']
    change(aws, url, handle, 0)
    assert counts(aws, url) == (1, 0, 0)
    request = {'QueueUrl': url, 'ReceiptHandle': handle, 'VisibilityTimeout': 10}
    assert aws.refused('sqs', 'ChangeMessageVisibility', **request).code == 'MessageNotInflight'


def test_a_message_is_hidden_for_twelve_hours_in_total(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, 'a')
    handle = received(aws, url)['a']
    aws.clock.advance(10)
    request = {'QueueUrl': url, 'ReceiptHandle': handle}
    refused = aws.refused('sqs', 'ChangeMessageVisibility', **request, VisibilityTimeout=43_191)
    assert refused.code == 'InvalidParameterValue'
    assert 'beyond the limit' in refused.message
    change(aws, url, handle, 43_190)


def test_a_message_expires_at_the_end_of_its_retention_period(aws: LocalAccount) -> None:
    url = aws.queue('q', MessageRetentionPeriod='60')
    send(aws, url, 'in flight')
    handle = received(aws, url, seconds=HOUR)['in flight']
    aws.clock.advance(30)
    send(aws, url, 'later')
    aws.clock.advance(30)
    assert list(received(aws, url)) == ['later']
    assert counts(aws, url) == (0, 1, 0)
    delete(aws, url, handle)
    aws.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'MessageRetentionPeriod': '120'})
    aws.clock.advance(89)
    assert list(received(aws, url)) == ['later']
    aws.clock.advance(1)
    assert counts(aws, url) == (0, 0, 0)


def test_a_message_expires_after_four_days_by_default(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'a2')
    aws.clock.advance(4 * DAY - 1)
    assert counts(aws, url) == (2, 0, 0)
    aws.clock.advance(1)
    assert not received(aws, url)


@pytest.mark.parametrize('name', ['q', 'q.fifo'])
def test_the_messages_in_flight_are_limited(name: str) -> None:
    """A short poll of a standard queue reports it; a long poll and a FIFO queue do not."""
    is_fifo = name.endswith('.fifo')
    queue = Queue(f'arn:aws:sqs:eu-west-1:1:{name}', defaults(is_fifo), max_in_flight=2)
    for number in range(3):
        draft = Draft(str(number), {}, group_id=str(number))
        queue.put(Message('', draft, f'id {number}', number, 0.0, ''), now=0)
    first, second = queue.receive(10, 30, now=0)
    assert queue.receive(10, 30, now=1) == []
    if is_fifo:
        assert queue.receive(10, 30, now=1, is_short_poll=True) == []
    else:
        with pytest.raises(AwsError) as refused:
            queue.receive(10, 30, now=1, is_short_poll=True)
        assert refused.value.code == 'OverLimit'
    queue.delete(first.handle, now=2)
    assert [each.stored.message.id for each in queue.receive(10, 30, now=2)] == ['id 2']
    assert second.is_latest


def test_the_limit_of_messages_in_flight_is_120_000() -> None:
    assert MAX_IN_FLIGHT == 120_000


# Message groups


def test_a_group_waits_while_one_of_its_messages_is_in_flight(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'b1', 'a2', 'a3')
    handles = received(aws, url, limit=2)
    assert list(handles) == ['a1', 'a2']
    assert list(received(aws, url)) == ['b1']
    delete(aws, url, handles['a2'])
    assert not received(aws, url)
    change(aws, url, handles['a1'], 0)
    assert list(received(aws, url)) == ['a1', 'a3']


def test_a_group_keeps_its_order_through_timeouts(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'a2', 'a3')
    handles = received(aws, url)
    change(aws, url, handles['a3'], 0)
    change(aws, url, handles['a2'], 0)
    aws.clock.advance(29)
    assert not received(aws, url)
    aws.clock.advance(1)
    assert list(received(aws, url)) == ['a1', 'a2', 'a3']


def test_messages_of_a_noisy_group_wait_for_those_of_quiet_groups(aws: LocalAccount) -> None:
    """A group is noisy with 30 messages in flight and more than a tenth of all."""
    url = aws.queue('q')
    send(aws, url, *(f'noisy {number}' for number in range(40)), group='noisy')
    handles: dict[str, str] = {}
    for _ in range(3):
        handles |= received(aws, url, seconds=600)
    send(aws, url, 'quiet', group='quiet')
    send(aws, url, 'without a group')
    assert list(received(aws, url, limit=3)) == ['quiet', 'without a group', 'noisy 30']
    delete(aws, url, handles['noisy 0'])
    delete(aws, url, handles['noisy 1'])
    send(aws, url, 'late', group='quiet')
    assert list(received(aws, url, limit=2)) == ['noisy 31', 'late']


def test_a_group_with_few_messages_in_flight_is_not_noisy(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, *(f'a{number}' for number in range(20)), group='a')
    received(aws, url)
    send(aws, url, 'b', group='b')
    assert next(iter(received(aws, url))) == 'a10'


# Receive attempts


def attempt(aws: LocalAccount, url: str, name: str, limit: int = 10) -> dict[str, str]:
    return received(aws, url, limit, ReceiveRequestAttemptId=name)


def test_the_same_attempt_returns_the_same_messages_and_handles(aws: LocalAccount) -> None:
    """The visibility timeout begins again."""
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'a2')
    first = attempt(aws, url, 'x')
    aws.clock.advance(20)
    assert attempt(aws, url, 'x') == first
    aws.clock.advance(29)
    assert counts(aws, url) == (0, 2, 0)
    assert not attempt(aws, url, 'another')
    aws.clock.advance(1)
    assert counts(aws, url) == (2, 0, 0)
    again = attempt(aws, url, 'x')
    assert list(again) == list(first)
    assert again != first


def test_an_attempt_is_not_repeated_after_a_change_or_a_delete(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'b1')
    deleted = attempt(aws, url, 'deleted', limit=1)
    changed = attempt(aws, url, 'changed', limit=1)
    delete(aws, url, deleted['a1'])
    change(aws, url, changed['b1'], 60)
    assert not attempt(aws, url, 'deleted')
    assert not attempt(aws, url, 'changed')


def test_an_attempt_is_repeated_for_five_minutes(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo')
    send(aws, url, 'a1')
    request = {'QueueUrl': url, 'VisibilityTimeout': HOUR, 'ReceiveRequestAttemptId': 'x'}
    assert aws.sqs('ReceiveMessage', **request)
    aws.clock.advance(5 * MINUTE - 1)
    assert aws.sqs('ReceiveMessage', **request)
    aws.clock.advance(1)
    assert not aws.sqs('ReceiveMessage', **request)


def test_a_standard_queue_has_no_attempts(aws: LocalAccount) -> None:
    request = {'QueueUrl': aws.queue('q'), 'ReceiveRequestAttemptId': 'x'}
    assert aws.refused('sqs', 'ReceiveMessage', **request).code == 'InvalidParameterValue'


# Receipt handles


@pytest.mark.parametrize('name', ['q', 'q.fifo'])
def test_an_old_receipt_handle_deletes_nothing(aws: LocalAccount, name: str) -> None:
    url = aws.queue(name)
    send(aws, url, 'a')
    old = received(aws, url)['a']
    aws.clock.advance(30)
    latest = received(aws, url)['a']
    if name == 'q':
        delete(aws, url, old)
    else:
        refused = aws.refused('sqs', 'DeleteMessage', QueueUrl=url, ReceiptHandle=old)
        assert refused.code == 'InvalidParameterValue'
    assert counts(aws, url) == (0, 1, 0)
    delete(aws, url, latest)
    delete(aws, url, latest)
    delete(aws, url, old)
    assert counts(aws, url) == (0, 0, 0)


def test_an_old_receipt_handle_does_not_change_the_visibility(aws: LocalAccount) -> None:
    url = aws.queue('q')
    send(aws, url, 'a')
    old = received(aws, url, seconds=0)['a']
    received(aws, url)
    request = {'QueueUrl': url, 'ReceiptHandle': old, 'VisibilityTimeout': 0}
    assert aws.refused('sqs', 'ChangeMessageVisibility', **request).code == 'InvalidParameterValue'


@pytest.mark.parametrize(('name', 'is_refused'), [('q', False), ('q.fifo', True)])
def test_the_latest_handle_deletes_from_a_standard_queue_after_its_timeout(
    aws: LocalAccount, name: str, is_refused: bool
) -> None:
    url = aws.queue(name)
    send(aws, url, 'a')
    handle = received(aws, url)['a']
    aws.clock.advance(40)
    if is_refused:
        refused = aws.refused('sqs', 'DeleteMessage', QueueUrl=url, ReceiptHandle=handle)
        assert 'expired' in refused.message
    else:
        delete(aws, url, handle)
    assert counts(aws, url) == (int(is_refused), 0, 0)


def test_a_receipt_handle_of_another_queue_is_invalid(aws: LocalAccount) -> None:
    url, other = aws.queue('q'), aws.queue('other')
    send(aws, url, 'a')
    send(aws, other, 'a')
    handle = received(aws, other)['a']
    request: dict[str, Any] = {'QueueUrl': url, 'ReceiptHandle': handle}
    assert aws.refused('sqs', 'DeleteMessage', **request).code == 'ReceiptHandleIsInvalid'
    request |= {'VisibilityTimeout': 1}
    assert aws.refused('sqs', 'ChangeMessageVisibility', **request).code == 'ReceiptHandleIsInvalid'


# Attributes


def test_a_message_has_its_system_attributes(aws: LocalAccount) -> None:
    url = aws.queue('q.fifo', ContentBasedDeduplication='true')
    trace = {'AWSTraceHeader': {'DataType': 'String', 'StringValue': 'Root=1'}}
    request = {'QueueUrl': url, 'MessageBody': 'x', 'MessageGroupId': 'g'}
    sent = aws.sqs('SendMessage', **request, MessageSystemAttributes=trace)
    at = str(int(aws.clock() * 1_000))
    [message] = aws.received(url)
    sha256_of_x = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
    assert message['Attributes'] == {
        'SenderId': 'AIDAEXAMPLE',
        'SentTimestamp': at,
        'ApproximateReceiveCount': '1',
        'ApproximateFirstReceiveTimestamp': at,
        'AWSTraceHeader': 'Root=1',
        'MessageDeduplicationId': sha256_of_x,
        'MessageGroupId': 'g',
        'SequenceNumber': sent['SequenceNumber'],
    }
    assert sent['MD5OfMessageSystemAttributes'] == 'd6619b3d47b81d3fc72c0db005a70eda'


def test_only_requested_attributes_are_returned(aws: LocalAccount) -> None:
    url = aws.queue('q')
    text = {'DataType': 'String', 'StringValue': 'v'}
    attributes = {'time.a': text, 'time.b': text, 'other': text}
    aws.sqs('SendMessage', QueueUrl=url, MessageBody='x', MessageAttributes=attributes)
    names = {
        '': set(),
        'other': {'other'},
        'time.*': {'time.a', 'time.b'},
        '.*': set(attributes),
        'All': set(attributes),
    }
    for name, expected in names.items():
        request = {'QueueUrl': url, 'VisibilityTimeout': 0, 'MessageAttributeNames': [name]}
        [message] = aws.sqs('ReceiveMessage', **request)['Messages']
        assert set(message.get('MessageAttributes', {})) == expected
        assert 'Attributes' not in message
