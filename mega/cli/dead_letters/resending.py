"""A dead letter as a message that is sent again.

The body, the message attributes, the group and the trace header of AWS remain as they are, byte for
byte. `MegaDeadLetter` is removed, and `MegaMessageId` gets the first id of the message.

The deduplication id of the original must not remain: SQS would drop a message that is sent again
within five minutes. Its place takes a hash of the dead letter, which is the same for each attempt
to send this letter: if a process is killed after its send, a FIFO queue drops the second one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from mega.aws._messages.attributes import (
    DEAD_LETTER_ATTRIBUTE,
    MESSAGE_ID_ATTRIBUTE,
    resent_attributes,
    resent_options,
    to_aws,
)
from mega.aws._messages.limits import MAX_ATTRIBUTES, MAX_BYTES, size_of
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.aws._publishing.sender import Sender
from mega.aws._transport.time_limits import TimeLimit, within
from mega.cli.dead_letters.letters import DeadLetter
from mega.cli.output import json_text

__all__ = ('SEND_SECONDS', 'outgoing_message', 'send')

SEND_SECONDS = 30
"""Seconds for all attempts to send a message."""


def outgoing_message(
    letter: DeadLetter, destination: str, *, keeps_reason: bool = False
) -> OutgoingMessage:
    """Return the message that repeats a dead letter.

    It has no `MegaMessageId` if that would exceed the limits of SQS.
    """
    body = letter.received.get('Body', '')
    attributes = _attributes(letter, keeps_reason)
    with_id = {**attributes, **to_aws({MESSAGE_ID_ATTRIBUTE: letter.first_id})}
    if len(with_id) <= MAX_ATTRIBUTES and size_of(body, with_id) <= MAX_BYTES:
        attributes = with_id
    options = _options(letter, attributes, destination.endswith('.fifo'))
    return OutgoingMessage(body, attributes, options, size_of(body, attributes))


def send(sender: Sender, outgoing: OutgoingMessage) -> str:
    """Send a message within the time limit, and return its id.

    Raises:
        TransportError: if SQS refused the message, or the outcome of the last try is unknown.
    """
    with within(TimeLimit(SEND_SECONDS, sender.aws.clock)):
        return sender.send(outgoing)


def _attributes(letter: DeadLetter, keeps_reason: bool) -> dict[str, Any]:
    attributes = resent_attributes(letter.received)
    reason = (letter.received.get('MessageAttributes') or {}).get(DEAD_LETTER_ATTRIBUTE)
    if keeps_reason and reason is not None:
        attributes[DEAD_LETTER_ATTRIBUTE] = reason
    return attributes


def _options(letter: DeadLetter, attributes: dict[str, Any], to_fifo: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if letter.group_id is not None:
        options['MessageGroupId'] = letter.group_id
    if to_fifo:
        options.setdefault('MessageGroupId', letter.first_id)
        content = json_text([letter.id, letter.received.get('Body'), attributes])
        options['MessageDeduplicationId'] = sha256(content.encode()).hexdigest()
    return {**options, **resent_options(letter.received)}
