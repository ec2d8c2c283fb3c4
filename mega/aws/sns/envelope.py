"""The envelope that SNS wraps around a body when *raw message delivery* is off.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mega.aws._messages.attributes import from_envelope
from mega.errors import EnvelopeError, safe_repr

__all__ = ('Envelope', 'SubscriptionNotice', 'parse_envelope')


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body that came through a topic, and the data of the topic about it.

    Every sender to the queue can write an envelope, so none of its data is proof of anything.
    """

    body: str = field(repr=False)
    topic_arn: str
    subject: str | None
    attributes: dict[str, str | bytes]


@dataclass(frozen=True, slots=True)
class SubscriptionNotice:
    """A request of SNS to confirm a subscription, or the notice that a subscription has ended.

    The URL that would confirm it is not kept: a program must not visit a URL because of a message.
    """

    kind: str
    topic_arn: str


def parse_envelope(document: dict[str, Any]) -> Envelope | SubscriptionNotice:
    """Return the content of an object that looks like an envelope, by `looks_like_envelope`.

    Raises:
        EnvelopeError: for fields that no envelope of SNS has.
    """
    topic_arn = _line(document, 'TopicArn')
    _line(document, 'MessageId')
    _line(document, 'Timestamp')
    if document['Type'] != 'Notification':
        return SubscriptionNotice(document['Type'], topic_arn)
    has_subject = document.get('Subject') is not None
    return Envelope(
        body=document['Message'],
        topic_arn=topic_arn,
        subject=_line(document, 'Subject') if has_subject else None,
        attributes=from_envelope(document.get('MessageAttributes', {})),
    )


def _line(document: dict[str, Any], name: str) -> str:
    # SNS signs its fields line by line, so a field with a line break could pass for two fields.
    value = document[name]
    if not isinstance(value, str) or '\n' in value or '\r' in value:
        raise EnvelopeError(f'its {name} is {safe_repr(value)}, not one line of text')
    return value
