"""The messages between the parent and a child process: lines of JSON on a pair of sockets.

    the child sends         when
    Receiving               its first receive begins
    Ready                   SQS has answered a receive, or keeps the first one open
    Reported                every second after Receiving, with Ready, and at its end
    Drained                 its queue is empty, with --drain
    Failed                  it ends, because of an error
    Inspected               after InspectRequest

    the parent sends        when
    StopRequest             the child must stop gracefully
    InspectRequest          the user asks for the stacks of all processes

A process that ends closes its side. A child without a parent therefore stops.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

import msgspec

from mega.cli.listen.exposition import Family
from mega.cli.listen.logs import LogSettings
from mega.cli.listen.snapshot import Report

__all__ = (
    'Connection',
    'Drained',
    'Failed',
    'InspectRequest',
    'Inspected',
    'Message',
    'Ready',
    'Receiving',
    'Reported',
    'StopRequest',
    'WorkerSettings',
)

_READ_BYTES = 65_536


@dataclass(frozen=True)
class WorkerSettings:
    """What a child process runs: the argument of its program. None keeps a setting of the target.

    `grace_period` is in seconds. With `reports_metrics`, the reports have the metrics of hooks.
    """

    target: str
    app_dir: str = '.'
    queue_url: str | None = None
    concurrency: int | None = None
    grace_period: float | None = None
    drains: bool = False
    reports_metrics: bool = False
    logs: LogSettings = field(default_factory=LogSettings)


class Receiving(msgspec.Struct, tag=True, frozen=True):
    """The first receive begins. From now on, messages may be in progress.

    After a stop, they have `grace_period` seconds. `queue_name` is for the log of the parent.
    """

    grace_period: float
    queue_name: str


class Ready(msgspec.Struct, tag=True, frozen=True):
    """SQS has answered a receive, or keeps the first one open."""


class Reported(msgspec.Struct, tag=True, frozen=True):
    """The counters and the state of the listener, and the metrics of its hooks."""

    report: Report
    metrics: tuple[Family, ...] = ()


class Drained(msgspec.Struct, tag=True, frozen=True):
    """The listener has processed the messages in its queue."""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The process ends because of a problem, with which the command ends with `exit_code`."""

    problem: str
    exit_code: int


class Inspected(msgspec.Struct, tag=True, frozen=True):
    """The counters and the stacks of the process, as lines for the user."""

    text: str


class StopRequest(msgspec.Struct, tag=True, frozen=True):
    """Stop gracefully."""


class InspectRequest(msgspec.Struct, tag=True, frozen=True):
    """Describe the counters and the stacks."""


Message: TypeAlias = (
    Receiving | Ready | Reported | Drained | Failed | Inspected | StopRequest | InspectRequest
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


class Connection:
    """One side of the connection. Any thread may send, and one thread may receive.

    A side whose socket does not block never waits for the other one. Messages to a process that
    reads nothing are then dropped, once 200 kB of them wait.
    """

    def __init__(self, side: socket.socket) -> None:
        self._socket = side
        self._lock = Lock()
        self._incomplete = b''
        self.is_closed_by_peer = False

    def fileno(self) -> int:
        """Return the file descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send a message. A peer that has ended does not receive it."""
        with self._lock, suppress(ConnectionError, BlockingIOError):
            self._socket.sendall(_encode(message) + b'\n')

    def receive(self) -> list[Message]:
        """Return the messages that have arrived, without waiting for more.

        Lines that are not messages are ignored: code in a target may write to any descriptor.
        """
        data = self._incomplete + b''.join(iter(self._read, b''))
        *lines, self._incomplete = data.split(b'\n')
        messages: list[Message] = []
        for line in lines:
            with suppress(msgspec.DecodeError):
                messages.append(_decode(line))
        return messages

    def _read(self) -> bytes:
        """Return bytes; none if no more have arrived, or will arrive."""
        try:
            data = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b''
        except ConnectionError:  # the peer ended before it read everything
            data = b''
        self.is_closed_by_peer = not data
        return data

    def close(self) -> None:
        """Close this side."""
        self._socket.close()
