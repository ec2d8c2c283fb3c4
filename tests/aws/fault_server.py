"""A server on loopback with scripted responses: errors, invalid data, or none."""

from __future__ import annotations

import re
import socket
import struct
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config

from tests.aws.answers import (
    Answer,
    Fault,
    Scripted,
    Together,
    s3_error,
    s3_object,
    sns_answer,
    sns_error,
    sqs_answer,
    sqs_error,
)
from tests.local_aws import LocalAws, Service

__all__ = (
    'Answer',
    'Fault',
    'FaultServer',
    'Request',
    'Together',
    'fault_server',
    's3_error',
    's3_object',
    'sns_answer',
    'sns_error',
    'sqs_answer',
    'sqs_error',
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the server. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def operation(self) -> str:
        """AWS's name of the operation, in any of the protocols."""
        if found := _s3_operation(self.method, self.path):
            return found
        target = self.headers.get('x-amz-target', '')
        return target.rpartition('.')[2] or parse_qs(self.body.decode())['Action'][0]


class FaultServer(ThreadingTCPServer):
    """Sends the responses of its script, one for each request, and then the last one again.

    An operation may have its own script, because concurrent requests arrive in any order.
    """

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        self.credentials = LocalAws('faults', self.url).credentials
        self.requests: list[Request] = []
        self._scripts = {'': deque[Scripted]([Answer()])}
        self._is_ending = Event()
        self._silent: list[socket.socket] = []
        self._lock = Lock()
        self._clients: list[Any] = []

    def will(self, *answers: Scripted, **of_operations: Sequence[Scripted]) -> None:
        """Set the responses to the next requests: `will(first, rest, SendMessage=[other])`."""
        with self._lock:
            self._scripts = {name: deque(own) for name, own in of_operations.items()}
            self._scripts[''] = deque(answers)

    def next_answer(self, connection: socket.socket) -> Scripted:
        has_many = len(self._scripts) > 1
        operation = _operation_of(connection.recv(4096, socket.MSG_PEEK)) if has_many else ''
        with self._lock:
            script = self._scripts.get(operation) or self._scripts['']
            return script.popleft() if len(script) > 1 else script[0]

    def keep_silent(self, connection: socket.socket) -> None:
        """Wait until the client closes the connection, or the server ends."""
        self._silent.append(connection)
        if not self._is_ending.is_set():
            with suppress(OSError):
                connection.recv(1)

    def client(self, service: Service, read_timeout: float = 10, attempts: int = 1) -> Any:
        """A client for `client=`, by default without retries."""
        config = Config(retries={'total_max_attempts': attempts}, read_timeout=read_timeout)
        client = _session().client(service, config=config, **self.credentials)
        self._clients.append(client)
        return client

    def end(self) -> None:
        self._is_ending.set()
        for connection in self._silent:
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()  # resets the connections that it has not accepted
        for client in self._clients:
            client.close()


def _operation_of(head: bytes) -> str:
    """Return AWS's name of the operation in the head of a request, or an empty text."""
    if found := re.search(rb'(?i)x-amz-target: *\w+\.(\w+)', head):
        return found[1].decode()
    method, _, rest = head.decode('latin-1').partition(' ')
    return _s3_operation(method, rest.partition(' ')[0])


def _s3_operation(method: str, path: str) -> str:
    """Return the name of an operation of S3, which is known from its method and path."""
    what = 'Object' if re.fullmatch('/[^/?]+/[^?]+', path.partition('?')[0]) else 'Bucket'
    verb = {'PUT': 'Put', 'GET': 'Get', 'DELETE': 'Delete', 'HEAD': 'Head'}.get(method)
    return f'{verb}{what}' if verb else ''


@cache
def _session() -> boto3.Session:
    """One session for all servers, because botocore's models are large."""
    return boto3.Session()


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: every request has its own connection."""

    server: FaultServer
    timeout = 10

    def handle(self) -> None:
        self.answer = self.server.next_answer(self.connection)
        if self.answer is Fault.RESET_BEFORE:
            self._reset()
        else:
            super().handle()

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if 'expect' in headers:  # botocore waits up to a second for this before it sends the body
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(int(headers.get('content-length', 0)))
        self.server.requests.append(Request(self.command, self.path, headers, body))
        if self.answer is Fault.SILENCE:
            self.server.keep_silent(self.connection)
        elif isinstance(self.answer, Fault):
            self._reset()
        elif isinstance(self.answer, Together):
            self.answer.barrier.wait(self.timeout)
            self._respond(self.answer.answer)
        else:
            self._respond(self.answer)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815 - http.server's names

    def _respond(self, answer: Answer) -> None:
        if answer.hangs:  # the client keeps the connection open, as with AWS
            self.protocol_version = 'HTTP/1.1'
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        length = len(answer.body) if answer.length is None else answer.length
        if length >= 0:
            self.send_header('Content-Length', str(length))
        self.end_headers()
        with suppress(OSError):  # the client closed the connection
            self.wfile.write(answer.body)
        if answer.hangs:
            self.server.keep_silent(self.connection)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the requests are in `requests`."""


@contextmanager
def fault_server() -> Iterator[FaultServer]:
    """Run a server until the block ends."""
    with FaultServer() as server:
        thread = Thread(target=server.serve_forever, args=[0.01], name='fault-server')
        thread.start()
        try:
            yield server
        finally:
            server.end()
            thread.join()
