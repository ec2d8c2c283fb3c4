"""One stretch of a listener's work, from its start to its stop: engine, threads, and calls."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mega.aws._transport.interruption import Breaker, BrokenOff
from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    Action,
    ChangeVisibility,
    DeadLetter,
    Receive,
    Settings,
    Start,
    Told,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.preflight.checks import HOPELESS, advised
from mega.aws.sqs.subscribe.processing.dispatch import Awaited, finish
from mega.aws.sqs.subscribe.processing.hooks import Delivered
from mega.aws.sqs.subscribe.processing.pipeline import Opened, Processor
from mega.aws.sqs.subscribe.processing.settlement import Action as Settlement
from mega.aws.sqs.subscribe.runtime.dead_letter_queue import DeadLetterQueue, Letter
from mega.aws.sqs.subscribe.runtime.delivery_log import Journal
from mega.aws.sqs.subscribe.runtime.queue_client import Queue
from mega.aws.sqs.subscribe.runtime.s3_prefetch import Fetching
from mega.aws.sqs.subscribe.runtime.stack_traces import stack_of_thread
from mega.aws.sqs.subscribe.runtime.stats import Tally
from mega.aws.sqs.subscribe.runtime.worker_pool import Crew, Report
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.routing import Registry
from mega.errors import TransportError

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.event_loop import Coroutines

__all__ = ('Equipment', 'Shift', 'most_threads')

_log = log_of(__name__)

_ACK = Settlement.ACK

LONGEST_DEAFNESS = 0.5
"""Seconds for which a signal may be missed: Python sees one that comes right before a wait only
when that wait is over."""

POLITENESS = 0.3
"""Seconds that a server has to notice that a receive is broken off."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a listener has to work with, whatever the shift."""

    queue: Queue
    dead_letters: DeadLetterQueue | None
    subscribers: Registry
    processor: Processor
    tally: Tally
    store: S3PayloadStore | None = None


