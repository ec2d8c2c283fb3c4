"""`mega outbox`: the commands for the relay of an outbox."""

from __future__ import annotations

import click

from mega.cli.lazy_group import LazyCommand, LazyGroup

__all__ = ('COMMANDS', 'command')

_PACKAGE = 'mega.cli.outbox'

COMMANDS = (
    LazyCommand('run', f'{_PACKAGE}.running', 'Send the messages of an outbox.'),
    LazyCommand('list', f'{_PACKAGE}.listing', 'Show the messages that have failed.'),
    LazyCommand('retry', f'{_PACKAGE}.retrying', 'Let messages that have failed be sent again.'),
)


@click.group('outbox', cls=LazyGroup, lazy=COMMANDS)
def command() -> None:
    """Send the messages of an outbox, and show and retry failed messages.

    TARGET is an OutboxRelay of your code: module:attribute, path.py:attribute, or a module that
    holds one relay.
    """
