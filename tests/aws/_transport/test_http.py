"""The shorter way of a request and its answer: what comes of it is what comes of urllib3's way."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._transport.client import connect
from mega.aws._transport.connection_pool import Exchanging
from mega.aws._transport.http import MOST_AT_ONCE, Answer, head_of
from mega.aws._transport.interruption import adapt
from tests.aws.raw_server import (
    EMPTY,
    KEYS,
    WITHIN,
    Answering,
    ServiceApi,
    made,
    ours,
    server,
    untried,
    whole,
)

AWAY = 'http://sqs.invalid'
OK = b'HTTP/1.1 200 OK\r\n'
MESSAGE = b'{"Messages":[{"MessageId":"1","Body":"hej"}]}'
TYPE = b'Content-Type: application/x-amz-json-1.0\r\n'
NOTHING = b'Content-Length: 0\r\n\r\n'
MEASURED = TYPE + b'Content-Length: %d\r\n\r\n' % len(MESSAGE) + MESSAGE
CHUNKS = b'7\r\n' + MESSAGE[:7] + b'\r\n26;a=b\r\n' + MESSAGE[7:] + b'\r\n0\r\n\r\n'

ANSWERS = {
    'plain': OK + MEASURED,
    'without a reason': b'HTTP/1.1 200 \r\n' + MEASURED,
    'of HTTP/1.0': b'HTTP/1.0 200 OK\r\n' + MEASURED,
    'the last one': OK + b'Connection: close\r\n' + MEASURED,
    'in chunks': OK + TYPE + b'Transfer-Encoding: chunked\r\n\r\n' + CHUNKS,
    'to be continued': b'HTTP/1.1 100 Continue\r\nA: 1\r\n\r\n' + OK + MEASURED,
    'of many headers': OK + b'A: 1\r\nb:2\r\nA:3 \r\n' + MEASURED,
    'without a body': OK + NOTHING,
    'an error': b'HTTP/1.1 400 No\r\nContent-Length: 21\r\n\r\n{"__type":"a#Broken"}',
    'unavailable': b'HTTP/1.1 503 Slow Down\r\n' + NOTHING,
    'of a proxy': OK + b'Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>',
    'elsewhere': b'HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\n' + NOTHING,
}
"""All that may come, and is whole."""

ENDLESS = OK + TYPE + b'\r\n' + MESSAGE
"""Its end is that of the connection."""

BROKEN = {
    'nothing': b'',
    'half a head': ANSWERS['plain'][:40],
    'half a body': ANSWERS['plain'][:-5],
    'half a chunk': ANSWERS['in chunks'][:-12],
    'no HTTP': b'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'another length': OK + b'Content-Length: 1x\r\n\r\n' + MESSAGE,
    'two lengths': OK + b'Content-Length: 3\r\n' + MEASURED,
    'another protocol': b'HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhej',
    'too long a head': OK + b'A: ' + b'a' * (MOST_AT_ONCE + 1),
}
"""What is no answer, or not all of one."""


@contextmanager
def scripted(*connections: Sequence[bytes]) -> Iterator[str]:
    """A server that has answers for each of its connections, and closes it after the last."""
    scripts = iter(connections)

    def handle(wire: ServiceApi) -> None:
        for body in next(scripts):
            whole(wire)
            with suppress(OSError):  # who does not want all of it has gone
                wire.sendall(body)

    with server(handle) as url:
        yield url
    assert next(scripts, None) is None, 'there were fewer connections'


def second(client: Any, url: str) -> object:
    """What comes of a second request: it goes the shorter way, if the client has that."""
    client.receive_message(QueueUrl=f'{url}/1/orders')
    try:
        return untried(client.receive_message(QueueUrl=f'{url}/1/orders'))
    except Exception as error:
        return type(error), str(error).replace(url, '').replace(' (reached max retries: 0)', '')


# Answers


@pytest.mark.parametrize('body', [*ANSWERS.values(), ENDLESS], ids=[*ANSWERS, 'endless'])
def test_an_answer_means_what_it_means_the_usual_way(body: bytes) -> None:
    with scripted([EMPTY, body]) as url, closing(made(url)) as client:
        usual = second(client, url)
    with scripted([EMPTY, body]) as other, ours(other) as client:
        assert second(client, other) == usual


@pytest.mark.parametrize('body', BROKEN.values(), ids=BROKEN)
def test_what_is_no_answer_is_an_error_and_the_next_call_is_well(body: bytes) -> None:
    with scripted([EMPTY, body], [EMPTY]) as url, ours(url) as client:
        client.receive_message(QueueUrl=f'{url}/1/orders')
        with pytest.raises(ConnectionClosedError):
            client.receive_message(QueueUrl=f'{url}/1/orders')
        client.receive_message(QueueUrl=f'{url}/1/orders')


@pytest.mark.parametrize('more', [EMPTY, b'hej', b'\r\n\r\nhej', EMPTY[:20]])
def test_what_nobody_asked_for_is_no_answer_to_the_next_request(more: bytes) -> None:
    body = ANSWERS['plain']
    with scripted([EMPTY, body + more], [body]) as url, ours(url) as client:
        client.receive_message(QueueUrl=f'{url}/1/orders')
        for _ in range(2):
            found = client.receive_message(QueueUrl=f'{url}/1/orders')
            assert found['Messages'] == [{'MessageId': '1', 'Body': 'hej'}]


@pytest.mark.parametrize('body', [ANSWERS['the last one'], ANSWERS['of HTTP/1.0'], ENDLESS])
def test_after_the_last_answer_of_a_connection_another_one_is_opened(body: bytes) -> None:
    with scripted([EMPTY, body], [EMPTY]) as url, ours(url) as client:
        for _ in range(3):
            client.receive_message(QueueUrl=f'{url}/1/orders')


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    closed = Event()

    def handle(wire: ServiceApi) -> None:
        whole(wire)
        wire.sendall(EMPTY)
        if not closed.is_set():
            wire.shutdown(socket.SHUT_RDWR)
            closed.set()
        whole(wire)

    with server(handle) as url, ours(url) as client:
        client.receive_message(QueueUrl=f'{url}/1/orders')
        assert closed.wait(WITHIN)
        client.receive_message(QueueUrl=f'{url}/1/orders')


def test_silence_ends_with_the_read_timeout() -> None:
    heard = Event()

    def handle(wire: ServiceApi) -> None:
        whole(wire)
        wire.sendall(EMPTY)
        whole(wire)
        assert heard.wait(WITHIN)

    with server(handle) as url:
        aws = connect(
            'sqs',
            None,
            region_name='eu-west-1',
            endpoint_url=url,
            attempts=1,
            read_timeout=0.05,
            **KEYS,
        )
        aws.client.receive_message(QueueUrl=f'{url}/1/orders')
        with pytest.raises(ReadTimeoutError):
            aws.client.receive_message(QueueUrl=f'{url}/1/orders')
        heard.set()
        aws.close()


@given(st.sampled_from([*ANSWERS.values()]), st.data())
def test_an_answer_may_come_in_any_pieces(body: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(body) - 1)))
    whole_one, pieces = Answer(), Answer()
    whole_one.feed(body)
    for start, end in pairwise([0, *sorted(cuts), len(body)]):
        assert not pieces.is_complete
        pieces.feed(body[start:end])
    assert pieces.is_complete
    assert seen(pieces) == seen(whole_one)


def seen(reading: Answer) -> object:
    return reading.status, reading.headers, reading.body, reading.keeps


broken = st.tuples(st.sampled_from([*ANSWERS.values()]), st.integers(0, 200), st.binary(max_size=9))


@given(st.binary(max_size=200) | broken.map(lambda drawn: drawn[0][: drawn[1]] + drawn[2]))
def test_whatever_comes_is_an_answer_or_a_value_error(body: bytes) -> None:
    reading = Answer()
    with suppress(ValueError):
        reading.feed(body)
        reading.feed(b'')


# Requests


def lines_of(pieces: Sequence[bytes]) -> list[bytes]:
    """The head of a request, but for what is another one every time."""
    head, _, _ = b''.join(pieces).partition(b'\r\n\r\n')
    others = (b'x-amz-date', b'authorization', b'amz-sdk-invocation-id')
    return [each for each in head.split(b'\r\n') if not each.lower().startswith(others)]


@pytest.mark.parametrize('service', ['sqs', 'sns'])
def test_a_request_is_the_one_that_goes_the_usual_way(service: str) -> None:
    answering = Answering()
    with server(answering) as url, closing(made(url, service)) as client:
        adapt(client)
        for _ in range(2):
            with suppress(ResponseParserError):  # what SNS is to say is XML
                if service == 'sqs':
                    client.send_message(QueueUrl=f'{url}/1/orders', MessageBody='hej \u2603')
                else:
                    client.publish(TopicArn='arn:aws:sns:eu-west-1:1:a', Message='hej \u2603')
    usual, shorter = answering.requests
    assert len(shorter) == 1
    assert lines_of(shorter) == lines_of(usual)
    assert shorter[0].partition(b'\r\n\r\n')[2] == b''.join(usual).partition(b'\r\n\r\n')[2]


def test_a_head_is_as_urllib3_writes_it() -> None:
    assert head_of('POST', '/', 'sqs.eu-west-1.amazonaws.com', {'A': 'b', 'C': b'd'}) == (
        b'POST / HTTP/1.1\r\nHost: sqs.eu-west-1.amazonaws.com\r\nAccept-Encoding: identity\r\n'
        b'A: b\r\nC: d\r\n\r\n'
    )


@given(st.dictionaries(st.sampled_from(['A', 'B', 'Authorization']), st.text() | st.binary()))
def test_no_header_can_add_a_line(headers: dict[str, str | bytes]) -> None:
    head = head_of('POST', '/', 'localhost:1', headers)
    if head is not None:
        lines = re.split(rb'[\r\n]+', head)
        assert len(lines) == 3 + len(headers) + 1
        assert head.endswith(b'\r\n\r\n')
        assert head.count(b'\r\n\r\n') == 1


@pytest.mark.parametrize('name', ['Expect', 'HOST', 'Transfer-Encoding', 'accept-encoding'])
def test_headers_that_change_what_is_sent_are_left_to_urllib3(name: str) -> None:
    assert head_of('POST', '/', 'localhost:1', {name: 'x'}) is None


def test_a_path_is_left_to_urllib3() -> None:
    answering = Answering()
    with server(answering) as url, ours(f'{url}/a b') as client:
        for _ in range(2):
            client.receive_message(QueueUrl=f'{url}/1/orders')
    assert [b''.join(each).split(b'\r\n')[0] for each in answering.requests] == [
        b'POST /a%20b HTTP/1.1'
    ] * 2


def test_a_proxy_is_left_to_urllib3() -> None:
    answering = Answering()
    with server(answering) as proxy, closing(made(AWAY, proxies={'http': proxy})) as client:
        adapt(client)
        for _ in range(2):
            client.receive_message(QueueUrl=f'{AWAY}/1/orders')
    assert [b''.join(each).split(b'\r\n')[0] for each in answering.requests] == [
        f'POST {AWAY}/ HTTP/1.1'.encode()
    ] * 2


def test_streams_are_left_to_urllib3() -> None:
    with closing(made('http://127.0.0.1:1', 's3')) as client:
        adapt(client)
        kinds = client._endpoint.http_session._pool_classes_by_scheme.values()
        assert not any(issubclass(kind, Exchanging) for kind in kinds)


def self_signed(directory: Path) -> Path:
    """A file with a certificate for localhost, and its key."""
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


def test_tls_is_spoken_where_the_usual_way_does(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    connections: list[ServiceApi] = []
    answering = Answering()

    def handle(wire: ServiceApi) -> None:
        with tls.wrap_socket(wire, server_side=True) as inner:
            connections.append(inner)
            answering(inner)

    with server(handle) as url:
        secure = url.replace('http://127.0.0.1', 'https://localhost')
        with closing(made(secure, verify=str(certificate))) as client:
            adapt(client)
            for _ in range(3):
                client.receive_message(QueueUrl=f'{secure}/1/orders')
    assert (len(connections), len(answering.requests)) == (1, 3)
    assert [len(pieces) for pieces in answering.requests[1:]] == [1, 1]
