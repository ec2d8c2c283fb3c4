"""The threads that do what the engine decides: the shell round the core, and as thin as that."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import Action
from mega.aws.sqs.subscribe.safe_logging import log_of

__all__ = ('EngineEvent', 'WorkerPool')

EngineEvent: TypeAlias = Callable[[float], None]
"""Tells the engine what came of an action, given the time."""

JOIN_TIMEOUT = 0.2
"""Seconds that threads have to end, once there is nothing to do for them."""

IDLE_RECHECK_SECONDS = 0.1
"""Seconds after which somebody who waits looks at the time again, while others work."""

THREAD_START_RETRY_SECONDS = 1.0
"""Seconds without another try, when no thread could be started."""

_NEVER = float('inf')

_log = log_of(__name__)


class WorkerPool:
    """Threads that take turns: each reports what it has done, takes the next action, and does it.

    A thread that brought messages starts with them itself, so where one thing is done at a time one
    thread does it all. Others are called, and started, only for what they can do meanwhile. One of
    those who wait minds the time.

    `handlers` are how each kind of action is done. Each answers what to tell the engine; None where
    somebody else will `report` it. What they raise, and what is told, ends the work.
    """

    def __init__(
        self,
        engine: Engine,
        handlers: Mapping[type[Action], Callable[[Any], EngineEvent | None]],
        limit: int,
    ) -> None:
        self._engine = engine
        self._ways = handlers
        self._limit = limit
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._todo: deque[Action] = deque()
        self._waiting = 0
        self._is_called = False
        self._turns = self._turns_seen = 0
        self._next_wakeup = _NEVER
        self._orders: deque[EngineEvent] = deque()
        self._posted: SimpleQueue[None] = SimpleQueue()
        self._is_over = self._is_dismissed = False
        self._threads: list[threading.Thread] = []
        self._hires_from = 0.0
        self.failure: BaseException | None = None

    def post(self, post: EngineEvent) -> None:
        """Tell the engine something at the next turn. Safe within a signal handler, too."""
        self._orders.append(post)
        self._posted.put(None)

    def wait(self, seconds: float) -> bool:
        """Let others work for so long, or until an order, and answer whether the work is over."""
        with suppress(Empty):
            self._posted.get(timeout=seconds)
        with self._lock:
            now = time.monotonic()
            self._run_posted(now)
            if not self._on_async_done(now):
                self._plan(now)
            return self._is_over

    def work(self) -> None:
        """Work in the calling thread too, until the work is over."""
        report: EngineEvent | None = None
        try:
            while (action := self._next(report)) is not None:
                report = self._ways[type(action)](action)
        except BaseException as error:
            self.fail(error)

    def report(self, report: EngineEvent) -> None:
        """Tell the engine something, and have done what follows from it. Blocks for no action."""
        try:
            with self._lock:
                now = time.monotonic()
                if not self._is_dismissed:
                    report(now)
                self._run_posted(now)
                if not self._on_async_done(now):
                    self._plan(now)
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the work at once, because of something that should not have happened."""
        with self._lock:
            self.failure = self.failure or error
            self._end()

    def shutdown(self) -> list[threading.Thread]:
        """End the threads, and answer those that do not end, since what they do takes its time.

        Nothing that they report is heard after that: what they would count is another crew's.
        """
        with self._lock:
            self._end()
        last = time.monotonic() + JOIN_TIMEOUT
        others = [each for each in self._threads if each is not threading.current_thread()]
        for thread in others:
            thread.join(max(0.0, last - time.monotonic()))
        with self._lock:
            self._is_dismissed = True
        return [thread for thread in others if thread.is_alive()]

    def _next(self, report: EngineEvent | None) -> Action | None:
        """The next action, when there is one; None when the work is over."""
        with self._lock:
            now = time.monotonic()
            if report is not None and not self._is_dismissed:
                report(now)
                self._turns += 1
            if self._orders:
                self._run_posted(now)
            while not self._on_async_done(now):
                self._plan(now, busy=1)
                if self._todo:
                    return self._todo.popleft()
                self._wait(now)
                now = time.monotonic()
        return None

    def _run_posted(self, now: float) -> None:
        while self._orders:
            self._orders.popleft()(now)

    def _on_async_done(self, now: float) -> bool:
        if self._engine.is_stopping and not self._is_over and self._engine.is_finished(now):
            self._end()
        return self._is_over

    def _end(self) -> None:
        self._is_over = True
        self._news.notify_all()
        self._posted.put(None)

    def _plan(self, now: float, busy: int = 0) -> None:
        """Ask the engine for everything that can be done now, and call somebody if it takes more.

        `busy` are there already. Who is called calls the next one: so what does not take long is
        done by a few, and others are not woken up only to find nothing left.
        """
        while (action := self._engine.next(now)) is not None:
            self._todo.append(action)
        left = len(self._todo) - busy
        # Whoever asks is busy from now on, and somebody has to mind the time.
        if left > 0 or (left == 0 and self._engine.next_deadline < self._next_wakeup):
            self._wake_one(now)

    def _wake_one(self, now: float) -> None:
        """Wake somebody up, or hire. It is one at a time who comes."""
        if self._is_called:
            return
        if self._waiting:
            self._is_called = True
            self._news.notify()
        elif len(self._threads) < self._limit and now >= self._hires_from:
            self._is_called = True
            self._start_thread(now)

    def _wait(self, now: float) -> None:
        self._waiting += 1
        next_deadline = self._engine.next_deadline
        if self._turns != self._turns_seen:
            # Others are at work, and have a new deadline with every batch. To be called for each
            # of them would cost more than to look now and then.
            next_deadline = min(next_deadline, now + IDLE_RECHECK_SECONDS)
            self._turns_seen = self._turns
        minds_the_time = next_deadline < self._next_wakeup
        if minds_the_time:
            self._next_wakeup = next_deadline
        try:
            self._news.wait(max(0.0, next_deadline - now) if minds_the_time else None)
        finally:
            # Whatever the wait says: who is called right when its time is up does not learn of it.
            self._is_called = False
            self._waiting -= 1
            if minds_the_time:
                self._next_wakeup = _NEVER

    def _start_thread(self, now: float) -> None:
        # A daemon: what never ends must not keep a process from ending.
        name = f'mega-listener-{len(self._threads)}'
        thread = threading.Thread(target=self._join, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process or the machine has too many
            _log.warning('no thread can be started, %d go on: %s', len(self._threads), error)
            self._hires_from = now + THREAD_START_RETRY_SECONDS
            self._is_called = False
            return
        self._threads.append(thread)

    def _join(self) -> None:
        with self._lock:
            self._is_called = False
        self.work()
