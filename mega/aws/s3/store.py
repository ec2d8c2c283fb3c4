"""Bodies in S3: offload and fetch, side by side, and delete."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from mega.aws._messages.limits import MAX_BYTES, size_of
from mega.aws._transport.client import ClosesClient, connect
from mega.aws._transport.interruption import CallInterrupted, CallInterrupter
from mega.aws.s3.bucket import DEFAULT_EXPIRY_DAYS, create_bucket
from mega.aws.s3.pointer import Pointer, write_pointer
from mega.aws.s3.settings import (
    OnMissing,
    check_account,
    check_bucket,
    check_on_missing,
    check_prefix,
    check_put_arguments,
    check_texts,
)
from mega.aws.s3.upload import Upload
from mega.errors import (
    OffloadError,
    PayloadTooLargeError,
    PointerError,
    TransportError,
    check_int,
    safe_repr,
)

__all__ = ('Fetched', 'S3PayloadStore')

_log = logging.getLogger(__name__)

MAX_BODY = 2 * 1024**3
"""Bytes of the largest body that any of the extended clients says it takes."""

QUEUE_URL = 'mega-queue-url'
"""The key, in the metadata of an object, of the only queue whose message leads to it."""

MAX_DAYS = 2**31 - 1
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html: an Integer."""

CONNECTIONS = 50

_ADVICE = {
    'NoSuchBucket': 'create the bucket, or check its name and region',
    'AccessDenied': 'allow s3:{operation} on the object, the use of its KMS key, and s3:ListBucket '
    'on the bucket, without which a missing object looks like a forbidden one',
}


class Fetched(NamedTuple):
    """A body out of S3, and its pointer with what the object says of itself."""

    body: str
    pointer: Pointer


