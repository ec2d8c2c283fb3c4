"""The connections of botocore's clients: a shorter way for calls, and an end for a long poll.

A long poll takes up to 20 seconds, and a stop must not. So a connection can be broken off: it is
first closed for writing alone. A server that notices ends the call, and what it had answered before
that is still read: no message is lost to somebody who has gone. Where nothing comes of it, the
connection is closed altogether, by whoever breaks off, a moment later.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from mega.aws._transport.connection_pool import Exchanging

__all__ = ('CallInterrupted', 'CallInterrupter', 'adapt')

_EXCHANGED = ('sns', 'sqs')
"""Services all of whose requests are small, and whose answers are no streams."""


class CallInterrupted(BaseException):
    """A call was not made any more. Not an `Exception`, or botocore would try again."""


class CallInterrupter:
    """Breaks off the calls of those threads that ask for it. Safe to share among threads."""

    def __init__(self) -> None:
        self.is_broken = False
        self._lock = threading.Lock()
        self._calls: dict[int, Any] = {}
        self._cut: set[int] = set()

    @property
    def interrupted_last_call(self) -> bool:
        """Whether the last call of this thread that was watched was broken off, mended or not."""
        return threading.get_ident() in self._cut

    @contextmanager
    def interruptible(self, client: Any) -> Iterator[None]:
        """Let the calls that this thread makes in the block be broken off.

        Raises:
            BrokenOff: when a call would begin after that.
        """
        adapt(client)
        self._cut.discard(threading.get_ident())
        _calling.breaker = self
        try:
            yield
        finally:
            _calling.breaker = None
            with self._lock:
                self._calls.pop(threading.get_ident(), None)

    def interrupt(self, *, at_once: bool = False) -> None:
        """End the calls that are watched, and let none begin until `reset()`.

        To be called until they have ended: one that was just about to begin may be missed. With
        `at_once` what the server still answers is lost.
        """
        how = socket.SHUT_RDWR if at_once else socket.SHUT_WR
        with self._lock:
            self.is_broken = True
            self._cut.update(self._calls)
            for connection in self._calls.values():
                connection.is_broken_off = True
                with suppress(AttributeError, OSError, TypeError):  # there may be no socket now
                    # Of TLS only the socket beneath: its own way would end the reading, too.
                    socket.socket.shutdown(connection.sock, how)

    def reset(self) -> None:
        """Let calls begin again."""
        self.is_broken = False

    def begins(self, connection: Any) -> None:
        """A call of this thread goes out on a connection."""
        with self._lock:
            if self.is_broken:
                raise CallInterrupted
            self._calls[threading.get_ident()] = connection

    def ended(self, connection: Any) -> None:
        """Watch a connection no longer: it serves another call by now."""
        with self._lock:
            for thread, other in list(self._calls.items()):
                if other is connection:
                    del self._calls[thread]


class _Calling(threading.local):
    breaker: CallInterrupter | None = None


_calling = _Calling()


def adapt(client: Any) -> None:
    """Let a client's connections be such as this module describes, from now on.

    It needs to know them, and botocore has no public name for them. Where they are not found any
    more they stay what they are: then nothing is broken off, and a poll ends when it ends.
    """
    try:
        session = client._endpoint.http_session
        kinds = session._pool_classes_by_scheme
        ways = (Exchanging,) if client.meta.service_model.service_name in _EXCHANGED else ()
    except AttributeError:
        return
    if any(issubclass(pool.ConnectionCls, _Adapted) for pool in kinds.values()):
        return
    for scheme, pool in kinds.items():
        adapted = type('AdaptedConnection', (_Adapted, pool.ConnectionCls), {})
        kinds[scheme] = type('AdaptedPool', (*ways, pool), {'ConnectionCls': adapted})
    session.close()  # what is connected already is of the other kind


class _Adapted:
    """Comes before a class of connections, botocore's or urllib3's."""

    is_broken_off = False
    _breaker: CallInterrupter | None = None

    def begins(self) -> bool:
        """Let a request that begins be broken off, and answer whether the connection is open.

        Raises:
            BrokenOff: when it is not to begin any more.
        """
        connection: Any = self
        if self._breaker is not None:
            self._breaker.ended(self)
        if self.is_broken_off:
            # It was answered nevertheless, and so kept, though nothing can be sent on it any more.
            self.is_broken_off = False
            connection.close()
        self._breaker = _calling.breaker
        if self._breaker is not None:
            self._breaker.begins(self)
        return connection.sock is not None

    def request(self, *arguments: Any, **options: Any) -> None:
        self.begins()
        connection: Any = super()
        connection.request(*arguments, **options)
