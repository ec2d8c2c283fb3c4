"""A log-log chart as SVG: lines with their names beside them, on any background."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

__all__ = ('chart',)

Points: TypeAlias = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 160, 44, 48
GREY = '#7d7d7d'
# Medium brightness, visible on white and on black.
COLOURS = ('#d1495b', '#2f80c3', '#8a6fc9', '#a37b1f', '#3a8f5c', '#b8628f')
MIN_GAP = 15  # pixels between names


def chart(title: str, across: str, up: str, lines: Mapping[str, Points]) -> str:
    """Return the chart of lines by name. Both axes span whole powers of ten."""
    points = [point for line in lines.values() for point in line]
    plot = _Plot([x for x, _ in points], [y for _, y in points])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{GREY}">',
        f'<title>{escape(title)}</title>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
        f'<text x="{LEFT}" y="{TOP - 6}" font-size="12">{escape(up)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end" font-size="12">'
        f'{escape(across)}</text>',
        *plot.grid(),
        *plot.lines(lines),
        '</svg>',
    ]
    return '\n'.join(parts) + '\n'


class _Plot:
    """The positions of values in the drawing."""

    def __init__(self, across: Sequence[float], up: Sequence[float]) -> None:
        self._x, self._y = _decades(across), _decades(up)

    def x(self, value: float) -> float:
        low, high = self._x[0], self._x[-1]
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self._y[0], self._y[-1]
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(value) - low) / (high - low)

    def grid(self) -> list[str]:
        parts = []
        for power in self._y:
            y = self.y(10**power)
            parts.append(_line([(LEFT, y), (WIDTH - RIGHT, y)], GREY, 0.5, opacity=0.4))
            parts.append(_text(LEFT - 8, y + 4, _number(power), GREY, 'end'))
        for power in self._x:
            x = self.x(10**power)
            parts.append(_line([(x, TOP), (x, HEIGHT - BOTTOM)], GREY, 0.5, opacity=0.4))
            parts.append(_text(x, HEIGHT - BOTTOM + 18, _number(power), GREY, 'middle'))
        return parts

    def lines(self, lines: Mapping[str, Points]) -> list[str]:
        parts, ends = [], []
        for place, (name, points) in enumerate(lines.items()):
            colour = COLOURS[place % len(COLOURS)]
            spots = [(self.x(x), self.y(y)) for x, y in points]
            parts.append(_line(spots, colour, 3 if place == 0 else 2))
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots
            ]
            ends.append((*spots[-1], name, colour))
        return parts + [
            _text(x + 9, y + 4, name, colour, 'start') for x, y, name, colour in _spread(ends)
        ]


def _spread(
    ends: list[tuple[float, float, str, str]],
) -> list[tuple[float, float, str, str]]:
    """Return the names at places without overlap, moved upwards from the lowest."""
    placed: list[tuple[float, float, str, str]] = []
    for x, y, name, colour in sorted(ends, key=lambda end: -end[1]):
        above = [at for other, at, _, _ in placed if other == x]
        placed.append((x, min([y, *(at - MIN_GAP for at in above)]), name, colour))
    return placed


def _decades(values: Sequence[float]) -> range:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def _number(power: int) -> str:
    return f'{10**power:,}' if power >= 0 else f'{10.0**power:g}'


def _line(spots: Points, colour: str, width: float, opacity: float = 1) -> str:
    path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in spots)
    faint = f' stroke-opacity="{opacity}"' if opacity < 1 else ''
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{faint}/>'
    )


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{colour}">{escape(text)}</text>'
