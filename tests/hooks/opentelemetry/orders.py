"""One event through a topic into three queues, with a retry, a dead letter and its redrive."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mega.aws.sns import SnsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.errors import RetriableError
from mega.hooks import Hook
from mega.local import Server
from tests.cli.command import mega

__all__ = ('SECRET', 'Orders')

ORDER = {'order': 17, 'total': 250}

SECRET = 'the card 4111 1111 1111 1111 is not known'
"""The text of an exception. No span may contain it."""


class Orders:
    """The topic `orders` with the queues `stock`, `mail` and `billing`."""

    def __init__(self, server: Server, sqs: Any, sns: Any) -> None:
        self._server = server
        self.sqs = sqs
        self._sns = sns
        self.topic = server.create_topic('orders')
        self.dead = server.create_queue('billing-dead')
        self.queues = {
            name: server.create_queue(name, VisibilityTimeout=1)
            for name in ('stock', 'mail', 'billing')
        }

    def subscribe(self, raw: bool) -> None:
        """Subscribe all queues to the topic, with or without raw message delivery."""
        for url in self.queues.values():
            names = {'QueueUrl': url, 'AttributeNames': ['QueueArn']}
            arn = self.sqs.get_queue_attributes(**names)['Attributes']['QueueArn']
            self._sns.subscribe(
                TopicArn=self.topic,
                Protocol='sqs',
                Endpoint=arn,
                Attributes={'RawMessageDelivery': str(raw).lower()},
            )

    def run(self, hook: Hook, **settings: Any) -> None:
        """Publish an order, process it in all queues, and redrive the dead letter."""
        with SnsPublisher(
            self.topic, hooks=[hook], **settings, **self._server.credentials
        ) as publisher:
            publisher.publish(ORDER)
        stock, mail, billing = _subscribers()
        self.drain('stock', stock, hook, **settings)
        self.drain('mail', mail, hook, **settings)
        self._server.advance(60)
        self.drain('mail', mail, hook, **settings)
        self.drain('billing', billing, hook, **settings)
        self._redrive()
        self.drain('billing', billing, hook, **settings)

    def drain(self, queue: str, subscriber: Any, hook: Hook, **settings: Any) -> None:
        """Process the messages of a queue."""
        dead = self.dead if queue == 'billing' else None
        with SqsListener(
            self.queues[queue],
            [subscriber],
            wait_time_seconds=0,
            retry_delay=30,
            dead_letter_queue_url=dead,
            hooks=[hook],
            **settings,
            **self._server.credentials,
        ) as listener:
            listener.drain()

    def _redrive(self) -> None:
        keys = self._server.credentials
        environment = {
            'AWS_ENDPOINT_URL': keys['endpoint_url'],
            'AWS_ACCESS_KEY_ID': keys['aws_access_key_id'],
            'AWS_SECRET_ACCESS_KEY': keys['aws_secret_access_key'],
            'AWS_DEFAULT_REGION': keys['region_name'],
        }
        result = mega(
            'dead-letters', 'redrive', self.dead, '--all', '--yes', environment=environment
        )
        assert result.code == 0, result.err


def _subscribers() -> tuple[Any, Any, Any]:
    """Return subscribers: the first succeeds, the second retries once, and the third fails once."""
    calls: Counter[str] = Counter()

    class ReserveStock(DataSubscriber):
        def process(self, payload: dict[str, Any]) -> None:
            """Succeed."""

    class SendMail(DataSubscriber):
        def process(self, payload: dict[str, Any]) -> None:
            calls['mail'] += 1
            if calls['mail'] == 1:
                raise RetriableError

    class WriteInvoice(DataSubscriber):
        def process(self, payload: dict[str, Any]) -> None:
            calls['billing'] += 1
            if calls['billing'] == 1:
                raise ValueError(SECRET)

    return ReserveStock, SendMail, WriteInvoice
