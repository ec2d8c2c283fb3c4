"""The receipt handle of a message whose body is in S3, and the pointer to the body.

DeleteMessage has only a receipt handle, and the client must delete the body as well. The extended
clients of AWS therefore write the place of the body into the handle:

    -..s3BucketName..-bodies-..s3BucketName..--..s3Key..-0b7a...-..s3Key..-AQEB...

Only such a client can use that handle: SQS refuses it. Here a handle remains the text that SQS
returned, and the pointer is an attribute of the `str`. Any client of SQS can therefore use it. A
copy of the text (through JSON, for example) has no pointer: the message is deleted, and the body
remains. `without_pointer` also reads the form above, for handles that another client returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mega.aws.s3.pointer import Pointer

__all__ = ('ReceiptHandle', 'batch_without_pointers', 'entries_of', 'without_pointer')

_BUCKET_MARK = '-..s3BucketName..-'
_KEY_MARK = '-..s3Key..-'


class ReceiptHandle(str):
    """A receipt handle of SQS, with the pointer to the body of its message."""

    pointer: Pointer

    @classmethod
    def with_pointer(cls, handle: str, pointer: Pointer) -> ReceiptHandle:
        """Return a handle that has a pointer."""
        created = cls(handle)
        created.pointer = pointer
        return created


def entries_of(parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Return the entries of a batch; none if they are not of a type that boto3 accepts."""
    entries = parameters.get('Entries')
    return entries if isinstance(entries, list | tuple) else ()


def without_pointer(parameters: Mapping[str, Any]) -> tuple[Mapping[str, Any], Pointer | None]:
    """Return parameters with the receipt handle as SQS knows it, and the pointer of the handle.

    Parameters that boto3 refuses are returned as they are.
    """
    if not isinstance(parameters, Mapping) or 'ReceiptHandle' not in parameters:
        return parameters, None
    handle, pointer = _split(parameters['ReceiptHandle'])
    return {**parameters, 'ReceiptHandle': handle}, pointer


def batch_without_pointers(
    parameters: Mapping[str, Any],
) -> tuple[Mapping[str, Any], list[Pointer | None]]:
    """Return parameters of a batch as `without_pointer` does, and the pointer of each entry."""
    pairs = [without_pointer(entry) for entry in entries_of(parameters)]
    if not pairs:
        return parameters, []
    entries = [entry for entry, _ in pairs]
    return {**parameters, 'Entries': entries}, [pointer for _, pointer in pairs]


def _split(handle: object) -> tuple[object, Pointer | None]:
    """Return the handle as SQS knows it, and the pointer to the body; None if it has none.

    A value that is not a `str` is returned as it is, so that boto3 refuses it.
    """
    if isinstance(handle, ReceiptHandle):
        return handle, handle.pointer
    if isinstance(handle, str) and handle.startswith(_BUCKET_MARK):
        bucket, _, rest = handle.removeprefix(_BUCKET_MARK).partition(_BUCKET_MARK)
        key, mark, own = rest.removeprefix(_KEY_MARK).partition(_KEY_MARK)
        if mark and rest.startswith(_KEY_MARK):
            return own, Pointer(bucket, key)
    return handle, None
