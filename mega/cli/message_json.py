"""Messages in JSON, in the form of `aws sqs receive-message`. Bytes are Base64.

{"MessageId": "...", "Body": "...", "Attributes": {...},
"MessageAttributes": {"key": {"DataType": "Binary", "BinaryValue": "AP8="}}}
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from mega.cli.output import Record, json_text

__all__ = ('message_fields', 'message_line', 'read_message_line', 'received_messages')


class _Attribute(Struct, rename='pascal', omit_defaults=True):
    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None


class _Message(Struct, rename='pascal', omit_defaults=True):
    message_id: str
    body: str
    receipt_handle: str = ''
    attributes: dict[str, str] = {}
    message_attributes: dict[str, _Attribute] = {}


def received_messages(documents: object) -> list[dict[str, Any]]:
    """Return a list of messages as boto3 returns them.

    Raises:
        msgspec.ValidationError: for a document that is not one. The error names the path.
    """
    return [_to_boto3(each) for each in msgspec.convert(documents, list[_Message])]


def message_fields(received: dict[str, Any]) -> Record:
    """Return the fields of a message from which it can be sent again.

    The receipt handle is not among them: it ends with the visibility timeout.
    """
    return {name: received[name] for name in _FIELDS if received.get(name)}


def message_line(received: dict[str, Any]) -> bytes:
    """Return these fields as a line of JSON."""
    return f'{json_text(message_fields(received))}\n'.encode()


def read_message_line(line: bytes) -> dict[str, Any]:
    """Return the message in a line of JSON as boto3 returns it.

    Raises:
        msgspec.MsgspecError: for a line that is not a message.
    """
    try:
        return _to_boto3(msgspec.json.decode(line, type=_Message))
    except RecursionError as error:
        raise msgspec.DecodeError('the JSON has too many levels') from error


_FIELDS = ('MessageId', 'Body', 'Attributes', 'MessageAttributes')


def _to_boto3(message: _Message) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(message, builtin_types=(bytes,))
    return found
