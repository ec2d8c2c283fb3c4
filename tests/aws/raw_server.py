"""A server whose connections a test answers itself, byte by byte, and clients that talk to it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import boto3
from botocore.config import Config

from mega.aws._transport.client import connect

__all__ = (
    'EMPTY',
    'WITHIN',
    'Answering',
    'ServiceApi',
    'answer',
    'length_of',
    'made',
    'ours',
    'server',
    'untried',
    'whole',
)

WITHIN = 10.0  # seconds; what takes so long does not happen
KEYS: dict[str, Any] = {'aws_access_key_id': 'testing', 'aws_secret_access_key': 'testing'}
ONCE = Config(retries={'total_max_attempts': 1})

ServiceApi = socket.socket


def answer(body: bytes) -> bytes:
    head = f'Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n'
    return b'HTTP/1.1 200 OK\r\n' + head.encode() + body


EMPTY = answer(b'{}')


@contextmanager
def server(handle: Callable[[ServiceApi], None]) -> Iterator[str]:
    """The URL of a server that leaves its connections, one after the other, to a function."""

    def serve() -> None:
        while True:
            wire, _ = listening.accept()
            with wire:
                if ending.is_set():
                    return
                wires.append(wire)
                wire.settimeout(WITHIN)
                handle(wire)

    ending = Event()
    wires: list[ServiceApi] = []
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]
        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f'http://127.0.0.1:{port}'
        finally:
            ending.set()
            for wire in wires:
                with suppress(OSError):  # closed already
                    wire.shutdown(socket.SHUT_RDWR)
            socket.create_connection(('127.0.0.1', port)).close()
            thread.join(WITHIN)
    assert not thread.is_alive()


def length_of(head: bytes) -> int:
    """The length of the body that a request announces."""
    [line] = [line for line in head.split(b'\r\n') if line.lower().startswith(b'content-length:')]
    return int(line.partition(b':')[2])


def whole(wire: ServiceApi) -> list[bytes]:
    """A request in the pieces in which it comes; nothing when no other one will."""
    pieces: list[bytes] = []
    while piece := wire.recv(1 << 20):
        pieces.append(piece)
        head, end, body = b''.join(pieces).partition(b'\r\n\r\n')
        if end and len(body) >= length_of(head):
            break
    return pieces


class Answering:
    """Answers every request as an empty queue would, and keeps the pieces of each."""

    def __init__(self) -> None:
        self.requests: list[list[bytes]] = []

    def __call__(self, wire: ServiceApi) -> None:
        while pieces := whole(wire):
            self.requests.append(pieces)
            wire.sendall(EMPTY)


def made(url: str, service: str = 'sqs', verify: str | None = None, **settings: Any) -> Any:
    """A client of boto3's own, which tries once. `verify` is a file of certificates."""
    session: Any = boto3.Session(region_name='eu-west-1', **KEYS)
    config = ONCE.merge(Config(**settings))
    return session.client(service, endpoint_url=url, verify=verify, config=config)


@contextmanager
def ours(url: str) -> Iterator[Any]:
    """A client of this library's."""
    aws = connect('sqs', None, region_name='eu-west-1', endpoint_url=url, attempts=1, **KEYS)
    try:
        yield aws.client
    finally:
        aws.close()


def untried(answer: dict[str, Any]) -> object:
    """An answer, but for what botocore says of its tries."""
    metadata = answer.pop('ResponseMetadata')
    tries = ('MaxAttemptsReached', 'RetryAttempts')
    return answer, {key: value for key, value in metadata.items() if key not in tries}
