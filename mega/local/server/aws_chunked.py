r"""Bodies in the encoding aws-chunked, in which boto3 sends a checksum after the body over TLS.

    5;chunk-signature=...\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

from collections.abc import Mapping

from mega.local.errors import AwsError

__all__ = ('decode_body',)

MAX_LINE = 4_096  # bytes


def decode_body(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return the content of a body, and its trailing headers. Signatures are not checked.

    Raises:
        AwsError: IncompleteBody for a body that does not have the encoding of its headers.
    """
    if not headers.get('x-amz-content-sha256', '').startswith('STREAMING-'):
        return body, {}
    chunks: list[bytes] = []
    line, place = _line(body, 0)
    while size := _size(line):
        chunks.append(body[place : place + size])
        if body[place + size : place + size + 2] != b'\r\n':
            raise _incomplete()
        line, place = _line(body, place + size + 2)
    trailers: dict[str, str] = {}
    while place < len(body):
        line, place = _line(body, place)
        name, _, value = line.decode('latin-1').partition(':')
        if name:
            trailers[name.strip().lower()] = value.strip()
    return b''.join(chunks), trailers


def _line(body: bytes, start: int) -> tuple[bytes, int]:
    """Return a line without its end, and the place after it."""
    end = body.find(b'\r\n', start, start + MAX_LINE)
    if end < 0:
        raise _incomplete()
    return body[start:end], end + 2


def _size(line: bytes) -> int:
    try:
        size = int(line.partition(b';')[0][:16], 16)
    except ValueError:
        raise _incomplete() from None
    if size < 0:
        raise _incomplete()
    return size


def _incomplete() -> AwsError:
    problem = 'The request body is not encoded as its headers say'
    return AwsError('IncompleteBody', problem)
