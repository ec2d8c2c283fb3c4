"""The payload of a message: out of the envelope of SNS, out of S3, and decoded.

    message -> envelope of SNS? -> pointer into S3? -> compressed? -> decode -> payload

Each step happens once at most: a body in S3 is neither an envelope nor a pointer, and neither is a
compressed body. Nothing in a message proves its origin, except the signature of an envelope, if it
is verified. The attributes decide how a body is read. Without them, its first characters do.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct, structs

from mega.aws._messages.attributes import PAYLOAD_TYPE_ATTRIBUTE
from mega.aws._messages.body_attributes import (
    COMPRESSION_ATTRIBUTE,
    LEGACY_SIZE_ATTRIBUTE,
    SIZE_ATTRIBUTE,
)
from mega.aws._messages.compression import compression_of, decompress_text
from mega.aws.s3.pointer import Pointer, is_offloaded, read_pointer
from mega.aws.sns.envelope import Envelope, SubscriptionNotice, parse_envelope
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.message import Message
from mega.codec import (
    AnyPayload,
    PayloadType,
    StreamedPayload,
    decode,
    looks_like_envelope,
)
from mega.errors import DecodeError, PointerError, safe_repr

if TYPE_CHECKING:
    from mega.aws.s3.store import FetchedBody

__all__ = (
    'BodyStore',
    'MessageOpener',
    'MissingBody',
    'OpenResult',
    'OpenedContent',
    'may_be_offloaded',
    'open_message',
    'unwrap_message',
)


class BodyStore(Protocol):
    """Returns the bodies of messages that carry a pointer into S3. `S3PayloadStore` is one."""

    @property
    def on_missing(self) -> str: ...

    def fetch(self, pointer: Pointer) -> FetchedBody | None: ...
    def find_stream(self, pointer: Pointer) -> Pointer | None: ...
    def open_stream(self, pointer: Pointer) -> io.BufferedReader: ...


class MissingBody(Struct, frozen=True):
    """A body that S3 does not have, of a message that the listener deletes without processing."""

    pointer: Pointer


OpenedContent: TypeAlias = AnyPayload | SubscriptionNotice | MissingBody
"""The content of a message: a payload, or the reason why it has none."""

OpenResult: TypeAlias = tuple[Message, OpenedContent]
"""The content of a message, and the message with the data of its envelope and pointer."""

MessageOpener: TypeAlias = Callable[[Message], OpenResult]
"""Opens a message, as `open_message` does. It may wait for a body that is being fetched from S3."""


def may_be_offloaded(received: dict[str, Any]) -> bool:
    """Return whether the body of a received message may be in S3. A quick test, without parsing."""
    attributes = received.get('MessageAttributes')
    if isinstance(attributes, dict) and is_offloaded(attributes):
        return True
    body = received.get('Body')  # an envelope contains the attributes
    return isinstance(body, str) and (
        f'"{SIZE_ATTRIBUTE}"' in body or f'"{LEGACY_SIZE_ATTRIBUTE}"' in body
    )


def open_message(
    message: Message,
    store: BodyStore | None = None,
    policy: EnvelopePolicy | None = None,
    gzip_attribute: str | None = None,
) -> OpenResult:
    """Return the payload of a message, and the message with the data of its envelope and pointer.

    A body in S3 is fetched if an attribute of the message announces it. The content of a stream
    remains in S3 until `Message.open_payload` reads it. A compressed body is
    decompressed if an attribute names its format: 4 MiB at most. With a `gzip_attribute`, this
    includes gzip in Base64 of other producers. A body whose attributes name a payload type is
    decoded as that type. Otherwise an envelope of SNS is opened, and its body is decoded by the
    attributes in the envelope. With a `policy`, only the envelopes that it accepts are opened, and
    no message without one.

    Raises:
        DecodeError: for a body that is not what its attributes or its first characters say.
        EnvelopeError: for an invalid envelope, and for a message that the `policy` refuses.
        PointerError: for a pointer that is invalid, not allowed, or leads to a missing body.
        OffloadError: if S3 does not return the body now.
        ConfigurationError: for a compressed body, if the package for its format is missing.
        TransportError: if the certificate of SNS cannot be downloaded now.
        EventError: for an event that breaks the protocol.
    """
    if message.attributes:
        offloaded = is_offloaded(message.attributes)
        compression = compression_of(message.attributes, gzip_attribute)
        if offloaded or compression is not None:
            if policy is not None:
                policy.check(None)
            if offloaded:
                return _fetch(message, message.body, store)
            return message, _decode(message, message.body, gzip_attribute)
    payload_type = _payload_type(message)
    payload = decode(message.body, payload_type)
    if (
        payload_type is not None
        or not isinstance(payload, dict)
        or not looks_like_envelope(payload)
    ):
        if policy is not None:
            policy.check(None)
        return message, payload
    if policy is not None:
        policy.check(payload)
    envelope = parse_envelope(payload)
    if isinstance(envelope, SubscriptionNotice):
        return structs.replace(message, topic_arn=envelope.topic_arn), envelope
    inner = _message_in(envelope, message)
    if is_offloaded(inner.attributes):
        return _fetch(inner, envelope.body, store)
    return inner, _decode(inner, envelope.body, gzip_attribute)


def unwrap_message(message: Message) -> tuple[Message, str]:
    """Return the message with the data of its envelope, and the body in it, which is not opened.

    A message without an envelope is returned with its own body. The function is for messages that
    `open_message` cannot open.

    Raises:
        DecodeError, EnvelopeError, EventError: if the envelope itself is not readable.
    """
    attributes = message.attributes
    is_plain = not is_offloaded(attributes) and compression_of(attributes) is None
    if is_plain and _payload_type(message) is None:
        payload = decode(message.body)
        if isinstance(payload, dict) and looks_like_envelope(payload):
            envelope = parse_envelope(payload)
            if isinstance(envelope, Envelope):
                return _message_in(envelope, message), envelope.body
    return message, message.body


def _message_in(envelope: Envelope, message: Message) -> Message:
    return structs.replace(
        message,
        attributes=envelope.attributes,
        topic_arn=envelope.topic_arn,
        subject=envelope.subject,
        sns_message_id=envelope.message_id,
        unreadable=envelope.unreadable,
        _sns_timestamp=envelope.timestamp,
        _sqs_attributes=message.attributes,
    )


def _fetch(message: Message, body: str, store: BodyStore | None) -> OpenResult:
    pointer = read_pointer(body, message.attributes)
    if store is None:
        bucket = safe_repr(pointer.bucket)
        problem = f'its body is in S3, in {bucket}, and the listener has no payload_store'
        raise PointerError(problem)
    payload_type = _payload_type(message)
    if payload_type == PayloadType.STREAM:
        if (found := store.find_stream(pointer)) is not None:
            open_stream = partial(store.open_stream, found)
            return structs.replace(message, pointer=found, _open_stream=open_stream), _payload_of(
                found
            )
    elif (fetched := store.fetch(pointer)) is not None:
        message = structs.replace(message, pointer=fetched.pointer)
        return message, decode(fetched.body, payload_type)
    if store.on_missing == 'raw':
        return structs.replace(message, pointer=pointer), body
    if store.on_missing == 'delete':
        return message, MissingBody(pointer)
    problem = f'its body is missing: {safe_repr(pointer.bucket)} has no {safe_repr(pointer.key)}'
    raise PointerError(problem)


def _payload_of(stream: Pointer) -> StreamedPayload:
    assert stream.size is not None
    assert stream.sha256 is not None  # both are checked by `find_stream`
    return StreamedPayload(stream.size, stream.sha256)


def _decode(message: Message, body: str, gzip_attribute: str | None) -> AnyPayload:
    """Return the payload of a body that is neither an envelope nor a pointer."""
    compression = compression_of(message.attributes, gzip_attribute)
    if compression is None:
        return decode(body, _payload_type(message))
    if body.startswith('{') and COMPRESSION_ATTRIBUTE not in message.attributes:
        # JustSaying compresses the text in {"Message": text, "Subject": name}.
        wrapper = decode(body)
        if isinstance(wrapper, dict) and isinstance(wrapper.get('Message'), str):
            return {**wrapper, 'Message': decompress_text(wrapper['Message'], compression)}
    return decode(decompress_text(body, compression), _payload_type(message))


def _payload_type(message: Message) -> str | None:
    found = message.attributes.get(PAYLOAD_TYPE_ATTRIBUTE)
    if isinstance(found, bytes):
        problem = f'its attribute {PAYLOAD_TYPE_ATTRIBUTE} is {safe_repr(found)}, not a str'
        raise DecodeError(problem)
    return found
