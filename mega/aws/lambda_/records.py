"""The records of a Lambda event as messages in the shape of ReceiveMessage.

    SQS   {'messageId': 'm-1', 'body': 'text', ...}  ->  {'MessageId': 'm-1', 'Body': 'text', ...}
    SNS   {'Sns': {'Message': 'text', ...}}          ->  a body that is the envelope of SNS

The names in a record of SQS begin with a lower-case letter, and a binary value is Base64. A
function that subscribes to a topic gets the envelope as an object. As a body, it is opened like
that of a queue.
EventBridge Pipes invokes a function with the list of records alone.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from mega.errors import DecodeError, join_path, safe_repr

__all__ = ('is_message_event', 'read_records')

_FORMAT = 'Lambda event'


def is_message_event(event: object) -> bool:
    """Return whether an object is an event with records of SQS or SNS, and no others.

    Other services send events with `Records`, too. S3 also sends them through queues.
    """
    records = _records(event)
    return bool(records) and all(_source(record) in _READERS for record in records or ())


def read_records(event: object) -> list[dict[str, Any]]:
    """Return the messages of a Lambda event, each as ReceiveMessage returns it, in order.

    A message of SNS has the id that SNS gave it, and an empty receipt handle.

    Raises:
        DecodeError: for an event without records, and for a record that is not of SQS or SNS. The
            error names the record.
    """
    records = _records(event)
    if records is None:
        raise DecodeError('it has no list of Records', _FORMAT)
    return [_read(record, join_path('Records', place)) for place, record in enumerate(records)]


class _Attribute(Struct, rename='camel'):
    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None


class _SqsRecord(Struct, rename='camel'):
    message_id: str
    body: str
    receipt_handle: str
    attributes: dict[str, str] = {}
    message_attributes: dict[str, _Attribute] = {}


class _SnsMessage(Struct, rename='pascal'):
    message_id: str


def _records(event: object) -> list[Any] | None:
    records = event.get('Records') if isinstance(event, dict) else event
    return records if isinstance(records, list) else None


def _source(record: object) -> object:
    if not isinstance(record, dict):
        return None
    source = record.get('eventSource', record.get('EventSource'))  # SNS begins with a capital
    return source if isinstance(source, str) else None


def _read(record: Any, path: str) -> dict[str, Any]:
    source = _source(record)
    if source not in _READERS:
        problem = f'{path} is of the source {safe_repr(source)}, not aws:sqs or aws:sns'
        raise DecodeError(problem, _FORMAT)
    try:
        return _READERS[source](record)
    except msgspec.ValidationError as error:
        raise DecodeError(f'{path}: {error}', _FORMAT) from None


def _read_sqs(record: dict[str, Any]) -> dict[str, Any]:
    found = msgspec.convert(record, _SqsRecord)
    return {
        'MessageId': found.message_id,
        'ReceiptHandle': found.receipt_handle,
        'Body': found.body,
        'Attributes': found.attributes,
        'MessageAttributes': {
            name: _to_aws(attribute) for name, attribute in found.message_attributes.items()
        },
    }


def _read_sns(record: dict[str, Any]) -> dict[str, Any]:
    envelope = record.get('Sns')
    found = msgspec.convert(envelope, _SnsMessage)
    body = json.dumps(envelope, ensure_ascii=False, separators=(',', ':'))
    return {'MessageId': found.message_id, 'ReceiptHandle': '', 'Body': body}


_READERS = {'aws:sqs': _read_sqs, 'aws:sns': _read_sns}


def _to_aws(attribute: _Attribute) -> dict[str, Any]:
    value = {'StringValue': attribute.string_value, 'BinaryValue': attribute.binary_value}
    given = {name: text for name, text in value.items() if text is not None}
    return {'DataType': attribute.data_type, **given}
