"""The receiver: returns the messages of a queue to a script, which settles each of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Any

from mega.aws._messages.destinations import check_queue_url, queue_name
from mega.aws._transport.client import ClientOwner, create_client
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.opening import MessageOpener, MissingBody, OpenedContent, open_message
from mega.aws.sqs.receive.deliveries import Deliveries
from mega.aws.sqs.receive.received_message import ReceivedMessage
from mega.aws.sqs.subscribe.engine.call_limits import CALL_SECONDS
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.option_checks import (
    DEFAULT_VISIBILITY_TIMEOUT,
    check_count,
    check_dead_letter_queue,
    check_reachable,
    check_signing,
)
from mega.aws.sqs.subscribe.processing.opening import open_received
from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender
from mega.aws.sqs.subscribe.runtime.queue_client import QueueClient
from mega.aws.sqs.subscribe.runtime.s3_prefetch import MAX_THREADS, BodyPrefetcher
from mega.aws.sqs.subscribe.runtime.visibility import DeliveryVisibility
from mega.codec import AnyPayload
from mega.errors import ConsumeError, check_whole_seconds, safe_repr

__all__ = ('SqsReceiver',)

MAX_RECEIVES = 3
"""Receives of one `receive`, at most, if the messages are lost before it can return them."""


class SqsReceiver(ClientOwner):
    """Receives messages of an SQS queue, one call at a time, for scripts and cron jobs.

        with SqsReceiver(queue_url, max_number_of_messages=10) as receiver:
            while messages := receiver.receive():
                for received in messages:
                    process(received.payload)
                    received.ack()

    The end of the block, also by an exception, makes all messages visible that are not settled, so
    that SQS delivers them again. If the process is killed, they become visible when their
    visibility timeouts end.

    `max_number_of_messages` (1 to 10), `wait_time_seconds` (0 to 20) and `visibility_timeout`
    (1 to 43,200 seconds; by default 30) are the parameters of SQS's ReceiveMessage. Every time may
    be a number of seconds or a `timedelta`. SQS hides all messages of one `receive` for the
    visibility timeout. At least half is left when `receive` returns. The receiver does not extend
    it. After it, another consumer may have the message, and `ack` raises an error.

    On a FIFO queue, `receive` returns a message after the previous message of its group is deleted.
    If the previous message stays in the queue, the receiver releases the others.

    `dead_letter_queue_url` is the queue of `ReceivedMessage.dead_letter`. With a `payload_store`,
    the receiver reads bodies that are in S3: the bodies of one receive at the same time. Its
    `on_missing='delete'` does not delete messages here: the script decides. The caller closes the
    store. `allowed_topics`, `verify_sns_signatures` and `gzip_attribute` are those of
    `SqsListener`. The receiver finds credentials and region as `SqsPublisher` does.

    Thread safety: one thread at a time may use a receiver and its messages. Any number of processes
    may receive from one queue.

    Raises:
        ConfigurationError: for invalid settings.
    """

    @without_secrets_in_tracebacks
    def __init__(
        self,
        queue_url: str | None = None,
        *,
        max_number_of_messages: int = 1,
        wait_time_seconds: int | timedelta = 20,
        visibility_timeout: int | timedelta = DEFAULT_VISIBILITY_TIMEOUT,
        payload_store: S3PayloadStore | None = None,
        dead_letter_queue_url: str | None = None,
        allowed_topics: Iterable[str] | None = None,
        verify_sns_signatures: bool = False,
        gzip_attribute: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        self.queue_url = check_queue_url('queue_url', queue_url)
        self.dead_letter_queue_url = check_dead_letter_queue(dead_letter_queue_url, self.queue_url)
        settings = EngineSettings(
            max_number_of_messages=check_count('max_number_of_messages', max_number_of_messages),
            wait_time_seconds=check_whole_seconds('wait_time_seconds', wait_time_seconds, 0, 20),
            visibility_timeout=check_whole_seconds(
                'visibility_timeout', visibility_timeout, 1, 43_200
            ),
            is_fifo=self.queue_url.endswith('.fifo'),
        )
        envelopes = EnvelopePolicy.create(allowed_topics, verify_sns_signatures)
        aws = create_client(
            'sqs',
            self.queue_url,
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            aws_session_token=aws_session_token,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
            attempts=1,  # `Deliveries` repeats calls
            read_timeout=settings.wait_time_seconds + CALL_SECONDS,
        )
        super().__init__(aws)
        check_reachable(aws, self.queue_url, self.dead_letter_queue_url)
        check_signing(aws, envelopes)
        self._open_message = partial(
            open_message, store=payload_store, policy=envelopes, gzip_attribute=gzip_attribute
        )
        self._bodies = self._create_prefetcher(payload_store, settings.visibility_timeout)
        self._deliveries = Deliveries(
            QueueClient(aws, self.queue_url), settings, self._create_dead_letter_sender()
        )

    def _create_prefetcher(
        self, store: S3PayloadStore | None, visibility_timeout: int
    ) -> BodyPrefetcher | None:
        if store is None:
            return None
        aws = self._aws
        store.check_client(aws)
        threads = 0 if aws.is_in_process else MAX_THREADS
        return BodyPrefetcher(
            store, self._open_message, self.queue_url, visibility_timeout, aws.clock, threads
        )

    def _create_dead_letter_sender(self) -> DeadLetterSender | None:
        if self.dead_letter_queue_url is None:
            return None
        return DeadLetterSender(self._aws, self.dead_letter_queue_url, self.queue_url)

    def receive(self) -> list[ReceivedMessage]:
        """Return up to `max_number_of_messages` messages, each to be settled by the script.

        The list is empty if no message becomes available within `wait_time_seconds`. With 0, SQS
        asks only some of its servers, and the list may be empty although messages are available. It
        is also empty if SQS returned, three times in a row, only messages that are in flight
        already, or messages whose visibility timeouts ended before they were opened. A message that
        cannot be opened is in the list, with an `error`. Messages of earlier calls remain in
        flight.

        Raises:
            TransportError: if SQS refuses the call, or if three attempts fail. The error says what
                to do.
        """
        for _ in range(MAX_RECEIVES):
            taken = self._deliveries.take()
            if self._bodies is not None:
                self._bodies.submit(taken)
            messages = {delivery: self._open(delivery) for delivery in taken}
            # To read a body from S3 may have taken a long time.
            hidden = self._deliveries.keep_hidden(taken)
            if hidden or not taken:
                return [messages[delivery] for delivery in hidden]
        return []

    def close(self) -> None:
        """Release the messages that are not settled, and close the connections.

        A message whose release fails becomes visible when its visibility timeout ends, and a
        warning is logged. A client that the user passed stays open.
        """
        with ExitStack() as closing:  # each step also after Ctrl-C in the one before
            closing.callback(super().close)
            if self._bodies is not None:
                closing.callback(self._bodies.close)
            self._deliveries.release()

    def _open(self, delivery: Delivery) -> ReceivedMessage:
        bodies = self._bodies
        open_body: MessageOpener = self._open_message if bodies is None else bodies.opener(delivery)
        visibility = DeliveryVisibility(delivery, self._aws.clock.monotonic)
        # The log records are about the message, until this call ends.
        message, content = copy_context().run(
            open_received, delivery.received, open_body, visibility, queue_name(self.queue_url)
        )
        payload = content if isinstance(content, Exception) else _payload_in(content)
        return ReceivedMessage(message, payload, delivery, self._deliveries, bodies)


def _payload_in(content: OpenedContent) -> AnyPayload | ConsumeError:
    """Return the payload of a message, or the reason why it has none."""
    if isinstance(content, SubscriptionNotice):
        topic = safe_repr(content.topic_arn)
        return ConsumeError(f'it is a {content.kind} of the topic {topic}, without a payload')
    if isinstance(content, MissingBody):
        pointer = content.pointer
        where = f'{safe_repr(pointer.bucket)} has no {safe_repr(pointer.key)}'
        return ConsumeError(f'its body is missing: {where}')
    return content
