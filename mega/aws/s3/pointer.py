"""The pointer that a message carries in place of a body in S3.

    ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b", "s3Key": "k"}]

AWS's extended clients for Java and Python write such a list, with the name of a Java class.
aws-sqs-ext-client writes the object alone. An attribute of the message announces the pointer, and
has the size of the body. Older versions of the Java client used another name for the attribute and
the class. This module reads all of these forms.
https://github.com/awslabs/amazon-sqs-java-extended-client-lib
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from mega.aws._messages.body_attributes import (
    COMPRESSION_ATTRIBUTE,
    LEGACY_SIZE_ATTRIBUTE,
    SIZE_ATTRIBUTE,
)
from mega.aws._messages.compression import Compression, compression_of
from mega.errors import DecodeError, PointerError, safe_repr

__all__ = (
    'MAX_BODY_BYTES',
    'MAX_KEY_BYTES',
    'Pointer',
    'has_dot_segment',
    'is_below',
    'is_key',
    'is_offloaded',
    'read_pointer',
    'write_pointer',
)

POINTER_CLASS = 'software.amazon.payloadoffloading.PayloadS3Pointer'
LEGACY_CLASS = 'com.amazon.sqs.javamessaging.MessageS3Pointer'

MAX_KEY_BYTES = 1_024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

MAX_POINTER_LENGTH = 16_384
"""Characters of a pointer, at most: more than the longest key has with every character escaped."""

MAX_BODY_BYTES = 2 * 1024**3
"""Bytes of the largest body that any of AWS's extended clients supports."""

_SHA256 = re.compile('[0-9a-f]{64}')


class Pointer(Struct, frozen=True):
    """The place of a body in S3, and the data about the body in its message.

    `size` is in bytes of UTF-8. `sha256` is the digest of the body, in hexadecimal. Either is None
    if the message does not contain it. `queue_url` is the only queue with a message that points to
    the body, by the metadata of the object. It is None before the body is fetched, and if other
    queues may have such a message. `compression` is the format of the object; None if it is not
    compressed. Size and digest are of the body without compression.
    """

    bucket: str
    key: str
    size: int | None = None
    sha256: str | None = None
    queue_url: str | None = None
    compression: Compression | None = None


def write_pointer(pointer: Pointer, is_legacy: bool = False) -> tuple[str, dict[str, Any]]:
    """Return the body and the attributes, in AWS's form, of a message that carries a pointer.

    The key `sha256` is an addition of this library. The readers of other libraries ignore it.
    """
    location = {'s3BucketName': pointer.bucket, 's3Key': pointer.key}
    if pointer.sha256 is not None:
        location['sha256'] = pointer.sha256
    body = json.dumps(
        [LEGACY_CLASS if is_legacy else POINTER_CLASS, location], separators=(',', ':')
    )
    name = LEGACY_SIZE_ATTRIBUTE if is_legacy else SIZE_ATTRIBUTE
    attributes = {name: {'DataType': 'Number', 'StringValue': str(pointer.size)}}
    if pointer.compression is not None:
        compression = {'DataType': 'String', 'StringValue': pointer.compression}
        attributes[COMPRESSION_ATTRIBUTE] = compression
    return body, attributes


def is_offloaded(attributes: Mapping[str, object]) -> bool:
    """Return whether the attributes of a message announce a body in S3. Its body alone cannot."""
    return SIZE_ATTRIBUTE in attributes or LEGACY_SIZE_ATTRIBUTE in attributes


def read_pointer(body: str, attributes: Mapping[str, object]) -> Pointer:
    """Return the pointer of a message whose attributes announce a body in S3.

    Raises:
        PointerError: for a body that is not a pointer, and for an unknown compression.
    """
    try:
        compression = compression_of(attributes)
    except DecodeError as error:
        raise PointerError(error.problem) from None
    location = _location(_document(body))
    bucket, key = location.get('s3BucketName'), location.get('s3Key')
    if not isinstance(bucket, str) or not isinstance(key, str) or not is_key(key):
        names = f'{safe_repr(bucket)} and {safe_repr(key)}'
        raise PointerError(f'its pointer into S3 has the bucket and the key {names}')
    sha256 = location.get('sha256')
    return Pointer(
        bucket,
        key,
        _size(attributes.get(SIZE_ATTRIBUTE, attributes.get(LEGACY_SIZE_ATTRIBUTE))),
        sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None,
        compression=compression,
    )


def is_key(key: str) -> bool:
    """Return whether S3 accepts a key: 1 to 1,024 bytes of UTF-8."""
    try:
        return 0 < len(key.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def has_dot_segment(key: str) -> bool:
    """Return whether a key has a segment `.` or `..`, also in percent-encoding.

    S3 reads keys literally. A proxy, or a server in the place of S3, may resolve these segments,
    and so lead to another key or even to another bucket.
    """
    return not _DOTS.isdisjoint(_plain(key).split('/'))


def is_below(key: str, prefix: str) -> bool:
    """Return whether a key begins with a prefix, and no server can read it as another key.

    The key has no segment `.` or `..`, and no empty segment after the prefix.
    """
    rest = key[max(0, len(prefix) - 1) :]
    return key.startswith(prefix) and '//' not in _plain(rest) and not has_dot_segment(key)


_DOTS = frozenset({'.', '..'})


def _plain(key: str) -> str:
    """Return a key as the most lenient server reads it."""
    return unquote(key).replace('\\', '/')


def _document(body: str) -> object:
    try:
        if len(body) <= MAX_POINTER_LENGTH:
            return json.loads(body)
    except (ValueError, RecursionError):
        pass
    names = f'{SIZE_ATTRIBUTE} or {LEGACY_SIZE_ATTRIBUTE}'
    raise PointerError(
        f'its attribute {names} announces a pointer into S3, and its body is not a pointer'
    )


def _location(document: object) -> dict[str, Any]:
    if (
        isinstance(document, list)
        and len(document) == 2
        and document[0] in (POINTER_CLASS, LEGACY_CLASS)
    ):
        document = document[1]
    if not isinstance(document, dict):
        raise PointerError(f'its pointer into S3 is {safe_repr(document)}')
    return document


def _size(value: object) -> int | None:
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal():
        return None
    return int(value) if len(value) < 20 else None
