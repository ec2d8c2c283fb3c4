"""Hostile bodies, and a limit on the time that decoding them may take."""

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
    'cpu_limit',
    'nested_bson',
    'nested_json',
)


# Written to a log unescaped, these would forge log lines or change the terminal.
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
    """Return a BSON document of one element, from the number of its type and its bytes."""
    element = bytes([kind]) + key.encode() + b'\0' + content + b'\0'
    return struct.pack('<i', len(element) + 4) + element


def bson_body(kind: int, content: bytes, key: str = 'a') -> str:
    return base64_of(bson_of(kind, content, key))


def nested_json(depth: int) -> str:
    """Return an object of `depth` levels, alternating objects and arrays, without spaces."""
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


_LOOP_SECONDS = 0.02
"""What `_loop_seconds` returns on the machine for which the limits are meant."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Fail if a block takes more CPU time than this, or in proportion on a slower machine."""
    start = time.process_time()
    yield
    taken = time.process_time() - start
    # The loop takes longer than most of the blocks.
    assert taken < seconds or taken < seconds * _loop_seconds() / _LOOP_SECONDS


def _loop_seconds() -> float:
    start = time.process_time()
    for _ in range(1_000_000):
        pass
    return time.process_time() - start
