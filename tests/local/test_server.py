"""The HTTP front end: batches, long polls, and the clock of the server."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mega.local import Server


def test_batches_report_each_entry(server: Server, sqs: Any) -> None:
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


def test_a_message_has_its_system_attributes_on_the_wire(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders', fifo=True)
    ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
    sent = sqs.send_message(QueueUrl=url, MessageBody='x', **ids)
    request = {'QueueUrl': url, 'MessageSystemAttributeNames': ['All']}
    [message] = sqs.receive_message(**request)['Messages']
    known = message['Attributes']
    assert {name: known[name] for name in ids} == ids
    assert known['SequenceNumber'] == sent['SequenceNumber']
    assert known['ApproximateReceiveCount'] == '1'
    [accepted] = server.accepted()
    assert int(known['SentTimestamp']) == int(accepted.at * 1_000)


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
    for seconds in (-1.0, float('inf'), float('nan')):
        with pytest.raises(ValueError, match=f'must be finite, and not negative: {seconds}'):
            server.advance(seconds)


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


def test_a_long_poll_ends_with_an_error_when_its_queue_is_deleted(server: Server, sqs: Any) -> None:
    url = server.create_queue('orders')
    missing = sqs.exceptions.QueueDoesNotExist  # two threads may create two classes of this name
    with ThreadPoolExecutor() as threads:
        poll = threads.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        _wait_for_a_receive(server)
        sqs.delete_queue(QueueUrl=url)
        with pytest.raises(missing):
            poll.result()


def test_a_long_poll_receives_messages_that_a_task_moves(server: Server, sqs: Any) -> None:
    dead = server.create_queue('dead')
    arn = 'arn:aws:sqs:eu-west-1:123456789012:dead'
    policy = {'deadLetterTargetArn': arn, 'maxReceiveCount': 1}
    url = server.create_queue('orders', RedrivePolicy=policy)
    sqs.send_message(QueueUrl=dead, MessageBody='x')
    with ThreadPoolExecutor() as threads:
        poll = threads.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        _wait_for_a_receive(server)
        destination = arn.replace('dead', 'orders')
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=destination)
        assert [message['Body'] for message in poll.result()['Messages']] == ['x']
