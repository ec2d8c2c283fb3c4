"""A driver for the engine, with a clock that a test sets and with workers that process nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    ChangeVisibility,
    Command,
    Delete,
    EngineSettings,
    Notice,
    ProcessMessages,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.reason import Reason
from mega.errors import TransportError

__all__ = ('ERROR', 'REASON', 'Begin', 'EngineDriver', 'Step', 'ids', 'of', 'visibility_changes')

ERROR = TransportError('ReceiveMessage', 'ServiceUnavailable', 'for this test', True)
REASON = Reason('ValueError', 'for this test')


@dataclass(frozen=True, slots=True, eq=False)
class Begin:
    """A worker began a message."""

    delivery: Delivery


Step: TypeAlias = Command | Begin
S = TypeVar('S', bound=Step)


class EngineDriver:
    """An engine with the time that a test sets.

    - `receives` are the receives under way, the oldest first.
    - `begun` are all messages that workers began.
    - `notices` are all notices of the engine, with the id of the message.
    - The jitter is the largest possible, or as `draw` says.

    A worker begins the first message of its share, and the next one when a test ends the first.
    """

    def __init__(
        self, draw: Callable[[float, float], float] = lambda low, high: high, **settings: Any
    ) -> None:
        settings = {'max_number_of_messages': 10, **settings}
        self.now = 0.0
        self.notices: list[tuple[Notice, str]] = []
        self.drawn: list[tuple[float, float]] = []
        self.receives: list[Receive] = []
        self.begun: list[Delivery] = []
        self._steps: deque[Step] = deque()
        self._shares: dict[Delivery, ProcessMessages] = {}
        self._in_event_loop: set[Delivery] = set()
        self._draw = draw
        self.engine = Engine(EngineSettings(**settings), self._uniform, self._notify)

    def steps(self) -> list[Step]:
        """Run the engine until it has no more commands, and return all commands and begins."""
        while (command := self.engine.next(self.now)) is not None:
            if isinstance(command, ProcessMessages):
                self._work(command)
            else:
                self._steps.append(command)
        steps, self._steps = list(self._steps), deque()
        self.receives += of(Receive, steps)
        return steps

    def until(self, time: float) -> list[tuple[float, Step]]:
        """Advance the time, run the engine at its deadlines, and return all steps with the time."""
        steps = [(self.now, step) for step in self.steps()]
        while self.engine.next_deadline < time:
            assert self.engine.next_deadline > self.now
            self.now = self.engine.next_deadline
            steps += [(self.now, step) for step in self.steps()]
        self.now = time
        return steps + [(self.now, step) for step in self.steps()]

    def receive(self, *names: str, group: str | None = None, handle: str = '') -> list[Delivery]:
        """Let the oldest receive return these messages, or none."""
        if not self.receives:
            self.steps()
        deliveries = [Delivery(name, handle or f'handle of {name}', group) for name in names]
        self.engine.received(self.receives.pop(0), deliveries, self.now)
        return deliveries

    def start(self, *names: str, group: str | None = None) -> list[Delivery]:
        """Receive messages, and let the free workers begin them."""
        deliveries = self.receive(*names, group=group)
        self.steps()
        return deliveries

    def fail(self, error: Exception = ERROR, *, is_unrecoverable: bool = False) -> None:
        """Let the oldest receive fail."""
        if not self.receives:
            self.steps()
        receive = self.receives.pop(0)
        self.engine.receive_failed(receive, error, self.now, is_unrecoverable=is_unrecoverable)

    def processed(self, *deliveries: Delivery) -> None:
        """End messages with the settlement ack."""
        for delivery in deliveries:
            self.engine.processed(delivery, self.now)
            self._end(delivery)

    def retry_requested(self, delivery: Delivery, delay: int | None = None) -> None:
        """End a message with the settlement leave."""
        self.engine.retry_requested(delivery, delay, self.now)
        self._end(delivery)

    def failed_permanently(self, delivery: Delivery) -> None:
        """End a message with the settlement dead-letter."""
        self.engine.failed_permanently(delivery, REASON, self.now)
        self._end(delivery)

    def postpone(self, delivery: Delivery) -> None:
        """Hand a message that a worker began to the event loop, which does not begin it yet."""
        self.engine.postpone(delivery)
        self._in_event_loop.add(delivery)
        self.engine.processing_ended(self._shares[delivery], in_event_loop=1)

    def wait_for_body(self, delivery: Delivery) -> None:
        """Let the body of a message not be there yet."""
        self.engine.body_waits.begin(delivery, self.now)
        self._end(delivery)

    def body_is_ready(self, delivery: Delivery) -> None:
        self.engine.body_waits.end(delivery, self.now)

    def start_expired(self, delivery: Delivery) -> None:
        """End a message that a worker began too late."""
        self.engine.start_expired(delivery, self.now)
        self._end(delivery)

    def dead_lettered(self, command: SendDeadLetter, result: CallResult = CallResult.OK) -> None:
        """End an attempt to send a message to the dead-letter queue."""
        self.engine.dead_lettered(command, result, self.now)

    def settle(self, call: BatchCommand, *results: CallResult) -> None:
        """End a batch call with these results, or with OK for all entries."""
        self.engine.batch_ended(call, results or [CallResult.OK] * len(call.entries), self.now)

    def settle_with_failures(self, call: BatchCommand, result: CallResult, *names: str) -> None:
        """End a batch call with this result for the named messages, and OK for all others."""
        by_name = dict.fromkeys(names, result)
        self.settle(call, *[by_name.get(each.delivery.id, CallResult.OK) for each in call.entries])

    def stop(self) -> None:
        self.engine.stop(self.now)

    @property
    def is_finished(self) -> bool:
        return self.engine.is_finished(self.now)

    def delete(self) -> Delete:
        """Return the only delete that is due now."""
        [call] = of(Delete, self.steps())
        return call

    def change(self) -> ChangeVisibility:
        """Return the only change of visibility that is due now."""
        [call] = of(ChangeVisibility, self.steps())
        return call

    def wait_for(self, kind: type[S]) -> S:
        """Advance the time until there is a step of a kind, and return it."""
        while not (found := of(kind, self.steps())):
            assert self.now < self.engine.next_deadline < float('inf')
            self.now = self.engine.next_deadline
        [step] = found
        return step

    def noticed(self, notice: Notice) -> list[str]:
        """Return the ids of the messages of all notices of a kind."""
        return [name for each, name in self.notices if each is notice]

    def _work(self, process: ProcessMessages) -> None:
        while process.deliveries:
            delivery = process.deliveries.popleft()
            if self.engine.begin(delivery, self.now):
                self._shares[delivery] = process
                self.begun.append(delivery)
                self._steps.append(Begin(delivery))
                return
            self.engine.start_expired(delivery, self.now)
        self.engine.processing_ended(process)

    def _end(self, delivery: Delivery) -> None:
        if delivery in self._in_event_loop:
            self._in_event_loop.remove(delivery)
            del self._shares[delivery]
            self.engine.coroutine_ended()
        elif delivery in self._shares:
            self._work(self._shares.pop(delivery))

    def _uniform(self, low: float, high: float) -> float:
        self.drawn.append((low, high))
        return self._draw(low, high)

    def _notify(self, notice: Notice, delivery: Delivery) -> None:
        self.notices.append((notice, delivery.id))


def of(kind: type[S], steps: Iterable[Step]) -> list[S]:
    """Return the steps of a kind."""
    return [step for step in steps if isinstance(step, kind)]


def ids(steps: Iterable[Step]) -> list[str]:
    """Return the ids of the messages of all steps."""
    found: list[str] = []
    for step in steps:
        if isinstance(step, (Begin, SendDeadLetter)):
            found.append(step.delivery.id)
        elif isinstance(step, (Delete, ChangeVisibility)):
            found += [entry.delivery.id for entry in step.entries]
    return found


def visibility_changes(call: ChangeVisibility) -> dict[str, int]:
    """Return the new visibility timeout of each message of a call."""
    return {entry.delivery.id: entry.seconds for entry in call.entries}
