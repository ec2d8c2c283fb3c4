"""The subscribers of the demo's three queues.

Every subscriber reports each message that it processes to the demo.
"""

from __future__ import annotations

import json
from typing import Any

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    ProcessStatus,
    SqsListener,
    TextSubscriber,
)
from mega.cli.demo.aws import Aws, Bus
from mega.cli.demo.reports import STEP, Mark, Report, reports
from mega.errors import RetriableError
from mega.event import Payload
from mega.match.functions import empty, gt, gte, match, not_, one_of

__all__ = ('AUDIT', 'FAILED', 'ORDERS', 'create_listeners')


def _report(subscriber: MessageSubscriber, mark: Mark, payload: object, note: str = '') -> None:
    message = subscriber.message
    step, name = int(message.attributes[STEP]), type(subscriber).__name__
    reports.put(Report(step, mark, name, payload, message.topic_arn is not None, note))


# ── the queue "orders": messages of publishers and, raw, of the topic ────────────────────────────


class Users(EventSubscriber):
    name = 'user.created'
    subject = match(r'^\d+$')
    current_object = {'email': not_(empty())}

    def process(self, payload: Payload) -> ProcessStatus:
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


class Carts(EventSubscriber):
    domain = 'shopping_cart'
    name = 'item.added'
    version = one_of(1, 2)
    attributes = {'item_id': not_(empty()), 'quantity': gt(0)}

    def process(self, payload: Payload) -> ProcessStatus:
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


class BulkOrders(EventSubscriber):
    domain = 'shopping_cart'
    name = match('item[.]')
    attributes = {'quantity': gte(5)}

    async def process(self, payload: Payload) -> ProcessStatus:
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


class Checkout(EventSubscriber):
    domain = 'shopping_cart'
    name = 'checkout'

    def process(self, payload: Payload) -> ProcessStatus:
        _report(self, Mark.FAILED, payload)
        raise ValueError('the card was declined')


class Mailer(DataSubscriber):
    pattern = {
        'type': 'user_notification',
        'notification_type': 'email',
        'user': {'id': gt(0), 'email': not_(match('test@(.*)'))},
    }

    def process(self, payload: dict[str, Any]) -> ProcessStatus:
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


class Pusher(DataSubscriber):
    pattern = {'type': 'user_notification', 'notification_type': one_of('push', 'sms')}

    def process(self, payload: dict[str, Any]) -> ProcessStatus:
        if self.message.receive_count == 1:
            _report(self, Mark.RETRIED, payload, 'was busy, and retried after one second')
            raise RetriableError(delay=1)
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


class Letters(TextSubscriber):
    def process(self, payload: str) -> ProcessStatus:
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


class Pictures(BlobSubscriber):
    pattern = staticmethod(lambda blob: blob.startswith(b'\x89PNG'))

    def process(self, payload: bytes) -> ProcessStatus:
        _report(self, Mark.DONE, payload)
        return ProcessStatus.DONE


ORDERS = (Users, Carts, BulkOrders, Checkout, Mailer, Pusher, Letters, Pictures)


# ── the queue "audit": messages of the topic, in SNS's envelope ──────────────────────────────────


class Audit(MessageSubscriber):
    def process(self, payload: object) -> None:
        _report(self, Mark.DONE, payload)


AUDIT = (Audit,)


# ── the queue "failed": dead letters of the queue "orders" ───────────────────────────────────────


class DeadLetters(MessageSubscriber):
    def process(self, payload: object) -> None:
        reason = json.loads(self.message.attributes['MegaDeadLetter'])
        _report(self, Mark.DEAD_LETTER, payload, f'{reason["error"]}: {reason["text"]}')


FAILED = (DeadLetters,)


def create_listeners(aws: Aws, bus: Bus) -> dict[str, SqsListener]:
    """Return the listener of each queue by its name."""

    def create(url: str, *subscribers: type[MessageSubscriber], **settings: Any) -> SqsListener:
        return SqsListener(url, subscribers, **settings, **aws.connection)

    return {
        'orders': create(bus.orders, *ORDERS, dead_letter_queue_url=bus.failed),
        'audit': create(bus.audit, *AUDIT, dead_letter_queue_url=bus.failed),
        'failed': create(bus.failed, *FAILED),
    }
