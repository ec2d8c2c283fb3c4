"""A child process, as the parent sees it: its start, its messages and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from mega.cli.listen.exposition import Family
from mega.cli.listen.messages import Connection, Failed, Reported, WorkerSettings
from mega.cli.listen.signals import blocked_signals
from mega.cli.listen.snapshot import ProcessSnapshot, ProcessState, Report
from mega.cli.listen.supervisor.commands import Ending

__all__ = ('Child',)

_PROGRAM = 'mega.cli.listen.worker'


class Child:
    """A child process, which starts at once, in a new interpreter.

    The parent reports the end of the process to `ended`. Nothing else may wait for the process: its
    status can be read once, and then its id may belong to another process.

    Raises:
        OSError: if the process cannot be started.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.target = settings.target
        self.has_drained = False
        self.queue_name: str | None = None
        self.failure: Failed | None = None
        self.metrics: tuple[Family, ...] = ()
        self._report: Report | None = None
        self._reported_at = 0.0
        parent_side, child_side = socket.socketpair()
        with child_side:
            try:
                self._process = _start(settings, child_side.fileno())
            except OSError:
                parent_side.close()
                raise
        parent_side.setblocking(False)
        self.connection = Connection(parent_side)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields of a log record about the process. It says its queue when it receives."""
        queue = {} if self.queue_name is None else {'queue': self.queue_name}
        return {**queue, 'target': self.target, 'child_process': self.pid}

    def kill(self) -> None:
        """End the process at once."""
        os.kill(self.pid, signal.SIGKILL)  # `Popen.kill` would take its status first

    def reported(self, reported: Reported, now: float) -> None:
        """Keep the last report, and its time."""
        self._report, self.metrics, self._reported_at = reported.report, reported.metrics, now

    @property
    def counters(self) -> Mapping[str, int]:
        """The counters in the last report."""
        stats = {} if self._report is None else self._report.stats
        return {name: value for name, value in stats.items() if isinstance(value, int)}

    def snapshot(self, state: ProcessState, now: float) -> ProcessSnapshot:
        """Return the state for the health server."""
        report = self._report
        if report is not None:
            age = now - self._reported_at
            receive_age = None if report.receive_age is None else report.receive_age + age
            report = replace(report, loop_age=report.loop_age + age, receive_age=receive_age)
        return ProcessSnapshot(self.pid, self.target, state, report, self.metrics)

    def ended(self, status: int) -> Ending:
        """Return how the process ended, and close the connection. `status` is of `waitpid`."""
        self.connection.close()
        exit_code = os.waitstatus_to_exitcode(status)
        self._process.returncode = exit_code  # otherwise it would wait for the process, too
        if self.failure is None:
            return Ending(exit_code, has_drained=self.has_drained)
        return Ending(exit_code, self.failure.problem, self.failure.exit_code)


def _start(settings: WorkerSettings, descriptor: int) -> subprocess.Popen[bytes]:
    """Start the program of a child process. The standard streams are those of the parent."""
    argument = msgspec.json.encode(settings).decode()
    command = [sys.executable, '-m', _PROGRAM, str(descriptor), argument]
    with blocked_signals():
        return subprocess.Popen(command, pass_fds=(descriptor,))
