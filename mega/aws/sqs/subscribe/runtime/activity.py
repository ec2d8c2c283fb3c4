"""Whether a listener receives messages, and when it last made progress: for health checks.

A worker that is busy with a long message makes no receive, so that the age of the last receive says
nothing about the health of a listener. The supervising thread turns every half second regardless.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

__all__ = ('IDLE', 'Activity', 'ActivityLog')


class Activity(Struct, frozen=True):
    """The activity of a listener. Ages are in seconds.

    - `is_receiving`: the checks at the start passed, and the first receive began. It is false in a
      pause, during a stop, and outside `listen()` and `drain()`.
    - `loop_age`: the age of the last turn of the supervising thread, which turns every half second.
      None: no thread supervises, because the calling thread of `drain()` processes the messages.
    - `receive_age`: the age of the last receive that SQS answered; None before the first.
    - `in_flight`: the number of messages that are received and not settled.
    - `is_connected`: SQS answered the last receive that has ended, and before the first one the
      checks at the start.
    """

    is_receiving: bool = False
    loop_age: float | None = None
    receive_age: float | None = None
    in_flight: int = 0
    is_connected: bool = False


IDLE = Activity()
"""The activity outside of a run."""


class ActivityLog:
    """Records the activity of one session. Any thread may record and read, without a lock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._turned_at: float | None = None
        self._answered_at: float | None = None
        self._has_begun = self._is_connected = False
        self._on_first_receive: list[Callable[[], None]] = []

    def call_at_first_receive(self, callback: Callable[[], None]) -> None:
        """Call a function once, in the thread of the first receive, before it is sent."""
        self._on_first_receive.append(callback)

    def checks_answered(self) -> None:
        """Record that SQS answered the checks at the start."""
        self._is_connected = True

    def receive_begins(self) -> None:
        """Record that a receive is about to begin."""
        self._has_begun = True
        while self._on_first_receive:
            try:
                callback = self._on_first_receive.pop()
            except IndexError:  # another thread was faster
                return
            callback()

    def receive_answered(self, now: float) -> None:
        """Record that SQS answered a receive."""
        self._answered_at = now
        self._is_connected = True

    def receive_failed(self) -> None:
        """Record that a receive failed."""
        self._is_connected = False

    def loop_turned(self, now: float) -> None:
        """Record a turn of the supervising thread."""
        self._turned_at = now

    def read(self, may_receive: bool, in_flight: int) -> Activity:
        """Return the activity at the moment."""
        return Activity(
            self._has_begun and may_receive,
            self._age(self._turned_at),
            self._age(self._answered_at),
            in_flight,
            self._is_connected,
        )

    def _age(self, time: float | None) -> float | None:
        return None if time is None else self._monotonic() - time
