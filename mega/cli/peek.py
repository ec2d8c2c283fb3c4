"""`mega peek`: shows messages of a queue, and gives them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import click

from mega.aws._messages.limits import MAX_BATCH_ENTRIES
from mega.cli.event_pattern import read_pattern
from mega.cli.exit_status import SUCCESS
from mega.cli.message_view import message_record, render_message
from mega.cli.options import app_dir_option, aws_options, output_options
from mega.cli.output import Output, Record, notify
from mega.cli.queues import find_queue
from mega.cli.receiving import (
    MAX_HOLD,
    HeldMessages,
    Page,
    ReceiveLimit,
    holding,
    read_receive_limit,
)
from mega.match import Pattern, evaluate

__all__ = ('Peek', 'command')

DEFAULT_COUNT = 10

MIN_HOLD = 30
MESSAGES_PER_SECOND = 10
"""The default hold outlasts a command that is as slow as this."""


@click.command('peek')
@click.argument('queue')
@click.option(
    '-n',
    '--count',
    type=click.IntRange(1),
    metavar='N',
    help='Receive N messages at most. Default: 10, and unlimited with --follow.',
)
@click.option(
    '--match',
    'pattern',
    callback=read_pattern,
    metavar='JSON',
    help='Show only payloads that match this event pattern of EventBridge.',
)
@click.option('--follow', is_flag=True, help='Wait for more messages until Ctrl-C.')
@click.option(
    '--hold',
    type=click.IntRange(1, MAX_HOLD),
    metavar='SECONDS',
    help='Hide the messages for so long, unless they are given back earlier. Default: 30, and more '
    'for many messages.',
)
@click.option(
    '--wait',
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    metavar='SECONDS',
    help='Wait so long for messages. With 0, SQS asks only some of its servers.',
)
@click.option(
    '--force',
    'is_forced',
    is_flag=True,
    help='Receive although SQS may then move messages to the dead-letter queue.',
)
@app_dir_option
@aws_options
@output_options
def command(
    queue: str,
    count: int | None,
    pattern: Pattern | None,
    follow: bool,
    hold: int | None,
    wait: int,
    is_forced: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Show messages of QUEUE, and give them back: the URL, the ARN, the name, or module:listener.

    SQS counts a receive of each message. The command ends with exit code 1 where this may move a
    message to the dead-letter queue. With --follow, Ctrl-C is the normal end: exit code 0.
    """
    aws, url = find_queue(queue, app_dir)
    limit = None if is_forced else read_receive_limit(aws, url)
    hold = hold or min(MAX_HOLD, MIN_HOLD + (count or 0) // MESSAGES_PER_SECOND)
    with holding(aws, url, hold, wait) as held:
        peek = Peek(held, limit, pattern)
        if not follow:
            output.many(peek.records(count or DEFAULT_COUNT), render_message)
        else:
            with suppress(KeyboardInterrupt):
                output.many(peek.following_records(count), render_message)
    if pattern is not None and not follow:
        notify(f'{peek.shown:,} of {peek.received:,} messages match.')
    elif not peek.received:
        notify('No message is visible.')
    return SUCCESS


class Peek:
    """The messages that a command receives and shows. `received` and `shown` count them."""

    def __init__(
        self, held: HeldMessages, limit: ReceiveLimit | None, pattern: Pattern | None
    ) -> None:
        self.received = self.shown = 0
        self._held = held
        self._limit = limit
        self._pattern = pattern

    def records(self, count: int) -> Iterator[Record]:
        """Yield the matching ones of `count` messages, until an empty receive.

        Raises:
            CommandError: after a message that has no receive left.
        """
        for page in self._held.receive_all(count):
            yield from self._show(page, 0)

    def following_records(self, count: int | None) -> Iterator[Record]:
        """Yield the matching ones of `count` messages, without an end if it is None.

        Raises:
            CommandError: after a message that has no receive left, except this one.
        """
        while count is None or self.received < count:
            left = MAX_BATCH_ENTRIES if count is None else count - self.received
            # The hold of a message ends during the command, which then receives it again.
            yield from self._show(self._held.receive(left), 1)

    def _show(self, page: Page, further_receives: int) -> Iterator[Record]:
        for each in page.new:
            self.received += 1
            record = message_record(each)
            if self._pattern is None or evaluate(record.get('payload'), self._pattern):
                self.shown += 1
                yield record
        for each in (*page.new, *page.known):
            if self._limit is not None:
                self._limit.check(each, further_receives)
