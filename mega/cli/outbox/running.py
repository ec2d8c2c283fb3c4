"""`mega outbox run`: runs the relay of an outbox until a signal ends it."""

from __future__ import annotations

import click

from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.listen.log_options import log_options
from mega.cli.listen.logs import LogSettings
from mega.cli.options import app_dir_option, aws_options
from mega.cli.outbox.relay_target import relay_of
from mega.cli.output import counted, notify

__all__ = ('command',)


@click.command('run')
@click.argument('target')
@click.option('--drain', is_flag=True, help='Send the messages that are due, and exit.')
@app_dir_option
@log_options
@aws_options
def command(target: str, drain: bool, app_dir: str, logs: LogSettings) -> int:
    """Send the messages of the outbox of TARGET, until Ctrl-C or SIGTERM.

    Several processes may run at the same time. With --drain, the exit code is 1 if a message could
    not be sent.
    """
    logs.apply(app_dir)
    with relay_of(target, app_dir) as relay:
        counts = relay.drain() if drain else relay.run()
    left = f', {counts.delayed:,} delayed, {counts.failed:,} failed'
    notify(f'{counted(counts.sent, "message")} sent{left}.')
    return FAILURE if drain and counts.delayed + counts.failed else SUCCESS
