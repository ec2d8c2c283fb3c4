"""`mega decode`: the payload in a body, or in the messages of an AWS answer or a Lambda event."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec

from mega.aws.lambda_.records import is_message_event, read_records
from mega.cli.exit_status import FAILURE, SUCCESS, CommandError
from mega.cli.message_json import received_messages
from mega.cli.message_view import message_record, render_message
from mega.cli.options import output_options
from mega.cli.output import Output, Record
from mega.cli.payload_argument import read_text
from mega.errors import DecodeError

__all__ = ('command', 'decoded_records')

LAMBDA = 'Lambda event'
RECEIVE = 'ReceiveMessage answer'
ENVELOPE = 'SNS envelope'
POINTER = 'S3 pointer'


@click.command('decode')
@click.argument('file', type=click.Path(allow_dash=True), default='-')
@output_options
def command(file: str, output: Output) -> int:
    """Show the payload in FILE, or in stdin: its kind, its wrapping, and its problems.

    FILE contains the body of a message, an envelope of SNS, an answer of `aws sqs receive-message`,
    or an event of AWS Lambda. Nothing is fetched: a body in S3 is shown as its pointer. The exit
    code is 1 if a message cannot be opened.
    """
    records = decoded_records(read_text('-' if file == '-' else f'@{file}').strip())
    if len(records) == 1 and records[0]['wrapping'][:1] not in ([LAMBDA], [RECEIVE]):
        output.one(records[0], render_message)
    else:
        output.many(records, render_message)
    return FAILURE if any(record['kind'] == 'invalid' for record in records) else SUCCESS


def decoded_records(text: str) -> list[Record]:
    """Return the record of each message in a text, as `message_record` does, with its `wrapping`.

    The wrapping is a list from the outside to the inside, such as
    `['Lambda event', 'SNS envelope']`. It is empty for a body alone.

    Raises:
        DecodeError: for an invalid message in a Lambda event or an answer. The error names it.
        CommandError: for an empty text.
    """
    if not text:
        raise CommandError('the input is empty')
    document = _document(text)
    if is_message_event(document):
        return [_record(each.received, LAMBDA) for each in read_records(document)]
    messages = _messages_in(document)
    if messages is not None:
        return [_record(each, RECEIVE) for each in messages]
    return [_record({'Body': text})]


def _document(text: str) -> object:
    """Return the JSON value of a text; None if it has none."""
    try:
        return json.loads(text) if text.startswith(('{', '[')) else None
    except (ValueError, RecursionError):
        return None


def _messages_in(document: object) -> list[dict[str, Any]] | None:
    """Return the messages in an answer of ReceiveMessage, or in a part of it; None for others."""
    if isinstance(document, dict):
        document = document.get('Messages', [document])
    if not isinstance(document, list) or not document:
        return None
    if not all(isinstance(each, dict) and each.keys() >= _FIELDS for each in document):
        return None
    try:
        return received_messages(document)
    except msgspec.ValidationError as error:
        raise DecodeError(str(error), RECEIVE) from None


_FIELDS = {'MessageId', 'Body'}


def _record(received: dict[str, Any], source: str | None = None) -> Record:
    record = message_record(received)
    parts = {
        source: source is not None,
        ENVELOPE: 'topic_arn' in record,
        POINTER: 'pointer' in record,
    }
    return {**record, 'wrapping': [part for part, is_present in parts.items() if is_present]}
