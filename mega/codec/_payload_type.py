"""The types of payloads."""

from __future__ import annotations

from enum import Enum

__all__ = ('PayloadType', 'StreamedPayload')


class PayloadType(str, Enum):
    """The type of the payload in a body, as the message attribute `MegaPayloadType` writes it.

    The content of a `STREAM` is in S3 only. The body of its message is always a pointer.
    """

    EVENT = 'event'
    DATA = 'data'
    TEXT = 'text'
    BLOB = 'blob'
    STREAM = 'stream'


class StreamedPayload:
    """A payload whose content stays in S3 until a subscriber reads it.

    `self.message.open_payload()` reads the content. `size` is its number of bytes, and `sha256` its
    digest in hexadecimal. Two contents with the same size and digest are equal.
    """

    # Not a class with fields for msgspec: publishers would write its fields as a data object.

    __slots__ = ('sha256', 'size')

    def __init__(self, size: int, sha256: str) -> None:
        self.size = size
        self.sha256 = sha256

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreamedPayload):
            return NotImplemented
        return (self.size, self.sha256) == (other.size, other.sha256)

    def __hash__(self) -> int:
        return hash((self.size, self.sha256))

    def __repr__(self) -> str:
        return f'StreamedPayload(size={self.size}, sha256={self.sha256!r})'
