"""The validation that SQS and SNS share, as functions that return the problem, or None.

Each service has its own code for a problem: see `sqs/rules.py` and `sns/rules.py`. The source
`model` is the text of botocore's service model; `guide` is the service's Developer Guide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from mega.local.errors import AwsError
from mega.local.messages import Attribute, Attributes, size_of

__all__ = (
    'FORBIDDEN',
    'MAX_BATCH_ENTRIES',
    'attribute_problem',
    'batch_problem',
    'forbidden_character',
    'message_size',
    'token_problem',
    'whole_number',
)

MAX_BATCH_ENTRIES = 10

FORBIDDEN = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')
"""A character that XML 1.0 excludes (https://www.w3.org/TR/xml/#charsets)."""

_ASCII_FORBIDDEN = bytes(set(range(0x20)) - set(b'\t\n\r'))
_ENTRY_ID = re.compile(r'[A-Za-z0-9_-]{1,80}')
_ATTRIBUTE_NAME = re.compile(r'(?!\.)(?!.*\.\.)(?!.*\.$)[A-Za-z0-9_.-]{1,256}')
_RESERVED_NAME = re.compile(r'(aws|amazon)\.', re.IGNORECASE)
_NUMBER = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?', re.ASCII)
_TOKEN = re.compile(r'[!-~]{1,128}')


def forbidden_character(text: str) -> str | None:
    """Return the first character that a message must not contain, because XML 1.0 excludes it.

    Source: model, SendMessage: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to
    #x10FFFF. The rule applies to bodies and to values of String attributes.
    """
    if text.isascii() and len(text.encode().translate(None, _ASCII_FORBIDDEN)) == len(text):
        return None  # the usual case, in a fifth of the time
    found = FORBIDDEN.search(text)
    return f'#x{ord(found[0]):X}' if found else None


def whole_number(text: str) -> int | None:
    """Return a number of one to nine decimal digits; None for any other text."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) if is_number else None


def message_size(body: str, attributes: Attributes) -> int:
    """Return the size in bytes: the body in UTF-8, and each attribute's name, type and value.

    Source: guide, SQS message metadata: name, type and value are part of the message's size. System
    attributes are not (model, SendMessage).
    """
    size = size_of(body)
    for name, (data_type, value) in attributes.items():
        size += size_of(name) + size_of(data_type)
        size += len(value) if isinstance(value, bytes) else size_of(value)
    return size


def attribute_problem(name: str, attribute: Attribute) -> str | None:
    """Return the problem of an attribute's name, type or value, except invalid characters.

    Source of the name: model, ReceiveMessage: letters, digits, `_`, `-`, `.`; at most 256; neither
    starts nor ends with a period, nor has two in succession; no `AWS.` or `Amazon.` in any case.
    Source of the rest: guide, SQS message metadata: none of them is empty; the type is String,
    Number or Binary, with a label after a period if any; a Number is a number. By the model only
    Binary goes in BinaryValue.
    """
    shown = ascii(name[:256])
    if not _ATTRIBUTE_NAME.fullmatch(name) or _RESERVED_NAME.match(name):
        return f'The message attribute name {shown} is not valid.'
    data_type, value = attribute
    base = data_type.partition('.')[0]
    if base not in ('String', 'Number', 'Binary'):
        return (
            f'The message attribute {shown} has an invalid message attribute type, '
            'the set of supported type prefixes is Binary, Number, and String.'
        )
    if not value:
        return (
            f'The message attribute {shown} must contain non-empty message attribute value '
            f"for message attribute type '{base}'."
        )
    if isinstance(value, bytes) != (base == 'Binary'):
        field = 'Binary' if base == 'Binary' else 'String'
        return f"The message attribute {shown} with type '{base}' must use field '{field}'."
    if base == 'Number' and isinstance(value, str) and not _NUMBER.fullmatch(value):
        return f'Could not cast message attribute {shown} value to number.'
    return None


def token_problem(name: str, value: str, is_known_to_destination: bool = True) -> str | None:
    """Return the problem of a MessageGroupId or MessageDeduplicationId.

    Source: model, SNS Publish, and SQS SendMessage in the same words: up to 128 alphanumeric
    characters and punctuation. A MessageDeduplicationId applies only to FIFO destinations.
    """
    if not is_known_to_destination:
        return 'The request includes a parameter that is not valid for this type of destination.'
    if not _TOKEN.fullmatch(value):
        return f'{name} can only include alphanumeric and punctuation characters. 1 to 128 long.'
    return None


def batch_problem(ids: Collection[str]) -> AwsError | None:
    """Return the error of a whole batch, except its size. Both services have these codes.

    Source: model, SendMessageBatch and PublishBatch with their errors: at most 10 entries; ids are
    unique within a request, have up to 80 characters, alphanumeric, `-` and `_`.
    """
    if not ids:
        return AwsError('EmptyBatchRequest', 'There should be at least one entry in the request.')
    if len(ids) > MAX_BATCH_ENTRIES:
        problem = f'Maximum number of entries per request are 10. You have sent {len(ids)}.'
        return AwsError('TooManyEntriesInBatchRequest', problem)
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        problem = (
            'A batch entry id can only contain alphanumeric characters, hyphens and underscores. '
            'It can be at most 80 letters long.'
        )
        return AwsError('InvalidBatchEntryId', problem)
    if len(set(ids)) < len(ids):
        [(repeated, _)] = Counter(ids).most_common(1)
        return AwsError('BatchEntryIdsNotDistinct', f'Id {repeated} repeated.')
    return None
