"""Message attributes, in the three forms that they take.

A user says `{'tenant': 'a', 'priority': 5}`; SQS and SNS take and give
`{'DataType': ..., 'StringValue': ...}`; SNS's envelope holds `{'Type': ..., 'Value': ...}`.
"""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from mega.aws._messages.filter_attributes import (
    FilterAttributes,
    extract_attributes,
    parse_filter_attributes,
)
from mega.codec import PayloadType
from mega.errors import EncodeError, EnvelopeError, join_path, safe_repr

__all__ = (
    'LEGACY_SIZE',
    'PAYLOAD_TYPE_ATTRIBUTE',
    'SIZE',
    'Attributes',
    'FilterAttributes',
    'from_aws',
    'from_envelope',
    'to_aws',
    'with_filter_attributes',
    'with_payload_type',
)

Attributes: TypeAlias = Mapping[str, Any]
"""Attributes as users give them: a str, a number, bytes, or AWS's own object for any other type."""

PAYLOAD_TYPE_ATTRIBUTE = 'MegaPayloadType'
"""The attribute that says what a body holds, where the body does not say it."""

SIZE = 'ExtendedPayloadSize'
"""The attribute of a message whose body lies in S3: its size there, in bytes of UTF-8.

Its name, and the older one, are AWS's: https://github.com/awslabs/amazon-sqs-java-extended-client-lib
"""

LEGACY_SIZE = 'SQSLargePayloadSize'

LARGEST_NUMBER = 10**126
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""


def to_aws(attributes: Attributes | None) -> dict[str, Any]:
    """Write attributes as SQS and SNS take them.

    Raises:
        EncodeError: for a value of a type that no attribute has, or a name that would have a
            listener look for the body in S3.
    """
    if not attributes:
        return {}
    _refuse(SIZE, attributes)
    _refuse(LEGACY_SIZE, attributes)
    return {name: _to_aws(name, value) for name, value in attributes.items()}


def with_filter_attributes(
    attributes: Attributes | None, paths: FilterAttributes, document: object
) -> Attributes:
    """Add the fields of a payload by which SNS is to filter, where it has them.

    Raises:
        ConfigurationError: for what names no attributes and paths.
        EncodeError: for an attribute that is given as well.
    """
    fields = extract_attributes(document, parse_filter_attributes(paths))
    for name in fields.keys() & (attributes or {}).keys():
        problem = 'is one of filter_attributes too: give one of them another name'
        raise EncodeError(join_path('message_attributes', name), problem)
    return {**(attributes or {}), **fields}


def from_aws(attributes: Attributes) -> dict[str, str | bytes]:
    """Read attributes as SQS gives them. A number stays the text that it was sent as."""
    values = {}
    for name, attribute in attributes.items():
        value = attribute.get('BinaryValue', attribute.get('StringValue'))
        if value is not None:
            values[name] = value
    return values


def from_envelope(attributes: object) -> dict[str, str | bytes]:
    """Read attributes as SNS's envelope holds them.

    Raises:
        EnvelopeError: for another form, or binary values that are no Base64.
    """
    if not isinstance(attributes, dict):
        raise EnvelopeError(f'its MessageAttributes are {safe_repr(attributes)}')
    values: dict[str, str | bytes] = {}
    for name, attribute in attributes.items():
        value = attribute.get('Value') if isinstance(attribute, dict) else None
        if not isinstance(value, str):
            raise EnvelopeError(f'its attribute {safe_repr(name)} is {safe_repr(attribute)}')
        values[name] = _binary(name, value) if _is_binary(attribute) else value
    return values


def with_payload_type(
    attributes: dict[str, Any], payload_type: PayloadType | None
) -> dict[str, Any]:
    """Add the mark to attributes that are about to be sent, where one is needed.

    Raises:
        EncodeError: for attributes that hold a mark already.
    """
    _refuse(PAYLOAD_TYPE_ATTRIBUTE, attributes)
    if payload_type is None:
        return attributes
    return {
        **attributes,
        PAYLOAD_TYPE_ATTRIBUTE: _to_aws(PAYLOAD_TYPE_ATTRIBUTE, payload_type.value),
    }


def _refuse(name: str, attributes: Attributes) -> None:
    if name in attributes:
        problem = 'is set by the publisher alone: give the attribute another name'
        raise EncodeError(join_path('message_attributes', name), problem)


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
    """A number as SQS takes it; None for what is none, or not within its bounds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if abs(value) < LARGEST_NUMBER else None
    if isinstance(value, float) and math.isfinite(value):
        return repr(float(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    return None


def _is_binary(attribute: dict[str, Any]) -> bool:
    # A type may have a label of one's own: Binary.png.
    return str(attribute.get('Type')).partition('.')[0] == 'Binary'


def _binary(name: str, text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise EnvelopeError(f'its attribute {safe_repr(name)} is no Base64') from None
