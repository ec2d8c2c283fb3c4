"""`mega outbox list`: the messages that AWS refused for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mega.aws._messages.destinations import queue_name
from mega.cli.exit_status import SUCCESS
from mega.cli.options import app_dir_option, output_options
from mega.cli.outbox.relay_target import relay_of
from mega.cli.output import Output, Record, counted, notify, table

if TYPE_CHECKING:
    from mega.outbox import FailedMessage

__all__ = ('command',)

_HEADERS = ('id', 'created', 'failures', 'destination', 'group', 'error')


@click.command('list')
@click.argument('target')
@click.option(
    '-n',
    '--count',
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar='N',
    help='Show N messages at most, the oldest first.',
)
@app_dir_option
@output_options
def command(target: str, count: int, app_dir: str, output: Output) -> int:
    """Show the messages of the outbox of TARGET that have failed.

    AWS refused each of them ten times. They wait for `mega outbox retry`, and the later messages of
    their groups wait for them.
    """
    with relay_of(target, app_dir) as relay:
        failed = relay.list_failed(count)
    output.all([_record(message) for message in failed], _text)
    notify(f'{counted(len(failed), "message")} failed.')
    return SUCCESS


def _record(message: FailedMessage) -> Record:
    return {
        'id': message.id,
        'created': message.created_at,
        'failures': message.failures,
        'destination': message.destination,
        'group': message.message_group,
        'error': message.error,
    }


def _text(records: Sequence[Record]) -> str:
    rows = [[_cell(record, name) for name in _HEADERS] for record in records]
    return table(_HEADERS, rows) if rows else ''


def _cell(record: Record, name: str) -> object:
    if name == 'created':
        return record[name].isoformat(timespec='seconds')
    if name == 'destination':
        return queue_name(record[name])
    return record[name]
