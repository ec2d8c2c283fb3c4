"""`mega explain`: which subscribers of a listener match a payload, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from mega.cli.dead_letters.letters import find_letter, read_letter
from mega.cli.event_argument import EventName, build_event, event_options
from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.explanations import explained_message, explanation_records
from mega.cli.message_view import render_title
from mega.cli.options import app_dir_option, aws_options, output_options, receive_options
from mega.cli.output import Output, Record, notify
from mega.cli.payload_argument import read_payload
from mega.cli.queues import dead_letter_queue_of, find_queue
from mega.cli.receiving import holding, notify_of_receives
from mega.cli.target import load_listener, load_with_subscribers
from mega.errors import single_line

__all__ = ('command',)

DEFAULT_COUNT = 10

HOLD_SECONDS = 120
"""Seconds until SQS shows the messages again if the command is killed."""


@click.command('explain')
@click.argument('target')
@click.argument('payload', required=False)
@event_options('Explain an event that happens now, instead of PAYLOAD.')
@click.option('--queue', metavar='QUEUE', help='Explain messages of this queue instead.')
@click.option(
    '-n',
    '--count',
    type=click.IntRange(1),
    metavar='N',
    help=f'Receive N messages of --queue at most. Default: {DEFAULT_COUNT}.',
)
@click.option(
    '--dead-letter',
    'message_id',
    metavar='ID',
    help='Explain this message in the dead-letter queue of the listener.',
)
@receive_options
@app_dir_option
@aws_options
@output_options
def command(
    target: str,
    payload: str | None,
    event: EventName | None,
    event_attributes: dict[str, Any],
    queue: str | None,
    count: int | None,
    message_id: str | None,
    wait: int,
    is_forced: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Explain for each subscriber of TARGET why it matches PAYLOAD or not.

    PAYLOAD is text, `-` for stdin or @FILE. TARGET is a listener or, for PAYLOAD and --event, a
    handler of Lambda. Messages of a queue are given back, and SQS counts a receive of each. The
    exit code is 1 if no subscriber matches.
    """
    if sum(each is not None for each in (payload, event, queue, message_id)) != 1:
        raise click.UsageError('pass PAYLOAD, --event, --queue or --dead-letter: one of them')
    if event_attributes and event is None:
        raise click.UsageError('-a is only for --event')
    if count is not None and queue is None:
        raise click.UsageError('-n is for --queue')
    if payload is not None or event is not None:
        given = build_event(event, event_attributes) if event else read_payload(payload or '')
        explanations = load_with_subscribers(target, app_dir).explain(given)
        output.all(explanation_records(explanations), lambda records: str(explanations))
        return SUCCESS if explanations.matching else FAILURE
    listener = load_listener(target, app_dir)
    aws, url = find_queue(queue, app_dir) if queue is not None else dead_letter_queue_of(listener)
    with holding(aws, url, HOLD_SECONDS, wait, is_forced=is_forced) as held:
        notify_of_receives(url)
        messages: Iterable[dict[str, Any]]
        if message_id is None:
            messages = held.messages(count or DEFAULT_COUNT)
        else:
            messages = [find_letter(message_id, map(read_letter, held.messages()), url).received]
        records = [explained_message(listener, each) for each in messages]
    output.many(records, _render)
    if not records:
        notify('No message is visible.')
    return SUCCESS if any(record['matches'] for record in records) else FAILURE


def _render(record: Record) -> str:
    lines = [render_title(record)]
    if 'problem' in record:
        lines.append(f'  problem: {single_line(record["problem"])}')
    lines += (f'  {each["subscriber"]}: {_in_short(each)}' for each in record['subscribers'])
    return '\n'.join(lines)


def _in_short(explained: Record) -> str:
    """Return the first condition that failed, as `str()` of explanations does."""
    failed = (finding for finding in explained['findings'] if not finding.startswith('+'))
    return 'matches' if explained['matches'] else str(next(failed))[2:]
