"""A queue as a listener sees it: what it gives, and whether it is fit to listen to."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from mega.aws._client import Aws
from mega.errors import TransportError

__all__ = ('Batch', 'Queue')

_log = logging.getLogger(__name__)

_NO_QUEUE = ('AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist')


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages as ReceiveMessage gives them.

    `hidden_until` is when others may receive them, by the clock of `time.monotonic()`.
    """

    messages: tuple[dict[str, Any], ...]
    hidden_until: float

    @classmethod
    def of(cls, answer: dict[str, Any], hidden_until: float) -> Batch:
        """Read an answer. One that AWS did not write (a proxy's, say) holds no messages."""
        found = answer.get('Messages')
        messages = found if isinstance(found, list) else []
        return cls(tuple(filter(_is_message, messages)), hidden_until)


@dataclass(frozen=True, slots=True)
class Queue:
    """Receives from one queue. Safe to share among threads."""

    aws: Aws
    url: str
    max_number_of_messages: int
    visibility_timeout: int

    def receive(self, wait_time_seconds: int) -> Batch:
        """Wait so many seconds for messages, and take what is there.

        Raises:
            TransportError: when the call fails, or AWS did not answer it.
        """
        answer = self.aws.call(
            'receive_message',
            QueueUrl=self.url,
            MaxNumberOfMessages=self.max_number_of_messages,
            WaitTimeSeconds=wait_time_seconds,
            VisibilityTimeout=self.visibility_timeout,
            MessageAttributeNames=['All'],
            MessageSystemAttributeNames=['All'],
        )
        if not _is_from_aws(answer):
            # Taken for an empty queue it would be asked again at once, and for ever.
            problem = 'the answer is not of AWS, but of a proxy perhaps'
            raise TransportError('ReceiveMessage', 'NotAws', problem, True)
        return Batch.of(answer, time.monotonic() + self.visibility_timeout)

    def check(self, has_dead_letter_queue: bool) -> None:
        """See that the queue is there, and that what fails for good has somewhere to go.

        Raises:
            TransportError: when it is not there. What else may be wrong is logged.
        """
        try:
            answer = self.aws.call(
                'get_queue_attributes', QueueUrl=self.url, AttributeNames=['RedrivePolicy']
            )
        except TransportError as error:
            if error.code in _NO_QUEUE:
                raise
            _log.warning('the settings of %s cannot be checked: %s', self.url, error)
            return
        if 'RedrivePolicy' not in answer.get('Attributes', {}) and not has_dead_letter_queue:
            _log.warning(
                '%s has no redrive policy, and the listener no dead_letter_queue_url: what fails '
                'for good is deleted and lost, and what cannot be opened comes again until it '
                'expires. Give it one of the two.',
                self.url,
            )


def _is_from_aws(answer: dict[str, Any]) -> bool:
    headers = answer.get('ResponseMetadata', {}).get('HTTPHeaders', {})
    return 'json' in headers.get('content-type', 'json')


def _is_message(found: object) -> bool:
    return isinstance(found, dict) and 'MessageId' in found and 'ReceiptHandle' in found
