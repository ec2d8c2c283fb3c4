"""The command `mega demo`: options, the introduction, the summary and the exit code."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import click

from mega.cli.demo import payloads
from mega.cli.demo.aws import Aws, aws_at, real_aws, temporary_bus
from mega.cli.demo.live import Outcome, play
from mega.cli.demo.screen import Screen
from mega.cli.demo.story import STEPS
from mega.cli.demo.subscribers import AUDIT, FAILED, ORDERS, create_listeners
from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.options import no_color_option
from mega.cli.output import has_color, notify, terminal_width
from mega.codec import encode
from mega.errors import ConfigurationError
from mega.local import LocalAws

__all__ = ('command', 'show_failures')

PACE = 0.35  # seconds between two messages, for readability


def _check_prefix(context: click.Context, parameter: click.Parameter, text: str) -> str:
    if not re.fullmatch(r'[A-Za-z0-9_-]{1,40}', text):
        raise click.BadParameter('must be 1 to 40 letters, digits, hyphens and underscores')
    return text


@click.command('demo')
@click.option(
    '--endpoint-url',
    metavar='URL',
    help='Use the AWS at this endpoint, such as http://127.0.0.1:4566.',
)
@click.option(
    '--aws',
    'on_aws',
    is_flag=True,
    help='Use AWS itself, with the credentials that boto3 finds. The demo deletes its resources.',
)
@click.option(
    '--region',
    metavar='NAME',
    help='Default: as boto3 finds it. The local AWS has one region.',
)
@click.option(
    '--prefix',
    metavar='TEXT',
    default='mega-demo',
    show_default=True,
    callback=_check_prefix,
    help='The beginning of the names of the topic and the queues.',
)
@click.option('--fast', is_flag=True, help='Do not pause between messages.')
@no_color_option
def command(
    endpoint_url: str | None, on_aws: bool, region: str | None, prefix: str, fast: bool
) -> int:
    """Show MEGA at work, on a local AWS that the demo starts.

    The demo publishes events, data objects, a text and a blob over SQS and SNS, as JSON and as
    BSON. It shows live which subscribers process each message, why a message is unmatched, and
    which messages are dead-lettered. It takes ten seconds. The exit code is 1 if a result is
    unexpected.
    """
    if on_aws and endpoint_url:
        raise click.UsageError('--aws and --endpoint-url are not allowed together')
    screen = Screen(sys.stdout, has_color=has_color(), width=terminal_width())
    name = f'{prefix}-{uuid.uuid4().hex[:6]}'
    started = time.monotonic()
    with _warnings_of_mega() as warnings:
        try:
            with _select_aws(endpoint_url, region, on_aws=on_aws) as aws:
                if on_aws:
                    _warn(aws, name, seconds=0 if fast else 5)
                with temporary_bus(aws, name) as bus:
                    _show_introduction(screen, aws, name)
                    listeners = create_listeners(aws, bus)
                    outcome = play(screen, aws, bus, listeners, pace=0.0 if fast else PACE)
        except KeyboardInterrupt:
            notify('\nThe demo has deleted its topic and queues.')
            raise
    _show_summary(screen, outcome, time.monotonic() - started)
    return show_failures(screen, outcome.failures, warnings)


def _select_aws(
    endpoint_url: str | None, region: str | None, *, on_aws: bool
) -> AbstractContextManager[Aws]:
    if on_aws:
        return nullcontext(real_aws(region))
    if endpoint_url:
        return nullcontext(aws_at(endpoint_url, region))
    return _local_aws(region)


@contextmanager
def _local_aws(region: str | None) -> Iterator[Aws]:
    """Start the in-memory AWS of this package in this process."""
    os.environ['no_proxy'] = os.environ['NO_PROXY'] = '127.0.0.1'
    with LocalAws() as server:
        credentials = server.credentials
        if region not in (None, credentials['region_name']):
            problem = f'is unknown to the local AWS: pass {credentials["region_name"]}'
            raise ConfigurationError(f'the region {region!r} {problem}')
        yield Aws(f'a local AWS ({server.endpoint_url})', {**credentials})


class _ListHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f'{record.levelname.lower()}: {record.getMessage()}')


@contextmanager
def _warnings_of_mega() -> Iterator[list[str]]:
    """Collect the log of the library, which the demo prints only after an unexpected result."""
    handler, logger = _ListHandler(), logging.getLogger('mega')
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


def _warn(aws: Aws, name: str, seconds: int) -> None:
    account = aws.client('sts').call('get_caller_identity')['Account']
    notify(
        f'In {aws.name}, account {account}, the demo creates a topic and three queues.\n'
        f'Their names start with {name}. The demo deletes them at the end.\n'
        f'Its requests cost far less than a cent. Press Ctrl-C within {seconds} s to cancel.'
    )
    time.sleep(seconds)


def _show_introduction(screen: Screen, aws: Aws, name: str) -> None:
    screen.line(f'MEGA on {aws.name}', 'bold')
    screen.line(f'topic {name}, and three queues, each with a listener:', 'dim')
    for queue, contents, subscribers in (
        ('orders', 'messages sent over SQS, and messages of the topic, raw', ORDERS),
        ('audit', 'messages of the topic, in the envelope of SNS', AUDIT),
        ('failed', 'dead letters of the listener of orders', FAILED),
    ):
        screen.line(f'  {queue:<6}  {contents}')
        screen.line(f'          {", ".join(each.__name__ for each in subscribers)}', 'cyan')
    screen.line()


def _show_summary(screen: Screen, outcome: Outcome, seconds: float) -> None:
    screen.line()
    screen.line('bytes          JSON  BSON in Base64', 'bold')
    for what, payload in (
        ('user created', payloads.USER_CREATED),
        ('item added', payloads.ITEM_ADDED),
        ('notification', payloads.NOTIFICATION),
    ):
        text, binary = (len(encode(payload, is_binary).encode()) for is_binary in (False, True))
        screen.line(f'{what:<13}  {text:>4}  {binary:>4}  {binary / text - 1:+.0%}')
    screen.line()
    for queue, listener in outcome.listeners.items():
        stats = listener.stats()
        counts = {
            'received': stats.received,
            'done': stats.done,
            'retried': stats.retried,
            'fatal': stats.fatal,
            'unmatched': stats.unmatched,
            'dead-lettered': stats.dead_lettered,
        }
        summary = ', '.join(f'{count} {name}' for name, count in counts.items() if count)
        screen.line(f'{queue:<6}  {summary}')
    deliveries = sum(listener.stats().received for listener in outcome.listeners.values())
    screen.line(f'{len(STEPS)} messages published, {deliveries} delivered in {seconds:.1f} s')


def show_failures(screen: Screen, failures: Iterable[str], log: Iterable[str]) -> int:
    """Print the unexpected results, and return the exit code."""
    found = list(failures)
    if not found:
        screen.line('All results are as expected.', 'green')
        return SUCCESS
    screen.line('Unexpected results:', 'red')
    for failure in found:
        screen.line(failure, 'red')
    screen.line('The log of MEGA:')
    for line in log:
        screen.line(f'  {line}', 'dim')
    return FAILURE
