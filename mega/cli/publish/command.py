"""`mega publish`: publishes one payload, or the lines of a file, to a queue or a topic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click

from mega.aws._messages.compression import Compression, check_compression
from mega.aws._messages.destinations import check_topic_arn
from mega.aws._messages.limits import MAX_DELAY_SECONDS
from mega.aws._publishing.publisher import MAX_CONCURRENCY
from mega.aws.sns.service import SNS
from mega.aws.sqs.service import SQS
from mega.cli.event_argument import EventName, build_event, event_options, read_pairs
from mega.cli.exit_status import SUCCESS, OutputError
from mega.cli.options import app_dir_option, aws_options, effects_output_options
from mega.cli.output import Output, notify
from mega.cli.payload_argument import read_payload, read_text
from mega.cli.publish.content import Content, RawBody
from mega.cli.publish.destination import Destination
from mega.cli.publish.dry_run import record_of, render
from mega.cli.publish.line_command import LinePlan, print_lines, publish_lines
from mega.cli.publish.message_options import MessageOptions
from mega.cli.queues import find_queue, is_url, name_queue

__all__ = ('command',)


@click.command('publish')
@click.argument('dest')
@click.argument('payload', required=False)
@event_options('Publish an event that happens now, instead of PAYLOAD.')
@click.option(
    '--attribute',
    'attributes',
    multiple=True,
    callback=read_pairs,
    metavar='NAME=TEXT',
    help='A message attribute. NAME:=5 is a number. Repeatable.',
)
@click.option(
    '--group', metavar='ID', help='The message group on FIFO, the tenant on a fair queue.'
)
@click.option('--dedup', metavar='ID', help='The deduplication id, for FIFO only.')
@click.option(
    '--delay',
    type=click.IntRange(0, MAX_DELAY_SECONDS),
    metavar='SECONDS',
    help='Hide the message at first. For standard queues only.',
)
@click.option('--subject', metavar='TEXT', help='The subject, for topics only.')
@click.option('--bson', is_flag=True, help='Encode as BSON in Base64 instead of JSON.')
@click.option(
    '--compression',
    type=click.Choice(get_args(Compression)),
    help='Compress the body, if that makes it smaller.',
)
@click.option('--raw', is_flag=True, help='Publish PAYLOAD as the body, exactly as it is.')
@click.option(
    '--from',
    'source',
    type=click.Path(allow_dash=True),
    metavar='FILE',
    help='Publish each line of a file, or of stdin with `-`: a JSON object, or a JSON string, '
    'which is a text.',
)
@click.option(
    '--concurrency',
    type=click.IntRange(1, MAX_CONCURRENCY),
    metavar='N',
    help='Requests of ten lines at a time. Default: 1.',
)
@click.option(
    '--rate',
    type=click.FloatRange(min=0, min_open=True),
    metavar='N',
    help='Publish N lines per second at most.',
)
@click.option(
    '--failures',
    type=click.Path(path_type=Path),
    metavar='FILE',
    help='Write the lines that fail to a new file, and continue.',
)
@click.option(
    '--dry-run', 'is_dry_run', is_flag=True, help='Print the messages and their bytes, without AWS.'
)
@app_dir_option
@aws_options
@effects_output_options
def command(
    dest: str,
    payload: str | None,
    event: EventName | None,
    event_attributes: dict[str, Any],
    attributes: dict[str, Any],
    group: str | None,
    dedup: str | None,
    delay: int | None,
    subject: str | None,
    bson: bool,
    compression: Compression | None,
    raw: bool,
    source: str | None,
    concurrency: int | None,
    rate: float | None,
    failures: Path | None,
    is_dry_run: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Publish PAYLOAD to DEST, and print the id of the message.

    DEST is the URL, the ARN or the name of a queue, module:listener for that of a listener, or the
    ARN of a topic.

    PAYLOAD is text, `-` for stdin or @FILE. A JSON object is an event or a data object. Any other
    text is a text payload, and is never fetched or expanded.

    --from publishes ten lines in a request. It stops where a line fails, and says from which line
    to continue. With --failures it collects these lines instead, and the exit code is 1.
    """
    _check_usage(click.get_current_context().params)
    options = MessageOptions.of_given(
        attributes,
        bson,
        check_compression('--compression', compression),
        message_group_id=group,
        message_deduplication_id=dedup,
        delay_seconds=delay,
        subject=subject,
    )
    if source is not None:
        destination = _find_destination(dest, app_dir, is_dry_run=is_dry_run)
        if is_dry_run:
            print_lines(destination, source, options, output)
            return SUCCESS
        plan = LinePlan(source, concurrency or 1, rate, failures)
        return publish_lines(destination, plan, options, output)
    content = _content(payload or '', event, event_attributes, is_raw=raw)
    destination = _find_destination(dest, app_dir, is_dry_run=is_dry_run)
    if is_dry_run:
        output.one(record_of(destination, content, options), render)
    else:
        _print_id(_publish(destination, content, options), destination, output)
    return SUCCESS


_LABELS = {'event_attributes': '-a', 'source': '--from', 'payload': 'PAYLOAD'}
"""Parameters whose option has another name."""

_NEEDS = {
    'event_attributes': 'event',
    'concurrency': 'source',
    'rate': 'source',
    'failures': 'source',
}
_EXCLUDES = (('raw', 'event'), ('raw', 'bson'), ('raw', 'source'), ('dedup', 'source'))


def _check_usage(given: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other, or would have no effect.

    Raises:
        click.UsageError: with both options.
    """
    if sum(given[name] is not None for name in ('payload', 'event', 'source')) != 1:
        raise click.UsageError('pass PAYLOAD, --event or --from: one of them')
    for name, needed in _NEEDS.items():
        if given[name] and given[needed] is None:
            raise click.UsageError(f'{_label(name)} is only for {_label(needed)}')
    for name, other in _EXCLUDES:
        if given[name] and given[other]:
            raise click.UsageError(f'{_label(name)} and {_label(other)} exclude each other')


def _label(name: str) -> str:
    return _LABELS.get(name, f'--{name}')


def _find_destination(text: str, app_dir: str, *, is_dry_run: bool) -> Destination:
    """Return the destination that a text names. A dry run does not call AWS.

    Raises:
        ConfigurationError: for a text that names neither a queue nor a topic.
        TargetError: for a listener that cannot be loaded.
        TransportError: if SQS does not return the URL of a name or an ARN.
    """
    if text.startswith('arn:') and text.split(':')[2:3] == ['sns']:
        return Destination(check_topic_arn('DEST', text), SNS)
    name = name_queue(text, app_dir)
    if not is_dry_run and not is_url(name):
        aws, name = find_queue(name)
        aws.close()
    return Destination(name, SQS)


def _content(
    payload: str, event: EventName | None, event_attributes: dict[str, Any], *, is_raw: bool
) -> Content:
    if event is not None:
        return build_event(event, event_attributes)
    return RawBody(read_text(payload)) if is_raw else read_payload(payload)


def _publish(destination: Destination, content: Content, options: MessageOptions) -> str:
    """Publish one message, and return its id."""
    options.for_aws(destination)
    given = {'message_attributes': options.attributes, **options.options}
    with destination.open_publisher(options.compression) as publisher:
        if isinstance(content, RawBody):
            return publisher.publish_raw_message(content.text, **given)
        return publisher.publish(content, options.binary_encoding, **given)


def _print_id(id: str, destination: Destination, output: Output) -> None:
    try:
        output.one({'id': id, 'destination': destination.name}, lambda _: id)
    except OutputError:
        notify(f'The message was sent: {id}')
        raise
