"""Message attributes, in their three forms.

user             {'priority': 5}
SQS and SNS      {'priority': {'DataType': 'Number', 'StringValue': '5'}}
SNS's envelope   {'priority': {'Type': 'Number', 'Value': '5'}}
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from mega.aws._messages.body_attributes import BODY_ATTRIBUTES
from mega.aws._messages.filter_attributes import (
    FilterAttributes,
    extract_attributes,
    parse_filter_attributes,
)
from mega.codec._payload_type import PayloadType
from mega.errors import EncodeError, EnvelopeError, join_path, safe_repr

__all__ = (
    'DEAD_LETTER_ATTRIBUTE',
    'MESSAGE_ID_ATTRIBUTE',
    'PAYLOAD_TYPE_ATTRIBUTE',
    'TRACE_HEADER',
    'Attributes',
    'FilterAttributes',
    'attribute_to_aws',
    'first_message_id',
    'from_aws',
    'from_envelope',
    'resent_attributes',
    'resent_options',
    'to_aws',
    'trace_header_option',
    'with_filter_attributes',
    'with_payload_type',
)

Attributes: TypeAlias = Mapping[str, Any]
"""Attributes of a user: each is a str, a number, bytes, or an object in AWS's own form."""

PAYLOAD_TYPE_ATTRIBUTE = 'MegaPayloadType'
"""The attribute that names the payload type, if the body alone would be misread."""

MESSAGE_ID_ATTRIBUTE = 'MegaMessageId'
"""The attribute of a message that was sent again: the id of the message that was sent first."""

DEAD_LETTER_ATTRIBUTE = 'MegaDeadLetter'
"""The attribute of a dead-lettered message that contains the reason as JSON."""

TRACE_HEADER = 'AWSTraceHeader'
"""The system attribute with a trace of AWS X-Ray. It is not one of the ten message attributes."""

_READING_ATTRIBUTES = (PAYLOAD_TYPE_ATTRIBUTE, *BODY_ATTRIBUTES)
"""The attributes that decide how a body is read."""

_MESSAGE_ID = re.compile('[\x21-\x7e]{1,128}')

LARGEST_NUMBER = 10**126
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""


def to_aws(attributes: Attributes | None) -> dict[str, Any]:
    """Return a user's attributes in AWS's form.

    Raises:
        EncodeError: for a value that no attribute can have, or a name that only publishers set.
    """
    if not attributes:
        return {}
    for name in BODY_ATTRIBUTES:
        if name in attributes:
            raise _reserved(name)
    return {name: _to_aws(name, value) for name, value in attributes.items()}


def attribute_to_aws(name: str, value: object) -> dict[str, Any]:
    """Return the value of one attribute in AWS's form.

    Raises:
        EncodeError: for a value that no attribute can have, or a name that only publishers set.
    """
    if name in _READING_ATTRIBUTES:
        raise _reserved(name)
    return _to_aws(name, value)


def with_filter_attributes(
    attributes: Attributes | None, paths: FilterAttributes, document: object
) -> Attributes:
    """Return the attributes with the fields of a document for filter policies, if it has them.

    Raises:
        ConfigurationError: for invalid names or paths.
        EncodeError: for a name that is also one of the attributes.
    """
    fields = extract_attributes(document, parse_filter_attributes(paths))
    for name in fields.keys() & (attributes or {}).keys():
        problem = 'is also one of filter_attributes: give one of them another name'
        raise EncodeError(join_path('message_attributes', name), problem)
    return {**(attributes or {}), **fields}


def from_aws(attributes: Attributes) -> dict[str, str | bytes]:
    """Return the values of attributes in AWS's form. A number remains the text that was sent."""
    values = {}
    for name, attribute in attributes.items():
        value = attribute.get('BinaryValue', attribute.get('StringValue'))
        if value is not None:
            values[name] = value
    return values


