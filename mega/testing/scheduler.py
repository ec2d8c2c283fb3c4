"""Decides which listener works next, and lets virtual time pass when none can work.

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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mega.aws.sqs.subscribe.runtime.inline_event_loop import is_in_event_loop
from mega.local.account import Account
from mega.local.sqs.queues import Queue
from mega.testing.clock import VirtualClock
from mega.testing.queues import can_deliver, is_empty

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.session import ListenerSession
    from mega.testing.inline import InlinePool

__all__ = ('ListenerRun', 'Scheduler')

_NEVER = float('inf')

MIN_STEP = 0.001
"""Seconds that pass at least if nothing can be done: an engine may have nothing to do at its
deadline."""


@dataclass(frozen=True, slots=True)
class ListenerRun:
    """A listener that works in the calling thread."""

    session: ListenerSession
    pool: InlinePool
    queue_name: str


class Scheduler:
    """Runs listeners in one thread, and moves the clock."""

    def __init__(self, account: Account, clock: VirtualClock) -> None:
        self._account = account
        self._clock = clock
        self._runs: Sequence[ListenerRun] = ()
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
        return any(run.pool.is_receiving for run in self._runs)

    def run(self, runs: Sequence[ListenerRun]) -> None:
        """Let listeners work until nothing is due, or until all of them have stopped."""
        self._runs, self._thread, self._is_stopping = runs, threading.get_ident(), False
        try:
            while not all(run.pool.is_over for run in runs):
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
            run.session.stop()

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

    def _step_one(self, run: ListenerRun, is_nested: bool) -> bool:
        may_process = not (is_nested and is_in_event_loop())  # event loops do not nest
        if not run.session.may_receive:
            run.session.interrupt_receives()  # they end at once
            return run.pool.step(lambda: True, may_process=may_process)
        run.session.allow_receives()
        return run.pool.step(lambda: self._can_receive(run), may_process=may_process)

    def _can_receive(self, run: ListenerRun) -> bool:
        """Return whether a receive ends now: with a message, or because the queue was deleted."""
        queue = self._queue_of(run)
        return queue is None or can_deliver(queue, self._clock.now)

    def _queue_of(self, run: ListenerRun) -> Queue | None:
        """Return the queue of a listener; None if it was deleted."""
        return self._account.sqs.queues.get(run.queue_name)

    def _is_finished(self) -> bool:
        return all(run.pool.is_over or self._is_done(run) for run in self._runs)

    def _is_done(self, run: ListenerRun) -> bool:
        queue = self._queue_of(run)
        return run.pool.is_idle and (queue is None or is_empty(queue, self._clock.now))

    def _next_time(self) -> float:
        """Return the time at which something may be due; infinity if nothing is."""
        return min(map(self._next_time_of, self._runs), default=_NEVER)

    def _next_time_of(self, run: ListenerRun) -> float:
        queue = self._queue_of(run)
        if queue is None or run.pool.is_over:
            return run.pool.next_time
        queue.update(self._clock.now)  # otherwise a message that nobody can take is due for ever
        event = queue.next_change()
        return min(run.pool.next_time, _NEVER if event is None else event)
