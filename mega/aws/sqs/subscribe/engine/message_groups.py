"""The order of the starts of messages.

On a standard queue any waiting message may start. On a FIFO queue only the first message of each
message group may start, and the next one only after SQS deleted the first. A message that failed,
or that was not deleted, is delivered again, and must not be processed after its followers.

Example: A1, A2 and B1 arrive, where the letter is the message group. A1 and B1 are ready. A2
becomes ready when SQS confirms the delete of A1. If a subscriber asks for a retry of A1, then A2
returns to the queue first and A1 after it. In the other order SQS could deliver A1 again while this
listener still hides A2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mega.aws.sqs.subscribe.engine.delivery import LEAVING, WAITING, Delivery

__all__ = ('GroupQueues',)


class GroupQueues:
    """The deliveries in flight in the order of their arrival: one queue for each message group."""

    def __init__(self, is_fifo: bool) -> None:
        self._is_fifo = is_fifo
        self._groups: dict[str | None, deque[Delivery]] = {}
        self.ready: deque[Delivery] = deque()
        """The deliveries that may start; some of them may have left their phase meanwhile."""

    def add(self, delivery: Delivery) -> None:
        """Add a delivery behind all others of its group."""
        if not self._is_fifo:
            self.ready.append(delivery)
            return
        queue = self._groups.setdefault(delivery.group, deque())
        queue.append(delivery)
        if queue[0] is delivery:
            self.ready.append(delivery)

    def remove(self, delivery: Delivery) -> None:
        """Remove a delivery, so that the next one of its group may start."""
        if not (queue := self._queue_of(delivery)):
            return
        was_first = queue[0] is delivery
        queue.remove(delivery)
        if not queue:
            del self._groups[delivery.group]
        elif was_first and queue[0].phase is WAITING:
            self.ready.append(queue[0])

    def followers(self, delivery: Delivery) -> Iterator[Delivery]:
        """Yield the waiting deliveries behind a delivery of the same group, the last one first."""
        for other in reversed(self._queue_of(delivery)):
            if other is delivery:
                return
            if other.phase is WAITING:
                yield other

    def must_wait(self, delivery: Delivery) -> bool:
        """Return whether followers in the group must become visible before this delivery.

        The first delivery of a receive waits. The others of the same receive leave in one call.
        """
        deliveries = iter(self._queue_of(delivery))
        for earlier in deliveries:
            if earlier is delivery:
                return any(follower.phase is LEAVING for follower in deliveries)
            if earlier.received_at == delivery.received_at:
                return False
        return False

    def _queue_of(self, delivery: Delivery) -> deque[Delivery]:
        return self._groups.get(delivery.group, _EMPTY)


_EMPTY: deque[Delivery] = deque()
