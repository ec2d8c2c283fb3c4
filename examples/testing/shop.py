"""The subscribers of a shop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber
from mega.errors import RetriableError
from mega.event import Payload
from mega.match.functions import exists, gt


class Carrier:
    """Ships orders, each of them once. It refuses the next `refusals` orders."""

    def __init__(self) -> None:
        self.shipped: list[str] = []
        self.refusals = 0

    def ship(self, order: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise RetriableError(timedelta(hours=1), 'the carrier is closed')
        if order not in self.shipped:
            self.shipped.append(order)


class ShipOrder(DataSubscriber):
    """Passes an order to the carrier."""

    pattern = {'order': exists()}
    carrier: Carrier

    def process(self, payload: dict[str, Any]) -> None:
        if not payload['quantity']:
            raise ValueError(f'the order {payload["order"]} is empty')
        self.carrier.ship(payload['order'])


class AnnounceOrder(EventSubscriber):
    """Announces a large order on another queue."""

    name = 'order.placed'
    attributes = {'quantity': gt(100)}
    publisher: SqsPublisher

    def process(self, payload: Payload) -> None:
        self.publisher.publish({'announce': payload.event.order_id})
