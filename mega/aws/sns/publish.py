"""Publishing payloads to an SNS topic."""

from __future__ import annotations

from typing import Any

from mega.aws._attributes import Attributes, to_aws
from mega.aws._client import Connected, connect
from mega.aws._publishing import Outgoing, destination, message_id, packed
from mega.codec import AnyPayload
from mega.errors import EncodeError

__all__ = ('SnsPublisher',)


class SnsPublisher(Connected):
    """Publishes payloads to SNS topics, which hand them to everybody who subscribed.

    Give it a `topic_arn`, or give one with each call. Credentials and region are found by boto3's
    own rules where they are not given: environment, profile, role; a topic's ARN names its region.
    A ready `session=` or `client=` is taken as it is.

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
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        self.topic_arn = topic_arn
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
        )
        super().__init__(aws)

    def publish(
        self,
        payload: AnyPayload,
        binary_encoding: bool = False,
        *,
        topic_arn: str | None = None,
        message_attributes: Attributes | None = None,
        subject: str | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> str:
        """Publish a payload, and answer SNS's id of the message.

        Events and data objects go as JSON, or as BSON in Base64 with `binary_encoding`.
        `message_attributes` are a str, a number or bytes each, or AWS's own objects.
        `message_group_id` is the order to keep on a FIFO topic, or the tenant of fair queues.
        `subject` reaches subscribers by mail, and those who get SNS's envelope.
        When this returns, SNS has the message. Its id is not the id that a queue gives it.

        Raises:
            EncodeError: for a payload or an attribute that no message can carry, with its path.
            EventError: for a `dict` that is marked as a MEGA event and breaks the protocol.
            TransportError: when SNS does not take the message, or does not say that it did.
        """
        return self._publish(
            packed(payload, binary_encoding, message_attributes),
            topic_arn,
            Subject=subject,
            MessageGroupId=message_group_id,
            MessageDeduplicationId=message_deduplication_id,
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
            TransportError: when SNS does not take the message, or does not say that it did.
        """
        if not isinstance(body, str) or not body:
            raise EncodeError('', 'is no text, or empty: a raw message is a body as SNS takes it')
        return self._publish(
            Outgoing(body, to_aws(message_attributes)),
            topic_arn,
            Subject=subject,
            MessageGroupId=message_group_id,
            MessageDeduplicationId=message_deduplication_id,
        )

    def _publish(self, outgoing: Outgoing, topic_arn: str | None, **options: Any) -> str:
        answer = self._aws.call(
            'publish',
            TopicArn=destination('topic_arn', topic_arn, self.topic_arn),
            Message=outgoing.body,
            MessageAttributes=outgoing.attributes or None,
            **options,
        )
        return message_id('Publish', answer)
