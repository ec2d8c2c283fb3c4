"""`mega dead-letters import`: sends the messages of a file to a queue."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

import click
import msgspec

from mega.aws._messages.limits import MAX_BYTES, check_attributes, check_body, check_ids, check_size
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.aws._publishing.sender import Sender
from mega.aws.sqs.service import SQS
from mega.cli.dead_letters.letters import DeadLetter, read_letter
from mega.cli.dead_letters.resending import outgoing_message, send
from mega.cli.exit_status import SUCCESS, CommandError
from mega.cli.interruption import deferred_interrupt
from mega.cli.line_files import name_of, open_lines
from mega.cli.message_json import read_message_line
from mega.cli.options import app_dir_option, aws_options, effects_output_options
from mega.cli.output import Output, Record, counted, notify
from mega.cli.progress import with_progress
from mega.cli.queues import find_dead_letter_queue
from mega.errors import EncodeError, PayloadTooLargeError, TransportError, single_line

__all__ = ('command',)


@click.command('import')
@click.argument('file', metavar='FILE')
@click.argument('queue')
@app_dir_option
@aws_options
@effects_output_options
def command(file: str, queue: str, app_dir: str, output: Output) -> int:
    """Send each message in FILE, which `export` or `drop` wrote, to QUEUE; `-` is stdin.

    Body, attributes and group remain, and MegaMessageId is the first id of the message. All lines
    are checked before the first message is sent. On a failure, the line to continue from is
    printed.
    """
    aws, url = find_dead_letter_queue(queue, app_dir)
    source = name_of(file)
    with _seekable(file) as lines:
        try:
            total = sum(1 for _ in _messages(lines, source, url))
        except CommandError as error:
            raise CommandError(f'{error}; nothing was imported') from error
        lines.seek(0)
        importing = Import(Sender(aws, SQS, url))
        records = importing.records(_messages(lines, source, url))
        try:
            output.many(with_progress(records, total, 'imported'), _render)
        except BaseException:
            report = f'{counted(importing.count, "message")} imported'
            notify(f'{report}; continue from line {importing.next_line:,} of {source}')
            raise
    notify(f'{counted(importing.count, "message")} imported into {url}')
    return SUCCESS


class Import:
    """Sends messages one after another. `next_line` is the line of the first that was not sent."""

    def __init__(self, sender: Sender) -> None:
        self.count = 0
        self.next_line = 1
        self._sender = sender

    def records(
        self, messages: Iterable[tuple[int, DeadLetter, OutgoingMessage]]
    ) -> Iterator[Record]:
        """Send messages, and yield the line, the old and the new id of each.

        Ctrl-C has its effect between two messages.

        Raises:
            TransportError: for the first message that is not sent.
        """
        for number, letter, outgoing in messages:
            self.next_line = number
            with deferred_interrupt():
                sent_id = self._send(outgoing)
                self.count += 1
                self.next_line = number + 1
                yield {'line': number, 'id': letter.id, 'sent_id': sent_id}

    def _send(self, outgoing: OutgoingMessage) -> str:
        try:
            return send(self._sender, outgoing)
        except TransportError as error:
            if error.retriable:
                notify(f'The message in line {self.next_line:,} may have been sent')
            raise


@contextmanager
def _seekable(file: str) -> Iterator[BinaryIO]:
    """Open a file, or a copy of it, so that it can be read twice."""
    with open_lines(file) as lines:
        if lines.seekable():
            yield lines
            return
        with TemporaryFile() as copy:
            shutil.copyfileobj(lines, copy)
            copy.seek(0)
            yield copy


def _messages(
    lines: Iterable[bytes], source: str, url: str
) -> Iterator[tuple[int, DeadLetter, OutgoingMessage]]:
    """Yield the message in each line, with the number of the line, and as it will be sent.

    Raises:
        CommandError: for a line that is not a message, or that SQS would refuse.
    """
    for number, line in enumerate(lines, 1):
        try:
            letter = read_letter(read_message_line(line))
            outgoing = outgoing_message(letter, url, keeps_reason=True)
            check_body(outgoing.body)
            check_attributes(outgoing.attributes)
            check_ids(outgoing.options, url.endswith('.fifo'))
            check_size(outgoing.size, MAX_BYTES)
        except (msgspec.MsgspecError, EncodeError, PayloadTooLargeError) as error:
            raise CommandError(f'line {number:,} of {source}: {error}') from error
        yield number, letter, outgoing


def _render(record: Record) -> str:
    return f'{single_line(record["id"])}  imported as {single_line(record["sent_id"])}'
