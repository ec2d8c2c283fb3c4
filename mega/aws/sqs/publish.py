"""The publisher to SQS queues."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from mega.aws._hooks.publishing import PublishHook, PublishResult, replaced_instrumentation
from mega.aws._hooks.running import check_hooks
from mega.aws._messages.attributes import Attributes, FilterAttributes
from mega.aws._messages.compression import Compression
from mega.aws._messages.destinations import check_queue_url
from mega.aws._publishing.buffer import BufferLimits, PublishBuffer
from mega.aws._publishing.publisher import PerMessage, Publisher
from mega.aws._publishing.streams import Streamable
from mega.aws._transport.client import ClientOwner, create_client
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.service import SQS
from mega.codec import Publishable
from mega.errors import Seconds

__all__ = ('SqsPublisher',)


class SqsPublisher(ClientOwner):
    """Publishes payloads to SQS queues.

    Pass a `queue_url` to the constructor or to each call. Credentials and region that are not given
    are found by boto3's own rules: environment, profile, role. A queue's URL names its region. A
    ready `session=` or `client=` is used as it is.

    With a `payload_store`, a body that is too large for a message is offloaded to S3. Without one
    it is refused. The caller closes the store.

    `compression` (`'gzip'`, or `'zstd'` with the extra `zstd` before Python 3.14) compresses each
    body of up to 4 MiB that becomes smaller so, before its size decides about S3. The message has
    one more attribute. Only this library reads such a body without further work, and a filter
    policy with the scope `MessageBody` cannot.

    Safe to share among threads. `close()` or the end of a `with` block closes its connections.

    Transient failures are retried, five times at most, with exponential backoff: throttling, server
    errors, and requests whose outcome is unknown (a timeout, a reset connection). A retry after an
    unknown outcome may deliver the message twice on a standard queue. On a FIFO queue SQS drops the
    duplicate. botocore does not retry, unless a `client=` is configured to retry.

    `timeout` is the number of seconds, or a `timedelta`, after which a call ends, with its retries
    and the upload of its body to S3. `publish_batch` and a buffer give up when SQS has accepted or
    refused no message for that time, so that a batch may take as long as it makes progress.

    `hooks` run around each message: see `PublishHook.around_publish`.

    Raises:
        ConfigurationError: without a region, for another value than the URL of a queue, or for
            an invalid endpoint or contradicting options.
    """

    @without_secrets_in_tracebacks
    def __init__(
        self,
        queue_url: str | None = None,
        *,
        payload_store: S3PayloadStore | None = None,
        compression: Compression | None = None,
        timeout: Seconds = 30.0,
        hooks: Iterable[PublishHook] = (),
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        if queue_url is not None:
            check_queue_url('queue_url', queue_url)
        valid_hooks = check_hooks(hooks, PublishHook)
        aws = create_client(
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
            instrumentation=replaced_instrumentation(valid_hooks),
        )
        super().__init__(aws)
        self._publisher = Publisher(
            aws, SQS, queue_url, payload_store, timeout, valid_hooks, compression
        )

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        *,
        queue_url: str | None = None,
        message_attributes: Attributes | None = None,
        filter_attributes: FilterAttributes | None = None,
        delay_seconds: int | timedelta | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish a payload, and return SQS's id of the message.

        Events and data objects are encoded as JSON, or with `binary_encoding` as BSON in Base64.
        Each of `message_attributes` is a str, a number, bytes, or an object in AWS's own form.
        `filter_attributes` are fields of the payload that become attributes, if it has them, for
        the filter policies of SNS: `{'kind': 'event.name'}`, or `['event.name']` for `event_name`.
        `message_group_id` is the group that keeps its order on a FIFO queue, and the tenant on a
        fair queue. When this method returns, SQS has the message.

        Raises:
            EncodeError: for a payload or an attribute that no message can carry, with its path.
            EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
            PayloadTooLargeError: for a message that is too large for the queue.
            OffloadError: if S3 did not store the body. The message is not sent.
            TransportError: if SQS refused the message, or did not confirm it in any try.
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
        delay_seconds: int | timedelta | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish a body as it is, and return SQS's id of the message.

        A listener decodes the body by the attribute `MegaPayloadType`, or without it by the first
        characters of the body.

        Raises:
            EncodeError: for a body that is not a str, or is empty.
            PayloadTooLargeError: for a message that is too large for the queue.
            OffloadError: if S3 did not store the body. The message is not sent.
            TransportError: if SQS refused the message, or did not confirm it in any try.
        """
        options = _options(delay_seconds, message_group_id, message_deduplication_id)
        return self._publisher.publish_raw(body, queue_url, message_attributes, options)

    def publish_batch(
        self,
        payloads: Iterable[Publishable],
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
        """Publish any number of payloads, ten in a request, and return a result for each, in order.

        `payloads` is read while it is sent, about a hundred payloads ahead.
        An option is one value for all messages, or a function of the payload.
        `filter_attributes` are the same paths for all messages, read from each payload.
        `concurrency` is the number of requests at a time, 1 to 50.
        On a FIFO queue one message of a group is in flight at a time, so that the group keeps its
        order. After a message failed for good, no other message of its group is sent.
        Messages that fail for a transient reason (throttling, timeouts, server errors) are retried
        up to five times, with waits of 24 seconds at most in total.

        Raises:
            PublishError: if a payload was not published, with `.results`, unless
                `raise_on_failure=False`. Also if iterating over `payloads` raises an error.
            ConfigurationError: for a destination in another region than the publisher's.
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

    async def apublish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        *,
        queue_url: str | None = None,
        message_attributes: Attributes | None = None,
        filter_attributes: FilterAttributes | None = None,
        delay_seconds: int | timedelta | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish a payload as `publish` does, in a thread, so that the event loop continues.

        The thread is one of `asyncio.to_thread`, and has a copy of the context variables. If the
        awaiting task is cancelled, the call continues: SQS may still get the message.
        """
        import asyncio

        return await asyncio.to_thread(
            self.publish,
            payload,
            binary_encoding,
            queue_url=queue_url,
            message_attributes=message_attributes,
            filter_attributes=filter_attributes,
            delay_seconds=delay_seconds,
            message_group_id=message_group_id,
            message_deduplication_id=message_deduplication_id,
        )

    async def apublish_batch(
        self, payloads: Iterable[Publishable], binary_encoding: bool = False, **options: Any
    ) -> list[PublishResult]:
        """Publish payloads as `publish_batch` does, with its options, in a thread.

        The thread also reads `payloads`. A cancellation has the same meaning as in `apublish`.
        """
        import asyncio

        return await asyncio.to_thread(self.publish_batch, payloads, binary_encoding, **options)

    def publish_stream(
        self,
        stream: Streamable,
        *,
        queue_url: str | None = None,
        message_attributes: Attributes | None = None,
        delay_seconds: int | timedelta | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish the content of a file of up to 2 GiB, and return SQS's id of the message.

        `stream` is a file that is open for reading bytes, or a `Path`. The publisher reads it once,
        from its position to its end, and needs neither its size nor `seek`: a pipe or a socket in
        blocking mode is sufficient. The content goes to S3 in parts of 8 MiB, with one part in
        memory, and is not encoded or compressed. A `StreamSubscriber` receives the message, and
        reads the content with `self.message.open_payload()`.

        The publisher needs a `payload_store`. Its `timeout` limits each request, and not the whole
        upload. Nothing remains in S3 if the upload fails or SQS refuses the message.
        On a FIFO queue, the default of `message_deduplication_id` is the SHA-256 of the content.

        Raises:
            ConfigurationError: without a `payload_store`.
            EncodeError: for an attribute that no message can carry, or a file that is not binary.
            PayloadTooLargeError: for more than 2 GiB, or attributes that are too large.
            PublishError: if reading the file raised an exception, which is the cause.
            OffloadError: if S3 did not store the content. The message is not sent.
            TransportError: if SQS refused the message, or did not confirm it in any try.
        """
        options = _options(delay_seconds, message_group_id, message_deduplication_id)
        return self._publisher.publish_stream(stream, queue_url, message_attributes, options)

    async def apublish_stream(self, stream: Streamable, **options: Any) -> str:
        """Publish a stream as `publish_stream` does, with its options, in a thread.

        The thread also reads the file. A cancellation has the same meaning as in `apublish`.
        """
        import asyncio

        return await asyncio.to_thread(self.publish_stream, stream, **options)

    def buffer(
        self,
        *,
        queue_url: str | None = None,
        max_messages: int = 10,
        max_seconds: Seconds = 0.1,
        max_pending: int = 10_000,
        max_pending_bytes: int = 64 * 1024**2,
    ) -> PublishBuffer:
        """Open a buffer, for threads that publish one payload at a time.

        A batch is sent when `max_messages` payloads wait, or after `max_seconds`. While
        `max_pending` payloads, or `max_pending_bytes` of their bodies and attributes, have no
        result, the buffer's `publish` blocks.

        Use it as a context manager: the end of the block waits until every message is sent.

        Raises:
            ConfigurationError: for a limit that is out of range.
        """
        limits = BufferLimits(max_messages, max_seconds, max_pending, max_pending_bytes)
        return self._publisher.buffer(queue_url, limits)


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
