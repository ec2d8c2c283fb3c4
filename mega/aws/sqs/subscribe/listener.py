"""The listener: brings the messages of a queue to its subscribers."""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mega.aws._client import Connected, connect
from mega.aws.sqs.message import read_message
from mega.aws.sqs.subscribe.lifecycle import stopped_by_signals
from mega.aws.sqs.subscribe.processor import Processor
from mega.aws.sqs.subscribe.queue import Batch, Queue
from mega.aws.sqs.subscribe.receiver import Receiver
from mega.aws.sqs.subscribe.registry import Registry
from mega.aws.sqs.subscribe.settle import Settler
from mega.aws.sqs.subscribe.stats import Stats, Tally
from mega.aws.sqs.subscribe.subscriber import Subscriber
from mega.aws.sqs.subscribe.verdict import Policy, Unhandled, Unmatched
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, TransportError, shorten
from mega.match import Explanations

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.coroutines import Coroutines

__all__ = ('SqsListener',)

_log = logging.getLogger(__name__)

# Which numbers SQS takes: ReceiveMessage in its API reference. A visibility timeout of 0 would give
# a message back before it is processed.
_LIMITS = {
    'max_number_of_messages': (1, 10),
    'wait_time_seconds': (0, 20),
    'visibility_timeout': (1, 43_200),
}

LONGEST_DEAFNESS = 0.5
"""Seconds for which a signal may be missed."""

_LONGEST_BACKOFF = 60.0
_DRAINED_AFTER = 2


