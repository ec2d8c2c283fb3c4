"""A queue of SQS, standard or FIFO, as its documentation has it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/

Where it leaves open what happens, chance decides:

- Standard: SQS delivers messages in any order, and may deliver a hidden or a deleted message
  again. A delete with an expired receipt handle "succeeds", with or without an effect.
- FIFO: whether the first message of a group is given, having become visible, while later ones of
  the group are still hidden. None behind a hidden one ever is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mega.aws.sqs.subscribe.engine.commands import EntryResult
from tests.simulation.choices import Choices
from tests.simulation.laws import Law, Violation
from tests.simulation.timeline import Timeline

__all__ = ('Batch', 'Oddities', 'Queue', 'Receipt', 'Request', 'Stored')

MAX_HIDDEN = 43_200
"""The maximum number of seconds that a message can be hidden after its receive."""


@dataclass(slots=True, eq=False)
class Stored:
    """A message. `place` is where it is in its group, or in the queue."""

    name: str
    group: str | None
    place: int
    sent_at: float
    receives: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    hidden_until: float = float('-inf')
    is_completed: bool = False
    is_dead_lettered: bool = False
    is_gone: bool = False


@dataclass(slots=True, eq=False)
class Receipt:
    """One delivery of a message, its number, and the end of its visibility timeout.

    `owner` is the process that received it.
    """

    stored: Stored
    handle: str
    number: int
    since: float
    ends: float
    is_left: bool = False
    owner: Any = None

    def __str__(self) -> str:
        return self.handle


Batch: TypeAlias = list[Receipt]


@dataclass(slots=True, eq=False)
class Request:
    """A receive that waits at the queue."""

    number: int
    until: float
    answer: Callable[[Batch], None]


@dataclass(slots=True)
class Oddities:
    """What a queue may do, in percent of the cases; and after how many receives it redrives."""

    disorder: int = 0
    duplicates: int = 0
    gives_heads: bool = False
    max_receives: int | None = None


class Queue:
    """`expired` hears of each receipt that ended by itself."""

    def __init__(
        self,
        is_fifo: bool,
        timeout: int,
        oddities: Oddities,
        choices: Choices,
        timeline: Timeline,
        expired: Callable[[Receipt], None],
    ) -> None:
        self._is_fifo = is_fifo
        self._timeout = timeout
        self._choices = choices
        self._timeline = timeline
        self._expired = expired
        self.receipts: dict[str, Receipt] = {}
        self._waiting: list[Request] = []
        self._take = self._first_of_groups if is_fifo else self._any
        self.oddities = oddities
        self.messages: dict[str, Stored] = {}

    def send(self, stored: Stored) -> None:
        self.messages[stored.name] = stored
        self._serve()

    # Receiving

    def ask(self, request: Request) -> None:
        self._waiting.append(request)
        self._serve()
        if request in self._waiting:
            self._timeline.at(request.until, self._give_up, request)

    def forget(self, request: Request) -> None:
        """Its connection was closed, and SQS saw it."""
        if request in self._waiting:
            self._waiting.remove(request)

    def _give_up(self, request: Request) -> None:
        if request in self._waiting:
            self._waiting.remove(request)
            request.answer([])

    def _serve(self) -> None:
        while self._waiting:
            request = self._waiting[0]
            taken = self._take(request.number)
            if not taken:
                return
            batch = [self._hide(stored) for stored in taken if not self._is_redriven(stored)]
            if batch:
                self._waiting.remove(request)
                request.answer(batch)

    def _any(self, number: int) -> list[Stored]:
        now = self._timeline.now
        choices, oddities = self._choices, self.oddities
        found = [stored for stored in self.messages.values() if stored.hidden_until <= now]
        if found and choices.chance(oddities.disorder):
            start = choices.below(len(found))
            found = found[start:] + found[:start]
            number = min(number, 1 + choices.below(len(found)))
        found = found[:number]
        if len(found) < number and self.messages and choices.chance(oddities.duplicates):
            again = choices.one_of(list(self.messages.values()))
            if again not in found and again.receives:
                found.append(again)
        return found

    def _first_of_groups(self, number: int) -> list[Stored]:
        choices = self._choices
        groups: dict[str | None, list[Stored]] = {}
        for stored in self.messages.values():
            groups.setdefault(stored.group, []).append(stored)
        lines = [line for line in map(self._given_of, groups.values()) if line]
        if lines and choices.chance(self.oddities.disorder):
            start = choices.below(len(lines))
            lines = [line[: 1 + choices.below(len(line))] for line in lines[start:] + lines[:start]]
        return [stored for line in lines for stored in line][:number]

    def _given_of(self, line: list[Stored]) -> list[Stored]:
        now = self._timeline.now
        hidden = [place for place, stored in enumerate(line) if stored.hidden_until > now]
        if hidden:
            return line[: hidden[0]] if self.oddities.gives_heads else []
        return line

    def _is_redriven(self, stored: Stored) -> bool:
        """Whether a message goes to the dead-letter queue of the queue's own redrive policy."""
        most = self.oddities.max_receives
        if most is None or stored.receives < most:
            return False
        stored.is_dead_lettered = True
        self._remove(stored)
        return True

    def _hide(self, stored: Stored) -> Receipt:
        now = self._timeline.now
        stored.receives += 1
        handle = f'{stored.name}#{stored.receives}'
        receipt = Receipt(stored, handle, stored.receives, now, now)
        stored.receipts.append(receipt)
        self.receipts[handle] = receipt
        self._hide_until(receipt, now + self._timeout)
        return receipt

    def _hide_until(self, receipt: Receipt, ends: float) -> None:
        receipt.ends = ends
        stored = receipt.stored
        stored.hidden_until = max(each.ends for each in stored.receipts)
        self._timeline.at(ends, self._end, receipt, ends)

    def _end(self, receipt: Receipt, ends: float) -> None:
        if receipt.ends != ends or receipt.stored.is_gone:
            return
        if not receipt.is_left:
            self._expired(receipt)
        self._serve()

    # Settling

    def delete(self, handle: str) -> EntryResult:
        receipt = self.receipts[handle]
        stored = receipt.stored
        if stored.is_gone:
            return EntryResult.OK
        is_good = self.is_in_flight(receipt)
        if not is_good and self._is_fifo:
            return EntryResult.FAILED
        may_be_kept = 0 if self._is_fifo else self.oddities.duplicates if is_good else 50
        if not self._choices.chance(may_be_kept):
            self._remove(stored)
            self._serve()
        return EntryResult.OK

    def change(self, handle: str, seconds: int, is_leaving: bool) -> EntryResult:
        receipt = self.receipts[handle]
        now = self._timeline.now
        if receipt.stored.is_gone or not self.is_in_flight(receipt):
            return EntryResult.FAILED
        if now + seconds > receipt.since + MAX_HIDDEN:
            raise Violation(Law.WELL_FORMED, f'{receipt} is to be hidden for more than 12 hours')
        if receipt.is_left and not is_leaving:
            raise Violation(Law.SETTLED_ONCE, f'{receipt} was extended when it had been left')
        receipt.is_left = is_leaving
        self._hide_until(receipt, now + seconds)
        return EntryResult.OK

    def is_in_flight(self, receipt: Receipt) -> bool:
        """Whether a handle is the right one for a message that is in flight."""
        is_latest = receipt is receipt.stored.receipts[-1]
        return receipt.ends > self._timeline.now and (is_latest or not self._is_fifo)

    def before(self, stored: Stored) -> Iterator[Stored]:
        """The messages in the queue that are before another one of their group."""
        return (
            other
            for other in self.messages.values()
            if other.group == stored.group and other.place < stored.place
        )

    def _remove(self, stored: Stored) -> None:
        if not (stored.is_completed or stored.is_dead_lettered):
            raise Violation(Law.NOTHING_LOST, f'{stored.name} was deleted before all was done')
        stored.is_gone = True
        del self.messages[stored.name]