def resent_attributes(received: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a message that ReceiveMessage returned, to send them again.

    The reason of a listener that dead-lettered the message is not among them, and neither are empty
    fields, which some servers return and SQS refuses.
    """
    return {
        name: {key: value for key, value in attribute.items() if value}
        for name, attribute in (received.get('MessageAttributes') or {}).items()
        if name != DEAD_LETTER_ATTRIBUTE
    }


def resent_options(received: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with which SQS repeats the trace header of a message, if it has one."""
    header = (received.get('Attributes') or {}).get(TRACE_HEADER)
    return trace_header_option(header) if isinstance(header, str) and header else {}


def trace_header_option(header: str) -> dict[str, Any]:
    """Return the option of SQS that gives a message a trace of AWS X-Ray."""
    return {'MessageSystemAttributes': to_aws({TRACE_HEADER: header})}


def first_message_id(values: Mapping[str, str | bytes]) -> str | None:
    """Return the first id of a message that was sent again; None if the attributes have none.

    `values` come from `from_aws` or `from_envelope`. Any producer can write the attribute.
    Everything but 1 to 128 ASCII characters without spaces counts as absent.
    """
    found = values.get(MESSAGE_ID_ATTRIBUTE)
    return found if isinstance(found, str) and _MESSAGE_ID.fullmatch(found) else None


def from_envelope(attributes: object) -> tuple[dict[str, str | bytes], object]:
    """Return the values of attributes in the form of SNS's envelope, and the unreadable attributes.

    Servers in the place of AWS also write the form of SQS, and numbers without quotes.

    Raises:
        EnvelopeError: for an unreadable attribute that decides how the body is read.
    """
    values: dict[str, str | bytes] = {}
    if not isinstance(attributes, dict):
        _require_no_reserved(attributes)
        return values, attributes
    unreadable = {}
    for name, attribute in attributes.items():
        value = _envelope_value(attribute)
        if value is None:
            unreadable[name] = attribute
        else:
            values[name] = value
    _require_no_reserved(unreadable)
    return values, unreadable


def with_payload_type(
    attributes: dict[str, Any], payload_type: PayloadType | None
) -> dict[str, Any]:
    """Return attributes in AWS's form with the payload type, if there is one.

    Raises:
        EncodeError: for attributes that contain a payload type.
    """
    if PAYLOAD_TYPE_ATTRIBUTE in attributes:
        raise _reserved(PAYLOAD_TYPE_ATTRIBUTE)
    if payload_type is None:
        return attributes
    return {
        **attributes,
        PAYLOAD_TYPE_ATTRIBUTE: _to_aws(PAYLOAD_TYPE_ATTRIBUTE, payload_type.value),
    }


def _reserved(name: str) -> EncodeError:
    problem = 'is set by the publisher only: give the attribute another name'
    return EncodeError(join_path('message_attributes', name), problem)


def _to_aws(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {'DataType': 'String', 'StringValue': value}
    if isinstance(value, bytes):
        return {'DataType': 'Binary', 'BinaryValue': value}
    if number := _number_text(value):
        return {'DataType': 'Number', 'StringValue': number}
    if isinstance(value, Mapping) and 'DataType' in value:
        return dict(value)
    problem = f"is {safe_repr(value)}: give a str, a finite number, bytes, or AWS's own object"
    raise EncodeError(join_path('message_attributes', name), problem)


def _number_text(value: object) -> str | None:
    """Return a number as the text that SQS accepts; None for other values, and out of its range."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if abs(value) < LARGEST_NUMBER else None
    if isinstance(value, float) and math.isfinite(value):
        return repr(float(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    return None


def _envelope_value(attribute: object) -> str | bytes | None:
    """Return the value of an attribute in an envelope; None if it is not readable."""
    if not isinstance(attribute, dict):
        return None
    names = ('Value', 'StringValue', 'BinaryValue')
    value = next((attribute[name] for name in names if attribute.get(name) is not None), None)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    kind = str(attribute.get('Type', attribute.get('DataType')))
    if kind.partition('.')[0] != 'Binary':  # a type may have a custom label: Binary.png
        return value
    try:
        return b64decode(value, validate=True)
    except ValueError:
        return None


def _require_no_reserved(unreadable: object) -> None:
    if not unreadable:
        return
    found = repr(unreadable)
    for name in _READING_ATTRIBUTES:
        if repr(name) in found:
            problem = f'its attribute {name} is not readable, and decides how the body is read'
            raise EnvelopeError(problem)
