"""Requests to S3 for one object each: the object of a pointer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mega.aws._transport.client import AwsClient
from mega.aws._transport.interruption import CallInterrupted
from mega.aws.s3.pointer import Pointer
from mega.errors import OffloadError, TransportError
from mega.logging import about, get_logger

__all__ = ('QUEUE_URL_METADATA', 'ObjectClient', 'code_of', 'length_of')

_log = get_logger(__name__)

QUEUE_URL_METADATA = 'mega-queue-url'
"""The metadata key of an object for the only queue with a message that points to it."""

_ADVICE = {
    'NoSuchBucket': 'create the bucket, or check its name and region',
    'PreconditionFailed': 'choose another key: a message may point to the object with this key',
    'AccessDenied': 'allow s3:{permission} on the object, the use of its KMS key, and '
    's3:ListBucket on the bucket, without which a missing object looks like a forbidden one',
}

_PERMISSIONS = {
    'HeadObject': 'GetObject',
    'CreateMultipartUpload': 'PutObject',
    'UploadPart': 'PutObject',
    'CompleteMultipartUpload': 'PutObject',
}
"""The permissions of operations without a permission of their own name.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""


class ObjectClient:
    """Stores, finds and deletes objects. Safe to share among threads.

    `owners` has the account that must own a bucket. `put_arguments` are parameters of PutObject.
    Each method raises an `OffloadError` if S3 refuses a request.
    """

    def __init__(
        self, aws: AwsClient, owners: Mapping[str, str], put_arguments: Mapping[str, Any]
    ) -> None:
        self.aws = aws
        self._owners = owners
        self._put_arguments = put_arguments

    def call(self, method: str, pointer: Pointer, **arguments: Any) -> dict[str, Any]:
        """Call S3 for the object of a pointer, by boto3's name of the method."""
        owner = self._owners.get(pointer.bucket)
        location = {'Bucket': pointer.bucket, 'Key': pointer.key, 'ExpectedBucketOwner': owner}
        try:
            return self.aws.call(method, **location, **arguments)
        except CallInterrupted:
            problem = 'interrupted, because the listener stops'
            raise OffloadError(pointer.bucket, pointer.key, problem, True) from None
        except TransportError as error:
            problem = str(error)
            if advice := _ADVICE.get(error.code):
                permission = _PERMISSIONS.get(error.operation, error.operation)
                problem = f'{problem.rstrip(".")}; {advice.format(permission=permission)}'
            raise OffloadError(pointer.bucket, pointer.key, problem, error.retriable) from error

    def get(self, pointer: Pointer) -> dict[str, Any] | None:
        """Return the response to GetObject; None if the object does not exist."""
        try:
            return self.call('get_object', pointer, ChecksumMode='ENABLED')
        except OffloadError as error:
            if code_of(error) == 'NoSuchKey':
                return None
            raise

    def has(self, pointer: Pointer, metadata: Mapping[str, str] | None = None) -> bool:
        """Return whether an object exists, with this metadata. False also if S3 does not say."""
        try:
            found: dict[str, str] = self.call('head_object', pointer).get('Metadata', {})
        except OffloadError:
            return False
        return (metadata or {}).items() <= found.items()

    def store(
        self,
        method: str,
        pointer: Pointer,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Call a method that stores an object: PutObject, or one of an upload in parts.

        The parameters are the `arguments`, and as far as the operation has them, the settings of
        the store, the data of the pointer, and the metadata.
        """
        given = {**self._put_arguments, 'ContentType': content_type}
        if pointer.compression is not None:
            given['ContentEncoding'] = pointer.compression
        added = dict(metadata or {})
        if pointer.queue_url is not None:
            added[QUEUE_URL_METADATA] = pointer.queue_url
        if added:
            given['Metadata'] = {**given.get('Metadata', {}), **added}
        known = self.parameters_of(method)
        settings = {name: value for name, value in given.items() if name in known}
        return self.call(method, pointer, **settings, **arguments)

    def parameters_of(self, method: str) -> Collection[str]:
        """Return the names of the parameters of a method: the release of boto3 decides."""
        meta = self.aws.client.meta
        operation = meta.service_model.operation_model(meta.method_to_api_mapping[method])
        members: Mapping[str, object] = operation.input_shape.members
        return members.keys()

    def abort(self, pointer: Pointer, upload_id: str) -> None:
        """Abort an upload in parts, which deletes the parts. A failure is logged."""
        try:
            self.call('abort_multipart_upload', pointer, UploadId=upload_id)
        except OffloadError as error:
            if code_of(error) == 'NoSuchUpload':  # it is complete
                return
            problem = (
                'incomplete upload not aborted, and left to a lifecycle rule of the bucket: %s'
            )
            extra = about(bucket=error.bucket, key=error.key)
            _log.warning(problem, error, code='upload-not-aborted', extra=extra)

    def remove(self, pointer: Pointer) -> bool:
        """Delete an object, and return whether that succeeded. A failure is logged."""
        try:
            self.call('delete_object', pointer)
        except OffloadError as error:
            problem = 'not deleted, and left to a lifecycle rule of the bucket: %s'
            extra = about(bucket=error.bucket, key=error.key)
            _log.warning(problem, error, code='body-not-deleted', extra=extra)
            return False
        return True


def length_of(answer: Mapping[str, Any], pointer: Pointer) -> int:
    """Return the number of bytes that a response to GetObject or HeadObject announces.

    Raises:
        OffloadError: for a response without it. S3 always sends it, so another try may help.
    """
    length: int | None = answer.get('ContentLength')
    if length is None:
        problem = 'the answer has no Content-Length, which S3 always sends'
        raise OffloadError(pointer.bucket, pointer.key, problem, True)
    return length


def code_of(error: OffloadError) -> str | None:
    """Return the code of S3's error; None for an error of this library."""
    cause = error.__cause__
    return cause.code if isinstance(cause, TransportError) else None
