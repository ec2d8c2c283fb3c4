"""The pointer that a message carries in place of a body that lies in S3.

The formats are those of the libraries in use: AWS's extended clients for Java and Python write a
list of a class of Java's and an object, aws-sqs-ext-client the object alone. All of them mark the
message with an attribute that holds the size; Java's also marks it by the older name.
https://github.com/awslabs/amazon-sqs-java-extended-client-lib
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mega.aws._messages.attributes import LEGACY_SIZE, SIZE
from mega.errors import PointerError, safe_repr

__all__ = ('Pointer', 'is_offloaded', 'read_pointer', 'write_pointer')

CLASS = 'software.amazon.payloadoffloading.PayloadS3Pointer'
LEGACY_CLASS = 'com.amazon.sqs.javamessaging.MessageS3Pointer'

MAX_KEY_BYTES = 1_024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

MAX_TEXT = 16_384
"""Characters of a pointer: more than the longest key takes, were all of it escaped."""

_SHA256 = re.compile('[0-9a-f]{64}')


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where in S3 a body lies, and what its message says of it.

    `size` is in bytes of UTF-8, and `sha256` the digest of the body in hexadecimal; either is None
    where the message does not say it. `queue_url` is the only queue whose message leads there, by
    what its publisher noted on the object; None before it was fetched, and where there may be more.
    """

    bucket: str
    key: str
    size: int | None = None
    sha256: str | None = None
    queue_url: str | None = None


def write_pointer(pointer: Pointer, is_legacy: bool = False) -> tuple[str, dict[str, Any]]:
    """The body and the attribute, in AWS's form, of a message that carries a pointer.

    The digest is a key of our own in it, which every reader in use passes over.
    """
    where = {'s3BucketName': pointer.bucket, 's3Key': pointer.key}
    if pointer.sha256 is not None:
        where['sha256'] = pointer.sha256
    body = json.dumps([LEGACY_CLASS if is_legacy else CLASS, where], separators=(',', ':'))
    size = {'DataType': 'Number', 'StringValue': str(pointer.size)}
    return body, {LEGACY_SIZE if is_legacy else SIZE: size}


def is_offloaded(attributes: Mapping[str, object]) -> bool:
    """Whether attributes say that a body lies in S3. Its looks alone never do."""
    return SIZE in attributes or LEGACY_SIZE in attributes


def read_pointer(body: str, attributes: Mapping[str, object]) -> Pointer:
    """Read the pointer of a message whose attributes say that it carries one.

    Raises:
        PointerError: for a body that is none.
    """
    where = _where(_document(body))
    bucket, key = where.get('s3BucketName'), where.get('s3Key')
    if not isinstance(bucket, str) or not isinstance(key, str) or not _is_key(key):
        names = f'{safe_repr(bucket)} and {safe_repr(key)}'
        raise PointerError(f'its pointer into S3 has the bucket and the key {names}')
    sha256 = where.get('sha256')
    return Pointer(
        bucket,
        key,
        _size(attributes.get(SIZE, attributes.get(LEGACY_SIZE))),
        sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None,
    )


def _document(body: str) -> object:
    try:
        if len(body) <= MAX_TEXT:
            return json.loads(body)
    except (ValueError, RecursionError):
        pass
    names = f'{SIZE} or {LEGACY_SIZE}'
    raise PointerError(f'its attribute {names} announces a pointer into S3, and its body is none')


def _where(document: object) -> dict[str, Any]:
    if isinstance(document, list) and len(document) == 2 and document[0] in (CLASS, LEGACY_CLASS):
        document = document[1]
    if not isinstance(document, dict):
        raise PointerError(f'its pointer into S3 is {safe_repr(document)}')
    return document


def _is_key(key: str) -> bool:
    try:
        return 0 < len(key.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def _size(value: object) -> int | None:
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal():
        return None
    return int(value) if len(value) < 20 else None
