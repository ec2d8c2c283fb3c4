"""A buffer for services that publish one payload at a time: many threads, few requests."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from msgspec import Struct

from mega._closing import Closing
from mega.aws._executor import start_daemon_thread
from mega.aws._hooks.publishing import PublishResult
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.codec import Publishable
from mega.errors import (
    ConfigurationError,
    MegaError,
    PublishError,
    Seconds,
    check_int,
    check_seconds,
)

__all__ = ('BufferLimits', 'PublishBuffer')

EncodePayload: TypeAlias = Callable[..., OutgoingMessage]
"""Returns the message of a payload and the options of `publish`, or raises an error."""

SendMessages: TypeAlias = Callable[[list[OutgoingMessage]], list[PublishResult]]
"""Sends messages until each is sent or has failed, and returns their results, in order."""

MAX_SECONDS = 60
MAX_PENDING = 10_000_000
MAX_PENDING_BYTES = 2**40
MAX_TIMEOUT = 86_400


class BufferLimits(Struct, frozen=True):
    """The limits of a buffer.

    A batch is sent with `max_messages`, or after `max_seconds`. At most `max_pending` payloads of
    `max_pending_bytes` in sum wait for a result.

    Raises:
        ConfigurationError: for a limit that is out of range.
    """

    max_messages: int
    max_seconds: Seconds
    max_pending: int
    max_pending_bytes: int

    def __post_init__(self) -> None:
        check_int('max_pending', self.max_pending, 1, MAX_PENDING)
        check_int('max_pending_bytes', self.max_pending_bytes, 1, MAX_PENDING_BYTES, 'bytes')
        check_int('max_messages', self.max_messages, 1, self.max_pending)


class _Entry(Struct, frozen=True):
    outgoing: OutgoingMessage
    future: Future[str]

    @property
    def memory_bytes(self) -> int:
        upload = self.outgoing.upload
        return self.outgoing.size + (upload.pointer.size or 0 if upload is not None else 0)


class PublishBuffer(Closing):
    """Collects payloads that are published one by one, and sends them in batches.

    A batch is sent when `max_messages` payloads or the bytes of a full request wait, when the first
    payload has waited `max_seconds`, at `flush()`, at `close()`, at the end of a `with` block, and
    at the end of the interpreter. While `max_pending` payloads or `max_pending_bytes` wait for
    their results, `publish` blocks, at most for the publisher's `timeout`.

    Safe to share among threads, but not across a fork: the sending thread does not exist in the
    child, so its methods raise an error there. On a FIFO destination the payloads of a group keep
    their order. After a payload failed, later payloads of its group are sent if they were not in
    the same batch.
    """

    def __init__(
        self,
        encode: EncodePayload,
        send_all: SendMessages,
        max_bytes: int,
        timeout: float,
        limits: BufferLimits,
    ) -> None:
        self._encode = encode
        self._send_all = send_all
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._limits = limits
        self._max_seconds = check_seconds('max_seconds', limits.max_seconds, 0, MAX_SECONDS)
        self._waiting: deque[_Entry] = deque()
        self._bytes = self._pending_bytes = 0
        self._first_at = 0.0
        self._accepted = self._finished = 0
        self._is_urgent = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._process = os.getpid()
        # A buffer that is not closed must not keep the process alive: `atexit` closes it.
        try:
            self._thread = start_daemon_thread('mega-buffer', self._run)
        except RuntimeError as error:
            problem = f'a buffer needs a thread ({error}): use publish_batch, which needs none'
            raise ConfigurationError(problem) from error
        atexit.register(self.close)

    def publish(
        self, payload: Publishable, binary_encoding: bool = False, **options: Any
    ) -> Future[str]:
        """Check a payload now, and send it soon. The future has AWS's id of the message.

        The options have the names of the publisher's `publish`, without the destination.

        Raises:
            PublishError, EventError: for a payload that cannot be published, as `publish` does.
            PublishError: if the buffer is full for longer than the publisher's `timeout`.
            ConfigurationError: if the buffer is closed, or belongs to another process.
        """
        outgoing = self._encode(payload, binary_encoding, **options)
        entry = _Entry(outgoing, Future())
        try:
            self._accept(entry)
        except MegaError as error:
            outgoing.finished(PublishResult(error=error))
            raise
        return entry.future

    def flush(self, timeout: Seconds | None = None) -> None:
        """Send the payloads that wait, and return when each future has its result.

        Waits at most `timeout` seconds; None: as long as the publisher's own `timeout` allows.
        In a callback of a future it returns at once, because the sending thread runs the callback.

        Raises:
            PublishError: if payloads have no result after `timeout` seconds. They are still sent.
        """
        seconds = self._check_timeout(timeout)
        if self._process != os.getpid():
            return
        with self._changed:
            self._is_urgent = bool(self._waiting)
            until = self._accepted
            self._changed.notify_all()
            if threading.current_thread() is self._thread:
                return
            if not self._changed.wait_for(lambda: self._finished >= until, seconds):
                problem = f'{until - self._finished} payloads have no result after {seconds:g} s'
                raise PublishError(f'{problem}: their futures will have it')

    def close(self, timeout: Seconds | None = None) -> None:
        """Refuse further payloads, and send the ones in the buffer. Does nothing after a fork.

        Waits at most `timeout` seconds; None: as long as the publisher's own `timeout` allows.

        Raises:
            PublishError: if payloads have no result after `timeout` seconds. Those that wait are
                not sent, and their futures have the error. A request in flight continues.
        """
        seconds = self._check_timeout(timeout)
        if self._process != os.getpid():
            return
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        atexit.unregister(self.close)
        if threading.current_thread() is self._thread:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            assert seconds is not None
            self._give_up(seconds)

    def _accept(self, entry: _Entry) -> None:
        """Add an entry when the buffer has room.

        Raises:
            PublishError, ConfigurationError: as `publish`.
        """
        self._check_process()
        with self._changed:
            self._check_open()
            may_continue = self._changed.wait_for(
                lambda: self._has_room() or self._is_closed, self._timeout
            )
            if not may_continue:
                raise PublishError(
                    f'not sent: the buffer was full for {self._timeout:g} seconds; AWS is slow or '
                    'does not answer, or raise max_pending, max_pending_bytes or timeout'
                )
            self._check_open()
            if not self._waiting:
                self._first_at = time.monotonic()
            self._waiting.append(entry)
            self._bytes += entry.outgoing.size
            self._pending_bytes += entry.memory_bytes
            self._accepted += 1
            self._changed.notify_all()

    def _give_up(self, seconds: float) -> None:
        with self._changed:
            unsent = list(self._waiting)
            self._waiting.clear()
            pending = self._accepted - self._finished
            self._finish(unsent)
        error = PublishError(f'not sent: the buffer was closed, and waited {seconds:g} s')
        for entry in unsent:
            _resolve(entry, PublishResult(error=error))
        in_flight = pending - len(unsent)
        raise PublishError(
            f'the buffer waited {seconds:g} s: {len(unsent)} payloads were not sent, and '
            f'{in_flight} are in flight without a result'
        )

    def _check_process(self) -> None:
        # Without the lock: a thread that held it at the fork never releases it in the child.
        if self._process != os.getpid():
            raise ConfigurationError(
                'this buffer belongs to the process before the fork: open another one'
            )

    @staticmethod
    def _check_timeout(timeout: Seconds | None) -> float | None:
        return None if timeout is None else check_seconds('timeout', timeout, 0, MAX_TIMEOUT)

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConfigurationError('this buffer is closed')

    def _run(self) -> None:
        while entries := self._next():
            try:
                results = self._send_all([entry.outgoing for entry in entries])
            except Exception as error:  # callers wait for the futures
                failure = PublishError(f'not sent: {error}')
                results = [PublishResult(error=failure)] * len(entries)
            for entry, result in zip(entries, results, strict=True):
                _resolve(entry, result)
            with self._changed:
                self._finish(entries)

    def _finish(self, entries: list[_Entry]) -> None:
        self._finished += len(entries)
        self._pending_bytes -= sum(entry.memory_bytes for entry in entries)
        self._changed.notify_all()

    def _next(self) -> list[_Entry]:
        """Wait until a batch is due, and return it; an empty list after the last one."""
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
        return (
            self._accepted - self._finished < self._limits.max_pending
            # The last payload may exceed the bytes, or a large one would never have room.
            and self._pending_bytes < self._limits.max_pending_bytes
        )

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return (
            len(self._waiting) >= self._limits.max_messages
            or self._bytes >= self._max_bytes
            or not self._has_room()
            or self._is_urgent
            or self._is_closed
            or self._time_left() == 0.0
        )

    def _time_left(self) -> float | None:
        """Return the seconds until the first payload must be sent; None without a payload."""
        if not self._waiting:
            return None
        return max(0.0, self._first_at + self._max_seconds - time.monotonic())


def _resolve(entry: _Entry, result: PublishResult) -> None:
    result, future = entry.outgoing.finished(result), entry.future
    if not future.set_running_or_notify_cancel():
        return  # cancelled by its owner, but sent
    if result.error is not None:
        future.set_exception(result.error)
    else:
        assert result.message_id is not None
        future.set_result(result.message_id)
