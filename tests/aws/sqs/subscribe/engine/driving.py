"""An engine whose clock is set by hand, and all that it decides and tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    Action,
    BatchCommand,
    ChangeVisibility,
    DeadLetter,
    EntryResult,
    Notice,
    Process,
    Receive,
    Settings,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.errors import TransportError

__all__ = ('ERROR', 'Driven', 'changes', 'ids', 'of')

ERROR = TransportError('ReceiveMessage', 'ServiceUnavailable', 'as told', True)

A = TypeVar('A', bound=Action)


class Driven:
    """An engine, and the time that it is told.

    It draws as much jitter as it may, or what `draw` says.
    Receives that are under way are in `polls`; the first of them is the first to be answered.
    What was ever started is in `started`.
    """

    def __init__(
        self, draw: Callable[[float, float], float] = lambda low, high: high, **settings: Any
    ) -> None:
        settings = {'max_number_of_messages': 10, **settings}
        self.now = 0.0
        self.told: list[tuple[Notice, str]] = []
        self.drawn: list[tuple[float, float]] = []
        self.polls: list[Receive] = []
        self.started: list[Delivery] = []
        self._draw = draw
        self.engine = Engine(Settings(**settings), self._uniform, self._tell)

    def actions(self) -> list[Action]:
        """All that is to be done now."""
        found: list[Action] = []
        while (action := self.engine.next(self.now)) is not None:
            found.append(action)
        self.polls += of(Receive, found)
        self.started += [action.delivery for action in of(Process, found)]
        return found

    def until(self, time: float) -> list[tuple[float, Action]]:
        """Let it be that time, and answer what was to be done when.

        The engine is asked when it wants to be, and at no other time.
        """
        found = [(self.now, action) for action in self.actions()]
        while self.engine.next_deadline < time:
            assert self.engine.next_deadline > self.now
            self.now = self.engine.next_deadline
            found += [(self.now, action) for action in self.actions()]
        self.now = time
        return found + [(self.now, action) for action in self.actions()]

    def bring(self, *names: str, group: str | None = None) -> list[Delivery]:
        """Answer a receive with messages, or with none."""
        if not self.polls:
            self.actions()
        deliveries = [Delivery(name, f'handle of {name}', group) for name in names]
        self.engine.received(self.polls.pop(0), deliveries, self.now)
        return deliveries

    def start(self, *names: str, group: str | None = None) -> list[Delivery]:
        """Bring messages, and have those started for which there is room."""
        deliveries = self.bring(*names, group=group)
        self.actions()
        return deliveries

    def fail(self, error: Exception = ERROR, *, is_hopeless: bool = False) -> None:
        """Let a receive fail."""
        if not self.polls:
            self.actions()
        self.engine.receive_failed(self.polls.pop(0), error, self.now, is_hopeless=is_hopeless)

    def processed(self, *deliveries: Delivery) -> None:
        for delivery in deliveries:
            self.engine.processed(delivery, self.now)

    def left(self, delivery: Delivery, delay: int | None = None) -> None:
        self.engine.left(delivery, delay, self.now)

    def settle(self, call: BatchCommand, *told: EntryResult) -> None:
        """Let SQS say this of the entries of a call, or that all are done."""
        self.engine.settled(call, told or [EntryResult.DONE] * len(call.entries), self.now)

    def stop(self) -> None:
        self.engine.stop(self.now)

    def settle_but(self, call: BatchCommand, told: EntryResult, *names: str) -> None:
        """Let SQS say this of the messages that are named, and that the others are done."""
        by_name = dict.fromkeys(names, told)
        self.settle(
            call, *[by_name.get(each.delivery.id, EntryResult.DONE) for each in call.entries]
        )

    @property
    def is_finished(self) -> bool:
        return self.engine.is_finished(self.now)

    def ack(self) -> Ack:
        """The one call that deletes and is to be made now."""
        [found] = of(Ack, self.actions())
        return found

    def change(self) -> ChangeVisibility:
        """The one call that changes visibility and is to be made now."""
        [found] = of(ChangeVisibility, self.actions())
        return found

    def wait_for(self, kind: type[A]) -> A:
        """Let time pass until there is something of a kind to be done, and answer that."""
        while not (found := of(kind, self.actions())):
            assert self.now < self.engine.next_deadline < float('inf')
            self.now = self.engine.next_deadline
        [action] = found
        return action

    def happened(self, happening: Notice) -> list[str]:
        """To which messages this happened."""
        return [name for what, name in self.told if what is happening]

    def _uniform(self, low: float, high: float) -> float:
        self.drawn.append((low, high))
        return self._draw(low, high)

    def _tell(self, happening: Notice, delivery: Delivery) -> None:
        self.told.append((happening, delivery.id))


def of(kind: type[A], actions: Iterable[Action]) -> list[A]:
    """Those actions that are of a kind."""
    return [action for action in actions if isinstance(action, kind)]


def ids(actions: Iterable[Action]) -> list[str]:
    """The messages that actions are about."""
    found: list[str] = []
    for action in actions:
        if isinstance(action, (Process, DeadLetter)):
            found.append(action.delivery.id)
        elif isinstance(action, (Ack, ChangeVisibility)):
            found += [entry.delivery.id for entry in action.entries]
    return found


def changes(call: ChangeVisibility) -> dict[str, int]:
    """For how long each message of a call is to be hidden."""
    return {entry.delivery.id: entry.seconds for entry in call.entries}
