"""Leases: the records that subscribers of this process have taken, and their renewal.

A lease ends when the visibility timeout of its message ends. The heartbeat of the listener extends
that timeout, and one thread then renews the lease. It looks at a lease when a quarter of its time
is over, so that a lease is renewed long before it ends, and a fast subscriber costs no call.

Example with a visibility timeout of 30 s: the heartbeat extends it at 15 s until 45 s. The thread
looks at 7.5 s, 13.1 s and 17.3 s, sees the extension, and renews the lease until 45 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition, Thread

from msgspec import Struct

from mega.aws._executor import start_daemon_thread
from mega.aws.sqs.message import Message
from mega.hooks.records import IdempotencyStore

__all__ = ('Lease', 'Leases')

DEFAULT_SECONDS = 30.0
"""The lease of a message without a visibility timeout: the default of SQS."""

SHORTEST_SECONDS = 1.0

MIN_WAIT = 0.05
"""Seconds between two looks at a lease that is about to end."""

IDLE_SECONDS = 10.0
"""Seconds without a lease after which the thread ends. The next lease starts it again."""

TOLERANCE = 0.01
"""A visibility timeout that ends at most these seconds after its lease has not been extended."""


class Lease(Struct, eq=False):
    """A record that a subscriber of this process takes for `seconds`.

    `until` is its end on the clock of `Leases`, never later than the end in the store. `look_at` is
    when to compare it with the visibility timeout.
    """

    key: str
    owner: str
    message: Message
    seconds: float
    until: float
    look_at: float = 0.0

    def schedule(self, now: float) -> None:
        """Decide when to look at the lease again."""
        self.look_at = now + max(MIN_WAIT, (self.until - now) / 4)


class Leases:
    """The leases of one hook. Safe to share among threads.

    `on_error` is called with a lease whose renewal failed. The next look tries again. `clock`
    returns seconds that never decrease.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        on_error: Callable[[Lease, Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._on_error = on_error
        self._clock = clock
        self._leases: set[Lease] = set()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._wakes_at = 0.0

    def create(self, key: str, owner: str, message: Message) -> Lease:
        """Return a lease for as long as a message is hidden, at least a second.

        Its time passes from now on, so that the store cannot end it before this process does.
        """
        left = message.time_left
        seconds = DEFAULT_SECONDS if left is None else max(SHORTEST_SECONDS, left)
        return Lease(key, owner, message, seconds, self._clock() + seconds)

    def begin(self, lease: Lease) -> None:
        """Renew a lease from now on, whenever the visibility timeout of its message is extended.

        Raises:
            RuntimeError: if no thread can be started. The lease is then not renewed.
        """
        if lease.message.time_left is None:
            return  # nothing extends it
        lease.schedule(self._clock())
        with self._changed:
            # A fork copies no threads.
            if self._thread is None or not self._thread.is_alive():
                self._wakes_at = 0.0
                self._thread = start_daemon_thread('mega-leases', self._run)
            elif lease.look_at < self._wakes_at:
                self._changed.notify()
            self._leases.add(lease)

    def end(self, lease: Lease) -> None:
        """Stop the renewals of a lease. One may be under way."""
        with self._changed:
            self._leases.discard(lease)

    def renew_if_extended(self, lease: Lease) -> None:
        """Look at a lease: renew it, if the visibility timeout of its message ends later."""
        now, seconds = self._clock(), lease.message.time_left
        if seconds and now + seconds > lease.until + TOLERANCE:
            try:
                is_ours = self._store.renew(lease.key, lease.owner, seconds)
                lease.until = now + seconds if is_ours else now
            except Exception as error:
                self._on_error(lease, error)
        if now >= lease.until:
            self.end(lease)
        lease.schedule(now)

    def _run(self) -> None:
        while (due := self._wait()) is not None:
            for lease in due:
                self.renew_if_extended(lease)

    def _wait(self) -> list[Lease] | None:
        """Wait until it is time to look at leases, and return them; None after an idle time."""
        idle_at = self._clock() + IDLE_SECONDS
        with self._changed:
            while True:
                now = self._clock()
                if due := [lease for lease in self._leases if lease.look_at <= now]:
                    return due
                if not self._leases and now >= idle_at:
                    self._thread = None
                    return None
                self._wakes_at = min((each.look_at for each in self._leases), default=idle_at)
                self._changed.wait(self._wakes_at - now)
