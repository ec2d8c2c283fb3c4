"""The envelope that SNS wraps around a body, where *raw message delivery* is off.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mega.aws._messages.attributes import from_envelope
from mega.errors import EnvelopeError, safe_repr

__all__ = ('Envelope', 'SubscriptionNotice', 'unwrap')


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body that came through a topic, and what the topic said of it.

    Whoever may send to the queue may write one: none of it is proof of anything.
    """

    body: str = field(repr=False)
    topic_arn: str
    subject: str | None
    attributes: dict[str, str | bytes]


@dataclass(frozen=True, slots=True)
class SubscriptionNotice:
    """SNS asks whether a queue wants to be subscribed, or regrets that it no longer is.

    The address by which to answer is not kept: following it is nothing for a program to decide on
    the word of a message.
    """

    kind: str
    topic_arn: str


def unwrap(document: dict[str, Any]) -> Envelope | SubscriptionNotice:
    """Open an object that looks like an envelope (`mega.codec.looks_like_envelope`), once.

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
    # What SNS signs is its fields, one a line: one that holds a line break could pass for two.
    value = document[name]
    if not isinstance(value, str) or '\n' in value or '\r' in value:
        raise EnvelopeError(f'its {name} is {safe_repr(value)}, not one line of text')
    return value
