"""Draws what `mega demo` prints on a terminal as SVG, for the README.

    python -m tests.cli.demo_picture        runs the demo, and writes docs/images/demo.svg

The picture has the table of the demo and its last line. The other lines contain a port, a random
name and a duration. Each text has the width of its columns with any monospaced font.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree

from tests.cli.command import mega_on_terminal

__all__ = ('PICTURE', 'draw', 'excerpt', 'texts')

PICTURE = Path(__file__).parents[2] / 'docs' / 'images' / 'demo.svg'

COLUMNS = 80
COLUMN, LINE, MARGIN, FONT_SIZE = 7.8, 18, 16, 13  # pixels

BACKGROUND, FOREGROUND = '#16181d', '#d7dae0'
STYLES = {
    '1': 'font-weight="700"',
    '2': 'fill="#8b909c"',
    '31': 'fill="#f0717b"',
    '32': 'fill="#7cc68d"',
    '33': 'fill="#dfb56c"',
}
"""The attributes of a text by the parameter of its escape sequence."""

ESCAPE = re.compile(r'\033\[(\d+)m')

Span: TypeAlias = tuple[int, str, str]
"""The first column of a text, the text, and its style."""


def excerpt(output: str) -> list[str]:
    """Return the lines to show of what the demo printed: the last state of each row."""
    lines = [line.rpartition('\r')[2] for line in output.rstrip('\n').split('\n')]
    empty = [number for number, line in enumerate(lines) if not line]
    return ['$ mega demo', '', *lines[empty[0] + 1 : empty[1]], '', lines[-1]]


def draw(lines: Sequence[str]) -> str:
    """Return the picture of lines with escape sequences."""
    width = round(COLUMNS * COLUMN) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" font-family="ui-monospace, Menlo, Consolas, monospace" '
        f'font-size="{FONT_SIZE}" fill="{FOREGROUND}">',
        '<title>mega demo: each message, and the subscribers that processed it</title>',
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
    ]
    for number, line in enumerate(lines):
        y = MARGIN + number * LINE + FONT_SIZE
        parts.append(f'<g>{"".join(_text(y, *span) for span in _spans(line))}</g>')
    return '\n'.join([*parts, '</svg>', ''])


def texts(picture: str) -> list[str]:
    """Return the lines of a picture as text."""
    lines = []
    for group in ElementTree.fromstring(picture).iter('{http://www.w3.org/2000/svg}g'):
        line = ''
        for text in group:
            column = round((float(text.attrib['x']) - MARGIN) / COLUMN)
            line = f'{line:{column}}{text.text}'
        lines.append(line)
    return lines


def _spans(line: str) -> Iterator[Span]:
    """Yield the texts of a line without the spaces around them."""
    column, style = 0, '0'
    for number, part in enumerate(ESCAPE.split(line)):
        if number % 2:
            style = part
            continue
        for text in re.finditer(r'\S+(?: \S+)*', part):
            yield column + text.start(), text[0], style
        column += len(part)


def _text(y: int, column: int, text: str, style: str) -> str:
    attributes = f'x="{MARGIN + column * COLUMN:.1f}" y="{y}" textLength="{len(text) * COLUMN:.1f}"'
    return f'<text {attributes} {STYLES.get(style, "")}>{escape(text)}</text>'.replace(' >', '>')


def main() -> None:
    result = mega_on_terminal('demo', '--fast', columns=COLUMNS)
    PICTURE.write_text(draw(excerpt(result.out)), encoding='utf-8')


if __name__ == '__main__':
    main()
