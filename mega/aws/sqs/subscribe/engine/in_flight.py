"""The deliveries in flight, and how each of them ends.

A drain does not process a message again that it left in the queue. A message that may be visible at
once is held until the drain ends: it stays hidden, so that SQS does not deliver it again. So is a
message that SQS delivers again after its delay. On a FIFO queue this applies to the whole message
group.

Example: a subscriber asks for a retry of `a` without a delay. `a` is held, two receives return
nothing, the drain ends, and `a` is visible again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mega.aws.sqs.subscribe.engine.batches import VisibilityBatcher
from mega.aws.sqs.subscribe.engine.commands import EngineSettings, Notice, Receive
from mega.aws.sqs.subscribe.engine.delivery import (
    DEAD_LETTERING,
    ENDED,
    FETCHING,
    HELD,
    LEAVING,
    NOT_BEGUN,
    WAITING,
    WORKING,
    Delivery,
)
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues

__all__ = ('InFlight',)


class InFlight:
    """The deliveries that were received and did not end yet, by message id."""

    def __init__(
        self,
        groups: GroupQueues,
        visibility: VisibilityBatcher,
        settings: EngineSettings,
        notify: Callable[[Notice, Delivery], None],
    ) -> None:
        self._groups = groups
        self._visibility = visibility
        self._notify = notify
        self._settings = settings
        self._holds = settings.until_empty
        self._left: set[str] = set()
        self.deliveries: dict[str, Delivery] = {}
        self.held: set[Delivery] = set()

    def add_received(
        self, receive: Receive, deliveries: Sequence[Delivery], hidden_at: float
    ) -> list[Delivery]:
        """Add the deliveries of a receive, and return those that were not in flight already."""
        for delivery in deliveries:
            delivery.received_at = hidden_at
            delivery.hidden_until = hidden_at + receive.visibility_timeout
            delivery.visible_at_latest = receive.visible_at_latest
            self.track(delivery)
        return [delivery for delivery in deliveries if delivery.phase is not ENDED]

    def track(self, delivery: Delivery) -> None:
        """Add a delivery. If its message is in flight already, only use the new receipt handle."""
        if self._left and self._key_of(delivery) in self._left:
            delivery.phase = HELD
        known = self.deliveries.get(delivery.id)
        if known is not None:
            is_older = delivery.received_at < known.received_at  # the answer of SQS was late
            if is_older or known.phase is not LEAVING:
                self._notify(Notice.DUPLICATE, known)
                delivery.phase = ENDED
                if not is_older:
                    known.receipt_handle = delivery.receipt_handle
                    known.received_at = delivery.received_at
                    known.hidden_until = delivery.hidden_until
                    known.visible_at_latest = delivery.visible_at_latest
                    known.is_visibility_lost = known.is_overdue = False
                return
            self.forget(known)  # SQS delivered the message again, so it was left in the queue
        self.deliveries[delivery.id] = delivery
        if delivery.phase is HELD:
            self.held.add(delivery)
        self._groups.add(delivery)

    def forget(self, delivery: Delivery) -> None:
        """End a delivery without a further call to SQS."""
        delivery.phase = ENDED
        self.held.discard(delivery)
        if self.deliveries.get(delivery.id) is delivery:
            del self.deliveries[delivery.id]
        self._groups.remove(delivery)

    def return_to_queue(self, delivery: Delivery, delay: int | None, now: float) -> None:
        """Leave a message in the queue, and release all waiting messages behind it in its group.

        After `delay` seconds the message becomes visible. None: when its visibility timeout ends.
        """
        if self._settings.until_empty:
            self._left.add(self._key_of(delivery))
        self._release_followers(delivery)
        if delay == 0 and self._holds:
            delivery.phase = HELD
            self.held.add(delivery)
            return
        if delay is None:
            self.forget(delivery)
            return
        longest = int(delivery.visible_at_latest - now)
        self._schedule_return(delivery, max(0, min(delay, longest)))

    def _release_followers(self, delivery: Delivery) -> None:
        for follower in list(self._groups.followers(delivery)):
            self.release(follower)

    def expire(self, delivery: Delivery) -> None:
        """Leave a message in the queue that did not start within its visibility timeout.

        A drain may receive it again, and process it then.
        """
        if delivery.phase is not HELD:
            self._notify(Notice.EXPIRED, delivery)
            self._release_followers(delivery)
        self.forget(delivery)

    def release(self, delivery: Delivery, notice: Notice = Notice.RELEASED) -> None:
        """Make a message visible at once.

        A message that SQS does not count as in flight is only forgotten: another consumer may have
        received it.
        """
        if delivery.is_visibility_lost:
            self.forget(delivery)
            return
        self._notify(notice, delivery)
        self._schedule_return(delivery, 0)

    def release_waiting(self) -> None:
        """Release all messages that wait for a worker or a body or are held, and hold no more."""
        self._holds = False
        for delivery in list(self.deliveries.values()):
            if delivery.phase is HELD and delivery.begun_at != NOT_BEGUN:
                self._schedule_return(delivery, 0)
            elif delivery.phase in (WAITING, HELD, FETCHING):
                self.release(delivery)

    def release_working(self) -> None:
        """Release all messages that are in processing or wait for the dead-letter queue."""
        for delivery in list(self.deliveries.values()):
            is_unsent = delivery.phase is DEAD_LETTERING and not delivery.is_being_dead_lettered
            if delivery.phase is WORKING and delivery.begun_at == NOT_BEGUN:
                self.release(delivery)
            elif delivery.phase is WORKING or is_unsent:
                delivery.is_overdue = True  # another consumer may receive it from now on
                self.release(delivery, Notice.RELEASED_IN_PROGRESS)

    def _schedule_return(self, delivery: Delivery, delay: int) -> None:
        delivery.phase = LEAVING
        self.held.discard(delivery)
        delivery.delay = delay
        delivery.failed_calls = 0
        delivery.not_before = 0.0
        self._visibility.add_leaving(delivery)

    def _key_of(self, delivery: Delivery) -> str:
        """Return what a drain does not process again: the message, or its message group."""
        return f'group {delivery.group}' if self._settings.is_fifo else delivery.id
