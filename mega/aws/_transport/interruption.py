"""Interruption of calls: a long poll takes up to 20 seconds, and a stop must not wait for it.

To interrupt a call, the write side of its socket is shut down. Most servers then end the request,
and a response that was on its way is still read: no message is lost. Whether SQS does so is
unverified. In the worst case, a message that SQS returns to the abandoned poll stays invisible for
one visibility timeout. A call that does not end is interrupted `at_once`: reading ends, too.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mega.aws._transport.botocore_private import http_session
from mega.aws._transport.time_limits import TimeLimitExceeded, current_limit, open_within_limit
from mega.aws._transport.watchdog import shut_down, watchdog

__all__ = ('CallInterrupted', 'CallInterrupter', 'current_interrupter', 'make_interruptible')


class CallInterrupted(BaseException):
    """The interrupter refuses new calls. Not an `Exception`: botocore would retry the call."""


class CallInterrupter:
    """Interrupts the calls of threads within `interruptible`. Safe to share among threads."""

    def __init__(self) -> None:
        self.is_interrupting = False
        self._lock = threading.Lock()
        self._calls: dict[int, Any] = {}
        self._interrupted: set[int] = set()

    @property
    def interrupted_last_call(self) -> bool:
        """Whether this thread's last interruptible call was interrupted, also after a `reset`."""
        return threading.get_ident() in self._interrupted

    @contextmanager
    def interruptible(self, client: Any) -> Iterator[None]:
        """Let the calls that this thread makes in the block be interrupted.

        Raises:
            CallInterrupted: when a call would begin after `interrupt`.
        """
        make_interruptible(client)
        thread = threading.get_ident()
        self._interrupted.discard(thread)
        _state.interrupter = self
        try:
            yield
        finally:
            _state.interrupter = None
            with self._lock:
                self._calls.pop(thread, None)

    def interrupt(self, *, at_once: bool = False) -> None:
        """End the current calls, and refuse new ones until `reset`.

        Repeat it until all calls have ended: a call that is about to begin may be missed.
        With `at_once`, a response that is on its way is lost.
        """
        how = socket.SHUT_RDWR if at_once else socket.SHUT_WR
        with self._lock:
            self.is_interrupting = True
            self._interrupted.update(self._calls)
            for connection in self._calls.values():
                shut_down(connection, how)

    def reset(self) -> None:
        """Allow calls again."""
        self.is_interrupting = False

    def on_request_start(self, connection: Any) -> None:
        """Register the connection of this thread's call.

        Raises:
            CallInterrupted: after `interrupt`.
        """
        with self._lock:
            if self.is_interrupting:
                raise CallInterrupted
            self._calls[threading.get_ident()] = connection

    def on_request_end(self, connection: Any) -> None:
        """Forget a connection: from now on it is idle, or serves another call."""
        with self._lock:
            for thread, other in list(self._calls.items()):
                if other is connection:
                    del self._calls[thread]


_state = threading.local()


def current_interrupter() -> CallInterrupter | None:
    """Return the interrupter whose `interruptible` block this thread is in."""
    return getattr(_state, 'interrupter', None)


def make_interruptible(client: Any) -> None:
    """Make the connections of a botocore client interruptible, once.

    Without the private names of botocore that this needs, a poll only ends by itself.
    """
    session, classes = http_session(client) or (None, {})
    if session is None or any(hasattr(pool, 'is_interruptible') for pool in classes.values()):
        return
    for scheme, pool in classes.items():
        bases = (_InterruptibleConnection, pool.ConnectionCls)
        members = {'ConnectionCls': type('Connection', bases, {}), 'is_interruptible': True}
        classes[scheme] = type('InterruptiblePool', (pool,), members)
    session.close()  # the connections that are open are of the other class


class _InterruptibleConnection:
    """Mixin for the connection classes of urllib3 and botocore: interruption and time limits."""

    is_interrupted = False
    _has_served = False
    _interrupter: CallInterrupter | None = None

    def connect(self) -> None:
        connection: Any = super()
        self._has_served = False
        with _time_limit_errors():
            open_within_limit(connection.connect, lambda _: self._close())

    def request(self, *arguments: Any, **options: Any) -> None:
        connection: Any = super()
        limit = current_limit()
        if self._interrupter is not None:
            self._interrupter.on_request_end(self)
        watchdog.watch(self, None if limit is None else limit.ends_at)
        is_repetition = limit is not None and limit.is_repetition
        # An interrupted call that was answered nevertheless leaves its connection in the pool.
        if self.is_interrupted or (is_repetition and self._has_served):
            self.is_interrupted = False
            connection.close()
        self._interrupter = current_interrupter()
        if self._interrupter is not None:
            self._interrupter.on_request_start(self)
        with _time_limit_errors():
            connection.request(*arguments, **options)

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        connection: Any = super()
        self._has_served = True
        with _time_limit_errors():
            return connection.getresponse(*arguments, **options)

    def _close(self) -> None:
        connection: Any = super()
        connection.close()


@contextmanager
def _time_limit_errors() -> Iterator[None]:
    """Raise `TimeLimitExceeded` for an error after the time limit: botocore would retry others."""
    limit = current_limit()
    if limit is not None and not limit.seconds_left:
        raise TimeLimitExceeded
    try:
        yield
    except Exception:
        if limit is not None and not limit.seconds_left:
            raise TimeLimitExceeded from None
        raise
