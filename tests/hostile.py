"""Bodies that well-behaved producers do not send, and a stopwatch for reading them."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = (
    'HOSTILE_NAMES',
    'base64_of',
    'bson_body',
    'bson_of',
    'nested_bson',
    'nested_json',
    'within',
)


# A log that showed them as they are would break its lines, or the terminal.
HOSTILE_NAMES = {
    'NUL': 'a\x00b',
    'ANSI': '\x1b[2J',
    'line break': 'a\nERROR b',
    'line separator': '\u2028',
    'long': 'x' * 100_000,
}


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode('ascii')


def bson_of(kind: int, content: bytes, key: str = 'a') -> bytes:
    """A BSON document of one element, by the number of its type and its bytes."""
    element = bytes([kind]) + key.encode() + b'\0' + content + b'\0'
    return struct.pack('<i', len(element) + 4) + element


def bson_body(kind: int, content: bytes, key: str = 'a') -> str:
    return base64_of(bson_of(kind, content, key))


def nested_json(depth: int) -> str:
    """An object of so many levels, objects and arrays in turn, each written without spaces."""
    opening = '{"a":[' * (depth // 2) + '{}' * (depth % 2)
    return opening + ']}' * (depth // 2)


def nested_bson(depth: int) -> str:
    document = struct.pack('<i', 5) + b'\0'
    parts = [document]
    size = len(document)
    for _ in range(depth - 1):
        size += 8
        parts.append(struct.pack('<i', size) + b'\x03a\0')
    return base64_of(b''.join(reversed(parts)) + b'\0' * (depth - 1))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold a block to so much time of the processor, which other processes do not lengthen."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds
