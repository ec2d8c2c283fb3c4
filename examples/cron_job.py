"""A cron job that takes the orders of a queue, without a listener, and decides about each of them.

python -m examples.cron_job --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

from dataclasses import dataclass

from examples.scratch import on_aws, scratch_queue
from mega.aws.sqs import ReceivedMessage, SqsPublisher, SqsReceiver
from mega.errors import ConsumeError


@dataclass(frozen=True)
class Order:
    number: int
    customer: str


def ship(received: ReceivedMessage) -> None:
    """Ship the order in a message, and settle the message."""
    try:
        order = received.payload_as(Order)
    except ConsumeError as error:
        received.dead_letter(error)
        print(f'dead letter: {error}')
        return
    if order.customer == 'bob' and received.message.receive_count == 1:
        received.retry(1)
        print(f'order {order.number} waits for a second')
        return
    print(f'order {order.number} to {order.customer}, receive {received.message.receive_count}')
    received.ack()


def main(queue_url: str, dead_letter_queue_url: str) -> None:
    with SqsPublisher(queue_url) as publisher:
        publisher.publish_batch([Order(1, 'ann'), Order(2, 'bob'), {'number': 3}])
    with SqsReceiver(
        queue_url,
        max_number_of_messages=10,
        wait_time_seconds=2,
        dead_letter_queue_url=dead_letter_queue_url,
    ) as receiver:
        while messages := receiver.receive():
            for received in messages:
                ship(received)
    print('The queue is empty.')


if __name__ == '__main__':
    with (
        on_aws('Orders for a cron job.'),
        scratch_queue() as queue_url,
        scratch_queue('-dead') as dead_letter_queue_url,
    ):
        main(queue_url, dead_letter_queue_url)
