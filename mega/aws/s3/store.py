"""Bodies in S3: offload, fetch and delete.

body -> offload: Upload -> upload -> pointer in a message ~~ pointer -> fetch: Fetched -> body
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from msgspec.structs import replace

from mega.aws._messages.compression import Compression, check_compression
from mega.aws._messages.destinations import check_bucket
from mega.aws._messages.digests import sha256_of
from mega.aws._messages.limits import MAX_BYTES, size_of
from mega.aws._transport.client import AwsClient, ClientOwner, create_client
from mega.aws._transport.interruption import CallInterrupter
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.aws.s3.bucket import DEFAULT_EXPIRY_DAYS, create_bucket, create_missing_bucket
from mega.aws.s3.content import compressed, read_content, wrong_size
from mega.aws.s3.objects import QUEUE_URL_METADATA, ObjectClient, code_of, length_of
from mega.aws.s3.pointer import MAX_BODY_BYTES, Pointer, is_below, write_pointer
from mega.aws.s3.settings import (
    BucketOwners,
    OnMissing,
    check_allowed_prefixes,
    check_buckets,
    check_on_missing,
    check_owners,
    check_prefix,
    check_put_arguments,
)
from mega.aws.s3.stream_reader import check_stream, find_stream, open_stream
from mega.aws.s3.stream_upload import BinaryFile, StreamUpload
from mega.aws.s3.upload import Upload
from mega.errors import (
    ConfigurationError,
    OffloadError,
    PayloadTooLargeError,
    PointerError,
    check_int,
    safe_repr,
)

__all__ = ('FetchedBody', 'S3PayloadStore')

UPLOAD_METADATA = 'mega-upload'
"""The metadata key of an object whose key was chosen, for the upload that stored it."""

MAX_DAYS = 2**31 - 1
"""The largest Integer: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html"""

CONNECTIONS = 50

TEXT_TYPE = 'text/plain; charset=utf-8'


class FetchedBody(NamedTuple):
    """A body from S3, and its pointer with the metadata of the object."""

    body: str
    pointer: Pointer


class S3PayloadStore(ClientOwner):
    """Keeps bodies that are too large for a message in an S3 bucket.

    Pass one to a publisher and one to a listener: `payload_store=S3PayloadStore('bucket')`. The
    message then carries a pointer in the format of AWS's extended clients, which can read it.

    A publisher offloads a body in these cases:

    - the body and the message's attributes have more than `threshold` bytes (0 to 1,048,576; for a
      topic, SNS's envelope counts), or `always` is set;
    - the destination does not accept a message of that size;
    - the messages of a batch are too large for one request. The largest are then offloaded.

    Keys are `key_prefix` and a UUID. `server_side_encryption`, `ssekms_key_id`, `tagging` and other
    `put_arguments` are parameters of every PutObject, by AWS's names. Without them the settings of
    the bucket apply. `legacy_attribute` writes the pointer as the first extended clients did.

    `compression` (`'gzip'`, or `'zstd'` with the extra `zstd` before Python 3.14) compresses a body
    in S3, unless that makes it larger. The message names the format in one more attribute. Every
    store reads such a body, and other libraries do not. Sizes and digests are those of the body
    before its compression.

    A listener fetches a body only if an attribute of the message announces a pointer. The pointer
    must lead to `bucket` or one of `allowed_buckets`, and its key must begin with one of
    `allowed_prefixes`, unless that is None. No such key has a segment `.` or `..`, or an empty
    segment after the prefix. Otherwise the listener sends no request. A body of more than
    `max_payload` bytes, compressed or not, is neither fetched nor offloaded. Sizes and digests are
    checked.
    `on_missing` decides about a message whose body does not exist: with `'raise'` it cannot be
    opened; with `'delete'` it is deleted, and logged; with `'raw'` subscribers get the pointer, a
    `str`.

    Objects in S3 are deleted only if `delete` is set: after the message was deleted, and if its
    publisher sent it to this queue alone. Bodies that went through a topic, were dead-lettered, or
    were offloaded by other libraries remain. Give the bucket a lifecycle rule for them.

    `expected_bucket_owner` is the id, of twelve digits, of the account that must own `bucket` and
    all `allowed_buckets`. For different owners, give a dict: `{'bucket': '123456789012'}`.
    Credentials and region are found as by `SqsPublisher`. Safe to share among threads.

    Raises:
        ConfigurationError: for invalid settings.
    """

    @without_secrets_in_tracebacks
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
        compression: Compression | None = None,
        delete: bool = False,
        on_missing: OnMissing = 'raise',
        expected_bucket_owner: BucketOwners = None,
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
        self.max_payload = check_int('max_payload', max_payload, 1, MAX_BODY_BYTES, 'bytes')
        self.compression = check_compression('compression', compression)
        self.delete = delete
        self.on_missing = check_on_missing(on_missing)
        self._buckets = {self.bucket, *check_buckets('allowed_buckets', allowed_buckets)}
        self._prefixes = check_allowed_prefixes('allowed_prefixes', allowed_prefixes)
        self._owners = check_owners('expected_bucket_owner', expected_bucket_owner, self._buckets)
        self.legacy_attribute = legacy_attribute
        super().__init__(
            create_client(
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
        self._encryption = _encryption(server_side_encryption, ssekms_key_id)
        tags = {'Tagging': urlencode(tagging) if tagging else None}
        arguments = {**self._encryption, **tags, **(put_arguments or {})}
        self._objects = ObjectClient(self._aws, self._owners, arguments)
        check_put_arguments(put_arguments or {}, self._objects.parameters_of('put_object'))
        self.pointer_bytes, self.pointer_attributes = self._max_pointer()

    def _max_pointer(self) -> tuple[int, int]:
        """Return the most bytes that a pointer adds to a message, and the number of attributes."""
        longest = Pointer(self.bucket, self._new_key(), self.max_payload, '0' * 64)
        longest = replace(longest, compression=self.compression)
        body, attributes = write_pointer(longest, self.legacy_attribute)
        return size_of(body, attributes), len(attributes)

    def create_bucket(self, *, expire_after_days: int | None = DEFAULT_EXPIRY_DAYS) -> None:
        """Create the bucket, closed to the public, and encrypted like the bodies of this store.

        A lifecycle rule expires the objects under `key_prefix` after `expire_after_days` days; with
        None it has no rule. The default of 30 days is longer than the life of a message: 14 days in
        a queue, and 14 days in a dead-letter queue. A store never creates its bucket by itself.

        Raises:
            ConfigurationError: for an invalid number of days.
            TransportError: if S3 did not create or configure the bucket. A bucket that the account
                owns already is configured again, and keeps its other lifecycle rules.
        """
        if expire_after_days is not None:
            check_int('expire_after_days', expire_after_days, 1, MAX_DAYS, 'days')
        create_bucket(self._aws, self.bucket, self.key_prefix, self._encryption, expire_after_days)

    def create_missing_bucket(self, parameters: Mapping[str, Any]) -> None:
        """Create the bucket with these parameters of CreateBucket, unless it exists already.

        The bucket is in the region of the store, unless the parameters name another location.

        Raises:
            TransportError: if S3 did not create the bucket, or does not say whether it exists.
        """
        create_missing_bucket(self._aws, self.bucket, parameters)

    def check_client(self, aws: AwsClient) -> None:
        """Refuse to work beside a client of another bus: their times differ.

        Raises:
            ConfigurationError: if only one of the clients is of a bus, or if the buses differ.
        """
        are_in_process = aws.is_in_process or self._aws.is_in_process
        if are_in_process and aws.clock is not self._aws.clock:
            raise ConfigurationError('payload_store= and client= must both be of the same Bus')

    @property
    def client(self) -> Any:
        """The boto3 client of S3."""
        return self._aws.client

    def offload(self, body: str, queue_url: str | None = None, key: str | None = None) -> Upload:
        """Prepare the upload of a body. `Upload.upload` sends the first request.

        `queue_url` is the only queue that will receive the pointer; None if other queues may.
        `key` is the key below `key_prefix`; None for a UUID. S3 refuses a `key` that already has an
        object, because another message may point to it (with boto3 1.35.3 or newer).

        Raises:
            PayloadTooLargeError: for more than `max_payload` bytes.
        """
        content = body.encode()
        if len(content) > self.max_payload:
            raise PayloadTooLargeError(len(content), self.max_payload, 'raise max_payload')
        digest = sha256_of(content)
        path = self._new_key() if key is None else f'{self.key_prefix}{key}'
        pointer = Pointer(self.bucket, path, len(content), digest, queue_url)
        pointer, content = compressed(pointer, content, self.compression)
        put = partial(self.put, pointer, content, must_be_new=key is not None)
        remove = partial(self.remove, pointer)
        return Upload(pointer, *write_pointer(pointer, self.legacy_attribute), put, remove)

    def fetch(self, pointer: Pointer) -> FetchedBody | None:
        """Return the body of a pointer; None if its object does not exist.

        Raises:
            PointerError: for a pointer that is not allowed, or an object of another size or digest.
            OffloadError: if S3 does not return the body now.
            ConfigurationError: for a body that is compressed with zstd, if its package is missing.
        """
        self.check_allowed(pointer)
        if (answer := self._objects.get(pointer)) is None:
            return None
        stream = answer['Body']
        try:
            length = length_of(answer, pointer)
        except OffloadError:
            stream.close()
            raise
        is_exact = pointer.compression is None  # otherwise the size is that of the result
        if length > self.max_payload or (is_exact and pointer.size not in (None, length)):
            stream.close()  # the connection cannot be reused, because the body is unread
            raise wrong_size(pointer, length, self.max_payload)
        try:
            content: bytes = stream.read()
        except Exception as error:  # botocore and urllib3 raise many kinds
            stream.close()
            if isinstance(error, MemoryError):  # not a fault of the body
                raise
            problem = f'the connection failed within the body: {type(error).__name__}'
            raise OffloadError(pointer.bucket, pointer.key, problem, True) from error
        queue_url = answer.get('Metadata', {}).get(QUEUE_URL_METADATA)
        body = read_content(pointer, content, self.max_payload)
        return FetchedBody(body, replace(pointer, queue_url=queue_url))

    def interruptible(self, interrupter: CallInterrupter) -> AbstractContextManager[None]:
        """Let the requests of this thread within the block be interrupted."""
        return interrupter.interruptible(self._aws.client)

    def remove(self, pointer: Pointer) -> bool:
        """Delete a body, and return whether that succeeded. A failure is logged."""
        return self._objects.remove(pointer)

    def put(self, pointer: Pointer, content: bytes, *, must_be_new: bool = False) -> None:
        """Store a body in the object of a pointer. `must_be_new`: never replace another object.

        botocore repeats a request whose response was lost. S3 then refuses the repetition, because
        the object exists. Its metadata tells whether this upload has stored it (if the credentials
        allow s3:GetObject).

        Raises:
            OffloadError: if S3 did not store it.
        """
        condition, metadata = dict[str, str](), dict[str, str]()
        if must_be_new:
            metadata[UPLOAD_METADATA] = str(uuid.uuid4())
            if 'IfNoneMatch' in self._objects.parameters_of('put_object'):
                condition['IfNoneMatch'] = '*'
        try:
            self._objects.store(
                'put_object', pointer, TEXT_TYPE, metadata, Body=content, **condition
            )
        except OffloadError as error:
            is_repetition = must_be_new and code_of(error) == 'PreconditionFailed'
            if not is_repetition or not self._objects.has(pointer, metadata):
                raise

    def draft_stream(self, queue_url: str | None = None) -> Pointer:
        """Return a pointer for a new stream. Its content is not known, so it has the largest size.

        `queue_url` is the only queue that will receive the pointer; None if other queues may.
        """
        return Pointer(self.bucket, self._new_key(), MAX_BODY_BYTES, '0' * 64, queue_url)

    def upload_stream(self, draft: Pointer, file: BinaryFile, seconds: float) -> Upload:
        """Upload the content of a file to a new stream. Nothing remains of an upload that fails.

        `seconds` is the time limit of each request. The whole upload may take longer.

        Raises:
            OffloadError: if S3 did not store the content.
            PublishError: if the content cannot be read, or is too large.
        """
        pointer = StreamUpload(self._objects, draft, seconds).upload(file)
        message = write_pointer(pointer, self.legacy_attribute)
        return Upload(pointer, *message, None, partial(self.remove, pointer))

    def find_stream(self, pointer: Pointer) -> Pointer | None:
        """Return the pointer of a stream, with the metadata of its object. Reads no content.

        The result is None if the object does not exist.

        Raises:
            PointerError: for a pointer that is not allowed, or not that of a stream.
            OffloadError: if S3 does not describe the object now.
        """
        self._check_place(pointer)
        check_stream(pointer)
        return find_stream(self._objects, pointer)

    def open_stream(self, pointer: Pointer) -> io.BufferedReader:
        """Open the content of a stream that `find_stream` returned. Sends no request."""
        return open_stream(self._objects, pointer)

    def check_allowed(self, pointer: Pointer) -> None:
        """Refuse a pointer that is not allowed, before any request: anyone can send pointers.

        Raises:
            PointerError: for such a pointer.
        """
        self._check_place(pointer)
        if pointer.size is not None and pointer.size > self.max_payload:
            raise wrong_size(pointer, pointer.size, self.max_payload)

    def _check_place(self, pointer: Pointer) -> None:
        if pointer.bucket not in self._buckets:
            raise PointerError(
                f'its pointer leads to {safe_repr(pointer.bucket)}, which is neither the bucket of '
                'the payload_store nor one of its allowed_buckets'
            )
        key, prefixes = pointer.key, self._prefixes
        if prefixes is not None and not any(is_below(key, prefix) for prefix in prefixes):
            raise PointerError(
                f'its pointer leads to {safe_repr(key)}, which is not below one of the '
                'allowed_prefixes of the payload_store'
            )

    def _new_key(self) -> str:
        # A key is never used twice: another message may point to it.
        return f'{self.key_prefix}{uuid.uuid4()}'


def _encryption(algorithm: str | None, kms_key_id: str | None) -> dict[str, str | None]:
    return {'ServerSideEncryption': algorithm, 'SSEKMSKeyId': kms_key_id}
