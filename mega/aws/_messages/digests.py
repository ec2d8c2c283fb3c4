"""The MD5 digests that SQS returns, and the SHA-256 digests of bodies.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html

`hashlib` imports OpenSSL, which most messages do not need. The functions therefore import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ('md5_of_attributes', 'md5_of_body', 'sha256_of', 'with_deduplication_id')

_TEXT, _BINARY = b'\1', b'\2'


def md5_of_body(body: str) -> str:
    """Return the digest of a body, in hexadecimal."""
    from hashlib import md5

    return md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the digest of message attributes in AWS's form, in hexadecimal.

    The attributes are in the order of their names. Each consists of its name, its type, one byte
    for a text or a binary value, and its value. A length of four bytes precedes the name, the type
    and the value. A binary value may also be a `bytearray`, or a text, which boto3 sends as UTF-8.
    """
    from hashlib import md5

    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        value, kind = attribute.get('BinaryValue'), _BINARY
        if not value:  # some servers return an empty value of the other kind as well
            value, kind = attribute['StringValue'], _TEXT
        digest.update(_with_length(name) + _with_length(attribute['DataType']))
        digest.update(kind + _with_length(value))
    return digest.hexdigest()


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 digest, in hexadecimal."""
    from hashlib import sha256

    return sha256(content).hexdigest()


def with_deduplication_id(
    options: Mapping[str, Any], destination: str | None, sha256: str | None
) -> dict[str, Any]:
    """Return the options of a message whose body is replaced, for a FIFO destination with an id.

    Content-based deduplication hashes the body. No two pointers are equal, and each version of zlib
    compresses differently. `sha256` is the digest of the body that is replaced: the id that SQS or
    SNS would have computed.
    """
    if destination is None or not destination.endswith('.fifo'):
        return dict(options)
    return {'MessageDeduplicationId': sha256, **options}


def _with_length(value: str | bytes | bytearray) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return len(content).to_bytes(4, 'big') + content
