"""The lines of a file, or of stdin, with a payload in each.

    {"amount": 5}                           a data object
    {"protocol": "mega", "version": 1, ...  an event
    "hello"                                 a text

Empty lines are left out. They count for the numbers of the lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from mega.codec import WirePayload, decode
from mega.errors import ConsumeError, DecodeError, EventError, MegaError

__all__ = ('Line', 'chunks_of', 'read_lines')


class Line(NamedTuple):
    """A line with its number, which counts from 1. It has a payload or an error.

    `text` is the line in the file, with its line break.
    """

    number: int
    text: bytes
    payload: WirePayload = ''
    error: MegaError | None = None


def read_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines that are not empty."""
    for number, text in enumerate(file, 1):
        if text.strip():
            try:
                yield Line(number, text, _read_payload(text))
            except (ConsumeError, EventError) as error:
                yield Line(number, text, error=error)


def _read_payload(line: bytes) -> WirePayload:
    try:
        text = line.decode('utf-8-sig').strip()
        if text.startswith('{'):
            return decode(text)
        if text.startswith('"'):
            found: str = json.loads(text)
            return found
    except UnicodeDecodeError as error:
        raise DecodeError(f'it is not UTF-8 at byte {error.start}', 'line') from None
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(' at')
        raise DecodeError(f'{problem} at character {error.pos}', 'JSON string') from None
    raise DecodeError('it must be a JSON object or a JSON string', 'line')


def chunks_of(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    """Yield the lines in lists of `size`; the last one may be shorter."""
    while chunk := list(islice(lines, size)):
        yield chunk
