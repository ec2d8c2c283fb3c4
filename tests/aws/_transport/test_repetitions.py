"""A call is repeated on a fresh connection: the idle ones may be lost without notice."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.time_limits import TimeLimit, within
from mega.errors import TransportError
from tests.aws.raw_server import (
    EMPTY,
    WITHIN,
    RecordingHandler,
    boto3_client,
    direct_client,
    read_request,
    receive,
    server,
)

Connect = Callable[[str], AbstractContextManager[AwsClient]]


@contextmanager
def passed_client(url: str) -> Iterator[AwsClient]:
    with closing(boto3_client(url)) as client:
        yield create_client('sqs', None, client=client)


@pytest.fixture(params=[direct_client, passed_client], ids=['direct', 'botocore'])
def connected(request: pytest.FixtureRequest) -> Connect:
    found: Connect = request.param
    return found


class LostConnections:
    """Answers the first request of each connection, and loses the connection without notice."""

    def __init__(self) -> None:
        self.connections = 0
        self._lost: list[socket.socket] = []

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        read_request(connection)
        connection.sendall(EMPTY)
        self._lost.append(connection.dup())  # it stays open

    def close(self) -> None:
        for connection in self._lost:
            connection.close()


def repetition() -> TimeLimit:
    return TimeLimit(WITHIN, is_repetition=True)


def test_a_repetition_uses_a_fresh_connection(connected: Connect) -> None:
    with closing(LostConnections()) as handler, server(handler) as url, connected(url) as aws:
        receive(aws)
        for _ in range(2):
            with within(repetition()):
                receive(aws)
    assert handler.connections == 3


def test_a_first_attempt_reuses_a_connection(connected: Connect) -> None:
    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        for _ in range(3):
            with within(TimeLimit(WITHIN)):
                receive(aws)
    assert (handler.connections, len(handler.requests)) == (1, 3)


def test_a_timeout_closes_the_idle_connections_of_the_direct_client() -> None:
    """The next call, which is not a repetition, does not wait on another lost connection."""
    with closing(LostConnections()) as handler, server(handler) as url, direct_client(url) as aws:
        receive(aws)
        with within(repetition()):
            receive(aws)
        with within(TimeLimit(0.05)), pytest.raises(TransportError, match='Timeout'):
            receive(aws)
        receive(aws)
    assert handler.connections == 3
