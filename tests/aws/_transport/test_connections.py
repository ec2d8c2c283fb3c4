"""The direct client's connections: reuse, one resend on a fresh connection, timeouts, TLS."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mega.errors import TransportError
from tests.aws._transport.test_http import RESPONSES, UNTIL_CLOSED
from tests.aws.raw_server import (
    EMPTY,
    WITHIN,
    RecordingHandler,
    content_length,
    direct_client,
    read_request,
    receive,
    scripted_server,
    server,
)


def test_one_connection_serves_all_requests_of_a_thread() -> None:
    handler = RecordingHandler()
    with server(handler) as url, direct_client(url) as aws:
        for _ in range(3):
            receive(aws)
    assert (handler.connections, len(handler.requests)) == (1, 3)


@pytest.mark.parametrize(
    'response', [RESPONSES['connection: close'], RESPONSES['HTTP/1.0'], UNTIL_CLOSED]
)
def test_a_connection_that_the_server_will_close_is_not_reused(response: bytes) -> None:
    with scripted_server([EMPTY, response], [EMPTY]) as url, direct_client(url) as aws:
        for _ in range(3):
            receive(aws)


@pytest.mark.parametrize('size', [1_000, 1_000_000])
def test_a_large_request_arrives_whole(size: int) -> None:
    handler = RecordingHandler()
    with server(handler) as url, direct_client(url) as aws:
        aws.call('send_message', QueueUrl='q', MessageBody='a' * size)
    [request] = handler.requests
    head, _, body = request.partition(b'\r\n\r\n')
    assert len(body) == content_length(head) > size
    assert b'a' * size in body


# The server closes an idle connection


def test_a_request_without_a_response_on_a_reused_connection_is_sent_once_more() -> None:
    """Whether the server closes before the request, or after it has read it."""
    with scripted_server([EMPTY, b''], [EMPTY]) as url, direct_client(url) as aws:
        receive(aws)
        receive(aws)


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    closed = Event()

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(EMPTY)
        if not closed.is_set():
            connection.shutdown(socket.SHUT_RDWR)
            closed.set()

    with server(handle) as url, direct_client(url) as aws:
        receive(aws)
        assert closed.wait(WITHIN)
        receive(aws)


def test_a_request_without_a_response_on_a_fresh_connection_is_an_error() -> None:
    with scripted_server([b''], [EMPTY]) as url, direct_client(url) as aws:
        with pytest.raises(TransportError, match='ConnectionClosedError'):
            receive(aws)
        receive(aws)


def test_a_request_is_sent_once_more_at_most() -> None:
    with scripted_server([EMPTY, b''], [b''], [EMPTY]) as url, direct_client(url) as aws:
        receive(aws)
        with pytest.raises(TransportError, match='ConnectionClosedError'):
            receive(aws)
        receive(aws)


def test_a_request_whose_response_began_is_not_sent_again() -> None:
    with scripted_server([EMPTY, EMPTY[:9]], [EMPTY]) as url, direct_client(url) as aws:
        receive(aws)
        with pytest.raises(TransportError, match='ConnectionClosedError'):
            receive(aws)
        receive(aws)


# Timeouts and failures to connect


def test_a_late_response_is_not_the_response_to_the_next_request() -> None:
    sockets: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        sockets.append(connection)
        read_request(connection)
        connection.sendall(EMPTY)
        if len(sockets) == 1:
            read_request(connection)
            if read_request(connection):  # a third request, where a response is still due
                connection.sendall(RESPONSES['plain'])

    with server(handle) as url, direct_client(url, read_timeout=0.2) as aws:
        receive(aws)
        with pytest.raises(TransportError, match='ReadTimeoutError') as error:
            receive(aws)
        assert error.value.retriable
        assert 'Messages' not in receive(aws)
    assert len(sockets) == 2


def test_a_refused_connection_is_an_error_of_the_endpoint() -> None:
    with socket.socket() as bound:  # it does not listen, and no other program gets its port
        bound.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{bound.getsockname()[1]}'
        with direct_client(url) as aws, pytest.raises(TransportError, match='EndpointConnection'):
            receive(aws)


def test_after_close_a_call_opens_a_new_connection() -> None:
    handler = RecordingHandler()
    with server(handler) as url, direct_client(url) as aws:
        receive(aws)
        aws.close()
        receive(aws)
    assert handler.connections == 2


# TLS


def self_signed(directory: Path) -> Path:
    """Write a certificate for localhost with its key, and return the file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'localhost')])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName('localhost')]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = directory / 'certificate.pem'
    path.write_bytes(text + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize('variable', ['AWS_CA_BUNDLE', 'REQUESTS_CA_BUNDLE'])
def test_tls_trusts_the_ca_bundle_of_the_environment(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    handler = RecordingHandler()

    def handle(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as encrypted:
            handler(encrypted)

    with server(handle) as url:
        secure = url.replace('http://127.0.0.1', 'https://localhost')
        with direct_client(secure) as aws, pytest.raises(TransportError, match='SSLError'):
            receive(aws)
        monkeypatch.setenv(variable, str(certificate))
        with direct_client(secure) as aws:
            for _ in range(3):
                receive(aws)
    assert len(handler.requests) == 3
