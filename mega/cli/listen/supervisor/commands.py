"""What the supervisor decides, and what it must know.

A process has a number, which no other process gets. Times are in seconds.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TypeAlias

from mega.cli.exit_status import TARGET

__all__ = ('Command', 'Ending', 'Kill', 'Start', 'Stop', 'SupervisorSettings', 'Tell')


@dataclass(frozen=True)
class SupervisorSettings:
    """The options of the command that the supervisor needs.

    `processes` is the number for each of the `targets`. With `waits_for_change`, the supervisor
    does not give up: it waits for the next change of the sources. `max_messages` and `max_bytes`
    are the limits of a process.
    """

    targets: int = 1
    processes: int = 1
    waits_for_change: bool = False
    max_restarts: int = 10
    max_messages: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    `status` is its exit code, or the negative number of the signal that ended it. `problem` is the
    line in which it reported why, and `exit_code` is that of the command if it gives up for that.
    `has_drained` says that it has processed the messages in its queue.
    """

    status: int
    problem: str = ''
    exit_code: int = TARGET
    has_drained: bool = False

    def __str__(self) -> str:
        if self.problem:
            return f'failed: {self.problem}'
        if self.status >= 0:
            return f'ended with exit code {self.status}'
        return f'was ended by {signal.Signals(-self.status).name}'


@dataclass(frozen=True)
class Start:
    """Start a process of a target. Both are numbers, that of the target is its index."""

    number: int
    target: int


@dataclass(frozen=True)
class Stop:
    """Ask a process to stop after the messages in processing."""

    number: int


@dataclass(frozen=True)
class Kill:
    """End a process at once."""

    number: int


@dataclass(frozen=True)
class Tell:
    """Log a line for the user: about the process `number`, whose name precedes the text."""

    text: str
    number: int | None = None
    is_problem: bool = False


Command: TypeAlias = Start | Stop | Kill | Tell
