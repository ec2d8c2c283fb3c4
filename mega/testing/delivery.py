"""The delivery of one payload to one subscriber, without a queue.

    payload -> encode -> the message as ReceiveMessage returns it -> open -> match -> process

Each step is the one of publishers and listeners. A value that no body can carry is refused, and
the subscriber receives the types that it receives from SQS: a tuple arrives as a list, for example.
"""

from __future__ import annotations

import time
from contextlib import closing
from contextvars import copy_context
from typing import Any, cast
from uuid import uuid4

from mega.aws._hooks.work import run_to_completion
from mega.aws._messages.attributes import Attributes
from mega.aws._messages.limits import check_id
from mega.aws._publishing.encoder import encode_payload
from mega.aws._publishing.streams import Streamable, is_streamable
from mega.aws.sqs.opening import MessageOpener, open_message
from mega.aws.sqs.subscribe.processing import outcome as processing
from mega.aws.sqs.subscribe.processing.hooks import Hooks
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import Settlement, SettlementPolicy
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.runtime.inline_event_loop import InlineEventLoop
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber, explain_match
from mega.codec import Publishable
from mega.errors import check_int
from mega.testing.streams import upload_for_delivery

__all__ = ('Outcome', 'deliver')

_POLICY = SettlementPolicy(uniform=lambda _low, high: high)
"""The settings of a listener without arguments. A `Backoff` has no jitter: tests are repeatable."""


MAX_RECEIVE_COUNT = 1_000_000


class Outcome(processing.Outcome, kw_only=True):
    """The outcome of `deliver`: the status of the subscriber, and the effect on the message.

    `status` is a `ProcessStatus`. `error` is the exception that the subscriber raised, or None.
    """

    settlement: Settlement

    @property
    def delay(self) -> int | None:
        """The whole seconds before SQS delivers the message again. For a `Backoff`, the longest.

        None: without a retry, or when the visibility timeout of the message ends.
        """
        return self.settlement.delay

    @property
    def reason(self) -> Reason | None:
        """The reason that a dead letter would have, or of the retry; None if the status is `DONE`.

        `reason.error_name` is the class of the exception, or the status. `reason.text` is its text.
        """
        return self.settlement.reason


def deliver(
    subscriber: Subscriber,
    payload: Publishable | Streamable,
    *,
    binary_encoding: bool = False,
    attributes: Attributes | None = None,
    group_id: str | None = None,
    receive_count: int = 1,
    raising: bool = True,
) -> Outcome:
    """Deliver a payload to a subscriber class as a listener does, and return the outcome.

    The payload is encoded as a publisher encodes it, with the same errors, and decoded again. With
    `binary_encoding` the body is BSON. It may be of any size: large bodies are not stored in S3.
    A binary file, such as `io.BytesIO(b'...')`, or a `Path` is published as a stream.
    `attributes` belong to the message. `group_id` and `receive_count` are in `self.message`, too.

    An exception of the subscriber, or of a predicate of its pattern, is raised here. An exception
    is part of the outcome if it is a `RetriableError` or one of the `retriable_exceptions`, or with
    `raising=False`. An exception that is not an `Exception`, such as `KeyboardInterrupt`, is always
    raised.

    An `async def` subscriber runs in a new event loop.

    Raises:
        AssertionError: if the subscriber does not match the payload, with the explanation. To test
            that, write `assert not SomeSubscriber.matches(payload)`.
        ConfigurationError: for an object that a listener would refuse to register, and for an
            `async def` subscriber in a thread whose event loop runs.
        EncodeError, EventError: as a publisher raises them.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    router = Router()
    router.register(subscriber)
    processor = Processor(router, _POLICY, Hooks())
    open_body: MessageOpener = open_message
    if is_streamable(payload):
        body, message_attributes, open_body = upload_for_delivery(payload, attributes)
    else:
        plain = cast(Publishable, payload)  # a TypeGuard says nothing about other values
        body, message_attributes = encode_payload(plain, binary_encoding, attributes)
    received = _receive(body, message_attributes, group_id, receive_count)
    context = copy_context()  # the variables of the delivery do not remain in the test
    opened = context.run(processor.open, received, open_body)
    if not opened.subscribers and not opened.pattern_failures:
        explanation = explain_match(subscriber, opened.payload, opened.message)
        raise AssertionError(f'{subscriber.__name__}: {explanation}')
    with closing(InlineEventLoop()) as loop:
        work = processor.process(opened)
        result = context.run(run_to_completion, work, loop.run)
    [found] = result.outcomes
    if found.error is not None and _must_raise(found.error, subscriber, raising):
        raise found.error
    return Outcome(
        found.subscriber, found.status, found.error, found.duration, settlement=result.settlement
    )


def _receive(
    body: str,
    attributes: dict[str, Any],
    group_id: str | None,
    receive_count: int,
) -> dict[str, Any]:
    """Return a message as ReceiveMessage returns it."""
    check_id('group_id', group_id)
    check_int('receive_count', receive_count, 1, MAX_RECEIVE_COUNT)
    system = {
        'ApproximateReceiveCount': str(receive_count),
        'SentTimestamp': str(time.time_ns() // 1_000_000),
    }
    if group_id is not None:
        system['MessageGroupId'] = group_id
    return {
        'MessageId': str(uuid4()),
        'ReceiptHandle': str(uuid4()),
        'Body': body,
        'Attributes': system,
        'MessageAttributes': attributes,
    }


def _must_raise(error: BaseException, subscriber: Subscriber, raising: bool) -> bool:
    if not isinstance(error, Exception):
        return True
    return raising and not processing.is_retriable(error, subscriber)
