"""A queue as a listener sees it: its calls, each made once, and what SQS says of every message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mega.aws._transport.client import AwsClient
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    ChangeVisibility,
    Entry,
    EntryResult,
    Receive,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.errors import TransportError, safe_repr

__all__ = ('Queue',)

_log = log_of(__name__)

# What is not asked for need not be sent, nor read: API reference of ReceiveMessage.
_SYSTEM_ATTRIBUTES = ['ApproximateReceiveCount', 'SentTimestamp', 'MessageGroupId']
_FIRST_RECEIVE = 'ApproximateFirstReceiveTimestamp'


@dataclass(frozen=True, slots=True)
class Queue:
    """Talks to one queue. Safe to share among threads. Nothing is tried twice here.

    `tells_first_receive` is whether a message says when it was first received.
    """

    aws: AwsClient
    url: str
    visibility_timeout: int
    tells_first_receive: bool = False

    def receive(self, poll: Receive) -> list[Delivery]:
        """Wait for messages, and take what is there.

        Raises:
            TransportError: when the call fails, or AWS did not answer it.
        """
        wanted = [_FIRST_RECEIVE] if self.tells_first_receive else []
        answer = self.aws.call(
            'receive_message',
            QueueUrl=self.url,
            MaxNumberOfMessages=poll.number,
            WaitTimeSeconds=poll.wait,
            VisibilityTimeout=self.visibility_timeout,
            MessageAttributeNames=['All'],
            MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES + wanted,
        )
        if not _is_from_aws(answer):
            # Taken for an empty queue it would be asked again at once, and for ever.
            problem = 'the answer is not of AWS, but of a proxy perhaps'
            raise TransportError('ReceiveMessage', 'NotAws', problem, True)
        return _deliveries(answer.get('Messages'))

    def delete(self, call: Ack) -> list[EntryResult]:
        """Delete messages, and answer of each whether it is gone.

        Raises:
            TransportError: when the call fails, whatever that means for each of them.
        """
        entries = [{'Id': entry.id, 'ReceiptHandle': entry.handle} for entry in call.entries]
        answer = self.aws.call('delete_message_batch', QueueUrl=self.url, Entries=entries)
        return _told(answer, call.entries, 'DeleteMessageBatch')

    def change_visibility(self, call: ChangeVisibility) -> list[EntryResult]:
        """Hide messages for so many seconds, and answer of each whether it is.

        Raises:
            TransportError: when the call fails, whatever that means for each of them.
        """
        entries = [
            {'Id': entry.id, 'ReceiptHandle': entry.handle, 'VisibilityTimeout': entry.seconds}
            for entry in call.entries
        ]
        method = 'change_message_visibility_batch'
        answer = self.aws.call(method, QueueUrl=self.url, Entries=entries)
        return _told(answer, call.entries, 'ChangeMessageVisibilityBatch')


def _told(answer: dict[str, Any], entries: Sequence[Entry], operation: str) -> list[EntryResult]:
    """Read an answer entry by entry. What it does not mention has to be asked again."""
    done, again = EntryResult.DONE, EntryResult.RETRY
    told = {str(each.get('Id')): done for each in _objects(answer.get('Successful'))}
    for failed in _objects(answer.get('Failed')):
        is_final = bool(failed.get('SenderFault')) and 'hrottl' not in str(failed.get('Code'))
        told[str(failed.get('Id'))] = EntryResult.FAILED if is_final else again
        _tell_failure(operation, failed, entries)
    return [told.get(entry.id, again) for entry in entries]


def _tell_failure(operation: str, failed: dict[str, Any], entries: Sequence[Entry]) -> None:
    ids = {entry.id: entry.delivery.id for entry in entries}
    _log.warning(
        'message %s: %s: %s: %s',
        ids.get(str(failed.get('Id')), '?'),
        operation,
        safe_repr(failed.get('Code')),
        safe_repr(failed.get('Message')),
    )


def _deliveries(messages: object) -> list[Delivery]:
    found = []
    for received in _objects(messages):
        if 'MessageId' in received and 'ReceiptHandle' in received:
            system = received.get('Attributes')
            group = system.get('MessageGroupId') if isinstance(system, dict) else None
            whole = Delivery(received['MessageId'], received['ReceiptHandle'], group, received)
            found.append(whole)
    return found


def _is_from_aws(answer: dict[str, Any]) -> bool:
    headers = answer.get('ResponseMetadata', {}).get('HTTPHeaders', {})
    return 'json' in headers.get('content-type', 'json')


def _objects(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
