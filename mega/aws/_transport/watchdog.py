"""The watchdog: ends calls on connections of botocore at their time limit.

botocore can limit one read of a response, but not the whole response. A thread therefore shuts down
the connection of a call that reaches its limit. It exists only while there are limits.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from msgspec import Struct

from mega.aws._executor import start_daemon_thread

__all__ = ('Watchdog', 'shut_down', 'watchdog')

_NEVER = float('inf')


def shut_down(connection: Any, how: int) -> None:
    """Shut down the socket of a connection, which is not used again.

    A connection is any object with a `sock` and an `is_interrupted`.
    """
    connection.is_interrupted = True
    with suppress(AttributeError, OSError, TypeError):  # it may have no socket now
        # Below TLS: `SSLSocket.shutdown` would end reading as well.
        socket.socket.shutdown(connection.sock, how)


class _Call(Struct, frozen=True):
    connection: Any
    ends_at: float


class Watchdog:
    """Watches the calls of threads, one for each. Safe to share among threads.

    Without a thread of its own, because the process has too many, a call ends by its own timeouts.
    """

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._ended: set[int] = set()
        self._changed = threading.Condition()
        self._wakes_at = _NEVER
        self._is_running = False

    @property
    def has_ended_call(self) -> bool:
        """Whether the watchdog ended this thread's call, whose response may be incomplete."""
        return threading.get_ident() in self._ended

    def watch(self, connection: Any, ends_at: float | None) -> None:
        """Shut down the connection of this thread's call at that time; None: do not.

        The previous call on the connection has ended, and is not watched any more.
        """
        if ends_at is None and not self._calls:
            return
        with self._changed:
            for thread, call in list(self._calls.items()):
                if call.connection is connection:
                    del self._calls[thread]
            if ends_at is not None:
                self._ended.discard(threading.get_ident())
                self._calls[threading.get_ident()] = _Call(connection, ends_at)
                if ends_at < self._wakes_at:
                    self._wakes_at = ends_at
                    self._wake()

    def release(self) -> None:
        """End the watch of this thread's call."""
        if self._calls or self._ended:
            with self._changed:
                self._calls.pop(threading.get_ident(), None)
                self._ended.discard(threading.get_ident())

    def _wake(self) -> None:
        if self._is_running:
            self._changed.notify()
            return
        try:
            start_daemon_thread('mega-watchdog', self._run)
            self._is_running = True
        except RuntimeError:  # the next call tries again
            self._wakes_at = _NEVER

    def _run(self) -> None:
        with self._changed:
            while self._calls:
                now = time.monotonic()
                for thread, call in list(self._calls.items()):
                    if call.ends_at <= now:
                        del self._calls[thread]
                        self._ended.add(thread)
                        shut_down(call.connection, socket.SHUT_RDWR)
                self._wakes_at = min((call.ends_at for call in self._calls.values()), default=now)
                # Nothing wakes this thread at the end of a call. A call with an earlier limit does.
                self._changed.wait(max(0.0, self._wakes_at - now))
            self._is_running = False
            self._wakes_at = _NEVER


watchdog = Watchdog()
if hasattr(os, 'register_at_fork'):  # a fork copies neither the thread nor the owner of the lock
    os.register_at_fork(after_in_child=lambda: watchdog.__init__())  # type: ignore[misc]
