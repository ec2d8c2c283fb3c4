"""The messages on a bus, decoded: published, processed and dead-lettered ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from mega.aws._messages.attributes import DEAD_LETTER_ATTRIBUTE
from mega.aws.s3.pointer import is_offloaded, read_pointer
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import open_message
from mega.errors import MegaError
from mega.local.messages import Message as SentMessage
from mega.local.messages import write_attributes

if TYPE_CHECKING:
    from mega.aws.s3.store import S3PayloadStore
    from mega.aws.sqs.message import Message
    from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber

__all__ = ('DeadLetter', 'ProcessedMessage', 'PublishedMessage', 'StoreFor')

StoreFor: TypeAlias = 'Callable[[str], S3PayloadStore]'
"""Returns a store that reads the bodies in a bucket."""


class PublishedMessage:
    """A message that a publisher sent to a queue or a topic.

    `destination` is the queue or topic, equal to its URL or ARN. `attributes` are str or bytes.
    `payload` is the decoded body, from S3 if it was offloaded; None if the body is invalid, and
    then `problem` says why. `body` is the text on the wire.
    """

    def __init__(self, sent: SentMessage, destination: str, open_store: StoreFor) -> None:
        draft = sent.draft
        self.id = sent.id
        self.destination = destination
        self.body = draft.body
        self.subject = draft.subject
        self.message_group_id = draft.group_id
        self.message_deduplication_id = draft.deduplication_id
        self.delay_seconds = draft.delay_seconds
        self.sent_time = datetime.fromtimestamp(sent.at, timezone.utc)
        self._message = _to_message(sent)
        self._open_store = open_store
        self.attributes = self._message.attributes
        if self.is_offloaded:
            self._opened  # noqa: B018  # a listener may delete the body

    @property
    def is_offloaded(self) -> bool:
        """Whether the body is in S3."""
        return is_offloaded(self.attributes)

    @property
    def payload(self) -> Any:
        """The payload; None if the body is invalid."""
        return self._opened[0]

    @property
    def problem(self) -> str | None:
        """Says why the body is invalid; None if it is valid."""
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[Any, str | None]:
        try:
            store = None
            if self.is_offloaded:
                store = self._open_store(read_pointer(self.body, self.attributes).bucket)
            return open_message(self._message, store)[1], None
        except MegaError as error:
            return None, str(error)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.id} to {self.destination}>'


class DeadLetter(PublishedMessage):
    """A message in a dead-letter queue.

    `error` is the name of the class of the exception, or of a status. `reason` is its text, and
    `subscriber` the name of the subscriber. They are from the listener that sent the message, or,
    after a redrive by SQS, from the last delivery on this bus; None without such a delivery.
    `destination` is the dead-letter queue, and `receive_count` the number of receives before.
    """

    def __init__(
        self, sent: SentMessage, destination: str, open_store: StoreFor, reason: dict[str, Any]
    ) -> None:
        super().__init__(sent, destination, open_store)
        self.error: str | None = reason.get('error')
        self.reason: str | None = reason.get('text')
        self.subscriber: str | None = reason.get('subscriber')
        self.receive_count: int = reason.get('receive_count', 0)


class ProcessedMessage:
    """One subscriber's outcome for one delivery. `error` is the exception that it raised."""

    def __init__(
        self,
        subscriber: Subscriber,
        payload: Any,
        message: Message,
        status: ProcessStatus,
        error: BaseException | None,
    ) -> None:
        self.subscriber = subscriber
        self.payload = payload
        self.message = message
        self.status = status
        self.error = error

    problem = None

    def __repr__(self) -> str:
        return f'<{self.subscriber.__name__}: {self.status.name} for {self.message.id}>'


def reason_in(sent: SentMessage) -> dict[str, Any] | None:
    """Return the reason that a listener attached to a dead-lettered message; None without one."""
    attribute = sent.draft.attributes.get(DEAD_LETTER_ATTRIBUTE)
    if attribute is None or not isinstance(attribute.value, str):
        return None
    try:
        reason = json.loads(attribute.value)
    except ValueError:
        return None
    return reason if isinstance(reason, dict) else None


def _to_message(sent: SentMessage) -> Message:
    return read_message(
        {
            'MessageId': sent.id,
            'ReceiptHandle': '',
            'Body': sent.draft.body,
            'MessageAttributes': write_attributes(sent.draft.attributes),
            'Attributes': {'MessageGroupId': sent.draft.group_id},
        }
    )
