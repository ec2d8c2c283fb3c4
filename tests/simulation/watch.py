"""Looks at what one engine asks for and is told, and holds it to the laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.engine.batches import BATCH, MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    BatchCommand,
    ChangeVisibility,
    Entry,
    EntryResult,
    Notice,
    Receive,
    Settings,
)
from mega.aws.sqs.subscribe.engine.delivery import HELD, Delivery, Phase
from tests.simulation.laws import Law, Violation
from tests.simulation.sqs_model import LONGEST, Hold, Queue
from tests.simulation.timeline import Timeline
from tests.simulation.work import Work

__all__ = ('Fate', 'Record', 'Watch')

_ENOUGH_TRIES = 3

_SHORTEST_BACKOFF = 1.0
"""Seconds."""


class Fate(Enum):
    """What the engine was told, or decided, of a delivery."""

    IN_HAND = 'waits or is in work'
    DONE = 'is to be deleted'
    FATAL = 'is to be dead-lettered'
    LEFT = 'is to come again after a delay'
    DROPPED = 'is to come again when its time is over'


_HELD = (Fate.IN_HAND, Fate.FATAL)

_DROPS = (Notice.EXPIRED, Notice.NOT_DEAD_LETTERED, Notice.NOT_DELETED)


@dataclass(slots=True, eq=False)
class Record:
    """What is known of a delivery beside what the engine knows. `delay` is of what was left."""

    message: Message
    work: Work | None = None
    fate: Fate = Fate.IN_HAND
    since: float = 0.0
    delay: int = 0
    is_acked: bool = False
    failures: int = 0


class Watch:
    """The laws for one engine."""

    def __init__(
        self, settings: Settings, queue: Queue, timeline: Timeline, is_faultless: bool
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._timeline = timeline
        self._is_faultless = is_faultless
        self._settled: set[str] = set()
        self.deliveries: list[Delivery] = []
        self.in_work: dict[str, Delivery] = {}
        self._failed_at = float('-inf')
        self.is_stopped = False
        self.is_paused = False

    # What it asks for

    def asks_receive(self, poll: Receive) -> None:
        if self.is_stopped or self.is_paused:
            raise Violation(Law.STOP_IS_A_STOP, 'asks for messages')
        if self._timeline.now < self._failed_at + _SHORTEST_BACKOFF:
            raise Violation(Law.BACKS_OFF, f'asks for messages, and failed at {self._failed_at}')
        if not (1 <= poll.number <= BATCH and 0 <= poll.wait <= 20):
            raise Violation(Law.WELL_FORMED, f'asks for {poll.number} in {poll.wait} s')

    def asks_start(self, delivery: Delivery) -> None:
        hold = self._hold(delivery)
        if self.is_stopped:
            raise Violation(Law.STOP_IS_A_STOP, f'starts {hold}')
        if delivery.id in self.in_work:
            raise Violation(Law.IN_WORK_ONCE, f'starts {hold}, which is in work')
        if len(self.in_work) >= self._settings.concurrency:
            raise Violation(Law.CONCURRENCY, f'starts {hold} beside {len(self.in_work)} others')
        if hold.ends <= self._timeline.now:
            raise Violation(Law.STARTED_HIDDEN, f'starts {hold}, visible since {hold.ends:.3f}')
        if self._settings.is_fifo:
            for earlier in self._queue.before(hold.stored):
                raise Violation(Law.GROUPS_IN_ORDER, f'starts {hold} before {earlier.name}')
        self.in_work[delivery.id] = delivery

    def asks_ack(self, call: Ack) -> None:
        self._is_well_formed(call)
        for entry in call.entries:
            record = self._record(entry.delivery)
            self._is_not_settled(entry.handle)
            is_kept = self._hold(entry.delivery).stored.is_dead_lettered
            if record.work is not None and record.work.asks_for_retry and not is_kept:
                raise Violation(Law.RETRIES_KEPT, f'deletes {entry.handle}')
            if record.fate is not Fate.DONE:
                raise Violation(Law.WORK_FIRST, f'deletes {entry.handle}: it {record.fate.value}')
            if not record.is_acked and self._timeline.now > record.since + MAX_BATCH_DELAY + 1e-6:
                raise Violation(Law.PROMPT, f'deletes {entry.handle}, done at {record.since:.3f}')
            record.is_acked = True

    def asks_change(self, call: ChangeVisibility) -> None:
        self._is_well_formed(call)
        for entry in call.entries:
            record = self._record(entry.delivery)
            self._is_not_settled(entry.handle)
            if record.fate in _HELD:
                if not 1 <= entry.seconds <= self._settings.visibility_timeout:
                    raise Violation(Law.WELL_FORMED, f'{entry.handle} for {entry.seconds} s')
                self._is_hidden_no_longer(entry)
            elif record.fate is not Fate.LEFT or not self._is_as_wanted(entry, record):
                problem = f'hides {entry.handle} for {entry.seconds} s: it {record.fate.value}'
                raise Violation(Law.SETTLED_ONCE, problem)
            elif self._settings.is_fifo:
                self._comes_after_followers(self._hold(entry.delivery))

    def _is_hidden_no_longer(self, entry: Entry) -> None:
        most = self._settings.max_processing_time
        if entry.phase is not Phase.WORKING or most is None:
            return
        ends = self._timeline.now + entry.seconds
        if ends > entry.delivery.started_at + most + 1:  # the last part of a second counts
            raise Violation(Law.HIDDEN_NO_LONGER, f'{entry.handle} until {ends:.3f}')

    def _is_as_wanted(self, entry: Entry, record: Record) -> bool:
        """Whether a message is left for the delay that was asked for, or for as long as may be."""
        longest = self._hold(entry.delivery).since + LONGEST - self._timeline.now
        is_cut = entry.seconds < record.delay and longest - 60 < record.delay
        return entry.seconds == record.delay or is_cut

    def _comes_after_followers(self, hold: Hold) -> None:
        first, queue = hold.stored, self._queue
        others = [self._hold(each) for each in self.deliveries if each.phase is not Phase.GONE]
        of_group = [other for other in others if other.stored.group == first.group]
        is_first = not any(each.stored.place < first.place for each in of_group)
        if not is_first or any(queue.before(first)) or first.is_gone or not queue.is_held(hold):
            return
        for other in of_group:
            if other.stored is not first and queue.is_held(other):
                raise Violation(Law.FOLLOWERS_FIRST, f'gives back {hold} and still has {other}')

    def _is_well_formed(self, call: BatchCommand) -> None:
        ids = {entry.id for entry in call.entries}
        handles = {entry.handle for entry in call.entries}
        if not 1 <= len(call.entries) <= BATCH:
            raise Violation(Law.WELL_FORMED, f'a batch of {len(call.entries)}')
        if len(ids) < len(call.entries) or len(handles) < len(call.entries):
            raise Violation(Law.WELL_FORMED, 'two entries of a batch are the same')

    def _is_not_settled(self, handle: str) -> None:
        if handle in self._settled:
            raise Violation(Law.SETTLED_ONCE, f'asks for {handle} once more')

    # What it is told

    def told_received(self, deliveries: Sequence[Delivery]) -> None:
        """Before the engine is told."""
        self.deliveries.extend(deliveries)

    def told_failure(self, poll: Receive) -> None:
        """A receive failed. What was asked for before another one failed says nothing new."""
        if poll.asked_at >= self._failed_at:
            self._failed_at = self._timeline.now

    def told_outcome(self, delivery: Delivery, fate: Fate, delay: int = 0) -> None:
        """A delivery's work ended, or was dead-lettered; what was given back stays that."""
        record = self._record(delivery)
        if delivery.is_lost:
            self._decide(record, Fate.DROPPED)
        elif record.fate in (Fate.IN_HAND, Fate.FATAL):
            self._decide(record, fate, delay)

    def told_settled(self, call: BatchCommand, told: list[EntryResult]) -> None:
        """After the engine was told."""
        for entry, answer in zip(call.entries, told, strict=True):
            record = self._record(entry.delivery)
            if entry.phase in HELD:
                self._is_told_of_loss(entry, answer)
                if answer is EntryResult.FAILED and record.fate in _HELD:
                    self._settled.add(entry.handle)
            elif answer is EntryResult.RETRY:
                self._is_tried_again(entry.delivery, record)
            else:
                self._settled.add(entry.handle)

    def _is_told_of_loss(self, entry: Entry, answer: EntryResult) -> None:
        delivery = entry.delivery
        is_at_work = entry.phase is delivery.phase is Phase.WORKING
        is_same = delivery.handle == entry.handle
        if answer is EntryResult.FAILED and is_at_work and is_same and not delivery.is_lost:
            raise Violation(Law.LOSS_TOLD, f'{entry.handle} is not in flight')

    def told_dead_lettered(self, delivery: Delivery, told: EntryResult) -> None:
        """After the engine was told."""
        record = self._record(delivery)
        record.failures += told is EntryResult.RETRY
        is_given_up = delivery.phase is Phase.GONE and not delivery.is_lost
        if told is EntryResult.RETRY and is_given_up and record.failures < _ENOUGH_TRIES:
            raise Violation(Law.TRIED_AGAIN, f'{self._hold(delivery)} is not dead-lettered')

    def _is_tried_again(self, delivery: Delivery, record: Record) -> None:
        record.failures += 1
        if delivery.phase is not Phase.GONE or record.failures >= _ENOUGH_TRIES:
            return
        came_again = self._latest(delivery.id) is not delivery
        is_over = came_again or delivery.not_before >= delivery.hidden_until
        if record.fate is Fate.DONE or not is_over:
            raise Violation(Law.TRIED_AGAIN, f'{self._hold(delivery)} is given up at once')

    def hears(self, happening: Notice, delivery: Delivery) -> None:
        """What the engine tells of a delivery."""
        record = self._record(delivery)
        if happening is Notice.DUPLICATE:
            # What was in hand goes on.
            self.deliveries.remove(self._latest(delivery.id))
        elif happening in (Notice.RELEASED, Notice.RELEASED_IN_PROGRESS):
            self._decide(record, Fate.LEFT, 0)
        elif happening in _DROPS:
            self._decide(record, Fate.DROPPED)

    def _latest(self, name: str) -> Delivery:
        return next(each for each in reversed(self.deliveries) if each.id == name)

    # What the queue and the world say

    def expired(self, hold: Hold) -> None:
        """A message became visible by itself, in a faultless schedule."""
        now = self._timeline.now
        if now >= hold.since + LONGEST - 60:
            return
        margin = min(1.0, self._settings.visibility_timeout / 10)
        most = (self._settings.max_processing_time or 0.0) - margin
        for delivery in self.deliveries:
            is_waiting = delivery.phase is Phase.WAITING
            is_working = delivery.phase is Phase.WORKING and now < delivery.started_at + most
            decided = self._record(delivery).since
            is_failed = delivery.phase is Phase.DEAD_LETTERING and now >= decided + margin
            if delivery.handle == hold.handle and (is_waiting or is_working or is_failed):
                raise Violation(Law.KEPT_HIDDEN, f'{hold} is visible: it is {delivery.phase.value}')

    def finished(self) -> None:
        """The engine says that its stop is complete."""
        for delivery in self.deliveries:
            record = self._record(delivery)
            if record.fate is Fate.DONE and not record.is_acked:
                raise Violation(Law.STOP_SETTLES, f'{self._hold(delivery)} was not deleted')
            if self._is_faultless and delivery.phase is not Phase.GONE:
                raise Violation(Law.STOP_SETTLES, f'{self._hold(delivery)}: {delivery.phase.value}')

    def _decide(self, record: Record, fate: Fate, delay: int = 0) -> None:
        record.fate = fate
        record.since = self._timeline.now
        record.delay = delay
        if fate is not Fate.DROPPED:
            record.failures = 0

    def _hold(self, delivery: Delivery) -> Hold:
        return self._queue.holds[delivery.handle]

    def _record(self, delivery: Delivery) -> Record:
        record: Record = delivery.content
        return record
