"""Convert payloads to bodies, and bodies to payloads.

A body is the text of an SQS or SNS message. It has one of four forms:

    payload                 body
    Payload, dict           compact JSON, for example {"type":"user_notification"}
    Payload, dict, binary   BSON in Base64
    object of a class       as its Payload or its dict: see `mega.event.typed`
    str                     the text itself
    bytes                   the bytes in Base64

`decode` detects the form of most bodies: `{` begins JSON, and BSON begins with its own length.
Detection fails for some payloads. The text `{` would be read as broken JSON, and a blob in Base64
cannot be told from a text. `payload_type_hint` finds these payloads. The publisher then sends the
payload type in a message attribute, and `decode` takes it as its second argument.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, TypeAlias

from mega.codec import _json
from mega.codec._events import decode_event
from mega.codec._payload_type import PayloadType, StreamedPayload
from mega.errors import DecodeError, EncodeError, EventError, safe_repr
from mega.event import Payload, is_mega_event
from mega.event.typed import TypedObject, is_typed, to_payload
from mega.json_reading import BYTE_ORDER_MARK, WHITE_SPACE

__all__ = (
    'AnyPayload',
    'PayloadType',
    'Publishable',
    'StreamedPayload',
    'WirePayload',
    'decode',
    'encode',
    'encode_with_type_hint',
    'looks_like_envelope',
    'payload_type_hint',
    'to_document',
    'to_untyped',
)

WirePayload: TypeAlias = Payload | dict[str, Any] | str | bytes
"""The types of payloads in a body."""

AnyPayload: TypeAlias = WirePayload | StreamedPayload
"""The types of payloads. Subscribers receive them, or objects of their classes."""

Publishable: TypeAlias = WirePayload | TypedObject | Mapping[str, Any]
"""The types that publishers accept. A mapping must be a dict: a TypedDict is one."""


def encode(payload: Publishable, binary_encoding: bool = False) -> str:
    """Write a payload as a body.

    Events and data objects become JSON, or BSON in Base64 with `binary_encoding`. A `str` is its
    own body. `bytes` become Base64. A `dict` that is marked as a MEGA event is written as an event.
    The body decodes to an equal payload with the same types. There are two exceptions: a tuple
    arrives as a list, and BSON carries a date in UTC, cut to the millisecond.

    Raises:
        EncodeError: for a value that the body cannot carry, with the path of the value.
        EventError: for a `dict` that is marked as a MEGA event but is not a valid event.
    """
    if type(payload) is str:
        return _encode_text(payload, binary_encoding)
    if type(payload) is bytes:
        return _encode_blob(payload)
    document = _require_document(to_untyped(payload, binary_encoding))
    return _encode_document(document, binary_encoding)


def encode_with_type_hint(
    payload: Publishable, binary_encoding: bool = False
) -> tuple[str, PayloadType | None]:
    """Return `encode(payload, binary_encoding)` and the `payload_type_hint` of that body.

    Raises:
        EncodeError, EventError: as `encode` does.
    """
    if type(payload) is str:
        body = _encode_text(payload, binary_encoding)
        return body, _text_hint(body)
    if type(payload) is bytes:
        return _encode_blob(payload), PayloadType.BLOB
    plain = to_untyped(payload, binary_encoding)
    document = _require_document(plain)
    is_data = document is plain  # an event is written in its normal form, a new object
    return _encode_document(document, binary_encoding), _data_hint(document) if is_data else None


def decode(body: str, payload_type: PayloadType | str | None = None) -> WirePayload:
    """Read the payload from a body, by its payload type or by detection.

    Without a payload type, a body that begins with a brace must be a JSON object, and Base64 that
    is BSON is its object. The object is an event if it is marked as one. Any other body is the
    text as sent: JSON scalars, JSON arrays and other Base64, too.
    An SNS envelope is a data object here. `mega.aws.sns` opens it.

    Raises:
        DecodeError: for an unknown payload type, or a body that is not valid in its form.
        EventError: for an event that breaks the protocol.
    """
    if payload_type is None:
        return decode_event(body) or _detect(body)
    kind = _parse_payload_type(payload_type)
    if kind is PayloadType.TEXT:
        return body
    if kind is PayloadType.BLOB:
        return _decode_blob(body)
    if kind is PayloadType.STREAM:
        raise DecodeError("its payload type is 'stream', but it is not a pointer into S3")
    document = _decode_object(body)
    if document is None:
        problem = f'its payload type is {kind.value!r}, but it is not JSON and not BSON in Base64'
        raise DecodeError(problem)
    return Payload.from_dict(document) if kind is PayloadType.EVENT else document


def to_untyped(payload: Publishable, binary_encoding: bool = False) -> Publishable:
    """Return the event or the data object that an object of a class becomes.

    Any other payload is returned as it is, also one that cannot be published.

    Raises:
        EncodeError: for a value that no payload can carry, with its path.
    """
    return to_payload(payload, binary_encoding) if is_typed(payload) else payload


def to_document(payload: object) -> dict[str, Any] | None:
    """Return the object that is encoded and matched; None for a text, a blob or another value.

    It is the normal form of an event, or the data object itself.

    Raises:
        EventError: for a `dict` that is marked as a MEGA event but is not a valid event.
    """
    if isinstance(payload, Payload):
        return payload.to_dict()
    if isinstance(payload, dict):
        return Payload.from_dict(payload).to_dict() if is_mega_event(payload) else payload
    return to_document(to_payload(payload)) if is_typed(payload) else None


def payload_type_hint(payload: Publishable, body: str) -> PayloadType | None:
    """Return the payload type that `decode` needs for this body, or None if it needs none."""
    if isinstance(payload, bytes):
        return PayloadType.BLOB
    if isinstance(payload, str):
        return _text_hint(body)
    payload = to_untyped(payload)
    if isinstance(payload, dict) and not is_mega_event(payload):
        return _data_hint(payload)
    return None


def looks_like_envelope(document: dict[str, Any]) -> bool:
    """Return whether an object has the fields that identify a message of SNS.

    SNS writes an envelope around a body, and requests to confirm a subscription. Publishers and
    listeners both call this function: a data object that looks like an envelope is marked as data.
    Servers in the place of AWS omit the other fields of an envelope, such as its signature.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    kind, arn = document.get('Type'), document.get('TopicArn')
    if not isinstance(kind, str) or kind not in _ENVELOPE_TYPES:
        return False
    return (
        all(isinstance(document.get(name), str) for name in ('Message', 'MessageId', 'Timestamp'))
        and isinstance(arn, str)
        and arn.startswith('arn:')
        # The listener deletes a confirmation, so nothing else may pass for one.
        and (kind == _NOTIFICATION or 'SubscribeURL' in document)
    )


