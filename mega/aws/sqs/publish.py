"""Sending payloads to an SQS queue."""

from __future__ import annotations

from typing import Any

from mega.aws._attributes import Attributes, to_aws
from mega.aws._client import Connected, connect
from mega.aws._publishing import Outgoing, destination, message_id, packed
from mega.codec import AnyPayload
from mega.errors import EncodeError

__all__ = ('SqsPublisher',)


class SqsPublisher(Connected):
    """Sends payloads to SQS queues.

    Give it a `queue_url`, or give one with each call. Credentials and region are found by boto3's
    own rules where they are not given: environment, profile, role; a queue's URL names its region.
    A ready `session=` or `client=` is taken as it is.

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
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        self.queue_url = queue_url
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
        )
        super().__init__(aws)

    def publish(
        self,
        payload: AnyPayload,
        binary_encoding: bool = False,
        *,
        queue_url: str | None = None,
        message_attributes: Attributes | None = None,
        delay_seconds: int | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Send a payload, and answer SQS's id of the message.

        Events and data objects go as JSON, or as BSON in Base64 with `binary_encoding`.
        `message_attributes` are a str, a number or bytes each, or AWS's own objects.
        `message_group_id` is the order to keep on a FIFO queue, the tenant on a fair queue.
        When this returns, SQS has the message.

        Raises:
            EncodeError: for a payload or an attribute that no message can carry, with its path.
            EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
            TransportError: when SQS does not take the message, or does not say that it did.
        """
        return self._send(
            packed(payload, binary_encoding, message_attributes),
            queue_url,
            DelaySeconds=delay_seconds,
            MessageGroupId=message_group_id,
            MessageDeduplicationId=message_deduplication_id,
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
            TransportError: when SQS does not take the message, or does not say that it did.
        """
        if not isinstance(body, str) or not body:
            raise EncodeError('', 'is no text, or empty: a raw message is a body as SQS takes it')
        return self._send(
            Outgoing(body, to_aws(message_attributes)),
            queue_url,
            DelaySeconds=delay_seconds,
            MessageGroupId=message_group_id,
            MessageDeduplicationId=message_deduplication_id,
        )

    def _send(self, outgoing: Outgoing, queue_url: str | None, **options: Any) -> str:
        answer = self._aws.call(
            'send_message',
            QueueUrl=destination('queue_url', queue_url, self.queue_url),
            MessageBody=outgoing.body,
            MessageAttributes=outgoing.attributes or None,
            **options,
        )
        return message_id('SendMessage', answer)
