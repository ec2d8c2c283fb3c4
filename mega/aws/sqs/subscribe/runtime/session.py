"""One stretch of a listener's work, from its start to its stop: engine, threads, and calls."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mega.aws._transport.interruption import CallInterrupted, CallInterrupter
from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    Action,
    ChangeVisibility,
    DeadLetter,
    EntryResult,
    Process,
    Receive,
    Settings,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.preflight.checks import UNRECOVERABLE_CODES, with_advice
from mega.aws.sqs.subscribe.processing.dispatch import AwaitResult, finish
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult
from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage, Processor
from mega.aws.sqs.subscribe.processing.settlement import Action as Settlement
from mega.aws.sqs.subscribe.runtime.dead_letter_queue import DeadLetterQueue, Letter
from mega.aws.sqs.subscribe.runtime.delivery_log import DeliveryLog
from mega.aws.sqs.subscribe.runtime.queue_client import Queue
from mega.aws.sqs.subscribe.runtime.s3_prefetch import BodyPrefetcher
from mega.aws.sqs.subscribe.runtime.stack_traces import stack_of_thread
from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.aws.sqs.subscribe.runtime.worker_pool import EngineEvent, WorkerPool
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.errors import TransportError

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

__all__ = ('ListenerContext', 'ListenerSession', 'max_threads')

_log = log_of(__name__)

_ACK = Settlement.ACK

SIGNAL_CHECK_SECONDS = 0.5
"""Seconds for which a signal may be missed: Python sees one that comes right before a wait only
when that wait is over."""

GRACEFUL_INTERRUPT_SECONDS = 0.3
"""Seconds that a server has to notice that a receive is broken off."""


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """What a listener has to work with, whatever the shift."""

    queue: Queue
    dead_letters: DeadLetterQueue | None
    subscribers: Router
    processor: Processor
    tally: StatsCounter
    store: S3PayloadStore | None = None


class ListenerSession:
    """Does what its engine decides, in threads, until `stop()`. It serves once."""

    def __init__(self, equipment: ListenerContext, settings: Settings) -> None:
        self._equipment = equipment
        self._settings = settings
        self._journal = DeliveryLog(equipment.tally, self._stack_of)
        self._engine = Engine(settings, random.uniform, self._journal.tell)
        handlers: dict[type[Action], Callable[[Any], EngineEvent | None]] = {
            Process: self._start,
            Receive: self._receive,
            Ack: self._ack,
            ChangeVisibility: self._change_visibility,
            DeadLetter: self._dead_letter,
        }
        self._crew = WorkerPool(self._engine, handlers, max_threads(settings))
        self._breaker = CallInterrupter()
        self._fetching: BodyPrefetcher | None = None
        if equipment.store is not None:
            at_once = settings.concurrency + settings.max_number_of_messages
            self._fetching = BodyPrefetcher(equipment.store, equipment.queue.url, at_once)
        self._coroutines: EventLoopThread | None = None
        self._making = threading.Lock()
        self._exit: BaseException | None = None
        self._is_paused = False

    def run(self) -> None:
        """Work until the end of a stop.

        What ends by itself is done in the calling thread, where one is enough.

        Raises:
            TransportError: when nothing can be received, and that ends the work.
            SystemExit, KeyboardInterrupt: when a subscriber did.
        """
        try:
            if self._settings.until_empty and self._settings.concurrency == 1:
                self._crew.work()
            else:
                self._supervise()
        finally:
            self._clear_up()
        for error in (self._crew.failure, self._exit, self._engine.failure):
            if error is not None:
                raise error

    def stop(self) -> None:
        """Begin to end the work. Safe from any thread and from a signal handler."""
        self._crew.post(self._engine.stop)

    def pause(self) -> None:
        """Begin to receive nothing more, from any thread."""
        self._is_paused = True
        self._crew.post(lambda now: self._engine.pause())

    def resume(self) -> None:
        """Receive again."""
        self._is_paused = False
        self._breaker.reset()
        self._crew.post(lambda now: self._engine.resume())

    # The thread that looks on

    def _supervise(self) -> None:
        """Let others work, and break off receives that nobody wants to wait for any more."""
        politely_until: float | None = None
        patience = 0.0
        while not self._crew.wait(patience):
            if not (self._engine.is_stopping or self._is_paused):
                self._breaker.reset()  # of a pause that ended while this broke off
                politely_until, patience = None, SIGNAL_CHECK_SECONDS
                continue
            now = time.monotonic()
            politely_until = politely_until or now + GRACEFUL_INTERRUPT_SECONDS
            self._breaker.interrupt(at_once=now >= politely_until)
            # So often that a receive which had only just begun is not missed for long.
            patience = 0.05 if self._engine.is_receiving else SIGNAL_CHECK_SECONDS

    def _clear_up(self) -> None:
        if self._coroutines is not None:
            self._coroutines.close()
        if self._fetching is not None:
            self._fetching.close()
        for thread in self._crew.shutdown():
            _log.warning('%s is left behind: what it does has not ended', thread.name)

    # Actions

    def _receive(self, poll: Receive) -> EngineEvent:
        queue = self._equipment.queue
        try:
            with self._breaker.interruptible(queue.aws.client):
                deliveries = queue.receive(poll)
        except CallInterrupted:
            return partial(self._broken_off, poll)
        except Exception as caught:
            error = with_advice(caught) if isinstance(caught, TransportError) else caught
            if (
                self._breaker.is_interrupting or self._breaker.interrupted_last_call
            ):  # and mended since, perhaps
                return partial(self._broken_off, poll)
            is_hopeless = isinstance(error, TransportError) and error.code in UNRECOVERABLE_CODES
            self._tell_failure(error)
            failed = partial(self._engine.receive_failed, poll, error, is_hopeless=is_hopeless)
            return partial(self._with_error_count, failed)
        if self._fetching is not None:
            self._fetching.submit(deliveries)
        return partial(self._received, poll, deliveries)

    def _received(self, poll: Receive, deliveries: list[Delivery], now: float) -> None:
        self._equipment.tally.add('received', len(deliveries))
        self._engine.received(poll, deliveries, now)

    def _broken_off(self, poll: Receive, now: float) -> None:
        self._engine.broken_off(poll)

    def _ack(self, call: Ack) -> EngineEvent:
        return self._settle(call, self._delete)

    def _delete(self, call: Ack) -> list[EntryResult]:
        told = self._equipment.queue.delete(call)
        if self._fetching is not None:
            for entry, answer in zip(call.entries, told, strict=True):
                body = entry.delivery.content
                if answer is EntryResult.DONE and isinstance(body, Pointer):
                    self._fetching.remove(body)
        return told

    def _change_visibility(self, call: ChangeVisibility) -> EngineEvent:
        return self._settle(call, self._equipment.queue.change_visibility)

    def _settle(self, call: Any, make: Callable[[Any], list[EntryResult]]) -> EngineEvent:
        try:
            return partial(self._engine.settled, call, make(call))
        except TransportError as error:
            _log.error('%d messages, to be tried again: %s', len(call.entries), error)
            again = [EntryResult.RETRY] * len(call.entries)
            return partial(self._with_error_count, partial(self._engine.settled, call, again))

    def _dead_letter(self, action: DeadLetter) -> EngineEvent:
        delivery = action.delivery
        queue, letter = self._equipment.dead_letters, delivery.content
        assert queue is not None
        assert isinstance(letter, Letter)
        told = queue.send(letter)
        if told is not EntryResult.RETRY:
            delivery.content = None
        report = partial(self._engine.dead_lettered, delivery, told)
        return report if told is EntryResult.DONE else partial(self._with_error_count, report)

    def _with_error_count(self, report: EngineEvent, now: float) -> None:
        """Report something that is an error, too."""
        self._equipment.tally.add('errors')
        report(now)

    def _start(self, action: Process) -> EngineEvent | None:
        delivery = action.delivery
        # Here and not when it was received: predicates of users may take their time.
        opened = delivery.content = self._equipment.processor.open(delivery.content, delivery)
        if time.monotonic() >= delivery.hidden_until:  # S3 and predicates may have taken theirs
            return partial(self._engine.start_expired, delivery)
        opened.worker = threading.get_ident()
        work = self._equipment.processor.process(opened)
        if self._equipment.subscribers.all_async(opened.wanting):
            ends = partial(self._on_async_done, delivery)
            opened.worker = self._loop().submit(work, ends, self._crew.fail)
            return None
        return partial(self._on_settlement, delivery, finish(work, self._await))

    def _on_async_done(self, delivery: Delivery, delivered: DeliveryResult) -> None:
        self._crew.report(partial(self._on_settlement, delivery, delivered))

    def _on_settlement(self, delivery: Delivery, delivered: DeliveryResult, now: float) -> None:
        """Tell the engine of a message that is processed."""
        verdict, opened = delivered.verdict, delivery.content
        self._equipment.tally.add(verdict.count)
        # A message knows its delivery: knowing each other, both would be left to the collector.
        delivery.content = None
        if verdict.action is _ACK:
            if self._fetching is not None:
                delivery.content = self._fetching.body_to_delete(opened.message)
            self._engine.processed(delivery, now)
        elif verdict.action is Settlement.LEAVE:
            self._remember_exit(delivered)
            self._engine.left(delivery, verdict.delay, now)
        else:
            assert verdict.reason
            delivery.content = Letter(opened.received, opened.message, verdict.reason)
            self._engine.failed(delivery, now)

    def _remember_exit(self, delivered: DeliveryResult) -> None:
        for outcome in delivered.outcomes:
            if outcome.is_exit_request:
                self._exit = self._exit or outcome.error
                self.stop()

    def _stack_of(self, delivery: Delivery) -> str:
        """Where the work on a message is, as a traceback shows it."""
        opened = delivery.content
        if not isinstance(opened, OpenedMessage) or opened.worker is None:
            return ''
        of_loop = '' if self._coroutines is None else self._coroutines.stack_of(opened.worker)
        if of_loop or not isinstance(opened.worker, int):
            return of_loop
        return stack_of_thread(opened.worker)

    def _await(self, awaitable: Awaitable[object]) -> AwaitResult:
        return self._loop().run(awaitable)

    def _loop(self) -> EventLoopThread:
        with self._making:
            if self._coroutines is None:
                # asyncio is a third of what it takes to import this package, and few need it.
                from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

                self._coroutines = EventLoopThread()
            return self._coroutines

    def _tell_failure(self, error: Exception) -> None:
        is_foreseen = isinstance(error, TransportError)
        url = self._equipment.queue.url
        _log.error('receiving from %s: %s', url, error, exc_info=not is_foreseen)


def max_threads(settings: Settings) -> int:
    """As many as can be busy: in processes, receives, and calls that settle; one minds the time."""
    calls = 2 * (1 + settings.concurrency // settings.max_number_of_messages)
    return settings.concurrency + calls + 1
