"""Markdown tables that are also readable as plain text."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.matching.timing import Times

__all__ = ('machine', 'microseconds', 'table')


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with text in the first column and numbers in the others."""
    lines = [header, *rows]
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*lines, strict=True)]
    rule = ['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])]
    return '\n'.join(
        f'| {" | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])} |'
        for line in (header, rule, *rows)
    )


def microseconds(times: Times | None) -> str:
    """Return the median, the minimum and the maximum; `-` without a measurement."""
    if times is None:
        return '-'
    least, median, most = (
        _figure(seconds * 1e6) for seconds in (min(times), statistics.median(times), max(times))
    )
    return f'{median} ({least} to {most})'


def _figure(number: float) -> str:
    return f'{number:,.0f}' if number >= 100 else f'{number:.3g}'


def machine() -> str:
    """Return the interpreter and the processor."""
    python = f'{platform.python_implementation()} {platform.python_version()}'
    return f'{python}, {platform.system()}, {_processor()}'


def _processor() -> str:
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        return platform.processor() or platform.machine()
    for line in text.splitlines():
        name, _, value = line.partition(':')
        if name.strip() == 'model name':
            return f'{value.strip()} ({platform.machine()})'
    return platform.machine()
