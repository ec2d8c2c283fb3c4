"""A message that a receiver returned, and how a script settles it."""

from __future__ import annotations

import math
import random
from typing import TypeVar

from mega.aws.sqs.message import Message
from mega.aws.sqs.receive.deliveries import Deliveries
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.processing.settlement import safe_text
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.runtime.s3_prefetch import BodyPrefetcher
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay, check_delay, resolve_delay
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, safe_repr
from mega.event.reading import read_payload

__all__ = ('ReceivedMessage',)

T = TypeVar('T')


class ReceivedMessage:
    """A message in flight. `ack`, `retry` and `dead_letter` settle it: one of them, once.

    `message` is the delivery, as subscribers see it in `self.message`: id, attributes, receive
    count and more. `error` is the reason why the message has no payload; None if it has one:

    - `ConsumeError` or `EventError`: the message is invalid, or it is a notice of SNS about a
      subscription. It has no payload at a later receive, either.
    - `OffloadError` and others: the body in S3 or the certificate of SNS cannot be fetched now.
    """

    def __init__(
        self,
        message: Message,
        content: AnyPayload | Exception,
        delivery: Delivery,
        deliveries: Deliveries,
        bodies: BodyPrefetcher | None,
    ) -> None:
        self.message = message
        self.error = content if isinstance(content, Exception) else None
        self._content = content
        self._delivery = delivery
        self._deliveries = deliveries
        self._bodies = bodies

    @property
    def payload(self) -> AnyPayload:
        """The payload.

        Raises:
            Exception: `error`, if the message has no payload.
        """
        if isinstance(self._content, Exception):
            raise self._content
        return self._content

    def payload_as(self, cls: type[T]) -> T:
        """Return the payload as an object of a class.

        A class that `mega.event.event` declares reads its event. Any other class reads a data
        object.

        Raises:
            InvalidPayloadError: for a payload that does not fit the class. It has no value of it.
            ConfigurationError: for a class that cannot be read from a payload.
            Exception: `error`, if the message has no payload.
        """
        return read_payload(self.payload, cls)

    def ack(self) -> None:
        """Delete the message from the queue. When this method returns, SQS has deleted it.

        After a refusal of SQS the message is still in flight, and the script may settle it again.
        If the outcome of the last attempt is unknown, it is settled: SQS may deliver it again.

        Raises:
            SettlementError: if the message is settled already, if another consumer may have it, or
                if SQS does not delete it. The effects of the script may happen twice.
            TransportError: if the call is refused, or fails in all attempts. The message may be
                deleted.
        """
        if self._bodies is not None:
            self._bodies.schedule_delete(self._delivery, self.message)
        self._deliveries.delete(self._delivery)
        if self._bodies is not None:
            self._bodies.start_delete(self._delivery)

    def retry(self, delay: RetryDelay | None = None) -> None:
        """Leave the message in the queue, so that SQS delivers it again after `delay`.

        `delay` is a number of seconds from 0 to 43,200, a `timedelta`, a `Backoff`, or a function
        of `message`. None: when the visibility timeout ends, and also if SQS does not accept the
        delay, which is logged. The waiting messages behind it in its message group become visible
        first, so that SQS delivers them after it.

        Raises:
            SettlementError: if the message is settled already, or another consumer may have it.
            ConfigurationError: for an invalid delay. The message is not settled.
        """
        check_delay('delay', delay)
        seconds = resolve_delay('delay', delay, self.message, random.uniform).seconds
        self._deliveries.leave(self._delivery, None if seconds is None else math.ceil(seconds))

    def dead_letter(self, reason: str | Exception) -> None:
        """Send the message to the dead-letter queue, with the reason, and delete it.

        It is deleted only after the dead-letter queue has it. An exception is named by its class
        and its text, which should not quote the payload. The reason is one more attribute: it is
        left out, and a warning is logged, if the message has ten attributes or no room for it.

        Raises:
            SettlementError, TransportError: as `ack`. Also a SettlementError if the dead-letter
                queue does not accept the message, which is still in flight then.
            ConfigurationError: if the receiver has no `dead_letter_queue_url`, or for an invalid
                reason. The message is not settled.
        """
        self._deliveries.dead_letter(self._delivery, _reason_of(reason))

    def __repr__(self) -> str:
        return f'ReceivedMessage({self.message!r}, error={self.error!r})'


def _reason_of(reason: object) -> Reason:
    if isinstance(reason, Exception):
        return Reason(type(reason).__name__, safe_text(reason))
    if isinstance(reason, str):
        return Reason(ProcessStatus.FATAL_ERROR.name, reason)
    raise ConfigurationError(f'reason={safe_repr(reason)}: must be a text or an exception')
