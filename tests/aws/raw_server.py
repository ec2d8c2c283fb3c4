"""A loopback server whose connections a test serves itself, byte by byte, and clients for it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from threading import Event, Thread
from typing import Any

import boto3
from botocore.config import Config

from mega.aws._transport.client import AwsClient, create_client

__all__ = (
    'EMPTY',
    'KEYS',
    'WITHIN',
    'RecordingHandler',
    'boto3_client',
    'content_length',
    'direct_client',
    'json_response',
    'read_request',
    'receive',
    'scripted_server',
    'server',
    'without_retry_counts',
)

WITHIN = 10.0  # seconds until a test fails that waits
KEYS: dict[str, Any] = {'aws_access_key_id': 'testing', 'aws_secret_access_key': 'testing'}


def json_response(body: bytes) -> bytes:
    head = f'Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n'
    return b'HTTP/1.1 200 OK\r\n' + head.encode() + body


EMPTY = json_response(b'{}')


@contextmanager
def server(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve the connections one after the other with a function; yield the URL."""

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            with connection:
                if ending.is_set():
                    return
                connections.append(connection)
                connection.settimeout(WITHIN)
                with suppress(OSError):  # the client may close a connection at any time
                    handle(connection)

    ending = Event()
    connections: list[socket.socket] = []
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]
        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f'http://127.0.0.1:{port}'
        finally:
            ending.set()
            for connection in connections:
                with suppress(OSError):  # it is closed already
                    connection.shutdown(socket.SHUT_RDWR)
            socket.create_connection(('127.0.0.1', port)).close()
            thread.join(WITHIN)
    assert not thread.is_alive()


@contextmanager
def scripted_server(*connections: Sequence[bytes]) -> Iterator[str]:
    """Serve responses per connection; close each connection after its last response."""
    scripts = iter(connections)

    def handle(connection: socket.socket) -> None:
        for response in next(scripts):
            read_request(connection)
            connection.sendall(response)

    with server(handle) as url:
        yield url
    assert next(scripts, None) is None, 'there were fewer connections'


def content_length(head: bytes) -> int:
    [line] = [line for line in head.split(b'\r\n') if line.lower().startswith(b'content-length:')]
    return int(line.partition(b':')[2])


def read_request(connection: socket.socket) -> list[bytes]:
    """Read one request, in the pieces that arrive; none when the client closes."""
    pieces: list[bytes] = []
    while piece := connection.recv(1 << 20):
        pieces.append(piece)
        head, end, body = b''.join(pieces).partition(b'\r\n\r\n')
        if end and len(body) >= content_length(head):
            break
    return pieces


class RecordingHandler:
    """Responds as an empty queue, and records the requests and the connections."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        while pieces := read_request(connection):
            self.requests.append(b''.join(pieces))
            connection.sendall(EMPTY)


def boto3_client(url: str, service: str = 'sqs', **settings: Any) -> Any:
    """Create a client of boto3's own, with a single attempt."""
    session: Any = boto3.Session(region_name='eu-west-1', **KEYS)
    config = Config(retries={'total_max_attempts': 1}).merge(Config(**settings))
    return session.client(service, endpoint_url=url, config=config)


@contextmanager
def direct_client(url: str, **settings: Any) -> Iterator[AwsClient]:
    """Connect as a listener does, and check that calls are direct."""
    options: Any = {'region_name': 'eu-west-1', 'attempts': 1, **KEYS, **settings}
    with closing(create_client('sqs', None, endpoint_url=url, **options)) as aws:
        assert aws.transport == 'direct'
        yield aws


def receive(aws: AwsClient, **parameters: Any) -> dict[str, Any]:
    return aws.call('receive_message', QueueUrl='https://sqs/1/orders', **parameters)


def without_retry_counts(response: dict[str, Any]) -> object:
    """Drop what botocore adds about its retries."""
    metadata = response.pop('ResponseMetadata')
    retries = ('MaxAttemptsReached', 'RetryAttempts')
    return response, {key: value for key, value in metadata.items() if key not in retries}
