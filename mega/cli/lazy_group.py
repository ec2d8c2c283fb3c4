"""A group of commands whose modules are imported when they are called.

    LazyCommand('decode', 'mega.cli.decode', 'Show the payload of a message body.')

A module defines the command under the name `command`. The help of a group and shell completion
need only the names and the sentences, so that they cost no import.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

import click

__all__ = ('LazyCommand', 'LazyGroup')


class LazyCommand(NamedTuple):
    """The name of a command, its module, and the sentence in the help of its group."""

    name: str
    module: str
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        loaded: click.Command = import_module(self.module).command
        return loaded


class LazyGroup(click.Group):
    """A group that imports a command when it resolves its name in the arguments."""

    def __init__(self, *args: Any, lazy: Iterable[LazyCommand] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._lazy = {each.name: each for each in lazy}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of their declaration."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command for the help of the group: only its name and its sentence."""
        found = self._lazy.get(cmd_name)
        return None if found is None else click.Command(found.name, help=found.summary)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, imported, and the other arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and command.name in self._lazy:
            command = self._lazy[command.name].load()
        return name, command, rest
