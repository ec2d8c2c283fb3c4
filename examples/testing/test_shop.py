"""Eight tests of the subscribers of a shop, without AWS and without waiting."""

from __future__ import annotations

import pytest

from examples.testing.shop import AnnounceOrder, Carrier, ShipOrder
from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener
from mega.event import PayloadBuilder
from mega.testing import Bus, Queue

ORDER = {'order': 'A-1', 'quantity': 2}


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def orders(bus: Bus) -> Queue:
    return bus.queue('orders')


@pytest.fixture(autouse=True)
def carrier(monkeypatch: pytest.MonkeyPatch) -> Carrier:
    carrier = Carrier()
    monkeypatch.setattr(ShipOrder, 'carrier', carrier, raising=False)
    return carrier


def test_an_order_is_shipped_an_hour_later_if_the_carrier_is_closed(
    bus: Bus, orders: Queue, carrier: Carrier
) -> None:
    carrier.refusals = 1
    begin = bus.time
    SqsPublisher(orders, client=bus.sqs).publish(ORDER)
    bus.run(SqsListener(orders, [ShipOrder], client=bus.sqs))
    bus.assert_processed(ShipOrder, ORDER, times=1)
    assert bus.time - begin >= 3_600


def test_an_empty_order_is_dead_lettered_with_its_reason(bus: Bus, orders: Queue) -> None:
    failed = bus.queue('failed')
    SqsPublisher(orders, client=bus.sqs).publish({'order': 'A-1', 'quantity': 0})
    listener = SqsListener(orders, [ShipOrder], dead_letter_queue_url=failed, client=bus.sqs)
    with pytest.raises(ValueError, match='A-1 is empty'):
        bus.run(listener)
    bus.assert_dead_lettered({'order': 'A-1'}, error=ValueError)
    assert bus.dead_letters()[0].reason == 'the order A-1 is empty'


def test_the_orders_of_a_customer_are_shipped_in_order(bus: Bus, carrier: Carrier) -> None:
    carrier.refusals = 1  # the other orders wait for the first one
    queue = bus.queue('orders', fifo=True)
    publisher = SqsPublisher(queue, client=bus.sqs)
    for number in range(1, 6):
        order = {'order': f'A-{number}', 'quantity': 1}
        publisher.publish(order, message_group_id='customer-1')
    bus.run(SqsListener(queue, [ShipOrder], max_number_of_messages=10, client=bus.sqs))
    assert carrier.shipped == ['A-1', 'A-2', 'A-3', 'A-4', 'A-5']


@pytest.mark.parametrize('raw', [True, False], ids=['raw', 'wrapped'])
def test_an_order_arrives_through_a_topic(
    bus: Bus, orders: Queue, carrier: Carrier, raw: bool
) -> None:
    topic = bus.topic('shop', to=[orders], raw=raw)
    SnsPublisher(topic, client=bus.sns).publish(ORDER)
    bus.run(SqsListener(orders, [ShipOrder], client=bus.sqs))
    assert carrier.shipped == ['A-1']


def test_a_large_order_travels_through_s3(bus: Bus, orders: Queue, carrier: Carrier) -> None:
    store = S3PayloadStore(bus.bucket('bodies'), client=bus.s3)
    publisher = SqsPublisher(orders, payload_store=store, client=bus.sqs)
    publisher.publish({**ORDER, 'drawing': 'x' * 2_000_000})
    bus.run(SqsListener(orders, [ShipOrder], payload_store=store, client=bus.sqs))
    assert carrier.shipped == ['A-1']


def test_an_order_that_sqs_delivers_twice_is_shipped_once(
    bus: Bus, orders: Queue, carrier: Carrier
) -> None:
    bus.duplicate_next()
    SqsPublisher(orders, client=bus.sqs).publish(ORDER)
    bus.run(SqsListener(orders, [ShipOrder], client=bus.sqs))
    bus.assert_processed(ShipOrder, ORDER, times=2)
    assert carrier.shipped == ['A-1']


def test_the_order_of_a_lost_delete_is_not_shipped_again(bus: Bus, orders: Queue) -> None:
    bus.lose('DeleteMessage')
    SqsPublisher(orders, client=bus.sqs).publish(ORDER)
    bus.run(SqsListener(orders, [ShipOrder], client=bus.sqs))
    bus.assert_processed(ShipOrder, ORDER, times=1)
    bus.assert_nothing_left()


def test_only_large_orders_are_announced(
    bus: Bus, orders: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = bus.queue('news')
    announcer = SqsPublisher(news, client=bus.sqs)
    monkeypatch.setattr(AnnounceOrder, 'publisher', announcer, raising=False)
    publisher = SqsPublisher(orders, client=bus.sqs)
    for order_id, quantity in (('A-1', 5), ('A-2', 500)):
        event = PayloadBuilder().with_event(
            name='order.placed', order_id=order_id, quantity=quantity
        )
        publisher.publish(event.build())
    bus.run(SqsListener(orders, [AnnounceOrder], client=bus.sqs))
    bus.assert_published({'event': {'name': 'order.placed'}}, times=2, to=orders)
    bus.assert_published({'announce': 'A-2'}, times=1, to=news)
    bus.assert_nothing_else_published()
