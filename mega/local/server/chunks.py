r"""Bodies in chunks: `Transfer-Encoding: chunked` of HTTP, and aws-chunked of AWS.

    5\r\nhello\r\n0\r\n\r\n
    5;chunk-signature=...\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n

A chunk has its size in hexadecimal, extensions, and its content. Headers may follow the last chunk,
whose size is 0. Over TLS, boto3 sends an object with both: the chunks of HTTP contain AWS's chunks,
and these end with a checksum.

https://www.rfc-editor.org/rfc/rfc9112#section-7.1
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import re

__all__ = ('ChunkReader',)

MAX_LINE = 4_096  # bytes
MAX_SIZE = 64 * 1_048_576
"""The maximum size of a body in bytes. With its encoding, it may have twice this size."""

_SIZE = re.compile(rb'([0-9A-Fa-f]{1,8})[ \t]*(;.*)?', re.DOTALL)


class ChunkReader:
    """Reads the chunks at the beginning of a buffer that grows.

    `place` is the place after what has been read. Reading takes time that is linear in the size of
    the buffer, however often it grows.
    """

    def __init__(self, place: int = 0) -> None:
        self.place = place
        self.trailers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_last = False

    @property
    def body(self) -> bytes:
        return b''.join(self._chunks)

    def read(self, buffer: bytes | bytearray) -> bool:
        """Read what the buffer has, and return whether the body is complete.

        Raises:
            ValueError: for chunks that are not well-formed, and a body that is too large.
        """
        if len(buffer) > 2 * MAX_SIZE:
            raise ValueError('a body in chunks is too large')
        while (line := self._line(buffer)) is not None:
            if self._is_last:
                self.place += len(line) + 2
                if not line:
                    return True
                self._add_trailer(line)
            elif not self._read_chunk(buffer, line):
                return False
        return False

    def _line(self, buffer: bytes | bytearray) -> bytes | None:
        """Return the line at the current place without its end; None if it is incomplete."""
        end = buffer.find(b'\r\n', self.place, self.place + MAX_LINE)
        if end >= 0:
            return bytes(buffer[self.place : end])
        if len(buffer) - self.place >= MAX_LINE:
            raise ValueError('a line between chunks is too long')
        return None

    def _read_chunk(self, buffer: bytes | bytearray, line: bytes) -> bool:
        """Read the chunk that a line begins, and return whether it is complete."""
        found = _SIZE.fullmatch(line)
        if not found:
            raise ValueError('a chunk has no size')
        size = int(found[1], 16)
        if self._size + size > MAX_SIZE:
            raise ValueError('a body in chunks is too large')
        if not size:
            self._is_last = True
            self.place += len(line) + 2
            return True
        start = self.place + len(line) + 2
        end = start + size
        if len(buffer) < end + 2:
            return False
        if buffer[end : end + 2] != b'\r\n':
            raise ValueError('a chunk does not have its size')
        self._chunks.append(bytes(buffer[start:end]))
        self._size += size
        self.place = end + 2
        return True

    def _add_trailer(self, line: bytes) -> None:
        name, _, value = line.decode('latin-1').partition(':')
        self.trailers[name.strip().lower()] = value.strip()
