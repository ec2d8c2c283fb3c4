"""`mega dead-letters`: the commands that show and repair the messages of a dead-letter queue."""

from __future__ import annotations

import click

from mega.cli.lazy_group import LazyCommand, LazyGroup

__all__ = ('COMMANDS', 'command')

_PACKAGE = 'mega.cli.dead_letters'

COMMANDS = (
    LazyCommand('list', f'{_PACKAGE}.listing', 'Show groups of dead letters, or each of them.'),
    LazyCommand('show', f'{_PACKAGE}.showing', 'Show one dead letter with its payload.'),
    LazyCommand('export', f'{_PACKAGE}.exporting', 'Write dead letters to a file.'),
    LazyCommand('import', f'{_PACKAGE}.importing', 'Send the messages of a file to a queue.'),
    LazyCommand('redrive', f'{_PACKAGE}.redriving', 'Send dead letters to their queue again.'),
    LazyCommand('drop', f'{_PACKAGE}.dropping', 'Delete dead letters, after a backup.'),
)


@click.group('dead-letters', cls=LazyGroup, lazy=COMMANDS)
def command() -> None:
    """Show and repair the messages of a dead-letter queue.

    QUEUE is its URL, ARN or name, or module:listener for the dead-letter queue of a listener.
    """
