"""Sends messages to the dead-letter queue: the whole message, and the reason in an attribute."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from mega import timestamps
from mega.aws._messages.attributes import (
    DEAD_LETTER_ATTRIBUTE,
    resent_attributes,
    resent_options,
)
from mega.aws._messages.destinations import queue_name
from mega.aws._messages.limits import MAX_ATTRIBUTES, MAX_BYTES, size_of
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.aws._publishing.sender import Sender
from mega.aws._transport.client import AwsClient
from mega.aws.sqs.message import Message, parse_epoch_milliseconds, read_message
from mega.aws.sqs.service import SQS
from mega.aws.sqs.subscribe.engine.commands import CallResult
from mega.aws.sqs.subscribe.reason import Reason
from mega.errors import TransportError, single_line
from mega.logging import about, get_logger

__all__ = ('DeadLetterSender',)

_log = get_logger(__name__)

_MAX_TEXT_LENGTH = 300


class DeadLetterSender:
    """The dead-letter queue of another queue; None if its messages came from SNS, to a function.

    Safe to share among threads.
    """

    def __init__(self, aws: AwsClient, url: str, source_url: str | None) -> None:
        self.url = url
        self._clock = aws.clock
        self._sender = Sender(aws, SQS, url, max_attempts=1)  # the engine retries
        self._is_fifo = url.endswith('.fifo')
        self._source_url = source_url
        self._queue = {} if source_url is None else {'queue': queue_name(source_url)}

    def send(self, received: dict[str, Any], reason: Reason) -> CallResult:
        """Send a message as ReceiveMessage returned it. Only after OK may it be deleted."""
        message_id = received['MessageId']
        try:
            self._send(received, reason)
        except TransportError as error:
            extra = self._about(received, error=error.code)
            problem = 'message %s was not dead-lettered: %s'
            _log.error(problem, message_id, error, code='dead-letter-failed', extra=extra)
            return CallResult.RETRY if error.retriable else CallResult.FAILED
        except Exception as error:  # a fault of this message: it stays in its queue
            name = type(error).__name__
            problem = 'message %s was not dead-lettered: unexpected %s'
            extra = self._about(received, error=name)
            _log.error(problem, message_id, name, code='dead-letter-failed', extra=extra)
            return CallResult.FAILED
        # The text of an exception of a subscriber may quote the payload.
        detail = (
            f' in {reason.subscriber}' if reason.subscriber else f': {single_line(reason.text)}'
        )
        extra = self._about(received, error=reason.error_name, subscriber=reason.subscriber)
        problem = 'message %s is dead-lettered: %s%s'
        _log.warning(
            problem, message_id, reason.error_name, detail, code='dead-lettered', extra=extra
        )
        return CallResult.OK

    def _send(self, received: dict[str, Any], reason: Reason) -> None:
        message = read_message(received)
        options = {'MessageGroupId': message.group_id or (message.id if self._is_fifo else None)}
        options.update(resent_options(received))
        if self._is_fifo:
            options['MessageDeduplicationId'] = _deduplication_id(message, received)
        body = received.get('Body', '')
        attributes = self._attributes(received, message, reason)
        self._sender.send(OutgoingMessage(body, attributes, options, size_of(body, attributes)))

    def _attributes(
        self, received: dict[str, Any], message: Message, reason: Reason
    ) -> dict[str, Any]:
        """Return the attributes of the message, and the reason if the limits of SQS allow it."""
        attributes = resent_attributes(received)
        text = json.dumps(self._reason(received, message, reason), ensure_ascii=True)
        with_reason = {
            **attributes,
            DEAD_LETTER_ATTRIBUTE: {'DataType': 'String', 'StringValue': text},
        }
        size = size_of(received.get('Body', ''), with_reason)
        if len(with_reason) <= MAX_ATTRIBUTES and size <= MAX_BYTES:
            return with_reason
        _log.warning(
            'message %s has no room for the attribute %s',
            *(message.id, DEAD_LETTER_ATTRIBUTE),
            code='no-room-for-reason',
            extra=self._about(received),
        )
        return attributes

    def _about(self, received: dict[str, Any], **fields: object) -> dict[str, Any]:
        return about(**self._queue, message_id=received['MessageId'], **fields)

    def _reason(
        self, received: dict[str, Any], message: Message, reason: Reason
    ) -> dict[str, object]:
        first_received = received.get('Attributes', {}).get('ApproximateFirstReceiveTimestamp')
        return {
            'error': reason.error_name,
            'text': reason.text[:_MAX_TEXT_LENGTH],
            'subscriber': reason.subscriber,
            'message_id': message.id,
            'source_queue': self._source_url,
            'receive_count': message.receive_count,
            'sent': _format(message.sent_time),
            'first_received': _format(parse_epoch_milliseconds(first_received)),
            'dead_lettered': _format(datetime.fromtimestamp(self._clock.time(), timezone.utc)),
        }


def _deduplication_id(message: Message, received: dict[str, Any]) -> str:
    """Return the same id for each attempt to send a dead letter, also by another listener.

    SQS drops a second copy for five minutes. A redrive sends the message anew, at another time, so
    that its next failure is not a duplicate. If the time is unknown, each receive has its own id.
    """
    from hashlib import sha256  # imports OpenSSL, which only dead letters need

    sent = received.get('Attributes', {}).get('SentTimestamp', message.receipt_handle)
    return sha256(f'{message.id} {sent}'.encode(errors='surrogatepass')).hexdigest()


def _format(timestamp: datetime | None) -> str | None:
    return None if timestamp is None else timestamps.format_timestamp(timestamp)
