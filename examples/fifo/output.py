"""Prints the lines of two threads, each thread in its colour."""

from __future__ import annotations

import os
import sys

__all__ = ('GREEN', 'YELLOW', 'print_line')

GREEN, YELLOW = '32', '33'


def print_line(line: str, colour: str) -> None:
    """Print a line by a single write. It has a colour in a terminal without `NO_COLOR`."""
    if sys.stdout.isatty() and not os.environ.get('NO_COLOR'):
        line = f'\x1b[{colour}m{line}\x1b[0m'
    print(f'{line}\n', end='', flush=True)
