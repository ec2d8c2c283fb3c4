from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from mega.cli.exit_status import CommandError
from mega.cli.listen.health_server import (
    MAX_CONNECTIONS,
    MAX_REQUEST_BYTES,
    Address,
    HealthServer,
    response_bytes,
)
from mega.cli.listen.snapshot import Snapshot

NOTHING = Snapshot((), wanted=1)
ANY_PORT = Address('127.0.0.1', 0)


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with closing(HealthServer(ANY_PORT, lambda: NOTHING)) as server:
        yield server


def connect(server: HealthServer) -> socket.socket:
    return socket.create_connection(server.address, timeout=60)


def answer(server: HealthServer, request: bytes) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    received = b''
    with connect(server) as connection, suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(request)
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def test_a_request_is_answered_and_the_connection_closed(server: HealthServer) -> None:
    response = answer(server, b'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    head, _, body = response.partition(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 503 Service Unavailable\r\n')
    assert f'Content-Length: {len(body)}'.encode() in head
    assert body == b'0 of 1 processes receive messages\n'


def test_the_snapshot_is_taken_for_each_request() -> None:
    snapshots = iter([Snapshot((), wanted=1), Snapshot((), wanted=0)])
    request = b'GET /readyz HTTP/1.0\r\n\r\n'
    answers = [response_bytes(request, lambda: next(snapshots)) for _ in range(2)]
    assert [each.split()[1] for each in answers] == [b'503', b'200']


def test_head_has_the_headers_of_get_without_the_body() -> None:
    get = response_bytes(b'GET /stats HTTP/1.1\r\n\r\n', lambda: NOTHING)
    head = response_bytes(b'HEAD /stats HTTP/1.1\r\n\r\n', lambda: NOTHING)
    assert get.startswith(head)
    assert head.endswith(b'\r\n\r\n')


@pytest.mark.parametrize(
    'request_head',
    [
        b'',
        b'POST /livez HTTP/1.1\r\n\r\n',
        b'GET http://example.com/livez HTTP/1.1\r\n\r\n',
        b'GET /livez\r\n\r\n',
        b'GET /a b HTTP/1.1\r\n\r\n',
        b'GET /\xc3\xa4 HTTP/1.1\r\n\r\n',
        b'\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',
    ],
)
def test_another_request_is_a_bad_request(request_head: bytes) -> None:
    response = response_bytes(request_head, lambda: NOTHING)
    assert response.startswith(b'HTTP/1.1 400 Bad Request\r\n')


def test_a_request_that_is_too_large_is_refused(server: HealthServer) -> None:
    response = answer(server, b'GET /' + b'a' * MAX_REQUEST_BYTES * 3)
    assert response.startswith(b'HTTP/1.1 400') or response == b''


def test_a_client_that_sends_nothing_is_disconnected() -> None:
    with (
        closing(HealthServer(ANY_PORT, lambda: NOTHING, max_seconds=0.01)) as server,
        connect(server) as connection,
    ):
        assert connection.recv(1) == b''


def test_a_client_that_leaves_disturbs_no_other(server: HealthServer) -> None:
    for request in (b'', b'GET', b'GET /stats HTTP/1.1\r\n\r\n'):
        connection = connect(server)
        connection.sendall(request)
        connection.close()
    assert answer(server, b'GET /livez HTTP/1.1\r\n\r\n').endswith(b'ok\n')


def test_connections_beyond_the_limit_are_closed_until_others_end(server: HealthServer) -> None:
    idle = [connect(server) for _ in range(MAX_CONNECTIONS)]
    with connect(server) as refused:
        assert refused.recv(1) == b''
    idle[0].sendall(b'GET /livez HTTP/1.1\r\n\r\n')
    assert idle[0].makefile('rb').read().endswith(b'ok\n')
    assert answer(server, b'GET /livez HTTP/1.1\r\n\r\n').endswith(b'ok\n')
    for each in idle:
        each.close()


def test_a_closed_server_frees_its_port() -> None:
    server = HealthServer(ANY_PORT, lambda: NOTHING)
    with connect(server) as waiting, suppress(ConnectionResetError):
        answer(server, b'GET /livez HTTP/1.1\r\n\r\n')  # the earlier connection is accepted, too
        server.close()
        server.close()
        assert waiting.recv(1) == b''
    HealthServer(server.address, lambda: NOTHING).close()


def test_an_address_in_use_is_one_line(server: HealthServer) -> None:
    with pytest.raises(CommandError) as caught:
        HealthServer(server.address, lambda: NOTHING)
    assert str(caught.value).startswith(f'--health {server.address}: cannot listen there: Address')


@pytest.mark.parametrize(
    ('text', 'address', 'shown'),
    [
        ('8080', ('127.0.0.1', 8080), '127.0.0.1:8080'),
        ('0.0.0.0:80', ('0.0.0.0', 80), '0.0.0.0:80'),
        ('localhost:0', ('localhost', 0), 'localhost:0'),
        ('[::1]:8080', ('::1', 8080), '[::1]:8080'),
    ],
)
def test_an_address_is_a_port_with_or_without_a_host(
    text: str, address: tuple[str, int], shown: str
) -> None:
    parsed = Address.parse(text)
    assert parsed == address
    assert str(parsed) == shown


@pytest.mark.parametrize('text', ['', 'abc', ':80', '1:2:3', '::1:80', '65536', '-1', '80 ', '٨٠'])
def test_another_text_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r'not a PORT or a HOST:PORT'):
        Address.parse(text)
