"""The calls of a function to SQS: dead letters, and delays of retries.

A function that needs neither has no client, and does not import boto3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mega.aws._messages.destinations import check_host, check_region
from mega.aws._transport.client import AwsClient
from mega.aws._transport.clock import SYSTEM_CLOCK, Clock
from mega.aws.lambda_.failed_record import FailedRecord
from mega.aws.lambda_.records import LambdaRecord
from mega.aws.lambda_.visibility import DelayedRetry, VisibilityChanger, queue_url_of
from mega.aws.sqs.subscribe.reason import Reason

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender

__all__ = ('QueueCalls',)


class QueueCalls:
    """The calls to SQS. `create_client` is called when the first of them needs a client."""

    def __init__(
        self, create_client: Callable[[], AwsClient], dead_letter_queue_url: str | None
    ) -> None:
        self._create_client = create_client
        self._dead_letter_queue_url = dead_letter_queue_url
        self._senders: dict[str | None, DeadLetterSender] = {}
        self._client: AwsClient | None = None
        self._visibility = VisibilityChanger(self.connect)

    @property
    def clock(self) -> Clock:
        """The clock of the client."""
        return SYSTEM_CLOCK if self._client is None else self._client.clock

    def connect(self) -> AwsClient:
        """Create the client, unless there is one, and return it.

        Raises:
            ConfigurationError: if the client cannot reach the dead-letter queue, or for no region.
        """
        if self._client is None:
            aws, url = self._create_client(), self._dead_letter_queue_url
            if url is not None:
                check_host('dead_letter_queue_url', url, aws.endpoint_url)
                check_region('dead_letter_queue_url', url, aws.region)
            self._client = aws
        return self._client

    def dead_letter(self, record: LambdaRecord, reason: Reason) -> bool:
        """Send a message to the dead-letter queue. Return whether that succeeded."""
        from mega.aws.sqs.subscribe.engine.commands import CallResult

        return self._sender(record.queue_arn).send(record.received, reason) is CallResult.OK

    def delay(self, failed: Sequence[FailedRecord]) -> None:
        """Let SQS deliver failed messages again after their delays. A failure is logged."""
        retries = [
            DelayedRetry(each.record, each.record.queue_arn, each.delay)
            for each in failed
            if each.delay is not None and each.record.queue_arn is not None
        ]
        if retries:
            self._visibility.change(retries)

    def close(self) -> None:
        """Close the connections, unless the user passed the client."""
        if self._client is not None:
            self._client.close()

    def _sender(self, queue_arn: str | None) -> DeadLetterSender:
        from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender

        if queue_arn not in self._senders:
            aws, url = self.connect(), self._dead_letter_queue_url
            assert url is not None
            source = None if queue_arn is None else queue_url_of(aws, queue_arn)
            self._senders[queue_arn] = DeadLetterSender(aws, url, source)
        return self._senders[queue_arn]
