"""A web shop in twenty lines: one service publishes an event, and another service processes it.

python -m examples.web_shop --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

from examples.scratch import on_aws, scratch_queue
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import EventSubscriber, SqsListener
from mega.event import Payload, PayloadBuilder
from mega.match.functions import empty, gt, not_


class ItemAdded(EventSubscriber):
    domain = 'shopping_cart'
    name = 'item.added'
    attributes = {'item_id': not_(empty()), 'quantity': gt(0)}

    def process(self, payload: Payload) -> None:
        event = payload.event
        print(f'{event.subject} put {event.quantity} of {event.item_id} into the cart')


def main(queue_url: str) -> None:
    builder = PayloadBuilder().with_event(domain='shopping_cart', name='item.added')
    builder.with_event(subject='customer 987650', item_id='61fcc874', quantity=5)
    with SqsPublisher(queue_url) as publisher:
        publisher.publish(builder.build())
    with SqsListener(queue_url, [ItemAdded]) as listener:
        listener.drain()  # until the queue is empty; a service calls listen() instead


if __name__ == '__main__':
    with on_aws('A web shop in twenty lines.'), scratch_queue() as queue_url:
        main(queue_url)
