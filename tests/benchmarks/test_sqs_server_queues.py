"""What the server's queues give, hide, keep in order and take for a duplicate."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mega.local import Server
from mega.local.deduplication import WINDOW, Deduplication
from mega.local.errors import AwsError
from mega.local.messages import Draft, Message
from mega.local.sqs.queues import Queue, Redrive

ARN = 'arn:aws:sqs:eu-west-1:123456789012:'


def message(body: str, group: str | None = None) -> Message:
    return Message('', Draft(body, {}, group), f'id of {body}', 1, at=0)


def queue_of(*bodies: str, name: str = 'q', redrive: Redrive | None = None) -> Queue:
    """A queue with messages. In a FIFO queue the first letter of a body is the group."""
    queue = Queue(ARN + name, {}, redrive)
    for body in bodies:
        queue.put(message(body, body[0] if queue.is_fifo else None), now=0)
    return queue


def received(queue: Queue, now: float, limit: int = 10) -> dict[str, str]:
    """Receipt handles by bodies, in order, of messages that are hidden for 30 seconds."""
    deliveries = queue.receive(limit, 30, now)
    return {each.message.draft.body: each.receipt_handle for each in deliveries}


def test_hides_what_was_received_until_its_timeout() -> None:
    queue = queue_of('a', 'b')
    assert list(received(queue, now=0, limit=1)) == ['a']
    assert list(received(queue, now=29.9)) == ['b']
    assert queue.next_change() == 30
    assert list(received(queue, now=30)) == ['a']
    assert queue.receive(1, 30, now=60)[0].receives == 2


def test_delays_without_counting_as_in_flight() -> None:
    queue = queue_of()
    queue.put(message('late'), now=0, delay=5)
    assert not received(queue, now=4.9)
    assert queue.counts(4.9)['ApproximateNumberOfMessagesDelayed'] == '1'
    assert list(received(queue, now=5)) == ['late']


def test_changes_how_long_a_message_is_hidden() -> None:
    queue = queue_of('a')
    queue.change_visibility(received(queue, now=0)['a'], 100, now=10)
    assert not received(queue, now=109.9)
    handle = received(queue, now=110)['a']
    queue.change_visibility(handle, 0, now=111)
    with pytest.raises(AwsError) as refused:
        queue.change_visibility(handle, 10, now=111)
    assert refused.value.code == 'MessageNotInflight'


@pytest.mark.parametrize('seconds', [43_190, pytest.param(43_191, id='one above')])
def test_hides_for_twelve_hours_in_total(seconds: int) -> None:
    queue = queue_of('a')
    handle = received(queue, now=0)['a']
    if seconds == 43_190:
        queue.change_visibility(handle, seconds, now=10)
    else:
        with pytest.raises(AwsError, match='beyond the limit'):
            queue.change_visibility(handle, seconds, now=10)


@pytest.mark.parametrize(('name', 'is_refused'), [('q', False), ('q.fifo', True)])
def test_an_old_receipt_handle_deletes_nothing(name: str, is_refused: bool) -> None:
    queue = queue_of('a', name=name)
    old = received(queue, now=0)['a']
    latest = received(queue, now=30)['a']
    if is_refused:
        with pytest.raises(AwsError, match='expired'):
            queue.delete(old, now=31)
    else:
        queue.delete(old, now=31)
    assert queue.counts(31)['ApproximateNumberOfMessagesNotVisible'] == '1'
    queue.delete(latest, now=31)
    queue.delete(latest, now=31)
    assert not received(queue, now=100)


def test_the_last_handle_deletes_from_a_standard_queue_when_its_time_is_over() -> None:
    queue = queue_of('a', 'b')
    queue.delete(received(queue, now=0, limit=1)['a'], now=40)
    assert list(received(queue, now=40)) == ['b']


def test_knows_the_receipt_handles_of_another_queue() -> None:
    with pytest.raises(AwsError) as refused:
        queue_of('a').delete(received(queue_of('a'), now=0)['a'], now=1)
    assert refused.value.code == 'ReceiptHandleIsInvalid'


def test_a_group_waits_while_one_of_its_messages_is_in_flight() -> None:
    queue = queue_of('a1', 'b1', 'a2', 'a3', name='q.fifo')
    handles = received(queue, now=0, limit=2)
    assert list(handles) == ['a1', 'a2']
    assert list(received(queue, now=1)) == ['b1']
    queue.delete(handles['a2'], now=2)
    assert not received(queue, now=3)
    queue.change_visibility(handles['a1'], 0, now=4)
    assert list(received(queue, now=5)) == ['a1', 'a3']


def test_a_group_keeps_its_order_through_timeouts() -> None:
    queue = queue_of('a1', 'a2', 'a3', name='q.fifo')
    handles = received(queue, now=0)
    queue.change_visibility(handles['a3'], 0, now=1)
    queue.change_visibility(handles['a2'], 0, now=2)
    assert not received(queue, now=29)
    assert list(received(queue, now=30)) == ['a1', 'a2', 'a3']


def test_moves_what_was_received_too_often_to_its_dead_letter_queue() -> None:
    target = queue_of(name='dead')
    queue = queue_of('a', 'b', redrive=Redrive(target, 2))
    queue.delete(received(queue, now=0)['b'], now=0)
    assert list(received(queue, now=30)) == ['a']
    assert not received(queue, now=60)
    [delivery] = target.receive(1, 30, now=60)
    assert (delivery.message.id, delivery.receives) == ('id of a', 1)
    assert delivery.extra == {'DeadLetterQueueSourceArn': ARN + 'q'}


@pytest.mark.parametrize(('scope', 'in_other_group'), [('queue', True), ('messageGroup', False)])
def test_knows_a_duplicate_for_five_minutes(scope: str, in_other_group: bool) -> None:
    seen = Deduplication({'DeduplicationScope': scope})
    first = message('body', 'a')
    seen.remember(first, now=0)
    assert seen.first(first.draft, now=WINDOW - 0.1) is first
    assert (seen.first(message('body', 'b').draft, now=1) is first) is in_other_group
    assert seen.first(Draft('another', {}, 'a'), now=1) is None
    assert seen.first(first.draft, now=WINDOW) is None


def test_accepts_a_duplicate_and_never_delivers_it(server: Server, sqs: Any) -> None:
    """Also after the first message is deleted, with its id, and with other attributes."""
    url = server.create_queue('orders', fifo=True, ContentBasedDeduplication=True)
    fields = {'QueueUrl': url, 'MessageBody': 'x', 'MessageGroupId': 'g'}
    first = sqs.send_message(**fields)
    [message] = sqs.receive_message(QueueUrl=url)['Messages']
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
    attributes = {'n': {'DataType': 'String', 'StringValue': 'v'}}
    second = sqs.send_message(**fields, MessageAttributes=attributes)
    assert second['MessageId'] == first['MessageId']
    assert second['SequenceNumber'] == first['SequenceNumber']
    assert 'Messages' not in sqs.receive_message(QueueUrl=url)
    assert [accepted.is_duplicate for accepted in server.accepted()] == [False, True]


def test_deletes_and_releases_in_batches(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders')
    for body in 'abc':
        sqs.send_message(QueueUrl=url, MessageBody=body)
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)['Messages']
    entries = [{'Id': each['Body'], 'ReceiptHandle': each['ReceiptHandle']} for each in messages]
    bad = {'Id': 'bad', 'ReceiptHandle': 'unknown'}
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[entries[0], bad])
    assert answer['Successful'] == [{'Id': 'a'}]
    assert [each['Code'] for each in answer['Failed']] == ['ReceiptHandleIsInvalid']
    released = [{**entry, 'VisibilityTimeout': 0} for entry in entries[1:]]
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=released)
    assert answer['Successful'] == [{'Id': 'b'}, {'Id': 'c'}]
    names = ['ApproximateNumberOfMessages', 'MaximumMessageSize']
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)['Attributes']
    assert found == {'ApproximateNumberOfMessages': '2', 'MaximumMessageSize': '1048576'}


def test_tells_what_is_known_of_a_message(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders', fifo=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    sent = sqs.send_message(QueueUrl=url, MessageBody='x', **ids)
    request = {'QueueUrl': url, 'MessageSystemAttributeNames': ['All']}
    [message] = sqs.receive_message(**request)['Messages']
    known = message['Attributes']
    assert {name: known[name] for name in ids} == ids
    assert known['SequenceNumber'] == sent['SequenceNumber']
    assert known['ApproximateReceiveCount'] == '1'
    assert abs(int(known['SentTimestamp']) / 1_000 - time.time()) < 60


def _wait_for_a_receive(server: Server, number: int = 1) -> None:
    while server.counts().calls.get('ReceiveMessage', 0) < number:
        pass


def test_a_long_poll_wakes_up_for_a_whole_batch(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders')
    started = time.monotonic()
    with ThreadPoolExecutor() as threads:
        request = {'QueueUrl': url, 'WaitTimeSeconds': 20, 'MaxNumberOfMessages': 10}
        poll = threads.submit(sqs.receive_message, **request)
        _wait_for_a_receive(server)
        entries = [{'Id': str(n), 'MessageBody': str(n)} for n in range(3)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
        messages = poll.result()['Messages']
    assert [each['Body'] for each in messages] == ['0', '1', '2']
    assert time.monotonic() - started < 15


def test_a_long_poll_wakes_up_when_a_visibility_timeout_ends(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders')
    sqs.send_message(QueueUrl=url, MessageBody='x')
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)
    with ThreadPoolExecutor() as threads:
        poll = threads.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        _wait_for_a_receive(server, 2)
        server.advance(599)
        assert not sqs.receive_message(QueueUrl=url).get('Messages')
        server.advance(1)
        assert poll.result()['Messages']


def test_the_clock_goes_forwards_only(server: Server) -> None:
    with pytest.raises(ValueError, match='must not be negative: -1'):
        server.advance(-1)


def test_an_abandoned_long_poll_takes_no_message(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders')
    body = json.dumps({'QueueUrl': url, 'WaitTimeSeconds': 20}).encode()
    host, port = server.endpoint_url.removeprefix('http://').split(':')
    with socket.create_connection((host, int(port))) as connection:
        head = f'X-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: {len(body)}'
        connection.sendall(f'POST / HTTP/1.1\r\n{head}\r\n\r\n'.encode() + body)
        _wait_for_a_receive(server)
    sqs.send_message(QueueUrl=url, MessageBody='x')
    assert sqs.receive_message(QueueUrl=url)['Messages']
