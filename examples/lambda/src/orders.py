"""A Lambda function that receives the events of orders from a queue.

`template.yaml` describes the queue, its dead-letter queue and the function.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs.subscribe import Backoff, DataSubscriber, EventSubscriber
from mega.event import event

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


@event('order.paid', domain='shop', subject='order_id')
@dataclass(frozen=True)
class OrderPaid:
    order_id: str
    total: float


class SendReceipt(EventSubscriber[OrderPaid]):
    """Sends the receipt of a paid order."""

    retriable_exceptions = (ConnectionError, TimeoutError)
    retry_delay = Backoff(first=5, longest=300)

    def process(self, event: OrderPaid) -> None:
        if event.total < 0:
            raise ValueError(f'the total of order {event.order_id} is negative')
        logger.info('receipt for order %s: %.2f', event.order_id, event.total)


class ImportOrder(DataSubscriber):
    """Imports the orders of an older system, which sends plain data."""

    pattern = {'type': 'order'}

    async def process(self, payload: dict[str, object]) -> None:
        logger.info('imported order %s', payload.get('id'))


handler = LambdaHandler(
    [SendReceipt, ImportOrder],
    dead_letter_queue_url=os.environ.get('DEAD_LETTER_QUEUE_URL'),
)
