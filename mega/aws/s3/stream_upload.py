"""The upload of a stream to S3, in parts, with one part of its content in memory.

    file -> read_part -> PutObject                                    less than a whole part
    file -> read_part -> CreateMultipartUpload                        larger content
            read_part -> UploadPart, UploadPart, ...
                         CompleteMultipartUpload -> the object exists

The object does not exist before the last request. If anything fails before, the upload is aborted,
which deletes its parts.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec.structs import replace

from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.s3.objects import ObjectClient, code_of
from mega.aws.s3.pointer import MAX_BODY_BYTES, Pointer
from mega.errors import EncodeError, OffloadError, PayloadTooLargeError, PublishError

__all__ = ('PART_BYTES', 'BinaryFile', 'StreamContent', 'StreamUpload')

PART_BYTES = 8 * 1024**2
"""Bytes of a part, except the last one. S3 accepts 5 MiB to 5 GiB, and 10,000 parts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

READ_BYTES = 256 * 1024
"""Bytes to request from a file at a time. For a pipe, Python allocates as many for each read."""

CONTENT_TYPE = 'application/octet-stream'

_CHECKSUMS = frozenset(
    f'Checksum{name}' for name in ('CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256')
)


class BinaryFile(Protocol):
    """A file that is open for reading bytes, or any object that can be read like one."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none only at the end."""


class StreamContent:
    """The content of a binary file, read once from its position to its end.

    `part` is what `read_part` read last. `size` is the number of bytes that were read so far, and
    `sha256` their digest.
    """

    def __init__(self, file: BinaryFile) -> None:
        from hashlib import sha256  # imports OpenSSL, which few programs need here

        self.part = b''
        self.size = 0
        self._file = file
        self._digest = sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read_part(self) -> None:
        """Replace `part` by the next `PART_BYTES` of the content; fewer only at its end.

        A pipe or a socket may return fewer bytes than requested before its end.

        Raises:
            EncodeError: for a file that does not return bytes.
            PayloadTooLargeError: beyond `MAX_BODY_BYTES`.
            PublishError: if the file raises an exception, which is the cause.
        """
        self.part = b''  # frees the memory of the part before
        part = io.BytesIO()  # shares its memory with the result of `getvalue`
        missing = PART_BYTES
        while missing and (piece := self._read(min(missing, READ_BYTES))):
            missing -= part.write(piece)
        self.part = part.getvalue()
        self.size += len(self.part)
        if self.size > MAX_BODY_BYTES:
            advice = 'publish the place of a larger file in a message of your own'
            raise PayloadTooLargeError(self.size, MAX_BODY_BYTES, advice)
        self._digest.update(self.part)

    def _read(self, size: int) -> bytes:
        try:
            piece = self._file.read(size)
        except Exception as error:
            problem = f'not sent: reading the stream raised {type(error).__name__}'
            raise PublishError(problem) from error
        if not isinstance(piece, bytes):
            problem = f'has a read() that returned {type(piece).__name__} in place of bytes'
            raise EncodeError('', f'{problem}: it must be a binary file, in blocking mode')
        if len(piece) > size:
            problem = f'has a read({size}) that returned {len(piece):,} bytes'
            raise EncodeError('', f'{problem}: it must return at most as many as requested')
        return piece


class StreamUpload:
    """The upload of a stream to the object of a pointer. Nothing remains of one that fails.

    `seconds` is the time limit of each request, with its retries.
    """

    def __init__(self, objects: ObjectClient, pointer: Pointer, seconds: float) -> None:
        self._objects = objects
        self._pointer = pointer
        self._seconds = seconds

    def upload(self, file: BinaryFile) -> Pointer:
        """Upload the content of a file, and return the pointer with its size and digest.

        Raises:
            OffloadError: if S3 refused a request, or did not confirm it in time.
            PublishError: if the content cannot be read, or is too large.
        """
        content = StreamContent(file)
        content.read_part()
        if len(content.part) == PART_BYTES:
            self._upload_parts(content)
        else:
            try:
                self._store('put_object', Body=content.part)
            except BaseException:
                self._remove()
                raise
        return replace(self._pointer, size=content.size, sha256=content.sha256)

    def _upload_parts(self, content: StreamContent) -> None:
        upload_id = self._store('create_multipart_upload')['UploadId']
        is_completing = False
        try:
            parts: list[dict[str, Any]] = []
            while content.part:
                number = len(parts) + 1
                answer = self._store(
                    'upload_part', UploadId=upload_id, PartNumber=number, Body=content.part
                )
                parts.append({'PartNumber': number, 'ETag': answer['ETag'], **_checksums(answer)})
                content.read_part()
            is_completing = True
            self._complete(upload_id, parts)
        except BaseException:
            # In this order: after the abort, S3 cannot complete the upload any more.
            with self._limit():
                self._objects.abort(self._pointer, upload_id)
            if is_completing:
                self._remove()
            raise

    def _complete(self, upload_id: str, parts: list[dict[str, Any]]) -> None:
        """Create the object of the parts.

        botocore repeats a request if its response was lost. If S3 completed the first request, it
        answers the second one with NoSuchUpload. The upload succeeded if the object then exists,
        because only this upload uses its key.
        """
        listed = {'Parts': parts}
        try:
            self._store('complete_multipart_upload', UploadId=upload_id, MultipartUpload=listed)
        except OffloadError as error:
            if code_of(error) != 'NoSuchUpload' or not self._exists():
                raise

    def _exists(self) -> bool:
        with self._limit():
            return self._objects.has(self._pointer)

    def _remove(self) -> None:
        """Delete the object after a failed request, which may have stored it."""
        with self._limit():
            self._objects.remove(self._pointer)

    def _store(self, method: str, **arguments: Any) -> dict[str, Any]:
        with self._limit():
            return self._objects.store(method, self._pointer, CONTENT_TYPE, **arguments)

    def _limit(self) -> AbstractContextManager[None]:
        return within(TimeLimit(self._seconds, self._objects.aws.clock))


def _checksums(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the checksums of a part. S3 compares them when the upload is completed."""
    return {name: value for name, value in answer.items() if name in _CHECKSUMS}
