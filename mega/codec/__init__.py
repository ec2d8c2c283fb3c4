"""Payload to body and back.

A body is text: compact JSON, BSON in Base64, the text itself, or the Base64 of a blob. Most bodies
say by themselves what they are; where one would be misread, `payload_type_hint` names the
type to mark it with.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from enum import Enum
from typing import Any, TypeAlias

from mega.codec import _bson, _json
from mega.errors import DecodeError, EncodeError, EventError, safe_repr
from mega.event import Payload, is_mega_event

__all__ = (
    'AnyPayload',
    'PayloadType',
    'decode',
    'encode',
    'looks_like_envelope',
    'payload_type_hint',
    'to_document',
)

AnyPayload: TypeAlias = Payload | dict[str, Any] | str | bytes
"""What can be published, and what arrives."""


class PayloadType(str, Enum):
    """What a body holds. The values are those of the mark, the attribute `MegaPayloadType`."""

    EVENT = 'event'
    DATA = 'data'
    TEXT = 'text'
    BLOB = 'blob'


def encode(payload: AnyPayload, binary_encoding: bool = False) -> str:
    """Write a payload as a body.

    Events and data objects become JSON, or BSON in Base64 with `binary_encoding`; a text is its own
    body; bytes become Base64. A `dict` that is marked as a MEGA event is written as one.
    What is written decodes to an equal payload, with its types; a tuple comes back as a list, and
    in BSON a date is cut to the millisecond and comes back in UTC.

    Raises:
        EncodeError: for what no such body can carry, with the path of the value.
        EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
    """
    if type(payload) is str:
        if binary_encoding:
            raise EncodeError('', 'is a str, and binary_encoding is for events and data objects')
        return _not_empty(_encodable(payload))
    if type(payload) is bytes:
        return _not_empty(b64encode(payload).decode('ascii'))
    document = to_document(payload)
    if document is None:
        what = f'{safe_repr(payload)} ({type(payload).__name__})'
        raise EncodeError('', f'is {what}, not a Payload, a dict, a str or bytes')
    if binary_encoding:
        return b64encode(_bson.encode(document)).decode('ascii')
    return _json.encode(document)


def decode(body: str, payload_type: PayloadType | str | None = None) -> AnyPayload:
    """Read the payload from a body, by its mark, or without one by what it begins with.

    Without a mark, what begins with a brace is a JSON object or an error, and Base64 that is BSON
    is that object; a MEGA mark in the object makes it an event. Anything else is the text as sent:
    JSON's scalars and arrays and other Base64 included.
    An envelope of SNS is a data object here; `mega.aws.sns` opens it.

    Raises:
        DecodeError: for a body that is not what it begins as, or what it is marked as.
        EventError: for an event that breaks the protocol.
    """
    if payload_type is None:
        return _detect(body)
    kind = _parse_payload_type(payload_type)
    if kind is PayloadType.TEXT:
        return body
    if kind is PayloadType.BLOB:
        return _blob(body)
    document = _decode_object(body)
    if document is None:
        problem = f'it is marked as {kind.value!r}, but is neither JSON nor BSON in Base64'
        raise DecodeError(problem)
    return Payload.from_dict(document) if kind is PayloadType.EVENT else document


def to_document(payload: object) -> dict[str, Any] | None:
    """The object that is written, and that patterns see; None for what is no event and no data.

    Raises:
        EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
    """
    if isinstance(payload, Payload):
        return payload.to_dict()
    if isinstance(payload, dict):
        return Payload.from_dict(payload).to_dict() if is_mega_event(payload) else payload
    return None


def payload_type_hint(payload: AnyPayload, body: str) -> PayloadType | None:
    """The type to mark a body with so that its payload comes back; None where no mark is needed."""
    if isinstance(payload, bytes):
        return PayloadType.BLOB
    if isinstance(payload, str):
        return None if _detected_as_text(body) else PayloadType.TEXT
    if isinstance(payload, dict) and not is_mega_event(payload) and looks_like_envelope(payload):
        return PayloadType.DATA
    return None


def looks_like_envelope(document: dict[str, Any]) -> bool:
    """Whether an object has every field of a message of SNS's own making.

    That is the envelope round a body, or a request to confirm a subscription.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html.
    """
    kind = document.get('Type')
    if not isinstance(kind, str) or kind not in _ENVELOPE_FIELDS:
        return False
    arn = document.get('TopicArn')
    return (
        all(isinstance(document.get(name), str) for name in ('Message', 'MessageId', 'Timestamp'))
        and isinstance(arn, str)
        and arn.startswith('arn:')
        and any(name in document for name in _ENVELOPE_FIELDS[kind])
    )


_ENVELOPE_FIELDS = {
    'Notification': ('Signature', 'UnsubscribeURL'),
    'SubscriptionConfirmation': ('SubscribeURL',),
    'UnsubscribeConfirmation': ('SubscribeURL',),
}

_BYTE_ORDER_MARK = '\ufeff'


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        problem = f'holds half of a surrogate pair at character {error.start}'
        raise EncodeError('', problem) from None
    return text


def _not_empty(body: str) -> str:
    if not body:
        raise EncodeError('', 'is empty, and neither SQS nor SNS carries an empty body')
    return body


def _detect(body: str) -> AnyPayload:
    document = _decode_object(body)
    if document is None:
        return body
    return Payload.from_dict(document) if is_mega_event(document) else document


def _decode_object(body: str) -> dict[str, Any] | None:
    text = body.removeprefix(_BYTE_ORDER_MARK)
    stripped = text.lstrip(_json.WHITE_SPACE)
    if stripped.startswith('{'):
        return _json.decode(stripped)
    data = _bytes_of_bson(text)
    return None if data is None else _bson.decode(data)


def _bytes_of_bson(text: str) -> bytes | None:
    """The bytes of a text that is Base64 and begins with its own length, as BSON does."""
    if len(text) < 8:
        return None
    size = len(text) // 4 * 3 - text[-2:].count('=')
    try:
        if int.from_bytes(_strict_base64(text[:8])[:4], 'little') != size:
            return None
        return _strict_base64(text)
    except ValueError:
        return None


def _strict_base64(text: str) -> bytes:
    if len(text) % 4:  # Python 3.10 takes padding in excess
        raise ValueError
    return b64decode(text, validate=True)


def _blob(body: str) -> bytes:
    try:
        return _strict_base64(body)
    except ValueError:
        raise DecodeError("it is marked as 'blob', but is not Base64") from None


def _detected_as_text(body: str) -> bool:
    try:
        return isinstance(_detect(body), str)
    except (DecodeError, EventError):
        return False


def _parse_payload_type(payload_type: PayloadType | str) -> PayloadType:
    try:
        return PayloadType(payload_type)
    except ValueError:
        known = ', '.join(repr(kind.value) for kind in PayloadType)
        problem = f'it is marked as {safe_repr(payload_type)}: must be one of {known}'
        raise DecodeError(problem) from None
