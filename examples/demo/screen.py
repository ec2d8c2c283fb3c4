"""The table of the demo, in 80 columns, which updates while results arrive."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TextIO, TypeAlias

__all__ = ('Screen', 'Span')

Span: TypeAlias = tuple[str, str]
"""A text and its style."""

STYLES = {'bold': '1', 'dim': '2', 'red': '31', 'green': '32', 'yellow': '33', 'cyan': '36'}

WIDTHS = (2, 13, 4, 6, 5, 24, 8)
RIGHT = (0, 4)  # numbers


class Screen:
    """A terminal, a file or a pipe.

    A terminal shows incomplete rows. A file or a pipe receives only complete rows.
    Only terminals show colours, unless `NO_COLOR` is set (https://no-color.org).
    """

    def __init__(self, stream: TextIO, use_colour: bool = True) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._has_colour = use_colour and self._is_terminal and not os.environ.get('NO_COLOR')
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='replace')  # some terminals cannot encode all characters

    def line(self, text: str = '', style: str = '') -> None:
        self._stream.write(f'{self._coloured(text, style)}\n')
        self._stream.flush()

    def heading(self, *texts: str) -> None:
        self.line(self._row([[(text, 'bold')] for text in texts]))

    def update(self, cells: Sequence[Sequence[Span]]) -> None:
        """Show an incomplete row in place of its previous state."""
        if self._is_terminal:
            self._stream.write(f'{self._row(cells)}\r')
            self._stream.flush()

    def row(self, cells: Sequence[Sequence[Span]]) -> None:
        """Print a complete row."""
        self.line(self._row(cells))

    def _row(self, cells: Sequence[Sequence[Span]]) -> str:
        return '  '.join(self._cell(number, spans) for number, spans in enumerate(cells)).rstrip()

    def _cell(self, number: int, spans: Sequence[Span]) -> str:
        missing = ' ' * (WIDTHS[number] - len(' '.join(text for text, _ in spans)))
        coloured = ' '.join(self._coloured(text, style) for text, style in spans)
        return missing + coloured if number in RIGHT else coloured + missing

    def _coloured(self, text: str, style: str) -> str:
        if not style or not self._has_colour:
            return text
        return f'\033[{STYLES[style]}m{text}\033[0m'