class S3PayloadStore(ClosesClient):
    """Keeps bodies that are too large for a message in an S3 bucket, and finds them again.

    Give one to a publisher, and one to a listener: `payload_store=S3PayloadStore('bucket')`. The
    message then carries a pointer in the format of AWS's extended clients, which read it, too.

    A publisher offloads a body when it and the message's attributes come to more than `threshold`
    bytes (0 to 1,048,576; to a topic, with the envelope of SNS), or `always`; when the destination
    takes no message of its size; and the largest of a batch, where their sum is more than a call
    takes. Keys are `key_prefix` and a UUID.
    `server_side_encryption`, `ssekms_key_id`, `tagging` and further `put_arguments` go with every
    PutObject, by AWS's names; without them the bucket's own settings hold. `legacy_attribute`
    writes the pointer as the first extended clients did.

    A listener follows a pointer only when an attribute of the message announces it, and only into
    `bucket` and the `allowed_buckets`, there only to keys that begin with one of the
    `allowed_prefixes`, where such are given: anything else makes no request. A body of more than
    `max_payload` bytes is not read, and is not offloaded. Size and digests are checked.
    `on_missing` is what becomes of a message whose body is gone: `'raise'`, it cannot be opened;
    `'delete'`, it is deleted with a line on the log; `'raw'`, subscribers get the pointer, a `str`.

    Nothing is deleted in S3 unless `delete` is set: then a body is, after its message was, if its
    publisher sent it to this queue alone. What went through a topic, what was dead-lettered, and
    what others offloaded stays: give the bucket a lifecycle rule.

    `expected_bucket_owner` is the account, of twelve digits, that has to own `bucket`.
    Credentials and region are found as `SqsPublisher` finds them. Safe to share among threads.

    Raises:
        ConfigurationError: for settings that cannot work.
    """

    def __init__(
        self,
        bucket: str,
        *,
        threshold: int = 262_144,
        always: bool = False,
        key_prefix: str = '',
        allowed_buckets: Iterable[str] = (),
        allowed_prefixes: Iterable[str] | None = None,
        max_payload: int = 64 * 1024**2,
        delete: bool = False,
        on_missing: OnMissing = 'raise',
        expected_bucket_owner: str | None = None,
        server_side_encryption: str | None = None,
        ssekms_key_id: str | None = None,
        tagging: Mapping[str, str] | None = None,
        put_arguments: Mapping[str, Any] | None = None,
        legacy_attribute: bool = False,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        self.bucket = check_bucket('bucket', bucket)
        self.threshold = check_int('threshold', threshold, 0, MAX_BYTES, 'bytes')
        self.always = always
        self.key_prefix = check_prefix('key_prefix', key_prefix)
        self.max_payload = check_int('max_payload', max_payload, 1, MAX_BODY, 'bytes')
        self.delete = delete
        self.on_missing = check_on_missing(on_missing)
        others = check_texts('allowed_buckets', allowed_buckets)
        self._buckets = {self.bucket, *(check_bucket('allowed_buckets', each) for each in others)}
        self._prefixes: tuple[str, ...] = ('',)
        if allowed_prefixes is not None:
            self._prefixes = check_texts('allowed_prefixes', allowed_prefixes)
        self._owner = check_account('expected_bucket_owner', expected_bucket_owner)
        self._is_legacy = legacy_attribute
        super().__init__(
            connect(
                's3',
                None,
                aws_access_key_id=aws_access_key_id,
                aws_secret_access_key=aws_secret_access_key,
                aws_session_token=aws_session_token,
                region_name=region_name,
                endpoint_url=endpoint_url,
                session=session,
                client=client,
                connections=CONNECTIONS,
            )
        )
        self._encryption = {
            'ServerSideEncryption': server_side_encryption,
            'SSEKMSKeyId': ssekms_key_id,
        }
        put_object = self._aws.client.meta.service_model.operation_model('PutObject')
        known = frozenset(put_object.input_shape.members)
        self._put_arguments = {
            **self._encryption,
            'Tagging': urlencode(tagging) if tagging else None,
            **check_put_arguments(put_arguments or {}, known),
        }
        longest = Pointer(self.bucket, self._new_key(), self.max_payload, '0' * 64)
        self.pointer_bytes = size_of(*write_pointer(longest, self._is_legacy))
        """What the pointer to a body takes of a message, with its attribute, at most."""

    def create_bucket(self, *, expire_after_days: int | None = DEFAULT_EXPIRY_DAYS) -> None:
        """Create the bucket, closed to the public, encrypted as this store's bodies are.

        A lifecycle rule expires what lies under `key_prefix` after so many days; None: there is no
        such rule. The default is longer than a message lives: 14 days in a queue, and as many in a
        dead-letter queue. A store never does this by itself.

        Raises:
            ConfigurationError: for days that no rule has.
            TransportError: when S3 does not create the bucket, or does not set it up. One that
                exists is not changed, but in us-east-1, where S3 does not say that it does.
        """
        if expire_after_days is not None:
            check_int('expire_after_days', expire_after_days, 1, MAX_DAYS, 'days')
        create_bucket(self._aws, self.bucket, self.key_prefix, self._encryption, expire_after_days)

    def offload(self, body: str, queue_url: str | None = None) -> Upload:
        """Prepare to put a body into the bucket. Nothing is sent before `Upload.upload`.

        `queue_url` is the only queue that its pointer will be sent to; None where there may be
        more, or nobody knows.

        Raises:
            PayloadTooLargeError: for more bytes than `max_payload`.
        """
        content = body.encode()
        if len(content) > self.max_payload:
            raise PayloadTooLargeError(len(content), self.max_payload, 'raise max_payload')
        digest = hashlib.sha256(content).hexdigest()
        pointer = Pointer(self.bucket, self._new_key(), len(content), digest, queue_url)
        put, remove = partial(self.put, pointer, content), partial(self.remove, pointer)
        return Upload(pointer, *write_pointer(pointer, self._is_legacy), put, remove)

    def fetch(self, pointer: Pointer) -> Fetched | None:
        """Get a body. None: there is no such object.

        Raises:
            PointerError: for a pointer that may not be followed, or leads to what it does not say.
            OffloadError: when S3 does not give the body now.
        """
        self._check(pointer)
        try:
            answer = self._call('get_object', pointer, ChecksumMode='ENABLED')
        except OffloadError as error:
            cause = error.__cause__
            if isinstance(cause, TransportError) and cause.code == 'NoSuchKey':
                return None
            raise
        stream, length = answer['Body'], answer.get('ContentLength')
        if length is None:
            stream.close()
            problem = 'the answer does not say how long it is, as S3 always does'
            raise OffloadError(pointer.bucket, pointer.key, problem, True)
        if length > self.max_payload or pointer.size not in (None, length):
            stream.close()  # unread: the connection is of no use any more
            raise PointerError(self._wrong_size(pointer, length))
        try:
            content: bytes = stream.read()
        except Exception as error:  # of botocore's or urllib3's, whatever the network comes up with
            stream.close()
            if isinstance(error, MemoryError):  # which says nothing of the body
                raise
            problem = f'its body broke off: {type(error).__name__}'
            raise OffloadError(pointer.bucket, pointer.key, problem, True) from error
        queue_url = answer.get('Metadata', {}).get(QUEUE_URL)
        return Fetched(_text(pointer, content), replace(pointer, queue_url=queue_url))

    def watched(self, breaker: CallInterrupter) -> AbstractContextManager[None]:
        """Let what this thread fetches in the block be broken off."""
        return breaker.interruptible(self._aws.client)

    def remove(self, pointer: Pointer) -> bool:
        """Delete a body, and answer whether it is gone. One that is not is on the log."""
        try:
            self._call('delete_object', pointer)
        except OffloadError as error:
            _log.warning('not deleted, and left to a lifecycle rule: %s', error)
            return False
        return True

    def put(self, pointer: Pointer, content: bytes) -> None:
        """Put a body to where a pointer leads.

        Raises:
            OffloadError: when S3 does not take it.
        """
        arguments = {**self._put_arguments, 'ContentType': 'text/plain; charset=utf-8'}
        if pointer.queue_url is not None:
            metadata = arguments.get('Metadata', {})
            arguments['Metadata'] = {**metadata, QUEUE_URL: pointer.queue_url}
        self._call('put_object', pointer, Body=content, **arguments)

    def _check(self, pointer: Pointer) -> None:
        """Refuse a pointer that anybody may have written, before any request is made."""
        if pointer.bucket not in self._buckets:
            raise PointerError(
                f'it points into {safe_repr(pointer.bucket)}, which is neither the bucket of the '
                'payload_store nor among its allowed_buckets'
            )
        if not pointer.key.startswith(self._prefixes):
            raise PointerError(
                f'it points to {safe_repr(pointer.key)}, which begins with none of the '
                'allowed_prefixes of the payload_store'
            )
        if pointer.size is not None and pointer.size > self.max_payload:
            raise PointerError(self._wrong_size(pointer, pointer.size))

    def _wrong_size(self, pointer: Pointer, size: int) -> str:
        announced = '' if pointer.size in (None, size) else f', {pointer.size:,} were announced'
        return f'it leads to {size:,} bytes{announced}; max_payload is {self.max_payload:,}'

    def _call(self, method: str, pointer: Pointer, **arguments: Any) -> dict[str, Any]:
        owner = self._owner if pointer.bucket == self.bucket else None
        where = {'Bucket': pointer.bucket, 'Key': pointer.key, 'ExpectedBucketOwner': owner}
        try:
            return self._aws.call(method, **where, **arguments)
        except CallInterrupted:
            problem = 'not asked for any more, since the listener ends'
            raise OffloadError(pointer.bucket, pointer.key, problem, True) from None
        except TransportError as error:
            problem = str(error)
            if advice := _ADVICE.get(error.code):
                problem = f'{problem.rstrip(".")}; {advice.format(operation=error.operation)}'
            raise OffloadError(pointer.bucket, pointer.key, problem, error.retriable) from error

    def _new_key(self) -> str:
        # Never one that was used before: another message may lead there.
        return f'{self.key_prefix}{uuid.uuid4()}'


def _text(pointer: Pointer, content: bytes) -> str:
    if pointer.sha256 is not None and hashlib.sha256(content).hexdigest() != pointer.sha256:
        raise PointerError('it leads to another body than was offloaded: the digests differ')
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise PointerError('it leads to an object that is no text in UTF-8') from None
