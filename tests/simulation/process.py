"""A listener process: it runs the commands of an engine, and reports their events to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.body_waits import STALLED_AFTER
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    ChangeVisibility,
    Command,
    Delete,
    EngineSettings,
    Notice,
    ProcessMessages,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery, Phase
from mega.aws.sqs.subscribe.engine.stopping import INTERRUPT_TIMEOUT, SETTLE_TIMEOUT
from mega.aws.sqs.subscribe.processing.settlement import SettlementAction
from mega.aws.sqs.subscribe.reason import Reason
from mega.local.errors import AwsError, internal_error
from mega.local.operations import NextError, no_error
from tests.simulation.front_end import Batch, QueueFrontEnd, Request
from tests.simulation.law_checker import Decision, LawChecker, Record
from tests.simulation.laws import Law, Violation
from tests.simulation.network import CallFate
from tests.simulation.outcomes import OUTCOMES, OUTCOMES_WITHOUT_RETRIES, SubscriberOutcomes
from tests.simulation.tracking import TrackedReceipt

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ('ListenerProcess',)

_MAX_RECEIVES = 4
"""The maximum number of receives of a message at which a subscriber may ask for a retry."""

_WAKE_TIMES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.04, 0.04, 3.0)
"""Seconds until a worker runs: the machine may have no time for its thread."""

_OPENING_TIMES = (0.0, 0.0, 0.0, 0.04, 3.0)
"""Seconds until a worker has opened the next message that the event loop processes."""

_MANY = 200
"""The maximum number of commands at one instant, and of alarms in a row without a command."""

_DEAD_LETTER_RESULTS = {
    CallFate.FINE: CallResult.OK,
    CallFate.LATE: CallResult.OK,
    CallFate.FAILED: CallResult.RETRY,
    CallFate.LOST: CallResult.RETRY,
    CallFate.UNANSWERED: CallResult.RETRY,
    CallFate.REFUSED: CallResult.FAILED,
}

_BatchCall: TypeAlias = Callable[[NextError], list[CallResult]]


@dataclass(slots=True, eq=False)
class _Poll:
    """A receive under way. `request` is its request while it waits at the queue."""

    command: Receive
    fate: CallFate
    request: Request | None = None

    def cancel(self, queue: QueueFrontEnd) -> None:
        if self.request is not None:
            queue.cancel(self.request)


class ListenerProcess:
    """Lives until the stop of its engine is complete, or until it crashes.

    A worker takes the messages of a `ProcessMessages` command one after another. It defers its
    reports: the process passes them to the engine before each call of the engine.
    """

    def __init__(self, world: World, name: str, settings: EngineSettings) -> None:
        plan = world.plan
        self._world = world
        self._timeline = world.timeline
        self._network = world.network
        self._queue = world.queue
        self._choices = world.choices
        self._settings = settings
        self._is_faultless = plan.is_faultless
        self._receives: list[_Poll] = []
        self._deferred: list[Callable[[], None]] = []
        self._alarm = float('inf')
        self._idle_alarms = 0
        self._last_work = self._last_poll = 0.0
        self._stopped_at = self._grace_ends = float('inf')
        self._handlers: dict[type[Command], Callable[[Any], None]] = {
            Receive: self._receive,
            ProcessMessages: self._start_worker,
            SendDeadLetter: self._dead_letter,
            Delete: self._delete,
            ChangeVisibility: self._change_visibility,
        }
        self.name = name
        self._began_at = self._timeline.now
        self._is_async = plan.is_async
        self._submitted = 0
        self._was_stopped = False
        self._had_no_messages = False
        self.is_alive = True
        self.is_draining = settings.until_empty
        self.engine = Engine(settings, self._choices.uniform, self._on_notice)
        self.laws = LawChecker(settings, self._queue, self._timeline, plan.is_faultless)
        self._note('begins')
        self._run_engine()

    # Called by the world

    def stop(self) -> None:
        if self.is_alive and not self.engine.is_stopping:
            self._note('stops')
            self._was_stopped = True
            self._report_deferred()
            self.engine.stop(self._timeline.now)
            self._run_engine()

    def crash(self) -> None:
        """End at once. SQS may notice, or it may answer to a connection without a client."""
        if not self.is_alive:
            return
        self._note('crashes')
        self.is_alive = False
        if self._choices.chance(50):
            return
        for receive in self._receives:
            receive.cancel(self._queue)

    def check_overdue(self, receipt: TrackedReceipt) -> None:
        if self.is_alive:
            self.laws.check_overdue(receipt)

    def pause(self) -> None:
        if self.is_alive:
            self._note('pauses')
            self.laws.is_paused = True
            self.engine.pause()
            self._run_engine()

    def resume(self) -> None:
        if self.is_alive and self.laws.is_paused:
            self._note('resumes')
            self.laws.is_paused = False
            self.engine.resume()
            self._run_engine()

    # The engine

    def _run_engine(self) -> None:
        """Run all commands, and set the alarm for the next deadline."""
        engine, now = self.engine, self._timeline.now
        self._report_deferred()
        for _ in range(_MANY):
            command = engine.next(now)
            if command is not None:
                self._idle_alarms = 0
                self._handlers[type(command)](command)
            elif engine.next_deadline > now:
                break
        else:
            raise Violation(Law.NO_BUSY_LOOP, f'{self.name} makes too many calls of the engine')
        if engine.is_stopping:
            self.laws.check_no_body_waits()
            self._begin_stop()
        else:
            self.laws.check_shares()
            self._check_places()
        if engine.is_finished(now):
            self._end()
        else:
            self._set_alarm()

    def _report_deferred(self) -> None:
        deferred, self._deferred = self._deferred, []
        for report in deferred:
            report()

    def _set_alarm(self) -> None:
        deadline = self.engine.next_deadline
        if deadline < self._alarm:
            self._alarm = deadline
            self._timeline.at(deadline, self._on_alarm, deadline)

    def _on_alarm(self, alarm: float) -> None:
        """Run the engine, but not before its deadline: otherwise a late deadline has no effect."""
        if not self.is_alive or alarm != self._alarm:
            return
        self._alarm = float('inf')
        if self.engine.next_deadline > self._timeline.now:
            self._set_alarm()
            return
        self._idle_alarms += 1
        if self._idle_alarms > _MANY:
            raise Violation(Law.NO_BUSY_LOOP, f'{self.name} has too many alarms without a command')
        self._run_engine()

    def _begin_stop(self) -> None:
        """Interrupt the receives, and limit the time of the stop."""
        if self.laws.is_stopped:
            return
        now = self._timeline.now
        timeout = self._settings.timeout
        is_over = timeout is not None and now >= self._began_at + timeout
        if self.is_draining and not (self._was_stopped or is_over or self.engine.failure):
            self.laws.check_drained()
        self.laws.is_stopped = True
        self._stopped_at = now
        self._had_no_messages = self.engine.in_flight == 0
        for receive in self._receives:
            self._timeline.after(self._choices.uniform(0.0, 1.5), self._on_interrupted, receive)
        self._grace_ends = now + self._settings.grace_period
        self._timeline.at(self._grace_ends + SETTLE_TIMEOUT + 0.01, self._check_ended)

    def _on_interrupted(self, receive: _Poll) -> None:
        if self._end_poll(receive):
            receive.cancel(self._queue)
            self.laws.on_receive_interrupted(receive.command)
            self.engine.receive_interrupted(receive.command)
            self._after_event()

    def _check_ended(self) -> None:
        if self.is_alive:
            raise Violation(Law.STOP_ENDS, f'{self.name} began its stop at {self._stopped_at:.3f}')

    def _end(self) -> None:
        self._note('ends')
        self.is_alive = False
        self.laws.finished()
        if self._is_faultless and not self._world.plan.dead_letter_faults:
            self._check_quick()
        self._world.ended(self)

    def _check_quick(self) -> None:
        """Check that the stop took no longer than a few calls after the last work and receive."""
        is_working = self.laws.in_processing or self._submitted
        last_work = self._grace_ends if is_working else self._last_work
        last_poll = float('inf') if self._receives else self._last_poll
        last_poll = min(last_poll, self._stopped_at + INTERRUPT_TIMEOUT)
        calls = 6 * min(1.0, self._settings.visibility_timeout / 10) + 0.2
        margin = 0.001 if self._had_no_messages else calls
        due = max(self._stopped_at, last_work, last_poll) + margin
        if self._timeline.now > due:
            raise Violation(Law.STOP_IS_QUICK, f'{self.name} should have ended at {due:.3f}')

    def _after_event(self) -> None:
        self._idle_alarms = 0
        self._run_engine()

    def _on_notice(self, notice: Notice, delivery: Delivery) -> None:
        self._note(f'notice {notice.name}:', delivery.receipt_handle)
        self.laws.on_notice(notice, delivery)

    def _note(self, *words: object) -> None:
        if self._world.trace is not None:
            self._world.note(self.name, *words)

    # Receiving

    def _receive(self, command: Receive) -> None:
        self._note(f'receives {command.max_messages}, waits {command.wait_seconds} s')
        self.laws.check_receive(command)
        receive = _Poll(command, self._network.of_receive())
        self._receives.append(receive)
        arrives = (
            self._on_receive_failed if receive.fate is CallFate.FAILED else self._request_messages
        )
        self._timeline.after(self._network.request_time(), arrives, receive)

    def _request_messages(self, receive: _Poll) -> None:
        if not self.is_alive or receive not in self._receives:
            return
        # Without a wait SQS answers at once. 0.5 s leave time for other events.
        until = self._timeline.now + (receive.command.wait_seconds or 0.5)
        receive.request = Request(receive.command, until, partial(self._answer, receive))
        self._queue.receive(receive.request)

    def _answer(self, receive: _Poll, batch: Batch) -> None:
        command, fate = receive.command, receive.fate
        note = '' if fate is CallFate.FINE else fate.value
        self._note('SQS answers', *batch or ('nothing',), note)
        when = self._timeline.now + self._network.response_time()
        late = command.asked_at + command.wait_seconds + self._network.late_after
        if fate is CallFate.LATE:
            when = max(when, late) + self._network.lateness()
        elif self._world.plan.slowness:
            when = max(when, late + self._world.plan.slowness)
        ends = command.asked_at + command.time_limit
        if fate is CallFate.UNANSWERED or when > ends:
            self._timeline.at(ends, self._on_receive_failed, receive)
        elif fate is CallFate.LOST:
            self._timeline.at(when, self._on_receive_failed, receive)
        else:
            received = [] if fate is CallFate.GARBLED else batch
            self._timeline.at(when, self._on_received, receive, received)

    def _on_receive_failed(self, receive: _Poll) -> None:
        if self._end_poll(receive):
            self._note('failed to receive')
            is_unrecoverable = self._choices.chance(20)
            error = ConnectionError('of the network')
            now = self._timeline.now
            is_lost = receive.fate is not CallFate.FAILED or self._choices.chance(50)
            self.laws.on_receive_failed(receive.command, is_lost=is_lost)
            self.engine.receive_failed(
                receive.command, error, now, is_unrecoverable=is_unrecoverable, is_lost=is_lost
            )
            self._after_event()

    def _on_received(self, receive: _Poll, batch: Batch) -> None:
        if self._end_poll(receive):
            self._note('received', *batch or ('nothing',))
            deliveries = [self._delivery(receipt) for receipt in batch]
            self._had_no_messages = self._had_no_messages and not deliveries
            self.laws.on_received(receive.command, deliveries)
            self.engine.received(receive.command, deliveries, self._timeline.now)
            self.laws.check_newest()
            self._after_event()

    def _end_poll(self, receive: _Poll) -> bool:
        """End a receive. Return False if it ended before, or if the process has ended."""
        if not self.is_alive or receive not in self._receives:
            return False
        self._receives.remove(receive)
        self._last_poll = self._timeline.now
        return True

    def _delivery(self, receipt: TrackedReceipt) -> Delivery:
        receipt.owner = self
        name = receipt.message.name
        message = Message(name, '', receipt.handle, receive_count=receipt.number)
        group = receipt.message.group if self._queue.decisions.behaviour.names_groups else None
        delivery = Delivery(name, receipt.handle, group)
        body_at = self._timeline.now + self._world.body_time()
        self.laws.records[delivery] = Record(message, body_at)
        return delivery

    # Processing

    def _start_worker(self, process: ProcessMessages) -> None:
        self._note('worker gets', *(each.receipt_handle for each in process.deliveries))
        self.laws.check_bodies(process)
        self.laws.busy_workers[process] = None
        self._timeline.after(self._choices.one_of(_WAKE_TIMES), self._work, process)

    def _work(self, process: ProcessMessages) -> None:
        """Let a worker begin its next message."""
        if not self.is_alive:
            return
        now = self._timeline.now
        is_first = len(process.deliveries) == process.size
        while process.deliveries and (is_first or now < process.due):
            delivery = process.deliveries.popleft()
            if now < self.laws.records[delivery].body_at:
                self._wait_for_body(delivery)
            elif self.engine.begin(delivery, now):
                self.laws.busy_workers[process] = delivery
                if not self._is_async:
                    self._begin(delivery, partial(self._work, process))
                    return
                self._submit(delivery)
                self.laws.submitted[process] = self.laws.submitted.get(process, 0) + 1
                if self.laws.submitted[process] == process.places:
                    break
                self._timeline.after(self._choices.one_of(_OPENING_TIMES), self._work, process)
                return
            else:
                self._note('does not begin', delivery.receipt_handle)
                self._deferred.append(partial(self.engine.start_expired, delivery, now))
        del self.laws.busy_workers[process]
        self.engine.processing_ended(process, self.laws.submitted.pop(process, 0))
        self._after_event()

    def _wait_for_body(self, delivery: Delivery) -> None:
        """Go on without a message whose body is not there. Report it when the body is there."""
        body_at = self.laws.records[delivery].body_at
        self._note('waits for the body of', delivery.receipt_handle)
        self._deferred.append(partial(self._report_body_wait, delivery))
        if body_at < float('inf'):
            self._timeline.at(body_at, self._on_body, delivery)

    def _report_body_wait(self, delivery: Delivery) -> None:
        now = self._timeline.now
        self.laws.body_waits[delivery] = now
        self._timeline.at(now + STALLED_AFTER + 0.01, self._check_places)
        self.engine.body_waits.begin(delivery, now)

    def _on_body(self, delivery: Delivery) -> None:
        if self.is_alive:
            self._note('has the body of', delivery.receipt_handle)
            self._deferred.append(partial(self._report_body, delivery))
            self._after_event()

    def _report_body(self, delivery: Delivery) -> None:
        self.laws.body_waits.pop(delivery, None)
        self.engine.body_waits.end(delivery, self._timeline.now)

    def _check_places(self) -> None:
        if self.is_alive and not self._receives:
            self.laws.check_places()

    def _begin(self, delivery: Delivery, then: Callable[[], None]) -> None:
        duration = self._world.duration()
        self._note('begins', delivery.receipt_handle, f'for {duration:g} s')
        self.laws.check_begin(delivery)
        self._timeline.after(duration, self._finish, delivery, then)

    def _submit(self, delivery: Delivery) -> None:
        """Let the event loop begin a message, when no other coroutine blocks it."""
        self._note('submits', delivery.receipt_handle)
        self.engine.postpone(delivery)
        self._submitted += 1
        self.laws.coroutines += 1
        delay = self._world.event_loop_delay()
        self._timeline.after(delay, self._begin_in_event_loop, delivery)

    def _begin_in_event_loop(self, delivery: Delivery) -> None:
        if not self.is_alive:
            return
        now = self._timeline.now
        self._submitted -= 1
        if self.engine.begin(delivery, now):
            self._begin(delivery, self._end_coroutine)
            return
        self._note('does not begin', delivery.receipt_handle)
        self._last_work = now
        self._deferred.append(partial(self.engine.start_expired, delivery, now))
        self._end_coroutine()

    def _end_coroutine(self) -> None:
        self.laws.coroutines -= 1
        self._deferred.append(self.engine.coroutine_ended)
        self._after_event()

    def _finish(self, delivery: Delivery, then: Callable[[], None]) -> None:
        if not self.is_alive:
            return
        receipt = self._queue.receipts[delivery.receipt_handle]
        receives = receipt.model.stored.receives
        may_retry = self._world.has_retries and receives < _MAX_RECEIVES
        work = self._choices.one_of(OUTCOMES if may_retry else OUTCOMES_WITHOUT_RETRIES)
        self._note('finishes', delivery.receipt_handle, work)
        policy = self._world.policy
        if not (work.asks_for_retry or (work.is_fatal and policy.has_dead_letter_queue)):
            receipt.message.is_completed = True
        del self.laws.in_processing[delivery.id]
        record = self.laws.records[delivery]
        record.work = work
        self._last_work = record.finished_at = self._timeline.now
        self._deferred.append(partial(self._report, delivery, work))
        then()

    def _report(self, delivery: Delivery, work: SubscriberOutcomes) -> None:
        now = self._timeline.now
        self.laws.check_report(delivery)
        settlement = work.settle(self._world.policy, self.laws.records[delivery].message)
        if settlement.action is SettlementAction.ACK:
            self.laws.on_decision(delivery, Decision.DELETE)
            self.engine.processed(delivery, now)
        elif settlement.action is SettlementAction.DEAD_LETTER:
            self.laws.on_decision(delivery, Decision.DEAD_LETTER)
            self.engine.failed_permanently(delivery, Reason('Simulated', ''), now)
        else:
            decision = Decision.EXPIRE if settlement.delay is None else Decision.LEAVE
            self.laws.on_decision(delivery, decision, settlement.delay or 0)
            self.engine.retry_requested(delivery, settlement.delay, now)

    # Settling

    def _dead_letter(self, command: SendDeadLetter) -> None:
        self._note('dead-letters', command.delivery.receipt_handle)
        fate = self._network.of_dead_letter()
        there, back = self._network.request_time(), self._network.response_time()
        if fate not in (CallFate.FAILED, CallFate.REFUSED):
            self._timeline.after(there, self._arrive, command.delivery)
        if fate is CallFate.LATE:
            back += self._network.lateness()
        result = _DEAD_LETTER_RESULTS[fate]
        if fate is CallFate.UNANSWERED or there + back > command.time_limit:
            result, there, back = CallResult.RETRY, command.time_limit, 0.0
        self._timeline.after(there + back, self._on_dead_lettered, command, result)

    def _arrive(self, delivery: Delivery) -> None:
        self._queue.receipts[delivery.receipt_handle].message.is_dead_lettered = True

    def _on_dead_lettered(self, command: SendDeadLetter, result: CallResult) -> None:
        if self.is_alive:
            delivery = command.delivery
            self._note('result', result.name, 'of the dead letter', delivery.receipt_handle)
            if result is not CallResult.RETRY:
                is_sent = result is CallResult.OK
                self.laws.on_decision(delivery, Decision.DELETE if is_sent else Decision.EXPIRE)
            self.engine.dead_lettered(command, result, self._timeline.now)
            self.laws.on_dead_lettered(delivery, result)
            self._after_event()

    def _delete(self, call: Delete) -> None:
        self._note('deletes', *(entry.receipt_handle for entry in call.entries))
        self.laws.check_delete(call)
        self._call(call, partial(self._queue.delete, call.entries))

    def _change_visibility(self, call: ChangeVisibility) -> None:
        changes = (f'{entry.receipt_handle} for {entry.seconds} s' for entry in call.entries)
        self._note('hides', *changes)
        self.laws.check_change(call)
        records = self.laws.records
        are_left = [
            records[each.delivery].decision is Decision.LEAVE and each.phase is not Phase.HELD
            for each in call.entries
        ]
        self._call(call, partial(self._queue.change, call.entries, are_left))

    def _call(self, call: BatchCommand, perform: _BatchCall) -> None:
        fate = self._network.of_batch()
        self._timeline.after(self._network.request_time(), self._apply, call, perform, fate)

    def _apply(self, call: BatchCommand, perform: _BatchCall, fate: CallFate) -> None:
        results = [CallResult.RETRY] * len(call.entries)
        if fate is not CallFate.FAILED:
            answered = perform(self._next_error if fate is CallFate.PARTIAL else no_error)
            if fate not in (CallFate.LOST, CallFate.GARBLED):
                results = answered
        late = self._network.lateness() if fate is CallFate.LATE else 0.0
        when = self._timeline.now + self._network.response_time() + late
        ends = call.decided_at + call.time_limit
        if fate is CallFate.UNANSWERED or when > ends:
            when, results = ends, [CallResult.RETRY] * len(results)
        self._timeline.at(when, self._on_settled, call, results)

    def _next_error(self) -> AwsError | None:
        return internal_error() if self._choices.chance(50) else None

    def _on_settled(self, call: BatchCommand, results: Sequence[CallResult]) -> None:
        if self.is_alive:
            self._note('results', *(result.name for result in results))
            self.engine.batch_ended(call, results, self._timeline.now)
            self.laws.on_settled(call, list(results))
            self._after_event()
