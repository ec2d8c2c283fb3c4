"""The worker pool: threads that take turns with the engine, and run its commands.

In its turn a thread holds the lock. It reports the event of its last command, asks the engine for
all commands that are possible now, takes one of them, and releases the lock to run it:

    thread 1   turn: next() -> Receive            run: receive ...
    thread 1   turn: received(...), next() -> Process([a, b]), Receive
               wakes thread 2, takes Process      run: process a, process b ...
    thread 2   turn: takes Receive                run: receive ...

A thread that received messages also processes them, so that one thread is enough as long as nothing
runs at the same time. Others are woken, or started, only for commands that can run meanwhile. Each
thread that is woken wakes the next one, if commands are left. Short commands are therefore run by
few threads, and no thread wakes up for nothing.

One of the idle threads wakes up at the engine's next deadline.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeAlias

from mega.aws._executor import start_daemon_thread
from mega.aws._transport.clock import SYSTEM_CLOCK, Clock
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import Command
from mega.aws.sqs.subscribe.processing.forks import end_child_process
from mega.logging import about, get_logger

__all__ = ('EngineCallback', 'Handlers', 'Pool', 'WorkerPool')

EngineCallback: TypeAlias = Callable[[float], None]
"""Reports an event to the engine. The argument is the time."""

Handlers: TypeAlias = Mapping[type[Command], Callable[[Any], EngineCallback]]
"""Runs a command of each type, and returns the event to report."""

JOIN_TIMEOUT = 0.2
"""Seconds that the threads may take to end after the end of the work."""

IDLE_RECHECK_SECONDS = 0.1
"""Seconds after which an idle thread checks the deadlines again while other threads work."""

THREAD_START_RETRY_SECONDS = 1.0
"""Seconds without another attempt after a thread could not be started."""

_NEVER = float('inf')

_log = get_logger(__name__)


class Pool(Protocol):
    """Runs the commands of a session. `WorkerPool` describes the methods."""

    failure: BaseException | None

    @property
    def needs_turn(self) -> bool: ...
    def report_soon(self, event: EngineCallback) -> None: ...
    def report_at_next_turn(self, event: EngineCallback) -> None: ...
    def take_turn(self) -> None: ...
    def fail(self, error: BaseException) -> None: ...
    def shutdown(self) -> Sequence[threading.Thread]: ...


class WorkerPool:
    """The threads of one session.

    `handlers` run the commands, by type. A handler returns the event to report to the engine. An
    exception of a handler or of an event ends the work; see `failure`.
    """

    def __init__(
        self,
        engine: Engine,
        handlers: Handlers,
        max_threads: int,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._engine = engine
        self._handlers = handlers
        self._max_threads = max_threads
        self._monotonic = clock.monotonic
        self._lock = threading.Lock()
        self._wakeup = threading.Condition(self._lock)
        self._commands: deque[Command] = deque()
        self._idle = 0
        self._is_waking = False
        self._turns = self._turns_seen = 0
        self._next_wakeup = _NEVER
        self._deferred: deque[EngineCallback] = deque()
        self._posted: deque[EngineCallback] = deque()
        self._supervisor_wakeup: SimpleQueue[None] = SimpleQueue()
        self._is_over = self._is_shut_down = False
        self._threads: list[threading.Thread] = []
        self._start_not_before = 0.0
        self._process_id = os.getpid()
        self._variables = copy_context()
        self.failure: BaseException | None = None

    # Called by any thread

    def report_soon(self, event: EngineCallback) -> None:
        """Report an event at the next turn, and soon. Safe in a signal handler."""
        self._posted.append(event)
        self._supervisor_wakeup.put(None)

    def report_at_next_turn(self, event: EngineCallback) -> None:
        """Report an event at the next turn. The caller causes a turn within 0.1 seconds.

        In a child process that a hook or a pattern forked, this ends the process.
        """
        if os.getpid() != self._process_id:
            end_child_process()
        self._deferred.append(event)

    @property
    def needs_turn(self) -> bool:
        """Whether a thread that runs a long command should end it: an event was posted."""
        return bool(self._posted) or self._is_over

    def take_turn(self) -> None:
        """Report the deferred and posted events, and wake threads for new commands."""
        try:
            with self._lock:
                self._take_turn()
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the work at once, because of an unexpected exception."""
        with self._lock:
            self.failure = self.failure or error
            self._end()

    # Called by the supervising thread

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until an event is posted. Return whether the work is over."""
        with suppress(Empty):
            # With `timeout=0.0` alone, Python 3.10 sometimes waits forever.
            self._supervisor_wakeup.get(block=seconds > 0, timeout=seconds)
        with self._lock:
            self._take_turn()
            return self._is_over

    def work(self) -> None:
        """Run commands in the calling thread, too, until the work is over."""
        event: EngineCallback | None = None
        try:
            while (command := self._next(event)) is not None:
                event = self._handlers[type(command)](command)
        except BaseException as error:
            self.fail(error)

    def shutdown(self) -> list[threading.Thread]:
        """End the threads, and return those whose command did not end within `JOIN_TIMEOUT`.

        Their events are ignored from now on, because another session may use the same counters.
        """
        with self._lock:
            self._end()
        end = time.monotonic() + JOIN_TIMEOUT
        others = [each for each in self._threads if each is not threading.current_thread()]
        for thread in others:
            thread.join(max(0.0, end - time.monotonic()))
        with self._lock:
            self._is_shut_down = True
        return [thread for thread in others if thread.is_alive()]

    # With the lock

    def _next(self, event: EngineCallback | None) -> Command | None:
        """Report an event, and wait for the next command; None if the work is over."""
        with self._lock:
            now = self._monotonic()
            self._report_events(now)
            if event is not None and not self._is_shut_down:
                event(now)
                self._turns += 1
            while not self._check_end(now):
                self._collect_commands(now, busy=1)
                if self._commands:
                    return self._commands.popleft()
                self._wait(now)
                now = self._monotonic()
                self._report_events(now)
        return None

    def _take_turn(self) -> None:
        now = self._monotonic()
        self._report_events(now)
        if not self._check_end(now):
            self._collect_commands(now)

    def _report_events(self, now: float) -> None:
        if self._is_shut_down:
            return
        for events in (self._deferred, self._posted):
            while events:
                events.popleft()(now)

    def _check_end(self, now: float) -> bool:
        if self._engine.is_stopping and not self._is_over and self._engine.is_finished(now):
            self._end()
        return self._is_over

    def _end(self) -> None:
        self._is_over = True
        self._wakeup.notify_all()
        self._supervisor_wakeup.put(None)

    def _collect_commands(self, now: float, busy: int = 0) -> None:
        """Ask the engine for all commands, and wake a thread if there are more than `busy`."""
        while (command := self._engine.next(now)) is not None:
            self._commands.append(command)
        left = len(self._commands) - busy
        # If the caller takes the last command, another thread must wait for the next deadline.
        if left > 0 or (left == 0 and self._engine.next_deadline < self._next_wakeup):
            self._wake_one(now)

    def _wake_one(self, now: float) -> None:
        """Wake an idle thread or start one, unless one is being woken."""
        if self._is_waking:
            return
        if self._idle:
            self._is_waking = True
            self._wakeup.notify()
        elif len(self._threads) < self._max_threads and now >= self._start_not_before:
            self._is_waking = True
            self._start_thread(now)

    def _wait(self, now: float) -> None:
        """Wait to be woken, or for the next deadline, if no other thread waits for it."""
        self._idle += 1
        deadline = self._engine.next_deadline
        if self._turns != self._turns_seen:
            # Other threads work, and each batch sets a new deadline. A periodic check costs less
            # than to be woken for each of them.
            deadline = min(deadline, now + IDLE_RECHECK_SECONDS)
            self._turns_seen = self._turns
        has_deadline = deadline < self._next_wakeup
        if has_deadline:
            self._next_wakeup = deadline
        try:
            self._wakeup.wait(max(0.0, deadline - now) if has_deadline else None)
        finally:
            # `wait` cannot distinguish a notification from a timeout at the same moment.
            self._is_waking = False
            self._idle -= 1
            if has_deadline:
                self._next_wakeup = _NEVER

    def _start_thread(self, now: float) -> None:
        run = partial(self._variables.copy().run, self._run_thread)
        try:
            thread = start_daemon_thread(f'mega-listener-{len(self._threads)}', run)
        except RuntimeError as error:  # the process or the machine has too many threads
            count = len(self._threads)
            problem = 'no thread can be started, %d threads continue: %s'
            _log.warning(problem, count, error, code='no-thread', extra=about(threads=count))
            self._start_not_before = now + THREAD_START_RETRY_SECONDS
            self._is_waking = False
            return
        self._threads.append(thread)

    def _run_thread(self) -> None:
        with self._lock:
            self._is_waking = False
        self.work()
