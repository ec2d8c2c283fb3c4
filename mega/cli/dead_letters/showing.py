"""`mega dead-letters show`: one dead letter, with its reason and its payload."""

from __future__ import annotations

import click

from mega.cli.dead_letters.letters import find_letter
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.exit_status import SUCCESS
from mega.cli.message_view import render_message
from mega.cli.options import app_dir_option, aws_options, output_options, receive_options
from mega.cli.output import Output
from mega.cli.queues import find_dead_letter_queue
from mega.cli.receiving import notify_of_receives

__all__ = ('command',)


@click.command('show')
@click.argument('queue')
@click.argument('id')
@receive_options
@app_dir_option
@aws_options
@output_options
def command(queue: str, id: str, wait: int, is_forced: bool, app_dir: str, output: Output) -> int:
    """Show the message with ID in QUEUE: its reason, its attributes and its payload.

    ID is that of the message, or an id that it had before. All messages are given back, and SQS
    counts a receive of each.
    """
    dead_letters = DeadLetterQueue.read(*find_dead_letter_queue(queue, app_dir), wait, is_forced)
    notify_of_receives(dead_letters.url)
    with dead_letters.holding() as held:
        letter = find_letter(id, dead_letters.letters(held), dead_letters.url)
    output.one(letter.record, render_message)
    return SUCCESS
