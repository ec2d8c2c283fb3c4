"""`mega local`: SQS, SNS and S3 in memory, for a command or until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

import click

from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.subscribe import SqsListener
from mega.cli.exit_status import SUCCESS, CommandError
from mega.cli.options import (
    OTHER_ENDPOINT_VARIABLES,
    app_dir_option,
    effects_output_options,
    use_endpoint,
)
from mega.cli.output import Output, Record, notify
from mega.cli.target import load_listener
from mega.local import LocalAws
from mega.local.state import arn_of

__all__ = ('command', 'create_queues', 'queues_of')

_SUFFIX = '-dead-letters'
_MAX_NAME_LENGTH = 80
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""

_MAX_RECEIVES = 3


@click.command('local', context_settings={'allow_interspersed_args': False})
@click.argument('program', metavar='[-- COMMAND...]', nargs=-1, type=click.UNPROCESSED)
@click.option(
    '--port',
    type=click.IntRange(0, 65_535),
    default=4566,
    show_default=True,
    help='The port on 127.0.0.1. 0 selects a free port.',
)
@click.option(
    '--create',
    'targets',
    metavar='TARGET',
    multiple=True,
    help='Create the queue of this listener, and its dead-letter queue. Repeatable.',
)
@app_dir_option
@effects_output_options
def command(
    program: Sequence[str], port: int, targets: Sequence[str], app_dir: str, output: Output
) -> int:
    """Serve SQS, SNS and S3 in memory, on loopback.

    With a COMMAND, run it with environment variables that connect it to the server. The exit code
    is that of COMMAND. Without one, print the variables as lines for a shell, and serve until
    Ctrl-C or SIGTERM. Any credentials are accepted. All data end with the server.
    """
    with _serve(port) as aws:
        use_endpoint(aws.endpoint_url)
        variables = _variables(aws)
        os.environ.update(variables)
        listeners = [load_listener(target, app_dir) for target in targets]
        queues = create_queues(aws, listeners)
        for url in queues.values():
            notify(f'Created {url}')
        if program:
            return _run(program)
        with _stop_signals() as stopped:
            output.one({**variables, 'queues': queues} if queues else variables, _exports)
            notify('Set these variables in another shell. Press Ctrl-C to stop the server.')
            stopped.get()
    return SUCCESS


def _serve(port: int) -> LocalAws:
    try:
        return LocalAws(port)
    except OSError as error:
        problem = f'port {port} cannot be used: {os.strerror(error.errno or 0)}'
        raise CommandError(f'{problem}: stop its user, or pass another --port') from error


def _variables(aws: LocalAws) -> dict[str, str]:
    """Return the environment variables that connect boto3 and the library to the server."""
    credentials = aws.credentials
    return {
        'AWS_ENDPOINT_URL': credentials['endpoint_url'],
        'AWS_ACCESS_KEY_ID': credentials['aws_access_key_id'],
        'AWS_SECRET_ACCESS_KEY': credentials['aws_secret_access_key'],
        'AWS_DEFAULT_REGION': credentials['region_name'],
    }


def _exports(variables: Record) -> str:
    lines = [
        f'export {name}={shlex.quote(value)}'
        for name, value in variables.items()
        if name != 'queues'
    ]
    return '\n'.join([*lines, f'unset {" ".join(OTHER_ENDPOINT_VARIABLES)}'])


def create_queues(aws: LocalAws, listeners: Iterable[SqsListener]) -> dict[str, str]:
    """Create the queues of listeners, and return their URLs by name."""
    return {
        name: aws.create_queue(name, fifo=name.endswith('.fifo'), **attributes)
        for name, attributes in queues_of(listeners).items()
    }


def queues_of(listeners: Iterable[SqsListener]) -> dict[str, dict[str, object]]:
    """Return the attributes of the queues of listeners by name, dead-letter queues first.

    A queue whose listener has no dead-letter queue gets one by a redrive policy, unless it is a
    dead-letter queue itself.
    """
    pairs = [(queue_name(each.queue_url), each.dead_letter_queue_url) for each in listeners]
    dead_letters = [queue_name(url) for _, url in pairs if url is not None]
    with_own = {name for name, url in pairs if url is not None}
    never = {*with_own, *dead_letters, *(_dead_letter_name(name) for name, _ in pairs)}
    policies = {name: _dead_letter_name(name) for name, _ in pairs if name not in never}
    queues: dict[str, dict[str, object]] = {
        name: {} for name in (*dead_letters, *policies.values(), *(name for name, _ in pairs))
    }
    for name, target in policies.items():
        policy = {'deadLetterTargetArn': arn_of('sqs', target), 'maxReceiveCount': _MAX_RECEIVES}
        queues[name] = {'RedrivePolicy': policy}
    return queues


def _dead_letter_name(name: str) -> str:
    stem, dot, fifo = name.partition('.')
    end = f'{_SUFFIX}{dot}{fifo}'
    return f'{stem[: _MAX_NAME_LENGTH - len(end)]}{end}'


@contextmanager
def _stop_signals() -> Iterator[SimpleQueue[int]]:
    """Put SIGINT and SIGTERM into a queue, in place of their usual effect."""
    received: SimpleQueue[int] = SimpleQueue()  # safe in a signal handler, unlike an Event
    with _handled(dict.fromkeys((signal.SIGINT, signal.SIGTERM), received.put)):
        yield received


def _run(program: Sequence[str]) -> int:
    """Run a program until it ends, and return its exit code.

    A terminal sends SIGINT also to the program. Other signals are passed on.
    """
    try:
        process = subprocess.Popen(program)
    except OSError as error:
        raise CommandError(f'{program[0]!r} cannot be run: {error.strerror}') from error
    handlers: dict[int, Callable[[int], object]] = {signal.SIGINT: lambda number: None}
    for name in ('SIGTERM', 'SIGHUP'):
        if number := getattr(signal, name, None):  # Windows has no SIGHUP
            handlers[number] = process.send_signal
    with process, _handled(handlers):
        status = process.wait()
    return status if status >= 0 else 128 - status  # as a shell reports a signal


@contextmanager
def _handled(handlers: dict[int, Callable[[int], object]]) -> Iterator[None]:
    """Handle signals until the block ends."""

    def handle(number: int, frame: object) -> None:
        handlers[number](number)

    previous = {number: signal.signal(number, handle) for number in handlers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
