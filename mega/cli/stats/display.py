"""Readings as text, and the part of a terminal that shows the latest of them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence

import click

from mega.cli.interruption import deferred_interrupt
from mega.cli.output import notify, table, terminal_width
from mega.cli.stats.readings import Reading

__all__ = ('Screen', 'duration', 'text_of')

_MIN_TABLE_WIDTH = 60
_INDENT = '  '


class Screen:
    """Shows a block of text in place of the last one on a terminal, and otherwise below it.

    Notes for the user are told above the next block, so that they remain.
    """

    def __init__(self) -> None:
        self._replaces = sys.stdout.isatty() and os.environ.get('TERM') != 'dumb'
        self._rows = 0
        self._notes: list[str] = []

    def note(self, text: str) -> None:
        """Remember a note."""
        self._notes.append(text)

    def tell(self) -> None:
        """Print the notes."""
        for text in self._notes:
            notify(text)
        self._notes.clear()

    def show(self, print_text: Callable[[str], None], text: str) -> None:
        """Print a block by `print_text`, which applies the settings of colors."""
        if not self._replaces:
            self.tell()
            print_text(f'{text}\n')
            return
        columns, height = shutil.get_terminal_size()
        with deferred_interrupt():  # the last block remains on the screen
            if 0 < self._rows < height:  # a block that is higher has left the screen
                click.echo(f'\x1b[{self._rows}F\x1b[J', nl=False, color=True)
            self.tell()
            print_text(text)
        lines = (len(click.unstyle(line)) for line in text.split('\n'))
        self._rows = sum(max(1, -(-length // columns)) for length in lines)


def text_of(readings: Sequence[Reading], *, with_rates: bool = False) -> str:
    """Return a table with a row for each queue, and one below it for its dead-letter queue."""
    rows = []
    for reading in readings:
        rows.append(_row(reading, reading.name))
        if dead_letters := reading.dead_letter_queue:
            rows.append(_row(dead_letters, f'{_INDENT}{dead_letters.name}'))
    headers = ['queue', 'visible', 'in flight', 'delayed', 'oldest', 'change/s']
    size = len(headers) if with_rates else len(headers) - 1
    if terminal_width() < _MIN_TABLE_WIDTH:
        return '\n'.join(_lines(headers[1:size], row) for row in rows)
    return table(headers[:size], [row[:size] for row in rows])


def _row(reading: Reading, name: str) -> list[object]:
    return [
        name,
        reading.visible,
        reading.in_flight,
        reading.delayed,
        None if reading.oldest_seconds is None else duration(reading.oldest_seconds),
        None if reading.change_per_second is None else f'{reading.change_per_second:+,.1f}',
    ]


def _lines(headers: Sequence[str], row: Sequence[object]) -> str:
    """Return a row for a narrow terminal: a line for the name, and one for each value."""
    name = str(row[0])
    indent = ' ' * (len(name) - len(name.lstrip())) + _INDENT
    values = zip(headers, row[1:], strict=False)
    return '\n'.join([name, *(f'{indent}{each}: {_cell(value)}' for each, value in values)])


def _cell(value: object) -> str:
    if value is None:
        return '-'
    return f'{value:,}' if isinstance(value, int) else str(value)


def duration(seconds: int) -> str:
    """Return a time in its largest unit, rounded down.

    >>> duration(59), duration(3_600), duration(200_000)
    ('59 s', '1 h', '2 d')
    """
    for unit, size in (('d', 86_400), ('h', 3_600), ('min', 60)):
        if seconds >= size:
            return f'{seconds // size:,} {unit}'
    return f'{seconds} s'
