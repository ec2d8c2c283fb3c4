"""A small SQS, two processes, and the faults of one schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mega.aws.sqs.subscribe import ProcessStatus
from tests.simulation.choices import Choices
from tests.simulation.idempotency.laws import RecordLaw
from tests.simulation.idempotency.process import SUBSCRIBERS, Delivery, Process
from tests.simulation.idempotency.tracking import Fate, Run, Tracker
from tests.simulation.laws import Violation
from tests.simulation.timeline import Timeline

__all__ = ('Plan', 'SentMessage', 'World')

CALM_AT = 200.0
"""Seconds after which all calls are answered, and no process ends."""

LATEST = 3_000.0
"""Seconds within which each message must leave the queue."""

CALL_SECONDS = (0.01, 0.05, 0.5)
"""Seconds of a request or a response."""

OFFSETS = (0.0, 0.5, 2.0, -0.5, -2.0)
"""Errors of clocks, in seconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a schedule. `fault_percent` applies to each call, crashes to each step."""

    visibility_timeout: float
    max_processing_time: float
    ttl: float
    has_server_clock: bool
    fault_percent: int
    crash_percent: int
    duplicate_percent: int

    @classmethod
    def draw(cls, choices: Choices) -> Plan:
        return cls(
            visibility_timeout=30.0,
            max_processing_time=choices.one_of((300.0, 300.0, 0.0, 60.0)),
            ttl=choices.one_of((86_400.0, 86_400.0, 60.0)),
            has_server_clock=not choices.chance(50),
            fault_percent=choices.one_of((0, 5, 20)),
            crash_percent=choices.one_of((0, 2, 6)),
            duplicate_percent=choices.one_of((0, 20, 60)),
        )


@dataclass(eq=False, slots=True)
class SentMessage:
    """A message in the queue."""

    id: str
    hidden_until: float = 0.0
    wakes_at: float = 0.0
    receives: int = 0
    is_deleted: bool = False


class World:
    """Runs one schedule: first with faults, then without. `trace` receives a line per event."""

    def __init__(self, choices: Choices, trace: Callable[[str], None] | None = None) -> None:
        self.choices = choices
        self.timeline = Timeline()
        self.plan = plan = Plan.draw(choices)
        self._trace = trace
        self._runs: dict[str, Run] = {}
        tolerance = 0.001 if plan.has_server_clock else 2 * max(OFFSETS) + max(CALL_SECONDS)
        self.tracker = Tracker(tolerance, plan.visibility_timeout)
        self.processes = [self._start_process('A', None)]
        self.processes.append(self._start_process('B', self.processes[0]))
        self.messages = [SentMessage(f'm{number}') for number in range(1 + choices.below(2))]

    def run(self) -> None:
        """Run the schedule.

        Raises:
            Violation: if the schedule violates a law.
        """
        for message in self.messages:
            self._wake(message, self.choices.below(5))
        while not all(message.is_deleted for message in self.messages):
            if not self.timeline.step() or self.now() > LATEST:
                left = ', '.join(each.id for each in self.messages if not each.is_deleted)
                raise Violation(RecordLaw.SETTLED, f'still in the queue: {left}')
        while self.now() < LATEST and self.timeline.step():
            pass  # deliveries of deleted messages end

    def now(self) -> float:
        return self.timeline.now

    def log(self, text: str) -> None:
        if self._trace is not None:
            self._trace(f'{self.now():8.2f}  {text}')

    def fate(self) -> Fate:
        """Return what happens to a call."""
        if self._is_calm or not self.choices.chance(self.plan.fault_percent):
            return Fate.ANSWERED
        return self.choices.one_of((Fate.REQUEST_LOST, Fate.RESPONSE_LOST))

    def duration(self) -> float:
        """Return the seconds of a subscriber."""
        return 0.1 if self._is_calm else self.choices.one_of((0.1, 0.1, 10.0, 25.0, 50.0, 100.0))

    def status(self, run: Run) -> ProcessStatus:
        """Return the status of a subscriber."""
        if self._is_calm or run.name == SUBSCRIBERS[0].__name__ or not self.choices.chance(50):
            return ProcessStatus.DONE
        return self.choices.one_of((ProcessStatus.RETRY_LATER, ProcessStatus.FATAL_ERROR))

    def crashes(self, process: Process) -> bool:
        """End a process, or not, and return whether it ended. Another one replaces it."""
        if self._is_calm or not self.choices.chance(self.plan.crash_percent):
            return False
        process.is_alive = False
        self.log(f'{process.name} is killed')
        self.timeline.after(self.choices.below(20), self._replace, process)
        return True

    def stamp(self, process: Process) -> float:
        """Return the time of a call that a process makes now, as the store sees it."""
        return self.now() if self.plan.has_server_clock else self.now() + process.offset

    def call(
        self,
        run: Run,
        function: Callable[[], object],
        answer: Callable[[object, Exception | None], None],
    ) -> None:
        """Make a call to the store. It happens later, also if its process has ended meanwhile."""
        delay, stamp = self.choices.one_of(CALL_SECONDS), self.stamp(run.delivery.process)
        self.timeline.after(delay, self._perform, run, function, answer, stamp)

    def _perform(
        self,
        run: Run,
        function: Callable[[], object],
        answer: Callable[[object, Exception | None], None],
        stamp: float,
    ) -> None:
        store = run.delivery.process.store
        store.stamp = self.now() if self.plan.has_server_clock else stamp
        store.fate = self.fate()
        run.has_lost_call |= store.fate is not Fate.ANSWERED
        name, owner = function.func.__name__, function.args[1]  # type: ignore[attr-defined]
        self._runs[owner] = self.tracker.run = run
        result: object = None
        error: Exception | None = None
        try:
            result = function()
        except ConnectionError as lost:
            error = lost
        self.log(f'{run}: {name}: {store.fate.name.lower()}: {result}')
        self.timeline.after(self.choices.one_of(CALL_SECONDS), answer, result, error)

    def run_of(self, owner: str) -> Run:
        return self._runs[owner]

    def settle(self, delivery: Delivery) -> None:
        """Delete a message, or let it become visible later."""
        message = delivery.message
        retries = [outcome for outcome in delivery.outcomes if outcome.asks_for_retry]
        if self.crashes(delivery.process) or self.fate() is Fate.REQUEST_LOST:
            return
        if retries:
            delays = [outcome.delay for outcome in retries]
            delay = max(math.ceil(each) if isinstance(each, (int, float)) else 1 for each in delays)
            message.hidden_until = self.now() + delay
            self._wake(message, message.hidden_until)
            self.log(f'{delivery} comes again after {delay} s')
            return
        for subscriber, outcome in zip(SUBSCRIBERS, delivery.outcomes, strict=True):
            has_failed = outcome.status is ProcessStatus.FATAL_ERROR
            if not has_failed and not self.tracker.effects[message.id, subscriber.__name__]:
                problem = f'{delivery} is deleted, and {subscriber.__name__} has not finished it'
                raise Violation(RecordLaw.NOT_LOST, problem)
        message.is_deleted = True
        self.log(f'{delivery} is deleted')

    @property
    def _is_calm(self) -> bool:
        return self.now() >= CALM_AT

    def _wake(self, message: SentMessage, when: float) -> None:
        """Look at a message at a time, in place of the time that was planned before."""
        message.wakes_at = when
        self.timeline.at(when, self._deliver_if_visible, message, when)

    def _deliver_if_visible(self, message: SentMessage, when: float) -> None:
        if message.is_deleted or when != message.wakes_at:
            return
        if self.now() < message.hidden_until:
            self._wake(message, message.hidden_until)
            return
        if not self._deliver(message):
            self._wake(message, self.now() + 1.0)
        elif not self._is_calm and self.choices.chance(self.plan.duplicate_percent):
            self.timeline.after(self.choices.below(60), self._deliver_twice, message)

    def _deliver_twice(self, message: SentMessage) -> None:
        """Deliver a message although it is hidden, as SQS may do."""
        self._deliver(message)

    def _deliver(self, message: SentMessage) -> bool:
        """Deliver a message to a process that does not have it in flight, if there is one."""
        free = [
            each for each in self.processes if each.is_alive and message.id not in each.in_flight
        ]
        if message.is_deleted or not free:
            return False
        message.receives += 1
        hidden_until = self.now() + self.plan.visibility_timeout
        message.hidden_until = max(message.hidden_until, hidden_until)
        delivery = Delivery(self.choices.one_of(free), message)
        self.log(f'{delivery} begins')
        self.timeline.after(self.choices.one_of((0.0, 0.0, 10.0)), delivery.begin)
        self._wake(message, message.hidden_until)
        return True

    def _start_process(self, name: str, first: Process | None) -> Process:
        offset = self.choices.one_of(OFFSETS)
        return Process(self, name, offset, first.store if first else None)

    def _replace(self, process: Process) -> None:
        self.processes.remove(process)
        new = Process(self, process.name, process.offset, process.store)
        self.processes.append(new)
