"""What SQS and SNS refuse, found before the call: the number, where it stands, and the limit.

Pure functions over what is about to be sent. The limits are those of
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html and
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any

from mega.errors import EncodeError, PayloadTooLargeError, check_int, join_path, safe_repr

__all__ = (
    'ALWAYS_ALLOWED_BYTES',
    'DEFAULT_MAX_BYTES',
    'MAX_ATTRIBUTES',
    'MAX_BATCH_ENTRIES',
    'MAX_BYTES',
    'check_attributes',
    'check_body',
    'check_delay',
    'check_ids',
    'check_size',
    'check_subject',
    'check_wrapped_size',
    'size_of',
    'wrapped_size',
)

MAX_BYTES = 1_048_576
"""The largest message, and the largest sum of a batch, that SQS takes at all."""

DEFAULT_MAX_BYTES = 262_144
"""The largest message where the destination does not say: what old queues and topics take."""

ALWAYS_ALLOWED_BYTES = 1_024
"""No queue or topic can be set to take less than this."""

MAX_BATCH_ENTRIES = 10
MAX_ATTRIBUTES = 10
MAX_DELAY_SECONDS = 900
MAX_ID_LENGTH = 128
MAX_NAME_LENGTH = 256
MAX_SUBJECT_LENGTH = 99

ENVELOPE_BYTES = 2_048
"""More than the fields that SNS adds around a body and its attributes."""

ALWAYS_FITS_WRAPPED = 131_072
"""A message of so many bytes fits into a queue even if SNS escapes every character of it."""

_REFUSED = re.compile('[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')
_NAME = re.compile(r'(?!(?:aws|amazon)\.)(?!\.)(?!.*\.\.)[a-z0-9_.-]{1,256}(?<!\.)', re.I | re.A)
_TYPE = re.compile(r'(?:String|Number|Binary)(?:\..+)?')
_NUMBER = re.compile(r'[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?', re.A)
_CONTROL = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_ID = re.compile(r'[\x21-\x7e]{1,128}')


def size_of(body: str, attributes: dict[str, Any]) -> int:
    """The bytes that count: of the body, and of every attribute's name, type and value."""
    size = _bytes_of(body)
    for name, attribute in attributes.items():
        value = attribute.get('BinaryValue', attribute.get('StringValue', ''))
        size += _bytes_of(name) + _bytes_of(attribute.get('DataType', ''))
        size += len(value) if isinstance(value, bytes) else _bytes_of(value)
    return size


def _bytes_of(text: str) -> int:
    # Half of a surrogate pair may come with a message that is on its way to a dead-letter queue:
    # AWS refuses that, and to count it must not end the listener.
    return len(text) if text.isascii() else len(text.encode(errors='surrogatepass'))


def check_body(body: str) -> None:
    """A body is not empty, and every character is one that SQS takes.

    Raises:
        EncodeError: with the code point and its offset.
    """
    if not body:
        raise EncodeError('', 'is empty, and neither SQS nor SNS carries an empty body')
    if problem := _problem_of_characters(body):
        raise EncodeError('', problem)


def check_attributes(attributes: dict[str, Any]) -> None:
    """There are at most ten, ours included, each with a name, type and value that AWS takes.

    Raises:
        EncodeError: with the path of the attribute.
    """
    if len(attributes) > MAX_ATTRIBUTES:
        problem = f'are {len(attributes)}, what the publisher adds included; the limit is 10'
        raise EncodeError('message_attributes', problem)
    for name, attribute in attributes.items():
        if found := _problem_of_name(name) or _problem_of_attribute(attribute):
            raise EncodeError(join_path('message_attributes', str(name)), found)


def check_size(size: int, limit: int) -> None:
    """A message is not larger than its destination takes.

    Raises:
        PayloadTooLargeError: with both numbers.
    """
    if size > limit:
        raise PayloadTooLargeError(size, limit)


def check_wrapped_size(body: str, attributes: dict[str, Any], size: int) -> None:
    """A message to a topic, once SNS has wrapped it, still fits into the largest of queues.

    Only a queue with raw message delivery would get it otherwise: the others would lose it.

    Raises:
        PayloadTooLargeError: with the size that it would come to.
    """
    if size > ALWAYS_FITS_WRAPPED:
        check_size(wrapped_size(body, attributes), MAX_BYTES)


