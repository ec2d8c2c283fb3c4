"""The envelope that SNS wraps around a body when *raw message delivery* is off.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mega.aws._messages.attributes import from_envelope
from mega.errors import EnvelopeError, safe_repr

__all__ = ('Envelope', 'SubscriptionNotice', 'is_line', 'parse_envelope')


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body that came through a topic, and the data of the topic about it.

    Every sender to the queue can write an envelope, so none of its data is proof of anything.
    `unreadable` has the optional parts that are not in the form of SNS, as the envelope has them.
    """

    body: str = field(repr=False)
    topic_arn: str
    message_id: str
    timestamp: str
    subject: str | None
    attributes: dict[str, str | bytes]
    unreadable: dict[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SubscriptionNotice:
    """A request of SNS to confirm a subscription, or the notice that a subscription has ended.

    The URL that would confirm it is not kept: a program must not visit a URL because of a message.
    """

    kind: str
    topic_arn: str


def parse_envelope(document: dict[str, Any]) -> Envelope | SubscriptionNotice:
    """Return the content of an object that looks like an envelope, by `looks_like_envelope`.

    An optional part that is not readable is kept beside the others.

    Raises:
        EnvelopeError: for a required field that no envelope of SNS has, and for an unreadable
            attribute that decides how the body is read.
    """
    for name in ('TopicArn', 'MessageId', 'Timestamp'):
        if not is_line(document[name]):
            problem = f'its {name} is {safe_repr(document[name])}, not one line of text'
            raise EnvelopeError(problem)
    topic_arn, subject = document['TopicArn'], document.get('Subject')
    if document['Type'] != 'Notification':
        return SubscriptionNotice(document['Type'], topic_arn)
    attributes, unreadable_attributes = from_envelope(document.get('MessageAttributes') or {})
    unreadable = {}
    if unreadable_attributes:
        unreadable['MessageAttributes'] = unreadable_attributes
    if subject is not None and not is_line(subject):
        unreadable['Subject'], subject = subject, None
    return Envelope(
        document['Message'],
        topic_arn,
        document['MessageId'],
        document['Timestamp'],
        subject,
        attributes,
        unreadable,
    )


def is_line(value: object) -> bool:
    """Return whether a field is one line of text.

    SNS signs its fields line by line, so a field with a line break could pass for two fields.
    """
    return isinstance(value, str) and '\n' not in value and '\r' not in value
