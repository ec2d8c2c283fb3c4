"""The parent process: runs the commands of the supervisor, and tells it what happens.

One loop waits for signals, for messages of the child processes and for the next deadline. The
thread of the health server calls `snapshot`, and nothing else.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, DefaultSelector, SelectorKey
from signal import Signals
from threading import Lock
from time import monotonic

from mega.cli.exit_status import FAILURE, CommandError
from mega.cli.listen.child import Child
from mega.cli.listen.exposition import Family
from mega.cli.listen.hook_metrics import of_ended_process, sum_metrics
from mega.cli.listen.messages import (
    Drained,
    Failed,
    Inspected,
    InspectRequest,
    Message,
    Ready,
    Receiving,
    Reported,
    StopRequest,
    WorkerSettings,
)
from mega.cli.listen.signals import SignalReader
from mega.cli.listen.snapshot import Snapshot
from mega.cli.listen.source_polling import SourcePolling
from mega.cli.listen.supervisor import Supervisor
from mega.cli.listen.supervisor.commands import (
    Command,
    Ending,
    Kill,
    Start,
    Stop,
    SupervisorSettings,
    Tell,
)
from mega.cli.listen.supervisor.places import NEVER
from mega.cli.output import notify
from mega.logging import about, get_logger

__all__ = ('GaveUpError', 'Parent')

_log = get_logger(__name__)

_STDERR = 2
"""The file descriptor. `sys.stderr` is None if it is closed."""

_REPEATED_SIGNAL_SECONDS = 0.2
"""A signal that arrives again within this time is not a second request. `timeout` of GNU sends a
signal to a process, and at once to its process group: https://www.gnu.org/software/coreutils/timeout"""


class GaveUpError(CommandError):
    """The processes cannot start, or restarted too often."""

    def __init__(self, problem: str, exit_code: int) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


