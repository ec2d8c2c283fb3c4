"""The engine: decides what to receive, start, extend, delete, leave and dead-letter, and when.

The engine is a state machine without I/O, threads or a clock. The runtime reports events to it
(methods such as `received` and `processed`) and asks it for commands (`next`). Methods that depend
on the time take it as `now`. The runtime (or a simulation) makes one call at a time, except for
`begin`, and the time never decreases.

Example: the life of two messages, with `concurrency=1`, `visibility_timeout=30` and
`max_processing_time=60`. Message `a` takes 1 ms and `b` takes 20 s.

    time     event, reported by the runtime        command, returned by `next`
     0.0 s                                         Receive(max_messages=10)
     1.0 s   received(receive, [a, b])             Process([a, b])
     1.0 s   begin(a), begin(b)                    (the worker is busy with b)
     1.1 s   processed(a)
     1.2 s                                         Delete([a])
     1.3 s   batch_ended(delete, [OK])             (a ended)
    16.0 s                                         ChangeVisibility([b for 30 s])
    16.1 s   batch_ended(change, [OK])
    21.0 s   retry_requested(b, delay=60)          ChangeVisibility([b for 60 s])
    21.0 s   processing_ended(process)             Receive(max_messages=10)
    21.1 s   batch_ended(change, [OK])             (b ended, and is visible at 81.1 s)

The result of `a` arrives 0.1 s late, because the worker does not report each message alone:
`assignment.py` explains the shares of messages, and why none of them waits for a slow one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mega.aws.sqs.subscribe.engine.assignment import WorkAssigner
from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY, DeleteBatcher, VisibilityBatcher
from mega.aws.sqs.subscribe.engine.body_waits import BodyWaits, next_check
from mega.aws.sqs.subscribe.engine.call_limits import CallLimits
from mega.aws.sqs.subscribe.engine.commands import (
    OK,
    RETRY,
    BatchCommand,
    CallResult,
    Command,
    Delete,
    EngineSettings,
    Entry,
    Notice,
    ProcessMessages,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.dead_letters import PendingDeadLetters
from mega.aws.sqs.subscribe.engine.delivery import (
    ACKING,
    DEAD_LETTERING,
    ENDED,
    EXTENDABLE_PHASES,
    FETCHING,
    HELD,
    LEAVING,
    NEVER,
    NOT_BEGUN,
    WAITING,
    WORKING,
    Delivery,
)
from mega.aws.sqs.subscribe.engine.in_flight import InFlight
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues
from mega.aws.sqs.subscribe.engine.receiving import ReceiveScheduler
from mega.aws.sqs.subscribe.engine.retries import RetrySchedule
from mega.aws.sqs.subscribe.engine.stopping import StopDeadlines
from mega.aws.sqs.subscribe.engine.visibility import VisibilityExtender
from mega.aws.sqs.subscribe.reason import Reason

__all__ = ('Engine',)


class Engine:
    """Makes the decisions for one queue, from the first receive until a stop is complete.

    - `uniform(low, high)` draws the jitter.
    - `notify(notice, delivery)` is called when something happened to a delivery.
    - `next` must be called again by `next_deadline`. It may have nothing to do then.
    """

    def __init__(
        self,
        settings: EngineSettings,
        uniform: Callable[[float, float], float],
        notify: Callable[[Notice, Delivery], None],
    ) -> None:
        self._settings = settings
        self._notify = notify
        self._groups = GroupQueues(settings.is_fifo)
        self._receives = ReceiveScheduler(settings, uniform)
        self._stop_deadlines = StopDeadlines(settings.grace_period, settings.timeout)
        limits = CallLimits(self._stop_deadlines)
        # On a FIFO queue the next message of the group waits for the delete.
        self._deletes = DeleteBatcher(0.0 if settings.is_fifo else MAX_BATCH_DELAY, limits)
        self._visibility = VisibilityBatcher(self._groups, limits)
        self._in_flight = InFlight(self._groups, self._visibility, settings, notify)
        self.body_waits = BodyWaits(self._groups, self._in_flight, self._schedule)
        self._assigner = WorkAssigner(settings, self._groups, self._in_flight)
        self._extender = VisibilityExtender(
            settings, self._visibility, self._in_flight, uniform, notify
        )
        self._dead_letters = PendingDeadLetters(limits)
        self._retries = RetrySchedule(uniform)
        self._is_paused = False
        self.is_stopping = False
        self.next_deadline = 0.0  # the first call of `next` begins the time of a drain
        self.failure: Exception | None = None

    def next(self, now: float) -> Command | None:
        """Return the most urgent command. It stays under way until the runtime reports its result.

        None: there is nothing to do before `next_deadline` or before the next event.
        """
        if now >= self.next_deadline:
            self._run_timers(now)
        if self._visibility.is_pending and (change := self._visibility.next(now)):
            return change
        if now >= self._deletes.deadline:
            return self._deletes.next(now)
        if dead_letter := self._dead_letters.next(now):
            return dead_letter
        if self._assigner.free_workers and (process := self._assigner.next(now)):
            self._schedule(self._assigner.deadline)
            return process
        if self.is_stopping:
            return None
        if self._settings.until_empty and self._receives.is_drained and not self._busy:
            self.stop(now)
            return self.next(now)
        if self._is_paused:
            return None
        uncounted = len(self._deletes.waiting) + self.body_waits.stalled(now)
        return self._receives.next(self._busy - uncounted, now)

    def begin(self, delivery: Delivery, now: float) -> bool:
        """Record that a worker or the event loop begins a message, and return whether it may.

        A thread calls this without a lock, for a message that it removed from its `ProcessMessages`
        command. If the result is False, the thread reports `start_expired`.
        """
        may_begin = delivery.phase is WORKING and self._assigner.can_begin(delivery, now)
        if self.is_stopping or not may_begin:
            return False
        delivery.begun_at = now
        return True

    def postpone(self, delivery: Delivery) -> None:
        """Record that a message waits for the event loop, which calls `begin` again."""
        delivery.begun_at = NOT_BEGUN

    def is_finished(self, now: float) -> bool:
        """Return whether a stop is complete, or has reached its time limit."""
        return self.is_stopping and self._stop_deadlines.is_over(
            now, self._receives.under_way, self.in_flight
        )

    @property
    def is_receiving(self) -> bool:
        """Whether a receive is under way."""
        return self._receives.under_way > 0

    @property
    def in_flight(self) -> int:
        """The number of messages that are received and not settled."""
        return len(self._in_flight.deliveries)

    @property
    def _busy(self) -> int:
        return self.in_flight - len(self._in_flight.held)

    def received(self, receive: Receive, deliveries: Sequence[Delivery], now: float) -> None:
        """A receive returned messages, or none."""
        hidden_at = self._receives.hidden_at(receive, now)
        new = self._in_flight.add_received(receive, deliveries, hidden_at)
        self._receives.succeeded(receive, len(new), sum(each.phase is WAITING for each in new), now)
        self._schedule(hidden_at + self._extender.renew_after)
        if self.is_stopping:
            self._in_flight.release_waiting()
            return
        if not new:
            self._deletes.flush()
            self._schedule(self._receives.not_before)

    def receive_failed(
        self,
        receive: Receive,
        error: Exception,
        now: float,
        *,
        is_unrecoverable: bool = False,
        is_lost: bool = True,
    ) -> None:
        """A receive failed. An unrecoverable error ends the work, unless a receive succeeded.

        `is_lost`: SQS may have returned messages in a response that did not arrive.
        """
        self._receives.failed(receive, now, is_lost=is_lost)
        if self.is_stopping:
            return
        if self._settings.until_empty or (is_unrecoverable and not self._receives.has_succeeded):
            self.failure = error
            self.stop(now)
        self._deletes.flush()
        self._schedule(self._receives.not_before)

    def receive_interrupted(self, receive: Receive) -> None:
        """The runtime interrupted a receive before SQS answered."""
        self._receives.interrupted(receive)

    def start_expired(self, delivery: Delivery, now: float) -> None:
        """A message was not begun: its visibility timeout was over, or the engine is stopping."""
        if delivery.phase is not WORKING:
            return
        if self.is_stopping and now < delivery.hidden_until:
            self._in_flight.release(delivery)
        else:
            self._in_flight.expire(delivery)

    def processed(self, delivery: Delivery, now: float) -> None:
        """All subscribers are done with a message. The engine deletes it."""
        if self._end_work(delivery, now):
            self._delete(delivery, now)

    def failed_permanently(self, delivery: Delivery, reason: Reason, now: float) -> None:
        """A message failed permanently. The engine sends it to the dead-letter queue."""
        if self._end_work(delivery, now):
            delivery.phase = DEAD_LETTERING
            self._dead_letters.add(SendDeadLetter(delivery, reason))
            if not delivery.has_pending_batch_call:  # from now on it stays hidden
                self._schedule(self._extender.extend_if_due(delivery, now))

    def retry_requested(self, delivery: Delivery, delay: int | None, now: float) -> None:
        """A message stays in the queue, and becomes visible after `delay` seconds.

        None: when its visibility timeout ends.
        """
        if self._end_work(delivery, now):
            self._in_flight.return_to_queue(delivery, delay, now)
            if delivery.phase is HELD:
                self._schedule(self._extender.extend_if_due(delivery, now))

    def processing_ended(self, process: ProcessMessages, in_event_loop: int = 0) -> None:
        """A worker ended. Coroutines occupy the places of `in_event_loop` of its messages."""
        self._assigner.end(process, in_event_loop)

    def coroutine_ended(self) -> None:
        """The coroutine of a message ended, and its place is free."""
        self._assigner.free_workers += 1

    def dead_lettered(self, command: SendDeadLetter, result: CallResult, now: float) -> None:
        """The attempt to send a message to the dead-letter queue ended.

        A message that the dead-letter queue rejects stays in its own queue.
        """
        delivery = command.delivery
        delivery.is_being_dead_lettered = False
        command.is_repetition = True
        if result is OK:
            self._notify(Notice.DEAD_LETTERED, delivery)
        if delivery.phase is not DEAD_LETTERING:
            return
        if result is OK:
            delivery.failed_calls = 0
            self._delete(delivery, now)
        elif result is RETRY and self._retries.add(command, now) < NEVER:
            self._schedule(now)  # the grace period may be over
        else:
            self._notify(Notice.NOT_DEAD_LETTERED, delivery)
            self._in_flight.return_to_queue(delivery, None, now)

    def batch_ended(self, call: BatchCommand, results: Sequence[CallResult], now: float) -> None:
        """A batch call ended, with one result for each entry."""
        apply = self._deleted if isinstance(call, Delete) else self._visibility_changed
        for entry, result in zip(call.entries, results, strict=True):
            delivery = entry.delivery
            delivery.has_pending_batch_call = False
            delivery.has_failed_call = result is RETRY
            if delivery.phase is not ENDED:
                apply(entry, result, call, now)

    def pause(self) -> None:
        """Make no more receives. Received messages are processed."""
        self._is_paused = True

    def resume(self) -> None:
        """Make receives again."""
        self._is_paused = False

    def stop(self, now: float) -> None:
        """Receive and start no more messages, and release all messages without a worker.

        Messages in processing have the grace period to end. Then they are released, too.
        """
        if self.is_stopping:
            return
        self.is_stopping = self.body_waits.is_stopping = True
        self._stop_deadlines.start(now)
        self._assigner.take_back_all()
        self._in_flight.release_waiting()
        self._deletes.flush()
        self._schedule(now)  # the grace period may be 0

    def _end_work(self, delivery: Delivery, now: float) -> bool:
        """Return whether this listener may settle a message that was in processing."""
        self._receives.queue_may_have_changed()
        if delivery.phase is not WORKING:
            return False  # it was released when the grace period ended
        if delivery.is_visibility_lost:
            self._in_flight.return_to_queue(delivery, None, now)
            return False
        if now > delivery.hidden_until:
            self._notify(Notice.FINISHED_LATE, delivery)
        return True

    def _delete(self, delivery: Delivery, now: float) -> None:
        delivery.phase = ACKING
        self._deletes.add(delivery, now)
        if self.is_stopping:
            self._deletes.flush()
        elif self._deletes.deadline > now:
            self._schedule(self._deletes.deadline)

    def _deleted(self, entry: Entry, result: CallResult, call: BatchCommand, now: float) -> None:
        delivery = entry.delivery
        if entry.is_outdated:
            self._deletes.add(delivery, now)
            self._schedule(self._deletes.deadline)
        elif result is OK:
            self._notify(Notice.DELETED, delivery)
            self._in_flight.forget(delivery)
            if self._settings.is_fifo:
                self._receives.queue_may_have_changed()
        elif result is RETRY and (when := self._retries.add(delivery, now)) < NEVER:
            self._schedule(when)
        else:
            self._notify(Notice.NOT_DELETED, delivery)
            self._in_flight.return_to_queue(delivery, None, now)

    def _visibility_changed(
        self, entry: Entry, result: CallResult, call: BatchCommand, now: float
    ) -> None:
        if entry.phase is LEAVING:
            self._left(entry.delivery, result, now)
        else:
            self._schedule(self._extender.extended(entry, result, call.decided_at, now))

    def _left(self, delivery: Delivery, result: CallResult, now: float) -> None:
        when = self._retries.next_try(delivery, now) if result is RETRY else NEVER
        delivery.not_before = when
        if when < delivery.hidden_until:
            self._visibility.add_leaving(delivery)
            self._schedule(when)
            return
        if delivery.delay == 0:
            self._receives.queue_may_have_changed()
        self._in_flight.forget(delivery)

    def _schedule(self, when: float) -> None:
        if when < self.next_deadline:
            self.next_deadline = when

    def _run_timers(self, now: float) -> None:
        """Do what is due because of the time alone, and compute the next deadline."""
        self.next_deadline = NEVER
        if self._stop_deadlines.is_due(now):
            self.stop(now)
        for retry in self._retries.pop_due(now):
            if isinstance(retry, SendDeadLetter):
                self._dead_letters.add(retry)
            elif retry.phase is ACKING:
                self._deletes.add(retry, now)
        self._assigner.end_shares(now)
        for delivery in list(self._in_flight.deliveries.values()):
            if delivery.phase in (WAITING, HELD, FETCHING) and now >= delivery.hidden_until:
                self._in_flight.expire(delivery)
            elif delivery.phase is FETCHING:
                self._schedule(next_check(delivery, now))
            elif delivery.phase in EXTENDABLE_PHASES:
                self._schedule(self._extender.extend_if_due(delivery, now))
        if now >= self._stop_deadlines.grace_ends:
            self._in_flight.release_working()
        for when in (
            self._receives.not_before,
            *self._stop_deadlines.times(),
            self._visibility.next_try(now),
            *self._retries.times(),
        ):
            if when > now:
                self._schedule(when)
        self._schedule(self._deletes.deadline)
        self._schedule(self._assigner.deadline)
