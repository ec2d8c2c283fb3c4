"""The records of the `Idempotency` hook, and the stores that keep them.

A record says that one subscriber processes a message, or that it has finished it:

    absent  --take-->  taken(owner, until)  --finish-->  done(until)
       ^                   |   |   ^  |                      |
       |<-----release------+   |   +--+ renew: a later until |
       |<----------------------+-----------------------------+   the time `until` passes

- Each processing of a message has an owner, a unique text. Every change of a record compares it.
- A record whose `until` is in the past counts as absent, whether the store has removed it or not.

Example: process A takes a record for 30 seconds and is killed. SQS delivers the message to B, which
cannot take the record. After the 30 seconds it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol
from uuid import uuid4

from msgspec import Struct

from mega.errors import ConfigurationError

__all__ = ('IdempotencyStore', 'MemoryStore', 'Record', 'check_store')

MAX_TTL = 10 * 366 * 86_400
"""The longest time of a record that is done, in seconds: ten years."""

SWEEP_SECONDS = 60.0
"""Seconds between the removals of records whose time is over, by a store that removes them."""


class Record(Struct, frozen=True):
    """A record of another owner, or of a finished subscriber. `time_left` is in seconds.

    `is_done` is false while the owner processes the message.
    """

    is_done: bool
    time_left: float


class IdempotencyStore(Protocol):
    """Keeps records. `mega.testing.IdempotencyStoreTests` tests an implementation.

    - A key is a text of 64 hexadecimal digits. An owner is a text of 1 to 32 ASCII characters.
    - `seconds` is 0 or more: a record of 0 seconds ends at once. A store may round up to a
      millisecond.
    - Each method is atomic, also if several processes call it at the same time.
    - Several threads may call a method at the same time.
    - A method may raise any `Exception` if the backend does not answer. It is then unknown whether
      the change happened.
    - A repeated call has the effect of one. A client may repeat a request whose answer was lost.
    """

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        """Take an absent record for a time. Return None, or the record that is not absent.

        A record that the same owner has taken is taken again, for the new time.
        """

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        """Let a taken record end in `seconds`. Return False, if it is not taken by the owner."""

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        """Let a record be done for a time. Return False, if it belongs to another owner.

        A record that is absent is done afterwards, too: the time of the owner was over.
        """

    def release(self, key: str, owner: str) -> bool:
        """Remove a taken record. Return False, if it is not taken by the owner."""

    def check(self) -> None:
        """Check the backend for what `check_store` cannot test with records.

        Raises:
            ConfigurationError: if the backend cannot keep records. It says what to change.
        """


CHECK_SECONDS = 60.0
"""The time of the records of `check_store`, if they are not removed."""

EXPIRY_SECONDS = 2.0
"""Seconds within which a record of 0 seconds must be absent. It may be rounded to a millisecond."""

POLL_SECONDS = 0.005


def check_store(store: IdempotencyStore) -> None:
    """Prove with a test record that a store refuses a second owner, and that records end.

    It also proves that `release` removes a record.

    Raises:
        ConfigurationError: if the store lacks one of them.
        Exception: if the backend does not answer.
    """
    store.check()
    if problem := _find_problem(store):
        raise ConfigurationError(f'{type(store).__name__} cannot keep records: {problem}')


def _find_problem(store: IdempotencyStore) -> str | None:
    key, first, second = uuid4().hex * 2, uuid4().hex, uuid4().hex
    store.take(key, first, CHECK_SECONDS)
    record = store.take(key, second, CHECK_SECONDS)
    store.release(key, second)
    store.release(key, first)
    if record is None:
        return 'two owners took one record, because a write does not depend on what is there'
    if record.is_done or not 0 < record.time_left <= CHECK_SECONDS:
        return f'a record that was taken for {CHECK_SECONDS:.0f} seconds does not end after them'
    if store.take(key, second, 0.0) is not None:
        return 'it does not remove a record'
    deadline = time.monotonic() + EXPIRY_SECONDS
    while store.take(key, first, CHECK_SECONDS) is not None:
        if time.monotonic() > deadline:
            return 'nobody can take a record whose time is over'
        time.sleep(POLL_SECONDS)
    store.release(key, first)
    return None


class _Stored(Struct):
    owner: str
    until: float
    is_done: bool = False


class MemoryStore:
    """Keeps records in the memory of one process: for tests, and for a listener that is alone.

    A record needs about 400 bytes. No other process sees it, and it ends with the process.
    `clock` returns seconds that never decrease.

    Safe to share among threads.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._records: dict[str, _Stored] = {}
        self._sweep_at = clock() + SWEEP_SECONDS

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        """Take an absent record. See `IdempotencyStore`."""
        with self._lock:
            now = self._clock()
            stored = self._find(key, now)
            if stored is not None and (stored.is_done or stored.owner != owner):
                return Record(stored.is_done, stored.until - now)
            self._records[key] = _Stored(owner, now + seconds)
            return None

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        """Let a taken record end later or earlier. See `IdempotencyStore`."""
        with self._lock:
            now = self._clock()
            stored = self._find_taken(key, owner, now)
            if stored is not None:
                stored.until = now + seconds
            return stored is not None

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        """Let a record be done. See `IdempotencyStore`."""
        with self._lock:
            now = self._clock()
            stored = self._find(key, now)
            if stored is not None and stored.owner != owner:
                return False
            self._records[key] = _Stored(owner, now + seconds, is_done=True)
            return True

    def release(self, key: str, owner: str) -> bool:
        """Remove a taken record. See `IdempotencyStore`."""
        with self._lock:
            stored = self._find_taken(key, owner, self._clock())
            if stored is not None:
                del self._records[key]
            return stored is not None

    def check(self) -> None:
        """Do nothing: a dictionary can keep records."""

    def __len__(self) -> int:
        """The number of records in memory, including some whose time is over."""
        return len(self._records)

    def _find_taken(self, key: str, owner: str, now: float) -> _Stored | None:
        stored = self._find(key, now)
        is_taken = stored is not None and not stored.is_done and stored.owner == owner
        return stored if is_taken else None

    def _find(self, key: str, now: float) -> _Stored | None:
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            for ended in [key for key, each in self._records.items() if each.until <= now]:
                del self._records[ended]
        stored = self._records.get(key)
        return stored if stored is not None and stored.until > now else None
