"""Messages in boto3's form, with their bodies in S3 where they are too large.

{'MessageBody': '<300,000 bytes>'}
    -> prepare  {'MessageBody': '[...]', 'MessageAttributes': {size}}, and an upload
    -> upload   the body is in S3
    -> SQS accepts the message, or `delete_unless_sent` deletes the body again
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from mega.aws._executor import run_concurrently
from mega.aws._messages.batch_response import read_batch_response
from mega.aws._messages.body_attributes import BODY_ATTRIBUTES
from mega.aws._messages.digests import (
    md5_of_attributes,
    md5_of_body,
    with_deduplication_id,
)
from mega.aws._messages.limits import MAX_ATTRIBUTES, MAX_BYTES, size_of
from mega.aws.s3.pointer import MAX_KEY_BYTES, is_below, is_key, write_pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.s3.upload import Upload
from mega.errors import EncodeError, PayloadTooLargeError, join_path, safe_repr

__all__ = ('Offloading', 'PreparedMessage', 'settle_batch', 'upload_bodies')

S3_KEY_ATTRIBUTE = 'S3Key'
"""The message attribute that chooses the key of a body, by the extended clients' own name."""


class PreparedMessage(Struct, frozen=True):
    """A message or an entry of a batch: as the user gave it, and as it is sent.

    `size` is the size as sent, in bytes; 0 for a message that boto3 or SQS refuses. `upload` is
    None if the body is in the message; otherwise `digests` are those of the given body and
    attributes. They are computed before the message is sent: nothing may fail after that.
    """

    given: Mapping[str, Any]
    sent: Mapping[str, Any]
    size: int
    upload: Upload | None = None
    digests: Mapping[str, str] = {}

    @property
    def body(self) -> str:
        body: str = self.given['MessageBody']
        return body

    @property
    def attributes(self) -> Mapping[str, Any]:
        return self.given.get('MessageAttributes') or {}

    def with_digests(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of SQS with the digests of the given body and attributes."""
        if self.upload is None:
            return dict(answer)
        own = {name: answer[name] for name in answer if name != 'MD5OfMessageAttributes'}
        return {**own, **self.digests}


class Offloading(Struct, frozen=True):
    """Decides which bodies for a queue are offloaded, and prepares their messages. Sends nothing.

    A message with more bytes than the threshold of the store is offloaded, or each message with
    `always`. `is_legacy` writes the pointer as the first extended clients did.
    """

    store: S3PayloadStore
    queue_url: str | None
    always: bool
    is_legacy: bool

    def prepare(self, message: Mapping[str, Any]) -> PreparedMessage:
        """Return a message that is ready to be sent.

        Raises:
            EncodeError: for an attribute that announces a body in S3 or a compressed body. If the
                body is offloaded, also for an empty body, an invalid `S3Key`, and more than nine
                attributes (eight if the store compresses).
            PayloadTooLargeError: for a body of more than `max_payload` bytes.
        """
        prepared = PreparedMessage(message, message, _size(message))
        if not prepared.size:
            return prepared
        for name in BODY_ATTRIBUTES:
            _refuse(prepared.attributes, name)
        is_large = self.always or prepared.size > self.store.threshold
        return self._offload(prepared) if is_large else prepared

    def prepare_batch(self, entries: Iterable[Mapping[str, Any]]) -> list[PreparedMessage]:
        """Return the entries of a batch, whose sum SQS accepts if that is possible.

        If the sum is too large, the largest bodies that can be offloaded are offloaded.

        Raises:
            EncodeError, PayloadTooLargeError: as `prepare`.
        """
        prepared = [self.prepare(entry) for entry in entries]
        places = sorted(range(len(prepared)), key=lambda place: -prepared[place].size)
        excess = sum(each.size for each in prepared) - MAX_BYTES
        for place in places:
            entry = prepared[place]
            if excess > 0 and self._becomes_smaller(entry):
                with suppress(EncodeError, PayloadTooLargeError):
                    prepared[place] = self._offload(entry)
                excess -= entry.size - prepared[place].size
        return prepared

    def _becomes_smaller(self, entry: PreparedMessage) -> bool:
        return (
            entry.upload is None and entry.size > 0 and len(entry.body) > self.store.pointer_bytes
        )

    def _offload(self, prepared: PreparedMessage) -> PreparedMessage:
        body, attributes = prepared.body, prepared.attributes
        most = MAX_ATTRIBUTES - self.store.pointer_attributes
        if len(attributes) > most:
            limit = f'the limit is {most} for a message whose body is in S3'
            raise EncodeError('MessageAttributes', f'are {len(attributes)}; {limit}')
        _check_body(body)
        digests = {'MD5OfMessageBody': md5_of_body(body)}
        if attributes:
            digests['MD5OfMessageAttributes'] = md5_of_attributes(attributes)
        upload = self.store.offload(body, self.queue_url, self._chosen_key(attributes))
        pointer, added = write_pointer(upload.pointer, self.is_legacy)
        sent = {
            **with_deduplication_id(prepared.given, self.queue_url, upload.pointer.sha256),
            'MessageBody': pointer,
            'MessageAttributes': {**attributes, **added},
        }
        return PreparedMessage(prepared.given, sent, _size(sent), upload, digests)

    def _chosen_key(self, attributes: Mapping[str, Any]) -> str | None:
        if S3_KEY_ATTRIBUTE not in attributes:
            return None
        key, prefix = attributes[S3_KEY_ATTRIBUTE].get('StringValue'), self.store.key_prefix
        if key and is_key(f'{prefix}{key}') and is_below(f'{prefix}{key}', prefix):
            return str(key)
        rule = f'1 to {MAX_KEY_BYTES:,} bytes with the prefix of the store, without . .. and //'
        problem = f'is {safe_repr(key)}: must be a key of S3, of {rule}'
        raise EncodeError(join_path('MessageAttributes', S3_KEY_ATTRIBUTE), problem)


def upload_bodies(messages: Sequence[PreparedMessage]) -> None:
    """Upload the bodies of messages at the same time. If one fails, the others are deleted again.

    Raises:
        OffloadError: if S3 did not store one of them.
    """
    uploads = [message.upload for message in messages if message.upload is not None]
    results = run_concurrently('mega-s3', len(uploads), [upload.upload for upload in uploads])
    errors = [result for result in results if isinstance(result, Exception)]
    if errors:
        for upload in uploads:
            upload.delete()
        raise errors[0]


def settle_batch(response: dict[str, Any], messages: Sequence[PreparedMessage]) -> dict[str, Any]:
    """Delete the bodies of entries that SQS refused. Return the response with the true digests."""
    by_id = {message.given['Id']: message for message in messages}
    for id, result in zip(by_id, read_batch_response(response, by_id), strict=True):
        upload = by_id[id].upload
        if upload is not None and not result.is_successful:
            upload.delete_unless_sent(result.is_retriable, response)
    successful = [
        by_id[entry['Id']].with_digests(entry) if entry.get('Id') in by_id else entry
        for entry in response.get('Successful') or ()
    ]
    return {**response, **({'Successful': successful} if successful else {})}


def _size(message: Mapping[str, Any]) -> int:
    """Return the size of a message; 0 if boto3 or SQS refuses it, and says why."""
    try:
        body, attributes = message['MessageBody'], message.get('MessageAttributes') or {}
        md5_of_attributes(attributes)  # reads what SQS reads, and fails for everything else
        return size_of(body, attributes) if isinstance(body, str) else 0
    except (AttributeError, LookupError, TypeError, UnicodeEncodeError):
        return 0


def _check_body(body: str) -> None:
    if not body:
        raise EncodeError('MessageBody', 'is empty: SQS refuses an empty body')
    try:
        body.encode()
    except UnicodeEncodeError as error:
        problem = f'contains U+{ord(body[error.start]):04X} at character {error.start}'
        raise EncodeError('MessageBody', f'{problem}, which UTF-8 cannot carry') from None


def _refuse(attributes: Mapping[str, Any], name: str) -> None:
    if name in attributes:
        problem = 'announces a body in S3 or a compressed body: choose another name'
        raise EncodeError(join_path('MessageAttributes', name), problem)
