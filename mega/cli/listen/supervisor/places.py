"""The places for processes. A place has one process, and two while it replaces one.

start -> STARTING -> READY -> STOPPING -> ended
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mega.cli.listen.snapshot import ProcessState

__all__ = ('KILL_MARGIN', 'NEVER', 'Place', 'Process')

NEVER = float('inf')

KILL_MARGIN = 5.0
"""Seconds after the grace period before a process is killed. In this time, the listener releases
the messages that are still in processing, and the process ends."""

STARTING, READY, STOPPING = ProcessState


@dataclass(eq=False)
class Process:
    """A process: its state, and whether it must be replaced.

    An outdated process runs old code. A worn one exceeded a limit of messages or memory.
    Before the process `is_receiving` it has no messages, and its `grace_period` is 0.
    """

    number: int
    place: Place
    max_messages: float = NEVER
    state: ProcessState = STARTING
    is_receiving: bool = False
    grace_period: float = 0.0
    stopped_at: float = NEVER
    is_outdated: bool = False
    is_worn: bool = False
    is_killed: bool = False

    @property
    def kill_at(self) -> float:
        """The time at which it is killed, unless it ends before."""
        return NEVER if self.is_killed else self.stopped_at + self.grace_period + KILL_MARGIN


@dataclass(eq=False)
class Place:
    """A place for a process of a target.

    No process starts before `start_at`. `failures` counts the consecutive processes that ended
    before they were ready. `is_first` is true until the first process is ready, if the place exists
    from the start. The work of a place that `is_done` is complete.
    """

    target: int
    is_first: bool = False
    processes: list[Process] = field(default_factory=list)
    start_at: float = 0.0
    failures: int = 0
    is_done: bool = False

    @property
    def serving(self) -> list[Process]:
        """The processes that were not asked to stop."""
        return [each for each in self.processes if each.state is not STOPPING]

    @property
    def needs_process(self) -> bool:
        """Whether a process must start, because no other one will serve."""
        return not self.is_done and not self.serving

    @property
    def needs_replacement(self) -> bool:
        """Whether a process must start that replaces the present one."""
        if len(self.processes) != 1:
            return False
        [process] = self.processes
        return process.state is READY and (process.is_outdated or process.is_worn)
