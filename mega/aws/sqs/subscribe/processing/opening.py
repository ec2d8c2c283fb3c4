"""Opens a received message. An exception is a result: a fault of the message, or of the machine."""

from __future__ import annotations

from typing import Any, TypeAlias

from mega.aws.sqs.message import Message, Visibility, read_message
from mega.aws.sqs.opening import MessageOpener, OpenedContent
from mega.aws.sqs.subscribe.exceptions import describe_unexpected
from mega.aws.sqs.subscribe.processing.failures import is_system_failure
from mega.errors import (
    ConfigurationError,
    ConsumeError,
    EventError,
    OffloadError,
    TransportError,
)
from mega.logging import bind_message

__all__ = ('OpenedOrError', 'open_received')

OpenedOrError: TypeAlias = tuple[Message, OpenedContent | Exception]
"""A message, with its content or with the exception that opening it raised.

- `OffloadError`, `TransportError`, a failure of the machine, or `ConfigurationError` for a missing
  package: the message may be opened later.
- `ConsumeError` or `EventError`: the message is invalid.
"""


def open_received(
    received: dict[str, Any],
    open_body: MessageOpener,
    visibility: Visibility | None = None,
    queue_name: str | None = None,
) -> OpenedOrError:
    """Open a message as ReceiveMessage returned it.

    `visibility` and `queue_name` are those of `read_message`. The log records of this context are
    then about the message. An exception of an unexpected class is a fault of the message: the
    result is a `ConsumeError` with its class and its place.
    """
    message: Message | None = None
    try:
        message = read_message(received, visibility, queue_name)
        bind_message(message)
        return open_body(message)
    except Exception as error:
        if message is None:
            message = Message(
                received['MessageId'], '', received['ReceiptHandle'], queue_name=queue_name
            )
            bind_message(message)
        if isinstance(error, _KNOWN) or is_system_failure(error):
            return message, error
        return message, ConsumeError(describe_unexpected(error, 'while it was opened'))


_KNOWN = (ConfigurationError, ConsumeError, EventError, OffloadError, TransportError)
