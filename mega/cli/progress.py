"""The progress of a long operation: one line on stderr, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import click

from mega.cli.output import counted

__all__ = ('Progress', 'with_progress')

T = TypeVar('T')

_CLEAR_LINE = '\r\x1b[K'


class Progress:
    """A line that the next one replaces. Clear it before other output, and at the end."""

    def __init__(self) -> None:
        self._is_visible = sys.stderr.isatty()
        self._is_shown = False

    def show(self, text: str) -> None:
        """Show a line in place of the last one."""
        if self._is_visible:
            click.echo(f'{_CLEAR_LINE}{text}', err=True, nl=False, color=True)
            self._is_shown = True

    def clear(self) -> None:
        """Remove the line."""
        if self._is_shown:
            click.echo(_CLEAR_LINE, err=True, nl=False, color=True)
            self._is_shown = False


def with_progress(
    items: Iterable[T], total: int, participle: str, size: Callable[[T], int] = lambda item: 1
) -> Iterator[T]:
    """Yield items, and show how many messages they are. `total` is the approximate number of all.

    `participle` says what happened to them, such as `read`. `size` returns the messages of an item.
    The line is removed while the consumer has an item, which it may print.
    """
    progress, number = Progress(), 0
    try:
        for item in items:
            progress.clear()
            yield item
            number += size(item)
            approximate = counted(max(number, total), 'message')
            progress.show(f'{number:,} of about {approximate} {participle}')
    finally:
        progress.clear()
