"""A model of an SQS queue, standard or FIFO, by the documentation of SQS.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/

The documentation leaves these points open, and a random choice decides them:

- Standard: SQS delivers messages in any order, and may deliver a hidden or a deleted message
  again. A delete with an expired receipt handle "succeeds", with or without an effect. A visibility
  change with an older receipt handle succeeds or is refused.
- FIFO: a receive with the attempt id of an earlier one returns the same messages and receipt
  handles, if none of them was changed, and their visibility timeout begins again.
- FIFO: SQS may or may not deliver the first messages of a group while later messages of the group
  are hidden. SQS never delivers a message behind a hidden message of its group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mega.aws.sqs.subscribe.engine.commands import CallResult
from tests.simulation.choices import Choices
from tests.simulation.laws import Law, Violation
from tests.simulation.timeline import Timeline

__all__ = ('Batch', 'Queue', 'QueueBehaviour', 'Receipt', 'Request', 'StoredMessage')

MAX_HIDDEN = 43_200
"""The maximum number of seconds that a message can be hidden after its receive."""


@dataclass(slots=True, eq=False)
class StoredMessage:
    """A message in the queue. `place` is its position in its group, or in a standard queue."""

    name: str
    group: str | None
    place: int
    sent_at: float
    receives: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    hidden_until: float = float('-inf')
    is_completed: bool = False
    is_dead_lettered: bool = False
    is_removed: bool = False


@dataclass(slots=True, eq=False)
class Receipt:
    """One delivery of a message, its number, and the end of its visibility timeout.

    `owner` is the process that received it.
    """

    stored: StoredMessage
    handle: str
    number: int
    since: float
    ends: float
    is_left: bool = False
    is_changed: bool = False
    owner: Any = None

    def __str__(self) -> str:
        return self.handle


Batch: TypeAlias = list[Receipt]


@dataclass(slots=True, eq=False)
class Request:
    """A receive that waits at the queue. It hides messages for `timeout` seconds."""

    number: int
    timeout: int
    until: float
    answer: Callable[[Batch], None]
    attempt_id: str | None = None


@dataclass(slots=True)
class QueueBehaviour:
    """The deviations of a queue (in percent of the cases), and the limit of its redrive policy.

    `names_groups` says whether a delivery contains the group of its message.
    """

    disorder: int = 0
    duplicates: int = 0
    delivers_heads: bool = False
    max_receives: int | None = None
    names_groups: bool = True


class Queue:
    """A queue. It calls `expired` with each receipt whose visibility timeout ended."""

    def __init__(
        self,
        is_fifo: bool,
        behaviour: QueueBehaviour,
        choices: Choices,
        timeline: Timeline,
        expired: Callable[[Receipt], None],
    ) -> None:
        self._is_fifo = is_fifo
        self._choices = choices
        self._timeline = timeline
        self._expired = expired
        self.receipts: dict[str, Receipt] = {}
        self._waiting: list[Request] = []
        self._attempts: dict[str, Batch] = {}
        self._take = self._take_from_groups if is_fifo else self._take_from_standard_queue
        self.behaviour = behaviour
        self.messages: dict[str, StoredMessage] = {}

    def send(self, stored: StoredMessage) -> None:
        self.messages[stored.name] = stored
        self._answer_requests()

    # Receiving

    def receive(self, request: Request) -> None:
        known = self._attempts.get(request.attempt_id or '', [])
        if known and all(self._is_unchanged(receipt) for receipt in known):
            for receipt in known:
                self._hide_until(receipt, self._timeline.now + request.timeout)
            request.answer(known)
            return
        self._waiting.append(request)
        self._answer_requests()
        if request in self._waiting:
            self._timeline.at(request.until, self._time_out, request)

    def _is_unchanged(self, receipt: Receipt) -> bool:
        return not receipt.is_changed and self.is_in_flight(receipt)

    def cancel(self, request: Request) -> None:
        """Cancel a receive: its connection was closed, and SQS noticed it."""
        if request in self._waiting:
            self._waiting.remove(request)

    def _time_out(self, request: Request) -> None:
        if request in self._waiting:
            self._waiting.remove(request)
            request.answer([])

    def _answer_requests(self) -> None:
        while self._waiting:
            request = self._waiting[0]
            taken = self._take(request.number)
            if not taken:
                return
            batch = [
                self._hide(stored, request.timeout)
                for stored in taken
                if not self._redrives(stored)
            ]
            if batch:
                self._waiting.remove(request)
                if request.attempt_id is not None:
                    self._attempts[request.attempt_id] = batch
                request.answer(batch)

    def _take_from_standard_queue(self, number: int) -> list[StoredMessage]:
        now = self._timeline.now
        choices, behaviour = self._choices, self.behaviour
        found = [stored for stored in self.messages.values() if stored.hidden_until <= now]
        if found and choices.chance(behaviour.disorder):
            start = choices.below(len(found))
            found = found[start:] + found[:start]
            number = min(number, 1 + choices.below(len(found)))
        found = found[:number]
        if len(found) < number and self.messages and choices.chance(behaviour.duplicates):
            duplicate = choices.one_of(list(self.messages.values()))
            if duplicate not in found and duplicate.receives:
                found.append(duplicate)
        return found

    def _take_from_groups(self, number: int) -> list[StoredMessage]:
        choices = self._choices
        groups: dict[str | None, list[StoredMessage]] = {}
        for stored in self.messages.values():
            groups.setdefault(stored.group, []).append(stored)
        sequences = [sequence for sequence in map(self._deliverable, groups.values()) if sequence]
        if sequences and choices.chance(self.behaviour.disorder):
            start = choices.below(len(sequences))
            sequences = [
                sequence[: 1 + choices.below(len(sequence))]
                for sequence in sequences[start:] + sequences[:start]
            ]
        return [stored for sequence in sequences for stored in sequence][:number]

    def _deliverable(self, sequence: list[StoredMessage]) -> list[StoredMessage]:
        now = self._timeline.now
        hidden = [place for place, stored in enumerate(sequence) if stored.hidden_until > now]
        if hidden:
            return sequence[: hidden[0]] if self.behaviour.delivers_heads else []
        return sequence

    def _redrives(self, stored: StoredMessage) -> bool:
        """Move a message to the dead-letter queue if the redrive policy of the queue says so."""
        most = self.behaviour.max_receives
        if most is None or stored.receives < most:
            return False
        stored.is_dead_lettered = True
        self._remove(stored)
        return True

    def _hide(self, stored: StoredMessage, timeout: int) -> Receipt:
        now = self._timeline.now
        stored.receives += 1
        handle = f'{stored.name}#{stored.receives}'
        receipt = Receipt(stored, handle, stored.receives, now, now)
        stored.receipts.append(receipt)
        self.receipts[handle] = receipt
        self._hide_until(receipt, now + timeout)
        return receipt

    def _hide_until(self, receipt: Receipt, ends: float) -> None:
        receipt.ends = ends
        stored = receipt.stored
        stored.hidden_until = max(each.ends for each in stored.receipts)
        self._timeline.at(ends, self._on_timeout, receipt, ends)

    def _on_timeout(self, receipt: Receipt, ends: float) -> None:
        if receipt.ends != ends or receipt.stored.is_removed:
            return
        if not receipt.is_left:
            self._expired(receipt)
        self._answer_requests()

    # Settling

    def delete(self, handle: str) -> CallResult:
        receipt = self.receipts[handle]
        stored = receipt.stored
        if stored.is_removed:
            return CallResult.OK
        is_good = self.is_in_flight(receipt)
        if not is_good and self._is_fifo:
            return CallResult.FAILED
        may_be_kept = 0 if self._is_fifo else self.behaviour.duplicates if is_good else 50
        if not self._choices.chance(may_be_kept):
            self._remove(stored)
            self._answer_requests()
        return CallResult.OK

    def change(self, handle: str, seconds: int, is_leaving: bool) -> CallResult:
        receipt = self.receipts[handle]
        now = self._timeline.now
        is_refused = receipt is not receipt.stored.receipts[-1] and self._choices.chance(50)
        if receipt.stored.is_removed or is_refused or not self.is_in_flight(receipt):
            return CallResult.FAILED
        if now + seconds > receipt.since + MAX_HIDDEN:
            raise Violation(Law.WELL_FORMED, f'{receipt} would be hidden for more than 12 hours')
        if receipt.is_left and not is_leaving:
            raise Violation(Law.SETTLED_ONCE, f'{receipt} was extended when it had been left')
        receipt.is_left = is_leaving
        receipt.is_changed = True
        self._hide_until(receipt, now + seconds)
        return CallResult.OK

    def is_in_flight(self, receipt: Receipt) -> bool:
        """Return whether a receipt handle is valid for a message in flight."""
        is_latest = receipt is receipt.stored.receipts[-1]
        return receipt.ends > self._timeline.now and (is_latest or not self._is_fifo)

    def predecessors(self, stored: StoredMessage) -> Iterator[StoredMessage]:
        """Yield the messages in the queue that precede a message in its group."""
        return (
            other
            for other in self.messages.values()
            if other.group == stored.group and other.place < stored.place
        )

    def _remove(self, stored: StoredMessage) -> None:
        if not (stored.is_completed or stored.is_dead_lettered):
            raise Violation(
                Law.NOTHING_LOST, f'{stored.name} was deleted before its processing was complete'
            )
        stored.is_removed = True
        del self.messages[stored.name]
