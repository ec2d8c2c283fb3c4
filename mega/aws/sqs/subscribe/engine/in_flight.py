"""What is in hand, and the ways out of it: forgotten, left in the queue, or given back."""

from __future__ import annotations

from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.batches import VisibilityBatcher
from mega.aws.sqs.subscribe.engine.commands import Notice
from mega.aws.sqs.subscribe.engine.delivery import (
    DEAD_LETTERING,
    GONE,
    LEAVING,
    WAITING,
    WORKING,
    Delivery,
)
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues
from mega.aws.sqs.subscribe.engine.visibility import MAX_VISIBILITY

__all__ = ('InFlight',)


class InFlight:
    """Deliveries that are waiting, in work, or not yet settled, by the ids of their messages."""

    def __init__(
        self,
        lines: GroupQueues,
        changes: VisibilityBatcher,
        tell: Callable[[Notice, Delivery], None],
    ) -> None:
        self._lines = lines
        self._changes = changes
        self._tell = tell
        self.held: dict[str, Delivery] = {}

    def track(self, delivery: Delivery) -> None:
        """Take a delivery in hand. Of one that is there already only the handle is news."""
        known = self.held.get(delivery.id)
        if known is not None:
            is_older = delivery.received_at < known.received_at  # it came late
            if is_older or known.phase is not LEAVING:
                self._tell(Notice.DUPLICATE, known)
                if not is_older:
                    known.handle = delivery.handle
                    known.received_at = delivery.received_at
                    known.hidden_until = delivery.hidden_until
                    known.is_lost = False
                return
            self.forget(known)  # it has come again, so nothing is to be told of it any more
        self.held[delivery.id] = delivery
        self._lines.join(delivery)

    def forget(self, delivery: Delivery) -> None:
        """Forget a delivery: there is nothing more to be said of it."""
        delivery.phase = GONE
        if self.held.get(delivery.id) is delivery:
            del self.held[delivery.id]
        self._lines.leave(delivery)

    def leave(self, delivery: Delivery, delay: int | None, now: float) -> None:
        """Leave a message in the queue, and of its group all that are behind it."""
        for follower in list(self._lines.followers(delivery)):
            self.release(follower)
        if delay is None:
            self.forget(delivery)
            return
        left = int(MAX_VISIBILITY - (now - delivery.received_at))
        self._schedule_return(delivery, max(0, min(delay, left)))

    def expire(self, delivery: Delivery, now: float) -> None:
        """Leave a message that was not started in its visibility timeout."""
        self._tell(Notice.EXPIRED, delivery)
        self.leave(delivery, None, now)

    def release(self, delivery: Delivery, happening: Notice = Notice.RELEASED) -> None:
        """Give a message back at once."""
        self._tell(happening, delivery)
        self._schedule_return(delivery, 0)

    def release_waiting(self) -> None:
        for delivery in list(self.held.values()):
            if delivery.phase is WAITING:
                self.release(delivery)

    def release_working(self) -> None:
        """Give back what is in work, and what waits to be sent to the dead-letter queue.

        What others may have already is only forgotten.
        """
        for delivery in list(self.held.values()):
            is_unsent = delivery.phase is DEAD_LETTERING and not delivery.is_being_sent
            if delivery.phase is not WORKING and not is_unsent:
                continue
            if delivery.is_lost:
                self.forget(delivery)
            else:
                self.release(delivery, Notice.RELEASED_IN_PROGRESS)

    def _schedule_return(self, delivery: Delivery, delay: int) -> None:
        delivery.phase = LEAVING
        delivery.delay = delay
        delivery.tries = 0
        delivery.not_before = 0.0
        self._changes.leave(delivery)
