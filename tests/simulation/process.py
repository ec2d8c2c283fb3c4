"""An engine in a process of its own: does what it asks for, and tells it what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    Action,
    BatchCommand,
    ChangeVisibility,
    DeadLetter,
    EntryResult,
    Notice,
    Process,
    Receive,
    Settings,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.engine import INTERRUPT_TIMEOUT, SETTLE_TIMEOUT
from mega.aws.sqs.subscribe.processing.settlement import Action as Settlement
from tests.simulation.laws import Law, Violation
from tests.simulation.network import Fate
from tests.simulation.sqs_model import Batch, Hold, Queue, Request
from tests.simulation.watch import Fate as Outcome
from tests.simulation.watch import Record, Watch
from tests.simulation.work import CALM, WORKS, Work

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ('ListenerProcess',)

_MOST_RECEIVES = 4
"""So often a message comes, and a subscriber may still want it again."""

_MANY = 200
"""More than this at one instant is too much, and as often in vain while nothing happens."""


_TOLD = {
    Fate.FINE: EntryResult.DONE,
    Fate.LATE: EntryResult.DONE,
    Fate.FAILED: EntryResult.RETRY,
    Fate.LOST: EntryResult.RETRY,
    Fate.REFUSED: EntryResult.FAILED,
}
"""What is said of a dead letter that fared so."""


@dataclass(slots=True, eq=False)
class _Poll:
    """A receive that is under way; two of them may be alike. `request` is what waits at SQS."""

    asked: Receive
    fate: Fate
    request: Request | None = None

    def give_up(self, queue: Queue) -> None:
        if self.request is not None:
            queue.forget(self.request)


class ListenerProcess:
    """Lives until its engine's stop is complete, or it crashes."""

    def __init__(self, world: World, name: str, settings: Settings) -> None:
        plan = world.plan
        self._world = world
        self._timeline = world.timeline
        self._network = world.network
        self._queue = world.queue
        self._choices = world.choices
        self._settings = settings
        self._is_faultless = plan.is_faultless
        self._polls: list[_Poll] = []
        self._alarm = float('inf')
        self._vain_wakes = 0
        self._last_work = self._last_poll = 0.0
        self._stopped_at = self._grace_ends = float('inf')
        self._does: dict[type[Action], Callable[[Any], None]] = {
            Receive: self._receive,
            Process: self._start,
            DeadLetter: self._dead_letter,
            Ack: self._ack,
            ChangeVisibility: self._change,
        }
        self.name = name
        self._is_idle = False
        self.is_alive = True
        self.is_draining = settings.until_empty
        self.engine = Engine(settings, self._choices.uniform, self._tell)
        self.watch = Watch(settings, self._queue, self._timeline, plan.is_faultless)
        self._note('begins')
        self._look()

    # What is done to it

    def stop(self) -> None:
        if self.is_alive and not self.engine.is_stopping:
            self._note('is to stop')
            self.engine.stop(self._timeline.now)
            self._look()

    def crash(self) -> None:
        """It is gone at once. SQS may notice, or give messages to a connection that is no more."""
        if not self.is_alive:
            return
        self._note('crashes')
        self.is_alive = False
        if self._choices.chance(50):
            return
        for poll in self._polls:
            poll.give_up(self._queue)

    def pause(self) -> None:
        if self.is_alive:
            self._note('pauses')
            self.watch.is_paused = True
            self.engine.pause()
            self._look()

    def resume(self) -> None:
        if self.is_alive and self.watch.is_paused:
            self._note('goes on')
            self.watch.is_paused = False
            self.engine.resume()
            self._look()

    # Round the engine

    def _look(self) -> None:
        """Do all that is to be done now, and look again when there may be more."""
        engine, now = self.engine, self._timeline.now
        for _ in range(_MANY):
            action = engine.next(now)
            if action is not None:
                self._vain_wakes = 0
                self._does[type(action)](action)
            elif engine.next_deadline > now:
                break
        else:
            raise Violation(Law.NO_BUSY_LOOP, f'{self.name} does not stop asking')
        if engine.is_stopping:
            self._break_off()
        if engine.is_finished(now):
            self._end()
        else:
            self._sets_alarm()

    def _sets_alarm(self) -> None:
        next_deadline = self.engine.next_deadline
        if next_deadline < self._alarm:
            self._alarm = next_deadline
            self._timeline.at(next_deadline, self._wakes, next_deadline)

    def _wakes(self, alarm: float) -> None:
        """Not before the engine wants it: otherwise nobody saw that it wants it too late."""
        if not self.is_alive or alarm != self._alarm:
            return
        self._alarm = float('inf')
        if self.engine.next_deadline > self._timeline.now:
            self._sets_alarm()
            return
        self._vain_wakes += 1
        if self._vain_wakes > _MANY:
            raise Violation(Law.NO_BUSY_LOOP, f'{self.name} wakes, and there is nothing to do')
        self._look()

    def _break_off(self) -> None:
        """Once: end what waits for messages, and see to it that the engine ends."""
        if self.watch.is_stopped:
            return
        now = self._timeline.now
        self.watch.is_stopped = True
        self._stopped_at = now
        self._is_idle = self.engine.in_hand == 0
        for poll in self._polls:
            self._timeline.after(self._choices.uniform(0.0, 1.5), self._is_broken_off, poll)
        self._grace_ends = now + self._settings.grace_period
        self._timeline.at(self._grace_ends + SETTLE_TIMEOUT + 0.01, self._must_be_over)

    def _is_broken_off(self, poll: _Poll) -> None:
        if self._is_over(poll):
            poll.give_up(self._queue)
            self.engine.broken_off(poll.asked)
            self._told()

    def _must_be_over(self) -> None:
        if self.is_alive:
            raise Violation(Law.STOP_ENDS, f'{self.name} was to stop at {self._stopped_at:.3f}')

    def _end(self) -> None:
        self._note('ends')
        self.is_alive = False
        self.watch.finished()
        if self._is_faultless and not self._world.plan.letters_fail:
            self._was_quick()
        self._world.ended(self)

    def _was_quick(self) -> None:
        """Whether it ended when there was time for some calls after the last work and receive."""
        last_work = self._grace_ends if self.watch.in_work else self._last_work
        last_poll = float('inf') if self._polls else self._last_poll
        last_poll = min(last_poll, self._stopped_at + INTERRUPT_TIMEOUT)
        calls = 6 * min(1.0, self._settings.visibility_timeout / 10) + 0.2
        due = max(self._stopped_at, last_work, last_poll) + (0.001 if self._is_idle else calls)
        if self._timeline.now > due:
            raise Violation(Law.STOP_IS_QUICK, f'{self.name} should have ended at {due:.3f}')

    def _told(self) -> None:
        self._vain_wakes = 0
        self._look()

    def _tell(self, happening: Notice, delivery: Delivery) -> None:
        self._note(f'says {happening.name} of', delivery.handle)
        self.watch.hears(happening, delivery)

    def _note(self, *words: object) -> None:
        if self._world.trace is not None:
            self._world.note(self.name, *words)

    # Receiving

    def _receive(self, asked: Receive) -> None:
        self._note(f'asks for {asked.number}, waits for {asked.wait} s')
        self.watch.asks_receive(asked)
        poll = _Poll(asked, self._network.of_receive())
        self._polls.append(poll)
        happens = self._receive_fails if poll.fate is Fate.FAILED else self._ask
        self._timeline.after(self._network.there(), happens, poll)

    def _ask(self, poll: _Poll) -> None:
        if not self.is_alive or poll not in self._polls:
            return
        # Without a wait SQS answers at once; but not so often that nothing else happens.
        until = self._timeline.now + (poll.asked.wait or 0.9)
        poll.request = Request(poll.asked.number, until, lambda batch: self._answer(poll, batch))
        self._queue.ask(poll.request)

    def _answer(self, poll: _Poll, batch: Batch) -> None:
        asked, fate = poll.asked, poll.fate
        self._note('is given', *batch or ('nothing',), '' if fate is Fate.FINE else fate.value)
        when = self._timeline.now + self._network.back()
        if fate is Fate.LATE:
            too_late = asked.asked_at + asked.wait + self._network.too_late
            when = max(when, too_late) + self._network.lateness()
        if fate is Fate.LOST:
            self._timeline.at(when, self._receive_fails, poll)
        else:
            self._timeline.at(when, self._gets, poll, [] if fate is Fate.GARBLED else batch)

    def _receive_fails(self, poll: _Poll) -> None:
        if self._is_over(poll):
            self._note('failed to receive')
            is_hopeless = self._choices.chance(20)
            error = ConnectionError('by the network')
            now = self._timeline.now
            self.watch.told_failure(poll.asked)
            self.engine.receive_failed(poll.asked, error, now, is_hopeless=is_hopeless)
            self._told()

    def _gets(self, poll: _Poll, batch: Batch) -> None:
        if self._is_over(poll):
            self._note('gets', *batch or ('nothing',))
            deliveries = [self._delivery(hold) for hold in batch]
            self._is_idle = self._is_idle and not deliveries
            self.watch.told_received(deliveries)
            self.engine.received(poll.asked, deliveries, self._timeline.now)
            self._told()

    def _is_over(self, poll: _Poll) -> bool:
        """Whether a receive ends here, and not before nor together with the process."""
        if not self.is_alive or poll not in self._polls:
            return False
        self._polls.remove(poll)
        self._last_poll = self._timeline.now
        return True

    def _delivery(self, hold: Hold) -> Delivery:
        hold.owner = self
        name = hold.stored.name
        message = Message(name, '', hold.handle, receive_count=hold.number)
        return Delivery(name, hold.handle, hold.stored.group, Record(message))

    # Working

    def _start(self, start: Process) -> None:
        delivery = start.delivery
        duration = self._world.duration()
        self._note('starts', delivery.handle, f'for {duration:g} s')
        self.watch.asks_start(delivery)
        self._timeline.after(duration, self._ends_work, delivery)

    def _ends_work(self, delivery: Delivery) -> None:
        if not self.is_alive:
            return
        now = self._timeline.now
        stored = self._queue.holds[delivery.handle].stored
        may_retry = self._world.has_retries and stored.receives < _MOST_RECEIVES
        work = self._choices.one_of(WORKS if may_retry else CALM)
        self._note('worked on', delivery.handle, work)
        policy = self._world.policy
        if not (work.asks_for_retry or (work.is_fatal and policy.has_dead_letter_queue)):
            stored.is_completed = True
        del self.watch.in_work[delivery.id]
        self._last_work = now
        delivery.content.work = work
        self._tells_outcome(delivery, work)
        self._told()

    def _tells_outcome(self, delivery: Delivery, work: Work) -> None:
        now = self._timeline.now
        verdict = work.judged(self._world.policy, delivery.content.message)
        if verdict.action is Settlement.ACK:
            self.watch.told_outcome(delivery, Outcome.DONE)
            self.engine.processed(delivery, now)
        elif verdict.action is Settlement.DEAD_LETTER:
            self.watch.told_outcome(delivery, Outcome.FATAL)
            self.engine.failed(delivery, now)
        else:
            fate = Outcome.DROPPED if verdict.delay is None else Outcome.LEFT
            self.watch.told_outcome(delivery, fate, verdict.delay or 0)
            self.engine.left(delivery, verdict.delay, now)

    # Settling

    def _dead_letter(self, action: DeadLetter) -> None:
        delivery = action.delivery
        self._note('dead-letters', delivery.handle)
        fate = self._network.of_dead_letter()
        there, back = self._network.there(), self._network.back()
        if fate not in (Fate.FAILED, Fate.REFUSED):
            self._timeline.after(there, self._arrives, delivery)
        if fate is Fate.LATE:
            back += self._network.lateness()
        self._timeline.after(there + back, self._is_dead_lettered, delivery, _TOLD[fate])

    def _arrives(self, delivery: Delivery) -> None:
        self._queue.holds[delivery.handle].stored.is_dead_lettered = True

    def _is_dead_lettered(self, delivery: Delivery, told: EntryResult) -> None:
        if self.is_alive:
            self._note('is told', told.name, 'of the dead letter', delivery.handle)
            if told is not EntryResult.RETRY:
                fate = Outcome.DONE if told is EntryResult.DONE else Outcome.DROPPED
                self.watch.told_outcome(delivery, fate)
            self.engine.dead_lettered(delivery, told, self._timeline.now)
            self.watch.told_dead_lettered(delivery, told)
            self._told()

    def _ack(self, call: Ack) -> None:
        self._note('deletes', *(entry.handle for entry in call.entries))
        self.watch.asks_ack(call)
        self._call(call, lambda at: self._queue.delete(call.entries[at].handle))

    def _change(self, call: ChangeVisibility) -> None:
        self._note('hides', *(f'{entry.handle} for {entry.seconds} s' for entry in call.entries))
        self.watch.asks_change(call)
        is_leaving = [entry.delivery.content.fate is Outcome.LEFT for entry in call.entries]

        def change(at: int) -> EntryResult:
            entry = call.entries[at]
            return self._queue.change(entry.handle, entry.seconds, is_leaving[at])

        self._call(call, change)

    def _call(self, call: BatchCommand, effect: Callable[[int], EntryResult]) -> None:
        fate = self._network.of_batch()
        self._timeline.after(self._network.there(), self._has_effect, call, effect, fate)

    def _has_effect(
        self, call: BatchCommand, effect: Callable[[int], EntryResult], fate: Fate
    ) -> None:
        told = [
            EntryResult.RETRY if self._is_refused(fate) else effect(at)
            for at in range(len(call.entries))
        ]
        if fate in (Fate.LOST, Fate.GARBLED):
            told = [EntryResult.RETRY] * len(told)
        late = self._network.lateness() if fate is Fate.LATE else 0.0
        self._timeline.after(self._network.back() + late, self._is_settled, call, told)

    def _is_refused(self, fate: Fate) -> bool:
        return fate is Fate.FAILED or (fate is Fate.PARTIAL and self._choices.chance(50))

    def _is_settled(self, call: BatchCommand, told: Sequence[EntryResult]) -> None:
        if self.is_alive:
            self._note('is told', *(answer.name for answer in told))
            self.engine.settled(call, told, self._timeline.now)
            self.watch.told_settled(call, list(told))
            self._told()
