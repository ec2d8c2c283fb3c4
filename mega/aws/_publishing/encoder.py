"""Payload to message: encoded, checked against the limits of AWS, and offloaded if it is large.

Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, structs

from mega.aws._messages.attributes import (
    Attributes,
    FilterAttributes,
    attribute_to_aws,
    to_aws,
    with_filter_attributes,
    with_payload_type,
)
from mega.aws._messages.body_attributes import COMPRESSION_ATTRIBUTE
from mega.aws._messages.compression import (
    MAX_DECOMPRESSED_BYTES,
    Compression,
    compress_text,
)
from mega.aws._messages.digests import sha256_of, with_deduplication_id
from mega.aws._messages.limits import (
    ALWAYS_ALLOWED_BYTES,
    MAX_ATTRIBUTES,
    check_attributes,
    check_body,
    size_of,
)
from mega.aws._publishing.batch_planner import PlannedMessage
from mega.aws._publishing.outgoing import OutgoingMessage, PlannedOutgoing
from mega.aws._publishing.service import ServiceApi
from mega.aws.s3.pointer import is_offloaded
from mega.aws.s3.store import S3PayloadStore
from mega.codec import Publishable, encode_with_type_hint, to_document, to_untyped
from mega.errors import EncodeError, PayloadTooLargeError, safe_repr

__all__ = (
    'Encoder',
    'build_message',
    'compress_message',
    'encode_body',
    'encode_payload',
    'is_fifo',
    'message_group',
)


class Encoder(Struct, frozen=True):
    """Makes messages of payloads, for the destinations of one service. Safe to share among threads.

    `limit_of` returns the largest message of a destination, in bytes. `compression` is the format
    of bodies that remain in their message.
    """

    api: ServiceApi
    limit_of: Callable[[str], int]
    store: S3PayloadStore | None
    compression: Compression | None = None

    def encode(
        self,
        destination: str,
        payload: Publishable,
        binary_encoding: bool,
        attributes: Attributes | None,
        options: dict[str, Any],
        filter_attributes: FilterAttributes | None,
    ) -> OutgoingMessage:
        """Return the message of a payload.

        Raises:
            EncodeError, EventError, PayloadTooLargeError: if no message can carry the payload.
        """
        body, aws_attributes = encode_payload(
            payload, binary_encoding, attributes, filter_attributes
        )
        return self.build(destination, body, aws_attributes, options)

    def encode_raw(
        self,
        destination: str,
        body: str,
        attributes: Attributes | None,
        options: dict[str, Any],
    ) -> OutgoingMessage:
        """Return the message of a body.

        Raises:
            EncodeError, PayloadTooLargeError: if no message can carry the body.
        """
        body, aws_attributes = encode_body(body, attributes)
        return self.build(destination, body, aws_attributes, options)

    def plan(self, destination: str, outgoing: OutgoingMessage, position: int) -> PlannedOutgoing:
        """Return the message with the data that the batch planner needs."""
        planned: PlannedOutgoing = PlannedMessage(
            outgoing, outgoing.size, message_group(destination, outgoing.options), None, position
        )
        if outgoing.upload is not None:
            planned.memory_bytes = outgoing.upload.pointer.size or 0
        elif self.store is not None and COMPRESSION_ATTRIBUTE not in outgoing.attributes:
            self._allow_offload(self.store, destination, planned, outgoing)
        return planned

    def with_attribute(
        self, destination: str, outgoing: OutgoingMessage, name: str, value: str | bytes
    ) -> OutgoingMessage | None:
        """Return a message with one more attribute; None if the message has no room for it.

        Raises:
            EncodeError: for a name or a value that AWS refuses.
        """
        added = {name: attribute_to_aws(name, value)}
        check_attributes(added)
        if name in outgoing.attributes or len(outgoing.attributes) >= MAX_ATTRIBUTES:
            return None
        attributes, size = {**outgoing.attributes, **added}, outgoing.size + size_of('', added)
        larger = structs.replace(outgoing, attributes=attributes, size=size)
        store = None if is_offloaded(outgoing.attributes) else self.store
        if store is not None and self._must_offload(store, destination, larger):
            return None
        try:
            self.check_size(destination, larger)
        except PayloadTooLargeError:
            return None
        return larger

    def max_batch_bytes(self, destination: str) -> int:
        """Return the largest sum of the messages in one request."""
        return self.api.max_batch_bytes(self.limit_of(destination))

    def _allow_offload(
        self,
        store: S3PayloadStore,
        destination: str,
        planned: PlannedOutgoing,
        outgoing: OutgoingMessage,
    ) -> None:
        attributes_bytes = size_of('', outgoing.attributes)
        offloaded_bytes = attributes_bytes + store.pointer_bytes
        if (
            outgoing.size - attributes_bytes <= store.max_payload
            and offloaded_bytes < outgoing.size
            and len(outgoing.attributes) + store.pointer_attributes <= MAX_ATTRIBUTES
        ):
            planned.offloaded_size = offloaded_bytes

            def offload() -> tuple[OutgoingMessage | None, int]:
                smaller = self._build_offloaded(store, destination, outgoing)
                return smaller, smaller.size

            planned.offload = offload

    def build(
        self, destination: str, body: str, attributes: dict[str, Any], options: dict[str, Any]
    ) -> OutgoingMessage:
        """Return the message of a body and attributes that `encode_payload` returned.

        Raises:
            EncodeError: for an option that the destination would refuse.
            PayloadTooLargeError: for a message that is too large for the destination.
        """
        plain = build_message(self.api, destination, body, attributes, options)
        outgoing = compress_message(destination, plain, self.compression)
        if self.store is not None and self._must_offload(self.store, destination, outgoing):
            outgoing = self._build_offloaded(self.store, destination, plain)
        self.check_size(destination, outgoing)
        return outgoing

    def check_size(self, destination: str, outgoing: OutgoingMessage) -> None:
        """Refuse a message that is too large for its destination.

        Raises:
            PayloadTooLargeError: for such a message.
        """
        if outgoing.size <= ALWAYS_ALLOWED_BYTES:
            return
        limit = self.limit_of(destination)
        try:
            self.api.check_size(outgoing.body, outgoing.attributes, outgoing.size, limit)
        except PayloadTooLargeError as error:
            advice = 'its attributes are too large'
            if self.store is None:
                advice = 'with a payload_store the publisher sends its body through S3'
            raise PayloadTooLargeError(error.size, error.limit, advice) from None

    def _must_offload(
        self, store: S3PayloadStore, destination: str, outgoing: OutgoingMessage
    ) -> bool:
        if store.always:
            return True
        size = self.api.delivered_size(outgoing.body, outgoing.attributes, outgoing.size)
        return size > store.threshold or (
            outgoing.size > ALWAYS_ALLOWED_BYTES and outgoing.size > self.limit_of(destination)
        )

    def _build_offloaded(
        self, store: S3PayloadStore, destination: str, outgoing: OutgoingMessage
    ) -> OutgoingMessage:
        """Return the message that carries the pointer, checked. Nothing is in S3 yet."""
        upload = store.offload(outgoing.body, self.api.exclusive_queue_url(destination))
        attributes = {**outgoing.attributes, **upload.attributes}
        check_attributes(attributes)
        options = with_deduplication_id(outgoing.options, destination, upload.pointer.sha256)
        size = size_of(upload.body, attributes)
        return OutgoingMessage(upload.body, attributes, options, size, upload, outgoing.hooks)


def encode_payload(
    payload: Publishable,
    binary_encoding: bool = False,
    attributes: Attributes | None = None,
    filter_attributes: FilterAttributes | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the body of a payload, and the attributes of its message in AWS's form.

    Raises:
        EncodeError, EventError: if no body can carry the payload, or for an invalid attribute.
    """
    payload = to_untyped(payload, binary_encoding)
    body, payload_type = encode_with_type_hint(payload, binary_encoding)
    if isinstance(payload, str):  # JSON and Base64 contain no character that AWS refuses
        check_body(body)
    if filter_attributes is not None:
        attributes = with_filter_attributes(attributes, filter_attributes, to_document(payload))
    if not attributes and payload_type is None:
        return body, {}
    aws_attributes = with_payload_type(to_aws(attributes), payload_type)
    check_attributes(aws_attributes)
    return body, aws_attributes


