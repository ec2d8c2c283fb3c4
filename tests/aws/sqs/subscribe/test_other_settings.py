"""`with_settings`: a listener with other settings, and the same subscribers."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener, Stats
from mega.errors import ConfigurationError
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber

ORDERS = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
KEYS: Any = {'aws_access_key_id': 'id', 'aws_secret_access_key': 'classified'}


def test_another_queue_has_the_same_subscribers_and_its_own_statistics() -> None:
    bus, seen = Bus(), list[object]()
    orders, returns = bus.queue('orders'), bus.queue('returns')
    listener = SqsListener(orders, [subscriber(None, seen)], client=bus.sqs)
    other = listener.with_settings(queue_url=returns)
    bus.sqs.send_message(QueueUrl=orders, MessageBody='order')
    bus.sqs.send_message(QueueUrl=returns, MessageBody='return')
    bus.run(other)
    assert seen == ['return']
    assert (listener.queue_url, other.queue_url) == (orders, returns)
    assert (listener.stats(), other.stats()) == (Stats(), Stats(received=1, done=1, deleted=1))


def test_a_later_subscriber_is_of_one_listener_only() -> None:
    class First(MessageSubscriber):
        def process(self, payload: object) -> None: ...

    class Second(First): ...

    listener = SqsListener(ORDERS, [First], **KEYS)
    other = listener.with_settings(concurrency=4)
    other.register_subscriber(Second)
    assert (listener.subscribers, other.subscribers) == ((First,), (First, Second))


def test_a_fifo_queue_has_its_order_with_the_subscribers_of_a_standard_queue() -> None:
    bus, seen = Bus(), list[object]()
    listener = SqsListener(
        bus.queue('orders'), [subscriber(None, seen)], client=bus.sqs, max_number_of_messages=10
    )
    fifo = bus.queue('orders', fifo=True)
    for body in 'abc':
        bus.sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId='1')
    bus.run(listener.with_settings(queue_url=fifo, concurrency=3))
    assert seen == ['a', 'b', 'c']


def test_a_subclass_keeps_its_class_and_attributes() -> None:
    class OrderListener(SqsListener):
        def __init__(self, name: str) -> None:
            super().__init__(ORDERS, **KEYS)
            self.name = name

    other = OrderListener('first').with_settings(grace_period=5)
    assert (type(other), other.name) == (OrderListener, 'first')


@pytest.mark.parametrize(
    'settings',
    [
        {'queue_url': 'orders'},
        {'queue_url': f'{ORDERS}-dead'},
        {'concurrency': 0},
        {'grace_period': -1},
    ],
    ids=str,
)
def test_invalid_settings_are_refused_and_the_listener_does_not_change(
    settings: dict[str, Any],
) -> None:
    listener = SqsListener(ORDERS, dead_letter_queue_url=f'{ORDERS}-dead', **KEYS)
    with pytest.raises(ConfigurationError) as caught:
        listener.with_settings(**settings)
    assert next(iter(settings)) in str(caught.value)
    assert listener.queue_url == ORDERS


def test_an_unmatched_message_cannot_be_left_in_another_queue_that_is_fifo() -> None:
    listener = SqsListener(ORDERS, unmatched='leave', **KEYS)
    with pytest.raises(ConfigurationError, match='FIFO'):
        listener.with_settings(queue_url=f'{ORDERS}.fifo')


def test_the_other_listener_has_the_credentials_and_hides_them_in_tracebacks() -> None:
    listener = SqsListener(ORDERS, **KEYS)
    other = listener.with_settings(concurrency=2)
    credentials = other._aws.client._request_signer._credentials
    assert credentials.secret_key == 'classified'
    with pytest.raises(ConfigurationError) as caught:
        listener.with_settings(queue_url='https://sqs.eu-west-1.amazonaws.com/1/ü')
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert 'classified' not in ''.join(report.format())
