"""One delivery of a message by SQS, and how its body is opened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from mega.aws._attributes import MARK, from_aws
from mega.aws.sns.envelope import Confirmation, unwrap
from mega.codec import AnyPayload, decode, looks_like_envelope
from mega.errors import DecodeError, shorten
from mega.thawed import thawed

__all__ = ('Message', 'open_message', 'read_message')


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message, as a subscriber sees it in `self.message`.

    `id` is the message's own and the same in every delivery; `receipt_handle` is this delivery's.
    `attributes` are texts (numbers too, as they were sent) or bytes; where the message came in an
    envelope of SNS, the ones in there.
    `receive_count` is SQS's approximate count of deliveries, this one included.
    `topic_arn` and `subject` are known only where there was an envelope. Nothing here is proof of
    where a message came from.
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


_thawed_message = thawed(Message)


def read_message(received: dict[str, Any]) -> Message:
    """Read a message as ReceiveMessage gives it. Whatever SQS may come to add is ignored."""
    system = received.get('Attributes', {})
    attributes = received.get('MessageAttributes')
    return _thawed_message(
        received['MessageId'],
        received.get('Body', ''),
        received['ReceiptHandle'],
        from_aws(attributes) if attributes else {},
        system.get('MessageGroupId'),
        _whole(system.get('ApproximateReceiveCount')) or 1,
        _instant(system.get('SentTimestamp')),
        None,  # only an envelope knows the topic
        None,
    )


def open_message(message: Message) -> tuple[Message, AnyPayload | Confirmation]:
    """Take the payload out of a message, out of its envelope too, and what the envelope adds.

    A marked body is what the mark says. Otherwise an envelope is opened, once: what it holds is
    opened by the mark among its own attributes, or by what it begins with.

    Raises:
        DecodeError: for a body that is not what it begins as or is marked as.
        EnvelopeError: for a broken envelope.
        EventError: for an event that breaks the protocol.
    """
    mark = _mark(message)
    payload = decode(message.body, mark)
    if mark is not None or not isinstance(payload, dict) or not looks_like_envelope(payload):
        return message, payload
    envelope = unwrap(payload)
    if isinstance(envelope, Confirmation):
        return replace(message, topic_arn=envelope.topic_arn), envelope
    inner = replace(
        message,
        attributes=envelope.attributes,
        topic_arn=envelope.topic_arn,
        subject=envelope.subject,
    )
    return inner, decode(envelope.body, _mark(inner))


def _mark(message: Message) -> str | None:
    mark = message.attributes.get(MARK)
    if isinstance(mark, bytes):
        raise DecodeError(f'its attribute {MARK} is {shorten(mark)}, not a text')
    return mark


def _whole(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 20 else None


def _instant(milliseconds: object) -> datetime | None:
    since_epoch = _whole(milliseconds)
    if since_epoch is None:
        return None
    try:
        return datetime.fromtimestamp(since_epoch / 1000, timezone.utc)
    except (OverflowError, OSError, ValueError):  # a clock beyond the year 9999
        return None
