"""`mega outbox retry`: lets messages that have failed be sent again."""

from __future__ import annotations

import click

from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.options import app_dir_option, effects_output_options
from mega.cli.outbox.relay_target import relay_of
from mega.cli.output import Output, counted, notify

__all__ = ('command',)


@click.command('retry')
@click.argument('target')
@click.argument('ids', nargs=-1, metavar='[ID]...')
@click.option('--all', 'is_all', is_flag=True, help='Retry every message that has failed.')
@app_dir_option
@effects_output_options
def command(target: str, ids: tuple[str, ...], is_all: bool, app_dir: str, output: Output) -> int:
    """Let messages of the outbox of TARGET be sent again, and print their ids.

    The relay sends them, each with all its attempts. The exit code is 1 if an ID is not that of a
    message that has failed.
    """
    if is_all == bool(ids):
        raise click.UsageError('pass an ID or --all: one of them')
    with relay_of(target, app_dir) as relay:
        retried = relay.retry(None if is_all else ids)
    output.many(({'id': id} for id in retried), lambda record: str(record['id']))
    missing = [id for id in dict.fromkeys(ids) if id not in retried]
    for id in missing:
        notify(f'no message that has failed has the id {id!r}')
    notify(f'{counted(len(retried), "message")} to be sent again.')
    return FAILURE if missing else SUCCESS
