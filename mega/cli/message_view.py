"""A received message as a record, and as text for a terminal.

    4f7c...  event  sent 2026-03-01T09:30:00+00:00  received once  312 bytes
      topic: arn:aws:sns:eu-west-1:123456789012:orders
      {
        "protocol": "mega",
        ...

A body is external input. The record contains all of it; the text is bounded, and contains only
printable characters. Nothing is fetched from S3: an offloaded message shows its pointer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import click
from msgspec import structs

from mega.aws._messages.attributes import DEAD_LETTER_ATTRIBUTE
from mega.aws._messages.limits import size_of
from mega.aws.s3.pointer import Pointer
from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.opening import OpenedContent, open_message, unwrap_message
from mega.cli.output import Record, escaped, json_text
from mega.codec import PayloadType, decode
from mega.errors import MegaError, single_line
from mega.event import Payload

__all__ = ('message_record', 'render_message', 'render_summary', 'render_title')

MAX_CHARACTERS = 8_192
MAX_LINES = 200
"""The length of a payload in text output. A longer one would hide the other messages."""

MAX_LABEL_CHARACTERS = 300
"""The length of any other value in text output."""

_KIND_COLORS = {'invalid': 'red', 'offloaded': 'yellow', 'notice': 'yellow'}


def message_record(received: dict[str, Any]) -> Record:
    """Return a message that ReceiveMessage returned as a record.

    `kind` is event, data, text or blob by the payload; `offloaded` for a body in S3, which is not
    fetched; `notice` for a request of SNS to confirm a subscription; `invalid` for a message that
    cannot be opened. The last one has a `problem`, and the `body` that cannot be opened.

    `size` is the number of bytes that SQS counts. `sent` is a datetime. `dead_letter` is the
    reason of a listener that dead-lettered the message. `source_arn` is the queue from which SQS
    moved it. `attributes` are the others, and the attributes in an SNS envelope. A field that the
    message does not have is absent.

    `origin` is the id of the message that was sent first, if it is another one. Never raises a
    `MegaError`.
    """
    message = read_message({'MessageId': '', 'ReceiptHandle': '', **received})
    attributes, dead_letter = dict(message.attributes), _dead_letter(message)
    if dead_letter is not None:
        del attributes[DEAD_LETTER_ATTRIBUTE]
    try:
        opened, content = open_message(message, _PointersOnly())
    except MegaError as error:
        opened, body = _unwrapped(message)
        found = {'kind': 'invalid', 'problem': str(error), 'body': body}
    else:
        found = _content(content, opened.pointer)
    if opened.topic_arn is not None:
        attributes.update(opened.attributes)
    system = received.get('Attributes', {})
    fields = {
        'id': message.id or None,
        'origin': None if opened.origin_id == message.id else opened.origin_id,
        'kind': found.pop('kind'),
        'topic_arn': opened.topic_arn,
        'subject': opened.subject,
        'group_id': message.group_id,
        'receive_count': message.receive_count if 'ApproximateReceiveCount' in system else None,
        'sent': message.sent_time,
        'size': size_of(message.body, received.get('MessageAttributes') or {}),
        'attributes': attributes,
        'dead_letter': dead_letter,
        'source_arn': message.dead_letter_source_arn,
        **found,
    }
    return {name: value for name, value in fields.items() if value is not None}


def render_message(record: Record) -> str:
    """Return the text of a message: at most about 200 lines and 12,000 characters."""
    lines = [render_summary(record), *(f'    {line}' for line in _reason(record))]
    if 'payload' in record or 'body' in record:
        lines += (f'  {line}' for line in _bounded(_payload_text(record)))
    return '\n'.join(lines)


def render_summary(record: Record) -> str:
    """Return the text of a message without its payload or body."""
    return '\n'.join([render_title(record), *(f'  {line}' for line in _labels(record))])


class _PointersOnly:
    """A store that fetches nothing, so that a message keeps its pointer."""

    on_missing = 'raw'

    def fetch(self, pointer: Pointer) -> None:
        return None

    find_stream = fetch

    def open_stream(self, pointer: Pointer) -> NoReturn:
        raise AssertionError('no stream was found')


def _dead_letter(message: Message) -> dict[str, Any] | None:
    text = message.attributes.get(DEAD_LETTER_ATTRIBUTE)
    if not isinstance(text, str):
        return None
    try:
        reason = decode(text, PayloadType.DATA)
    except MegaError:
        return None
    return reason if isinstance(reason, dict) else None


def _unwrapped(message: Message) -> tuple[Message, str]:
    """Return a message that cannot be opened, out of its envelope if that is readable."""
    try:
        return unwrap_message(message)
    except MegaError:
        return message, message.body


def _content(content: OpenedContent, pointer: Pointer | None) -> dict[str, Any]:
    if pointer is not None:
        place = structs.asdict(pointer)
        return {'kind': 'offloaded', 'pointer': {name: place[name] for name in _POINTER_FIELDS}}
    if isinstance(content, SubscriptionNotice):
        return {'kind': 'notice', 'notice': content.kind}
    if isinstance(content, Payload):
        return {'kind': 'event', 'payload': content.to_dict()}
    if isinstance(content, dict):
        return {'kind': 'data', 'payload': content}
    return {'kind': 'text' if isinstance(content, str) else 'blob', 'payload': content}


_POINTER_FIELDS = ('bucket', 'key', 'size')


def render_title(record: Record) -> str:
    """Return the first line of the text of a message."""
    kind, parts = record['kind'], []
    if 'id' in record:
        parts.append(click.style(_line(record['id']), bold=True))
    parts.append(click.style(kind, fg=_KIND_COLORS.get(kind, 'green')))
    if 'sent' in record:
        parts.append(f'sent {record["sent"].isoformat()}')
    if receives := record.get('receive_count'):
        parts.append('received once' if receives == 1 else f'received {receives:,} times')
    return '  '.join([*parts, f'{record["size"]:,} bytes'])


def _labels(record: Record) -> Iterator[str]:
    if record.get('wrapping'):
        yield f'{_label("wrapping")} {" > ".join(record["wrapping"])}'
    for name in ('origin', 'topic_arn', 'subject', 'group_id', 'notice', 'source_arn'):
        if name in record:
            yield f'{_label(name)} {_line(record[name])}'
    for name in ('attributes', 'pointer'):
        if record.get(name):
            yield f'{_label(name)} {_line(json_text(record[name]))}'
    if 'problem' in record:
        yield f'{_label("problem")} {click.style(_line(record["problem"]), fg="red")}'
    if reason := record.get('dead_letter'):
        subscriber = f' in {reason["subscriber"]}' if reason.get('subscriber') else ''
        text = f'{reason.get("error")}{subscriber}: {reason.get("text")}'
        yield f'{_label("dead_letter")} {_line(text)}'


def _reason(record: Record) -> Iterator[str]:
    reason = record.get('dead_letter', {})
    return (f'{_label(name)} {_line(reason[name])}' for name in _REASON_FIELDS if reason.get(name))


_REASON_FIELDS = ('source_queue', 'message_id', 'receive_count', 'first_received', 'dead_lettered')


def _label(name: str) -> str:
    return click.style(f'{name.replace("_", " ")}:', dim=True)


def _payload_text(record: Record) -> str:
    payload = record['payload'] if 'payload' in record else record['body']
    if isinstance(payload, str):
        return escaped(payload[: MAX_CHARACTERS + 1])
    return json_text(payload, indent=2)


def _bounded(text: str) -> list[str]:
    lines = text[:MAX_CHARACTERS].split('\n')
    if len(text) <= MAX_CHARACTERS and len(lines) <= MAX_LINES:
        return lines
    return [*lines[:MAX_LINES], click.style('... cut: -o json prints all', dim=True)]


def _line(value: object) -> str:
    return single_line(str(value), MAX_LABEL_CHARACTERS)
