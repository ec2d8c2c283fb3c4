"""A runtime for the session of a listener: the calling thread runs its commands.

The session, its engine and the processing also run in production. Only the threads are replaced:

    while pool.step(has_messages=...):      # runs a command of the engine, and reports its result
        ...
    clock.move_to(pool.next_time)           # nothing can be done before

A receive does not wait. Its command stays in the pool until its queue has a visible message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import Command, ProcessMessages, Receive
from mega.aws.sqs.subscribe.engine.delivery import NEVER
from mega.aws.sqs.subscribe.runtime.inline_event_loop import InlineEventLoop
from mega.testing.clock import VirtualClock

if TYPE_CHECKING:
    from threading import Thread

    from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult
    from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage
    from mega.aws.sqs.subscribe.runtime.worker_pool import EngineCallback, Handlers

__all__ = ('InlinePool', 'InlineRuntime')


class InlinePool:
    """Runs the commands of one session, one after another, in the calling thread."""

    def __init__(self, engine: Engine, handlers: Handlers, clock: VirtualClock) -> None:
        self._engine = engine
        self._handlers = handlers
        self._clock = clock
        self._commands: list[Command] = []
        self._posted: deque[EngineCallback] = deque()
        self._deferred: deque[EngineCallback] = deque()
        self.is_over = False
        self.is_receiving = False
        self.failure: BaseException | None = None

    # Called by the session

    @property
    def needs_turn(self) -> bool:
        """Whether a long command should end: an event was posted."""
        return bool(self._posted) or self.is_over

    def report_soon(self, event: EngineCallback) -> None:
        """Report an event before the next command."""
        self._posted.append(event)

    def report_at_next_turn(self, event: EngineCallback) -> None:
        """Report an event before the next command. A long command goes on."""
        self._deferred.append(event)

    def take_turn(self) -> None:
        """Report the events."""
        for events in (self._deferred, self._posted):
            while events:
                events.popleft()(self._clock.now)

    def fail(self, error: BaseException) -> None:
        """End the work at once, because of an unexpected exception."""
        self.failure = self.failure or error
        self.is_over = True

    def shutdown(self) -> tuple[Thread, ...]:
        """End the work."""
        self.is_over = True
        return ()

    # Called by the scheduler

    @property
    def is_idle(self) -> bool:
        """Whether no message is in flight, and no command waits except for receives."""
        has_events = bool(self._posted or self._deferred)
        is_waiting = all(isinstance(command, Receive) for command in self._commands)
        return not has_events and is_waiting and not self._engine.in_flight

    @property
    def next_time(self) -> float:
        """The time at which the engine may have another command; infinity if it waits."""
        return NEVER if self.is_over else self._engine.next_deadline

    def step(self, can_receive: Callable[[], bool], *, may_process: bool) -> bool:
        """Run one command, and return whether something happened.

        `can_receive` returns whether a receive under way can end now. Without `may_process`, the
        session only makes calls to SQS for messages that it received before.
        """
        if self.is_over:
            return False
        try:
            return self._step(can_receive, may_process)
        except BaseException as error:
            self.fail(error)
            return True

    def _step(self, can_receive: Callable[[], bool], may_process: bool) -> bool:
        had_events = bool(self._posted or self._deferred)
        self.take_turn()
        if self._engine.is_finished(self._clock.now):
            self.is_over = True
            return True
        command = self._take(can_receive, may_process)
        # One by one: the engine takes back messages that a worker does not begin at once.
        while command is None and (new := self._engine.next(self._clock.now)) is not None:
            self._commands.append(new)
            command = self._take(can_receive, may_process)
        if command is None:
            return had_events
        self._run(command)
        return True

    def _take(self, can_receive: Callable[[], bool], may_process: bool) -> Command | None:
        """Remove and return the first command that can run now: a receive last."""
        command = next((each for each in self._commands if _is_ready(each, may_process)), None)
        if command is None and may_process:
            command = self._ready_receive(can_receive)
        if command is not None:
            self._commands.remove(command)
        return command

    def _ready_receive(self, can_receive: Callable[[], bool]) -> Receive | None:
        receives = [each for each in self._commands if isinstance(each, Receive)]
        repeated = next(filter(_repeats_attempt, receives), None)
        return repeated or (receives[0] if receives and can_receive() else None)

    def _run(self, command: Command) -> None:
        if isinstance(command, Receive):
            self._restart(command)
            self.is_receiving = True
        event = self._handlers[type(command)](command)
        self.is_receiving = False
        event(self._clock.now)

    def _restart(self, receive: Receive) -> None:
        """Let a receive begin now: the long polls before it ended without a message."""
        if not _repeats_attempt(receive):
            receive.attempted_since = self._clock.now
        receive.asked_at = self._clock.now


def _is_ready(command: Command, may_process: bool) -> bool:
    if isinstance(command, ProcessMessages):
        return may_process
    return not isinstance(command, Receive)


def _repeats_attempt(receive: Receive) -> bool:
    """Return whether SQS returns the messages of an earlier receive, although they are hidden."""
    return receive.attempt_id is not None and receive.attempted_since < receive.asked_at


class InlineRuntime:
    """Runs one session in the calling thread. `observe` gets the result of each message."""

    max_s3_threads = 0

    def __init__(
        self, clock: VirtualClock, observe: Callable[[OpenedMessage, DeliveryResult], Any]
    ) -> None:
        self._clock = clock
        self.observe = observe

    def create_pool(self, engine: Engine, handlers: Handlers) -> InlinePool:
        """Create the pool."""
        self.pool = InlinePool(engine, handlers, self._clock)
        return self.pool

    def create_event_loop(self, on_done: Callable[[], None]) -> InlineEventLoop:
        """Create the event loop."""
        return InlineEventLoop()