def wrapped_size(body: str, attributes: dict[str, Any]) -> int:
    """The bytes that a message comes to once SNS has wrapped it, and not less."""
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


def check_delay(delay_seconds: object, is_fifo: bool) -> None:
    """A delay is a whole number of seconds, 0 to 900; on a FIFO queue only the queue has one.

    Raises:
        EncodeError: where it is not.
    """
    if delay_seconds is None:
        return
    if is_fifo and delay_seconds != 0:
        raise EncodeError('delay_seconds', 'is for standard queues: a FIFO queue has one for all')
    check_int('delay_seconds', delay_seconds, 0, MAX_DELAY_SECONDS, error=EncodeError)


def check_id(name: str, value: object, is_required: bool = False) -> None:
    """A group or deduplication id is 1 to 128 ASCII characters without spaces.

    Raises:
        EncodeError: for another, or where one is required and missing.
    """
    if value is None:
        if is_required:
            raise EncodeError(name, 'is missing: a FIFO destination needs one for each message')
        return
    if not isinstance(value, str) or not _ID.fullmatch(value):
        wanted = f'1 to {MAX_ID_LENGTH} letters, digits and punctuation of ASCII'
        raise EncodeError(name, f'is {safe_repr(value)}, not {wanted}')


def check_ids(options: dict[str, Any], is_fifo: bool) -> None:
    """The group and deduplication ids are what a FIFO or a standard destination takes.

    Raises:
        EncodeError: where they are not.
    """
    check_id('message_group_id', options.get('MessageGroupId'), is_required=is_fifo)
    deduplication_id = options.get('MessageDeduplicationId')
    if deduplication_id is not None and not is_fifo:
        raise EncodeError('message_deduplication_id', 'is for FIFO destinations alone')
    check_id('message_deduplication_id', deduplication_id)


def check_subject(subject: object) -> None:
    """A subject is one line of 1 to 99 characters.

    Raises:
        EncodeError: where it is not.
    """
    if subject is None:
        return
    if not isinstance(subject, str) or not subject:
        raise EncodeError('subject', f'is {safe_repr(subject)}, not a text')
    if len(subject) > MAX_SUBJECT_LENGTH:
        problem = f'has {len(subject)} characters; the limit is {MAX_SUBJECT_LENGTH}'
        raise EncodeError('subject', problem)
    if found := _CONTROL.search(subject):
        problem = f'U+{ord(found[0]):04X} at character {found.start()}'
        raise EncodeError('subject', f'holds {problem}, a line break or a control character')


def _problem_of_characters(text: str) -> str | None:
    found = _REFUSED.search(text)
    if found is None:
        return None
    return f'holds U+{ord(found[0]):04X} at character {found.start()}, which SQS does not take'


def _problem_of_name(name: object) -> str | None:
    if isinstance(name, str) and len(name) > MAX_NAME_LENGTH:
        return f'has a name of {len(name)} characters; the limit is {MAX_NAME_LENGTH}'
    if isinstance(name, str) and _NAME.fullmatch(name):
        return None
    rule = 'letters, digits, _ - and single dots within, beginning with neither AWS. nor Amazon.'
    return f'has the name {safe_repr(name)}, not one of {rule}'


def _problem_of_attribute(attribute: dict[str, Any]) -> str | None:
    kind = attribute.get('DataType')
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind) or _problem_of_characters(kind):
        return f'has the type {safe_repr(kind)}, not String, Number or Binary'
    if len(kind.encode()) > MAX_NAME_LENGTH:
        return f'has a type of {len(kind.encode())} bytes; the limit is {MAX_NAME_LENGTH}'
    wanted, other = 'StringValue', 'BinaryValue'
    if kind.startswith('Binary'):
        wanted, other = other, wanted
    value = attribute.get(wanted)
    if not isinstance(value, bytes if wanted == 'BinaryValue' else str) or not value:
        return f'has no {wanted}, or an empty one'
    if other in attribute:
        return f'has a {other} besides, which its type does not have'
    if isinstance(value, bytes):
        return None
    if kind.startswith('Number') and not _NUMBER.fullmatch(value):
        return f'is {safe_repr(value)}, which is no number'
    return _problem_of_characters(value)
