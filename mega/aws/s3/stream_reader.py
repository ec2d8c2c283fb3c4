"""Reads an object in S3 as a binary file, in parts, with one part in memory.

Each part is read by one request. A slow reader keeps no connection open between the parts. After a
broken connection, the next request begins at the first missing byte. The last part is returned only
if the digest of the whole content is right.
"""

from __future__ import annotations

import io
from contextlib import closing
from typing import Any

from msgspec.structs import replace

from mega.aws.s3.objects import QUEUE_URL_METADATA, ObjectClient, length_of
from mega.aws.s3.pointer import MAX_BODY_BYTES, Pointer
from mega.aws.s3.stream_upload import PART_BYTES
from mega.errors import OffloadError, PayloadStreamError, PointerError

__all__ = ('check_stream', 'find_stream', 'open_stream')

RECEIVED_BYTES = 256 * 1024
"""Bytes that are received at a time, in addition to the part."""


def check_stream(pointer: Pointer) -> None:
    """Check that the content of a pointer can be read as a stream.

    Raises:
        PointerError: for a pointer without size and digest, of a compressed body, or beyond 2 GiB.
    """
    if pointer.size is None or pointer.sha256 is None:
        raise PointerError('its pointer leads to a stream, and has no size or no digest of it')
    if pointer.compression is not None:
        raise PointerError('its pointer leads to a stream, which must not be compressed')
    if pointer.size > MAX_BODY_BYTES:
        problem = f'its pointer leads to a stream of {pointer.size:,} bytes'
        raise PointerError(f'{problem}; the limit is {MAX_BODY_BYTES:,}')


def find_stream(objects: ObjectClient, pointer: Pointer) -> Pointer | None:
    """Return a pointer with the metadata of its object; None if the object does not exist.

    Raises:
        PointerError: for an object of another size than the pointer has.
        OffloadError: if S3 does not describe the object now.
    """
    try:
        answer = objects.call('head_object', pointer)
    except OffloadError:
        # Without a body, the response has no reason: no such key, no such bucket, or access denied.
        if (found := objects.get(pointer)) is None:
            return None
        answer = found
        answer['Body'].close()
    if (size := length_of(answer, pointer)) != pointer.size:
        problem = f'its pointer leads to {size:,} bytes, {pointer.size:,} were announced'
        raise PointerError(problem)
    return replace(pointer, queue_url=answer.get('Metadata', {}).get(QUEUE_URL_METADATA))


def open_stream(objects: ObjectClient, pointer: Pointer) -> io.BufferedReader:
    """Return a binary file with the content of a pointer that has a size and a digest.

    Its methods raise a `PayloadStreamError` for content that S3 does not return, or that differs.
    """
    return io.BufferedReader(_StreamReader(objects, pointer), PART_BYTES)


class _StreamReader(io.RawIOBase):
    """The unbuffered file: each `readinto` is one request of at most `PART_BYTES`."""

    def __init__(self, objects: ObjectClient, pointer: Pointer) -> None:
        from hashlib import sha256  # imports OpenSSL, which other messages do not need

        assert pointer.size is not None
        self._objects = objects
        self._pointer = pointer
        self._size = pointer.size
        self._digest = sha256()
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = 0
        if self._position < self._size:
            view = memoryview(buffer)[: min(PART_BYTES, self._size - self._position)]
            count = self._receive(view)
            self._digest.update(view[:count])
            self._position += count
        if self._position == self._size and self._digest.hexdigest() != self._pointer.sha256:
            raise self._error('the content is not the published one: the digests differ')
        return count

    def readall(self) -> bytes:
        part = memoryview(bytearray(min(PART_BYTES, self._size)))
        parts = []
        while count := self.readinto(part):
            parts.append(bytes(part[:count]))
        return b''.join(parts)

    def _receive(self, view: memoryview) -> int:
        """Fill a buffer with the next bytes, and return how many arrived: one at least."""
        body = self._request(len(view))
        count, problem, failure = 0, 'it ended early', None
        try:
            with closing(body):
                while piece := body.read(min(RECEIVED_BYTES, len(view) - count)):
                    view[count : count + len(piece)] = piece
                    count += len(piece)
        except MemoryError:  # not a fault of the content
            raise
        except Exception as error:  # botocore and urllib3 raise many kinds
            problem, failure = type(error).__name__, error
        if not count:
            problem = f'the connection failed within the content: {problem}'
            raise self._error(problem) from failure
        return count

    def _request(self, length: int) -> Any:
        """Return the body of a response with the next bytes."""
        last = self._position + length - 1
        try:
            answer = self._objects.call(
                'get_object', self._pointer, Range=f'bytes={self._position}-{last}'
            )
        except OffloadError as error:
            raise self._error(error.problem) from error
        if answer.get('ContentLength') != length:
            answer['Body'].close()
            raise self._error('the object has another size than before')
        return answer['Body']

    def _error(self, problem: str) -> PayloadStreamError:
        return PayloadStreamError(self._pointer.bucket, self._pointer.key, problem)
