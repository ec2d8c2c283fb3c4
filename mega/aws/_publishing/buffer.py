"""A buffer for services that publish one payload at a time: many threads, few requests."""

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
from mega.aws._publishing.outgoing import OutgoingMessage, PublishResult
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, PublishError, check_int, check_seconds

__all__ = ('PublishBuffer',)

EncodePayload: TypeAlias = Callable[..., OutgoingMessage]
"""Returns the message of a payload and the options of `publish`, or raises an error."""

SendMessages: TypeAlias = Callable[[list[OutgoingMessage]], list[PublishResult]]
"""Sends messages until each is sent or has failed, and returns their results, in order."""

MAX_SECONDS = 60
MAX_PENDING = 10_000_000


@dataclass(frozen=True, slots=True)
class _Entry:
    outgoing: OutgoingMessage
    future: Future[str]


class PublishBuffer:
    """Collects payloads that are published one by one, and sends them in batches.

    A batch is sent when `max_messages` payloads or the bytes of a full request wait, when the first
    payload has waited `max_seconds`, at `flush()`, at `close()`, at the end of a `with` block, and
    at the end of the interpreter. At most `max_pending` payloads wait. Then `publish` blocks.

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
        *,
        max_messages: int,
        max_seconds: float,
        max_pending: int,
    ) -> None:
        check_int('max_pending', max_pending, 1, MAX_PENDING)
        check_int('max_messages', max_messages, 1, max_pending)
        check_seconds('max_seconds', max_seconds, 0, MAX_SECONDS)
        self._encode = encode
        self._send_all = send_all
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._max_seconds = max_seconds
        self._max_pending = max_pending
        self._waiting: deque[_Entry] = deque()
        self._bytes = 0
        self._first_at = 0.0
        self._accepted = self._finished = 0
        self._is_urgent = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._process = os.getpid()
        # A buffer that is not closed must not keep the process alive: `atexit` closes it.
        self._thread = start_daemon_thread('mega-buffer', self._run)
        atexit.register(self.close)

    def publish(
        self, payload: AnyPayload, binary_encoding: bool = False, **options: Any
    ) -> Future[str]:
        """Check a payload now, and send it soon. The future has AWS's id of the message.

        The options have the names of the publisher's `publish`, without the destination.

        Raises:
            PublishError, EventError: for a payload that cannot be published, as `publish` does.
            ConfigurationError: if the buffer is closed, or belongs to another process.
        """
        outgoing = self._encode(payload, binary_encoding, **options)
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
        """Send the payloads that wait, and return when each future has its result.

        In a callback of a future it returns at once, because the sending thread runs the callback.
        """
        if self._process != os.getpid():
            return
        with self._changed:
            self._is_urgent = bool(self._waiting)
            until = self._accepted
            self._changed.notify_all()
            if threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: self._finished >= until)

    def close(self) -> None:
        """Refuse further payloads, and send the ones in the buffer. Does nothing after a fork."""
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
        # Without the lock: a thread that held it at the fork never releases it in the child.
        if self._process != os.getpid():
            raise ConfigurationError(
                'this buffer belongs to the process before the fork: open another one'
            )

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
                _resolve(entry.future, result)
            with self._changed:
                self._finished += len(entries)
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
        return self._accepted - self._finished < self._max_pending

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
        """Return the seconds until the first payload must be sent; None without a payload."""
        if not self._waiting:
            return None
        return max(0.0, self._first_at + self._max_seconds - time.monotonic())


def _resolve(future: Future[str], result: PublishResult) -> None:
    if not future.set_running_or_notify_cancel():
        return  # cancelled by its owner, but sent
    if result.message_id is not None:
        future.set_result(result.message_id)
    else:
        future.set_exception(result.error)
