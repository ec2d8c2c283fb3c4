"""The MD5 digests that SQS returns, and that clients may verify.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5
from typing import Any

__all__ = ('md5_of_attributes', 'md5_of_body')

_TEXT, _BINARY = b'\1', b'\2'


def md5_of_body(body: str) -> str:
    """Return the digest of a body, in hexadecimal."""
    return md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the digest of message attributes in AWS's form, in hexadecimal.

    The attributes are in the order of their names. Each consists of its name, its type, one byte
    for a text or a binary value, and its value. A length of four bytes precedes the name, the type
    and the value.
    """
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        value, kind = attribute.get('BinaryValue'), _BINARY
        if not value:  # some servers return an empty value of the other kind as well
            value, kind = attribute['StringValue'].encode(), _TEXT
        for text in (name, attribute['DataType']):
            digest.update(_with_length(text.encode()))
        digest.update(kind + _with_length(value))
    return digest.hexdigest()


def _with_length(value: bytes) -> bytes:
    return len(value).to_bytes(4, 'big') + value
