"""`mega dead-letters redrive`: sends dead letters to their queue again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator

import click

from mega.cli.confirmation import check_can_ask, yes_option
from mega.cli.dead_letters.destinations import Destinations
from mega.cli.dead_letters.editing import edited
from mega.cli.dead_letters.kept import KeptError
from mega.cli.dead_letters.letters import DeadLetter, missing_ids
from mega.cli.dead_letters.queue import READS_PER_SECOND, DeadLetterQueue
from mega.cli.dead_letters.redrive import KEPT, PLANNED, REDRIVEN, Redrive, RedrivePass
from mega.cli.dead_letters.selection import Selection, selection_options
from mega.cli.exit_status import FAILURE, SUCCESS, CommandError
from mega.cli.explanations import explained_message
from mega.cli.options import app_dir_option, aws_options, output_options, receive_options
from mega.cli.output import Output, Record, counted, notify
from mega.cli.pace import Pace
from mega.cli.queues import find_dead_letter_queue, find_queue
from mega.cli.target import load_listener
from mega.errors import single_line

__all__ = ('command',)

MESSAGES_PER_SECOND = 10
"""The hold of a pass outlasts one that is as slow as this."""

MAX_LINES = 20
"""Lines of a summary, at most."""


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
@output_options
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
    if dry_run:
        tally = _pass(redrive, RedrivePass.planned, lambda each: output.many(each, _render))
        return tally.exit_code
    if not yes:
        tally = _pass(redrive, RedrivePass.planned, lambda each: deque(each, maxlen=0))
        if not tally.statuses[PLANNED]:
            notify('\n'.join(tally.lines()) or 'No message is selected.')
            return tally.exit_code
        _confirm(tally)
    return _perform(redrive, rate, output)


class Tally:
    """Counts records by their status, and by their destination or problem."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()

    @property
    def exit_code(self) -> int:
        return FAILURE if self.statuses[KEPT] else SUCCESS

    def count(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records, and count them."""
        for record in records:
            self.statuses[record['status']] += 1
            problem, destination = record['problem'], record['destination']
            self._outcomes[f'to {destination}' if problem is None else f'kept: {problem}'] += 1
            yield record

    def lines(self) -> list[str]:
        """Return a line for each destination and problem, the most frequent ones first."""
        lines = [
            f'{counted(number, "message")} {single_line(outcome)}'
            for outcome, number in self._outcomes.most_common(MAX_LINES)
        ]
        left = len(self._outcomes) - len(lines)
        return [*lines, f'and {left:,} other destinations and problems'] if left else lines


def _pass(
    redrive: Redrive,
    records: Callable[[RedrivePass], Iterator[Record]],
    consume: Callable[[Iterator[Record]], object],
    tally: Tally | None = None,
    per_second: float = READS_PER_SECOND,
) -> Tally:
    """Make one pass, and let `consume` have its records.

    Raises:
        CommandError: if no message has one of the selected ids.
    """
    tally = tally or Tally()
    with redrive.queue.holding(per_second) as held:
        redrive_pass = RedrivePass(redrive, held)
        consume(tally.count(records(redrive_pass)))
    if redrive_pass.missing_ids:
        raise CommandError(missing_ids(redrive_pass.missing_ids, redrive.queue.url))
    return tally


def _confirm(tally: Tally) -> None:
    """Ask the user, who may end the command."""
    for line in tally.lines():
        notify(line)
    click.confirm(f'Redrive {counted(tally.statuses[PLANNED], "message")}?', abort=True, err=True)


def _perform(redrive: Redrive, rate: float | None, output: Output) -> int:
    tally = Tally()
    try:
        _pass(
            redrive,
            RedrivePass.performed,
            lambda each: output.many(each, _render),
            tally,
            min(MESSAGES_PER_SECOND, rate or MESSAGES_PER_SECOND),
        )
    finally:
        redriven, kept = tally.statuses[REDRIVEN], tally.statuses[KEPT]
        notify(f'Redriven: {redriven:,}, kept: {kept:,}. All other messages stay as they were.')
    return tally.exit_code


def _check(target: str, app_dir: str) -> Callable[[DeadLetter], None]:
    """Return a check that keeps the letters that the listener of a target does not process."""
    listener = load_listener(target, app_dir)

    def check(letter: DeadLetter) -> None:
        explained = explained_message(listener, letter.received)
        if not explained['matches']:
            raise KeptError(explained.get('problem', f'no subscriber of {target} matches'))

    return check


def _render(record: Record) -> str:
    id, problem = click.style(single_line(record['id']), bold=True), record['problem']
    if problem is not None:
        return f'{id}  {click.style("kept", fg="yellow")}: {single_line(problem)}'
    if record['status'] == PLANNED:
        return f'{id}  would be redriven to {record["destination"]}'
    return f'{id}  redriven to {record["destination"]} as {single_line(record["sent_id"])}'
