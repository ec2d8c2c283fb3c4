"""Decides which listener works next, and lets virtual time pass when none can work.

An event source mapping of Lambda works like a listener.

    listeners work, one command at a time            no time passes
    no command can run, but something is due         the clock moves to that moment
    nothing is due, and the queues are empty         the run ends

Something is due at the next deadline of an engine, and when a hidden or delayed message of a
queue becomes visible.

A subscriber may let time pass while it processes a message. Meanwhile the listeners work, also its
own, as their other threads would do: they extend visibility timeouts, and process other messages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from mega.aws.sqs.subscribe.runtime.inline_event_loop import is_in_event_loop
from mega.local.account import Account
from mega.local.sqs.queues import Queue
from mega.testing.clock import VirtualClock
from mega.testing.queues import can_deliver, is_empty

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.session import ListenerSession
    from mega.testing.inline import InlinePool

__all__ = ('ListenerRun', 'Run', 'Scheduler')

_NEVER = float('inf')

MIN_STEP = 0.001
"""Seconds that pass at least if nothing can be done: an engine may have nothing to do at its
deadline."""


class Run(Protocol):
    """A listener or an event source mapping that works in the calling thread.

    - `is_over`: it does no more.
    - `is_idle`: it does nothing until its queue has a message, or until `next_time`.
    - `is_receiving`: it makes a receive at this moment, which does not wait.
    """

    @property
    def queue_name(self) -> str: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_idle(self) -> bool: ...
    @property
    def is_receiving(self) -> bool: ...
    @property
    def next_time(self) -> float: ...

    def step(self, can_receive: Callable[[], bool], *, may_process: bool) -> bool:
        """Run one step. Return whether anything was done.

        `can_receive` returns whether a receive ends now. Without `may_process`, no message begins.
        """

    def stop(self) -> None:
        """Settle the messages, and end."""

    def raise_failure(self) -> None:
        """Raise the error that ended the work, if there is one."""


class ListenerRun:
    """A listener that works in the calling thread."""

    def __init__(self, session: ListenerSession, pool: InlinePool, queue_name: str) -> None:
        self._session = session
        self._pool = pool
        self.queue_name = queue_name
        self.stop = session.stop
        self.raise_failure = session.raise_failure

    @property
    def is_over(self) -> bool:
        return self._pool.is_over

    @property
    def is_idle(self) -> bool:
        return self._pool.is_idle

    @property
    def is_receiving(self) -> bool:
        return self._pool.is_receiving

    @property
    def next_time(self) -> float:
        return self._pool.next_time

    def step(self, can_receive: Callable[[], bool], *, may_process: bool) -> bool:
        if self._session.may_receive:
            self._session.allow_receives()
            return self._pool.step(can_receive, may_process=may_process)
        self._session.interrupt_receives()  # they end at once
        return self._pool.step(lambda: True, may_process=may_process)


class Scheduler:
    """Runs listeners and event source mappings in one thread, and moves the clock."""

    def __init__(self, account: Account, clock: VirtualClock) -> None:
        self._account = account
        self._clock = clock
        self._runs: Sequence[Run] = ()
        self._thread: int | None = None
        self._is_stopping = False
        clock.advance = self.advance

    @property
    def is_running(self) -> bool:
        """Whether listeners work at present."""
        return self._thread is not None

    @property
    def is_receiving(self) -> bool:
        """Whether a listener receives at this moment. Its receives do not wait."""
        return any(run.is_receiving for run in self._runs)

    def run(self, runs: Sequence[Run]) -> None:
        """Let listeners work until nothing is due, or until all of them have stopped."""
        self._runs, self._thread, self._is_stopping = runs, threading.get_ident(), False
        try:
            while not all(run.is_over for run in runs):
                if self._step():
                    continue
                next_time = self._next_time()
                if not (self._is_finished() or next_time == _NEVER):
                    self._move_to(next_time)
                elif self._is_stopping:
                    break
                else:
                    self.stop()
        finally:
            self._runs, self._thread = (), None

    def stop(self) -> None:
        """Let all listeners settle their messages, and end."""
        self._is_stopping = True
        for run in self._runs:
            run.stop()

    def advance(self, seconds: float) -> None:
        """Let time pass. If a subscriber calls this, the listeners work meanwhile."""
        self._pass_time(self._clock.now + seconds, lambda: False, lambda: None)

    def wait_for_message(self, queue: Queue, seconds: float) -> None:
        """Let time pass until a queue can deliver a message, or until the seconds are over."""
        self._pass_time(
            self._clock.now + seconds,
            lambda: can_deliver(queue, self._clock.now),
            queue.next_change,
        )

    def _pass_time(
        self, end: float, is_over: Callable[[], bool], next_event: Callable[[], float | None]
    ) -> None:
        while not is_over() and self._clock.now < end:
            if self._thread == threading.get_ident() and self._step(is_nested=True):
                continue
            self._move_to(min(end, self._next_time(), next_event() or _NEVER))

    def _move_to(self, time: float) -> None:
        self._clock.move_to(max(time, self._clock.now + MIN_STEP))

    def _step(self, *, is_nested: bool = False) -> bool:
        """Let each listener run one command. Return whether one of them did."""
        steps = [self._step_one(run, is_nested) for run in self._runs]
        return any(steps)

    def _step_one(self, run: Run, is_nested: bool) -> bool:
        may_process = not (is_nested and is_in_event_loop())  # event loops do not nest
        return run.step(lambda: self._can_receive(run), may_process=may_process)

    def _can_receive(self, run: Run) -> bool:
        """Return whether a receive ends now: with a message, or because the queue was deleted."""
        queue = self._queue_of(run)
        return queue is None or can_deliver(queue, self._clock.now)

    def _queue_of(self, run: Run) -> Queue | None:
        """Return the queue of a listener; None if it was deleted."""
        return self._account.sqs.queues.get(run.queue_name)

    def _is_finished(self) -> bool:
        return all(run.is_over or self._is_done(run) for run in self._runs)

    def _is_done(self, run: Run) -> bool:
        queue = self._queue_of(run)
        return run.is_idle and (queue is None or is_empty(queue, self._clock.now))

    def _next_time(self) -> float:
        """Return the time at which something may be due; infinity if nothing is."""
        return min(map(self._next_time_of, self._runs), default=_NEVER)

    def _next_time_of(self, run: Run) -> float:
        queue = self._queue_of(run)
        if queue is None or run.is_over:
            return run.next_time
        queue.update(self._clock.now)  # otherwise a message that nobody can take is due for ever
        event = queue.next_change()
        return min(run.next_time, _NEVER if event is None else event)
