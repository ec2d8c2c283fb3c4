"""Publishing payloads to an SNS topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mega.aws._messages.attributes import Attributes, FilterAttributes
from mega.aws._publishing.buffer import PublishBuffer
from mega.aws._publishing.outgoing import PublishResult
from mega.aws._publishing.publisher import PerMessage, Publisher
from mega.aws._transport.client import ClosesClient, connect
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.service import SNS
from mega.codec import AnyPayload

__all__ = ('SnsPublisher',)


class SnsPublisher(ClosesClient):
    """Publishes payloads to SNS topics, which hand them to everybody who subscribed.

    Give it a `topic_arn`, or give one with each call. Credentials and region are found by boto3's
    own rules where they are not given: environment, profile, role; a topic's ARN names its region.
    A ready `session=` or `client=` is taken as it is.

    With a `payload_store`, a body that is too large for a message goes to S3; without one it is
    refused. The store is the caller's to close.

    Safe to share among threads. Close it, or use it as a context manager, to close its connections.

    A call whose outcome is unknown (a timeout, a reset) is sent again. On a standard topic that may
    deliver the message twice; on a FIFO topic SNS drops the second one.

    Raises:
        ConfigurationError: without a region, with a bad endpoint, or options that contradict.
    """

    def __init__(
        self,
        topic_arn: str | None = None,
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
            'sns',
            topic_arn,
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
        self._publisher = Publisher(aws, SNS, topic_arn, payload_store)

    def publish(
        self,
        payload: AnyPayload,
        binary_encoding: bool = False,
        *,
        topic_arn: str | None = None,
        message_attributes: Attributes | None = None,
        filter_attributes: FilterAttributes | None = None,
        subject: str | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish a payload, and answer SNS's id of the message.

        Events and data objects go as JSON, or as BSON in Base64 with `binary_encoding`.
        `message_attributes` are a str, a number or bytes each, or AWS's own objects.
        `filter_attributes` are fields of the payload to set as attributes where it has them, for a
        filter policy of SNS: `{'kind': 'event.name'}`, or `['event.name']` for `event_name`.
        `message_group_id` is the order to keep on a FIFO topic, or the tenant of fair queues.
        `subject` reaches subscribers by mail, and those who get SNS's envelope.
        When this returns, SNS has the message. Its id is not the id that a queue gives it.

        Raises:
            EncodeError: for a payload or an attribute that no message can carry, with its path.
            EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
            PayloadTooLargeError: for a message that the topic does not take, without a store.
            OffloadError: when S3 does not take the body. Then nothing is sent.
            TransportError: when SNS does not take the message, or does not say that it did.
        """
        options = _options(subject, message_group_id, message_deduplication_id)
        return self._publisher.publish(
            payload, binary_encoding, topic_arn, message_attributes, options, filter_attributes
        )

    def publish_raw_message(
        self,
        body: str,
        *,
        topic_arn: str | None = None,
        message_attributes: Attributes | None = None,
        subject: str | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish a body as it is, and answer SNS's id of the message.

        A listener opens it as it opens any producer's: by the attribute `MegaPayloadType`, or by
        what the body begins with.

        Raises:
            EncodeError: for a body that is no text or empty.
            PayloadTooLargeError: for a message that the topic does not take, without a store.
            OffloadError: when S3 does not take the body. Then nothing is sent.
            TransportError: when SNS does not take the message, or does not say that it did.
        """
        options = _options(subject, message_group_id, message_deduplication_id)
        return self._publisher.publish_raw(body, topic_arn, message_attributes, options)

    def publish_batch(
        self,
        payloads: Iterable[AnyPayload],
        binary_encoding: bool = False,
        *,
        topic_arn: str | None = None,
        message_attributes: PerMessage = None,
        filter_attributes: FilterAttributes | None = None,
        subject: PerMessage = None,
        message_group_id: PerMessage = None,
        message_deduplication_id: PerMessage = None,
        concurrency: int = 1,
        raise_on_failure: bool = True,
    ) -> list[PublishResult]:
        """Publish any number of payloads, up to ten in a call, and tell of each what came of it.

        `payloads` is read as it is sent, some hundred ahead.
        What goes with a message is one value for all, or a function of the payload.
        `filter_attributes` are the same for all: they are read from each payload.
        `concurrency` is how many calls are under way at a time, 1 to 50.
        On a FIFO topic one message of a group is, which keeps its order; after one that failed for
        good, none of its group is sent.
        What fails through no fault of its own is sent again, up to five times.
        The results are in the order of the payloads.

        Raises:
            PublishError: when a payload was not published, with `.results`, unless
                `raise_on_failure=False`; and whenever `payloads` itself raises.
            ConfigurationError: for a destination that this publisher does not reach.
        """
        options = _options(subject, message_group_id, message_deduplication_id)
        return self._publisher.publish_batch(
            payloads,
            binary_encoding,
            topic_arn,
            message_attributes,
            options,
            concurrency,
            raise_on_failure,
            filter_attributes,
        )

    def buffer(
        self,
        *,
        topic_arn: str | None = None,
        max_messages: int = 10,
        max_seconds: float = 0.1,
        max_pending: int = 10_000,
    ) -> PublishBuffer:
        """Open a buffer, for many threads that publish one payload at a time.

        Use it as a context manager: its end waits until everything is sent.

        Raises:
            ConfigurationError: for limits that cannot work.
        """
        return self._publisher.buffer(topic_arn, max_messages, max_seconds, max_pending)


def _options(
    subject: PerMessage, message_group_id: PerMessage, message_deduplication_id: PerMessage
) -> dict[str, PerMessage]:
    """Return the options that are set, by AWS's names."""
    options = {}
    if subject is not None:
        options['Subject'] = subject
    if message_group_id is not None:
        options['MessageGroupId'] = message_group_id
    if message_deduplication_id is not None:
        options['MessageDeduplicationId'] = message_deduplication_id
    return options
