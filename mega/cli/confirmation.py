"""The question before a change, which `--yes` answers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mega.cli.exit_status import CommandError

__all__ = ('check_can_ask', 'confirm', 'yes_option')

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


def confirm(question: str) -> None:
    """Ask the user whether to go on.

    Raises:
        CommandError: if the answer is no.
    """
    if not click.confirm(question, err=True):
        raise CommandError('not confirmed: nothing was changed')
