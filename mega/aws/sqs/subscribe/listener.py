"""The listener: brings the messages of a queue to its subscribers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mega.aws._transport.client import ClosesClient, connect
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.subscribe.engine.commands import Settings
from mega.aws.sqs.subscribe.engine.visibility import MAX_VISIBILITY
from mega.aws.sqs.subscribe.preflight.checks import PreflightConfig, check_queue
from mega.aws.sqs.subscribe.processing.hooks import Hook, Hooks
from mega.aws.sqs.subscribe.processing.pipeline import Processor
from mega.aws.sqs.subscribe.processing.settlement import Policy, Unhandled, Unmatched
from mega.aws.sqs.subscribe.runtime.dead_letter_queue import DeadLetterQueue
from mega.aws.sqs.subscribe.runtime.queue_client import Queue
from mega.aws.sqs.subscribe.runtime.session import ListenerContext, ListenerSession, max_threads
from mega.aws.sqs.subscribe.runtime.signals import stopped_by_signals
from mega.aws.sqs.subscribe.runtime.stats import Stats, StatsCounter
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, safe_repr
from mega.match import Explanations

__all__ = ('SqsListener',)

_log = log_of(__name__)

# Which numbers SQS takes: ReceiveMessage in its API reference. A visibility timeout of 0 would give
# a message back before it is processed. For more threads than that one process is not enough.
_LIMITS = {
    'max_number_of_messages': (1, 10),
    'wait_time_seconds': (0, 20),
    'visibility_timeout': (1, 43_200),
    'concurrency': (1, 1_000),
}


_PATIENCE = 5.0
"""Seconds after its wait in which a receive has to be answered. What comes later is of no use: by
then nobody knows for how long its messages are still hidden."""


class SqsListener(ClosesClient):
    """Receives the messages of an SQS queue and hands each to every subscriber that wants it.

    `max_number_of_messages` (1 to 10), `wait_time_seconds` (0 to 20) and `visibility_timeout`
    (1 to 43,200 seconds) are those of SQS's ReceiveMessage. `concurrency` messages are in work at
    once: each in a thread, or in one event loop where all its subscribers are `async def`. A
    message has at least half the visibility timeout to be processed in, and `max_processing_time`
    seconds where that is given: for so long it is kept hidden. After that it is delivered again.

    What becomes of a message, by what its subscribers answer:
    - any `RETRY_LATER` or `RETRIABLE_ERROR` leaves it in the queue;
    - otherwise it is deleted: after every `DONE`, and after a `FATAL_ERROR`;
    - with a `dead_letter_queue_url`, after a `FATAL_ERROR` it is sent there, whole and with the
      reason, and deleted only when that succeeded.

    On a FIFO queue a message is started when the one before it in its group is gone, and is given
    back when that one stays.

    `unhandled` is what an exception means that nothing maps: `'fatal'`, or `'retry'`.
    `unmatched` is what becomes of a message that no subscriber wants: `'delete'`, `'leave'` or
    `'dead-letter'`; None dead-letters where there is a queue for it, and otherwise deletes.
    A message that cannot be opened is dead-lettered where there is a queue for it, and otherwise
    left to the redrive policy of its own queue. It is never simply deleted.

    With a `payload_store`, bodies that lie in S3 are fetched, those of a batch at a time; one that
    S3 does not give now leaves its message in the queue. Without one such a message cannot be
    opened. The store is the caller's to close.

    What stays in the queue comes again after its `retry_delay`, where that is given: a number of
    seconds, a `Backoff`, or a function of the message; None leaves it to its visibility timeout. A
    subscriber's own `retry_delay` goes before it, and a `RetriableError` with a delay before both.
    The longest wait that a subscriber asks for is the one that counts. With `max_receives`, a
    message that is wanted again when it came so often is dead-lettered instead. It is never judged
    without an attempt to process it.

    After a stop, messages in work have `grace_period` seconds to end; then they are given back.
    `hooks` stand round each delivery and each subscriber: see `Hook`.

    Credentials and region are found as `SqsPublisher` finds them.

    `stop()`, `pause()`, `resume()` and `stats()` are safe to call from any thread and from a signal
    handler. It works in one thread at a time, and has others of its own. Run any number of
    processes with the same subscribers on one queue.

    Raises:
        ConfigurationError: for settings that cannot work.
    """

    def __init__(
        self,
        queue_url: str | None = None,
        subscribers: Iterable[Subscriber] = (),
        *,
        max_number_of_messages: int = 1,
        wait_time_seconds: int = 20,
        visibility_timeout: int = 30,
        payload_store: S3PayloadStore | None = None,
        concurrency: int = 1,
        max_processing_time: float | None = None,
        unhandled: Unhandled = 'fatal',
        unmatched: Unmatched | None = None,
        dead_letter_queue_url: str | None = None,
        retry_delay: RetryDelay | None = None,
        max_receives: int | None = None,
        grace_period: float = 20.0,
        hooks: Iterable[Hook] = (),
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        client: Any = None,
    ) -> None:
        if not queue_url:
            raise ConfigurationError('a listener needs a queue_url=')
        self.queue_url = queue_url
        self.max_number_of_messages = _within('max_number_of_messages', max_number_of_messages)
        self.wait_time_seconds = _within('wait_time_seconds', wait_time_seconds)
        self.visibility_timeout = _within('visibility_timeout', visibility_timeout)
        is_fifo = queue_url.endswith('.fifo')
        self._settings = Settings(
            concurrency=_within('concurrency', concurrency),
            max_number_of_messages=self.max_number_of_messages,
            wait_time_seconds=self.wait_time_seconds,
            visibility_timeout=self.visibility_timeout,
            max_processing_time=None
            if max_processing_time is None
            else _seconds('max_processing_time', max_processing_time),
            grace_period=_seconds('grace_period', grace_period),
            is_fifo=is_fifo,
        )
        if dead_letter_queue_url in ('', queue_url):
            problem = 'the URL of another queue is wanted, or None'
            raise ConfigurationError(
                f'dead_letter_queue_url={safe_repr(dead_letter_queue_url)}: {problem}'
            )
        self.dead_letter_queue_url = dead_letter_queue_url
        self._policy = Policy(
            unhandled,
            unmatched,
            dead_letter_queue_url is not None,
            is_fifo,
            retry_delay,
            max_receives,
        )
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
            attempts=1,  # the engine tries again, and knows when that is of no use any more
            connections=max_threads(self._settings),
            read_timeout=wait_time_seconds + _PATIENCE,
        )
        super().__init__(aws)
        self._subscribers = Router()
        self._tally = StatsCounter()
        self._equipment = ListenerContext(
            Queue(aws, queue_url, visibility_timeout, dead_letter_queue_url is not None),
            DeadLetterQueue(aws, dead_letter_queue_url, queue_url)
            if dead_letter_queue_url
            else None,
            self._subscribers,
            Processor(self._subscribers, self._policy, Hooks(hooks), payload_store),
            self._tally,
            payload_store,
        )
        self._shift: ListenerSession | None = None
        self._process = 0
        self._is_stopped = self._is_paused = False
        for subscriber in subscribers:
            self.register_subscriber(subscriber)

    def register_subscriber(self, subscriber: Subscriber) -> None:
        """Have messages brought to a subscriber: the class itself, once.

        Raises:
            ConfigurationError: for what is no subscriber class, cannot be made without arguments,
                or is registered already.
        """
        self._subscribers.register(subscriber)

    @property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """The subscribers, in the order in which they were registered."""
        return tuple(self._subscribers)

    def explain(self, payload: AnyPayload) -> Explanations[Subscriber]:
        """Say for every subscriber whether it wants a payload, and if not, what stopped it.

        `payload` is anything that can be published. `print` the answer: it has a line for each
        subscriber. Nothing is processed.

        Raises:
            EventError: for a `dict` that is marked as an event and is none.
        """
        return self._subscribers.explain(payload)

    def listen(self) -> None:
        """Process messages until `stop()`, SIGTERM or SIGINT. Blocks the calling thread.

        The signals are minded only in the main thread, and only while this runs; a second one does
        what it did before. Messages are processed in threads of the listener's own. What was
        received and not started is given back at a stop; what is in work has its grace period.
        A call to AWS that fails is logged and made again: a receive after 1 to 60 seconds.

        Raises:
            ConfigurationError: without subscribers.
            TransportError: at the start, when the queue does not exist or may not be used, with
                what to do about it.
            SystemExit, KeyboardInterrupt: when a subscriber did.
        """
        with stopped_by_signals(self.stop):
            self._work(self._settings, is_checked=True)

    def drain(self) -> Stats:
        """Process what is in the queue, and answer what came of it.

        Ends when two receives in a row, of `wait_time_seconds` or one second, whichever is less,
        found nothing and nothing is in hand, or at `stop()`. Messages that were left in the queue
        are not waited for. With a `concurrency` of 1 the calling thread processes them.

        Raises:
            ConfigurationError: without subscribers.
            TransportError: when the queue cannot be received from.
            SystemExit, KeyboardInterrupt: when a subscriber did.
        """
        before = self.stats()
        self._work(replace(self._settings, until_empty=True), is_checked=False)
        return self.stats().since(before)

    def stop(self) -> None:
        """Have `listen()` or `drain()` return: at once, or when what is in work is done.

        May be called more than once. Called before one of them runs, it ends the next one at once.
        """
        self._is_stopped = True
        if self._shift is not None:
            self._shift.stop()

    def pause(self) -> None:
        """Receive nothing more until `resume()`. What was received is processed.

        May be called more than once, and before `listen()`.
        """
        self._is_paused = True
        if self._shift is not None:
            self._shift.pause()

    def resume(self) -> None:
        """Receive again after a `pause()`."""
        self._is_paused = False
        if self._shift is not None:
            self._shift.resume()

    def stats(self) -> Stats:
        """What the listener has done since it was made."""
        return self._tally.stats(self._aws.transport)

    def _work(self, settings: Settings, *, is_checked: bool) -> None:
        if not self._subscribers:
            problem = 'register one, or its messages would all be deleted unmatched'
            raise ConfigurationError(f'a listener without subscribers: {problem}')
        # Threads do not survive a fork, and so what the parent was at is not what the child is at.
        if self._shift is not None and self._process == os.getpid():
            raise ConfigurationError('this listener works already, in another thread')
        shift = self._shift = ListenerSession(self._equipment, settings)
        self._process = os.getpid()
        try:
            if is_checked and not self._is_stopped:
                check_queue(
                    self._aws,
                    PreflightConfig(
                        self.queue_url,
                        self.dead_letter_queue_url,
                        settings,
                        self._policy,
                        self._subscribers,
                    ),
                )
            # They may have been said before there was anybody to hear them.
            if self._is_paused:
                shift.pause()
            if self._is_stopped:
                shift.stop()
            _log.info('receiving from %s, transport: %s', self.queue_url, self._aws.transport)
            shift.run()
        finally:
            self._shift = None
            self._is_stopped = False


def _within(name: str, value: int) -> int:
    low, high = _LIMITS[name]
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise ConfigurationError(f'{name}={safe_repr(value)}: {low:,} to {high:,} are possible')


def _seconds(name: str, value: float) -> float:
    """A number of seconds, up to the twelve hours for which SQS hides a message."""
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and 0 <= value <= MAX_VISIBILITY
    ):
        return value
    raise ConfigurationError(f'{name}={safe_repr(value)}: 0 to {MAX_VISIBILITY:,} seconds')
