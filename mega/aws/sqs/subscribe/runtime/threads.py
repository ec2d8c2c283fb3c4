"""A session in threads: the worker pool runs the commands, and one thread supervises it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mega.aws._transport.clock import Clock
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.runtime.lazy_event_loop import LazyEventLoop
from mega.aws.sqs.subscribe.runtime.s3_prefetch import MAX_THREADS
from mega.aws.sqs.subscribe.runtime.worker_pool import Handlers, WorkerPool

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.session import ListenerSession

__all__ = ('Threads', 'max_threads')

SIGNAL_CHECK_SECONDS = 0.5
"""Seconds after which the supervising thread returns to Python, which then handles signals. Python
handles a signal that arrives right before a wait only after the wait."""

GRACEFUL_INTERRUPT_SECONDS = 0.3
"""Seconds that SQS has to end an interrupted receive, before its connection is closed."""

INTERRUPT_AGAIN_SECONDS = 0.05
"""Seconds after which the receives are interrupted again: one may have been about to begin."""


class Threads:
    """Runs one session in threads."""

    max_s3_threads = MAX_THREADS
    observe = None

    def __init__(self, settings: EngineSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def create_pool(self, engine: Engine, handlers: Handlers) -> WorkerPool:
        """Create the worker pool."""
        self._pool = WorkerPool(engine, handlers, max_threads(self._settings), self._clock)
        return self._pool

    def create_event_loop(self, on_done: Callable[[], None]) -> LazyEventLoop:
        """Create the event loop, which has its own thread."""
        return LazyEventLoop(on_done)

    def run(self, session: ListenerSession) -> None:
        """Work until a stop is complete.

        With `until_empty` and a concurrency of 1, the calling thread does the work.

        Raises:
            TransportError: if a call failed, and this ended the work.
            SystemExit, KeyboardInterrupt: if a subscriber raised it.
        """
        try:
            if self._settings.until_empty and self._settings.concurrency == 1:
                self._pool.work()
            else:
                self._supervise(session)
        finally:
            session.close()
        session.raise_failure()

    def _supervise(self, session: ListenerSession) -> None:
        """Let the pool work, and interrupt the receives at a stop and in a pause."""
        graceful_until: float | None = None
        timeout = 0.0
        while not self._pool.wait(timeout):
            session.activity_log.loop_turned(self._clock.monotonic())
            if session.may_receive:
                session.allow_receives()  # a pause may have ended during an interrupt
                graceful_until, timeout = None, SIGNAL_CHECK_SECONDS
                continue
            now = self._clock.monotonic()
            graceful_until = graceful_until or now + GRACEFUL_INTERRUPT_SECONDS
            session.interrupt_receives(at_once=now >= graceful_until)
            timeout = INTERRUPT_AGAIN_SECONDS if session.is_receiving else SIGNAL_CHECK_SECONDS


def max_threads(settings: EngineSettings) -> int:
    """Return the number of threads that can be busy: in processing, receives and other calls.

    One more waits for the next deadline.
    """
    calls = 2 * (1 + settings.concurrency // settings.max_number_of_messages)
    return settings.concurrency + calls + 1
