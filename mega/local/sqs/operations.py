"""SQS: its operations and its queues."""

from __future__ import annotations

from mega.local.errors import missing_queue
from mega.local.messages import Draft
from mega.local.operations import Object, Operation, number
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.message_operations import MessageOperations
from mega.local.sqs.move_operations import MoveOperations
from mega.local.sqs.observer import Observer
from mega.local.sqs.queue_operations import QueueOperations
from mega.local.sqs.registry import Registry
from mega.local.state import State

__all__ = ('Sqs',)


class Sqs:
    """The operations of SQS. A ReceiveMessage does not wait: long polls are the caller's."""

    def __init__(
        self, state: State, base_url: str, decisions: Decisions, observer: Observer
    ) -> None:
        self._registry = Registry(state, base_url, decisions, observer)
        self._messages = MessageOperations(self._registry)
        self._moves = MoveOperations(self._registry)
        self.queues = self._registry.queues
        self.operations: dict[str, Operation] = {
            **QueueOperations(self._registry).operations,
            **self._messages.operations,
            **self._moves.operations,
        }

    def deliver(self, queue_arn: str, draft: Draft) -> None:
        """Send a message of a topic to a queue.

        Raises:
            AwsError: for a message that SQS refuses.
        """
        queue = self._registry.by_arn(queue_arn)
        if queue is None:
            raise missing_queue()
        self._messages.send(queue, draft)

    def long_poll(self, request: Object) -> tuple[str, int]:
        """Return the queue's name of a ReceiveMessage, and the seconds that it may wait."""
        queue = self._registry.requested(request)
        return queue.name, number(request, 'WaitTimeSeconds', queue.wait_time)

    def advance(self, now: float) -> None:
        """Perform what is due without a call: message move tasks."""
        self._moves.advance(now)

    def next_event(self, queue_name: str | None = None) -> float | None:
        """Return the time at which the next message becomes visible, in one queue or in any."""
        names = self.queues if queue_name is None else self.queues.keys() & {queue_name}
        times = [self._moves.next_move(), *(self.queues[name].next_change() for name in names)]
        return min((time for time in times if time is not None), default=None)

    def reset(self) -> None:
        """Delete all queues. Their names are free."""
        self._registry.reset()
        self._moves.reset()
