"""Telling SQS what becomes of a message: the calls behind a verdict.

Nothing here raises for a message: what could not be said is logged, and the message comes again.
"""

from __future__ import annotations

import json
import logging
import uuid
from datetime import datetime, timezone
from typing import Any

from mega import instants
from mega.aws._client import Aws
from mega.aws._limits import MAX_ATTRIBUTES, MAX_BYTES, size_of
from mega.aws._sending import Outgoing, Sender
from mega.aws.sqs.message import Message
from mega.aws.sqs.publish import SQS
from mega.aws.sqs.subscribe.stats import Tally
from mega.aws.sqs.subscribe.verdict import Reason
from mega.errors import TransportError, shorten

__all__ = ('DEAD_LETTER', 'Settler')

_log = logging.getLogger(__name__)

DEAD_LETTER = 'MegaDeadLetter'
"""The attribute of a dead-lettered message that says, in JSON, why it is one."""

_TEXT_LENGTH = 300


class Settler:
    """Settles the messages of one queue. Each method answers whether SQS agreed."""

    def __init__(
        self, aws: Aws, queue_url: str, dead_letter_queue_url: str | None, tally: Tally
    ) -> None:
        self._aws = aws
        self._tally = tally
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url

    def ack(self, message: Message) -> bool:
        """Delete a message. Without success it will be delivered, and processed, once more."""
        return self._tell('delete_message', message, 'it will be processed again')

    def hide(self, message: Message, seconds: int) -> bool:
        """Let a message come again after so many seconds; 0 is at once."""
        consequence = 'it comes again when its visibility timeout ends'
        return self._tell(
            'change_message_visibility', message, consequence, VisibilityTimeout=seconds
        )

    def dead_letter(self, received: dict[str, Any], message: Message, reason: Reason) -> bool:
        """Send a message, whole and with the reason, to the dead-letter queue.

        Only when this answers true may the message be deleted.
        """
        assert self._dead_letter_queue_url
        is_fifo = self._dead_letter_queue_url.endswith('.fifo')
        options = {'MessageGroupId': message.group_id or (message.id if is_fifo else None)}
        if is_fifo:
            # A message that is redriven and fails again is no duplicate of its first failure.
            options['MessageDeduplicationId'] = uuid.uuid4().hex
        attributes = self._attributes(received, message, reason)
        body = received.get('Body', '')
        outgoing = Outgoing(body, attributes, options, size_of(body, attributes))
        try:
            Sender(self._aws, SQS, self._dead_letter_queue_url).send(outgoing)
        except TransportError as error:
            self._tally.add('errors')
            _log.error('message %s was not dead-lettered and stays: %s', message.id, error)
            return False
        _log.warning(
            'message %s is dead-lettered: %s: %s', message.id, reason.error, shorten(reason.text)
        )
        return True

    def _tell(self, method: str, message: Message, consequence: str, **parameters: Any) -> bool:
        try:
            self._aws.call(
                method,
                QueueUrl=self._queue_url,
                ReceiptHandle=message.receipt_handle,
                **parameters,
            )
        except TransportError as error:
            self._tally.add('errors')
            _log.error('message %s: %s; %s', message.id, error, consequence)
            return False
        return True

    def _attributes(
        self, received: dict[str, Any], message: Message, reason: Reason
    ) -> dict[str, Any]:
        """The attributes of the message as it came, and the reason where there is room for it."""
        attributes = {
            name: {key: value for key, value in attribute.items() if value}
            for name, attribute in received.get('MessageAttributes', {}).items()
            if name != DEAD_LETTER
        }
        why = json.dumps(self._why(message, reason), ensure_ascii=True)
        all_of_them = {**attributes, DEAD_LETTER: {'DataType': 'String', 'StringValue': why}}
        size = size_of(received.get('Body', ''), all_of_them)
        if len(all_of_them) <= MAX_ATTRIBUTES and size <= MAX_BYTES:
            return all_of_them
        _log.warning('message %s has no room for an attribute that says why', message.id)
        return attributes

    def _why(self, message: Message, reason: Reason) -> dict[str, object]:
        sent = message.sent_time
        return {
            'error': reason.error,
            'text': reason.text[:_TEXT_LENGTH],
            'subscriber': reason.subscriber,
            'message_id': message.id,
            'source_queue': self._queue_url,
            'receive_count': message.receive_count,
            'sent': None if sent is None else instants.to_text(sent),
            'dead_lettered': instants.to_text(datetime.now(timezone.utc)),
        }
