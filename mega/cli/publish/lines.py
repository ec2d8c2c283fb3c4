"""The lines of a file, or of stdin, with a payload in each.

    {"amount": 5}                           a data object
    {"protocol": "mega", "version": 1, ...  an event
    "hello"                                 a text

Empty lines are left out. They count for the numbers of the lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mega.cli.exit_status import CommandError
from mega.cli.output import notify
from mega.codec import AnyPayload, decode
from mega.errors import ConsumeError, DecodeError, EventError, MegaError

__all__ = ('Line', 'chunks_of', 'name_of', 'open_lines', 'read_lines')


class Line(NamedTuple):
    """A line with its number, which counts from 1. It has a payload or an error.

    `text` is the line in the file, with its line break.
    """

    number: int
    text: bytes
    payload: AnyPayload = ''
    error: MegaError | None = None


def name_of(source: str) -> str:
    """Return the name of a source in an error."""
    return 'stdin' if source == '-' else source


@contextmanager
def open_lines(source: str) -> Iterator[BinaryIO]:
    """Open a file; `-` is stdin.

    Raises:
        CommandError: for a file that cannot be opened.
    """
    if source == '-':
        if sys.stdin.isatty():
            notify('Reading from the terminal, until Ctrl-D.')
        yield sys.stdin.buffer
    else:
        with _open(Path(source)) as file:
            yield file


def _open(path: Path) -> BinaryIO:
    try:
        return path.open('rb')
    except OSError as error:
        raise CommandError(f'{path} cannot be read: {error.strerror or error}') from error


def read_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines that are not empty."""
    for number, text in enumerate(file, 1):
        if text.strip():
            try:
                yield Line(number, text, _read_payload(text))
            except (ConsumeError, EventError) as error:
                yield Line(number, text, error=error)


def _read_payload(line: bytes) -> AnyPayload:
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
        raise DecodeError(f'{error.msg} at character {error.pos}', 'JSON string') from None
    raise DecodeError('it must be a JSON object or a JSON string', 'line')


def chunks_of(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    """Yield the lines in lists of `size`; the last one may be shorter."""
    while chunk := list(islice(lines, size)):
        yield chunk
