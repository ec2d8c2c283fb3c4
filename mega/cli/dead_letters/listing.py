"""`mega dead-letters list`: groups of dead letters, or single ones."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator

import click

from mega.cli.dead_letters.groups import Groups, histogram, render_groups
from mega.cli.dead_letters.letters import FIFO_NOTE, DeadLetter
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.dead_letters.selection import Selection, filter_options
from mega.cli.exit_status import SUCCESS
from mega.cli.message_view import render_summary
from mega.cli.options import app_dir_option, aws_options, output_options, receive_options
from mega.cli.output import Output, counted, notify
from mega.cli.queues import find_dead_letter_queue
from mega.cli.receiving import notify_of_receives

__all__ = ('command',)


@click.command('list')
@click.argument('queue')
@click.option('--each', is_flag=True, help='Show single messages in place of groups.')
@filter_options
@receive_options
@app_dir_option
@aws_options
@output_options
def command(
    queue: str,
    each: bool,
    selection: Selection,
    wait: int,
    is_forced: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Show the dead letters of QUEUE in groups by error, subscriber and text.

    QUEUE is the URL, the ARN or the name of a dead-letter queue, or module:listener. A terminal
    also shows their numbers by hour. The messages are given back, and SQS counts a receive of each.
    """
    dead_letters = DeadLetterQueue.read(*find_dead_letter_queue(queue, app_dir), wait, is_forced)
    notify_of_receives(dead_letters.url)
    groups = Groups()
    with dead_letters.holding() as held:
        letters = _counted(selection.filter(dead_letters.letters(held)), groups)
        if each:
            output.many((letter.record for letter in letters), render_summary)
        else:
            deque(letters, maxlen=0)
    if not each:
        output.all(groups.records(), lambda records: _text(groups))
    note = f' ({FIFO_NOTE})' if held.is_fifo else ''
    notify(f'{groups.count:,} of about {counted(dead_letters.count, "message")}{note}.')
    return SUCCESS


def _counted(letters: Iterable[DeadLetter], groups: Groups) -> Iterator[DeadLetter]:
    for letter in letters:
        groups.add(letter)
        yield letter


def _text(groups: Groups) -> str:
    text = render_groups(groups.records())
    bars = histogram(groups.hours) if sys.stdout.isatty() else ''
    return '\n\n'.join(filter(None, (text, bars)))
