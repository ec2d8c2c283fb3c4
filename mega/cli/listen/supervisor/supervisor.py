"""The supervisor: decides which processes to start, replace, stop and kill, and when to give up.

It is a state machine without processes, signals or a clock. The parent reports events to it
(methods such as `ready` and `ended`), and asks it for commands (`next`). The time never decreases.

Example: a rolling restart of two processes.

    event                    commands
                             Start(1), Start(2)
    ready(1), ready(2)
    restart()                Start(3)             in the place of process 1
    ready(3)                 Stop(1)
    ended(1)                 Start(4)             in the place of process 2
    ready(4)                 Stop(2)

There is at most one process more than there are places, and no place is without a process during
a replacement. A process that is slow to become ready, or to process a message, is never killed. A
process that was asked to stop is killed after its grace period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.listen.snapshot import ProcessState
from mega.cli.listen.supervisor.commands import (
    Command,
    Ending,
    Kill,
    Start,
    Stop,
    SupervisorSettings,
    Tell,
)
from mega.cli.listen.supervisor.places import NEVER, Place, Process
from mega.cli.listen.supervisor.restarts import (
    WINDOW_SECONDS,
    RestartLimit,
    pause_before_restart,
)

__all__ = ('Supervisor',)

STARTING, READY, STOPPING = ProcessState

_JITTER = 0.9, 1.1
"""The range of the factor of `max_messages`, so that processes are not replaced all at once."""


class Supervisor:
    """Makes the decisions for all processes of the command. `uniform(low, high)` draws the jitter.

    `next` must be called again after each event, and at `next_deadline`.
    """

    def __init__(
        self, settings: SupervisorSettings, uniform: Callable[[float, float], float]
    ) -> None:
        self._settings = settings
        self._uniform = uniform
        self._places = [
            Place(target, is_first=True)
            for _ in range(settings.processes)
            for target in range(settings.targets)
        ]
        self._processes: dict[int, Process] = {}
        self._numbers = 0
        self._now = 0.0
        self._commands: deque[Command] = deque()
        self._restarts = RestartLimit(settings.max_restarts)
        self._stop_requested = False
        self.is_stopping = False
        self.exit_code = SUCCESS
        self.problem = ''
        """Why the supervisor gave up, if it did."""

    # Queries

    @property
    def wanted(self) -> int:
        """The number of processes that should receive messages."""
        return sum(not place.is_done for place in self._places)

    @property
    def restarts(self) -> int:
        """The number of restarts until now."""
        return self._restarts.total

    @property
    def is_finished(self) -> bool:
        """Whether no process is left, and none will start."""
        is_over = self.is_stopping or all(place.is_done for place in self._places)
        return is_over and not self._processes and not self._commands

    @property
    def next_deadline(self) -> float:
        """The time at which there may be a command without an event before it."""
        times = [process.kill_at for process in self._processes.values()]
        if not self.is_stopping:
            due = (each for each in self._places if each.needs_process or each.needs_replacement)
            times += [place.start_at for place in due]
        # A place whose time is over waits for the end of a replacement, which is an event.
        return min((time for time in times if time > self._now), default=NEVER)

    def states(self) -> Iterator[tuple[int, ProcessState]]:
        """Yield the number and the state of each process."""
        for process in self._processes.values():
            yield process.number, process.state

    # Events

    def receiving(self, number: int, grace_period: float) -> None:
        """A process makes its first receive, which SQS may refuse."""
        process = self._processes[number]
        process.is_receiving, process.grace_period = True, grace_period

    def ready(self, number: int, now: float) -> None:
        """SQS has answered a receive of a process, or keeps its first one open."""
        process = self._processes[number]
        if process.state is not STARTING:
            return
        process.state = READY
        place = process.place
        place.is_first, place.failures = False, 0
        self._tell('is ready', process)
        for other in place.serving:
            if other is not process:
                self._stop(other, now)

    def reported(self, number: int, messages: int, resident_bytes: int) -> None:
        """A process has received this number of messages, and uses this memory."""
        process, max_bytes = self._processes[number], self._settings.max_bytes
        if process.state is not READY or process.is_worn:
            return
        if messages >= process.max_messages:
            process.is_worn = True
            self._tell(f'has received {messages:,} messages, and is replaced', process)
        elif max_bytes is not None and resident_bytes > max_bytes:
            process.is_worn = True
            size = resident_bytes // 1_000_000
            self._tell(f'uses {size:,} MB of memory, and is replaced', process)

    def ended(self, number: int, ending: Ending, now: float) -> None:
        """A process ended, or could not be started."""
        process = self._processes.pop(number)
        place = process.place
        place.processes.remove(process)
        if process.state is STOPPING:
            self._stopped(process, ending)
        elif ending.has_drained:
            place.is_done, place.is_first = True, False
            self._tell('has drained its queue', process)
        elif process.state is STARTING:
            self._could_not_start(process, ending, now)
        else:
            self._tell(str(ending), process, is_problem=True)
            if not place.serving:
                self._restart(place, now)

    def stop(self, now: float) -> None:
        """Stop all processes. A second call kills them."""
        if self._stop_requested:
            self.exit_code = FAILURE
            self._tell('a second signal: the processes are killed', is_problem=True)
            for process in self._processes.values():
                self._kill(process)
        self._stop_requested = True
        self._begin_stop(now)

    def restart(self, reason: str, now: float) -> None:
        """Replace all processes, one after another. `reason` is for the log."""
        if self.is_stopping:
            return
        self._tell(f'{reason}: the processes are replaced')
        for process in list(self._processes.values()):
            if process.state is STARTING:
                self._stop(process, now)  # it may have loaded the old code
            else:
                process.is_outdated = True
        for place in self._places:
            place.start_at, place.failures = now, 0

    def add(self) -> None:
        """Add a place for each target."""
        if self.is_stopping:
            return
        self._places += [Place(target) for target in range(self._settings.targets)]
        self._tell(f'one process more per target: {self.wanted} in total')

    def remove(self, now: float) -> None:
        """Remove a place of each target, and stop its processes. One place remains."""
        if self.is_stopping:
            return
        for target in range(self._settings.targets):
            places = [place for place in self._places if place.target == target]
            if len(places) == 1:
                self._tell('one process per target remains', is_problem=True)
                return
            self._places.remove(places[-1])
            for process in places[-1].serving:
                self._stop(process, now)
        self._tell(f'one process less per target: {self.wanted} in total')

    # Decisions

    def next(self, now: float) -> Command | None:
        """Return the next command; None: there is nothing to do before an event or a deadline."""
        self._now = now
        if not self._commands:
            self._decide(now)
        return self._commands.popleft() if self._commands else None

    def _decide(self, now: float) -> None:
        for process in self._processes.values():
            if now >= process.kill_at:
                self._tell('is killed: it did not end in its grace period', process, True)
                self._kill(process)
        if self.is_stopping:
            return
        for place in self._places:
            if place.needs_process and self._may_start(place, now):
                self._start(place)
        for place in self._places:
            if place.needs_replacement and self._may_start(place, now):
                self._start(place)

    def _may_start(self, place: Place, now: float) -> bool:
        """Return whether a process may start: without a pause, and beside at most one other."""
        if now < place.start_at:
            return False
        return not place.processes or all(len(each.processes) < 2 for each in self._places)

    def _start(self, place: Place) -> None:
        self._numbers += 1
        process = Process(self._numbers, place)
        if self._settings.max_messages is not None:
            process.max_messages = self._settings.max_messages * self._uniform(*_JITTER)
        place.processes.append(process)
        self._processes[process.number] = process
        self._commands.append(Start(process.number, place.target))

    def _stop(self, process: Process, now: float) -> None:
        if process.state is not STOPPING:
            process.state, process.stopped_at = STOPPING, now
            self._commands.append(Stop(process.number))

    def _kill(self, process: Process) -> None:
        if not process.is_killed:
            process.is_killed = True
            self._commands.append(Kill(process.number))

    def _begin_stop(self, now: float) -> None:
        self.is_stopping = True
        for process in self._processes.values():
            self._stop(process, now)

    def _give_up(self, exit_code: int, problem: str, now: float) -> None:
        if not self.is_stopping:
            self.exit_code, self.problem = exit_code, problem
            self._begin_stop(now)

    def _stopped(self, process: Process, ending: Ending) -> None:
        """React to the end of a process that was asked to stop.

        A process that did not receive had no messages. Its exit code has no effect.
        """
        if ending.status == 0 or not (process.is_receiving or process.is_killed):
            self._tell('has stopped', process)
            return
        self._tell(f'{ending} during its stop', process, is_problem=True)
        if self.is_stopping:
            self.exit_code = self.exit_code or FAILURE

    def _could_not_start(self, process: Process, ending: Ending, now: float) -> None:
        place = process.place
        is_crash = process.is_receiving and not ending.problem  # perhaps because of a message
        if place.serving:
            self._tell(f'{ending}. The old process remains', process, is_problem=True)
            place.start_at = now + self._next_pause(place)
            for other in self._processes.values():
                other.is_outdated = False
        elif is_crash or not any(each.is_first for each in self._places):
            self._tell(f'{ending} before it was ready', process, is_problem=True)
            self._restart(place, now)
        elif self._settings.waits_for_change:
            self._wait_for_change(place, process, ending)
        else:
            unknown = f'a process {ending} before it was ready'
            self._give_up(ending.exit_code, ending.problem or unknown, now)

    def _restart(self, place: Place, now: float) -> None:
        """Start a process in an empty place after a pause, or give up."""
        limit = self._settings.max_restarts
        if self._restarts.allows(now):
            pause = self._next_pause(place)
            place.start_at = now + pause
            self._tell(f'a new process starts in {pause:g} s')
        elif self._settings.waits_for_change:
            place.start_at = NEVER
            self._tell('too many restarts: waiting for a change', is_problem=True)
        else:
            seconds = f'{WINDOW_SECONDS:.0f} s'
            problem = f'more restarts in {seconds} than --max-restarts allows ({limit})'
            self._give_up(FAILURE, problem, now)

    def _next_pause(self, place: Place) -> float:
        pause = pause_before_restart(place.failures)
        place.failures += 1
        return pause

    def _wait_for_change(self, place: Place, process: Process, ending: Ending) -> None:
        place.start_at = NEVER
        self._tell(f'{ending}. Waiting for a change', process, is_problem=True)

    def _tell(self, text: str, process: Process | None = None, is_problem: bool = False) -> None:
        self._commands.append(Tell(text, process.number if process else None, is_problem))
