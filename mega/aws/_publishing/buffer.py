"""A buffer for services that publish one payload at a time: many threads, few calls."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from mega.aws._executor import start_daemon_thread
from mega.aws._publishing.outgoing import Outgoing, PublishResult
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, PublishError, check_int, check_seconds

__all__ = ('PublishBuffer',)

Encoder: TypeAlias = Callable[..., Outgoing]
"""Makes a message of a payload and of what `publish` takes beside it, or refuses it."""

SendAll: TypeAlias = Callable[[list[Outgoing]], list[PublishResult]]
"""Sends messages until each arrived or failed, and tells of each, in their order."""


MAX_SECONDS = 60
MAX_PENDING = 10_000_000


@dataclass(frozen=True, slots=True)
class _Entry:
    outgoing: Outgoing
    future: Future[str]


class PublishBuffer:
    """Gathers payloads that are published one by one, and sends them together.

    It sends when `max_messages` or a whole call's bytes are there, when the first has waited
    `max_seconds`, at `flush()`, at `close()`, at the end of its `with`, and when the interpreter
    ends. At most `max_pending` payloads wait; with more, `publish` waits for room.

    Safe to share among threads. Not across a fork: there it refuses, since nobody would send.
    On a FIFO destination the payloads of a group keep their order; after one that failed, later
    ones that were not gathered with it are sent all the same.
    """

    def __init__(
        self,
        pack: Encoder,
        send_all: SendAll,
        max_bytes: int,
        *,
        max_messages: int,
        max_seconds: float,
        max_pending: int,
    ) -> None:
        check_int('max_pending', max_pending, 1, MAX_PENDING)
        check_int('max_messages', max_messages, 1, max_pending)
        check_seconds('max_seconds', max_seconds, 0, MAX_SECONDS)
        self._pack = pack
        self._send_all = send_all
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._max_seconds = max_seconds
        self._max_pending = max_pending
        self._waiting: deque[_Entry] = deque()
        self._bytes = 0
        self._first_at = 0.0
        self._accepted = self._settled = 0
        self._is_urgent = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._process = os.getpid()
        # A daemon, so that a buffer nobody closed keeps no process alive: `atexit` sees to it.
        self._thread = start_daemon_thread('mega-buffer', self._run)
        atexit.register(self.close)

    def publish(
        self, payload: AnyPayload, binary_encoding: bool = False, **options: Any
    ) -> Future[str]:
        """Check a payload at once, and send it soon. The future has AWS's id of the message.

        Takes what the publisher's `publish` takes, but for the destination.

        Raises:
            PublishError, EventError: for what cannot be published, as `publish` does.
            ConfigurationError: when the buffer is closed, or belongs to another process.
        """
        outgoing = self._pack(payload, binary_encoding, **options)
        entry = _Entry(outgoing, Future())
        self._check_process()
        with self._changed:
            self._check_open()
            self._changed.wait_for(lambda: self._has_room() or self._is_closed)
            self._check_open()
            if not self._waiting:
                self._first_at = time.monotonic()
            self._waiting.append(entry)
            self._bytes += outgoing.size
            self._accepted += 1
            self._changed.notify_all()
        return entry.future

    def flush(self) -> None:
        """Send what waits, and return when each of it arrived or failed: the futures tell.

        From a callback of a future it does not wait: the callback is what sending waits for.
        """
        if self._process != os.getpid():
            return
        with self._changed:
            self._is_urgent = bool(self._waiting)
            until = self._accepted
            self._changed.notify_all()
            if threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: self._settled >= until)

    def close(self) -> None:
        """Take no more, and send what waits. Does nothing in a forked process."""
        if self._process != os.getpid():
            return
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        atexit.unregister(self.close)

    def __enter__(self) -> PublishBuffer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_process(self) -> None:
        # Before the lock is taken: whoever held it at the fork does not give it back here.
        if self._process != os.getpid():
            raise ConfigurationError('this buffer belongs to the process before the fork: make one')

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConfigurationError('this buffer is closed')

    def _run(self) -> None:
        while entries := self._next():
            try:
                results = self._send_all([entry.outgoing for entry in entries])
            except Exception as error:  # whatever it is, somebody waits for the futures
                failure = PublishError(f'not sent: {error}')
                results = [PublishResult(error=failure)] * len(entries)
            for entry, result in zip(entries, results, strict=True):
                _resolve(entry.future, result)
            with self._changed:
                self._settled += len(entries)
                self._changed.notify_all()

    def _next(self) -> list[_Entry]:
        """Wait until there is reason to send, and take what waits; nothing at the end."""
        with self._changed:
            while not self._is_due():
                if self._is_closed:
                    return []
                self._changed.wait(self._time_left())
            entries = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            self._is_urgent = False
            return entries

    def _has_room(self) -> bool:
        return self._accepted - self._settled < self._max_pending

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return (
            len(self._waiting) >= self._max_messages
            or self._bytes >= self._max_bytes
            or self._is_urgent
            or self._is_closed
            or self._time_left() == 0.0
        )

    def _time_left(self) -> float | None:
        """Seconds until the first payload has waited long enough; None while there is none."""
        if not self._waiting:
            return None
        return max(0.0, self._first_at + self._max_seconds - time.monotonic())


def _resolve(future: Future[str], result: PublishResult) -> None:
    if not future.set_running_or_notify_cancel():
        return  # cancelled by its owner, and sent all the same
    if result.message_id is not None:
        future.set_result(result.message_id)
    else:
        future.set_exception(result.error)
