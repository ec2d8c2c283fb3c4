"""What both publishers share: from a payload to what is sent, and from the answer to the id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mega.aws._attributes import Attributes, marked, to_aws
from mega.codec import AnyPayload, encode, hint
from mega.errors import ConfigurationError, TransportError

__all__ = ('Outgoing', 'destination', 'message_id', 'packed')


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A body with its attributes, in the form that AWS takes."""

    body: str
    attributes: dict[str, Any]


def packed(payload: AnyPayload, binary_encoding: bool, attributes: Attributes | None) -> Outgoing:
    """Encode a payload, and mark it where its body would be misread."""
    body = encode(payload, binary_encoding)
    return Outgoing(body, marked(to_aws(attributes), hint(payload, body)))


def destination(name: str, given: str | None, default: str | None) -> str:
    """The destination of one message: the one given with it, or the publisher's own."""
    if found := given or default:
        return found
    raise ConfigurationError(f'no {name}: give it to the publisher or to the call')


def message_id(operation: str, answer: dict[str, Any]) -> str:
    """The id in an answer. An answer without one was not written by AWS, whatever its status."""
    found = answer.get('MessageId')
    if isinstance(found, str) and found:
        return found
    problem = 'the answer holds no message id, so nobody can say whether the message was sent'
    raise TransportError(operation, 'NoMessageId', problem, True)
