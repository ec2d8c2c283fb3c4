"""The limits of SQS and SNS, checked before a request.

The functions are pure. Their errors name the value, its path and the limit. The limits come from
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html and
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import cache
from typing import Any

from mega.errors import (
    EncodeError,
    PayloadTooLargeError,
    check_whole_seconds,
    join_path,
    safe_repr,
)

__all__ = (
    'ALWAYS_ALLOWED_BYTES',
    'DEFAULT_MAX_MESSAGE_BYTES',
    'MAX_ATTRIBUTES',
    'MAX_BATCH_ENTRIES',
    'MAX_BYTES',
    'check_attributes',
    'check_body',
    'check_delay',
    'check_ids',
    'check_size',
    'check_size_in_envelope',
    'check_subject',
    'size_in_envelope',
    'size_of',
)

MAX_BYTES = 1_048_576
"""Bytes of the largest message, and of the largest batch, that SQS accepts."""

DEFAULT_MAX_MESSAGE_BYTES = 262_144
"""The limit of a destination that does not report one: the limit of old queues and topics."""

ALWAYS_ALLOWED_BYTES = 1_024
"""The smallest limit that a queue or topic can be configured to have."""

MAX_BATCH_ENTRIES = 10
MAX_ATTRIBUTES = 10
MAX_DELAY_SECONDS = 900
MAX_ID_LENGTH = 128
MAX_NAME_LENGTH = 256
MAX_SUBJECT_LENGTH = 99

ENVELOPE_BYTES = 2_048
"""Bytes of the fields that SNS adds around a body and its attributes, at most."""

ALWAYS_FITS_WRAPPED = 131_072
"""A message of at most this size fits into a queue, even if SNS escapes each of its characters."""

_NAME = re.compile(r'(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)', re.A)
_TYPES = ('String', 'Number', 'Binary')
_LABELLED_TYPE = re.compile(r'(?:String|Number|Binary)\..+')
_NUMBER = re.compile(r'[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?', re.A)
_CONTROL_CHARACTER = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_FIFO_ID = re.compile(r'[\x21-\x7e]{1,128}')


@cache
def _invalid_character() -> re.Pattern[str]:
    # Compiled at the first use: that takes as long as the import of a large module.
    return re.compile('[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def size_of(body: str, attributes: dict[str, Any]) -> int:
    """Return the size that AWS counts: the body, and the name, type and value of each attribute."""
    size = _bytes_of(body)
    for name, attribute in attributes.items():
        value = attribute.get('BinaryValue', attribute.get('StringValue', ''))
        size += _bytes_of(name) + _bytes_of(attribute.get('DataType', ''))
        size += len(value) if isinstance(value, bytes | bytearray) else _bytes_of(value)
    return size


def _bytes_of(text: str) -> int:
    # A message for a dead-letter queue may contain half of a surrogate pair. AWS refuses it, and
    # counting its bytes must not raise an error in the listener.
    return len(text) if text.isascii() else len(text.encode(errors='surrogatepass'))


def check_body(body: str) -> None:
    """Refuse an empty body, and a body with a character that SQS refuses.

    Raises:
        EncodeError: with the code point and its position.
    """
    if not body:
        raise EncodeError('', 'is empty: SQS and SNS refuse an empty body')
    if problem := _character_error(body):
        raise EncodeError('', problem)


def check_attributes(attributes: dict[str, Any]) -> None:
    """Refuse more than ten attributes, and a name, type or value that AWS refuses.

    Raises:
        EncodeError: with the path of the attribute.
    """
    if len(attributes) > MAX_ATTRIBUTES:
        problem = f'are {len(attributes)}, with those that the publisher adds; the limit is 10'
        raise EncodeError('message_attributes', problem)
    for name, attribute in attributes.items():
        if found := _name_error(name) or _attribute_error(attribute):
            raise EncodeError(join_path('message_attributes', str(name)), found)


def check_size(size: int, limit: int) -> None:
    """Refuse a message that is larger than the limit of its destination.

    Raises:
        PayloadTooLargeError: with both numbers.
    """
    if size > limit:
        raise PayloadTooLargeError(size, limit)


def check_size_in_envelope(body: str, attributes: dict[str, Any], size: int) -> None:
    """Refuse a message to a topic that, with the envelope of SNS, is too large for every queue.

    Only a queue with raw message delivery would receive it. Other queues would lose it.

    Raises:
        PayloadTooLargeError: with the size in the envelope.
    """
    if size > ALWAYS_FITS_WRAPPED:
        check_size(size_in_envelope(body, attributes), MAX_BYTES)


def size_in_envelope(body: str, attributes: dict[str, Any]) -> int:
    """Return an upper bound of the size of a message in the envelope of SNS, in bytes."""
    wrapped: list[Any] = [body]
    for name, attribute in attributes.items():
        value = _value_in_envelope(attribute)
        wrapped.append({name: {'Type': attribute['DataType'], 'Value': value}})
    in_bytes = sum(len(json.dumps(part, ensure_ascii=False).encode()) for part in wrapped)
    return in_bytes + ENVELOPE_BYTES


def _value_in_envelope(attribute: dict[str, Any]) -> str:
    if 'BinaryValue' in attribute:
        return b64encode(attribute['BinaryValue']).decode('ascii')
    value: str = attribute['StringValue']
    return value


def check_delay(delay_seconds: object, is_fifo: bool) -> int:
    """Return a delay of 0 to 900 whole seconds. A FIFO queue has one delay for all messages.

    Raises:
        EncodeError: for any other delay, and for any but 0 on a FIFO queue.
    """
    name = 'delay_seconds'
    seconds = check_whole_seconds(name, delay_seconds, 0, MAX_DELAY_SECONDS, error=EncodeError)
    if is_fifo and seconds:
        problem = 'is for standard queues: a FIFO queue has one delay for all messages'
        raise EncodeError(name, problem)
    return seconds


def check_id(name: str, value: object, is_required: bool = False) -> None:
    """Refuse a group or deduplication id that is not 1 to 128 ASCII characters without spaces.

    Raises:
        EncodeError: for such an id, and for a missing id that is required.
    """
    if value is None:
        if is_required:
            raise EncodeError(name, 'is missing: a FIFO destination requires it for every message')
        return
    if not isinstance(value, str) or not _FIFO_ID.fullmatch(value):
        problem = f'must be 1 to {MAX_ID_LENGTH} letters, digits and punctuation of ASCII'
        raise EncodeError(name, f'is {safe_repr(value)}: {problem}')


def check_ids(options: dict[str, Any], is_fifo: bool) -> None:
    """Refuse ids that a FIFO or a standard destination refuses, and missing ids.

    Raises:
        EncodeError: for such an id.
    """
    check_id('message_group_id', options.get('MessageGroupId'), is_required=is_fifo)
    deduplication_id = options.get('MessageDeduplicationId')
    if deduplication_id is not None and not is_fifo:
        raise EncodeError('message_deduplication_id', 'is for FIFO destinations only')
    check_id('message_deduplication_id', deduplication_id)


def check_subject(subject: object) -> None:
    """Refuse a subject that is not one line of 1 to 99 characters.

    Raises:
        EncodeError: for such a subject.
    """
    if subject is None:
        return
    if not isinstance(subject, str) or not subject:
        raise EncodeError('subject', f'is {safe_repr(subject)}: must be a str that is not empty')
    if len(subject) > MAX_SUBJECT_LENGTH:
        problem = f'has {len(subject)} characters; the limit is {MAX_SUBJECT_LENGTH}'
        raise EncodeError('subject', problem)
    if found := _CONTROL_CHARACTER.search(subject):
        problem = f'U+{ord(found[0]):04X} at character {found.start()}'
        raise EncodeError('subject', f'contains {problem}, a line break or a control character')


def _character_error(text: str) -> str | None:
    if text.isascii() and text.isprintable():  # nearly all texts, in a third of the time
        return None
    found = _invalid_character().search(text)
    if found is None:
        return None
    return f'contains U+{ord(found[0]):04X} at character {found.start()}, which SQS refuses'


def _name_error(name: object) -> str | None:
    if isinstance(name, str) and len(name) > MAX_NAME_LENGTH:
        return f'has a name of {len(name)} characters; the limit is {MAX_NAME_LENGTH}'
    if isinstance(name, str) and _NAME.fullmatch(name):
        return None
    rule = 'letters, digits, _ - and single dots inside, not beginning with AWS. or Amazon.'
    return f'has the invalid name {safe_repr(name)}: must consist of {rule}'


def _attribute_error(attribute: dict[str, Any]) -> str | None:
    kind: Any = attribute.get('DataType')
    if problem := _type_error(kind):
        return problem
    value_key, other_key = 'StringValue', 'BinaryValue'
    if kind.startswith('Binary'):
        value_key, other_key = other_key, value_key
    value = attribute.get(value_key)
    if not isinstance(value, bytes if value_key == 'BinaryValue' else str) or not value:
        return f'has no {value_key}, or an empty one'
    if other_key in attribute:
        return f'has a {other_key}, too, which is not for its type'
    if isinstance(value, bytes):
        return None
    if kind.startswith('Number') and not _NUMBER.fullmatch(value):
        return f'is {safe_repr(value)}, which is not a number'
    return _character_error(value)


def _type_error(kind: object) -> str | None:
    if kind in _TYPES:
        return None
    if not isinstance(kind, str) or not _LABELLED_TYPE.fullmatch(kind) or _character_error(kind):
        return f'has the type {safe_repr(kind)}: must be String, Number or Binary'
    if len(kind.encode()) > MAX_NAME_LENGTH:
        return f'has a type of {len(kind.encode())} bytes; the limit is {MAX_NAME_LENGTH}'
    return None
