"""The front end of the model of SQS: one queue, with long polls in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mega.aws.sqs.subscribe.engine.commands import CallResult, Entry, Receive
from mega.local.account import Account
from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, no_error
from mega.local.sqs.observer import Observer, Removal
from mega.local.sqs.queues import Queue
from mega.local.sqs.stored import Receipt, StoredMessage
from mega.local.state import arn_of
from tests.simulation.choices import Choices
from tests.simulation.decisions import QueueBehaviour, RandomDecisions
from tests.simulation.laws import Law, Violation
from tests.simulation.timeline import Timeline
from tests.simulation.tracking import SentMessage, TrackedReceipt

__all__ = ('MAX_HIDDEN', 'Batch', 'QueueFrontEnd', 'Request')

MAX_HIDDEN = 43_200
"""The maximum number of seconds that a message can be hidden after its receive."""

_RETENTION = {'MessageRetentionPeriod': '1209600'}  # longer than any schedule

Batch: TypeAlias = list[TrackedReceipt]


@dataclass(slots=True, eq=False)
class Request:
    """A receive that waits at the queue. `answer` is called with its messages."""

    command: Receive
    until: float
    answer: Callable[[Batch], None]


class QueueFrontEnd(Observer):
    """A queue. It calls `expired` with each receipt whose visibility timeout ended.

    `messages` has the messages in the queue, by name. `receipts` has the receipts of all receives,
    by the receipt handle that the engine knows.
    """

    def __init__(
        self,
        is_fifo: bool,
        behaviour: QueueBehaviour,
        choices: Choices,
        timeline: Timeline,
        expired: Callable[[TrackedReceipt], None],
    ) -> None:
        self._timeline = timeline
        self._expired = expired
        self._waiting: list[Request] = []
        self._by_handle: dict[str, TrackedReceipt] = {}
        self._ended: list[TrackedReceipt] = []
        self._has_changed = False
        self._alarm = float('inf')
        self.receipts: dict[str, TrackedReceipt] = {}
        self.messages: dict[str, SentMessage] = {}
        self.decisions = RandomDecisions(choices, behaviour)
        self._account = Account(lambda: timeline.now, decisions=self.decisions, observer=self)
        self._url, self._model = self._create('.fifo' if is_fifo else '', behaviour.max_receives)

    def _create(self, suffix: str, max_receives: int | None) -> tuple[str, Queue]:
        """Create the queue, and the dead-letter queue of its redrive policy."""
        name, dead = f'queue{suffix}', f'dead{suffix}'
        attributes = {**_RETENTION, **({'FifoQueue': 'true'} if suffix else {})}
        policy = {}
        if max_receives is not None:
            self._call('CreateQueue', {'QueueName': dead, 'Attributes': attributes})
            redrive = {
                'deadLetterTargetArn': arn_of('sqs', dead),
                'maxReceiveCount': max_receives,
            }
            policy['RedrivePolicy'] = json.dumps(redrive)
        parameters = {'QueueName': name, 'Attributes': {**attributes, **policy}}
        url: str = self._call('CreateQueue', parameters)['QueueUrl']
        return url, self._account.sqs.queues[name]

    # Calls

    def send(self, message: SentMessage) -> None:
        self.messages[message.name] = message
        parameters: Object = {'QueueUrl': self._url, 'MessageBody': message.name}
        if message.group is not None:
            parameters['MessageGroupId'] = message.group
            parameters['MessageDeduplicationId'] = message.name
        self._call('SendMessage', parameters)
        self._follow_up()

    def receive(self, request: Request) -> None:
        self._waiting.append(request)
        if not self._answer(request):
            self._timeline.at(request.until, self._time_out, request)
        self._follow_up()

    def cancel(self, request: Request) -> None:
        """Cancel a receive: its connection was closed, and SQS noticed it."""
        if request in self._waiting:
            self._waiting.remove(request)

    def delete(self, entries: Sequence[Entry], next_error: NextError) -> list[CallResult]:
        results = self._call_for_entries('DeleteMessageBatch', entries, next_error)
        self._follow_up()
        return results

    def change(
        self, entries: Sequence[Entry], are_left: Sequence[bool], next_error: NextError
    ) -> list[CallResult]:
        """Change visibility timeouts. `are_left` says which messages are left in the queue."""
        results = self._call_for_entries('ChangeMessageVisibilityBatch', entries, next_error)
        for entry, is_left, result in zip(entries, are_left, results, strict=True):
            receipt = self.receipts[entry.receipt_handle]
            if result is CallResult.OK:
                if receipt.is_left and not is_left:
                    problem = f'{receipt} was extended when it had been left'
                    raise Violation(Law.SETTLED_ONCE, problem)
                receipt.is_left = is_left
        self._follow_up()
        return results

    def _call_for_entries(
        self, operation: str, entries: Sequence[Entry], next_error: NextError
    ) -> list[CallResult]:
        is_change = operation == 'ChangeMessageVisibilityBatch'
        requested = [
            {
                'Id': entry.id,
                'ReceiptHandle': self.receipts[entry.receipt_handle].model.handle,
                **({'VisibilityTimeout': entry.seconds} if is_change else {}),
            }
            for entry in entries
        ]
        parameters = {'QueueUrl': self._url, 'Entries': requested}
        failed = self._call(operation, parameters, next_error).get('Failed', ())
        errors = {error['Id']: error for error in failed}
        return [self._result(entry, errors.get(entry.id)) for entry in entries]

    def _result(self, entry: Entry, error: Object | None) -> CallResult:
        """Return the result of an entry. SQS refuses a valid receipt handle only for a mistake."""
        if error is None:
            return CallResult.OK
        if not error['SenderFault']:
            return CallResult.RETRY
        receipt = self.receipts[entry.receipt_handle]
        if receipt.is_latest and self.is_in_flight(receipt):
            raise Violation(Law.WELL_FORMED, f'{receipt}: {error["Code"]}: {error["Message"]}')
        return CallResult.FAILED

    def _call(self, operation: str, parameters: Object, next_error: NextError = no_error) -> Object:
        try:
            return self._account.call('sqs', operation, parameters, next_error)
        except AwsError as error:
            problem = f'{operation}: {error.code}: {error.message}'
            raise Violation(Law.WELL_FORMED, problem) from None

    # Long polls

    def _answer(self, request: Request) -> bool:
        """Answer a receive if there are messages for it now."""
        command = request.command
        parameters: Object = {
            'QueueUrl': self._url,
            'MaxNumberOfMessages': command.max_messages,
            'VisibilityTimeout': command.visibility_timeout,
            'WaitTimeSeconds': command.wait_seconds,
        }
        if command.attempt_id is not None:
            parameters['ReceiveRequestAttemptId'] = command.attempt_id
        answer = self._call('ReceiveMessage', parameters).get('Messages', ())
        if answer:
            self._waiting.remove(request)
            request.answer([self._by_handle[each['ReceiptHandle']] for each in answer])
        return bool(answer)

    def _time_out(self, request: Request) -> None:
        if request in self._waiting:
            self._waiting.remove(request)
            request.answer([])

    def _follow_up(self) -> None:
        """After a call: report the ends of visibility timeouts, and answer waiting receives."""
        while self._ended:
            receipt = self._ended.pop(0)
            if not receipt.is_left:
                self._expired(receipt)
        if self._has_changed:
            self._has_changed = False
            while self._waiting and self._answer(self._waiting[0]):
                pass
        when = self._model.next_change()
        if when is not None and when < self._alarm:
            self._alarm = when
            self._timeline.at(when, self._on_alarm, when)

    def _on_alarm(self, when: float) -> None:
        if when == self._alarm:
            self._alarm = float('inf')
            self._has_changed = True
            self._model.update(when)
            self._follow_up()

    # Notices of the model

    def changed(self, queue_name: str) -> None:
        self._has_changed = True

    def received(self, receipt: Receipt) -> None:
        message = self.messages[receipt.stored.message.draft.body]
        tracked = TrackedReceipt(message, receipt)
        self.receipts[tracked.handle] = self._by_handle[receipt.handle] = tracked

    def visibility_ended(self, receipt: Receipt) -> None:
        self._ended.append(self._by_handle[receipt.handle])

    def removed(self, stored: StoredMessage, reason: Removal) -> None:
        message = self.messages.pop(stored.message.draft.body)
        message.is_removed = True
        message.is_dead_lettered = message.is_dead_lettered or reason is Removal.MOVED
        if not (message.is_completed or message.is_dead_lettered):
            problem = f'{message.name} was {reason.value} before its processing was complete'
            raise Violation(Law.NOTHING_LOST, problem)

    # Facts for the laws

    def is_in_flight(self, receipt: TrackedReceipt) -> bool:
        """Return whether a receipt handle is valid for a message in flight."""
        return self._model.is_in_flight(receipt.model, self._timeline.now)

    def predecessors(self, message: SentMessage) -> Iterator[SentMessage]:
        """Yield the messages in the queue that precede a message in its group."""
        return (
            other
            for other in self.messages.values()
            if other.group == message.group and other.place < message.place
        )
