"""`mega dead-letters drop`: deletes dead letters, after a backup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import click

from mega.cli.confirmation import check_can_ask, yes_option
from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.dead_letters.passes import KEPT, PLANNED, Passes, Tally, letter_record, render_record
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.dead_letters.selection import Selection, Selector, selection_options
from mega.cli.exit_status import SUCCESS, CommandError
from mega.cli.interruption import deferred_interrupt
from mega.cli.line_files import LineFile, create_line_file
from mega.cli.message_json import message_line
from mega.cli.options import app_dir_option, aws_options, effects_output_options, receive_options
from mega.cli.output import Output, Record, counted, notify
from mega.cli.queues import find_dead_letter_queue
from mega.cli.receiving import HeldMessages

__all__ = ('command',)

DROPPED = 'dropped'


@click.command('drop')
@click.argument('queue')
@selection_options
@click.option(
    '--backup',
    type=click.Path(path_type=Path),
    metavar='FILE',
    help='Save the messages in this new file first. Default: the name of the queue and the time, '
    'in the working directory.',
)
@click.option('--no-backup', is_flag=True, help='Save nothing. The messages are lost.')
@click.option('--dry-run', is_flag=True, help='Show what would be done, and change nothing.')
@yes_option
@receive_options
@app_dir_option
@aws_options
@effects_output_options
def command(
    queue: str,
    selection: Selection,
    backup: Path | None,
    no_backup: bool,
    dry_run: bool,
    yes: bool,
    wait: int,
    is_forced: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Delete messages of QUEUE, after a backup, and after the user typed the name of the queue.

    `mega dead-letters import` sends the messages of the backup again. Messages are deleted once the
    backup with them is on the disk. The exit code is 1 if a selected message stays.
    """
    if backup and no_backup:
        raise click.UsageError('--backup and --no-backup exclude each other')
    if dry_run and (yes or backup or no_backup):
        raise click.UsageError('--yes, --backup and --no-backup have no effect with --dry-run')
    if not (dry_run or yes):
        check_can_ask()
    letters = DeadLetterQueue.read(*find_dead_letter_queue(queue, app_dir), wait, is_forced)
    show = partial(output.many, render=_render)
    plan = Passes(letters, partial(DropPass, letters, selection, None))
    if dry_run:
        return plan.plan(show).exit_code
    if not yes:
        planned = plan.plan().statuses[PLANNED]
        if not planned:
            notify('No message is selected.')
            return SUCCESS
        _confirm(letters, planned)
    path = None if no_backup else backup or _backup_path(letters)
    file = nullcontext() if path is None else create_line_file(path, 'the backup')
    with file as lines:
        passes = Passes(letters, partial(DropPass, letters, selection, lines))
        return passes.perform(show, partial(_report, path)).exit_code


class DropPass:
    """One pass that writes the selected letters to the backup, if there is one, and deletes them.

    The letters of one receive are deleted together, when the backup is on the disk.
    """

    def __init__(
        self,
        queue: DeadLetterQueue,
        selection: Selection,
        backup: LineFile | None,
        held: HeldMessages,
    ) -> None:
        self._queue = queue
        self._selector = Selector(selection)
        self._backup = backup
        self._held = held

    @property
    def missing_ids(self) -> list[str]:
        """The selected ids that no message of the pass has."""
        return self._selector.missing_ids

    def planned(self) -> Iterator[list[Record]]:
        """Yield the records of the selected letters, and change nothing."""
        for letters in self._pages():
            yield [letter_record(letter, PLANNED) for letter in letters]

    def performed(self) -> Iterator[list[Record]]:
        """Drop the selected letters, and yield their records.

        Ctrl-C has its effect between two receives.

        Raises:
            CommandError: if the backup cannot be written. Its letters stay.
            TransportError: if a call fails.
        """
        for letters in self._pages():
            with deferred_interrupt():
                self._save(letters)
                problems = self._held.delete([letter.id for letter in letters])
                yield [
                    letter_record(letter, DROPPED, problems.get(letter.id)) for letter in letters
                ]

    def _pages(self) -> Iterator[list[DeadLetter]]:
        for page in self._queue.pages(self._held):
            letters = [letter for letter in page if self._selector.takes(letter)]
            if letters:
                yield letters
            if self._selector.is_done:
                return

    def _save(self, letters: list[DeadLetter]) -> None:
        if self._backup is None:
            return
        try:
            self._backup.write(message_line(letter.received) for letter in letters)
            self._backup.sync()
        except OSError as error:
            problem = f'{self._backup.path} cannot be written: {error.strerror or error}'
            raise CommandError(problem) from error


def _backup_path(queue: DeadLetterQueue) -> Path:
    return Path(f'{queue.name}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.jsonl')


def _confirm(queue: DeadLetterQueue, planned: int) -> None:
    """Let the user type the name of the queue.

    Raises:
        CommandError: for another text.
    """
    question = f'To drop {counted(planned, "message")} of {queue.url}, type its name'
    if click.prompt(question, default='', show_default=False, err=True) != queue.name:
        raise CommandError(f'the name of the queue is {queue.name}; nothing was dropped')


def _report(backup: Path | None, tally: Tally) -> str:
    dropped, kept = tally.statuses[DROPPED], tally.statuses[KEPT]
    saved = f' They are in {backup}.' if backup and dropped else ''
    return f'Dropped: {dropped:,}, kept: {kept:,}.{saved} All other messages stay as they were.'


def _render(record: Record) -> str:
    return render_record(record, 'would be dropped' if record['status'] == PLANNED else 'dropped')
