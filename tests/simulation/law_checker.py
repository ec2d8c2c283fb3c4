"""Checks the commands and the events of one engine against the laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.body_waits import STALLED_AFTER
from mega.aws.sqs.subscribe.engine.call_limits import MIN_CALL_SECONDS
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    ChangeVisibility,
    Delete,
    EngineSettings,
    Entry,
    Notice,
    ProcessMessages,
    Receive,
)
from mega.aws.sqs.subscribe.engine.delivery import EXTENDABLE_PHASES, NOT_BEGUN, Delivery, Phase
from mega.aws.sqs.subscribe.engine.receiving import ATTEMPT_SECONDS, MAX_BACKOFF, MAX_PAUSE
from tests.simulation.front_end import MAX_HIDDEN, QueueFrontEnd
from tests.simulation.laws import Law, Violation
from tests.simulation.outcomes import SubscriberOutcomes
from tests.simulation.timeline import Timeline
from tests.simulation.tracking import TrackedReceipt

__all__ = ('Decision', 'LawChecker', 'Record')

_ENOUGH_TRIES = 3
"""After this many failed calls the engine may give up."""

_MIN_BACKOFF = 1.0
"""Seconds between a receive that failed and the next one."""

_PROOF = 2
"""The number of empty receives after which a drain may end."""

_QUICK_EMPTY = 3
"""After this many empty receives that took less than a second, the next one must wait."""

_MIN_PAUSE = 0.05
"""Seconds of that wait."""

_LATE = 2.0
"""Seconds after the long poll after which an answer is late."""

_LONGEST_CALL = 5.0
"""The maximum number of seconds of a call, in addition to a long poll."""

_ROUNDING = 1e-6


class Decision(Enum):
    """The decision about a delivery, by an event or by the engine."""

    NONE = 'waits or is in processing'
    DELETE = 'is to be deleted'
    DEAD_LETTER = 'is to be dead-lettered'
    LEAVE = 'is to become visible after a delay'
    EXPIRE = 'is to become visible when its visibility timeout ends'


_EXTENDED = (Decision.NONE, Decision.DEAD_LETTER)

_EXPIRES = (Notice.EXPIRED, Notice.NOT_DEAD_LETTERED, Notice.NOT_DELETED)


@dataclass(slots=True, eq=False)
class Record:
    """The facts about a delivery that the engine does not know.

    `body_at` is when its body is there.
    `since` is the time of the decision. `begun_at` and `finished_at` are the times of the begin and
    the end of the processing. `delay` is the delay in seconds of a message that is left.
    """

    message: Message
    body_at: float = 0.0
    work: SubscriberOutcomes | None = None
    decision: Decision = Decision.NONE
    since: float = 0.0
    begun_at: float = NOT_BEGUN
    finished_at: float = 0.0
    delay: int = 0
    is_delete_sent: bool = False
    failures: int = 0
    has_failed_call: bool = False


class LawChecker:
    """The laws for one engine."""

    def __init__(
        self, settings: EngineSettings, queue: QueueFrontEnd, timeline: Timeline, is_faultless: bool
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._timeline = timeline
        self._is_faultless = is_faultless
        self._settled: set[str] = set()
        self.records: dict[Delivery, Record] = {}
        self.deliveries: list[Delivery] = []
        self.in_processing: dict[str, Delivery] = {}
        self.busy_workers: dict[ProcessMessages, Delivery | None] = {}
        self.submitted: dict[ProcessMessages, int] = {}
        self.body_waits: dict[Delivery, float] = {}
        self.coroutines = 0
        self._failed_at = float('-inf')
        self._has_failed_receive = False
        self._attempts: set[str] = set()
        self._lost_attempts: dict[str, float] = {}
        self._newest: dict[str, int] = {}
        self._left: set[str] = set()
        self._begun = self._empty = self._quick_empty = 0
        self._changed_at = self._empty_at = float('-inf')
        self._margin = min(1.0, settings.visibility_timeout / 10)
        # The engine counts the twelve hours from the first attempt to receive.
        self._limit_margin = 60.0 + (ATTEMPT_SECONDS if settings.is_fifo else 0.0)
        self.is_stopped = False
        self.is_paused = False

    # Commands

    def check_receive(self, receive: Receive) -> None:
        now = self._timeline.now
        if self.is_stopped or self.is_paused:
            raise Violation(Law.NOTHING_AFTER_STOP, 'receives')
        if now < self._failed_at + _MIN_BACKOFF:
            raise Violation(Law.BACKS_OFF, f'receives after a failure at {self._failed_at}')
        if receive.time_limit > receive.wait_seconds + _LONGEST_CALL:
            raise Violation(Law.TIME_LEFT, f'a receive may take {receive.time_limit} s')
        if self._quick_empty >= _QUICK_EMPTY and now < self._empty_at + _MIN_PAUSE:
            raise Violation(Law.PAUSES, f'receives after {self._quick_empty} empty receives')
        self._check_attempt(receive)
        if self._has_failed_receive and not receive.is_repetition:
            raise Violation(Law.FRESH, 'receives after a failure')

    def _check_attempt(self, receive: Receive) -> None:
        if not self._settings.is_fifo:
            return
        now, attempt = self._timeline.now, receive.attempt_id
        lost = [each for each, ends in self._lost_attempts.items() if now < ends]
        if attempt is None or (lost and attempt not in lost):
            raise Violation(Law.SAME_ATTEMPT, 'does not repeat the receive')
        if not lost and attempt in self._attempts:
            raise Violation(Law.SAME_ATTEMPT, 'repeats a receive that returned messages')
        self._lost_attempts.pop(attempt, None)
        self._attempts.add(attempt)

    def check_drained(self) -> None:
        """Check that a drain ended because of two empty receives, or of enough messages."""
        received = len(self.deliveries)
        if received < (self._settings.max_messages or NOT_BEGUN) and self._empty < _PROOF:
            raise Violation(Law.DRAIN_PROVEN, f'after {self._empty} empty receives')

    def check_begin(self, delivery: Delivery) -> None:
        receipt = self._receipt(delivery)
        self._begun += 1
        if delivery.id in self._left or self._begun > (self._settings.max_messages or NOT_BEGUN):
            raise Violation(Law.TAKEN_ONCE, f'begins {receipt}')
        if self.is_stopped:
            raise Violation(Law.NOTHING_AFTER_STOP, f'begins {receipt}')
        if delivery.id in self.in_processing:
            raise Violation(
                Law.NO_CONCURRENT_DUPLICATE, f'begins {receipt}, which is in processing'
            )
        if len(self.in_processing) >= self._settings.concurrency:
            raise Violation(
                Law.CONCURRENCY, f'begins {receipt} beside {len(self.in_processing)} others'
            )
        if receipt.ends <= self._timeline.now:
            raise Violation(Law.STARTED_HIDDEN, f'begins {receipt}, visible at {receipt.ends:.3f}')
        if self._settings.is_fifo:
            for earlier in self._queue.predecessors(receipt.message):
                raise Violation(Law.GROUPS_IN_ORDER, f'begins {receipt} before {earlier.name}')
        self.in_processing[delivery.id] = delivery
        self.records[delivery].begun_at = self._timeline.now

    def check_bodies(self, process: ProcessMessages) -> None:
        """Check that the bodies of a share are there, as far as the engine knows."""
        for delivery in process.deliveries:
            if delivery in self.body_waits:
                raise Violation(Law.BODY_FIRST, f'starts {self._receipt(delivery)}')

    def check_places(self) -> None:
        """Check that a receive is under way, if each message in flight waits for its body.

        Call this while no receive is under way.
        """
        if not self.body_waits:
            return
        now = self._timeline.now
        resumes_at = max(self._failed_at + MAX_BACKOFF, self._empty_at + MAX_PAUSE)
        is_limited = self._settings.max_messages is not None
        if self.is_stopped or self.is_paused or is_limited or now < resumes_at:
            return
        in_flight = [each for each in self.deliveries if each.phase is not Phase.ENDED]
        # The second begins again when the message is received again.
        since = [max(self.body_waits.get(each, now), each.received_at) for each in in_flight]
        if in_flight and now > max(since) + STALLED_AFTER + _ROUNDING:
            names = ' '.join(str(self._receipt(each)) for each in in_flight)
            raise Violation(Law.WAIT_OCCUPIES_NOTHING, f'{names}: no receive is under way')

    def check_no_body_waits(self) -> None:
        """Check that no message waits for its body after a stop."""
        for delivery in self.body_waits:
            if delivery.phase is Phase.FETCHING:
                raise Violation(Law.WAIT_ENDS, f'{self._receipt(delivery)} waits during a stop')

    def check_shares(self) -> None:
        """Check that no message waits for a busy worker, after the engine has no more commands."""
        places = (each.places - self.submitted.get(each, 0) for each in self.busy_workers)
        if sum(places) + self.coroutines >= self._settings.concurrency:
            return
        if self.body_waits and not self._settings.is_fifo:
            for delivery in self.deliveries:
                if delivery.phase is Phase.WAITING:
                    problem = f'{self._receipt(delivery)} has no worker'
                    raise Violation(Law.WAIT_OCCUPIES_NOTHING, problem)
        now = self._timeline.now
        for process, begun in self.busy_workers.items():
            if process.is_async and now < process.due:
                continue  # the worker only opens the messages, and will soon begin the next one
            if begun is not None and process.deliveries:
                waiting = self._receipt(process.deliveries[0])
                raise Violation(Law.SHARED, f'{waiting} waits for {self._receipt(begun)}')

    def check_report(self, delivery: Delivery) -> None:
        """Check that the report of a finished message is not late."""
        self._on_change()
        finished_at = self.records[delivery].finished_at
        if self._timeline.now > finished_at + MAX_BATCH_DELAY + _ROUNDING:
            receipt = self._receipt(delivery)
            raise Violation(Law.REPORTED, f'{receipt} finished at {finished_at:.3f}')

    def check_delete(self, call: Delete) -> None:
        self._check_batch(call)
        for entry in call.entries:
            record = self.records[entry.delivery]
            self._check_unsettled(entry.receipt_handle)
            is_dead_lettered = self._receipt(entry.delivery).message.is_dead_lettered
            if record.work is not None and record.work.asks_for_retry and not is_dead_lettered:
                raise Violation(Law.RETRIES_KEPT, f'deletes {entry.receipt_handle}')
            if record.decision is not Decision.DELETE:
                raise Violation(
                    Law.WORK_FIRST, f'deletes {entry.receipt_handle}: it {record.decision.value}'
                )
            if (
                not record.is_delete_sent
                and self._timeline.now > record.since + MAX_BATCH_DELAY + _ROUNDING
            ):
                raise Violation(
                    Law.PROMPT, f'deletes {entry.receipt_handle}, done at {record.since:.3f}'
                )
            record.is_delete_sent = True

    def check_change(self, call: ChangeVisibility) -> None:
        self._check_batch(call)
        for entry in call.entries:
            record = self.records[entry.delivery]
            self._check_unsettled(entry.receipt_handle)
            if record.decision in _EXTENDED or entry.phase is Phase.HELD:
                if not 1 <= entry.seconds <= self._settings.visibility_timeout:
                    raise Violation(
                        Law.WELL_FORMED, f'{entry.receipt_handle} for {entry.seconds} s'
                    )
                self._check_hidden(entry)
            elif not self._is_requested_delay(entry, record):
                problem = f'{entry.receipt_handle} for {entry.seconds} s'
                raise Violation(Law.SETTLED_ONCE, f'hides {problem}: it {record.decision.value}')
            elif self._settings.is_fifo:
                self._check_followers(self._receipt(entry.delivery))

    def _check_hidden(self, entry: Entry) -> None:
        most = self._settings.max_processing_time
        if entry.phase is not Phase.WORKING or most is None:
            return
        ends = self._timeline.now + entry.seconds
        if (
            ends > self.records[entry.delivery].begun_at + most + 1
        ):  # SQS accepts only whole seconds
            raise Violation(Law.HIDDEN_NO_LONGER, f'{entry.receipt_handle} until {ends:.3f}')

    def _is_requested_delay(self, entry: Entry, record: Record) -> bool:
        """Return whether a message is left for its delay, or for the longest possible delay."""
        if record.decision is not Decision.LEAVE:
            return False
        longest = self._receipt(entry.delivery).since + MAX_HIDDEN - self._timeline.now
        is_cut = entry.seconds < record.delay and longest - self._limit_margin < record.delay
        return entry.seconds == record.delay or is_cut

    def _check_followers(self, receipt: TrackedReceipt) -> None:
        first, queue = receipt.message, self._queue
        if not queue.decisions.behaviour.names_groups:
            return  # the listener cannot know which messages are the first of their groups
        others = [self._receipt(each) for each in self.deliveries if each.phase is not Phase.ENDED]
        of_group = [other for other in others if other.message.group == first.group]
        is_first = not any(each.message.place < first.place for each in of_group)
        if (
            not is_first
            or any(queue.predecessors(first))
            or first.is_removed
            or not queue.is_in_flight(receipt)
        ):
            return
        for other in of_group:
            if other.message is not first and queue.is_in_flight(other):
                raise Violation(Law.FOLLOWERS_FIRST, f'gives back {receipt} and still has {other}')

    def _check_batch(self, call: BatchCommand) -> None:
        self._check_time_limit(call)
        handles = {entry.receipt_handle for entry in call.entries}
        if len(handles) < len(call.entries):
            raise Violation(Law.WELL_FORMED, 'two entries of a batch are the same')

    def _check_time_limit(self, call: BatchCommand) -> None:
        """Check that the call leaves half of the time, on the clock of SQS.

        The engine knows the end of a visibility timeout only as precisely as the network allows.
        """
        now, limit = self._timeline.now, call.time_limit
        for entry in call.entries:
            receipt = self._receipt(entry.delivery)
            # A visibility change without a response may have had its effect.
            known = entry.delivery.hidden_until
            left = max(receipt.ends + 1.5 * self._margin, known) - now
            longest = max(MIN_CALL_SECONDS, left / 2) if known > now else _LONGEST_CALL
            if limit > min(longest, _LONGEST_CALL) + _ROUNDING:
                raise Violation(Law.TIME_LEFT, f'{receipt} may take {limit} s: {left:.3f} s left')
            if self.records[entry.delivery].has_failed_call and not call.is_repetition:
                raise Violation(Law.FRESH, f'repeats the call for {receipt}')

    def _check_unsettled(self, handle: str) -> None:
        if handle in self._settled:
            raise Violation(Law.SETTLED_ONCE, f'asks for {handle} once more')

    # Events

    def on_received(self, receive: Receive, deliveries: Sequence[Delivery]) -> None:
        """Record deliveries. Call this before the engine receives them."""
        now = self._timeline.now
        unsettled = {each.id for each in self.deliveries if each.phase is not Phase.ENDED}
        if any(delivery.id not in unsettled for delivery in deliveries):
            self._on_change()  # a drain ends if SQS returns only messages that it knows
        else:
            self._empty += receive.asked_at >= self._changed_at
        is_quick = not deliveries and now < receive.asked_at + 1.0
        self._quick_empty = self._quick_empty + 1 if is_quick else 0
        self._empty_at = now
        names = {delivery.id for delivery in deliveries}
        known = [each for each in self.deliveries if each.phase is not Phase.ENDED]
        is_late = now > receive.asked_at + receive.wait_seconds + _LATE
        # An answer is surely older only if its receive began before the other one could return.
        self._newest = {
            delivery.id: self._receipt(delivery).number
            for delivery in known
            if is_late and delivery.id in names and delivery.received_at > receive.asked_at
        }
        self._has_failed_receive = False
        self.deliveries.extend(deliveries)

    def check_newest(self) -> None:
        """Check the receipt handles after a late answer. Call this after the engine received it.

        The order of answers that are not late says nothing about their receipt handles.
        """
        for delivery in self.deliveries:
            if delivery.phase is not Phase.ENDED:
                receipt = self._receipt(delivery)
                if receipt.number < self._newest.get(delivery.id, 0):
                    raise Violation(Law.NEWEST_HANDLE, f'{receipt} is in flight')

    def on_receive_interrupted(self, receive: Receive) -> None:
        """Record that the response of a receive may be lost."""
        if receive.attempt_id is not None:
            hidden = receive.asked_at + receive.visibility_timeout
            ends = min(hidden, receive.attempted_since + ATTEMPT_SECONDS)
            self._lost_attempts[receive.attempt_id] = ends

    def on_receive_failed(self, receive: Receive, *, is_lost: bool) -> None:
        """Record a failure, unless the receive began before an earlier failure."""
        if is_lost:
            self.on_receive_interrupted(receive)
        self._has_failed_receive = True
        if receive.asked_at >= self._failed_at:
            self._failed_at = self._timeline.now

    def on_decision(self, delivery: Delivery, decision: Decision, delay: int = 0) -> None:
        """Record the decision of an event, unless the engine decided already."""
        record = self.records[delivery]
        if decision in (Decision.LEAVE, Decision.EXPIRE) and self._settings.until_empty:
            self._left.add(delivery.id)
        if delivery.is_visibility_lost:
            self._decide(record, Decision.EXPIRE)
        elif record.decision in (Decision.NONE, Decision.DEAD_LETTER):
            self._decide(record, decision, delay)

    def _on_change(self) -> None:
        """Record that messages may have become visible: earlier empty receives prove nothing."""
        self._changed_at = self._timeline.now
        self._empty = 0

    def on_settled(self, call: BatchCommand, results: list[CallResult]) -> None:
        """Record the results of a batch call. Call this after the engine received them."""
        for entry, result in zip(call.entries, results, strict=True):
            record = self.records[entry.delivery]
            record.has_failed_call = result is CallResult.RETRY
            if entry.phase in EXTENDABLE_PHASES:
                self._check_loss(entry, result)
                if result is CallResult.FAILED and record.decision in _EXTENDED:
                    self._settled.add(entry.receipt_handle)
            elif result is CallResult.RETRY:
                self._check_tried_again(entry.delivery, record)
            else:
                self._settled.add(entry.receipt_handle)
                is_latest = self._latest(entry.delivery.id) is entry.delivery
                # A delete that failed changes nothing: the message was visible before.
                is_next_visible = self._settings.is_fifo and result is CallResult.OK
                is_delete = isinstance(call, Delete)
                if is_latest and (is_next_visible if is_delete else not entry.seconds):
                    self._on_change()

    def _check_loss(self, entry: Entry, result: CallResult) -> None:
        delivery = entry.delivery
        receipt = self._receipt(delivery)
        is_reported = delivery.phase is Phase.WORKING and delivery.is_visibility_lost
        is_latest = receipt.is_latest and not receipt.message.is_removed
        is_valid = is_latest and self._queue.is_in_flight(receipt)
        if is_reported and is_valid:
            raise Violation(Law.LOSS_TRUE, f'{receipt} is in flight')
        is_in_processing = entry.phase is delivery.phase is Phase.WORKING
        is_same = delivery.receipt_handle == entry.receipt_handle
        if (
            result is CallResult.FAILED
            and is_in_processing
            and is_same
            and not delivery.is_visibility_lost
        ):
            raise Violation(Law.LOSS_VISIBLE, f'{entry.receipt_handle} is not in flight')

    def on_dead_lettered(self, delivery: Delivery, result: CallResult) -> None:
        """Record the result for a dead letter. Call this after the engine received it."""
        record = self.records[delivery]
        record.failures += result is CallResult.RETRY
        is_given_up = delivery.phase is Phase.ENDED and not delivery.is_visibility_lost
        if result is CallResult.RETRY and is_given_up and record.failures < _ENOUGH_TRIES:
            raise Violation(Law.TRIED_AGAIN, f'{self._receipt(delivery)} is not dead-lettered')

    def _check_tried_again(self, delivery: Delivery, record: Record) -> None:
        record.failures += 1
        if delivery.phase is not Phase.ENDED or record.failures >= _ENOUGH_TRIES:
            return
        came_again = self._latest(delivery.id) is not delivery
        is_over = came_again or delivery.not_before >= delivery.hidden_until
        if record.decision is Decision.DELETE or not is_over:
            raise Violation(Law.TRIED_AGAIN, f'{self._receipt(delivery)} is given up at once')

    def on_notice(self, notice: Notice, delivery: Delivery) -> None:
        """Record a notice of the engine."""
        record = self.records[delivery]
        if notice is Notice.DUPLICATE:
            self.deliveries.remove(self._latest(delivery.id))  # the earlier delivery continues
        elif notice in (Notice.RELEASED, Notice.RELEASED_IN_PROGRESS):
            self._decide(record, Decision.LEAVE, 0)
        elif notice in _EXPIRES:
            self._decide(record, Decision.EXPIRE)

    def _latest(self, name: str) -> Delivery:
        return next(each for each in reversed(self.deliveries) if each.id == name)

    # The queue and the end

    def check_overdue(self, receipt: TrackedReceipt) -> None:
        """Check that a subscriber sees the end of the visibility timeout of its message.

        The wait for the body of the message is over.
        """
        if receipt.ends <= self._timeline.now:
            for waiting in self.body_waits:
                if waiting.phase is Phase.FETCHING and waiting.receipt_handle == receipt.handle:
                    raise Violation(Law.WAIT_ENDS, f'{receipt} is visible')
        delivery = self.in_processing.get(receipt.message.name)
        if (
            delivery is not None
            and delivery.receipt_handle == receipt.handle
            and receipt.ends <= self._timeline.now
            and not delivery.is_lost
        ):
            raise Violation(Law.LOSS_VISIBLE, f'{receipt} is visible since {receipt.ends:.3f}')

    def expired(self, receipt: TrackedReceipt) -> None:
        """Check a message that became visible by itself, in a faultless schedule."""
        now = self._timeline.now
        if now >= receipt.since + MAX_HIDDEN - self._limit_margin:
            return
        margin = min(1.0, self._settings.visibility_timeout / 10)
        most = (self._settings.max_processing_time or 0.0) - margin
        for delivery in self.deliveries:
            has_body = now >= self.records[delivery].body_at + margin
            is_waiting = delivery.phase is Phase.WAITING and has_body
            is_working = (
                delivery.phase is Phase.WORKING and now < self.records[delivery].begun_at + most
            )
            decided = self.records[delivery].since
            is_failed = delivery.phase is Phase.DEAD_LETTERING and now >= decided + margin
            if delivery.receipt_handle == receipt.handle and (
                is_waiting or is_working or is_failed
            ):
                raise Violation(
                    Law.KEPT_HIDDEN, f'{receipt} is visible: it is {delivery.phase.value}'
                )

    def finished(self) -> None:
        """Check the end of a stop."""
        for delivery in self.deliveries:
            record = self.records[delivery]
            if record.decision is Decision.DELETE and not record.is_delete_sent:
                raise Violation(Law.STOP_SETTLES, f'{self._receipt(delivery)} was not deleted')
            if self._is_faultless and delivery.phase is not Phase.ENDED:
                raise Violation(
                    Law.STOP_SETTLES, f'{self._receipt(delivery)}: {delivery.phase.value}'
                )

    def _decide(self, record: Record, decision: Decision, delay: int = 0) -> None:
        record.decision = decision
        record.since = self._timeline.now
        record.delay = delay
        if decision is not Decision.EXPIRE:
            record.failures = 0

    def _receipt(self, delivery: Delivery) -> TrackedReceipt:
        return self._queue.receipts[delivery.receipt_handle]
