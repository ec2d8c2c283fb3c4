"""Time limits of calls: the seconds that the calls of a thread may take together, retries included.

    with within(TimeLimit(30, aws.clock)):
        aws.call('send_message', ...)    # raises a TransportError after 30 seconds at most

The timeout of a socket limits one read. A server that sends a byte now and then, a host name with
many addresses, and repeated calls take much longer. A time limit applies to all of them together:

- The direct client waits for each read only as long as the limit allows.
- On connections of botocore, the watchdog ends the read at the limit.
- A separate thread opens each connection. The caller stops waiting for that thread at the limit,
  also during a look-up of the host name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import AbstractContextManager
from typing import TypeVar

from mega.aws._executor import Executor
from mega.aws._transport.clock import SYSTEM_CLOCK, Clock
from mega.aws._transport.watchdog import watchdog

__all__ = ('TimeLimit', 'TimeLimitExceeded', 'current_limit', 'open_within_limit', 'within')

T = TypeVar('T')


class TimeLimitExceeded(BaseException):
    """A call would begin or go on after the time limit.

    Not an `Exception`: botocore would retry the call. `AwsClient.call` translates it.
    """


class TimeLimit:
    """A number of seconds that begins now. `clock` is the clock of the client that is called.

    With `is_repetition`, an earlier attempt of the calls failed, perhaps because its connection was
    lost without notice. Idle connections may be lost in the same way, so that each of these calls
    opens a fresh one.
    """

    __slots__ = ('_monotonic', 'ends_at', 'is_repetition', 'seconds')

    def __init__(
        self, seconds: float, clock: Clock = SYSTEM_CLOCK, *, is_repetition: bool = False
    ) -> None:
        self.seconds = seconds
        self.is_repetition = is_repetition
        self._monotonic = clock.monotonic
        self.ends_at = clock.monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        """The seconds until the end, at least 0."""
        return max(0.0, self.ends_at - self._monotonic())

    def shorten(self, seconds: float) -> float:
        """Return a timeout for one operation, in seconds: the given one, or less at the end.

        Raises:
            TimeoutError: if no time is left.
        """
        left = self.ends_at - self._monotonic()
        if left <= 0:
            raise TimeoutError('the time limit of the call is over')
        return left if left < seconds else seconds


class _Within:
    """The block of `within`. A generator would take longer, and each call has one."""

    __slots__ = ('_limit', '_outer')

    def __init__(self, limit: TimeLimit | None) -> None:
        self._limit = limit
        self._outer: TimeLimit | None = None

    def __enter__(self) -> None:
        limit, outer = self._limit, current_limit()
        self._outer = outer
        if limit is None or (outer is not None and outer.ends_at < limit.ends_at):
            limit = outer
        _state.limit = limit

    def __exit__(self, *_: object) -> None:
        _state.limit = self._outer
        watchdog.release()


def within(limit: TimeLimit | None) -> AbstractContextManager[None]:
    """Apply a time limit to the calls that this thread makes in the block. None: no limit.

    Of nested blocks, the limit that ends first applies.
    """
    return _Within(limit)


def current_limit() -> TimeLimit | None:
    """Return the time limit of the block that this thread is in."""
    limit: TimeLimit | None = getattr(_state, 'limit', None)
    return limit


def open_within_limit(open_: Callable[[], T], close: Callable[[T], object]) -> T:
    """Open a connection, and wait for it no longer than the time limit of this thread.

    A connection that is opened later is closed again.

    Raises:
        TimeoutError: at the time limit.
    """
    limit = current_limit()
    if limit is None:
        return open_()
    executor = Executor('mega-connect', max_threads=1)
    future = executor.submit(open_)
    executor.close(timeout=0.0)
    try:
        wait([future], limit.seconds_left)
    finally:
        if not future.done():
            future.add_done_callback(lambda late: late.exception() or close(late.result()))
    if not future.done():
        raise TimeoutError('the connection was not opened within the time limit')
    return future.result()


_state = threading.local()
