"""A session: one run of a listener, from its start to its stop. It runs the engine's commands.

`threads.py` runs a session in threads. `mega.testing` runs it in the thread of a test.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from mega.aws._hooks.work import AwaitingWork, AwaitResult, run_to_completion
from mega.aws._messages.destinations import queue_name
from mega.aws._transport.call_errors import is_unrecoverable, with_advice
from mega.aws._transport.interruption import CallInterrupted, CallInterrupter
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    ChangeVisibility,
    Delete,
    EngineSettings,
    ProcessMessages,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.delivery import EXTENDABLE_PHASES, Delivery
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult
from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage
from mega.aws.sqs.subscribe.processing.settlement import Settlement, SettlementAction
from mega.aws.sqs.subscribe.runtime.activity import Activity, ActivityLog
from mega.aws.sqs.subscribe.runtime.delivery_log import DeliveryLog
from mega.aws.sqs.subscribe.runtime.queue_client import OPERATIONS
from mega.aws.sqs.subscribe.runtime.s3_prefetch import BodyPrefetcher
from mega.aws.sqs.subscribe.runtime.session_log import SessionLog
from mega.aws.sqs.subscribe.runtime.settlement_calls import make_batch_call, send_dead_letter
from mega.aws.sqs.subscribe.runtime.stack_traces import WorkerRef, stack_of_thread
from mega.aws.sqs.subscribe.runtime.visibility import DeliveryVisibility
from mega.aws.sqs.subscribe.runtime.worker_pool import EngineCallback, Handlers
from mega.errors import TransportError

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.context import ListenerContext, Runtime
    from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread

__all__ = ('ListenerSession',)

_ACK, _LEAVE = SettlementAction.ACK, SettlementAction.LEAVE


class ListenerSession:
    """Has the commands of an engine, and runs until a stop. A session runs only once."""

    def __init__(
        self, context: ListenerContext, settings: EngineSettings, runtime: Runtime
    ) -> None:
        self._queue = context.queue
        self._queue_name = queue_name(context.queue.url)
        self._dead_letter_queue = context.dead_letter_queue
        self._router = context.router
        self._processor = context.processor
        self._counter = context.counter
        self._clock = context.queue.aws.clock
        self._monotonic = self._clock.monotonic
        self._session_log = SessionLog(context.queue.url)
        log = DeliveryLog(self._queue_name, context.counter, self._stack_of)
        self._engine = Engine(settings, random.uniform, log.record)
        handlers: Handlers = {
            ProcessMessages: self._process,
            Receive: self._receive,
            Delete: self._delete,
            ChangeVisibility: self._change_visibility,
            SendDeadLetter: self._dead_letter,
        }
        self._pool = runtime.create_pool(self._engine, handlers)
        self._interrupter = CallInterrupter()
        self._open_message = context.opener
        self._prefetcher: BodyPrefetcher | None = None
        if context.store is not None:
            self._prefetcher = BodyPrefetcher(
                context.store,
                context.opener,
                context.queue.url,
                settings.visibility_timeout,
                self._clock,
                runtime.max_s3_threads,
            )
        self._event_loop = runtime.create_event_loop(self._pool.take_turn)
        self._observe = runtime.observe
        self.activity_log = ActivityLog(self._monotonic)
        self._tracks_workers = settings.max_processing_time is not None
        self._workers: dict[Delivery, list[WorkerRef]] = {}
        # Each delivery has its own copy of the context variables of the caller.
        self._variables = copy_context()
        self._exit: BaseException | None = None
        self._permitted: set[str] = set()
        self._is_paused = False

    @property
    def activity(self) -> Activity:
        """Whether the session receives messages, and when it last made progress."""
        return self.activity_log.read(self.may_receive, self._engine.in_flight)

    @property
    def may_receive(self) -> bool:
        """Whether receives may begin or continue: not during a stop or a pause."""
        return not (self._engine.is_stopping or self._is_paused)

    @property
    def is_receiving(self) -> bool:
        """Whether a receive is under way."""
        return self._engine.is_receiving

    def interrupt_receives(self, *, at_once: bool = False) -> None:
        """Interrupt the receives under way. New ones end at once, until `allow_receives`."""
        self._interrupter.interrupt(at_once=at_once)

    def allow_receives(self) -> None:
        """Allow receives again."""
        self._interrupter.reset()

    def close(self) -> None:
        """Release threads and other resources."""
        self._event_loop.close()
        if self._prefetcher is not None:
            self._prefetcher.close()
        for thread in self._pool.shutdown():
            self._session_log.thread_left(thread.name)

    def raise_failure(self) -> None:
        """Raise the error that ended the work, if there is one.

        Raises:
            TransportError: if a call failed.
            SystemExit, KeyboardInterrupt: if a subscriber raised it.
        """
        for error in (self._pool.failure, self._exit, self._engine.failure):
            if error is not None:
                raise error

    def record_permitted(self, operations: Iterable[str]) -> None:
        """Record that SQS permitted these operations: an error of one of them is temporary."""
        self._permitted.update(operations)
        if self._permitted:
            self.activity_log.checks_answered()

    def stop(self) -> None:
        """Begin a stop. Safe in any thread and in a signal handler."""
        self._pool.report_soon(self._stopped)

    def pause(self) -> None:
        """Make no more receives, and interrupt those under way. Safe in any thread."""
        self._is_paused = True
        self._pool.report_soon(self._paused)

    def resume(self) -> None:
        """Make receives again. Safe in any thread."""
        self._is_paused = False
        self._interrupter.reset()
        self._pool.report_soon(self._resumed)

    def _stopped(self, now: float) -> None:
        self._session_log.changed('stopping', 'stopping to receive from')
        self._engine.stop(now)

    def _paused(self, now: float) -> None:
        self._session_log.changed('paused', 'paused: no receives from')
        self._engine.pause()

    def _resumed(self, now: float) -> None:
        self._session_log.changed('resumed', 'resumed: receiving from')
        self._engine.resume()

    def _receive(self, receive: Receive) -> EngineCallback:
        self.activity_log.receive_begins()
        try:
            with self._interrupter.interruptible(self._queue.aws.client):
                deliveries = self._queue.receive(receive)
        except CallInterrupted:
            return partial(self._interrupted, receive)
        except Exception as error:
            return self._receive_failed(receive, error)
        if self._prefetcher is not None:
            self._prefetcher.submit(deliveries)
        return partial(self._received, receive, deliveries)

    def _receive_failed(self, receive: Receive, error: Exception) -> EngineCallback:
        # Or the interrupt caused the error; a resume may have reset the interrupter meanwhile.
        if self._interrupter.is_interrupting or self._interrupter.interrupted_last_call:
            return partial(self._interrupted, receive)
        url, is_final, is_lost = self._queue.url, False, True
        if isinstance(error, TransportError):
            is_final, is_lost = is_unrecoverable(error), error.retriable
            error = with_advice(error, url)
        self.activity_log.receive_failed()

        def failed(now: float) -> None:
            self._counter.add('errors')
            self._engine.receive_failed(
                receive, error, now, is_unrecoverable=is_final, is_lost=is_lost
            )
            self._session_log.receive_failed(error, is_raised=self._engine.failure is error)

        return failed

    def _received(self, receive: Receive, deliveries: list[Delivery], now: float) -> None:
        self._counter.add('received', len(deliveries))
        self.activity_log.receive_answered(now)
        self._session_log.receive_answered()
        self._engine.received(receive, deliveries, now)

    def _interrupted(self, receive: Receive, now: float) -> None:
        self._engine.receive_interrupted(receive)

    def _process(self, process: ProcessMessages) -> EngineCallback:
        """Process a share of messages until it is empty or due, or its places are occupied."""
        now, in_event_loop = self._monotonic(), 0
        while True:
            try:
                delivery = process.deliveries.popleft()
            except IndexError:  # none is left, or the engine took the rest back
                break
            if self._variables.copy().run(self._process_one, process, delivery, now):
                in_event_loop += 1
                if in_event_loop == process.places:
                    break
            now = self._monotonic()
            if self._pool.needs_turn or now >= process.due:
                break
        return partial(self._processing_ended, process, in_event_loop)

    def _process_one(self, process: ProcessMessages, delivery: Delivery, now: float) -> bool:
        """Process a message. Return whether the event loop does it, so that it is not done yet."""
        if self._prefetcher is not None and not self._prefetcher.is_ready(delivery):
            # The message waits for its body, but its worker does not.
            self._pool.report_at_next_turn(partial(self._engine.body_waits.begin, delivery))
            self._prefetcher.call_when_ready(delivery, partial(self._body_is_ready, delivery))
            return False
        if not self._engine.begin(delivery, now):
            self._report_not_begun(delivery)
            return False
        if self._tracks_workers:
            self._workers[delivery] = [threading.get_ident()]
        open_body = self._open_message
        if self._prefetcher is not None:
            open_body = self._prefetcher.opener(delivery)
        visibility = DeliveryVisibility(delivery, self._monotonic)
        opened = self._processor.open(delivery.received, open_body, visibility, self._queue_name)
        # To read a body from S3, or a predicate of a user, may have taken a long time.
        if self._is_overdue(delivery):
            self._report_not_begun(delivery)
            return False
        work = self._processor.process(opened)
        if self._router.all_async(opened.subscribers) and (event_loop := self._event_loop.get()):
            self._engine.postpone(delivery)
            self._submit(event_loop, delivery, opened, work)
            return True
        self._settle(delivery, opened, run_to_completion(work, partial(self._await, delivery)))
        return False

    def _body_is_ready(self, delivery: Delivery) -> None:
        self._pool.report_at_next_turn(partial(self._engine.body_waits.end, delivery))
        self._pool.take_turn()

    def _report_not_begun(self, delivery: Delivery) -> None:
        self._workers.pop(delivery, None)
        self._pool.report_at_next_turn(partial(self._engine.start_expired, delivery))

    def _submit(
        self,
        event_loop: EventLoopThread,
        delivery: Delivery,
        opened: OpenedMessage,
        work: AwaitingWork[DeliveryResult],
    ) -> None:
        def begin() -> AwaitingWork[DeliveryResult | None]:
            # Another coroutine may have blocked the event loop until now.
            if not self._engine.begin(delivery, self._monotonic()):
                return None
            return (yield from work)

        def done(result: DeliveryResult | None) -> None:
            if result is None:
                self._report_not_begun(delivery)
            else:
                self._settle(delivery, opened, result)
            self._pool.report_at_next_turn(self._coroutine_ended)

        worker = self._workers.get(delivery)
        coroutine = event_loop.submit(begin(), done, self._pool.fail)
        if worker is not None:
            worker[0] = coroutine

    def _settle(self, delivery: Delivery, opened: OpenedMessage, result: DeliveryResult) -> None:
        """Report the settlement of a message to the engine, at the next turn of any thread."""
        if self._observe is not None:
            self._observe(opened, result)
        settlement, delivery.observers = result.settlement, result.call_observers
        if settlement.action is _LEAVE:
            self._remember_exit(result)
        elif settlement.action is _ACK and self._prefetcher is not None:
            self._prefetcher.schedule_delete(delivery, opened.message)
        self._pool.report_at_next_turn(partial(self._settled, delivery, settlement))

    def _settled(self, delivery: Delivery, settlement: Settlement, now: float) -> None:
        self._counter.add(settlement.stats_field)
        if self._tracks_workers:
            self._workers.pop(delivery, None)
        if settlement.action is _ACK:
            self._engine.processed(delivery, now)
        elif settlement.action is _LEAVE:
            self._engine.retry_requested(delivery, settlement.delay, now)
        else:
            assert settlement.reason
            self._engine.failed_permanently(delivery, settlement.reason, now)

    def _processing_ended(self, process: ProcessMessages, in_event_loop: int, now: float) -> None:
        self._engine.processing_ended(process, in_event_loop)

    def _coroutine_ended(self, now: float) -> None:
        self._engine.coroutine_ended()

    def _remember_exit(self, result: DeliveryResult) -> None:
        """Begin a stop if a subscriber raised an exit request, and raise it after the stop."""
        for outcome in result.outcomes:
            if outcome.exit_request is not None:
                self._exit = self._exit or outcome.exit_request
                self.stop()

    def _delete(self, call: Delete) -> EngineCallback:
        return self._make_call(call, self._delete_messages)

    def _delete_messages(self, call: Delete) -> list[CallResult]:
        results = self._queue.delete(call)
        if self._prefetcher is not None:
            for entry, result in zip(call.entries, results, strict=True):
                if result is CallResult.OK:
                    self._prefetcher.start_delete(entry.delivery)
        return results

    def _change_visibility(self, call: ChangeVisibility) -> EngineCallback:
        return self._make_call(call, self._queue.change_visibility)

    def _make_call(
        self, call: BatchCommand, make: Callable[[Any], list[CallResult]]
    ) -> EngineCallback:
        try:
            results = make_batch_call(self._queue.url, call, make)
        except TransportError as error:
            return self._call_failed(call, error)
        self._permitted.add(OPERATIONS[type(call)])
        return partial(self._engine.batch_ended, call, results)

    def _call_failed(self, call: BatchCommand, error: TransportError) -> EngineCallback:
        """Repeat a batch call; or end the work, if AWS never permitted it and will not do so."""
        results = [CallResult.RETRY] * len(call.entries)
        advised = with_advice(error, self._queue.url)
        operation, count = OPERATIONS[type(call)], len(call.entries)
        self._session_log.batch_failed(operation, count, advised.problem, error.code)
        if is_unrecoverable(error) and error.operation not in self._permitted:
            # For an extension this result would mean that SQS does not hide the message any more.
            is_extension = [entry.phase in EXTENDABLE_PHASES for entry in call.entries]
            results = [CallResult.RETRY if each else CallResult.FAILED for each in is_extension]
            self._exit = self._exit or advised
            self.stop()
        return partial(self._with_error_count, partial(self._engine.batch_ended, call, results))

    def _dead_letter(self, command: SendDeadLetter) -> EngineCallback:
        assert self._dead_letter_queue is not None
        clock, is_repetition = self._clock, command.is_repetition
        with within(TimeLimit(command.time_limit, clock, is_repetition=is_repetition)):
            result = send_dead_letter(self._dead_letter_queue, command)
        event = partial(self._engine.dead_lettered, command, result)
        return event if result is CallResult.OK else partial(self._with_error_count, event)

    def _with_error_count(self, event: EngineCallback, now: float) -> None:
        """Report an event that is also an error."""
        self._counter.add('errors')
        event(now)

    def _await(self, delivery: Delivery, awaitable: Awaitable[object]) -> AwaitResult:
        return self._event_loop.run(awaitable, partial(self._is_overdue, delivery))

    def _stack_of(self, delivery: Delivery) -> str:
        """Return the stack of the thread or the coroutine that processes a message."""
        if delivery not in self._workers:
            return ''
        [worker] = self._workers[delivery]
        stack = self._event_loop.stack_of(worker)
        if stack or not isinstance(worker, int):
            return stack
        return stack_of_thread(worker)

    def _is_overdue(self, delivery: Delivery) -> bool:
        return self._monotonic() >= delivery.hidden_until
