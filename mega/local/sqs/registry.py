"""The queues of an account, by name, URL and ARN."""

from __future__ import annotations

from collections.abc import Mapping

from mega.local.errors import AwsError, missing_queue
from mega.local.operations import Object, text
from mega.local.sqs.attributes import RedrivePolicy
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.observer import Observer
from mega.local.sqs.queues import Queue, Redrive
from mega.local.state import ACCOUNT_ID, State, arn_of

__all__ = ('Registry',)

RECENTLY = 60.0
"""The seconds for which the name of a deleted queue is taken (model, DeleteQueue)."""


class Registry:
    """The queues of an account."""

    def __init__(
        self, state: State, base_url: str, decisions: Decisions, observer: Observer
    ) -> None:
        self.queues: dict[str, Queue] = {}
        self.state = state
        self._base_url = base_url
        self._decisions = decisions
        self._observer = observer
        self._deleted: dict[str, float] = {}

    def create(self, name: str, attributes: Mapping[str, str]) -> Queue:
        """Create a queue with valid attributes."""
        now = self.state.clock()
        deleted_at = self._deleted.get(name)
        if deleted_at is not None and now < deleted_at + RECENTLY:
            raise AwsError(
                'QueueDeletedRecently',
                'You must wait 60 seconds after deleting a queue before you can create another '
                'queue with the same name.',
            )
        queue = Queue(arn_of('sqs', name), attributes, now, self._decisions, self._observer)
        self.queues[name] = queue
        return queue

    def delete(self, queue: Queue) -> None:
        now = self.state.clock()
        queue.purge(now)
        queue.is_deleted = True
        del self.queues[queue.name]
        self._deleted[queue.name] = now
        self._observer.changed(queue.name)

    def reset(self) -> None:
        """Delete all queues. Their names are free."""
        self.queues.clear()
        self._deleted.clear()

    def requested(self, request: Object) -> Queue:
        """Return the queue that the QueueUrl of a request names, by the end of the URL."""
        return self.named(text(request, 'QueueUrl').rpartition('/')[2])

    def named(self, name: str) -> Queue:
        try:
            return self.queues[name]
        except KeyError:
            raise missing_queue() from None

    def by_arn(self, arn: str) -> Queue | None:
        queue = self.queues.get(arn.rpartition(':')[2])
        return queue if queue and queue.arn == arn else None

    def url(self, queue: Queue) -> str:
        return f'{self._base_url}/{ACCOUNT_ID}/{queue.name}'

    def redrive(self, policy: str, source_arn: str) -> Redrive:
        """Return the dead-letter queue of a RedrivePolicy.

        Source: model, CreateQueue: both queues are FIFO, or both are standard; and the
        RedriveAllowPolicy of the dead-letter queue.
        """
        parsed = RedrivePolicy('RedrivePolicy', policy)
        target = self.by_arn(parsed.target_arn)
        if target is None:
            raise parsed.invalid('Dead letter target does not exist.')
        if target.is_fifo != source_arn.endswith('.fifo'):
            raise parsed.invalid('Dead-letter queue must be same type of queue as the source.')
        allow = target.attributes.get('RedriveAllowPolicy')
        if allow and not RedrivePolicy('RedriveAllowPolicy', allow).allows(source_arn):
            raise parsed.invalid(
                'The RedriveAllowPolicy of the dead letter target does not allow this source queue.'
            )
        return Redrive(target, parsed.max_receives)
