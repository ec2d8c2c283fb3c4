"""Messages as AWS would get them: the body, the attributes, the options, and the bytes that count.

They are encoded and checked by the functions of the publishers. Only AWS knows the limit of a queue
or a topic, so that the largest limit counts here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mega.aws._messages.limits import MAX_BYTES
from mega.aws._publishing.encoder import (
    build_message,
    compress_message,
    encode_body,
    encode_payload,
)
from mega.cli.exit_status import CommandError
from mega.cli.message_view import message_record, render_title
from mega.cli.output import Record, escaped, json_text
from mega.cli.publish.content import Content, RawBody
from mega.cli.publish.destination import Destination
from mega.cli.publish.lines import Line
from mega.cli.publish.message_options import MessageOptions
from mega.errors import MegaError, single_line

__all__ = ('record_of', 'records_of', 'render')


def record_of(destination: Destination, content: Content, options: MessageOptions) -> Record:
    """Return the message of a content. Its `kind` is what a listener would open.

    Raises:
        EncodeError, EventError, PayloadTooLargeError: if no message can carry the content.
    """
    if isinstance(content, RawBody):
        body, attributes = encode_body(content.text, options.attributes)
    else:
        body, attributes = encode_payload(content, options.binary_encoding, options.attributes)
    given = options.for_aws(destination)
    plain = build_message(destination.api, destination.name, body, attributes, given)
    message = compress_message(destination.name, plain, options.compression)
    destination.api.check_size(message.body, message.attributes, message.size, MAX_BYTES)
    opened = message_record({'Body': message.body, 'MessageAttributes': message.attributes})
    problem = {'problem': opened['problem']} if 'problem' in opened else {}
    return {
        'kind': opened['kind'],
        **problem,
        'size': message.size,
        'attributes': message.attributes,
        'options': message.options,
        'body': message.body,
    }


def records_of(
    destination: Destination, lines: Iterable[Line], options: MessageOptions, source: str
) -> Iterator[Record]:
    """Yield the message of each line.

    Raises:
        CommandError: for a line that no message can carry.
    """
    for line in lines:
        try:
            if line.error is not None:
                raise line.error
            record = record_of(destination, line.payload, options)
        except MegaError as error:
            raise CommandError(f'line {line.number:,} of {source}: {error}') from error
        yield {'line': line.number, **record}


def render(record: Record) -> str:
    """Return the text of a message. Its body is complete."""
    number = f'line {record["line"]:,}  ' if 'line' in record else ''
    lines = [f'{number}{render_title(record)}']
    if 'problem' in record:
        lines.append(f'  problem: {single_line(record["problem"])}')
    lines += (
        f'  {name}: {json_text(record[name])}' for name in ('attributes', 'options') if record[name]
    )
    return '\n'.join([*lines, escaped(record['body'])])