class Parent:
    """Runs child processes until a stop, the end of a drain, or a failure.

    `workers` has the settings of each target. A change of the `sources` restarts the processes.
    """

    def __init__(
        self,
        workers: Sequence[WorkerSettings],
        settings: SupervisorSettings,
        sources: SourcePolling | None = None,
    ) -> None:
        self._workers = workers
        self._supervisor = Supervisor(settings, random.uniform)
        self._sources = sources
        self._children: dict[int, Child] = {}
        self._ended: dict[str, Counter[str]] = {}
        self._ended_metrics: tuple[Family, ...] = ()
        self._stopped_at: dict[Signals, float] = {}
        self._lock = Lock()
        """Protects the fields above: the loop changes them, and another thread reads them."""

    def snapshot(self) -> Snapshot:
        """Return the state of all processes. Any thread may call it."""
        with self._lock:
            now, supervisor = monotonic(), self._supervisor
            return Snapshot(
                tuple(self._children[n].snapshot(state, now) for n, state in supervisor.states()),
                supervisor.wanted,
                {target: dict(counters) for target, counters in self._ended.items()},
                supervisor.restarts,
                supervisor.is_stopping,
                self._ended_metrics,
            )

    def run(self) -> int:
        """Run until the last process has ended, and return the exit code.

        Raises:
            GaveUpError: if the processes cannot start, or restart too often.
        """
        supervisor, self._has_terminal = self._supervisor, os.isatty(_STDERR)
        with SignalReader() as self._signals, DefaultSelector() as self._selector:
            self._selector.register(self._signals, EVENT_READ, self._read_signals)
            self._turn([])
            while not supervisor.is_finished:
                self._turn(self._selector.select(self._seconds_to_deadline()))
        if supervisor.problem:
            raise GaveUpError(supervisor.problem, supervisor.exit_code)
        return supervisor.exit_code

    def _seconds_to_deadline(self) -> float | None:
        deadline = self._supervisor.next_deadline
        if self._sources is not None:
            deadline = min(deadline, self._sources.next_at)
        return None if deadline == NEVER else max(0.0, deadline - monotonic())

    def _turn(self, events: list[tuple[SelectorKey, int]]) -> None:
        """Handle events, and run the commands that are due."""
        changes = '' if self._sources is None else self._sources.changes()
        with self._lock:
            for key, _ in events:
                key.data()
            if changes:
                self._supervisor.restart(changes, monotonic())
            self._run_commands()

    # Commands

    def _run_commands(self) -> None:
        """Run the commands of the supervisor. They are about processes that have not ended.

        Therefore this happens after each event, before the next process ends.
        """
        while (command := self._supervisor.next(monotonic())) is not None:
            self._run_command(command)

    def _run_command(self, command: Command) -> None:
        match command:
            case Start(number, target):
                self._start(number, self._workers[target])
            case Stop(number):
                self._children[number].connection.send(StopRequest())
            case Kill(number):
                self._children[number].kill()
            case Tell(text, number, is_problem):
                line = text if number is None else f'{self._name(number)} {text}'
                child = None if number is None else self._children.get(number)
                fields = {} if child is None else child.log_fields
                if is_problem:
                    _log.warning('%s', line, code='process-problem', extra=about(**fields))
                else:
                    _log.info('%s', line, extra=about(**fields))

    def _start(self, number: int, settings: WorkerSettings) -> None:
        try:
            child = Child(settings)
        except OSError as error:
            ending = Ending(FAILURE, f'a process cannot be started: {error}', FAILURE)
            self._supervisor.ended(number, ending, monotonic())
            return
        self._children[number] = child
        callback = partial(self._read_messages, number, child)
        self._selector.register(child.connection, EVENT_READ, callback)

    def _name(self, number: int) -> str:
        if number not in self._children:
            return 'a process'  # it could not be started
        child = self._children[number]
        target = f' ({child.target})' if len(self._workers) > 1 else ''
        return f'process {child.pid}{target}'

    # Events of child processes

    def _read_messages(self, number: int, child: Child) -> None:
        """Handle the messages of a process that have arrived."""
        if number in self._children:  # otherwise it has ended in this turn of the loop
            self._receive(number, child)
            self._run_commands()

    def _receive(self, number: int, child: Child) -> None:
        for message in child.connection.receive():
            self._handle_message(number, child, message)
        if child.connection.is_closed_by_peer:  # the selector would report it at once, again
            self._unregister(child)

    def _handle_message(self, number: int, child: Child, message: Message) -> None:
        now = monotonic()
        match message:
            case Receiving(grace_period, queue_name):
                child.queue_name = queue_name
                self._supervisor.receiving(number, grace_period)
            case Ready():
                self._supervisor.ready(number, now)
            case Reported(report):
                child.reported(message, now)
                self._supervisor.reported(number, child.counters['received'], report.resident_bytes)
            case Drained():
                child.has_drained = True
            case Failed():
                child.failure = message
            case Inspected(text):
                with suppress(OSError):  # stderr is closed
                    notify(text)

    def _reap(self) -> None:
        """Take the status of each process that has ended.

        They include processes of others: as process 1 of a container, this one adopts them.
        """
        while (ended := _ended_process()) is not None:
            pid, status = ended
            for number, child in list(self._children.items()):
                if child.pid == pid:
                    self._child_ended(number, child, status)

    def _child_ended(self, number: int, child: Child, status: int) -> None:
        self._receive(number, child)  # the last messages
        self._unregister(child)
        ending = child.ended(status)
        self._ended.setdefault(child.target, Counter()).update(child.counters)
        ended = of_ended_process(child.metrics)
        self._ended_metrics = sum_metrics([*self._ended_metrics, *ended])
        self._supervisor.ended(number, ending, monotonic())
        self._run_commands()
        del self._children[number]  # the commands may name it

    def _unregister(self, child: Child) -> None:
        with suppress(KeyError):
            self._selector.unregister(child.connection)

    # Signals

    def _read_signals(self) -> None:
        for number in self._signals.read():
            self._handle_signal(number)
            self._run_commands()

    def _handle_signal(self, number: Signals) -> None:
        supervisor, now = self._supervisor, monotonic()
        match number:
            case Signals.SIGCHLD:
                self._reap()
            case Signals.SIGTERM | Signals.SIGINT:
                if now >= self._stopped_at.get(number, -NEVER) + _REPEATED_SIGNAL_SECONDS:
                    self._stopped_at[number] = now
                    self._stop(number.name)
            case Signals.SIGHUP if self._has_terminal and not os.isatty(_STDERR):
                self._stop('the terminal is closed')
            case Signals.SIGHUP:
                supervisor.restart(number.name, now)
            case Signals.SIGTTIN:
                supervisor.add()
            case Signals.SIGTTOU:
                supervisor.remove(now)
            case Signals.SIGUSR1:
                for child in self._children.values():
                    child.connection.send(InspectRequest())

    def _stop(self, reason: str) -> None:
        _log.info('%s: the processes stop', reason, extra=about(reason=reason))
        self._supervisor.stop(monotonic())


def _ended_process() -> tuple[int, int] | None:
    """Return the id and the status of a process that has ended, and remove it from the system."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:  # this process has no child process
        return None
    return (pid, status) if pid else None
