"""The output of a command: data on stdout, messages for the user on stderr.

A command describes its data as records, which JSON can represent, and gives a function that renders
a record as text:

    -o text     for people: the rendered records
    -o json     one JSON document: the record, or an array of all records
    -o jsonl    one line of JSON per record, as soon as it is known
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timezone
from typing import Any, TypeAlias

import click

from mega.cli.exit_status import ClosedOutputError, OutputError

__all__ = (
    'FORMATS',
    'Output',
    'Record',
    'Render',
    'counted',
    'escaped',
    'has_color',
    'json_text',
    'notify',
    'table',
    'terminal_width',
)

FORMATS = ('text', 'json', 'jsonl')

Record: TypeAlias = Mapping[str, Any]
"""Data of a command, with the keys of its JSON output."""

Render: TypeAlias = Callable[[Any], str]
"""Returns the text of a record."""

_MIN_COLUMN_WIDTH = 8
_COLUMN_GAP = '  '


class Output:
    """The destination of the data of a command, in the format that the user selected.

    A closed pipe is an error only for a command that also changes something, because the user then
    does not see everything that it changed.
    """

    def __init__(self, format: str, *, has_effects: bool = False) -> None:
        self.format = format
        self._has_effects = has_effects

    def one(self, record: Record, render: Render) -> None:
        """Print the only record of a command."""
        if self.format == 'text':
            self._print(render(record))
        else:
            self._print(json_text(record, indent=2 if self.format == 'json' else None))

    def many(self, records: Iterable[Record], render: Render) -> None:
        """Print records, each as soon as the iterable yields it."""
        if self.format == 'json':
            self._print_array(records)
            return
        for record in records:
            self._print(render(record) if self.format == 'text' else json_text(record))

    def all(self, records: Sequence[Record], render: Callable[[Sequence[Any]], str]) -> None:
        """Print records that the text shows together, such as the rows of a table."""
        if self.format == 'text':
            if text := render(records):
                self._print(text)
        else:
            self.many(records, str)

    def _print_array(self, records: Iterable[Record]) -> None:
        """Print an array. It is complete even if the iteration of the records fails."""
        separator = '['
        try:
            for record in records:
                text = json_text(record, indent=2).replace('\n', '\n  ')
                self._print(f'{separator}\n  {text}', newline=False)
                separator = ','
        except OutputError:
            raise
        except BaseException:
            self._print('[]' if separator == '[' else '\n]')
            raise
        self._print('[]' if separator == '[' else '\n]')

    def _print(self, text: str, *, newline: bool = True) -> None:
        try:
            click.echo(text, nl=newline, color=has_color())
            sys.stdout.flush()  # a reader of a pipe sees a record at once
        except OSError as error:  # of a closed pipe, click would end the process without a word
            is_closed = isinstance(error, BrokenPipeError)
            failure = ClosedOutputError if is_closed and not self._has_effects else OutputError
            raise failure(error) from error


def notify(text: str) -> None:
    """Print a message for the user on stderr."""
    click.echo(text, err=True)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, 'message'), counted(1_200, 'message')
    ('1 message', '1,200 messages')
    """
    return f'{number:,} {noun}' if number == 1 else f'{number:,} {noun}s'


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that is safe in a terminal.

    A datetime is ISO-8601 text with its zone, bytes are Base64, and other objects are their text.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_to_json)
    if text.isascii():
        return text  # JSON escapes the control characters of ASCII
    return escaped(text)


def escaped(text: str) -> str:
    """Return a text that cannot control a terminal: only printable characters and line breaks.

    Other characters are escaped as in JSON. So are characters that change the direction of text.
    """
    return ''.join(c if c.isprintable() or c == '\n' else _escape(c) for c in text)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None
) -> str:
    """Return rows in columns, for a terminal of `width` characters; None: the present width.

    The widest column is shortened until a line fits. Numbers are at the right of their column.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    available = terminal_width() if width is None else width
    while sum(widths) + len(_COLUMN_GAP) * (len(widths) - 1) > available:
        widest = widths.index(max(widths))
        if widths[widest] <= _MIN_COLUMN_WIDTH:
            break
        widths[widest] -= 1
    columns = list(zip(*rows, strict=True)) or [('',)] * len(headers)
    numbers = (int, float, type(None))  # an unknown number is None
    is_number = [all(isinstance(value, numbers) for value in column) for column in columns]
    lines = [
        _COLUMN_GAP.join(
            _fit(text, size, right=is_number[index])
            for index, (text, size) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [list(headers), *cells]
    ]
    lines[0] = click.style(lines[0], bold=True)
    return '\n'.join(lines)


def has_color() -> bool:
    """Return whether stdout has colors. By default, only a terminal has.

    https://no-color.org and https://force-color.org: any value except an empty one counts.
    """
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    if os.environ.get('NO_COLOR'):
        return False
    return bool(os.environ.get('FORCE_COLOR')) or sys.stdout.isatty()


def terminal_width() -> int:
    """Return the width of the terminal; without a terminal it is unlimited."""
    if not sys.stdout.isatty() and 'COLUMNS' not in os.environ:
        return sys.maxsize
    return shutil.get_terminal_size().columns


def _cell(value: object) -> str:
    if value is None:
        return '-'
    if isinstance(value, int):
        return f'{value:,}'
    return ''.join(c if c.isprintable() else _escape(c) for c in str(value))


def _fit(text: str, size: int, *, right: bool) -> str:
    if len(text) > size:
        text = f'{text[: size - 1]}…'
    return text.rjust(size) if right else text.ljust(size)


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    return str(value)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]
