"""`LocalAws` serves the model in a thread, and `python -m mega.local` in a process."""

from __future__ import annotations

import gc
import socket
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from mega.aws.sqs import SqsPublisher
from mega.local import LocalAws
from tests.local.conftest import ONCE, client


def port_of(aws: LocalAws) -> int:
    return int(aws.endpoint_url.rpartition(':')[2])


def test_a_publisher_publishes_to_it() -> None:
    with LocalAws() as aws:
        queue_url = aws.create_queue('orders')
        with SqsPublisher(queue_url, **aws.credentials) as publisher:
            publisher.publish({'id': 1})
        assert [accepted.body for accepted in aws.accepted()] == ['{"id":1}']
        aws.reset()
        assert not aws.accepted()


def test_time_passes_at_once() -> None:
    with LocalAws() as aws, closing(client('sqs', aws.endpoint_url, config=ONCE)) as sqs:
        url = aws.create_queue('orders', DelaySeconds=900)
        sqs.send_message(QueueUrl=url, MessageBody='x')
        assert 'Messages' not in sqs.receive_message(QueueUrl=url)
        aws.advance(900)
        assert sqs.receive_message(QueueUrl=url)['Messages']


def test_threads_share_it() -> None:
    with LocalAws() as aws, ThreadPoolExecutor(4) as threads:
        urls = list(threads.map(aws.create_queue, [f'q{number}' for number in range(8)]))
        assert len(set(urls)) == 8
        assert aws.counts().accepted == 0


def test_it_frees_its_port() -> None:
    with LocalAws() as aws:
        port = port_of(aws)
        with pytest.raises(OSError, match='in use'):
            LocalAws(port)
    with LocalAws(port) as again:
        assert port_of(again) == port
    again.close()  # a second time


def test_it_ends_waiting_receives() -> None:
    once = Config(retries={'total_max_attempts': 1})
    with LocalAws() as aws, closing(client('sqs', aws.endpoint_url, config=once)) as sqs:
        url = aws.create_queue('orders')
        with ThreadPoolExecutor() as threads:
            poll = threads.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
            while not aws.counts().calls.get('ReceiveMessage'):
                pass
            aws.close()
            with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
                poll.result()


def test_it_leaves_no_open_socket() -> None:
    gc.collect()  # what other tests left
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        with LocalAws() as aws:
            connection = socket.create_connection(('127.0.0.1', port_of(aws)))
            connection.sendall(b'POST / HTTP/1.1\r\n')
            aws.create_queue('orders')
        connection.close()
        gc.collect()
    assert not found


def control(body: bytes) -> bytes:
    """Return a request of the server's own interface."""
    return b'POST /_control HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)


BROKEN = {
    'no HTTP': b'\x16\x03\x01\x02\x00\r\n\r\n',
    'empty lines': b'\r\n\r\n\r\n\r\n',
    'no path': b'POST\r\n\r\n',
    'a header that is not ASCII': b'POST / HTTP/1.1\r\nX-Amz-Target: \xff\r\n\r\n',
    'no operation': b'POST / HTTP/1.1\r\nX-Amz-Target: .\r\n\r\n',
    'no JSON': b'POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n\r\n',
    'a negative length': b'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
    'a long length': b'POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n',
    'a form in UTF-8': b'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\xc3\xa9',
    'deep JSON': (
        b'POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n'
        b'Content-Length: 200000\r\n\r\n' + b'[' * 200_000
    ),
    'deep JSON of a control request': (
        b'POST /_control HTTP/1.1\r\nContent-Length: 200000\r\n\r\n' + b'[' * 200_000
    ),
    'faults of a wrong type': control(b'{"action": "configure", "faults": []}'),
    'a latency of a wrong type': control(b'{"action": "configure", "latency_ms": []}'),
    'a step of a wrong type': control(b'{"action": "script", "steps": [1]}'),
    'a control request without an action': control(b'[]'),
    'a head without an end': b'POST / HTTP/1.1\r\n' + b'A: b\r\n' * 20_000,
}


@pytest.mark.parametrize('request_', BROKEN.values(), ids=BROKEN)
def test_a_broken_request_is_refused(
    server: Any, capfd: pytest.CaptureFixture[str], request_: bytes
) -> None:
    """The server continues, and reports no error of its own."""
    with socket.create_connection(('127.0.0.1', port_of(server))) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile('rb').readline()
    assert answer == b'' or answer.split()[1].startswith(b'4')
    server.create_queue('orders')
    assert capfd.readouterr().err == ''


def test_a_form_for_sqs_is_refused(server: Any) -> None:
    body = b'Action=SendMessage&Version=2012-11-05'
    with pytest.raises(HTTPError) as refused, urlopen(server.endpoint_url, body, 10):
        pass
    with refused.value as response:
        assert b'in JSON only' in response.read()
