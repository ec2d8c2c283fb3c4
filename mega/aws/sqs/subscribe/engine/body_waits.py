"""Messages that wait for their bodies from S3.

    begin a        the body of a is not there yet: the worker goes on with b
    1 s later      a does not count as in flight for the next receive
    fetched a      a waits for a worker again

If S3 does not respond, the message expires with its visibility timeout, which is not extended.
Neither a worker nor the next receive waits for it.
"""

from __future__ import annotations

from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.delivery import FETCHING, NOT_BEGUN, WAITING, WORKING, Delivery
from mega.aws.sqs.subscribe.engine.in_flight import InFlight
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues

__all__ = ('BodyWaits', 'next_check')

STALLED_AFTER = 1.0
"""Seconds after its receive from which a message without its body is not counted as in flight. The
bodies of one receive arrive in far less time."""

MAX_STALLED = 40
"""The number of messages that are not counted. Each of them occupies a connection to S3."""


class BodyWaits:
    """The deliveries in the phase FETCHING."""

    def __init__(
        self, groups: GroupQueues, in_flight: InFlight, schedule: Callable[[float], None]
    ) -> None:
        self._groups = groups
        self._in_flight = in_flight
        self._schedule = schedule
        self._waiting: dict[Delivery, None] = {}  # a set in the order of insertion
        self.is_stopping = False

    def begin(self, delivery: Delivery, now: float) -> None:
        """A worker found that the body of a message is not there yet."""
        if delivery.phase is not WORKING:
            return
        delivery.phase = FETCHING
        delivery.begun_at = NOT_BEGUN
        self._waiting[delivery] = None
        self._schedule(next_check(delivery, now))
        if self.is_stopping:
            self._in_flight.release(delivery)

    def end(self, delivery: Delivery, now: float) -> None:
        """The body of a message is there, or the attempt to fetch it has failed."""
        if delivery.phase is FETCHING:
            delivery.phase = WAITING
            self._groups.ready.append(delivery)
            self._waiting.pop(delivery, None)
            self._schedule(now)  # from now on its visibility timeout is extended

    def stalled(self, now: float) -> int:
        """Return the number of messages that do not count as in flight for the next receive."""
        if not self._waiting:
            return 0
        for delivery in [each for each in self._waiting if each.phase is not FETCHING]:
            del self._waiting[delivery]  # it expired or was released
        count = sum(now >= each.received_at + STALLED_AFTER for each in self._waiting)
        return min(count, MAX_STALLED)


def next_check(delivery: Delivery, now: float) -> float:
    """Return when a message that waits for its body will be stalled, or else when it expires."""
    stalls_at = delivery.received_at + STALLED_AFTER
    return min(stalls_at, delivery.hidden_until) if now < stalls_at else delivery.hidden_until
