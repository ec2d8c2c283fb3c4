"""The listener: receives the messages of a queue, and passes them to subscribers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from copy import copy
from datetime import timedelta
from typing import Any, TypeVar

from msgspec.structs import asdict, replace

from mega.aws._messages.destinations import check_queue_url
from mega.aws._transport.client import AwsClient, ClientOwner, create_client
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.metadata import Metadata
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.option_checks import (
    DEFAULT_VISIBILITY_TIMEOUT,
    check_count,
    check_dead_letter_queue,
    check_drain,
    check_grace_period,
    check_max_processing_time,
    check_reachable,
    check_signing,
    check_visibility_timeout,
)
from mega.aws.sqs.subscribe.preflight.checks import (
    PreflightOptions,
    PreflightResult,
    check_queue,
)
from mega.aws.sqs.subscribe.processing.hooks import Hook, Hooks
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy, Unhandled, Unmatched
from mega.aws.sqs.subscribe.runtime.activity import Activity
from mega.aws.sqs.subscribe.runtime.context import Runtime, create_context
from mega.aws.sqs.subscribe.runtime.runs import ListenerRuns
from mega.aws.sqs.subscribe.runtime.session import ListenerSession
from mega.aws.sqs.subscribe.runtime.signals import stop_on_signals
from mega.aws.sqs.subscribe.runtime.stats import Stats, StatsCounter
from mega.aws.sqs.subscribe.runtime.threads import Threads, max_threads
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.codec import Publishable, StreamedPayload
from mega.errors import ConfigurationError, Seconds, check_whole_seconds
from mega.match import Explanations

__all__ = ('SqsListener',)

SubscriberClass = TypeVar('SubscriberClass', bound=Subscriber)
ListenerType = TypeVar('ListenerType', bound='SqsListener')

_READ_TIMEOUT_MARGIN = 5.0
"""Seconds after its long poll within which SQS must answer a receive. A later answer is useless,
because the remaining visibility timeout of its messages is unknown."""


class SqsListener(ClientOwner):
    """Receives the messages of an SQS queue, and passes each to all subscribers that match it.

    `max_number_of_messages` (1 to 10), `wait_time_seconds` (0 to 20) and `visibility_timeout`
    (1 to 43,200 seconds; by default 30) are the parameters of SQS's ReceiveMessage.
    `visibility_timeout=None` uses the queue's own. Every time may be a number of seconds or a
    `timedelta`.

    `concurrency` is the maximum number of messages in processing at the same time: each in a
    thread, or all in one event loop if their subscribers are `async def`. A message has at least
    half of the visibility timeout to be processed. With `max_processing_time`, the listener extends
    the visibility timeout, so that a message has that many seconds. After that SQS delivers the
    message again.

    The statuses of the subscribers decide what happens to a message:
    - Any `RETRY_LATER` or `RETRIABLE_ERROR` leaves it in the queue.
    - Otherwise it is deleted, even after a `FATAL_ERROR`.
    - With a `dead_letter_queue_url`, a message with a `FATAL_ERROR` is first sent to that queue,
      complete and with the reason. It is deleted only after that succeeded. Without that setting it
      is lost: the redrive policy of a queue applies only to messages that stay in the queue.

    On a FIFO queue, a message starts after the previous message of its group is deleted. If the
    previous message stays in the queue, the listener releases the others.

    `unhandled` is the meaning of an exception that no subscriber declares: `'fatal'` or `'retry'`.
    `unmatched` is the action for a message that no subscriber matches: `'delete'`, `'leave'` or
    `'dead-letter'`. None dead-letters it if there is a dead-letter queue, and otherwise deletes it.
    A message with an invalid body is dead-lettered if there is a dead-letter queue. Otherwise it is
    left to the redrive policy of its queue. It is never simply deleted.

    With a `payload_store`, the listener reads bodies that are in S3: the bodies of one receive at
    the same time. If S3 fails, the message stays in the queue. Without a store, such a message has
    an invalid body. The caller closes the store.

    `retry_delay` is the delay before SQS redelivers a message that stays in the queue: a number
    of seconds, a `Backoff`, or a function of the message. None: when its visibility timeout ends.
    A subscriber's own `retry_delay` precedes it, and the delay of a `RetriableError` precedes both.
    If several subscribers ask for a retry, the longest delay applies. With `max_receives`, a
    message that asks for a retry at that receive is dead-lettered instead. The listener never
    dead-letters it for that reason without an attempt.

    With `allowed_topics`, a list of ARNs, the listener only opens envelopes of SNS of these topics.
    Any other message counts as invalid, also one of raw message delivery. Any sender can write such
    an envelope. With `verify_sns_signatures` (extra `sns-verify`) it must have a signature of SNS,
    which does not cover message attributes. If the listener cannot download the certificate of SNS,
    the message stays in the queue.

    `gzip_attribute` is the name of the message attribute with which other producers mark bodies
    that are gzip in Base64, such as `'Content-Encoding'` of JustSaying. Without it, such a body is
    a text. The listener decompresses 4 MiB at most.

    After a stop, messages in processing have `grace_period` seconds to end. Then they are released.
    `hooks` run around each delivery and each subscriber: see `Hook`.

    The listener finds credentials and region as `SqsPublisher` does.

    Thread safety: `stop()`, `pause()`, `resume()`, `stats()` and `activity()` are safe in any
    thread and in a signal handler. One thread at a time may call `register_subscriber()` or
    `unregister_subscriber()`, also during `listen()`. Only one thread at a time may call `listen()`
    or `drain()`. The listener has its own threads. Any number of processes may listen to one queue
    with the same subscribers.

    Raises:
        ConfigurationError: for invalid settings.
    """

    @without_secrets_in_tracebacks
    def __init__(
        self,
        queue_url: str | None = None,
        subscribers: Iterable[Subscriber] = (),
        *,
        max_number_of_messages: int = 1,
        wait_time_seconds: int | timedelta = 20,
        visibility_timeout: int | timedelta | None = DEFAULT_VISIBILITY_TIMEOUT,
        payload_store: S3PayloadStore | None = None,
        concurrency: int = 1,
        max_processing_time: Seconds | None = None,
        unhandled: Unhandled = 'fatal',
        unmatched: Unmatched | None = None,
        dead_letter_queue_url: str | None = None,
        retry_delay: RetryDelay | None = None,
        max_receives: int | None = None,
        grace_period: Seconds = 20.0,
        allowed_topics: Iterable[str] | None = None,
        verify_sns_signatures: bool = False,
        gzip_attribute: str | None = None,
        hooks: Iterable[Hook] = (),
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
        self.max_number_of_messages = check_count('max_number_of_messages', max_number_of_messages)
        self.wait_time_seconds = check_whole_seconds('wait_time_seconds', wait_time_seconds, 0, 20)
        self.visibility_timeout = check_visibility_timeout(visibility_timeout)
        is_fifo = self.queue_url.endswith('.fifo')
        rules = unhandled, unmatched, dead_letter_queue_url is not None, is_fifo
        self._policy = SettlementPolicy(*rules, retry_delay, max_receives)
        self._settings = EngineSettings(
            concurrency=check_count('concurrency', concurrency),
            max_number_of_messages=max_number_of_messages,
            wait_time_seconds=self.wait_time_seconds,
            visibility_timeout=self.visibility_timeout or DEFAULT_VISIBILITY_TIMEOUT,
            max_processing_time=check_max_processing_time(max_processing_time),
            grace_period=check_grace_period(grace_period),
            is_fifo=is_fifo,
        )
        self._create_client: Callable[..., AwsClient] = lambda **options: create_client(
            'sqs',
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            aws_session_token=aws_session_token,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
            **options,  # not a `partial`: its repr would show the secrets
        )
        self._hooks, self.payload_store, self._gzip = Hooks(hooks), payload_store, gzip_attribute
        self._envelopes = EnvelopePolicy.create(allowed_topics, verify_sns_signatures)
        self._set_up(subscribers)

    def _set_up(self, subscribers: Iterable[Subscriber]) -> None:
        """Create the client and everything else that depends on the queue and the settings."""
        aws = self._create_client(
            destination=self.queue_url,
            attempts=1,  # the engine repeats calls, and knows when a repetition is useless
            connections=max_threads(self._settings),
            read_timeout=self.wait_time_seconds + _READ_TIMEOUT_MARGIN,
            instrumentation=self._hooks.replaced_instrumentation,
        )
        super().__init__(aws)
        check_reachable(aws, self.queue_url, self.dead_letter_queue_url)
        check_signing(aws, self._envelopes)
        self._router, self._counter = Router(), StatsCounter()
        self._context = create_context(
            aws,
            self.queue_url,
            self.dead_letter_queue_url,
            Processor(self._router, self._policy, self._hooks),
            self._router,
            self._counter,
            self.payload_store,
            self._envelopes,
            self._gzip,
        )
        self._runs = ListenerRuns(self._context, self._check_queue)
        for subscriber in subscribers:
            self.register_subscriber(subscriber)

    @without_secrets_in_tracebacks
    def with_settings(
        self: ListenerType,
        *,
        queue_url: str | None = None,
        concurrency: int | None = None,
        grace_period: Seconds | None = None,
    ) -> ListenerType:
        """Return a listener with other settings, the same subscribers, and its own statistics.

        None keeps a setting. This listener does not change, and each of the two has its own client,
        unless `client=` was passed.

        Raises:
            ConfigurationError: for invalid settings.
        """
        other, settings = copy(self), self._settings
        if queue_url is not None:
            other.queue_url = check_queue_url('queue_url', queue_url)
            check_dead_letter_queue(self.dead_letter_queue_url, queue_url)
            settings = replace(settings, is_fifo=queue_url.endswith('.fifo'))
        if concurrency is not None:
            settings = replace(settings, concurrency=check_count('concurrency', concurrency))
        if grace_period is not None:
            settings = replace(settings, grace_period=check_grace_period(grace_period))
        other._settings = settings
        # Old releases of msgspec check nothing in `replace`.
        other._policy = SettlementPolicy(**{**asdict(self._policy), 'is_fifo': settings.is_fifo})
        other._set_up(self.subscribers)
        return other

    def register_subscriber(self, subscriber: SubscriberClass) -> SubscriberClass:
        """Register a subscriber class, so that it receives the messages that it matches.

        Return the class, so that the method is also a decorator of classes.

        Raises:
            ConfigurationError: for an object that is not a subscriber class, a class that the
                listener could not use, or a class that is registered already.
        """
        self._router.register(subscriber)
        return subscriber

    def unregister_subscriber(self, subscriber: Subscriber) -> None:
        """Remove a subscriber class. It still receives the messages that are in progress.

        Raises:
            ConfigurationError: for a class that is not registered, or that is the only one.
        """
        self._router.unregister(subscriber)

    @property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """The registered subscribers, in the order of their registration."""
        return tuple(self._router)

    def explain(
        self, payload: Publishable | StreamedPayload, message: Metadata | None = None
    ) -> Explanations[Subscriber]:
        """Explain for each subscriber why it matches a payload or not, as its `matches` does.

        `print` the result: it has one line for each subscriber. No subscriber processes anything.

        Raises:
            ConfigurationError, EventError: as `MessageSubscriber.matches`.
        """
        return self._router.explain(payload, message)

    def listen(self, on_ready: Callable[[], None] | None = None) -> None:
        """Process messages until `stop()`, SIGTERM or SIGINT. Blocks the calling thread.

        The listener handles these signals only in the main thread, and only during this call. An
        ignored signal remains ignored. The previous handler receives a second signal. The threads
        of the listener process the messages. A stop releases messages that did not start, and
        messages in processing have the grace period. The listener logs a call to AWS that failed,
        and repeats it: a receive after 1 to 60 seconds. Before that, it checks the queue for at
        most ten seconds; a stop ends the checks.

        `on_ready` is called once in a thread of the listener, when the checks have passed and the
        first receive begins. A stop before that prevents the call.

        Raises:
            ConfigurationError: without subscribers.
            TransportError: if AWS refuses a call for a reason that no retry resolves, and has not
                permitted that call before. The error says what to do.
            SystemExit, KeyboardInterrupt: if a subscriber raised it.
        """
        with stop_on_signals(self.stop):
            self._run(self._settings, on_ready)

    def drain(
        self,
        timeout: Seconds | None = None,
        max_messages: int | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> Stats:
        """Process the messages in the queue, and return the statistics of this call.

        The call ends when two consecutive receives returned no new messages and no message is in
        flight, or at `stop()`. Such a receive waits `wait_time_seconds`, but at most one second.
        The call ends earlier after `timeout` seconds, as at `stop()`, or when it has received
        `max_messages` messages and they are settled.

        The call does not wait for messages that it left in the queue, and does not process them
        again. A message with a retry delay of 0, or that SQS delivers again, stays hidden until the
        call ends. On a FIFO queue this applies to the whole message group.

        With a `concurrency` of 1 the calling thread processes the messages. The call warns at the
        start as `listen()` does. `on_ready` is called as there.

        Raises:
            ConfigurationError: without subscribers, or for an invalid argument.
            TransportError: if a receive fails, or if AWS refuses another call as in `listen()`.
            SystemExit, KeyboardInterrupt: if a subscriber raised it.
        """
        ends = check_drain(timeout, max_messages)
        before = self.stats()
        settings = replace(
            self._settings, until_empty=True, max_messages=max_messages, timeout=ends
        )
        self._run(settings, on_ready)
        return self.stats().since(before)

    def stop(self) -> None:
        """Let `listen()` or `drain()` return after the messages in processing.

        May be called more than once. A call before `listen()` or `drain()` ends the next one.
        """
        self._runs.stop()

    def pause(self) -> None:
        """Make no receives until `resume()`. Messages that were received are processed.

        May be called more than once, and before `listen()`.
        """
        self._runs.pause()

    def resume(self) -> None:
        """Make receives again after a `pause()`."""
        self._runs.resume()

    def stats(self) -> Stats:
        """Return the statistics since the creation of the listener."""
        return self._counter.stats(self._aws.transport)

    def activity(self) -> Activity:
        """Return whether the listener receives messages, and when it last made progress."""
        return self._runs.activity()

    def _run(self, settings: EngineSettings, on_ready: Callable[[], None] | None) -> None:
        if self._aws.is_in_process:
            raise ConfigurationError('client= is of a Bus: pass this listener to bus.run()')
        threads = Threads(settings, self._aws.clock)
        with self._begin(threads, settings) as session:
            if on_ready is not None:
                session.activity_log.call_at_first_receive(on_ready)
            threads.run(session)

    def _begin(
        self, runtime: Runtime, settings: EngineSettings | None = None
    ) -> AbstractContextManager[ListenerSession]:
        """Begin a run. `mega.testing` uses it, too."""

        def create(settings: EngineSettings) -> ListenerSession:
            is_async = self._router.all_async(self.subscribers)
            return ListenerSession(self._context, replace(settings, is_async=is_async), runtime)

        return self._runs.begin(settings or self._settings, create)

    def _check_queue(self, settings: EngineSettings) -> PreflightResult:
        return check_queue(self._aws, self._preflight_options(settings))

    def _preflight_options(self, settings: EngineSettings | None = None) -> PreflightOptions:
        """Return the settings to check. `mega doctor` uses it, too."""
        return PreflightOptions(
            self.queue_url,
            self.dead_letter_queue_url,
            settings or self._settings,
            self._policy,
            self._router,
            uses_queue_timeout=self.visibility_timeout is None,
        )
