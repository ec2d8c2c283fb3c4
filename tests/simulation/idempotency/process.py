"""A process with the `Idempotency` hook: it processes deliveries, and may end at any step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from mega.aws._hooks.work import BlockingCall
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe import MessageSubscriber, Outcome, ProcessStatus
from mega.hooks.idempotency import Idempotency
from mega.hooks.leases import Lease, Leases
from tests.simulation.idempotency.store import SimulatedStore
from tests.simulation.idempotency.tracking import Fate, Run

if TYPE_CHECKING:
    from tests.simulation.idempotency.world import SentMessage, World

__all__ = ('Delivery', 'Process')

HEARTBEAT = 0.5
"""The part of the visibility timeout after which it is extended."""

LOOK = 0.2
"""The longest part of the visibility timeout between its extension and the look at the leases."""


class First(MessageSubscriber):
    """A subscriber that is always done."""

    def process(self, payload: Any) -> None: ...


class Second(MessageSubscriber):
    """A subscriber that may fail, or ask for a retry."""

    def process(self, payload: Any) -> None: ...


SUBSCRIBERS = (First, Second)


class SimulatedLeases(Leases):
    """The leases of a process. The simulation looks at them, in place of a thread."""

    def __init__(self, store: SimulatedStore, now: Callable[[], float]) -> None:
        super().__init__(store, lambda lease, error: None, now)
        self.active: list[Lease] = []

    def begin(self, lease: Lease) -> None:
        self.active.append(lease)

    def end(self, lease: Lease) -> None:
        if lease in self.active:
            self.active.remove(lease)


class Process:
    """A process of a listener. `offset` is the error of its clock, in seconds."""

    def __init__(
        self, world: World, name: str, offset: float, first: SimulatedStore | None
    ) -> None:
        self.world = world
        self.name = name
        self.offset = offset
        self.is_alive = True
        self.store = SimulatedStore(first, world.tracker, world.now)
        self.hook = Idempotency(self.store, ttl=world.plan.ttl)
        self.leases = self.hook._leases = SimulatedLeases(self.store, world.now)
        self.in_flight: dict[str, Delivery] = {}

    def look_at_leases(self) -> None:
        if not self.is_alive:
            return
        for lease in list(self.leases.active):
            self.store.stamp, self.store.fate = self.world.stamp(self), self.world.fate()
            if self.store.fate is not Fate.ANSWERED:
                self.world.run_of(lease.owner).has_lost_call = True
            self.leases.renew_if_extended(lease)


class Delivery:
    """One delivery of a message to a process: the subscribers run one after another."""

    is_lost = False

    def __init__(self, process: Process, message: SentMessage) -> None:
        self.process = process
        self.message = message
        self.world = process.world
        self.number = message.receives
        self.known_until = self.world.now() + self.world.plan.visibility_timeout
        self.outcomes: list[Outcome] = []
        self.begun_at = 0.0
        self.has_ended = False
        process.in_flight[message.id] = self

    def __str__(self) -> str:
        return f'{self.message.id}, delivery {self.number} in {self.process.name}'

    @property
    def time_left(self) -> float:
        return max(0.0, self.known_until - self.world.now())

    def begin(self) -> None:
        self.begun_at = self.world.now()
        self.world.timeline.at(self._next_heartbeat(), self._heartbeat)
        self._run_next()

    def _next_heartbeat(self) -> float:
        return self.known_until - HEARTBEAT * self.world.plan.visibility_timeout

    def _heartbeat(self) -> None:
        """Extend the visibility timeout, and look at the leases soon after."""
        world, plan = self.world, self.world.plan
        limit = self.begun_at + plan.max_processing_time
        if self.has_ended or not self.process.is_alive or world.now() >= limit:
            return
        fate = world.fate()
        if fate is not Fate.REQUEST_LOST:
            self.message.hidden_until = world.now() + plan.visibility_timeout
        if fate is Fate.ANSWERED:
            self.known_until = world.now() + plan.visibility_timeout
            world.log(f'{self} is hidden until {self.known_until:.2f}')
            soon = LOOK * plan.visibility_timeout * world.choices.fraction()
            world.timeline.after(soon, self.process.look_at_leases)
            world.timeline.at(self._next_heartbeat(), self._heartbeat)

    def _run_next(self) -> None:
        subscriber = SUBSCRIBERS[len(self.outcomes)]
        run = Run(subscriber.__name__, self)
        message = Message(self.message.id, '', '', _visibility=self)
        hook = self.process.hook.around_subscriber(subscriber, message, '')
        self._step(run, hook, partial(next, hook))

    def _step(self, run: Run, hook: Any, resume: Callable[[], object]) -> None:
        """Run the hook up to its next call, to the subscriber, or to its end."""
        if not self.process.is_alive or self.world.crashes(self.process):
            return
        try:
            needed = resume()
        except StopIteration as end:
            outcome = end.value or run.outcome
            assert outcome is not None
            self._subscriber_ended(run, outcome)
            return
        if isinstance(needed, BlockingCall):
            self.world.call(run, needed.function, partial(self._answered, run, hook))
            return
        run.is_running = True
        self.world.log(f'{run} runs')
        self.world.timeline.after(self.world.duration(), self._effect, run, hook)

    def _answered(self, run: Run, hook: Any, answer: object, error: Exception | None) -> None:
        resume = partial(hook.send, answer) if error is None else partial(hook.throw, error)
        self._step(run, hook, resume)

    def _effect(self, run: Run, hook: Any) -> None:
        if not self.process.is_alive or self.world.crashes(self.process):
            return
        status = self.world.status(run)
        if status is ProcessStatus.DONE:
            self.world.tracker.effects[self.message.id, run.name] += 1
        self.world.log(f'{run} ends: {status.value}')
        run.outcome = Outcome(SUBSCRIBERS[len(self.outcomes)], status)
        self._step(run, hook, partial(hook.send, run.outcome))

    def _subscriber_ended(self, run: Run, outcome: Outcome) -> None:
        run.is_running = False
        self.world.tracker.ended(run)
        self.outcomes.append(outcome)
        if len(self.outcomes) < len(SUBSCRIBERS):
            self._run_next()
            return
        self.has_ended = True
        del self.process.in_flight[self.message.id]
        self.world.settle(self)
