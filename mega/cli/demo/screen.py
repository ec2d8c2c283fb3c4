"""The table of the demo, which updates while results arrive.

In less than 80 columns, a row has two lines, and longer texts are wrapped.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TextIO, TypeAlias

import click

__all__ = ('Screen', 'Span')

Span: TypeAlias = tuple[str, str]
"""A text and its style."""

_WIDTHS = (2, 13, 4, 6, 5, 24, 8)
_RIGHT = (0, 4)  # numbers
_FIRST_LINE = 5
"""The number of columns in the first line of a row of two lines."""

_GAP = '  '
_NARROW_GAP = ' | '
_TABLE_WIDTH = 80


class Screen:
    """A terminal, a file or a pipe, of `width` characters.

    A terminal shows incomplete rows. A file or a pipe receives only complete rows.
    """

    def __init__(self, stream: TextIO, *, has_color: bool, width: int) -> None:
        self._stream = stream
        self._has_color = has_color
        self._width = width
        self._is_wide = width >= _TABLE_WIDTH
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='replace')  # some terminals cannot encode all characters

    def line(self, text: str = '', style: str = '') -> None:
        """Print a text, in as many lines as it needs."""
        indent = text[: len(text) - len(text.lstrip())]
        lines = [text]
        if len(text) > self._width:
            lines = textwrap.wrap(text, self._width, subsequent_indent=f'{indent}  ')
        for each in lines:
            self._print(self._styled(each, style))

    def heading(self, *texts: str) -> None:
        """Print the names of the columns."""
        self.row([[(text, 'bold')] for text in texts])

    def update(self, cells: Sequence[Sequence[Span]]) -> None:
        """Show an incomplete row in place of its previous state."""
        if self._is_wide and self._stream.isatty():
            self._stream.write(f'{self._join(cells)}\r')
            self._stream.flush()

    def row(self, cells: Sequence[Sequence[Span]]) -> None:
        """Print a complete row."""
        if self._is_wide:
            self._print(self._join(cells))
            return
        self._print(self._join(cells[:_FIRST_LINE]))
        cells = cells[_FIRST_LINE:]
        results = _NARROW_GAP.join(map(self._spans, cells)).rstrip(_NARROW_GAP)
        if results:
            self._print(f'    {results}')

    def _print(self, line: str) -> None:
        self._stream.write(f'{line}\n')
        self._stream.flush()

    def _join(self, cells: Sequence[Sequence[Span]]) -> str:
        return _GAP.join(self._cell(number, spans) for number, spans in enumerate(cells)).rstrip()

    def _cell(self, number: int, spans: Sequence[Span]) -> str:
        missing = ' ' * (_WIDTHS[number] - len(' '.join(text for text, _ in spans)))
        styled = self._spans(spans)
        return missing + styled if number in _RIGHT else styled + missing

    def _spans(self, spans: Sequence[Span]) -> str:
        return ' '.join(self._styled(*span) for span in spans)

    def _styled(self, text: str, style: str) -> str:
        if not style or not self._has_color:
            return text
        if style in ('bold', 'dim'):
            return click.style(text, **{style: True})
        return click.style(text, fg=style)
