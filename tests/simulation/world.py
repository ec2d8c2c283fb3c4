"""The queue, the network and the processes of one schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from tests.simulation.choices import Choices
from tests.simulation.front_end import QueueFrontEnd
from tests.simulation.laws import Law, Violation
from tests.simulation.network import Network
from tests.simulation.plan import Disturbance, Plan
from tests.simulation.process import ListenerProcess
from tests.simulation.timeline import Timeline
from tests.simulation.tracking import SentMessage, TrackedReceipt

__all__ = ('World',)

_LETTERS = 'ABC'

_DRAINING = 5.0
"""The maximum number of seconds of two consecutive receives at the end of a drain."""


class World:
    """Runs one schedule: first with the faults of the plan, then without faults.

    The queue must become empty. Then all processes are stopped. `trace` receives a line for each
    event, if it is given.
    """

    def __init__(self, choices: Choices, trace: Callable[[str], None] | None = None) -> None:
        self.choices = choices
        self.trace = trace
        self.plan = plan = Plan.draw(choices)
        self.timeline = Timeline()
        settings = plan.settings
        self.network = Network(
            choices,
            min(1.0, settings.visibility_timeout / 10),
            plan.fault_percent,
            plan.fates,
            plan.dead_letter_faults,
        )
        self.queue = QueueFrontEnd(
            settings.is_fifo,
            plan.queue_behaviour,
            choices,
            self.timeline,
            self._expired,
        )
        self.policy = structs.replace(plan.policy, uniform=choices.uniform)
        self.has_retries = plan.has_retries
        self._is_calm = False
        self._started = 0
        self._to_send = len(plan.sent_at)
        self._processes: list[ListenerProcess] = []

    def run(self) -> None:
        """Run the schedule.

        Raises:
            Violation: if the schedule violates a law.
        """
        self._schedule_events()
        latest = self.plan.calm_at + self._time_limit()
        while not self._is_done():
            if not self.timeline.step() or self.timeline.now > latest:
                left = ' '.join(self.queue.messages)
                raise Violation(Law.NOTHING_LOST, f'still in the queue: {left}')
        self._wait_for_drains()
        for process in self._processes:
            process.stop()
        while any(process.is_alive for process in self._processes):
            if not self.timeline.step():
                raise Violation(Law.STOP_ENDS, 'a process runs forever after a stop')

    def _wait_for_drains(self) -> None:
        latest = self.timeline.now + self._time_limit()
        while any(process.is_alive and process.is_draining for process in self._processes):
            if not self.timeline.step() or self.timeline.now > latest:
                raise Violation(Law.DRAINED, 'the queue is empty, and a drain continues')

    def _is_done(self) -> bool:
        return self._is_calm and not self._to_send and not self.queue.messages

    def duration(self) -> float:
        """Return the seconds of processing of a message."""
        return 0.1 if self._is_calm else self.choices.one_of(self.plan.durations)

    def body_time(self) -> float:
        """Return the seconds until the body of a message is there."""
        is_quick = self._is_calm or len(self.plan.body_times) == 1
        return 0.0 if is_quick else self.choices.one_of(self.plan.body_times)

    def event_loop_delay(self) -> float:
        """Return the seconds for which another coroutine blocks the event loop."""
        if self._is_calm:
            return 0.0
        timeout = self.plan.settings.visibility_timeout
        return self.choices.one_of((0.0, 0.0, 0.0, 0.3, 0.4 * timeout, 1.5 * timeout))

    def ended(self, process: ListenerProcess) -> None:
        """A process ended. Without faults, another process replaces it."""
        plan = self.plan
        if self._is_calm:
            self._ensure_listener()
        elif self._must_drain and plan.processes == 1 and not plan.disturbances:
            self._check_drained()

    @property
    def _must_drain(self) -> bool:
        settings = self.plan.settings
        is_limited = settings.max_messages is not None or settings.timeout is not None
        return settings.until_empty and not is_limited

    def note(self, *words: object) -> None:
        if self.trace is not None:
            self.trace(f'{self.timeline.now:10.3f}  {" ".join(map(str, words))}')

    def _schedule_events(self) -> None:
        plan, timeline = self.plan, self.timeline
        if self.trace is not None:
            self.trace(str(plan))
        for number, when in enumerate(plan.sent_at):
            timeline.at(when, self._send, number)
        for _ in range(plan.processes):
            timeline.at(0.0, self._start_process)
        for disturbance in plan.disturbances:
            timeline.at(disturbance.when, self._disturb, disturbance)
        timeline.at(plan.calm_at, self._calm_down)

    def _send(self, number: int) -> None:
        group = number % self.plan.groups
        place = number // self.plan.groups
        if self.plan.settings.is_fifo:
            letter = _LETTERS[group]
            message = SentMessage(f'{letter}{place}', letter, place, self.timeline.now)
        else:
            message = SentMessage(f'm{number}', None, number, self.timeline.now)
        self._to_send -= 1
        self.note('sent', message.name)
        self.queue.send(message)
        if self._is_calm:
            self._ensure_listener()

    def _start_process(self) -> None:
        if self._is_done():
            return
        settings = self.plan.settings
        if self._is_calm:
            settings = structs.replace(settings, until_empty=False, max_messages=None, timeout=None)
        self._started += 1
        self._processes.append(ListenerProcess(self, f'p{self._started}', settings))

    def _disturb(self, disturbance: Disturbance) -> None:
        process = self._processes[disturbance.process]
        ends = self.timeline.now + disturbance.later
        if disturbance.kind == 'pause':
            process.pause()
            self.timeline.at(ends, process.resume)
            return
        if disturbance.kind == 'stop':
            process.stop()
        else:
            process.crash()
        self.timeline.at(ends, self._start_process)

    def _calm_down(self) -> None:
        self.note('faults end')
        self._is_calm = True
        self.has_retries = False
        self.network.calm_down()
        decisions = self.queue.decisions
        decisions.behaviour = replace(decisions.behaviour, duplicates=0)
        for process in list(self._processes):
            process.resume()
        self._ensure_listener()

    def _ensure_listener(self) -> None:
        alive = [process for process in self._processes if process.is_alive]
        if all(process.engine.is_stopping for process in alive) and self.queue.messages:
            self._start_process()

    def _expired(self, receipt: TrackedReceipt) -> None:
        self.note('visible:', receipt)
        process: ListenerProcess | None = receipt.owner
        if process is None:
            return
        # The engine knows the end of a visibility timeout only as precisely as the network allows.
        self.timeline.after(1.5 * self.network.margin, process.check_overdue, receipt)
        if self.plan.is_faultless and process.is_alive and not process.engine.is_stopping:
            process.laws.expired(receipt)

    def _check_drained(self) -> None:
        plan = self.plan
        # Messages that were sent after the last two receives do not count.
        seen = self.timeline.now - _DRAINING
        # A completed message that could not be deleted stays, and so do those behind it.
        messages = list(self.queue.messages.values())
        blocked = {each.group for each in messages if each.is_completed}
        left = [
            each.name
            for each in messages
            if each.sent_at < seen
            and not each.is_completed
            and not (plan.settings.is_fifo and each.group in blocked)
        ]
        if left and plan.is_faultless and not (plan.has_retries or plan.dead_letter_faults):
            raise Violation(Law.DRAINED, f'still in the queue: {" ".join(left)}')

    def _time_limit(self) -> float:
        """Return the seconds without faults within which the queue must become empty."""
        of_slow_receives = 60.0 * len(self.plan.sent_at) if self.plan.slowness else 0.0
        return 900.0 + 8 * self.plan.settings.visibility_timeout + of_slow_receives
