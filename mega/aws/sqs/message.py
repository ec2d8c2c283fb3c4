"""One delivery of a message by SQS, as subscribers see it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Protocol

from msgspec import Struct, field

from mega.aws._messages.attributes import TRACE_HEADER, first_message_id, from_aws
from mega.aws.s3.pointer import Pointer
from mega.errors import ConsumeError, safe_repr
from mega.timestamps import parse_timestamp

__all__ = ('Message', 'parse_epoch_milliseconds', 'read_message', 'seconds_since_send')


class Visibility(Protocol):
    """The visibility timeout of one delivery. Both values may change during the processing.

    - `is_lost`: whether another consumer may have received the message.
    - `time_left`: the seconds until that can happen, 0 or more.
    """

    @property
    def is_lost(self) -> bool: ...
    @property
    def time_left(self) -> float: ...


class Message(Struct, frozen=True, eq=False):
    """One delivery of a message, as a subscriber sees it in `self.message`.

    - `id` is the same in every delivery of the message; `receipt_handle` is of this delivery.
    - `origin_id` remains the same when the message is sent again, as in a redrive.
    - `queue_name` is the queue that the message came from, such as `orders`. It is None in
      `mega.testing.deliver`, and for a message that SNS passed to a function of Lambda.
    - `attributes` are str (numbers too, as they were sent) or bytes. If the message came in an
      envelope of SNS, they are the attributes in the envelope, and `sqs_attributes` those beside
      it.
    - `receive_count` is SQS's approximate count of deliveries, including this one.
    - `topic_arn`, `subject` and `sns_message_id` are None if there was no envelope.
    - `unreadable` has the optional parts of the envelope that are not in the form of SNS, as the
      envelope has them: `{'Subject': 5, 'MessageAttributes': {'a': 'x'}}`.
    - `pointer` is the place in S3 from which the payload was fetched, if it was; `body` remains
      the message's own.
    - `lost` may become true while the message is processed. A copy or a pickle does not notice.

    `sender_id` proves where a message came from. `topic_arn` proves it if the listener has
    `verify_sns_signatures`. No other field proves it.
    """

    # A Struct of msgspec is created in a quarter of the time of a frozen dataclass.
    id: str
    body: str
    receipt_handle: str
    attributes: dict[str, str | bytes] = field(default_factory=dict)
    group_id: str | None = None
    receive_count: int = 1
    sent_time: datetime | None = None
    topic_arn: str | None = None
    subject: str | None = None
    sns_message_id: str | None = None
    pointer: Pointer | None = None
    unreadable: dict[str, Any] = field(default_factory=dict)
    queue_name: str | None = None
    _system: dict[str, Any] = field(default_factory=dict)
    _sns_timestamp: str | None = None
    _sqs_attributes: dict[str, str | bytes] | None = None
    _open_stream: Callable[[], io.BufferedReader] | None = None
    _subscriber: type | None = None
    _visibility: Visibility | None = None

    @property
    def sqs_attributes(self) -> dict[str, str | bytes]:
        """The message attributes that SQS has; the same as `attributes` without an envelope.

        SNS writes `ErrorCode` and `ErrorMessage` here when it moves a message to the dead-letter
        queue of a subscription. A listener writes `MegaDeadLetter`.
        """
        return self.attributes if self._sqs_attributes is None else self._sqs_attributes

    @property
    def published_time(self) -> datetime | None:
        """The time at which SNS accepted the message; None without a readable envelope."""
        return None if self._sns_timestamp is None else parse_timestamp(self._sns_timestamp)

    @property
    def sequence_number(self) -> str | None:
        """The number that SQS gave the message on a FIFO queue: 20 digits that increase."""
        return self._system_text('SequenceNumber')

    @property
    def deduplication_id(self) -> str | None:
        """The deduplication id, or the hash of the body that SQS used in its place."""
        return self._system_text('MessageDeduplicationId')

    @property
    def trace_header(self) -> str | None:
        """The trace of AWS X-Ray: the system attribute `AWSTraceHeader`."""
        return self._system_text(TRACE_HEADER)

    @property
    def sender_id(self) -> str | None:
        """The id of the IAM user or role that sent the message to SQS, as SQS has it.

        SQS sets it, not the sender. Behind a topic, it is an id of SNS.
        """
        return self._system_text('SenderId')

    @property
    def dead_letter_source_arn(self) -> str | None:
        """The ARN of the queue from which SQS moved the message to this dead-letter queue."""
        return self._system_text('DeadLetterQueueSourceArn')

    @property
    def origin_id(self) -> str:
        """The id of the message that was sent first, if this one is a repetition; otherwise `id`.

        `mega dead-letters redrive` sends a message with its first id in the attribute
        `MegaMessageId`. The attribute counts in an envelope of SNS and, if there is none, beside
        it. Any other producer can write the attribute, too.
        """
        return first_message_id(self.attributes) or first_message_id(self.sqs_attributes) or self.id

    @property
    def lost(self) -> bool:
        """Whether the visibility timeout is over, so that another consumer may have the message.

        SQS reported it, or the time passed without a confirmed extension. A subscriber that takes
        long and must not run twice can check this from time to time, and stop. The listener does
        not delete a message if SQS reported that it is not in flight, even if its subscribers
        succeed.
        """
        return self._visibility is not None and self._visibility.is_lost

    @property
    def time_left(self) -> float | None:
        """The seconds until another consumer may receive the message: its visibility timeout.

        The heartbeat of the listener increases it, up to `max_processing_time`. None for a copy,
        and for a message that no listener received.
        """
        return None if self._visibility is None else self._visibility.time_left

    @property
    def subscriber(self) -> type | None:
        """The class of the subscriber that has this object; None before it begins, and for a copy.

        Each subscriber of a message has its own object.
        """
        return self._subscriber

    def open_payload(self) -> io.BufferedReader:
        """Open the content of a streamed payload, as a binary file that is read from S3.

            with self.message.open_payload() as stream:
                shutil.copyfileobj(stream, file)

        Each call returns a new file, at the first byte, without `seek`. It needs less than 16 MiB
        of memory, and requests the content in parts of 8 MiB. Closing it early is allowed. The last
        part is verified before it is returned: only a file that was read to its end is known to
        have the published content.

        The file raises a `PayloadStreamError` if S3 does not return the content, or if the content
        is another one. It blocks: an `async def` subscriber reads it in a thread.

        Raises:
            ConsumeError: for a message without a streamed payload, and for a copy of a message.
        """
        if self._open_stream is None:
            problem = 'its payload is not a stream, or this is a copy of the message'
            raise ConsumeError(f'message {safe_repr(self.id)} has no content to open: {problem}')
        return self._open_stream()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._public_values() == other._public_values()

    __hash__ = None  # type: ignore[assignment]  # the attributes are a dict

    def __repr__(self) -> str:
        # Without body and attributes, which may be secret, and without the receipt handle.
        shown = (name for name in _PUBLIC if name not in _NOT_SHOWN)
        return f'Message({", ".join(f"{name}={getattr(self, name)!r}" for name in shown)})'

    def __copy__(self) -> Message:
        return Message(*self._values())

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, self._values()

    def _values(self) -> tuple[Any, ...]:
        # Without what belongs to the listener, and must not be part of a pickle.
        return tuple(getattr(self, name) for name in Message.__struct_fields__[:-3])

    def _public_values(self) -> tuple[Any, ...]:
        return (*(getattr(self, name) for name in _PUBLIC), self.sqs_attributes)

    def _system_text(self, name: str) -> str | None:
        # Read on demand: most subscribers need none of the system attributes.
        value = self._system.get(name)
        return value if isinstance(value, str) else None


_PUBLIC = tuple(name for name in Message.__struct_fields__ if not name.startswith('_'))
_NOT_SHOWN = frozenset({'body', 'receipt_handle', 'attributes', 'unreadable'})


def read_message(
    received: dict[str, Any], visibility: Visibility | None = None, queue_name: str | None = None
) -> Message:
    """Return a message that ReceiveMessage returned. Unknown fields are ignored.

    `visibility` is for `Message.lost` and `Message.time_left`. `queue_name` is the queue that
    the message came from.
    """
    system = received.get('Attributes', {})
    attributes = received.get('MessageAttributes')
    return Message(
        received['MessageId'],
        received.get('Body', ''),
        received['ReceiptHandle'],
        from_aws(attributes) if attributes else {},
        system.get('MessageGroupId'),
        _to_int(system.get('ApproximateReceiveCount')) or 1,
        parse_epoch_milliseconds(system.get('SentTimestamp')),
        queue_name=queue_name,
        _system=system,
        _visibility=visibility,  # the topic, and more, is known from an envelope only
    )


def seconds_since_send(message: Message) -> float | None:
    """Return the seconds since SQS accepted a message; None if the time is not known.

    It is 0 if the clocks differ.
    """
    sent = message.sent_time
    return None if sent is None else max(0.0, time.time() - sent.timestamp())


def parse_epoch_milliseconds(milliseconds: object) -> datetime | None:
    """Return SQS's text of milliseconds since the epoch as a datetime; None for anything else."""
    since_epoch = _to_int(milliseconds)
    if since_epoch is None:
        return None
    try:
        return datetime.fromtimestamp(since_epoch / 1000, timezone.utc)
    except (OverflowError, OSError, ValueError):  # beyond the year 9999
        return None


def _to_int(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 20 else None
