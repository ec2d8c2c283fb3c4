"""`mega explain`: which subscribers of a listener match a payload, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from mega.aws._transport.client import AwsClient
from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import MissingBody, open_message
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.cli.exit_status import FAILURE, SUCCESS, CommandError
from mega.cli.message_view import message_record, render_title
from mega.cli.options import app_dir_option, aws_options, output_options
from mega.cli.output import Output, Record, notify
from mega.cli.payload_argument import read_payload
from mega.cli.queues import find_queue, queue_of_arn, sqs_client
from mega.cli.receiving import holding, read_redrive_policy
from mega.cli.target import load_listener
from mega.errors import MegaError, safe_repr, single_line
from mega.match import Explanations

__all__ = ('command', 'explained_message', 'explanation_records', 'find_dead_letters')

DEFAULT_COUNT = 10

HOLD_SECONDS = 120
"""Seconds until SQS shows the messages again if the command is killed."""


@click.command('explain')
@click.argument('target')
@click.argument('payload', required=False)
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
    target: str,
    payload: str | None,
    queue: str | None,
    count: int | None,
    message_id: str | None,
    wait: int,
    is_forced: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Explain for each subscriber of TARGET why it matches PAYLOAD or not.

    PAYLOAD is text, `-` for stdin or @FILE. Messages of a queue are given back, and SQS counts a
    receive of each. The exit code is 1 if no subscriber matches.
    """
    if sum(each is not None for each in (payload, queue, message_id)) != 1:
        raise click.UsageError('pass PAYLOAD, --queue or --dead-letter: one of them')
    if count is not None and queue is None:
        raise click.UsageError('-n is for --queue')
    listener = load_listener(target, app_dir)
    if payload is not None:
        explanations = listener.explain(read_payload(payload))
        output.all(explanation_records(explanations), lambda records: str(explanations))
        return SUCCESS if explanations.matching else FAILURE
    aws, url = find_queue(queue, app_dir) if queue is not None else find_dead_letters(listener)
    with holding(aws, url, HOLD_SECONDS, wait, is_forced=is_forced) as held:
        if message_id is None:
            messages = held.messages(count or DEFAULT_COUNT)
        else:
            messages = _only(message_id, held.messages(), url)
        records = [explained_message(listener, each) for each in messages]
    output.many(records, _render)
    if not records:
        notify('No message is visible.')
    return SUCCESS if any(record['matches'] for record in records) else FAILURE


def explanation_records(explanations: Explanations[type[MessageSubscriber]]) -> list[Record]:
    """Return one record per subscriber: its name, whether it matches, and the findings."""
    return [
        {
            'subscriber': subscriber.__name__,
            'matches': explanation.matches,
            'findings': [str(finding) for finding in explanation.findings],
        }
        for subscriber, explanation in explanations
    ]


def find_dead_letters(listener: SqsListener) -> tuple[AwsClient, str]:
    """Return the client and the URL of the dead-letter queue of a listener, or of its queue.

    Raises:
        CommandError: if neither has one.
        TransportError: if SQS refuses the redrive policy of the queue.
    """
    if listener.dead_letter_queue_url is not None:
        return sqs_client(listener.dead_letter_queue_url), listener.dead_letter_queue_url
    url = listener.queue_url
    policy = read_redrive_policy(sqs_client(url), url)
    if policy is None:
        problem = 'has no dead_letter_queue_url, and its queue has no redrive policy'
        raise CommandError(f'the listener of {url} {problem}: pass --queue')
    return queue_of_arn(policy.target)


def explained_message(listener: SqsListener, received: dict[str, Any]) -> Record:
    """Return the record of a message, with the explanation of each subscriber.

    The listener's own payload store fetches a body in S3. `subscribers` is empty, and `problem`
    says why, for a message that the listener would not pass to any subscriber.
    """
    record = {**message_record(received), 'matches': False, 'subscribers': []}
    try:
        _, payload = open_message(read_message(received), listener._context.store)
    except MegaError as error:
        return {**record, 'problem': str(error)}
    if isinstance(payload, (SubscriptionNotice, MissingBody)):
        return {**record, 'problem': 'it has no payload'}
    explanations = listener.explain(payload)
    return {
        **record,
        'matches': bool(explanations.matching),
        'subscribers': explanation_records(explanations),
    }


def _only(id: str, messages: Iterable[dict[str, Any]], url: str) -> Iterator[dict[str, Any]]:
    """Yield the message with an id, or with that id before it was sent again.

    Raises:
        CommandError: if no message has it.
    """
    for each in messages:
        if id in (each['MessageId'], read_message(each).origin_id):
            yield each
            return
    raise CommandError(f'{url} has no visible message {safe_repr(id)}')


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
