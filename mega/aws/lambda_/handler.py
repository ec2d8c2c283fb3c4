"""The handler of a Lambda function: passes the messages of an event to subscribers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from mega._closing import Closing
from mega.aws._messages.destinations import check_queue_url
from mega.aws._transport.client import create_client
from mega.aws._transport.time_limits import within
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.aws.lambda_.deadline import Deadline
from mega.aws.lambda_.failed_record import FailedRecord
from mega.aws.lambda_.invocation import Invocation
from mega.aws.lambda_.queue_calls import QueueCalls
from mega.aws.lambda_.records import read_records
from mega.aws.sqs.metadata import Metadata
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.subscribe.processing.hooks import Hook, Hooks
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy, Unhandled, Unmatched
from mega.aws.sqs.subscribe.runtime.inline_event_loop import InlineEventLoop
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.codec import Publishable, StreamedPayload
from mega.errors import ConfigurationError, RetriableError, Seconds, check_seconds
from mega.match import Explanations

if TYPE_CHECKING:
    from mega.aws.s3.store import S3PayloadStore

__all__ = ('LambdaHandler',)

MAX_TIMEOUT = 900
"""Seconds that a function may run:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

READ_TIMEOUT = 10.0
"""Seconds that SQS may take to answer a call."""


class LambdaHandler(Closing):
    """Passes the messages of a Lambda event to all subscribers that match them.

        handler = LambdaHandler([Restock, Invoice])     # the function's handler: module.handler

    The events are those of an SQS queue, standard or FIFO, of a topic of SNS that invokes the
    function itself, and of EventBridge Pipes with a queue as its source. Messages are opened,
    matched and passed to subscribers as by an `SqsListener`, one after another.

    The response names the messages that Lambda must not delete. Lambda reads it only if the event
    source mapping has `FunctionResponseTypes: [ReportBatchItemFailures]`. Otherwise it deletes all
    messages. The statuses of the subscribers decide:

    - Any `RETRY_LATER` or `RETRIABLE_ERROR` reports the message as failed. Lambda leaves it in the
      queue.
    - Otherwise, with a `dead_letter_queue_url`, a message with a `FATAL_ERROR` is sent to that
      queue, complete and with the reason. It is reported as failed only if that did not succeed.
      Without that setting, it is reported as failed, so that the redrive policy of its queue
      applies.
    - A message with an invalid body is treated in the same way.

    On a FIFO queue, the messages of a group behind a failed one do not begin, and are reported as
    failed, too. Other groups go on. `unmatched='leave'` blocks a group until the redrive policy
    moves the message.

    `retry_delay`, `max_receives`, `unhandled`, `unmatched`, `payload_store`, `gzip_attribute` and
    `hooks` are as of `SqsListener`. A delay needs the permission sqs:ChangeMessageVisibility.
    Without it, the message becomes visible when its visibility timeout ends, and a warning is
    logged once.

    No message begins if Lambda ends the function within `deadline_margin` seconds. The others are
    reported as failed. A subscriber that takes longer than the timeout of the function is ended
    with the function, and SQS delivers all messages of the event again.

    For a message of SNS that failed, the handler raises an error, so that Lambda invokes the
    function again, twice at most. Then the message goes to the on-failure destination of the
    function.

    `async def` subscribers run in one event loop, which is kept between invocations. A client of
    SQS is created with the handler if a setting or a subscriber needs it, and otherwise with the
    first call. Credentials and region are found as by `SqsPublisher`.

    Thread safety: one thread at a time may call the handler.

    Raises:
        ConfigurationError: for invalid settings, and without subscribers.
    """

    @without_secrets_in_tracebacks
    def __init__(
        self,
        subscribers: Iterable[Subscriber],
        *,
        payload_store: S3PayloadStore | None = None,
        gzip_attribute: str | None = None,
        dead_letter_queue_url: str | None = None,
        retry_delay: RetryDelay | None = None,
        max_receives: int | None = None,
        unmatched: Unmatched | None = None,
        unhandled: Unhandled = 'fatal',
        hooks: Iterable[Hook] = (),
        deadline_margin: Seconds = 1.0,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        if dead_letter_queue_url is not None:
            check_queue_url('dead_letter_queue_url', dead_letter_queue_url)
        policy = SettlementPolicy(
            unhandled,
            unmatched,
            has_dead_letter_queue=dead_letter_queue_url is not None,
            retry_delay=retry_delay,
            max_receives=max_receives,
            leaves_fatal=True,
        )
        self._margin = check_seconds('deadline_margin', deadline_margin, 0, MAX_TIMEOUT)
        self._router, valid_hooks = _route(subscribers), Hooks(hooks)
        self._processor = Processor(self._router, policy, valid_hooks)
        self._are_hooks_checked = False
        store = _check_store(payload_store)
        self._open_message = partial(open_message, store=store, gzip_attribute=gzip_attribute)
        self._event_loop = InlineEventLoop()
        self._calls = QueueCalls(
            lambda: create_client(
                'sqs',
                dead_letter_queue_url,
                aws_access_key_id=aws_access_key_id,
                aws_secret_access_key=aws_secret_access_key,
                aws_session_token=aws_session_token,
                region_name=region_name,
                endpoint_url=endpoint_url,
                session=session,
                client=client,
                read_timeout=READ_TIMEOUT,
                instrumentation=valid_hooks.replaced_instrumentation,
            ),
            dead_letter_queue_url,
        )
        delays = (retry_delay, *(each.retry_delay for each in self.subscribers))
        needs = (client, dead_letter_queue_url, *delays)
        if any(each is not None for each in needs):
            aws = self._calls.connect()
            if payload_store is not None:
                payload_store.check_client(aws)

    def __call__(self, event: Any, context: Any = None) -> dict[str, list[dict[str, str]]]:
        """Process the messages of an event, and return the ones that failed, as Lambda reads them.

        `context` is the second argument of a handler. Without it, processing has no deadline.

        The first call checks the hooks.

        Raises:
            ConfigurationError: if a hook cannot work. All messages stay in the queue.
            DecodeError: for an event without messages of SQS or SNS. It says what the event is.
            RetriableError: if a message of SNS failed. It names the message.
        """
        records, deadline = read_records(event), Deadline(context, self._margin)
        self._check_hooks()
        clock = self._calls.clock
        invocation = Invocation(
            self._processor,
            self._open_message,
            self._event_loop,
            self._calls.dead_letter,
            deadline,
            clock,
        )
        failed = invocation.process(records)
        with within(deadline.limit_of_settlement(clock)):
            self._calls.delay(failed)
        for each in failed:
            if each.record.queue_arn is None:
                raise RetriableError(_describe(each))
        return {'batchItemFailures': [{'itemIdentifier': each.record.id} for each in failed]}

    def _check_hooks(self) -> None:
        if not self._are_hooks_checked:
            self._processor.check_hooks()
            self._are_hooks_checked = True

    @property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """The subscribers, in their order."""
        return tuple(self._router)

    def explain(
        self, payload: Publishable | StreamedPayload, message: Metadata | None = None
    ) -> Explanations[Subscriber]:
        """Explain for each subscriber why it matches a payload or not, as `SqsListener.explain`.

        Raises:
            ConfigurationError, EventError: as `MessageSubscriber.matches`.
        """
        return self._router.explain(payload, message)

    def close(self) -> None:
        """Close the event loop, and the connections of the client, unless the user passed it.

        Lambda needs no such call. A test that has `async def` subscribers does.
        """
        self._event_loop.close()
        self._calls.close()


def _route(subscribers: Iterable[Subscriber]) -> Router:
    router = Router()
    for subscriber in subscribers:
        router.register(subscriber)
    if not len(router):
        raise ConfigurationError('no subscribers: pass a list of subscriber classes')
    router.build()
    return router


def _check_store(store: S3PayloadStore | None) -> S3PayloadStore | None:
    if store is not None and store.delete:
        problem = (
            'Lambda deletes a message after the handler returned, so that its body must remain'
        )
        remedy = 'leave delete off, and give the bucket a lifecycle rule'
        raise ConfigurationError(f'payload_store with delete=True: {problem}: {remedy}')
    return store


def _describe(failed: FailedRecord) -> str:
    """Return which message failed, and why, without the text of an exception."""
    reason = failed.reason
    by = f' in {reason.subscriber}' if reason.subscriber else ''
    return f'the message {failed.record.id} of SNS is not processed: {reason.error_name}{by}'
