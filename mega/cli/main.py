"""The entry point of the `mega` command, and the list of its commands.

`mega --help` and shell completion import no command: each is imported when it is called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from mega.cli.exit_status import run
from mega.cli.lazy_group import LazyCommand, LazyGroup

__all__ = ('COMMANDS', 'cli', 'main')

COMMANDS = (
    LazyCommand('listen', 'mega.cli.listen.command', 'Run listeners in child processes.'),
    LazyCommand('publish', 'mega.cli.publish.command', 'Publish payloads to a queue or a topic.'),
    LazyCommand('peek', 'mega.cli.peek', 'Show messages of a queue, and give them back.'),
    LazyCommand('decode', 'mega.cli.decode', 'Show the payload in a body, or in an AWS event.'),
    LazyCommand('explain', 'mega.cli.explain', 'Explain which subscribers match a payload.'),
    LazyCommand('stats', 'mega.cli.stats.command', 'Show how many messages are in queues.'),
    LazyCommand('dead-letters', 'mega.cli.dead_letters.command', 'Show and repair dead letters.'),
    LazyCommand('filter-policy', 'mega.cli.filter_policy', 'Print, compare or set an SNS policy.'),
    LazyCommand('schema', 'mega.cli.schema', 'Print the AsyncAPI document of a listener.'),
    LazyCommand('outbox', 'mega.cli.outbox.command', 'Send the messages of an outbox.'),
    LazyCommand('doctor', 'mega.cli.doctor.command', 'Check a listener, its queue and AWS.'),
    LazyCommand('local', 'mega.cli.local', 'Serve SQS, SNS and S3 in memory.'),
    LazyCommand('demo', 'mega.cli.demo.command', 'Show MEGA at work, on a local AWS.'),
)

_HELP = """Run, inspect and repair listeners on Amazon SQS and SNS.

Data goes to stdout, and messages for you go to stderr. Exit codes: 0 success, 1 the operation did
not succeed, 2 usage error, 3 the target cannot be loaded or started, 4 AWS refused the request,
130 ended by Ctrl-C, 141 the reader of the output closed it, 143 ended by SIGTERM.
"""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    help=_HELP,
    context_settings={'help_option_names': ['-h', '--help']},
)
@click.version_option(package_name='sqs-mega', prog_name='mega')
def cli() -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with the arguments of the process, and exit."""
    _replace_closed_streams()
    sys.exit(run(cli, arguments))


def _replace_closed_streams() -> None:
    """Open the null device for each standard stream that the caller of the process has closed.

    Python has None for it, and the next file or connection would get its descriptor.
    """
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # until the end
