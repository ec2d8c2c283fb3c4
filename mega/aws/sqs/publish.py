"""Sending payloads to an SQS queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mega.aws._messages.attributes import Attributes, FilterAttributes
from mega.aws._publishing.buffer import PublishBuffer
from mega.aws._publishing.outgoing import PublishResult
from mega.aws._publishing.publisher import PerMessage, Publisher
from mega.aws._transport.client import ClosesClient, connect
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.service import SQS
from mega.codec import AnyPayload

__all__ = ('SqsPublisher',)


class SqsPublisher(ClosesClient):
    """Sends payloads to SQS queues.

    Give it a `queue_url`, or give one with each call. Credentials and region are found by boto3's
    own rules where they are not given: environment, profile, role; a queue's URL names its region.
    A ready `session=` or `client=` is taken as it is.

    With a `payload_store`, a body that is too large for a message goes to S3; without one it is
    refused. The store is the caller's to close.

    Safe to share among threads. Close it, or use it as a context manager, to close its connections.

    A call whose outcome is unknown (a timeout, a reset) is sent again. On a standard queue that may
    deliver the message twice; on a FIFO queue SQS drops the second one.

    Raises:
        ConfigurationError: without a region, with a bad endpoint, or options that contradict.
    """

    def __init__(
        self,
        queue_url: str | None = None,
        *,
        payload_store: S3PayloadStore | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        aws = connect(
            'sqs',
            queue_url,
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            aws_session_token=aws_session_token,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
            attempts=1,  # the sender retries
        )
        super().__init__(aws)
        self._publisher = Publisher(aws, SQS, queue_url, payload_store)

    def publish(
        self,
        payload: AnyPayload,
        binary_encoding: bool = False,
        *,
        queue_url: str | None = None,
        message_attributes: Attributes | None = None,
        filter_attributes: FilterAttributes | None = None,
        delay_seconds: int | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Send a payload, and answer SQS's id of the message.

        Events and data objects go as JSON, or as BSON in Base64 with `binary_encoding`.
        `message_attributes` are a str, a number or bytes each, or AWS's own objects.
        `filter_attributes` are fields of the payload to set as attributes where it has them, for a
        filter policy of SNS: `{'kind': 'event.name'}`, or `['event.name']` for `event_name`.
        `message_group_id` is the order to keep on a FIFO queue, the tenant on a fair queue.
        When this returns, SQS has the message.

        Raises:
            EncodeError: for a payload or an attribute that no message can carry, with its path.
            EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
            PayloadTooLargeError: for a message that the queue does not take, without a store.
            OffloadError: when S3 does not take the body. Then nothing is sent.
            TransportError: when SQS does not take the message, or does not say that it did.
        """
        options = _options(delay_seconds, message_group_id, message_deduplication_id)
        return self._publisher.publish(
            payload, binary_encoding, queue_url, message_attributes, options, filter_attributes
        )

    def publish_raw_message(
        self,
        body: str,
        *,
        queue_url: str | None = None,
        message_attributes: Attributes | None = None,
        delay_seconds: int | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Send a body as it is, and answer SQS's id of the message.

        A listener opens it as it opens any producer's: by the attribute `MegaPayloadType`, or by
        what the body begins with.

        Raises:
            EncodeError: for a body that is no text or empty.
            PayloadTooLargeError: for a message that the queue does not take, without a store.
            OffloadError: when S3 does not take the body. Then nothing is sent.
            TransportError: when SQS does not take the message, or does not say that it did.
        """
        options = _options(delay_seconds, message_group_id, message_deduplication_id)
        return self._publisher.publish_raw(body, queue_url, message_attributes, options)

    def publish_batch(
        self,
        payloads: Iterable[AnyPayload],
        binary_encoding: bool = False,
        *,
        queue_url: str | None = None,
        message_attributes: PerMessage = None,
        filter_attributes: FilterAttributes | None = None,
        delay_seconds: PerMessage = None,
        message_group_id: PerMessage = None,
        message_deduplication_id: PerMessage = None,
        concurrency: int = 1,
        raise_on_failure: bool = True,
    ) -> list[PublishResult]:
        """Send any number of payloads, up to ten in a call, and tell of each what came of it.

        `payloads` is read as it is sent, some hundred ahead.
        What goes with a message is one value for all, or a function of the payload.
        `filter_attributes` are the same for all: they are read from each payload.
        `concurrency` is how many calls are under way at a time, 1 to 50.
        On a FIFO queue one message of a group is, which keeps its order; after one that failed for
        good, none of its group is sent.
        What fails through no fault of its own is sent again, up to five times.
        The results are in the order of the payloads.

        Raises:
            PublishError: when a payload was not published, with `.results`, unless
                `raise_on_failure=False`; and whenever `payloads` itself raises.
            ConfigurationError: for a destination that this publisher does not reach.
        """
        options = _options(delay_seconds, message_group_id, message_deduplication_id)
        return self._publisher.publish_batch(
            payloads,
            binary_encoding,
            queue_url,
            message_attributes,
            options,
            concurrency,
            raise_on_failure,
            filter_attributes,
        )

    def buffer(
        self,
        *,
        queue_url: str | None = None,
        max_messages: int = 10,
        max_seconds: float = 0.1,
        max_pending: int = 10_000,
    ) -> PublishBuffer:
        """Open a buffer, for many threads that publish one payload at a time.

        Use it as a context manager: its end waits until everything is sent.

        Raises:
            ConfigurationError: for limits that cannot work.
        """
        return self._publisher.buffer(queue_url, max_messages, max_seconds, max_pending)


def _options(
    delay_seconds: PerMessage, message_group_id: PerMessage, message_deduplication_id: PerMessage
) -> dict[str, PerMessage]:
    """Return the options that are set, by AWS's names."""
    options = {}
    if delay_seconds is not None:
        options['DelaySeconds'] = delay_seconds
    if message_group_id is not None:
        options['MessageGroupId'] = message_group_id
    if message_deduplication_id is not None:
        options['MessageDeduplicationId'] = message_deduplication_id
    return options
