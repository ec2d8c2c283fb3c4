from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mega.cli.listen.messages import (
    Connection,
    Failed,
    Inspected,
    InspectRequest,
    Message,
    Ready,
    Receiving,
    Reported,
    StopRequest,
)
from mega.cli.listen.snapshot import Report

MESSAGES: list[Message] = [
    Receiving(20.0, 'orders'),
    Ready(),
    Reported(Report({'received': 5, 'transport': 'direct'}, True, 0.1, None, 20, 30_000_000)),
    Failed("no module named 'shop'", 3),
    Inspected('process 1\nthread MainThread:\n  File "ordärs.py"\n'),
    StopRequest(),
    InspectRequest(),
]


@pytest.fixture
def sides() -> Iterator[tuple[Connection, socket.socket]]:
    """Return a connection, and the socket of its other side."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield Connection(ours), theirs


def test_messages_arrive_as_they_were_sent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for message in MESSAGES:
            Connection(theirs).send(message)
        assert Connection(ours).receive() == MESSAGES


def test_a_message_is_received_when_it_is_complete(
    sides: tuple[Connection, socket.socket],
) -> None:
    connection, other = sides
    assert connection.receive() == []
    other.sendall(b'{"type":"Ready"}\n{"type":"St')
    assert connection.receive() == [Ready()]
    other.sendall(b'opRequest"}\n')
    assert connection.receive() == [StopRequest()]
    assert not connection.is_closed_by_peer


@pytest.mark.parametrize('line', [b'', b'hello', b'\xff\x00', b'{"type":"Unknown"}', b'{"type":1}'])
def test_a_line_that_is_not_a_message_is_ignored(
    sides: tuple[Connection, socket.socket], line: bytes
) -> None:
    connection, other = sides
    other.sendall(line + b'\n{"type":"Ready"}\n')
    assert connection.receive() == [Ready()]


def test_the_end_of_the_other_process_closes_the_connection_after_its_messages(
    sides: tuple[Connection, socket.socket],
) -> None:
    connection, other = sides
    connection.send(StopRequest())  # the other process never reads it
    other.sendall(b'{"type":"Ready"}\n')
    other.close()
    assert connection.receive() == [Ready()]
    assert connection.receive() == []
    assert connection.is_closed_by_peer
    connection.send(StopRequest())


def test_a_process_that_reads_nothing_does_not_block_the_sender(
    sides: tuple[Connection, socket.socket],
) -> None:
    connection, _ = sides
    for _ in range(100):
        connection.send(Inspected('x' * 10_000))
