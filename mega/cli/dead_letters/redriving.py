"""`mega dead-letters redrive`: sends dead letters to their queue again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from mega.cli.confirmation import check_can_ask, confirm, yes_option
from mega.cli.dead_letters.destinations import Destinations
from mega.cli.dead_letters.editing import edited
from mega.cli.dead_letters.kept import KeptError
from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.dead_letters.passes import KEPT, PLANNED, Passes, Tally, render_record
from mega.cli.dead_letters.queue import DeadLetterQueue
from mega.cli.dead_letters.redrive import REDRIVEN, Redrive, RedrivePass
from mega.cli.dead_letters.selection import Selection, selection_options
from mega.cli.explanations import explained_message
from mega.cli.options import app_dir_option, aws_options, effects_output_options, receive_options
from mega.cli.output import Output, Record, counted, notify
from mega.cli.pace import Pace
from mega.cli.queues import find_dead_letter_queue, find_queue
from mega.cli.target import load_listener

__all__ = ('command',)


@click.command('redrive')
@click.argument('queue')
@selection_options
@click.option('--to', metavar='QUEUE', help='Send to this queue, whatever the source was.')
@click.option(
    '--check',
    'target',
    metavar='TARGET',
    help='Keep the messages that no subscriber of this listener matches.',
)
@click.option('--edit', is_flag=True, help='Open each payload in $VISUAL or $EDITOR first.')
@click.option(
    '--rate',
    type=click.FloatRange(0, min_open=True),
    metavar='N',
    help='Redrive N messages per second at most.',
)
@click.option('--dry-run', is_flag=True, help='Show what would be done, and change nothing.')
@yes_option
@receive_options
@app_dir_option
@aws_options
@effects_output_options
def command(
    queue: str,
    selection: Selection,
    to: str | None,
    target: str | None,
    edit: bool,
    rate: float | None,
    dry_run: bool,
    yes: bool,
    wait: int,
    is_forced: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Send messages of QUEUE to their source queue again, and delete them.

    The source is the queue in the reason of the listener, the queue from which SQS moved the
    message, or the only queue that redrives to QUEUE. Body, attributes and group remain. The
    attribute MegaDeadLetter is removed, and MegaMessageId is the first id of the message.

    Each message is sent and deleted before the next one. If the command is killed, at most one
    message is in both queues. On a FIFO queue, a message that stays also keeps the later ones of
    its group. The exit code is 1 if a selected message stays.
    """
    if dry_run and (yes or edit or rate):
        raise click.UsageError('--yes, --edit and --rate have no effect with --dry-run')
    if not (dry_run or yes):
        check_can_ask()
    check = None if target is None else _check(target, app_dir)
    aws, url = find_dead_letter_queue(queue, app_dir)
    destinations = Destinations(aws, url, None if to is None else find_queue(to, app_dir))
    letters = DeadLetterQueue.read(aws, url, wait, is_forced)
    redrive = Redrive(
        letters, selection, destinations, Pace(rate, aws.clock), check, edited if edit else None
    )
    passes = Passes(letters, partial(RedrivePass, redrive))
    show = partial(output.many, render=_render)
    if dry_run:
        return passes.plan(show).exit_code
    if not yes:
        tally = passes.plan()
        notify('\n'.join(tally.lines()) or 'No message is selected.')
        if not tally.statuses[PLANNED]:
            return tally.exit_code
        planned = counted(tally.statuses[PLANNED], 'message')
        confirm(f'Redrive {planned}, each to all matching subscribers?')
    return passes.perform(show, _report, rate).exit_code


def _report(tally: Tally) -> str:
    redriven, kept = tally.statuses[REDRIVEN], tally.statuses[KEPT]
    return f'Redriven: {redriven:,}, kept: {kept:,}. All other messages stay as they were.'


def _check(target: str, app_dir: str) -> Callable[[DeadLetter], None]:
    """Return a check that keeps the letters that the listener of a target does not process."""
    listener = load_listener(target, app_dir)

    def check(letter: DeadLetter) -> None:
        explained = explained_message(listener, letter.received)
        if not explained['matches']:
            raise KeptError(explained.get('problem', f'no subscriber of {target} matches'))

    return check


def _render(record: Record) -> str:
    redriven = f'redriven to {record["destination"]}'
    is_planned = record['status'] == PLANNED
    return render_record(
        record, f'would be {redriven}' if is_planned else f'{redriven} as {record["sent_id"]}'
    )
