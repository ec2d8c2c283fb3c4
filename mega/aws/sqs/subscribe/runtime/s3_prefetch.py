"""Bodies that lie in S3: fetched while their messages wait, and deleted after them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, Thread
from typing import Any, TypeAlias, TypeVar

from mega.aws._transport.interruption import CallInterrupter
from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.opening import MissingBody, may_be_offloaded, open_message
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.runtime.dead_letter_queue import DEAD_LETTER
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.codec import AnyPayload

__all__ = ('BodyPrefetcher', 'PendingBody')

_log = log_of(__name__)

AT_ONCE = 50
"""Calls at a time: as many as a store has connections."""

JOIN_TIMEOUT = 1.0
"""Seconds that calls have to end, once nobody waits for them."""

RE_INTERRUPT_SECONDS = 0.05
"""Seconds after which those that have not ended are broken off once more."""

A = TypeVar('A')
T = TypeVar('T')

OpenedBody: TypeAlias = tuple[Message, AnyPayload | SubscriptionNotice | MissingBody]


@dataclass(frozen=True, slots=True)
class PendingBody:
    """A message as it was received, whose body is on its way."""

    received: dict[str, Any]
    opening: Future[OpenedBody]


class BodyPrefetcher:
    """Fetches the bodies of a batch at a time, each apart from the others, and deletes bodies.

    Its threads are daemons: a call that never ends must not keep a process from ending.
    """

    def __init__(self, store: S3PayloadStore, queue_url: str, at_once: int) -> None:
        self._store = store
        self._queue_url = queue_url
        self._places = BoundedSemaphore(min(AT_ONCE, at_once))
        self._breaker = CallInterrupter()
        self._lock = Lock()
        self._threads: deque[Thread] = deque()

    def submit(self, deliveries: Iterable[Delivery]) -> None:
        """Begin to open those messages that may have to be fetched."""
        for delivery in deliveries:
            received = delivery.content
            if may_be_offloaded(received):
                # Without a thread it is opened where it is started.
                with suppress(RuntimeError):
                    message = read_message(received, delivery)
                    opening = self._submit(self._open, message)
                    delivery.content = PendingBody(received, opening)

    def body_to_delete(self, message: Message) -> Pointer | None:
        """Where the body of a message lies that nobody else can want, once the message is deleted.

        None where nothing is to be deleted, or somebody may: there may be other messages that lead
        there, or a copy in the dead-letter queue from which this one was sent back.
        """
        pointer = message.pointer
        if not self._store.delete or pointer is None or pointer.queue_url != self._queue_url:
            return None
        return None if DEAD_LETTER in message.attributes else pointer

    def remove(self, pointer: Pointer) -> None:
        """Begin to delete a body."""
        try:
            self._submit(self._store.remove, pointer)
        except RuntimeError:
            self._store.remove(pointer)

    def close(self) -> None:
        """Break off what nobody waits for any more, and wait a moment for what is deleted."""
        last = time.monotonic() + JOIN_TIMEOUT
        self._breaker.interrupt(at_once=True)
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            while thread.is_alive() and time.monotonic() < last:
                self._breaker.interrupt(at_once=True)  # one that had only just begun was missed
                thread.join(RE_INTERRUPT_SECONDS)
        if any(thread.is_alive() for thread in threads):
            _log.warning('a call to S3 has not ended, and is left behind')

    def _open(self, message: Message) -> OpenedBody:
        with self._store.watched(self._breaker):
            return open_message(message, self._store)

    def _submit(self, call: Callable[[A], T], argument: A) -> Future[T]:
        """Make a call in a thread of its own.

        Raises:
            RuntimeError: when no thread can be started, as at the end of the interpreter.
        """
        future: Future[T] = Future()

        def make() -> None:
            with self._places:
                try:
                    future.set_result(call(argument))
                except BaseException as error:
                    future.set_exception(error)

        thread = Thread(target=make, name='mega-s3', daemon=True)
        thread.start()
        with self._lock:
            while self._threads and not self._threads[0].is_alive():
                self._threads.popleft()
            self._threads.append(thread)
        return future
