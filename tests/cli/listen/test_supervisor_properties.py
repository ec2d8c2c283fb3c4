"""Laws of the supervisor, for any order of events."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mega.cli.listen.snapshot import ProcessState
from mega.cli.listen.supervisor.commands import Kill, Start, Stop
from mega.cli.listen.supervisor.places import KILL_MARGIN, NEVER
from tests.cli.listen.supervision import GRACE, Supervision

STARTING, READY, STOPPING = ProcessState
SETTINGS: Any = st.fixed_dictionaries(
    {
        'targets': st.integers(1, 2),
        'processes': st.integers(1, 3),
        'waits_for_change': st.booleans(),
        'max_restarts': st.integers(0, 3),
        'max_messages': st.just(100),
    }
)


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Processes become ready, fail, end and are slow, and the user sends any signals."""

    @initialize(settings=SETTINGS, can_start=st.booleans())
    def start(self, settings: dict[str, Any], can_start: bool) -> None:
        self.supervision = Supervision(**settings)
        if can_start:
            self.supervision.ready(*self.supervision.processes)
        self.events = 0
        self.waits_for_change = settings['waits_for_change']
        self.stopped_at: dict[int, float] = {}
        self.stops = 0
        self.failed_in_stop = False

    def after(self, commands: list[Start | Stop | Kill], expected_stops: int = 0) -> None:
        """Check the commands after one event."""
        self.events += 1
        stops = [each.number for each in commands if isinstance(each, Stop)]
        if not self.is_stopping:
            assert len(stops) <= expected_stops
        for command in commands:
            if isinstance(command, Kill):
                self.check_kill(command.number)
        if self.is_stopping:
            assert not any(isinstance(each, Start) for each in commands)
        self.stopped_at.update(dict.fromkeys(stops, self.supervision.now))

    def check_kill(self, number: int) -> None:
        """No process is killed for being slow to become ready or to process a message."""
        grace = GRACE if number in self.supervision.receiving else 0.0
        is_late = self.supervision.now >= self.stopped_at[number] + grace + KILL_MARGIN
        assert is_late or self.stops == 2

    @property
    def is_stopping(self) -> bool:
        return self.supervision.supervisor.is_stopping

    def draw(self, data: st.DataObject, *states: ProcessState) -> int:
        found = [n for n, state in self.supervision.processes.items() if state in states]
        return data.draw(st.sampled_from(found))

    def has(self, *states: ProcessState) -> bool:
        return any(state in states for state in self.supervision.processes.values())

    @precondition(lambda self: self.has(STARTING))
    @rule(data=st.data())
    def begin_to_receive(self, data: st.DataObject) -> None:
        self.after(self.supervision.receive(self.draw(data, STARTING)))

    @precondition(lambda self: self.has(STARTING))
    @rule(data=st.data())
    def become_ready(self, data: st.DataObject) -> None:
        ready = self.supervision.ready(self.draw(data, STARTING))
        self.after(ready, expected_stops=1)

    @precondition(lambda self: self.has(*ProcessState))
    @rule(data=st.data(), status=st.sampled_from([0, 1, -9]))
    def end(self, data: st.DataObject, status: int) -> None:
        number = self.draw(data, *ProcessState)
        if number in self.supervision.killed:
            status = -9
        is_killed = number in self.supervision.killed
        may_have_messages = number in self.supervision.receiving
        if self.is_stopping and status != 0 and (may_have_messages or is_killed):
            self.failed_in_stop = True
        self.after(self.supervision.end(number, status))

    @precondition(lambda self: self.has(READY))
    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        self.after(self.supervision.drained(self.draw(data, READY)))

    @precondition(lambda self: self.has(READY))
    @rule(data=st.data())
    def exceed_the_messages(self, data: st.DataObject) -> None:
        self.after(self.supervision.report(self.draw(data, READY), messages=200))

    @rule()
    def restart(self) -> None:
        starting = list(self.supervision.processes.values()).count(STARTING)
        self.after(self.supervision.restart(), expected_stops=starting)

    @rule()
    def add(self) -> None:
        if self.supervision.supervisor.wanted < 9:
            self.after(self.supervision.add())

    @rule()
    def remove(self) -> None:
        self.after(self.supervision.remove(), expected_stops=len(self.supervision.processes))

    @rule()
    def wait(self) -> None:
        if self.supervision.supervisor.next_deadline < NEVER:
            self.after(self.supervision.wait())

    @rule(seconds=st.floats(0, 100))
    def let_time_pass(self, seconds: float) -> None:
        self.supervision.now += seconds
        self.after(self.supervision.step())

    @precondition(lambda self: self.events > 10)
    @rule()
    def stop(self) -> None:
        self.stops = min(self.stops + 1, 2)
        self.after(self.supervision.stop())

    @invariant()
    def there_is_at_most_one_process_more_than_places(self) -> None:
        supervision = self.supervision
        if not self.is_stopping:
            places = supervision.supervisor._places
            assert sum(len(place.processes) for place in places) <= len(places) + 1
        assert {n for n, _ in supervision.supervisor.states()} == set(supervision.processes)

    @invariant()
    def a_process_that_is_wanted_runs_or_is_due(self) -> None:
        supervision = self.supervision
        serving = sum(state is not STOPPING for state in supervision.processes.values())
        missing = supervision.supervisor.wanted - serving
        if self.is_stopping or self.waits_for_change or missing <= 0:
            return
        assert supervision.supervisor.next_deadline < NEVER or self.has(STOPPING)

    def teardown(self) -> None:
        """Every stop ends within the grace period, with the right exit code."""
        if not hasattr(self, 'supervision'):
            return
        supervision = self.supervision
        if not self.stops and not supervision.supervisor.is_finished:
            self.stop()
        while supervision.supervisor.next_deadline < NEVER:
            self.wait()
        assert set(supervision.processes) <= supervision.killed
        for number in list(supervision.processes):
            self.end_killed(number)
        code = supervision.exit_code
        assert code is not None
        if self.stops == 2:
            assert code == 1
        elif supervision.supervisor.problem:
            assert code in (1, 3)
        else:
            assert code == self.failed_in_stop

    def end_killed(self, number: int) -> None:
        self.failed_in_stop = True
        self.supervision.end(number, -9)


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase
