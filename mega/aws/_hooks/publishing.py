"""Hooks around published messages: their base class, and what they receive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from mega.aws._hooks.instrumentation import Instrumentation
from mega.aws._hooks.running import HookGenerator
from mega.errors import MegaError

__all__ = (
    'Outgoing',
    'PublishHook',
    'PublishResult',
    'RelayedBatch',
    'replaced_instrumentation',
)


class PublishResult(Struct, frozen=True):
    """The result of one payload: the id of its message, or the error.

    Both are set if the message was sent, and a hook failed afterwards.
    """

    message_id: str | None = None
    error: MegaError | None = None


class RelayedBatch(Struct, frozen=True):
    """What an `OutboxRelay` did with the messages that were due: how many it sent.

    `delayed` is the number of messages to send again later, and `failed` of those that AWS refused
    for good. `lag` is the age of the oldest message that waits, in seconds; 0 if none waits.
    """

    sent: int = 0
    delayed: int = 0
    failed: int = 0
    lag: float = 0.0


class Outgoing(Protocol):
    """A message that a publisher is about to send, as hooks see it.

    Its body is encoded, and checked against the limits of AWS.
    """

    @property
    def queue_url(self) -> str | None:
        """The URL of the queue; None for a message to a topic."""

    @property
    def topic_arn(self) -> str | None:
        """The ARN of the topic; None for a message to a queue."""

    @property
    def body(self) -> str:
        """The body of the message: the pointer, if the payload is offloaded to S3."""

    @property
    def size(self) -> int:
        """The size that AWS counts, in bytes: the body and the attributes."""

    @property
    def attributes(self) -> dict[str, str | bytes]:
        """A copy of the message attributes. A number is the text that is sent."""

    @property
    def group_id(self) -> str | None:
        """The message group; None without one."""

    def add_attribute(self, name: str, value: str | bytes) -> bool:
        """Add a message attribute, and return whether the message had room for it.

        The message does not change if it has an attribute with that name or ten attributes, or if
        it would become too large for its destination or would have to be offloaded to S3.

        Raises:
            EncodeError: for a name or a value that AWS refuses.
        """

    def set_trace_header(self, header: str) -> bool:
        """Set the trace of AWS X-Ray, and return whether the message can have it.

        It is a system attribute of SQS, and does not count among the ten message attributes. SNS
        accepts none. The message does not change if it has a trace header.
        """


class PublishHook:
    """User code around published messages, for programs that do not use a listener.

    `Hook` is the same, with methods for deliveries and subscribers.
    `replaced_instrumentation` is the instrumentation of botocore that the library bypasses in its
    own calls; None if it bypasses none.
    """

    replaced_instrumentation: Instrumentation | None = None

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        """Run around the sending of one message, with its upload to S3 and its retries.

        The `yield` returns a `PublishResult`: the id of the message, or the error. The hook must
        yield. To prevent that a message is sent, it raises an error, which the caller receives; in
        a batch, that message fails. An error after the `yield` also reaches the caller, though the
        message may have been sent.

        - The hook runs for each message of a batch and of a buffer. The hooks of several messages
          run at the same time, in any order and also in one thread, so that a context variable must
          not stay changed over the `yield`.
        - It does not run for a payload that cannot be encoded.
        - It may block, because the publisher does too.
        - If the program is interrupted while it sends the message, the `yield` raises
          `GeneratorExit`. If it is interrupted while it writes the row of an outbox, the `yield`
          returns an error.
        """
        yield
        return None

    def around_relay(self) -> HookGenerator[RelayedBatch]:
        """Run around each batch of an `OutboxRelay`, from its claim to its settlement.

        The `yield` returns a `RelayedBatch`, or raises the error of the database. It also runs when
        the relay polls and finds no message, at least once in each `poll_interval`. An error of the
        hook is logged, and the relay goes on after a pause. The messages have been settled before.
        """
        yield
        return None


def replaced_instrumentation(hooks: Iterable[PublishHook]) -> Instrumentation | None:
    """Return the instrumentation that the first of the hooks replaces, if one does."""
    found = (hook.replaced_instrumentation for hook in hooks)
    return next((each for each in found if each is not None), None)
