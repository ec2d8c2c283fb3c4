"""The state of all child processes, as the health server shows it.

The times are ages in seconds. The parent adds the time since the report of a process to its ages,
so that a process that reports nothing more becomes old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mega.cli.listen.exposition import Family

__all__ = ('ProcessSnapshot', 'ProcessState', 'Report', 'Snapshot')


class ProcessState(Enum):
    """Whether a process loads its target, receives messages, or was told to stop."""

    STARTING = 'starting'
    READY = 'ready'
    STOPPING = 'stopping'


@dataclass(frozen=True)
class Report:
    """What a child process reports every second.

    `stats` are the fields of the listener's `stats()`: counters, and the text `transport`.
    `in_flight` is the number of messages that are received and not settled.
    `is_receiving` is false before the first receive, in a pause and during a stop. `loop_age` is
    the age of the last turn of the listener's loop, and `receive_age` of the last receive that SQS
    answered, None before the first. `wait_time_seconds` is the long poll of the listener.
    """

    stats: Mapping[str, int | str]
    is_receiving: bool
    loop_age: float
    receive_age: float | None
    wait_time_seconds: int
    resident_bytes: int
    in_flight: int = 0


@dataclass(frozen=True)
class ProcessSnapshot:
    """One child process: its target as on the command line, and its last report, if any.

    `metrics` are those of the hooks of its listener.
    """

    pid: int
    target: str
    state: ProcessState
    report: Report | None = None
    metrics: tuple[Family, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The child processes that run now, and the sums of those that ended.

    `wanted` is the number of processes that should receive messages. `ended` has the counters of
    the processes that ended, by target. `restarts` is the number of processes that ended without a
    request, and were started anew. `ended_metrics` are sums over the processes that ended.
    """

    processes: tuple[ProcessSnapshot, ...]
    wanted: int
    ended: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    restarts: int = 0
    is_stopping: bool = False
    ended_metrics: tuple[Family, ...] = ()