_NOTIFICATION = 'Notification'
_ENVELOPE_TYPES = (_NOTIFICATION, 'SubscriptionConfirmation', 'UnsubscribeConfirmation')


def _encode_text(text: str, binary_encoding: bool) -> str:
    if binary_encoding:
        raise EncodeError('', 'is a str: binary_encoding must be False, or the payload an object')
    try:
        text.encode()
    except UnicodeEncodeError as error:
        problem = f'contains half of a surrogate pair at character {error.start}'
        raise EncodeError('', problem) from None
    return _require_content(text)


def _encode_blob(blob: bytes) -> str:
    return _require_content(b64encode(blob).decode('ascii'))


def _encode_document(document: dict[str, Any], binary_encoding: bool) -> str:
    if binary_encoding:
        from mega.codec import _bson  # many programs use no BSON, and its library loads slowly

        return b64encode(_bson.encode(document)).decode('ascii')
    return _json.encode(document)


def _require_document(payload: object) -> dict[str, Any]:
    document = to_document(payload)
    if document is None:
        found = f'{safe_repr(payload)} ({type(payload).__name__})'
        classes = 'an object of a dataclass, attrs, msgspec or pydantic class'
        raise EncodeError('', f'is {found}: must be a Payload, a dict, a str, bytes or {classes}')
    return document


def _require_content(body: str) -> str:
    if not body:
        raise EncodeError('', 'is empty: SQS and SNS do not accept an empty body')
    return body


def _text_hint(body: str) -> PayloadType | None:
    try:
        return None if isinstance(_detect(body), str) else PayloadType.TEXT
    except (DecodeError, EventError):
        return PayloadType.TEXT


def _data_hint(data: dict[str, Any]) -> PayloadType | None:
    return PayloadType.DATA if looks_like_envelope(data) else None


def _detect(body: str) -> WirePayload:
    document = _decode_object(body)
    if document is None:
        return body
    return Payload.from_dict(document) if is_mega_event(document) else document


def _decode_object(body: str) -> dict[str, Any] | None:
    """Return the object in a JSON or BSON body; None if the body has neither form."""
    text = body.removeprefix(BYTE_ORDER_MARK)
    stripped = text.lstrip(WHITE_SPACE)
    if stripped.startswith('{'):
        return _json.decode(stripped)
    data = _bson_bytes(text)
    if data is None:
        return None
    from mega.codec import _bson  # as above

    return _bson.decode(data)


def _bson_bytes(text: str) -> bytes | None:
    """Return the bytes of a Base64 text that begin with their own length, as BSON does.

    The first eight characters contain the length, so most other texts are rejected early.
    """
    if len(text) < 8:
        return None
    size = len(text) // 4 * 3 - text[-2:].count('=')
    try:
        if int.from_bytes(_decode_base64(text[:8])[:4], 'little') != size:
            return None
        return _decode_base64(text)
    except ValueError:
        return None


def _decode_base64(text: str) -> bytes:
    if len(text) % 4:  # Python 3.10 accepts excess padding
        raise ValueError
    return b64decode(text, validate=True)


def _decode_blob(body: str) -> bytes:
    try:
        return _decode_base64(body)
    except ValueError:
        raise DecodeError("its payload type is 'blob', but it is not Base64") from None


def _parse_payload_type(payload_type: PayloadType | str) -> PayloadType:
    try:
        return PayloadType(payload_type)
    except ValueError:
        known = ', '.join(repr(kind.value) for kind in PayloadType)
        problem = f'its payload type is {safe_repr(payload_type)}: must be one of {known}'
        raise DecodeError(problem) from None
