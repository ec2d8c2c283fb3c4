"""Bodies in chunks, of HTTP and of AWS."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from mega.local.server.chunks import ChunkReader
from tests.aws._transport.test_connections import self_signed
from tests.local.conftest import client, serving

SIGNED = b'5;chunk-signature=ab\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\nother:\r\n\r\n'


def read_in_steps(content: bytes, step: int) -> tuple[ChunkReader, bytes]:
    """Read a buffer that grows by some bytes at a time. Return the rest, too."""
    reader, buffer = ChunkReader(), bytearray()
    for start in range(0, len(content), step):
        buffer += content[start : start + step]
        if reader.read(buffer):
            return reader, content[reader.place :]
    raise AssertionError('the body is not complete')


@pytest.mark.parametrize('step', [1, 2, 3, 7, 1_000])
def test_chunks_are_read_as_they_arrive(step: int) -> None:
    reader, rest = read_in_steps(SIGNED + b'GET /', step)
    assert (reader.body, rest) == (b'hello0123456789', b'GET /')
    assert reader.trailers == {'x-sum': '1', 'other': ''}


@pytest.mark.parametrize(
    'content',
    [b'x\r\n', b'\r\n', b'-5\r\nhello\r\n', b'5\r\nhelloo\r\n', b'9' * 9 + b'\r\n', b'4000001\r\n'],
)
def test_a_wrong_chunk_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match='chunk'):
        ChunkReader().read(content)


def test_what_stands_between_chunks_is_limited() -> None:
    with pytest.raises(ValueError, match='too long'):
        ChunkReader().read(b'5;' + b'x' * 5_000)


def test_the_encoding_of_a_body_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mega.local.server.chunks.MAX_SIZE', 4)
    with pytest.raises(ValueError, match='too large'):
        ChunkReader().read(b'0\r\na: b\r\n')
    with pytest.raises(ValueError, match='too large'):
        ChunkReader().read(b'5\r\n')


@pytest.mark.parametrize('content', [b'', b'5', b'5\r\nhel', b'5\r\nhello\r\n0\r\na: b\r\n'])
def test_an_incomplete_body_is_not_an_error(content: bytes) -> None:
    assert not ChunkReader().read(content)


def exchange(server_url: str, request: bytes) -> bytes:
    """Send bytes to the server, and return its response."""
    host, _, port = server_url.removeprefix('http://').partition(':')
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(request)
        return b''.join(iter(lambda: connection.recv(65_536), b''))


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    s3.create_bucket(Bucket='chunks', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})
    yield 'chunks'
    s3.delete_object(Bucket='chunks', Key='k')
    s3.delete_bucket(Bucket='chunks')


HEAD = (
    b'PUT /chunks/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n'
    b'X-Amz-Content-SHA256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n'
    b'X-Amz-Trailer: x-amz-checksum-crc32\r\nContent-Encoding: gzip, aws-chunked\r\n\r\n'
)


def in_chunks(content: bytes, trailer: bytes = b'') -> bytes:
    return b'%x\r\n%b\r\n0\r\n%b\r\n' % (len(content), content, trailer)


def trailer_of(content: bytes) -> bytes:
    digest = b64encode(crc32(content).to_bytes(4, 'big'))
    return b'x-amz-checksum-crc32:' + digest + b'\r\n'


def test_an_object_may_end_with_its_checksum(server_url: str, s3: Any, bucket: str) -> None:
    content = b'x' * 100_000
    body = in_chunks(in_chunks(content, trailer_of(content)))
    assert exchange(server_url, HEAD + body).startswith(b'HTTP/1.1 200 ')
    found = s3.get_object(Bucket=bucket, Key='k', ChecksumMode='ENABLED')
    assert (found['Body'].read(), found['ContentEncoding']) == (content, 'gzip')
    body = in_chunks(in_chunks(content, trailer_of(b'other')))
    assert b'<Code>BadDigest</Code>' in exchange(server_url, HEAD + body)


@pytest.mark.parametrize('content', [b'x', b'5\r\nhello\r\n'], ids=['no chunk', 'no end'])
def test_a_body_that_is_not_in_chunks_is_refused(
    server_url: str, bucket: str, content: bytes
) -> None:
    assert b'<Code>IncompleteBody</Code>' in exchange(server_url, HEAD + in_chunks(content))


def test_a_request_with_wrong_chunks_ends_the_connection(server_url: str) -> None:
    assert exchange(server_url, HEAD + b'x\r\n').startswith(b'HTTP/1.1 413 ')


def test_boto3_sends_chunks_over_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(context) as url:
        url = url.replace('127.0.0.1', 'localhost')
        s3 = client('s3', url, verify=str(certificate))
        s3.create_bucket(
            Bucket='chunks', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'}
        )
        content = b'x' * 3_000_000
        stored = s3.put_object(Bucket='chunks', Key='k', Body=content)
        assert stored['ChecksumCRC32'] == b64encode(crc32(content).to_bytes(4, 'big')).decode()
        found = s3.get_object(Bucket='chunks', Key='k')
        assert found['Body'].read() == content
        assert 'ContentEncoding' not in found
        s3.close()
