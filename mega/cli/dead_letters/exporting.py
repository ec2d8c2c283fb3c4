"""`mega dead-letters export`: writes dead letters to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mega.cli.dead_letters.letters import FIFO_NOTE, DeadLetter
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.dead_letters.selection import Selection, Selector, filter_options
from mega.cli.exit_status import FAILURE, SUCCESS, CommandError
from mega.cli.line_files import create_line_file
from mega.cli.message_json import message_fields, message_line
from mega.cli.options import app_dir_option, aws_options, receive_options, verbose_option
from mega.cli.output import Output, counted, notify
from mega.cli.queues import find_dead_letter_queue
from mega.cli.receiving import notify_of_receives

__all__ = ('command',)


@click.command('export')
@click.argument('queue')
@click.argument('file', metavar='FILE')
@filter_options
@receive_options
@app_dir_option
@aws_options
@verbose_option
def command(
    queue: str, file: str, selection: Selection, wait: int, is_forced: bool, app_dir: str
) -> int:
    """Write the messages of QUEUE to a new FILE, one line of JSON for each; `-` is stdout.

    A line has the form of `aws sqs receive-message`, without the receipt handle. The messages stay
    in QUEUE, and SQS counts a receive of each. The exit code is 1 if SQS did not return all
    messages.
    """
    dead_letters = DeadLetterQueue.read(*find_dead_letter_queue(queue, app_dir), wait, is_forced)
    notify_of_receives(dead_letters.url)
    selector, read = Selector(selection), 0
    with dead_letters.holding() as held, _destination(file) as write:
        for letter in dead_letters.letters(held):
            read += 1
            if selector.takes(letter):
                write(letter)
    notify(f'{selector.count:,} of about {counted(dead_letters.count, "message")} exported.')
    if read >= dead_letters.count:
        return SUCCESS
    reason = FIFO_NOTE if held.is_fifo else 'other consumers may have received the others'
    notify(f'SQS returned only {read:,} of them: {reason}.')
    return FAILURE


@contextmanager
def _destination(file: str) -> Iterator[Callable[[DeadLetter], None]]:
    """Return a function that writes a letter. An incomplete file is deleted.

    Raises:
        CommandError: for a file that exists, or cannot be written.
    """
    if file == '-':
        output = Output('jsonl')
        yield lambda letter: output.one(message_fields(letter.received), str)
        return
    path = Path(file)
    with create_line_file(path, 'the export') as lines:
        try:
            yield lambda letter: lines.write([message_line(letter.received)])
            lines.sync()
        except BaseException as error:
            path.unlink(missing_ok=True)
            if not isinstance(error, OSError):
                raise
            problem = f'{path} cannot be written: {error.strerror or error}'
            raise CommandError(f'{problem}. It is deleted, and all messages stay') from error