class Shift:
    """Does what its engine decides, in threads, until `stop()`. It serves once."""

    def __init__(self, equipment: Equipment, settings: Settings) -> None:
        self._equipment = equipment
        self._settings = settings
        self._journal = Journal(equipment.tally, self._whereabouts)
        self._engine = Engine(settings, random.uniform, self._journal.tell)
        ways: dict[type[Action], Callable[[Any], Report | None]] = {
            Start: self._start,
            Receive: self._receive,
            Ack: self._ack,
            ChangeVisibility: self._change_visibility,
            DeadLetter: self._dead_letter,
        }
        self._crew = Crew(self._engine, ways, most_threads(settings))
        self._breaker = Breaker()
        self._fetching: Fetching | None = None
        if equipment.store is not None:
            at_once = settings.concurrency + settings.max_number_of_messages
            self._fetching = Fetching(equipment.store, equipment.queue.url, at_once)
        self._coroutines: Coroutines | None = None
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
                self._look_on()
        finally:
            self._clear_up()
        for error in (self._crew.failure, self._exit, self._engine.failure):
            if error is not None:
                raise error

    def stop(self) -> None:
        """Begin to end the work. Safe from any thread and from a signal handler."""
        self._crew.order(self._engine.stop)

    def pause(self) -> None:
        """Begin to receive nothing more, from any thread."""
        self._is_paused = True
        self._crew.order(lambda now: self._engine.pause())

    def resume(self) -> None:
        """Receive again."""
        self._is_paused = False
        self._breaker.mend()
        self._crew.order(lambda now: self._engine.resume())

    # The thread that looks on

    def _look_on(self) -> None:
        """Let others work, and break off receives that nobody wants to wait for any more."""
        politely_until: float | None = None
        patience = 0.0
        while not self._crew.wait(patience):
            if not (self._engine.is_stopping or self._is_paused):
                self._breaker.mend()  # of a pause that ended while this broke off
                politely_until, patience = None, LONGEST_DEAFNESS
                continue
            now = time.monotonic()
            politely_until = politely_until or now + POLITENESS
            self._breaker.break_off(at_once=now >= politely_until)
            # So often that a receive which had only just begun is not missed for long.
            patience = 0.05 if self._engine.is_receiving else LONGEST_DEAFNESS

    def _clear_up(self) -> None:
        if self._coroutines is not None:
            self._coroutines.close()
        if self._fetching is not None:
            self._fetching.close()
        for thread in self._crew.dismiss():
            _log.warning('%s is left behind: what it does has not ended', thread.name)

    # Actions

    def _receive(self, poll: Receive) -> Report:
        queue = self._equipment.queue
        try:
            with self._breaker.watching(queue.aws.client):
                deliveries = queue.receive(poll)
        except BrokenOff:
            return partial(self._broken_off, poll)
        except Exception as caught:
            error = advised(caught) if isinstance(caught, TransportError) else caught
            if self._breaker.is_broken or self._breaker.has_cut:  # and mended since, perhaps
                return partial(self._broken_off, poll)
            is_hopeless = isinstance(error, TransportError) and error.code in HOPELESS
            self._tell_failure(error)
            failed = partial(self._engine.receive_failed, poll, error, is_hopeless=is_hopeless)
            return partial(self._erred, failed)
        if self._fetching is not None:
            self._fetching.begin(deliveries)
        return partial(self._received, poll, deliveries)

    def _received(self, poll: Receive, deliveries: list[Delivery], now: float) -> None:
        self._equipment.tally.add('received', len(deliveries))
        self._engine.received(poll, deliveries, now)

    def _broken_off(self, poll: Receive, now: float) -> None:
        self._engine.broken_off(poll)

    def _ack(self, call: Ack) -> Report:
        return self._settle(call, self._delete)

    def _delete(self, call: Ack) -> list[Told]:
        told = self._equipment.queue.delete(call)
        if self._fetching is not None:
            for entry, answer in zip(call.entries, told, strict=True):
                body = entry.delivery.content
                if answer is Told.DONE and isinstance(body, Pointer):
                    self._fetching.remove(body)
        return told

    def _change_visibility(self, call: ChangeVisibility) -> Report:
        return self._settle(call, self._equipment.queue.change_visibility)

    def _settle(self, call: Any, make: Callable[[Any], list[Told]]) -> Report:
        try:
            return partial(self._engine.settled, call, make(call))
        except TransportError as error:
            _log.error('%d messages, to be tried again: %s', len(call.entries), error)
            again = [Told.AGAIN] * len(call.entries)
            return partial(self._erred, partial(self._engine.settled, call, again))

    def _dead_letter(self, action: DeadLetter) -> Report:
        delivery = action.delivery
        queue, letter = self._equipment.dead_letters, delivery.content
        assert queue is not None
        assert isinstance(letter, Letter)
        told = queue.send(letter)
        if told is not Told.AGAIN:
            delivery.content = None
        report = partial(self._engine.dead_lettered, delivery, told)
        return report if told is Told.DONE else partial(self._erred, report)

    def _erred(self, report: Report, now: float) -> None:
        """Report something that is an error, too."""
        self._equipment.tally.add('errors')
        report(now)

    def _start(self, action: Start) -> Report | None:
        delivery = action.delivery
        # Here and not when it was received: predicates of users may take their time.
        opened = delivery.content = self._equipment.processor.open(delivery.content, delivery)
        if time.monotonic() >= delivery.hidden_until:  # S3 and predicates may have taken theirs
            return partial(self._engine.came_too_late, delivery)
        opened.worker = threading.get_ident()
        work = self._equipment.processor.process(opened)
        if self._equipment.subscribers.are_async(opened.wanting):
            ends = partial(self._ends, delivery)
            opened.worker = self._loop().begin(work, ends, self._crew.fail)
            return None
        return partial(self._judged, delivery, finish(work, self._await))

    def _ends(self, delivery: Delivery, delivered: Delivered) -> None:
        self._crew.report(partial(self._judged, delivery, delivered))

    def _judged(self, delivery: Delivery, delivered: Delivered, now: float) -> None:
        """Tell the engine of a message that is processed."""
        verdict, opened = delivered.verdict, delivery.content
        self._equipment.tally.add(verdict.count)
        # A message knows its delivery: knowing each other, both would be left to the collector.
        delivery.content = None
        if verdict.action is _ACK:
            if self._fetching is not None:
                delivery.content = self._fetching.to_remove_with(opened.message)
            self._engine.processed(delivery, now)
        elif verdict.action is Settlement.LEAVE:
            self._heed_exit(delivered)
            self._engine.left(delivery, verdict.delay, now)
        else:
            assert verdict.reason
            delivery.content = Letter(opened.received, opened.message, verdict.reason)
            self._engine.failed(delivery, now)

    def _heed_exit(self, delivered: Delivered) -> None:
        for outcome in delivered.outcomes:
            if outcome.is_exit:
                self._exit = self._exit or outcome.error
                self.stop()

    def _whereabouts(self, delivery: Delivery) -> str:
        """Where the work on a message is, as a traceback shows it."""
        opened = delivery.content
        if not isinstance(opened, Opened) or opened.worker is None:
            return ''
        of_loop = '' if self._coroutines is None else self._coroutines.stack_of(opened.worker)
        if of_loop or not isinstance(opened.worker, int):
            return of_loop
        return stack_of_thread(opened.worker)

    def _await(self, awaitable: Awaitable[object]) -> Awaited:
        return self._loop().run(awaitable)

    def _loop(self) -> Coroutines:
        with self._making:
            if self._coroutines is None:
                # asyncio is a third of what it takes to import this package, and few need it.
                from mega.aws.sqs.subscribe.runtime.event_loop import Coroutines

                self._coroutines = Coroutines()
            return self._coroutines

    def _tell_failure(self, error: Exception) -> None:
        is_foreseen = isinstance(error, TransportError)
        url = self._equipment.queue.url
        _log.error('receiving from %s: %s', url, error, exc_info=not is_foreseen)


def most_threads(settings: Settings) -> int:
    """As many as can be busy: in processes, receives, and calls that settle; one minds the time."""
    calls = 2 * (1 + settings.concurrency // settings.max_number_of_messages)
    return settings.concurrency + calls + 1