def encode_body(body: str, attributes: Attributes | None = None) -> tuple[str, dict[str, Any]]:
    """Return a raw body as it is, and the attributes of its message in AWS's form.

    Raises:
        EncodeError: for a body that no message can carry, or for an invalid attribute.
    """
    if not isinstance(body, str):
        raise EncodeError('', f'is {safe_repr(body)}: the body of a raw message must be a str')
    check_body(body)
    aws_attributes = to_aws(attributes)
    check_attributes(aws_attributes)
    return body, aws_attributes


def build_message(
    api: ServiceApi,
    destination: str,
    body: str,
    attributes: dict[str, Any],
    options: dict[str, Any],
) -> OutgoingMessage:
    """Return a message with its size, which is not checked. The options have AWS's names.

    Raises:
        EncodeError: for an option that the destination would refuse.
    """
    fifo = is_fifo(destination)
    if options or fifo:
        api.check_options(options, fifo)
    return OutgoingMessage(body, attributes, options, size_of(body, attributes))


def compress_message(
    destination: str, plain: OutgoingMessage, compression: Compression | None
) -> OutgoingMessage:
    """Return a message with a compressed body, if that makes the message smaller."""
    if (
        compression is None
        or len(plain.attributes) == MAX_ATTRIBUTES
        or plain.size > MAX_DECOMPRESSED_BYTES
    ):
        return plain
    body = compress_text(plain.body, compression)
    format = {'DataType': 'String', 'StringValue': compression}
    attributes = {**plain.attributes, COMPRESSION_ATTRIBUTE: format}
    size = size_of(body, attributes)
    if size >= plain.size:
        return plain
    options = plain.options
    if is_fifo(destination):
        digest = sha256_of(plain.body.encode())
        options = with_deduplication_id(options, destination, digest)
    return structs.replace(plain, body=body, attributes=attributes, options=options, size=size)


def message_group(destination: str, options: dict[str, Any]) -> str | None:
    """Return the message group whose order a message keeps; None for no order."""
    group = options.get('MessageGroupId') if options and is_fifo(destination) else None
    return group if isinstance(group, str) else None


def is_fifo(destination: str) -> bool:
    return destination.endswith('.fifo')
