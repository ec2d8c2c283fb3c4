"""`mega peek`: shows messages of a queue, and gives them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import click

from mega.cli.event_pattern import read_pattern
from mega.cli.exit_status import SUCCESS
from mega.cli.message_view import message_record, render_message
from mega.cli.options import app_dir_option, aws_options, output_options, receive_options
from mega.cli.output import Output, Record, notify
from mega.cli.queues import find_queue
from mega.cli.receiving import MAX_HOLD, holding, notify_of_receives
from mega.match import Pattern, evaluate

__all__ = ('command',)

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
    help='The visibility timeout of the messages, until they are given back. Default: 30, and more '
    'for many messages.',
)
@receive_options
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
    """Show messages of QUEUE, and give them back.

    QUEUE is the URL, the ARN or the name of a queue, or module:listener for that of a listener.

    SQS counts a receive of each message. The command ends with exit code 1 where this may move a
    message to the dead-letter queue. With --follow, Ctrl-C is the normal end: exit code 0.
    """
    aws, url = find_queue(queue, app_dir)
    hold = hold or min(MAX_HOLD, MIN_HOLD + (count or 0) // MESSAGES_PER_SECOND)
    filtered = Filter(pattern)
    with holding(aws, url, hold, wait, is_forced=is_forced) as held:
        notify_of_receives(url)
        if not follow:
            messages = held.messages(count or DEFAULT_COUNT)
            output.many(filtered.records(messages), render_message)
        else:
            with suppress(KeyboardInterrupt):
                output.many(filtered.records(held.following_messages(count)), render_message)
    if pattern is not None:
        notify(f'{filtered.shown:,} of {filtered.received:,} messages match.')
    elif not filtered.received:
        notify('No message is visible.')
    return SUCCESS


class Filter:
    """Selects the messages to show. `received` and `shown` count them."""

    def __init__(self, pattern: Pattern | None) -> None:
        self.received = self.shown = 0
        self._pattern = pattern

    def records(self, messages: Iterable[dict[str, Any]]) -> Iterator[Record]:
        """Yield the records of the messages whose payload matches the pattern, if there is one."""
        for each in messages:
            self.received += 1
            record = message_record(each)
            if self._pattern is None or evaluate(record.get('payload'), self._pattern):
                self.shown += 1
                yield record
