"""The records of a Lambda event as messages in the shape of ReceiveMessage.

    SQS   {'messageId': 'm-1', 'body': 'text', ...}  ->  {'MessageId': 'm-1', 'Body': 'text', ...}
    SNS   {'Sns': {'Message': 'text', ...}}          ->  a body that is the envelope of SNS

The names in a record of SQS begin with a lower-case letter, and a binary value is Base64. A
function that subscribes to a topic gets the envelope as an object. As a body, it is opened like
that of a queue.
EventBridge Pipes invokes a function with the list of records alone. An event may also be another
mapping, such as an `SQSEvent` of Powertools.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from mega.aws._messages.destinations import queue_name
from mega.aws._messages.digests import md5_of_body
from mega.errors import DecodeError, join_path, safe_repr

__all__ = ('LambdaRecord', 'is_message_event', 'read_records', 'write_record')

_FORMAT = 'Lambda event'


class LambdaRecord(Struct, frozen=True):
    """A record of an event: the message as ReceiveMessage returns it, and the ARN of its queue.

    A message of SNS has the id that SNS gave it, an empty receipt handle, and no queue.
    """

    received: dict[str, Any]
    queue_arn: str | None = None

    @property
    def id(self) -> str:
        """The id of the message."""
        message_id: str = self.received['MessageId']
        return message_id

    @property
    def queue_name(self) -> str | None:
        """The name of the queue."""
        return None if self.queue_arn is None else queue_name(self.queue_arn)

    @property
    def ordered_with(self) -> tuple[str, str | None] | None:
        """The queue and the message group whose order the record keeps; None without an order."""
        if self.queue_arn is None or not self.queue_arn.endswith('.fifo'):
            return None
        return self.queue_arn, self.received['Attributes'].get('MessageGroupId')


def is_message_event(event: object) -> bool:
    """Return whether an object is an event with records of SQS or SNS, and no others.

    Other services send events with `Records`, too. S3 also sends them through queues.
    """
    records = _records(event)
    return bool(records) and all(_source(record) in _READERS for record in records or ())


def read_records(event: object) -> list[LambdaRecord]:
    """Return the records of a Lambda event, in order.

    Raises:
        DecodeError: for an event without records, and for a record that is not of SQS or SNS. The
            error names the event or the record.
    """
    records = _records(event)
    if records is None:
        raise DecodeError(f'it has no records of SQS or SNS: it is {_describe(event)}', _FORMAT)
    return [_read(record, join_path('Records', place)) for place, record in enumerate(records)]


class _Attribute(Struct, rename='camel'):
    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None


_QueueArn = Annotated[str, Meta(pattern=r'\Aarn:[^:]+:sqs:[^:]+:[^:]+:[\w-]+(\.fifo)?\Z')]


class _SqsRecord(Struct, rename='camel'):
    message_id: str
    body: str
    receipt_handle: str
    event_source_arn: _QueueArn = field(name='eventSourceARN')
    attributes: dict[str, str] = {}
    message_attributes: dict[str, _Attribute] = {}


class _SnsMessage(Struct, rename='pascal'):
    message_id: str


def _records(event: object) -> list[Any] | None:
    records = event.get('Records') if isinstance(event, Mapping) else event
    return records if isinstance(records, list) else None


def _source(record: object) -> object:
    if not isinstance(record, dict):
        return None
    source = record.get('eventSource', record.get('EventSource'))  # SNS begins with a capital
    return source if isinstance(source, str) else None


def _describe(event: object) -> str:
    """Return what an event of another kind is, as far as its keys tell."""
    if not isinstance(event, Mapping):
        return safe_repr(event)
    for key, kind in _OTHER_EVENTS.items():
        if key in event:
            return f'{kind}, with {key}={safe_repr(event[key])}'
    return f'an object with the keys {safe_repr(sorted(map(str, event)))}'


_OTHER_EVENTS = {
    'detail-type': 'an event of EventBridge',
    'httpMethod': 'a request of API Gateway or a load balancer',
    'routeKey': 'a request of API Gateway or a function URL',
    'eventSource': 'an event of another source',
    'deliveryStreamArn': 'an event of Firehose',
    'awslogs': 'an event of CloudWatch Logs',
    'triggerSource': 'an event of Cognito',
}
"""The kinds of events that have no list of records, by a key of each."""


def _read(record: Any, path: str) -> LambdaRecord:
    source = _source(record)
    if source not in _READERS:
        problem = f'{path} is of the source {safe_repr(source)}, not aws:sqs or aws:sns'
        raise DecodeError(problem, _FORMAT)
    try:
        return _READERS[source](record)
    except msgspec.ValidationError as error:
        raise DecodeError(f'{path}: {error}', _FORMAT) from None


def _read_sqs(record: dict[str, Any]) -> LambdaRecord:
    found = msgspec.convert(record, _SqsRecord)
    received = {
        'MessageId': found.message_id,
        'ReceiptHandle': found.receipt_handle,
        'Body': found.body,
        'Attributes': found.attributes,
        'MessageAttributes': {
            name: _to_aws(attribute) for name, attribute in found.message_attributes.items()
        },
    }
    return LambdaRecord(received, found.event_source_arn)


def _read_sns(record: dict[str, Any]) -> LambdaRecord:
    envelope = record.get('Sns')
    found = msgspec.convert(envelope, _SnsMessage)
    body = json.dumps(envelope, ensure_ascii=False, separators=(',', ':'))
    received = {'MessageId': found.message_id, 'ReceiptHandle': '', 'Body': body}
    return LambdaRecord(received)


_READERS = {'aws:sqs': _read_sqs, 'aws:sns': _read_sns}


def _to_aws(attribute: _Attribute) -> dict[str, Any]:
    value = {'StringValue': attribute.string_value, 'BinaryValue': attribute.binary_value}
    given = {name: text for name, text in value.items() if text is not None}
    return {'DataType': attribute.data_type, **given}


def write_record(received: dict[str, Any], queue_arn: str) -> dict[str, Any]:
    """Return the record with which Lambda passes a message on. The inverse of `read_records`."""
    attributes = received.get('MessageAttributes', {})
    return {
        'messageId': received['MessageId'],
        'receiptHandle': received['ReceiptHandle'],
        'body': received['Body'],
        'attributes': received.get('Attributes', {}),
        'messageAttributes': {name: _from_aws(each) for name, each in attributes.items()},
        'md5OfBody': md5_of_body(received['Body']),
        'eventSource': 'aws:sqs',
        'eventSourceARN': queue_arn,
        'awsRegion': queue_arn.split(':')[3],
    }


def _from_aws(attribute: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {'stringListValues': [], 'binaryListValues': []}
    if 'StringValue' in attribute:
        found['stringValue'] = attribute['StringValue']
    if 'BinaryValue' in attribute:
        found['binaryValue'] = b64encode(attribute['BinaryValue']).decode()
    return {**found, 'dataType': attribute['DataType']}
