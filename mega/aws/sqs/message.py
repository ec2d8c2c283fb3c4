"""One delivery of a message by SQS, and how its body is opened."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any, Protocol

from mega.aws._messages.attributes import LEGACY_SIZE, PAYLOAD_TYPE_ATTRIBUTE, SIZE, from_aws
from mega.aws.s3.pointer import Pointer, is_offloaded, read_pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.envelope import SubscriptionNotice, unwrap
from mega.codec import AnyPayload, decode, looks_like_envelope
from mega.errors import DecodeError, PointerError, safe_repr
from mega.thawed import thawed

__all__ = (
    'Message',
    'MissingBody',
    'may_be_offloaded',
    'open_message',
    'read_message',
    'timestamp_of',
)


class HasLostFlag(Protocol):
    """Whoever knows whether a message is still held."""

    is_lost: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message, as a subscriber sees it in `self.message`.

    `id` is the message's own and the same in every delivery; `receipt_handle` is this delivery's.
    `attributes` are texts (numbers too, as they were sent) or bytes; where the message came in an
    envelope of SNS, the ones in there.
    `receive_count` is SQS's approximate count of deliveries, this one included.
    `topic_arn` and `subject` are known only where there was an envelope.
    `pointer` is where in S3 the payload came from, if it did; `body` is the message's own.
    Nothing here is proof of where a message came from.
    `lost` may become true while the message is processed. A copy or a pickle does not learn of it.
    """

    id: str
    body: str = field(repr=False)
    receipt_handle: str = field(repr=False)
    attributes: dict[str, str | bytes] = field(default_factory=dict, repr=False)
    group_id: str | None = None
    receive_count: int = 1
    sent_time: datetime | None = None
    topic_arn: str | None = None
    subject: str | None = None
    pointer: Pointer | None = None
    _delivery: HasLostFlag | None = field(default=None, repr=False, compare=False)

    @property
    def lost(self) -> bool:
        """Whether SQS said that the message is not hidden any more: others may have it already.

        It is not deleted then, whatever comes of it here. Something that takes long and must not
        happen twice can ask now and then, and end.
        """
        return self._delivery is not None and self._delivery.is_lost

    def __reduce__(self) -> tuple[Any, ...]:
        # What is in hand is no part of a message, and must not go into a pickle with it.
        return Message, tuple(getattr(self, each.name) for each in fields(Message)[:-1])


@dataclass(frozen=True, slots=True)
class MissingBody:
    """A body that is no longer in S3, of a message that is not worth keeping without it."""

    pointer: Pointer


_thawed_message = thawed(Message)


def read_message(received: dict[str, Any], holding: HasLostFlag | None = None) -> Message:
    """Read a message as ReceiveMessage gives it. Whatever SQS may come to add is ignored.

    `holding` is asked whether it is lost.
    """
    system = received.get('Attributes', {})
    attributes = received.get('MessageAttributes')
    return _thawed_message(
        received['MessageId'],
        received.get('Body', ''),
        received['ReceiptHandle'],
        from_aws(attributes) if attributes else {},
        system.get('MessageGroupId'),
        _whole(system.get('ApproximateReceiveCount')) or 1,
        timestamp_of(system.get('SentTimestamp')),
        None,  # only an envelope knows the topic
        None,
        None,
        holding,
    )


def may_be_offloaded(received: dict[str, Any]) -> bool:
    """Whether a message may have to be fetched from S3; without looking at it closely."""
    attributes = received.get('MessageAttributes')
    if attributes and is_offloaded(attributes):
        return True
    body = received.get('Body', '')  # an envelope has attributes of its own
    return f'"{SIZE}"' in body or f'"{LEGACY_SIZE}"' in body


def open_message(
    message: Message, store: S3PayloadStore | None = None
) -> tuple[Message, AnyPayload | SubscriptionNotice | MissingBody]:
    """Take the payload out of a message, out of its envelope and out of S3 too.

    A body in S3 is fetched where an attribute announces it, once; what is there is neither an
    envelope nor a pointer again. A marked body is what the mark says. Otherwise an envelope is
    opened, once: what it holds is opened by the mark among its own attributes, or by what it begins
    with.

    Raises:
        DecodeError: for a body that is not what it begins as or is marked as.
        EnvelopeError: for a broken envelope.
        PointerError: for a pointer that is broken or may not be followed, or leads to nothing.
        OffloadError: for a body that cannot be fetched now.
        EventError: for an event that breaks the protocol.
    """
    if message.attributes and is_offloaded(message.attributes):
        return _fetched(message, message.body, store)
    mark = _payload_type(message)
    payload = decode(message.body, mark)
    if mark is not None or not isinstance(payload, dict) or not looks_like_envelope(payload):
        return message, payload
    envelope = unwrap(payload)
    if isinstance(envelope, SubscriptionNotice):
        return replace(message, topic_arn=envelope.topic_arn), envelope
    inner = replace(
        message,
        attributes=envelope.attributes,
        topic_arn=envelope.topic_arn,
        subject=envelope.subject,
    )
    if is_offloaded(inner.attributes):
        return _fetched(inner, envelope.body, store)
    return inner, decode(envelope.body, _payload_type(inner))


def _fetched(
    message: Message, body: str, store: S3PayloadStore | None
) -> tuple[Message, AnyPayload | MissingBody]:
    pointer = read_pointer(body, message.attributes)
    if store is None:
        where = safe_repr(pointer.bucket)
        raise PointerError(
            f'its body lies in S3, in {where}, and the listener has no payload_store'
        )
    fetched = store.fetch(pointer)
    if fetched is not None:
        message = replace(message, pointer=fetched.pointer)
        return message, decode(fetched.body, _payload_type(message))
    if store.on_missing == 'raw':
        return replace(message, pointer=pointer), body
    if store.on_missing == 'delete':
        return message, MissingBody(pointer)
    raise PointerError(
        f'its body is gone: {safe_repr(pointer.bucket)} has no {safe_repr(pointer.key)}'
    )


def _payload_type(message: Message) -> str | None:
    mark = message.attributes.get(PAYLOAD_TYPE_ATTRIBUTE)
    if isinstance(mark, bytes):
        raise DecodeError(
            f'its attribute {PAYLOAD_TYPE_ATTRIBUTE} is {safe_repr(mark)}, not a text'
        )
    return mark


def _whole(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 20 else None


def timestamp_of(milliseconds: object) -> datetime | None:
    """An instant as SQS gives it, in milliseconds since the epoch; None for anything else."""
    since_epoch = _whole(milliseconds)
    if since_epoch is None:
        return None
    try:
        return datetime.fromtimestamp(since_epoch / 1000, timezone.utc)
    except (OverflowError, OSError, ValueError):  # a clock beyond the year 9999
        return None
