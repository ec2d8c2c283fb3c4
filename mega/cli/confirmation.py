"""The question before a change, which `--yes` answers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ('check_can_ask', 'yes_option')

Command = TypeVar('Command', bound=Callable[..., Any])


def yes_option(command: Command) -> Command:
    """Add `-y` and `--yes`, as the argument `yes`."""
    return click.option('-y', '--yes', is_flag=True, help='Do not ask.')(command)


def check_can_ask() -> None:
    """Refuse to go on without a terminal, on which the user can answer.

    Raises:
        click.UsageError: if stdin is not a terminal.
    """
    if not sys.stdin.isatty():
        raise click.UsageError('without a terminal to confirm on, pass --yes')