class SqsListener(Connected):
    """Receives the messages of an SQS queue and hands each to every subscriber that wants it.

    `max_number_of_messages` (1 to 10), `wait_time_seconds` (0 to 20) and `visibility_timeout`
    (1 to 43,200 seconds) are those of SQS's ReceiveMessage. A message has to be processed within
    the visibility timeout, or it is delivered again.

    What becomes of a message, by what its subscribers answer:
    - any `RETRY_LATER` or `RETRIABLE_ERROR` leaves it in the queue;
    - otherwise it is deleted: after every `DONE`, and after a `FATAL_ERROR`;
    - with a `dead_letter_queue_url`, after a `FATAL_ERROR` it is sent there, whole and with the
      reason, and deleted only when that succeeded.

    `unhandled` is what an exception means that nothing maps: `'fatal'`, or `'retry'`.
    `unmatched` is what becomes of a message that no subscriber wants: `'delete'`, `'leave'` or
    `'dead-letter'`; None dead-letters where there is a queue for it, and otherwise deletes.
    A message that cannot be opened is dead-lettered where there is a queue for it, and otherwise
    left to the redrive policy of its own queue. It is never simply deleted.

    Credentials and region are found as `SqsPublisher` finds them.

    Not safe to share among threads, but for `stop()` and `stats()`. Run any number of processes
    with the same subscribers on one queue.

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
        unhandled: Unhandled = 'fatal',
        unmatched: Unmatched | None = None,
        dead_letter_queue_url: str | None = None,
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
        if dead_letter_queue_url in ('', queue_url):
            problem = 'the URL of another queue is wanted, or None'
            raise ConfigurationError(
                f'dead_letter_queue_url={shorten(dead_letter_queue_url)}: {problem}'
            )
        self.dead_letter_queue_url = dead_letter_queue_url
        self._is_fifo = queue_url.endswith('.fifo')
        policy = Policy(unhandled, unmatched, dead_letter_queue_url is not None, self._is_fifo)
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
        )
        super().__init__(aws)
        self._subscribers = Registry()
        self._tally = Tally()
        self._coroutines: Coroutines | None = None
        self._queue = Queue(aws, queue_url, self.max_number_of_messages, self.visibility_timeout)
        self._settler = Settler(aws, queue_url, dead_letter_queue_url, self._tally)
        self._processor = Processor(
            self._subscribers, policy, self._settler, self._tally, self._await
        )
        self._inbox: SimpleQueue[Batch | Exception | None] = SimpleQueue()
        self._is_working = False
        self._is_stopping = False
        for subscriber in subscribers:
            self.register_subscriber(subscriber)

    def register_subscriber(self, subscriber: Subscriber) -> None:
        """Have messages brought to a subscriber: the class itself, once.

        Raises:
            ConfigurationError: for what is no subscriber class, cannot be made without arguments,
                or is registered already.
        """
        self._subscribers.register(subscriber)

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
        what it did before. Work in hand is finished, what was received besides is given back.
        A call to AWS that fails is logged and made again, after 1 to 60 seconds.

        Raises:
            ConfigurationError: without subscribers.
            TransportError: when the queue does not exist, at the start.
            SystemExit, KeyboardInterrupt: when a subscriber did.
        """
        with self._working(), stopped_by_signals(self.stop):
            self._queue.check(self.dead_letter_queue_url is not None)
            receiver = Receiver(
                lambda: self._receive(self.wait_time_seconds), self._inbox.put, self._release
            )
            try:
                self._follow(receiver)
            finally:
                receiver.abandon()
                self._release_what_came_late()

    def drain(self) -> Stats:
        """Process what is in the queue, and answer what came of it.

        Ends when two receives in a row, of `wait_time_seconds` or one second, whichever is less,
        found nothing, or at `stop()`. Messages that were left in the queue are not waited for.

        Raises:
            ConfigurationError: without subscribers.
            TransportError: when the queue cannot be received from.
            SystemExit, KeyboardInterrupt: when a subscriber did.
        """
        before = self.stats()
        with self._working():
            found_nothing = 0
            while found_nothing < _DRAINED_AFTER and not self._is_stopping:
                batch = self._receive(min(self.wait_time_seconds, 1))
                found_nothing = 0 if batch.messages else found_nothing + 1
                self._work(batch)
        return self.stats().since(before)

    def stop(self) -> None:
        """Have `listen()` or `drain()` return when the message in work is done.

        Safe from any thread and from a signal handler, and more than once. Called before one of
        them runs, it ends the next one at once.
        """
        self._is_stopping = True
        self._inbox.put(None)

    def stats(self) -> Stats:
        """What the listener has done since it was made."""
        return self._tally.stats()

    @contextmanager
    def _working(self) -> Iterator[None]:
        if not self._subscribers:
            problem = 'register one, or its messages would all be deleted unmatched'
            raise ConfigurationError(f'a listener without subscribers: {problem}')
        if self._is_working:
            raise ConfigurationError('this listener works already, in another thread')
        self._is_working = True
        try:
            yield
        finally:
            if self._coroutines is not None:
                self._coroutines.close()
                self._coroutines = None
            self._inbox = SimpleQueue()
            self._is_working = self._is_stopping = False

    def _next(self) -> Batch | Exception | None:
        """What the receiver brings next; None to stop."""
        while True:
            with suppress(Empty):
                # Python sees a signal that comes right before a wait only when that wait is over.
                return self._inbox.get(timeout=LONGEST_DEAFNESS)

    def _await(self, awaitable: Awaitable[object]) -> object:
        if self._coroutines is None:
            # asyncio is a third of what it takes to import this package, and few need it.
            from mega.aws.sqs.subscribe.coroutines import Coroutines

            self._coroutines = Coroutines()
        return self._coroutines.run(awaitable)

    def _follow(self, receiver: Receiver) -> None:
        failures = 0
        receiver.ask()
        while (found := self._next()) is not None:
            if isinstance(found, Exception):
                failures += 1
                self._tell_failure(found)
                if self._is_stopped_within(_backoff(failures)):
                    return
            else:
                failures = 0
                self._work(found)
            if self._is_stopping:
                return
            receiver.ask()

    def _work(self, batch: Batch) -> None:
        """Process messages in their order, and give back those that are not to be started."""
        waiting = deque(batch.messages)
        blocked_groups: set[str] = set()
        try:
            while waiting and not self._is_stopping:
                if time.monotonic() >= batch.hidden_until:
                    _log.warning(
                        '%d messages were not started within their visibility timeout: '
                        'raise it, or lower max_number_of_messages',
                        len(waiting),
                    )
                    self._tally.add('expired', len(waiting))
                    waiting.clear()
                    return
                received = waiting.popleft()
                group = read_message(received).group_id if self._is_fifo else None
                if group in blocked_groups:
                    self._release([received])
                elif not self._process(received, batch) and group is not None:
                    blocked_groups.add(group)
        finally:
            self._release(waiting)

    def _process(self, received: dict[str, Any], batch: Batch) -> bool:
        is_gone = self._processor.process(received, batch.hidden_until - self.visibility_timeout)
        if time.monotonic() > batch.hidden_until:
            _log.warning(
                'message %s took longer than its visibility timeout, and may be processed twice: '
                'raise visibility_timeout',
                received['MessageId'],
            )
        return is_gone

    def _receive(self, wait_time_seconds: int) -> Batch:
        batch = self._queue.receive(wait_time_seconds)
        self._tally.add('received', len(batch.messages))
        return batch

    def _release(self, messages: Iterable[dict[str, Any]]) -> None:
        for received in messages:
            self._tally.add('released')
            self._settler.hide(read_message(received), 0)

    def _release_what_came_late(self) -> None:
        while True:
            try:
                found = self._inbox.get_nowait()
            except Empty:
                return
            if isinstance(found, Batch):
                self._release(found.messages)

    def _tell_failure(self, error: Exception) -> None:
        self._tally.add('errors')
        is_foreseen = isinstance(error, TransportError)
        _log.error('receiving from %s: %s', self.queue_url, error, exc_info=not is_foreseen)

    def _is_stopped_within(self, seconds: float) -> bool:
        try:
            return self._inbox.get(timeout=seconds) is None
        except Empty:
            return False


def _within(name: str, value: int) -> int:
    low, high = _LIMITS[name]
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise ConfigurationError(f'{name}={shorten(value)}: SQS takes {low} to {high}')


def _backoff(failures: int) -> float:
    """Seconds before the next try: at least one, at most sixty, and no two listeners the same."""
    return random.uniform(1, min(_LONGEST_BACKOFF, 2.0**failures))
