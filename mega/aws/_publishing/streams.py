"""Streams: the content of a file goes to S3, and the message with its pointer to a destination.

    draft        the message, with a pointer that has the largest size in place of the real one;
                 it is checked
    hooks        begin with the draft
    upload       the content, which is read once: its size and digest are known at the end
    complete     the message, with the pointer of the content
    send, retry

Everything that can be refused without the content is refused before the upload. If the upload or
the message fails, the object is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from msgspec import Struct, structs

from mega.aws._messages.attributes import Attributes, to_aws, with_payload_type
from mega.aws._messages.digests import with_deduplication_id
from mega.aws._messages.limits import check_attributes, size_of
from mega.aws._publishing.encoder import Encoder, build_message
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.aws._publishing.sender import Sender
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.s3.pointer import Pointer, write_pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.s3.stream_upload import BinaryFile
from mega.aws.s3.upload import Upload
from mega.codec import PayloadType
from mega.errors import ConfigurationError, EncodeError, PublishError, safe_repr

__all__ = ('StreamPublication', 'Streamable', 'begin_stream', 'is_streamable', 'opened')

Streamable: TypeAlias = BinaryFile | os.PathLike[str]
"""A file that is open for reading bytes, or the path of a file."""


class StreamPublication(Struct, frozen=True):
    """A stream to publish. `seconds` is the time limit of each request to S3, and of the sending.

    `draft` is the message before its content is known.
    """

    encoder: Encoder
    store: S3PayloadStore
    sender: Sender
    pointer: Pointer
    draft: OutgoingMessage
    seconds: float

    def send(self, file: BinaryFile, begun: OutgoingMessage) -> str:
        """Upload the content, send the message, and return its id.

        `begun` is the draft with the attributes that hooks added.

        Raises:
            OffloadError: if the upload failed.
            PublishError: if the content cannot be read, or is too large.
            TransportError: if AWS refused the message, or the outcome of the last try is unknown.
        """
        upload = self.store.upload_stream(self.pointer, file, self.seconds)
        try:
            message = self._complete(begun, upload)
        except BaseException:
            upload.delete()
            raise
        with within(TimeLimit(self.seconds, self.sender.aws.clock)):
            return self.sender.send(message)

    def _complete(self, begun: OutgoingMessage, upload: Upload) -> OutgoingMessage:
        attributes = {**begun.attributes, **upload.attributes}
        digest = upload.pointer.sha256
        options = with_deduplication_id(begun.options, self.sender.destination, digest)
        message = structs.replace(
            begun,
            body=upload.body,
            attributes=attributes,
            options=options,
            size=size_of(upload.body, attributes),
            upload=upload,
        )
        self.encoder.check_size(self.sender.destination, message)
        return message


def begin_stream(
    encoder: Encoder,
    sender: Sender,
    attributes: Attributes | None,
    options: dict[str, Any],
    seconds: float,
) -> StreamPublication:
    """Check what is known of a stream before its content is read.

    Raises:
        ConfigurationError: without a payload store.
        EncodeError, PayloadTooLargeError: if no message can carry the attributes and options.
    """
    store, destination = encoder.store, sender.destination
    if store is None:
        problem = 'a stream goes through S3: the publisher needs a payload_store'
        raise ConfigurationError(problem)
    pointer = store.draft_stream(encoder.api.exclusive_queue_url(destination))
    body, added = write_pointer(pointer, store.legacy_attribute)
    marked = with_payload_type(to_aws(attributes), PayloadType.STREAM)
    aws_attributes = {**marked, **added}
    check_attributes(aws_attributes)
    draft = build_message(encoder.api, destination, body, aws_attributes, options)
    with within(TimeLimit(seconds, sender.aws.clock)):
        encoder.check_size(destination, draft)
    return StreamPublication(encoder, store, sender, pointer, draft, seconds)


def is_streamable(value: object) -> TypeGuard[Streamable]:
    """Return whether a value is a path, or an object that can be read like a file."""
    return isinstance(value, os.PathLike) or callable(getattr(value, 'read', None))


@contextmanager
def opened(stream: Streamable) -> Iterator[BinaryFile]:
    """Yield the file of a path, which is closed at the end; or a given file, which stays open.

    Raises:
        EncodeError: for another object.
        PublishError: if the file cannot be opened.
    """
    if not is_streamable(stream):
        problem = 'must be a file that is open for reading bytes, or a Path'
        raise EncodeError('', f'is {safe_repr(stream)}: {problem}')
    if not isinstance(stream, os.PathLike):
        yield stream
        return
    try:
        file = Path(stream).open('rb')  # noqa: SIM115  # an error within the block has another text
    except OSError as error:
        problem = f'not sent: {safe_repr(os.fspath(stream))} cannot be opened: {error.strerror}'
        raise PublishError(problem) from error
    with file:
        yield file
