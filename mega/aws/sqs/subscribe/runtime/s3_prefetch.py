"""Bodies in S3: read while their messages wait for a worker, and deleted after their messages.

receive    submit([a, b])        both bodies are being read, in two threads
process    is_ready(a)           is false: the worker processes another message meanwhile
           opener(a)(message)    returns the body of a
settle     delete_after(a, ...)  the body of a will be deleted with the message
deleted    start_delete(a)       the body of a is being deleted

A read ends with the visibility timeout of its message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from threading import Lock, get_ident
from typing import TypeVar

from mega.aws._executor import Executor
from mega.aws._messages.attributes import DEAD_LETTER_ATTRIBUTE
from mega.aws._messages.destinations import queue_name
from mega.aws._transport.clock import SYSTEM_CLOCK, Clock
from mega.aws._transport.interruption import CallInterrupter
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.opening import MessageOpener, OpenResult, may_be_offloaded
from mega.aws.sqs.subscribe.engine.delivery import ENDED, Delivery
from mega.aws.sqs.subscribe.runtime.visibility import DeliveryVisibility
from mega.logging import about, get_logger

__all__ = ('BodyPrefetcher',)

T = TypeVar('T')

_log = get_logger(__name__)

MAX_THREADS = 50
"""The number of connections of a payload store, and so of calls at the same time."""

JOIN_TIMEOUT = 1.0
"""Seconds that calls to S3 may take to end after the end of a session."""

RE_INTERRUPT_SECONDS = 0.05
"""Seconds after which calls that did not end are interrupted again."""


class BodyPrefetcher:
    """Reads and deletes bodies in S3. Safe to share among threads.

    `open_message` opens a message, and fetches its body from the same store.
    With `max_threads=0`, a body is read when its message is opened.
    """

    def __init__(
        self,
        store: S3PayloadStore,
        open_message: MessageOpener,
        queue_url: str,
        visibility_timeout: float,
        clock: Clock = SYSTEM_CLOCK,
        max_threads: int = MAX_THREADS,
    ) -> None:
        self._store = store
        self._open_message = open_message
        self._queue_url = queue_url
        self._visibility_timeout = visibility_timeout
        self._clock = clock
        self._executor = Executor('mega-s3', max_threads)
        self._interrupter = CallInterrupter()
        self._lock = Lock()
        self._is_closed = False
        self._variables = copy_context()
        self._pending: dict[Delivery, Future[OpenResult | None]] = {}
        self._to_delete: dict[Delivery, Pointer] = {}

    def submit(self, deliveries: Iterable[Delivery]) -> None:
        """Begin to open the messages whose body may be in S3."""
        offloaded = [each for each in deliveries if may_be_offloaded(each.received)]
        if not offloaded:
            return
        with self._lock:
            self._pending = _without_ended(self._pending)
            self._to_delete = _without_ended(self._to_delete)
            for delivery in offloaded:
                limit = TimeLimit(self._visibility_timeout, self._clock)
                call = partial(self._prefetch, delivery, limit, get_ident())
                self._pending[delivery] = self._executor.submit(call)

    def is_ready(self, delivery: Delivery) -> bool:
        """Return whether no body is being read for a message."""
        pending = self._pending.get(delivery)
        return pending is None or pending.done()

    def call_when_ready(self, delivery: Delivery, call: Callable[[], None]) -> None:
        """Call a function when the body is there, or could not be read. It may be at once."""
        if pending := self._pending.get(delivery):
            pending.add_done_callback(lambda _: call())

    def opener(self, delivery: Delivery) -> MessageOpener:
        """Return the function that opens a message, with the body that was read for it."""
        with self._lock:
            pending = self._pending.pop(delivery, None)
        if pending is None:
            return self._open_message
        return lambda message: pending.result() or self._open(message, delivery)

    def schedule_delete(self, delivery: Delivery, message: Message) -> None:
        """Remember to delete the body of a message after SQS deleted the message.

        The body stays if `delete` is off, or if another message may refer to it: a message of
        another queue, or a copy in the dead-letter queue from which this message was redriven.
        """
        pointer = message.pointer
        if not self._store.delete or pointer is None or pointer.queue_url != self._queue_url:
            return
        if DEAD_LETTER_ATTRIBUTE not in message.attributes:
            with self._lock:
                self._to_delete[delivery] = pointer

    def start_delete(self, delivery: Delivery) -> None:
        """Begin to delete the body of a message, if `schedule_delete` remembered it."""
        if not self._to_delete:
            return
        with self._lock:
            pointer = self._to_delete.pop(delivery, None)
        if pointer is not None:
            remove = partial(self._store.remove, pointer)
            self._executor.submit(partial(self._variables.copy().run, remove))

    def close(self) -> None:
        """Interrupt the reads, and wait up to `JOIN_TIMEOUT` seconds for the deletes."""
        self._is_closed = True
        end = time.monotonic() + JOIN_TIMEOUT
        self._interrupter.interrupt(at_once=True)
        while running := self._executor.close(RE_INTERRUPT_SECONDS):
            if time.monotonic() >= end:
                problem = '%d calls to S3 have not ended, and are left behind'
                extra = about(calls=len(running))
                _log.warning(problem, len(running), code='s3-calls-left-behind', extra=extra)
                return
            # A call that was about to begin was not interrupted.
            self._interrupter.interrupt(at_once=True)

    def _prefetch(self, delivery: Delivery, limit: TimeLimit, receiver: int) -> OpenResult | None:
        """Open a message; None if no thread could be started, so that its worker opens it."""
        if self._is_closed or get_ident() == receiver:
            return None
        with within(limit), self._store.interruptible(self._interrupter):
            visibility = DeliveryVisibility(delivery, self._clock.monotonic)
            message = read_message(delivery.received, visibility, queue_name(self._queue_url))
            return self._open_message(message)

    def _open(self, message: Message, delivery: Delivery) -> OpenResult:
        seconds = max(0.0, delivery.hidden_until - self._clock.monotonic())
        limit = TimeLimit(seconds, self._clock)
        with within(limit), self._store.interruptible(self._interrupter):
            return self._open_message(message)


def _without_ended(by_delivery: dict[Delivery, T]) -> dict[Delivery, T]:
    """Return the entries of deliveries that did not end: the others were never processed."""
    return {each: value for each, value in by_delivery.items() if each.phase is not ENDED}
