"""The command line of the demo: options, the introduction, the summary and the exit status."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

from botocore.exceptions import BotoCoreError, ClientError

from examples.demo import payloads
from examples.demo.aws import (
    DEFAULT_REGION,
    Aws,
    CannotRunError,
    aws_at,
    embedded_aws,
    real_aws,
    temporary_bus,
)
from examples.demo.live import Outcome, play
from examples.demo.screen import Screen
from examples.demo.story import STEPS
from examples.demo.subscribers import AUDIT, FAILED, ORDERS
from mega.codec import encode
from mega.errors import MegaError

PACE = 0.35  # seconds between two messages, for readability


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='scripts/demo',
        description='Publishes events, data objects, a text and a blob over SQS and SNS, as JSON '
        'and as BSON. Shows live which subscribers process each message, why a message is '
        'unmatched, and which messages are dead-lettered. Takes ten seconds, on a local AWS that '
        'the demo starts.',
        epilog='Exit status: 0 if all results are as expected, 1 if a result differs (the demo '
        'prints it), 2 if the demo cannot run.',
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--endpoint-url',
        metavar='URL',
        help='use the AWS at this endpoint, such as http://127.0.0.1:4566',
    )
    where.add_argument(
        '--aws',
        action='store_true',
        help='use AWS itself, with the credentials that boto3 finds; the demo deletes its '
        'resources',
    )
    parser.add_argument(
        '--region',
        help=f'default: the region that boto3 finds, or {DEFAULT_REGION}; --aws needs a region',
    )
    parser.add_argument(
        '--prefix',
        type=_prefix,
        default='mega-demo',
        help='the prefix of the names of the topic and the queues (default: %(default)s)',
    )
    parser.add_argument('--fast', action='store_true', help='do not pause between messages')
    parser.add_argument(
        '--no-color', action='store_true', help='print no colours, like NO_COLOR in the environment'
    )
    return parser.parse_args(arguments)


def _prefix(text: str) -> str:
    if not re.fullmatch(r'[A-Za-z0-9_-]{1,40}', text):
        raise argparse.ArgumentTypeError('1 to 40 letters, digits, hyphens and underscores')
    return text


class Log(logging.Handler):
    """Collect the log of MEGA, which the demo prints only after an unexpected result."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f'{record.levelname.lower()}: {record.getMessage()}')


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse_options(arguments)
    screen = Screen(sys.stdout, use_colour=not given.no_color)
    log = Log()
    logging.getLogger('mega').addHandler(log)
    name = f'{given.prefix}-{uuid.uuid4().hex[:6]}'
    start = time.monotonic()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # so that the demo deletes its resources
    try:
        with select_aws(given) as aws:
            if given.aws:
                warn(aws, name, seconds=0 if given.fast else 5)
            with temporary_bus(aws, name) as bus:
                show_introduction(screen, aws, name)
                outcome = play(screen, aws, bus, pace=0.0 if given.fast else PACE)
    except (BotoCoreError, CannotRunError, ClientError, MegaError) as error:
        print(f'The demo cannot run: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('\nStopped. The demo has deleted its resources.', file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader is gone, as in `scripts/demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    show_summary(screen, outcome, time.monotonic() - start)
    return show_failures(screen, outcome.failures, log.lines)


def select_aws(given: argparse.Namespace) -> AbstractContextManager[Aws]:
    if given.aws:
        return nullcontext(real_aws(given.region))
    if given.endpoint_url:
        return nullcontext(aws_at(given.endpoint_url, given.region))
    return embedded_aws(given.region)


def warn(aws: Aws, name: str, seconds: int) -> None:
    account = aws.client('sts').get_caller_identity()['Account']
    print(
        f'In {aws.name}, account {account}, the demo creates a topic and three queues.\n'
        f'Their names start with {name}. The demo deletes them at the end.\n'
        f'Its requests cost far less than a cent. Press Ctrl-C within {seconds} s to cancel.',
        file=sys.stderr,
    )
    time.sleep(seconds)


def show_introduction(screen: Screen, aws: Aws, name: str) -> None:
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


def show_summary(screen: Screen, outcome: Outcome, seconds: float) -> None:
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
    """Print the unexpected results, and return the exit status."""
    found = list(failures)
    if not found:
        screen.line('All results are as expected.', 'green')
        return 0
    screen.line('Unexpected results:', 'red')
    for failure in found:
        screen.line(failure, 'red')
    screen.line('The log of MEGA:')
    for line in log:
        screen.line(f'  {line}', 'dim')
    return 1


if __name__ == '__main__':
    sys.exit(main())
