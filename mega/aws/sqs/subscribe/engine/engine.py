"""The engine: what to receive, start, extend, delete, leave and dead-letter, and when. No I/O.

It is told what happened, and asked what to do next; it has neither threads nor a clock. Whoever
runs it (`mega.aws.sqs.subscribe.runtime.worker_pool`, or a simulation) keeps two promises: one call
at a time, and a time that never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from mega.aws.sqs.subscribe.engine.batches import (
    FOREVER,
    MAX_BATCH_DELAY,
    DeleteBatcher,
    VisibilityBatcher,
)
from mega.aws.sqs.subscribe.engine.commands import (
    DONE,
    RETRY,
    Ack,
    Action,
    BatchCommand,
    DeadLetter,
    Entry,
    EntryResult,
    Notice,
    Process,
    Receive,
    Settings,
)
from mega.aws.sqs.subscribe.engine.delivery import (
    ACKING,
    DEAD_LETTERING,
    GONE,
    HELD,
    LEAVING,
    WAITING,
    WORKING,
    Delivery,
)
from mega.aws.sqs.subscribe.engine.in_flight import InFlight
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues
from mega.aws.sqs.subscribe.engine.polling import PollController
from mega.aws.sqs.subscribe.engine.visibility import VisibilityExtender

__all__ = ('Engine',)

MAX_TRIES = 6
"""How often a message is deleted or dead-lettered at most. Then its visibility timeout has it."""

FIRST_BACKOFF = 0.2
"""Seconds before a second try at most; twice as many each time."""

INTERRUPT_TIMEOUT = 0.75
"""Seconds for which a stop waits for receives to be broken off."""

SETTLE_TIMEOUT = 5.0
"""Seconds after the grace period in which everything has to be told to SQS."""

_LATENESS = 2.0
"""Seconds after its wait within which a receive is answered, or else the answer is late."""

_DRAINED_AFTER = 2


class Engine:
    """Decides for one queue, from the first receive until a stop is complete.

    `uniform(low, high)` draws the jitter, `tell` hears what happened to which delivery.
    `next_deadline` is when `next` must be called again at the latest; it may be early.
    """

    def __init__(
        self,
        settings: Settings,
        uniform: Callable[[float, float], float],
        tell: Callable[[Notice, Delivery], None],
    ) -> None:
        self._settings = settings
        self._uniform = uniform
        self._tell = tell
        self._lines = GroupQueues(settings.is_fifo)
        self._polls = PollController(settings, uniform)
        # What comes behind a message of a group waits for its end.
        self._acks = DeleteBatcher(0.0 if settings.is_fifo else MAX_BATCH_DELAY)
        self._changes = VisibilityBatcher(self._lines)
        self._hand = InFlight(self._lines, self._changes, tell)
        self._hiding = VisibilityExtender(settings, self._changes, tell)
        self._dead_letters: deque[Delivery] = deque()
        self._again: list[tuple[float, Delivery]] = []
        self._free = settings.concurrency
        self._margin = min(1.0, settings.visibility_timeout / 10)
        self._is_paused = False
        self.is_stopping = False
        self._stopped_at = FOREVER
        self._grace_ends = FOREVER
        self.next_deadline = FOREVER
        self.failure: Exception | None = None

    # What is to be done

    def next(self, now: float) -> Action | None:
        """What is to be done first of all. It is under way from now on, until the engine is told.

        None: nothing, before `next_deadline` or until something happens.
        """
        if now >= self.next_deadline:
            self._run_timers(now)
        # Twice for each message: so what is seldom of use is asked only where it may be.
        if self._changes.are_waiting and (change := self._changes.next(now)):
            return change
        if now >= self._acks.deadline:
            return self._acks.next(now)
        if self._dead_letters and (letter := self._next_dead_letter()):
            return letter
        if self._free and (start := self._next_start(now)):
            return start
        if self.is_stopping or self._is_paused:
            return None
        return self._polls.next(len(self._hand.held) - len(self._acks.waiting), now)

    def is_finished(self, now: float) -> bool:
        """Whether a stop is complete, or has taken as long as it may."""
        if not self.is_stopping:
            return False
        if now >= self._grace_ends + SETTLE_TIMEOUT:
            return True
        is_heard = not self._polls.under_way or now >= self._stopped_at + INTERRUPT_TIMEOUT
        return is_heard and not self._hand.held

    @property
    def is_receiving(self) -> bool:
        return self._polls.under_way > 0

    @property
    def in_hand(self) -> int:
        """How many messages are waiting, in work, or not yet settled."""
        return len(self._hand.held)

    # What happened

    def received(self, poll: Receive, deliveries: Sequence[Delivery], now: float) -> None:
        """A receive was answered, by nothing perhaps."""
        self._polls.answered(poll, len(deliveries))
        # In an answer that is late it may have been hidden long ago.
        is_late = now > poll.asked_at + poll.wait + _LATENESS
        hidden_at = poll.asked_at if is_late else now
        hidden_until = hidden_at + self._settings.visibility_timeout
        for delivery in deliveries:
            delivery.received_at = hidden_at
            delivery.hidden_until = hidden_until
            self._hand.track(delivery)
        if self.is_stopping:
            self._hand.release_waiting()
        elif deliveries:
            self._schedule(hidden_at + self._hiding.lead)
        else:
            self._acks.flush()
            self._end_when_empty(now)

    def receive_failed(
        self, poll: Receive, error: Exception, now: float, *, is_hopeless: bool = False
    ) -> None:
        """A receive failed. One that is hopeless ends the work, unless others succeeded before."""
        self._polls.failed(poll, now)
        if self.is_stopping:
            return
        if self._settings.until_empty or (is_hopeless and not self._polls.has_succeeded):
            self.failure = error
            self.stop(now)
        self._acks.flush()
        self._schedule(self._polls.not_before)

    def broken_off(self, poll: Receive) -> None:
        """A receive was ended from here, before it was answered."""
        self._polls.broken_off()

    def start_expired(self, delivery: Delivery, now: float) -> None:
        """A message waited for a thread until its visibility timeout was over. It is not begun."""
        self._free += 1
        if delivery.phase is WORKING:
            self._hand.expire(delivery, now)

    def processed(self, delivery: Delivery, now: float) -> None:
        """All who wanted a message are done with it: delete it."""
        if self._ends_work(delivery, now):
            self._ack(delivery, now)

    def failed(self, delivery: Delivery, now: float) -> None:
        """A message is to be dead-lettered, and deleted when that succeeded."""
        if self._ends_work(delivery, now):
            delivery.phase = DEAD_LETTERING
            self._dead_letters.append(delivery)
            if not delivery.is_in_call:  # from now on it is kept hidden until it is sent
                self._schedule(self._hiding.keep(delivery, now))

    def left(self, delivery: Delivery, delay: int | None, now: float) -> None:
        """A message stays in the queue, and is to come again after so many seconds.

        None: when its visibility timeout ends.
        """
        if self._ends_work(delivery, now):
            self._hand.leave(delivery, delay, now)

    def dead_lettered(self, delivery: Delivery, told: EntryResult, now: float) -> None:
        """A message was sent to the dead-letter queue, or was not: then it is tried again.

        What cannot be sent there at all stays where it is.
        """
        delivery.is_being_sent = False
        if told is DONE:
            self._tell(Notice.DEAD_LETTERED, delivery)
        if delivery.phase is not DEAD_LETTERING:
            return
        if told is DONE:
            delivery.tries = 0
            self._ack(delivery, now)
        elif told is RETRY and (when := self._next_try(delivery, now)) < FOREVER:
            self._again.append((when, delivery))
            self._schedule(now)  # the grace period may be over
        else:
            self._tell(Notice.NOT_DEAD_LETTERED, delivery)
            self._hand.leave(delivery, None, now)

    def settled(self, call: BatchCommand, told: Sequence[EntryResult], now: float) -> None:
        """A batch call ended: what SQS says of each entry, in their order."""
        judge = self._deleted if isinstance(call, Ack) else self._changed
        for entry, answer in zip(call.entries, told, strict=True):
            delivery = entry.delivery
            delivery.is_in_call = False
            if delivery.phase is not GONE:
                judge(entry, answer, call, now)
        self._end_when_empty(now)

    def pause(self) -> None:
        """Receive nothing more. What was received is processed."""
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False

    def stop(self, now: float) -> None:
        """Receive and start nothing more, and give back what waits.

        What is in work has the grace period to end; then it is given back too.
        """
        if self.is_stopping:
            return
        self.is_stopping = True
        self._stopped_at = now
        self._grace_ends = now + self._settings.grace_period
        self._hand.release_waiting()
        self._acks.flush()
        self._schedule(now)  # the grace period may be none

    # Decisions

    def _next_dead_letter(self) -> DeadLetter | None:
        """The next one to send. What was given back in the meantime is passed over."""
        while self._dead_letters:
            delivery = self._dead_letters.popleft()
            if delivery.phase is DEAD_LETTERING:
                delivery.is_being_sent = True
                return DeadLetter(delivery)
        return None

    def _next_start(self, now: float) -> Process | None:
        while (delivery := self._lines.next()) is not None:
            if now + self._margin < delivery.hidden_until:
                delivery.phase = WORKING
                delivery.started_at = now
                self._free -= 1
                if self._settings.max_processing_time is not None:
                    self._schedule(now + self._settings.max_processing_time)
                return Process(delivery)
            self._hand.expire(delivery, now)
        return None

    # Deliveries

    def _ends_work(self, delivery: Delivery, now: float) -> bool:
        """Whether a message that was in work is ours to settle."""
        self._free += 1
        self._polls.bump_epoch()
        if delivery.phase is not WORKING:
            return False  # it was given back when the grace period ended
        if delivery.is_lost:
            self._hand.leave(delivery, None, now)
            return False
        if now > delivery.hidden_until:
            self._tell(Notice.FINISHED_LATE, delivery)
        return True

    def _ack(self, delivery: Delivery, now: float) -> None:
        delivery.phase = ACKING
        self._acks.add(delivery, now)
        if self.is_stopping:
            self._acks.flush()
        elif self._acks.deadline > now:
            self._schedule(self._acks.deadline)

    def _end_when_empty(self, now: float) -> None:
        is_empty = not self._hand.held and self._polls.empty_receives >= _DRAINED_AFTER
        if self._settings.until_empty and is_empty:
            self.stop(now)

    # Answers of SQS

    def _deleted(self, entry: Entry, told: EntryResult, call: BatchCommand, now: float) -> None:
        delivery = entry.delivery
        if delivery.handle != entry.handle:  # it came once more while it was deleted
            self._acks.add(delivery, now)
            self._schedule(self._acks.deadline)
        elif told is DONE:
            self._tell(Notice.DELETED, delivery)
            self._hand.forget(delivery)
            if self._settings.is_fifo:
                self._polls.bump_epoch()
        elif told is RETRY and (when := self._next_try(delivery, now)) < FOREVER:
            self._again.append((when, delivery))
        else:
            self._tell(Notice.NOT_DELETED, delivery)
            self._hand.leave(delivery, None, now)

    def _changed(self, entry: Entry, told: EntryResult, call: BatchCommand, now: float) -> None:
        delivery = entry.delivery
        if entry.phase is LEAVING:
            self._was_left(delivery, told, now)
        elif delivery.handle != entry.handle or delivery.phase not in HELD:
            self._schedule(now)  # it came once more and is hidden anew, or is about to be settled
        elif told is DONE:
            delivery.hidden_until = call.decided_at + entry.seconds
            self._schedule(delivery.hidden_until - self._hiding.lead)
        elif told is RETRY:
            delivery.not_before = now + self._uniform(0.5, 1.0) * self._margin
            self._schedule(delivery.not_before)
        elif delivery.phase is WAITING:
            self._hand.expire(delivery, now)
        else:
            delivery.is_lost = True
            self._tell(Notice.VISIBILITY_LOST, delivery)
            if delivery.phase is DEAD_LETTERING:
                self._hand.leave(delivery, None, now)

    def _was_left(self, delivery: Delivery, told: EntryResult, now: float) -> None:
        delivery.not_before = self._next_try(delivery, now) if told is RETRY else FOREVER
        if delivery.not_before < delivery.hidden_until:
            self._changes.leave(delivery)
            return
        if delivery.delay == 0:
            self._polls.bump_epoch()
        self._hand.forget(delivery)

    def _next_try(self, delivery: Delivery, now: float) -> float:
        """When a call that failed is made again; never, if that was done often enough."""
        delivery.tries += 1
        if delivery.tries >= MAX_TRIES:
            return FOREVER
        when = now + self._uniform(0.5, 1.0) * FIRST_BACKOFF * 2.0**delivery.tries
        self._schedule(when)
        return when

    # Time

    def _schedule(self, when: float) -> None:
        if when < self.next_deadline:
            self.next_deadline = when

    def _run_timers(self, now: float) -> None:
        """Do what is due by the time alone, and find out when to look again."""
        self.next_deadline = FOREVER
        self._try_again(now)
        for delivery in list(self._hand.held.values()):
            if delivery.phase is WAITING and now >= delivery.hidden_until:
                self._hand.expire(delivery, now)
            elif delivery.phase in HELD and not delivery.is_in_call:
                self._schedule(self._hiding.keep(delivery, now))
        if now >= self._grace_ends:
            self._hand.release_working()
        for when in (
            self._polls.not_before,
            self._stopped_at + INTERRUPT_TIMEOUT,
            self._grace_ends,
            self._grace_ends + SETTLE_TIMEOUT,
            self._changes.next_try(now),
            *(when for when, _ in self._again),
        ):
            if when > now:
                self._schedule(when)
        self._schedule(self._acks.deadline)

    def _try_again(self, now: float) -> None:
        due = [delivery for when, delivery in self._again if now >= when]
        self._again = [(when, delivery) for when, delivery in self._again if now < when]
        for delivery in due:
            if delivery.phase is ACKING:
                self._acks.add(delivery, now)
            else:
                self._dead_letters.append(delivery)
