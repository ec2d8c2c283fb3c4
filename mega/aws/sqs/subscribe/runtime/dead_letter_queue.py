"""Sending a message to the dead-letter queue, whole and with the reason."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from mega import timestamps
from mega.aws._messages.limits import MAX_ATTRIBUTES, MAX_BYTES, size_of
from mega.aws._publishing.outgoing import Outgoing
from mega.aws._publishing.sender import Sender
from mega.aws._transport.client import AwsClient
from mega.aws.sqs.message import Message, timestamp_of
from mega.aws.sqs.service import SQS
from mega.aws.sqs.subscribe.engine.commands import EntryResult
from mega.aws.sqs.subscribe.processing.settlement import Reason
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.errors import TransportError, safe_repr

__all__ = ('DEAD_LETTER', 'DeadLetterQueue', 'Letter')

_log = log_of(__name__)

DEAD_LETTER = 'MegaDeadLetter'
"""The attribute of a dead-lettered message that says, in JSON, why it is one."""

_TEXT_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it was received, as it was read, and why it is dead-lettered."""

    received: dict[str, Any]
    message: Message
    reason: Reason


class DeadLetterQueue:
    """Where the messages of another queue go that failed for good. Safe to share among threads."""

    def __init__(self, aws: AwsClient, url: str, source_url: str) -> None:
        self._sender = Sender(aws, SQS, url, max_tries=1)  # the engine retries
        self._is_fifo = url.endswith('.fifo')
        self._source_url = source_url

    def send(self, letter: Letter) -> EntryResult:
        """Send a message, and answer whether it was. Only when it is done may it be deleted."""
        message, reason = letter.message, letter.reason
        options = {'MessageGroupId': message.group_id or (message.id if self._is_fifo else None)}
        if self._is_fifo:
            # A message that is redriven and fails again is no duplicate of its first failure.
            options['MessageDeduplicationId'] = uuid.uuid4().hex
        body = letter.received.get('Body', '')
        attributes = self._attributes(letter)
        outgoing = Outgoing(body, attributes, options, size_of(body, attributes))
        try:
            self._sender.send(outgoing)
        except TransportError as error:
            _log.error('message %s was not dead-lettered: %s', message.id, error)
            return EntryResult.RETRY if error.retriable else EntryResult.FAILED
        _log.warning(
            'message %s is dead-lettered: %s: %s', message.id, reason.error, safe_repr(reason.text)
        )
        return EntryResult.DONE

    def _attributes(self, letter: Letter) -> dict[str, Any]:
        """The attributes of the message as it came, and the reason where there is room for it."""
        attributes = {
            name: {key: value for key, value in attribute.items() if value}
            for name, attribute in letter.received.get('MessageAttributes', {}).items()
            if name != DEAD_LETTER
        }
        why = json.dumps(self._why(letter), ensure_ascii=True)
        all_of_them = {**attributes, DEAD_LETTER: {'DataType': 'String', 'StringValue': why}}
        size = size_of(letter.received.get('Body', ''), all_of_them)
        if len(all_of_them) <= MAX_ATTRIBUTES and size <= MAX_BYTES:
            return all_of_them
        _log.warning('message %s has no room for an attribute that says why', letter.message.id)
        return attributes

    def _why(self, letter: Letter) -> dict[str, object]:
        message, reason, sent = letter.message, letter.reason, letter.message.sent_time
        system = letter.received.get('Attributes', {})
        return {
            'error': reason.error,
            'text': reason.text[:_TEXT_LENGTH],
            'subscriber': reason.subscriber,
            'message_id': message.id,
            'source_queue': self._source_url,
            'receive_count': message.receive_count,
            'sent': _text(sent),
            'first_received': _text(timestamp_of(system.get('ApproximateFirstReceiveTimestamp'))),
            'dead_lettered': _text(datetime.now(timezone.utc)),
        }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else timestamps.format_timestamp(instant)
