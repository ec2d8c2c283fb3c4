"""The calls of a listener to its queue. Each is made once, with the engine's time limit.

The engine repeats a call that failed.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from mega.aws._messages.batch_response import all_successful, read_batch_response
from mega.aws._messages.destinations import queue_name
from mega.aws._transport.client import AwsClient
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    ChangeVisibility,
    Delete,
    Receive,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.errors import TransportError, safe_repr
from mega.logging import about, get_logger

__all__ = ('OPERATIONS', 'QueueClient')

_log = get_logger(__name__)

OPERATIONS: dict[type[BatchCommand], str] = {
    Delete: 'DeleteMessageBatch',
    ChangeVisibility: 'ChangeMessageVisibilityBatch',
}
"""The operation of SQS for each batch command."""

# SQS does not send attributes that a receive does not ask for: API reference of ReceiveMessage. SQS
# accepts two parameters for their names, and some local servers know only one of them.


class QueueClient(Struct, frozen=True):
    """The calls to one queue. Safe to share among threads."""

    aws: AwsClient
    url: str
    _warnings: set[str] = msgspec.field(default_factory=set)

    def receive(self, receive: Receive) -> list[Delivery]:
        """Receive messages, with a long poll.

        Raises:
            TransportError: if the call fails, or if the answer is not from AWS.
        """
        response = self._call(
            receive,
            'receive_message',
            MaxNumberOfMessages=receive.max_messages,
            WaitTimeSeconds=receive.wait_seconds,
            VisibilityTimeout=receive.visibility_timeout,
            ReceiveRequestAttemptId=receive.attempt_id,
            MessageAttributeNames=['All'],
            AttributeNames=['All'],
            MessageSystemAttributeNames=['All'],  # some servers know only one of the two names
        )
        if not _is_from_aws(response):
            # It would look like an empty queue, and the listener would repeat it at once.
            problem = 'the answer is not from AWS, but perhaps from a proxy'
            raise TransportError('ReceiveMessage', 'NotAws', problem, True)
        deliveries = _deliveries(response.get('Messages'))
        if self.url.endswith('.fifo') and any(each.group is None for each in deliveries):
            self._warn_once(
                '%s is a FIFO queue, and its server does not name the groups of messages: '
                'they are processed one by one, as a single message group'
            )
        return deliveries

    def delete(self, call: Delete) -> list[CallResult]:
        """Delete messages, and return the result of each.

        Raises:
            TransportError: if the whole call fails. Some messages may be deleted.
        """
        entries = [
            {'Id': entry.id, 'ReceiptHandle': entry.receipt_handle} for entry in call.entries
        ]
        response = self._call(call, 'delete_message_batch', Entries=entries)
        return _entry_results(response, call, self.url)

    def change_visibility(self, call: ChangeVisibility) -> list[CallResult]:
        """Change the visibility timeout of messages, and return the result of each.

        Raises:
            TransportError: if the whole call fails. Some visibility timeouts may have changed.
        """
        entries = [
            {
                'Id': entry.id,
                'ReceiptHandle': entry.receipt_handle,
                'VisibilityTimeout': entry.seconds,
            }
            for entry in call.entries
        ]
        response = self._call(call, 'change_message_visibility_batch', Entries=entries)
        return _entry_results(response, call, self.url)

    def _warn_once(self, text: str) -> None:
        if text not in self._warnings:
            self._warnings.add(text)
            _log.warning(
                text, self.url, code='no-message-groups', extra=about(queue=queue_name(self.url))
            )

    def _call(
        self, command: Receive | BatchCommand, method: str, **parameters: Any
    ) -> dict[str, Any]:
        clock, is_repetition = self.aws.clock, command.is_repetition
        with within(TimeLimit(command.time_limit, clock, is_repetition=is_repetition)):
            return self.aws.call(method, QueueUrl=self.url, **parameters)


def _entry_results(response: dict[str, Any], call: BatchCommand, url: str) -> list[CallResult]:
    """Return the result of each entry of a batch call to a queue, and log the failures."""
    results, entries, operation = [], call.entries, OPERATIONS[type(call)]
    ids = [entry.id for entry in entries]
    if all_successful(response, ids):
        return [CallResult.OK] * len(entries)
    answers = read_batch_response(response, ids)
    for entry, answer in zip(entries, answers, strict=True):
        if answer.is_successful:
            results.append(CallResult.OK)
            continue
        results.append(CallResult.RETRY if answer.is_retriable else CallResult.FAILED)
        code, problem = safe_repr(answer.code), safe_repr(answer.problem)
        _log.warning(
            'message %s: %s: %s: %s',
            *(entry.delivery.id, operation, code, problem),
            code='entry-refused',
            extra=about(
                queue=queue_name(url),
                message_id=entry.delivery.id,
                operation=operation,
                error=answer.code,
            ),
        )
    return results


def _deliveries(messages: object) -> list[Delivery]:
    deliveries = []
    for received in messages if isinstance(messages, list) else ():
        if not isinstance(received, dict):
            continue
        id, handle = _text(received, 'MessageId'), _text(received, 'ReceiptHandle')
        if id is not None and handle is not None:
            group = _text(received.get('Attributes'), 'MessageGroupId')
            deliveries.append(Delivery(id, handle, group, received))
    return deliveries


def _text(fields: object, name: str) -> str | None:
    """Return a field of the answer; None if it is missing, or not a text as SQS sends it."""
    found = fields.get(name) if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None


def _is_from_aws(response: dict[str, Any]) -> bool:
    headers = response.get('ResponseMetadata', {}).get('HTTPHeaders', {})
    return 'json' in headers.get('content-type', 'json')
