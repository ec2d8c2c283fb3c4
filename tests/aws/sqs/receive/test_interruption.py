"""Ctrl-C in each call of a receiver: the end of its block releases what is not settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mega.aws._transport.in_process import InProcessClient
from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import ReceivedMessage, SqsReceiver
from mega.testing import Bus, Queue
from tests.aws.sqs.receive.factories import payloads, published, receiver_on

HOURS = 43_200


def interrupted_receiver(
    bus: Bus, queue: Queue, method: str, *, is_after: bool = False, **options: Any
) -> SqsReceiver:
    """Return a receiver whose first call of a method is interrupted, before or after its effect."""
    is_interrupted = False

    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        nonlocal is_interrupted
        is_first = operation == method and not is_interrupted
        is_interrupted = is_interrupted or is_first
        if is_first and not is_after:
            raise KeyboardInterrupt
        response: dict[str, Any] = bus.sqs._call(operation, request)
        if is_first:
            raise KeyboardInterrupt
        return response

    client: Any = InProcessClient('sqs', call, bus.sqs.clock)
    given = {'max_number_of_messages': 10, 'visibility_timeout': HOURS, **options}
    return SqsReceiver(queue, client=client, wait_time_seconds=0, **given)


BEFORE_OR_AFTER = pytest.mark.parametrize('is_after', [False, True], ids=['before', 'after'])

SETTLEMENTS: dict[str, tuple[str, Callable[[ReceivedMessage], None]]] = {
    'ack': ('DeleteMessageBatch', lambda received: received.ack()),
    'dead letter': ('SendMessage', lambda received: received.dead_letter('bad')),
    'delete of a dead letter': (
        'DeleteMessageBatch', lambda received: received.dead_letter('bad'),
    ),
    'retry': ('ChangeMessageVisibilityBatch', lambda received: received.retry(5)),
}  # fmt: skip


@BEFORE_OR_AFTER
@pytest.mark.parametrize(('method', 'settle'), SETTLEMENTS.values(), ids=[*SETTLEMENTS])
def test_ctrl_c_in_a_settlement_hides_no_message(
    bus: Bus, method: str, settle: Callable[[ReceivedMessage], None], is_after: bool
) -> None:
    orders, dead = bus.queue('orders'), bus.queue('dead')
    published(bus, orders, 'hej')
    receiver = interrupted_receiver(
        bus, orders, method, is_after=is_after, dead_letter_queue_url=dead
    )
    with receiver:
        [received] = receiver.receive()
        with pytest.raises(KeyboardInterrupt):
            settle(received)
    bus.advance(5)
    is_deleted = is_after and method == 'DeleteMessageBatch'
    assert payloads(receiver_on(bus, orders).receive()) == ([] if is_deleted else ['hej'])


@BEFORE_OR_AFTER
def test_ctrl_c_in_an_extension_hides_no_message(bus: Bus, is_after: bool) -> None:
    carts = bus.queue('carts.fifo')
    published(bus, carts, 'a1', 'a2', group='a')
    method = 'ChangeMessageVisibilityBatch'
    with interrupted_receiver(bus, carts, method, is_after=is_after) as receiver:
        [first] = receiver.receive()
        bus.advance(30_000)
        first.ack()
        with pytest.raises(KeyboardInterrupt):
            receiver.receive()
    assert payloads(receiver_on(bus, carts).receive()) == ['a2']


def test_ctrl_c_in_the_release_closes_the_rest(bus: Bus) -> None:
    orders = bus.queue('orders')
    published(bus, orders, 'hej')
    store = S3PayloadStore(bus.bucket('bodies'), client=bus.s3)
    receiver = interrupted_receiver(
        bus, orders, 'ChangeMessageVisibilityBatch', payload_store=store
    )
    receiver.receive()
    with pytest.raises(KeyboardInterrupt):
        receiver.close()
    assert receiver._bodies is not None
    assert receiver._bodies._is_closed
    receiver.close()
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']
