"""Messages as producers send them, and as a queue or topic stores them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from struct import pack
from typing import Any, NamedTuple, TypeAlias

from mega.local.errors import serialization_error

__all__ = (
    'Attribute',
    'Attributes',
    'Draft',
    'Message',
    'as_bytes',
    'md5_of_attributes',
    'md5_of_text',
    'read_attributes',
    'sha256_of_text',
    'size_of',
    'write_attributes',
)


class Attribute(NamedTuple):
    """One message attribute. An absent value is an empty text."""

    data_type: str
    value: str | bytes


Attributes: TypeAlias = Mapping[str, Attribute]


class Draft(NamedTuple):
    """A message as a producer sends it."""

    body: str
    attributes: Attributes
    group_id: str | None = None
    deduplication_id: str | None = None
    delay_seconds: int | None = None
    subject: str | None = None
    trace_header: str | None = None
    topic_arn: str | None = None
    """The topic that delivers the message to a queue; None if a producer sends it."""


class Message(NamedTuple):
    """An accepted message. `at` is in seconds since the epoch, `number` counts per account.

    `md5` is the digest of the body. A duplicate is accepted with the id and number of the first
    message, and never delivered.
    """

    destination: str
    draft: Draft
    id: str
    number: int
    at: float
    md5: str
    is_fifo: bool = False
    is_duplicate: bool = False

    @property
    def sequence_number(self) -> str | None:
        """The sequence number in AWS's 20 digits; None for a standard queue or topic."""
        return f'{self.number:020}' if self.is_fifo else None

    def with_deduplication_id(self, deduplication_id: str) -> Message:
        draft = self.draft._replace(deduplication_id=deduplication_id)
        return self._replace(draft=draft)


def read_attributes(attributes: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Attribute]:
    """Read attributes in boto3's form."""
    if not attributes:
        return {}
    try:
        return {name: _attribute(given) for name, given in attributes.items()}
    except (AttributeError, TypeError):
        raise serialization_error('MessageAttributes', 'a map of attributes') from None


def _attribute(given: Mapping[str, Any]) -> Attribute:
    data_type = given.get('DataType', '')
    value = given['BinaryValue'] if 'BinaryValue' in given else given.get('StringValue', '')
    if isinstance(value, bytearray):
        value = bytes(value)
    if not (isinstance(data_type, str) and isinstance(value, (str, bytes))):
        raise TypeError
    return Attribute(data_type, value)


def write_attributes(attributes: Attributes) -> dict[str, dict[str, Any]]:
    """Return attributes in boto3's form: the inverse of `read_attributes`."""
    return {
        name: {
            'DataType': data_type,
            'BinaryValue' if isinstance(value, bytes) else 'StringValue': value,
        }
        for name, (data_type, value) in attributes.items()
    }


def as_bytes(text: str) -> bytes:
    """Encode a text in UTF-8. Lone surrogates pass, because only the rules refuse them."""
    return text.encode('utf-8', 'surrogatepass')


def size_of(text: str) -> int:
    """Return the number of bytes in UTF-8."""
    return len(text) if text.isascii() else len(as_bytes(text))


def md5_of_text(text: str) -> str:
    return hashlib.md5(as_bytes(text), usedforsecurity=False).hexdigest()


def sha256_of_text(text: str) -> str:
    return hashlib.sha256(as_bytes(text)).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """Return the MD5 digest that clients verify, as the SQS Developer Guide defines it.

    The attributes are ordered by name. Each has its name, its type, one byte for a text (1) or a
    binary value (2), and its value. A length of four bytes precedes name, type and value.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        data_type, value = attributes[name]
        transport = b'\x02' if isinstance(value, bytes) else b'\x01'
        raw = value if isinstance(value, bytes) else as_bytes(value)
        digest.update(b''.join(_with_lengths((as_bytes(name), as_bytes(data_type)))))
        digest.update(transport + b''.join(_with_lengths((raw,))))
    return digest.hexdigest()


def _with_lengths(parts: Iterable[bytes]) -> Iterable[bytes]:
    for part in parts:
        yield pack('>I', len(part))
        yield part
