"""The checks at the start of a listener, in a thread: limited in time, and ended by a stop.

The calling thread may be the main thread, where Python runs signal handlers only between two
operations. While it reads a response, a handler can therefore not end the read.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from mega.aws._executor import Executor
from mega.aws._transport.client import AwsClient
from mega.aws._transport.interruption import CallInterrupter
from mega.aws._transport.time_limits import TimeLimit, within

__all__ = ('TimeLimitedChecks',)

T = TypeVar('T')

CHECKS_SECONDS = 10.0
"""Seconds that all checks may take together. A listener starts without the checks that are late."""

INTERRUPT_SECONDS = 0.3
"""Seconds that the thread has to end after its call was interrupted."""

SIGNAL_CHECK_SECONDS = 0.5
"""Seconds after which the calling thread returns to Python, which then handles signals."""


class TimeLimitedChecks(Generic[T]):
    """Runs a function that makes the checks, once."""

    def __init__(self, aws: AwsClient, check: Callable[[], T]) -> None:
        self._aws = aws
        self._check = check
        self._interrupter = CallInterrupter()
        self._is_stopped = False
        self._wakeups: SimpleQueue[None] = SimpleQueue()

    def run(self) -> T | None:
        """Return the result of the checks; None after a stop.

        Raises:
            TransportError: if the checks raised it.
        """
        executor = Executor('mega-checks', max_threads=1)
        future = executor.submit(partial(copy_context().run, self._run))
        future.add_done_callback(lambda done: self._wakeups.put(None))
        executor.close(timeout=0.0)
        while not future.done():
            if self._is_stopped:
                self._interrupter.interrupt(at_once=True)
                wait([future], INTERRUPT_SECONDS)  # a connection that is being opened ends later
                return None
            with suppress(Empty):
                self._wakeups.get(timeout=SIGNAL_CHECK_SECONDS)
        return future.result()

    def stop(self) -> None:
        """Let `run` return. Safe in any thread and in a signal handler."""
        self._is_stopped = True
        self._wakeups.put(None)

    def _run(self) -> T:
        limit = TimeLimit(CHECKS_SECONDS, self._aws.clock)
        with within(limit), self._interrupter.interruptible(self._aws.client):
            return self._check()
