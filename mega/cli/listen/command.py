"""`mega listen`: the options, which become the settings of the parent and of its children."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from mega.aws._messages.destinations import check_queue_url
from mega.cli.documentation import page_url
from mega.cli.exit_status import CommandError
from mega.cli.listen.cpus import available_cpus
from mega.cli.listen.log_options import log_options
from mega.cli.listen.logs import LogSettings
from mega.cli.listen.messages import WorkerSettings
from mega.cli.listen.reload_options import reload_options
from mega.cli.listen.source_polling import SourcePolling
from mega.cli.listen.supervisor.commands import SupervisorSettings
from mega.cli.options import app_dir_option, aws_options
from mega.errors import ConfigurationError
from mega.logging import about, get_logger

if TYPE_CHECKING:
    from mega.cli.listen.health_server import Address

__all__ = ('command',)

_log = get_logger(__name__)

_MAX_CONCURRENCY = 1_000
_MAX_GRACE_PERIOD = 43_190
"""The limits of `SqsListener`. The import of the listener would take longer than this command."""

_HELP = f"""Run listeners in child processes, restart them, and stop them gracefully.

TARGET is module:attribute, path/file.py:attribute, or a module that holds one listener. The
attribute is an SqsListener, or a callable without arguments that returns one. Several targets
run side by side.

\b
SIGTERM, SIGINT   stop gracefully; a second signal kills the processes
SIGHUP            replace one process after another
SIGTTIN, SIGTTOU  one process more, or less, for each target
SIGUSR1           print the stacks and the counters of every process

The operation with systemd, Docker, Amazon ECS and Kubernetes:
{page_url('running.md')}
"""


def _read_processes(context: click.Context, parameter: click.Parameter, text: str) -> int:
    if text == 'auto':
        return available_cpus()
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f'{text!r} is not a number above 0, or auto')
    return int(text)


def _check_queue_url(
    context: click.Context, parameter: click.Parameter, url: str | None
) -> str | None:
    try:
        return None if url is None else check_queue_url('URL', url)
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def _read_address(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Address | None:
    if text is None:
        return None
    from mega.cli.listen.health_server import Address  # it imports asyncio

    try:
        return Address.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command('listen', help=_HELP)
@click.argument('targets', metavar='TARGET...', nargs=-1, required=True)
@click.option(
    '-p',
    '--processes',
    metavar='N|auto',
    default='1',
    show_default=True,
    envvar='MEGA_PROCESSES',
    show_envvar=True,
    callback=_read_processes,
    help='The processes of each target. auto: the number of CPUs that the command may use.',
)
@click.option(
    '-c',
    '--concurrency',
    type=click.IntRange(1, _MAX_CONCURRENCY),
    metavar='N',
    envvar='MEGA_CONCURRENCY',
    show_envvar=True,
    help="Messages in progress at the same time in each process. Default: the listener's.",
)
@click.option(
    '--queue-url',
    metavar='URL',
    envvar='MEGA_QUEUE_URL',
    show_envvar=True,
    callback=_check_queue_url,
    help="Receive from this queue. Default: the listener's.",
)
@app_dir_option
@click.option(
    '--grace-period',
    type=click.FloatRange(0, _MAX_GRACE_PERIOD),
    metavar='S',
    envvar='MEGA_GRACE_PERIOD',
    show_envvar=True,
    help="Seconds for the messages in progress after a stop. Default: the listener's.",
)
@click.option('--drain', is_flag=True, help='Process the messages in the queue, and exit with 0.')
@reload_options
@click.option(
    '--max-messages',
    type=click.IntRange(1),
    metavar='N',
    help='Replace a process after N messages, give or take a tenth.',
)
@click.option(
    '--max-memory',
    type=click.IntRange(1),
    metavar='MB',
    help='Replace a process that uses more resident memory.',
)
@click.option(
    '--max-restarts',
    type=click.IntRange(0),
    metavar='N',
    default=10,
    show_default=True,
    help='Give up after N restarts in 60 seconds.',
)
@click.option(
    '--health',
    'address',
    metavar='[HOST:]PORT',
    envvar='MEGA_HEALTH',
    show_envvar=True,
    callback=_read_address,
    help='Serve /livez, /readyz, /metrics and /stats for all processes over HTTP. '
    'The default host is 127.0.0.1.',
)
@log_options
@aws_options
def command(
    targets: Sequence[str],
    processes: int,
    concurrency: int | None,
    queue_url: str | None,
    app_dir: str,
    grace_period: float | None,
    drain: bool,
    sources: SourcePolling | None,
    max_messages: int | None,
    max_memory: int | None,
    max_restarts: int,
    address: Address | None,
    logs: LogSettings,
) -> int:
    _check_platform()
    if drain and sources is not None:
        raise click.UsageError('--drain and --reload contradict each other: pass one of them')
    if queue_url is not None and len(targets) > 1:
        problem = 'listeners of one queue need the same subscribers: pass one TARGET'
        raise click.UsageError(f'--queue-url: {problem}')
    logs.apply(app_dir)
    settings = SupervisorSettings(
        targets=len(targets),
        processes=processes,
        waits_for_change=sources is not None,
        max_restarts=max_restarts,
        max_messages=max_messages,
        max_bytes=None if max_memory is None else max_memory * 1_000_000,
    )
    workers = [
        WorkerSettings(
            target,
            app_dir,
            queue_url,
            concurrency,
            grace_period,
            drains=drain,
            reports_metrics=address is not None,
            logs=logs,
        )
        for target in targets
    ]
    return _run(workers, settings, sources, address)


def _check_platform() -> None:
    if sys.platform == 'win32':
        raise CommandError('mega listen needs the signals of Unix: call listener.listen() instead')


def _run(
    workers: Sequence[WorkerSettings],
    settings: SupervisorSettings,
    sources: SourcePolling | None,
    address: Address | None,
) -> int:
    from mega.cli.listen.parent import Parent  # here, because Windows does not have its signals

    parent = Parent(workers, settings, sources)
    if address is None:
        return parent.run()
    from mega.cli.listen.health_server import HealthServer  # it imports asyncio

    with closing(HealthServer(address, parent.snapshot)) as server:
        text = 'the state of all processes is at http://%s'
        _log.info(text, server.address, extra=about(address=str(server.address)))
        return parent.run()
