"""A receiver and its messages on a bus: what is returned, and how it is settled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mega.aws._transport.in_process import InProcessClient
from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import ReceivedMessage, SqsPublisher, SqsReceiver
from mega.aws.sqs.subscribe import Backoff, Message
from mega.errors import ConfigurationError, SettlementError
from mega.testing import Bus, Queue
from tests.aws.sqs.receive.factories import payloads, published, receiver_on


@pytest.fixture
def orders(bus: Bus) -> Queue:
    return bus.queue('orders')


@pytest.fixture
def dead(bus: Bus) -> Queue:
    return bus.queue('dead')


def test_a_script_receives_payloads_and_deletes_their_messages(bus: Bus, orders: Queue) -> None:
    published(bus, orders, {'n': 1}, 'a text', b'a blob')
    seen = []
    with receiver_on(bus, orders) as receiver:
        while messages := receiver.receive():
            for received in messages:
                seen.append(received.payload)
                received.ack()
    assert seen == [{'n': 1}, 'a text', b'a blob']
    bus.assert_nothing_left()


def test_the_default_is_one_message_for_half_a_minute(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'a', 'b')
    [received] = SqsReceiver(orders, client=bus.sqs).receive()
    assert received.message.time_left == 30


def test_a_receive_ends_after_its_long_poll(bus: Bus, orders: Queue) -> None:
    began = bus.time
    assert receiver_on(bus, orders, wait_time_seconds=timedelta(seconds=5)).receive() == []
    assert bus.time - began == 5


def test_a_message_has_its_metadata(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'hej', message_attributes={'kind': 'greeting'})
    [received] = receiver_on(bus, orders).receive()
    message = received.message
    assert (message.attributes, message.receive_count) == ({'kind': 'greeting'}, 1)
    assert (message.queue_name, message.lost) == ('orders', False)


def test_the_repr_of_a_message_has_no_payload(bus: Bus, orders: Queue) -> None:
    published(bus, orders, {'card': '4111 1111'})
    [received] = receiver_on(bus, orders).receive()
    assert received.message.id in repr(received)
    assert '4111' not in repr(received)


# Messages that are not settled


def test_an_exception_releases_the_messages_that_are_not_settled(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    published(bus, orders, {'n': 1}, {'n': 2}, {'n': 3})

    def script() -> None:
        with receiver_on(bus, orders) as receiver:
            first, *_ = receiver.receive()
            first.ack()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        script()
    assert caplog.text.count('was not settled, and is released') == 2
    assert payloads(receiver_on(bus, orders).receive()) == [{'n': 2}, {'n': 3}]


def test_a_message_of_a_killed_script_returns_after_its_visibility_timeout(
    bus: Bus, orders: Queue
) -> None:
    published(bus, orders, 'hej')
    assert len(receiver_on(bus, orders, visibility_timeout=timedelta(minutes=1)).receive()) == 1
    bus.advance(59)
    assert receiver_on(bus, orders).receive() == []
    bus.advance(1)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


def test_messages_of_earlier_receives_remain_in_flight(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'a', 'b')
    with receiver_on(bus, orders, max_number_of_messages=1) as receiver:
        messages = [*receiver.receive(), *receiver.receive()]
        assert receiver.receive() == []
        for received in reversed(messages):
            received.ack()
    bus.assert_nothing_left()


# When a message cannot be settled


SETTLEMENTS: dict[str, Callable[[ReceivedMessage], None]] = {
    'ack': lambda received: received.ack(),
    'retry': lambda received: received.retry(5),
    'retry later': lambda received: received.retry(),
    'dead letter': lambda received: received.dead_letter('bad'),
}
A_SETTLEMENT = pytest.mark.parametrize('settle', SETTLEMENTS.values(), ids=[*SETTLEMENTS])


@A_SETTLEMENT
def test_a_message_is_not_settled_after_its_visibility_timeout(
    bus: Bus, orders: Queue, dead: Queue, settle: Callable[[ReceivedMessage], None]
) -> None:
    published(bus, orders, 'hej')
    with receiver_on(bus, orders, dead_letter_queue_url=dead) as receiver:
        [received] = receiver.receive()
        bus.advance(30)
        assert (received.message.lost, received.message.time_left) == (True, 0)
        with pytest.raises(SettlementError, match='another consumer may have it') as caught:
            settle(received)
        assert caught.value.message_id == received.message.id
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']
    assert bus.dead_letters() == []


@A_SETTLEMENT
def test_a_message_is_not_settled_after_the_receiver_was_closed(
    bus: Bus, orders: Queue, dead: Queue, settle: Callable[[ReceivedMessage], None]
) -> None:
    published(bus, orders, 'hej')
    with receiver_on(bus, orders, dead_letter_queue_url=dead) as receiver:
        [received] = receiver.receive()
    assert received.message.lost
    with pytest.raises(SettlementError, match='the receiver was closed'):
        settle(received)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


@pytest.mark.parametrize('second', SETTLEMENTS.values(), ids=[*SETTLEMENTS])
@pytest.mark.parametrize('first', SETTLEMENTS.values(), ids=[*SETTLEMENTS])
def test_a_message_is_settled_once(
    bus: Bus,
    orders: Queue,
    dead: Queue,
    first: Callable[[ReceivedMessage], None],
    second: Callable[[ReceivedMessage], None],
) -> None:
    published(bus, orders, 'hej')
    [received] = receiver_on(bus, orders, dead_letter_queue_url=dead).receive()
    first(received)
    bus.advance(40)
    with pytest.raises(SettlementError, match='already settled'):
        second(received)


def make_visible(bus: Bus, queue_url: str, received: ReceivedMessage) -> None:
    """Make a message visible that is in flight, as another program can."""
    bus.sqs.change_message_visibility(
        QueueUrl=queue_url, ReceiptHandle=received.message.receipt_handle, VisibilityTimeout=0
    )


def test_a_refused_delete_is_an_error(bus: Bus) -> None:
    """A FIFO queue refuses the receipt handle of an earlier receive."""
    orders = bus.queue('orders.fifo')
    published(bus, orders, 'hej', group='a')
    [received] = receiver_on(bus, orders).receive()
    make_visible(bus, orders, received)
    [other] = receiver_on(bus, orders).receive()
    with pytest.raises(SettlementError, match='SQS did not delete it'):
        received.ack()
    other.ack()
    bus.assert_nothing_left()


def test_a_message_that_is_received_again_after_its_timeout_is_a_new_one(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    published(bus, orders, 'hej')
    with receiver_on(bus, orders) as receiver:
        [late] = receiver.receive()
        bus.advance(31)
        [again] = receiver.receive()
        assert 'SQS delivers it again after its visibility timeout' in caplog.text
        with pytest.raises(SettlementError):
            late.ack()
        again.ack()
    bus.assert_nothing_left()


def test_a_message_that_sqs_delivers_twice_is_returned_once(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    published(bus, orders, 'hej')
    with receiver_on(bus, orders) as receiver:
        [received] = receiver.receive()
        make_visible(bus, orders, received)
        assert receiver.receive() == []
        assert 'was delivered again while in flight' in caplog.text
        received.ack()
    bus.assert_nothing_left()


# Receives that return no message, although the queue has some


def test_another_receive_follows_one_that_returns_only_duplicates(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'first')
    receiver = receiver_on(bus, orders, max_number_of_messages=1)
    [first] = receiver.receive()
    make_visible(bus, orders, first)
    published(bus, orders, 'second')
    assert payloads(receiver.receive()) == ['second']


def test_another_receive_follows_one_whose_messages_are_not_hidden_any_more(bus: Bus) -> None:
    carts = bus.queue('carts.fifo')
    published(bus, carts, 'a1', 'a2', group='a')
    receiver = receiver_on(bus, carts)
    [first] = receiver.receive()
    bus.advance(20)
    first.ack()
    published(bus, carts, 'b1', group='b')
    bus.fail('ChangeMessageVisibility', 'AccessDenied')
    assert payloads(receiver.receive()) == ['b1']


def test_receives_whose_messages_cannot_be_opened_in_time_come_to_an_end(
    bus: Bus, orders: Queue
) -> None:
    """Three of them: S3 takes longer than the visibility timeout."""

    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == 'GetObject':
            bus.advance(31)
        response: dict[str, Any] = bus.s3._call(operation, request)
        return response

    client: Any = InProcessClient('s3', call, bus.s3.clock)
    store = S3PayloadStore(bus.bucket('bodies'), always=True, client=client)
    SqsPublisher(orders, client=bus.sqs, payload_store=store).publish('hej')
    receiver, began = receiver_on(bus, orders, payload_store=store), bus.time
    assert receiver.receive() == []
    assert bus.time - began == 3 * 31


# Retries


DELAYS: dict[str, Any] = {
    'number': 60,
    'fraction': 59.5,
    'time': timedelta(minutes=1),
    'function': lambda message: 60 * message.receive_count,
}


@pytest.mark.parametrize('delay', DELAYS.values(), ids=[*DELAYS])
def test_a_message_returns_after_the_delay_of_its_retry(
    bus: Bus, orders: Queue, delay: Any
) -> None:
    published(bus, orders, 'hej')
    with receiver_on(bus, orders) as receiver:
        [received] = receiver.receive()
        received.retry(delay)
    bus.advance(59)
    assert receiver_on(bus, orders).receive() == []
    bus.advance(1)
    [again] = receiver_on(bus, orders).receive()
    assert again.message.receive_count == 2


def test_a_retry_without_a_delay_is_after_the_visibility_timeout(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'hej')
    with receiver_on(bus, orders) as receiver:
        [received] = receiver.receive()
        received.retry()
    bus.advance(29)
    assert receiver_on(bus, orders).receive() == []
    bus.advance(1)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


def test_a_retry_without_a_wait_is_at_once(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'hej')
    receiver = receiver_on(bus, orders)
    [received] = receiver.receive()
    received.retry(0)
    assert payloads(receiver.receive()) == ['hej']


def test_a_back_off_grows_with_the_receives(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'hej')
    receiver = receiver_on(bus, orders)
    [received] = receiver.receive()
    received.retry(Backoff(first=100, longest=100))
    bus.advance(100)
    assert payloads(receiver.receive()) == ['hej']


@pytest.mark.parametrize('delay', [-1, 43_201, '5', True, float('nan')], ids=repr)
def test_an_invalid_delay_is_refused_and_settles_nothing(
    bus: Bus, orders: Queue, delay: Any
) -> None:
    published(bus, orders, 'hej')
    [received] = receiver_on(bus, orders).receive()
    with pytest.raises(ConfigurationError, match='delay='):
        received.retry(delay)
    received.ack()
    bus.assert_nothing_left()


def test_a_delay_function_that_fails_loses_only_the_delay(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(message: Message) -> float:
        raise LookupError

    published(bus, orders, 'hej')
    [received] = receiver_on(bus, orders).receive()
    received.retry(fail)
    assert 'delay raised an exception' in caplog.text
    bus.advance(30)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


# Dead letters


@pytest.mark.parametrize(
    ('reason', 'error', 'text'),
    [
        ('no such customer', 'FATAL_ERROR', 'no such customer'),
        (LookupError('customer'), 'LookupError', 'customer'),
    ],
    ids=['text', 'exception'],
)
def test_a_dead_letter_has_its_reason(
    bus: Bus, orders: Queue, dead: Queue, reason: Any, error: str, text: str
) -> None:
    published(bus, orders, {'order': 1}, message_attributes={'kind': 'order'})
    with receiver_on(bus, orders, dead_letter_queue_url=dead) as receiver:
        [received] = receiver.receive()
        received.dead_letter(reason)
    [letter] = bus.dead_letters()
    assert (letter.payload, letter.error, letter.reason) == ({'order': 1}, error, text)
    assert letter.receive_count == 1
    assert receiver_on(bus, orders).receive() == []


def test_a_dead_letter_needs_a_dead_letter_queue(bus: Bus, orders: Queue) -> None:
    published(bus, orders, 'hej')
    [received] = receiver_on(bus, orders).receive()
    with pytest.raises(ConfigurationError, match='dead_letter_queue_url='):
        received.dead_letter('bad')
    received.ack()


def test_a_reason_is_a_text_or_an_exception(bus: Bus, orders: Queue, dead: Queue) -> None:
    published(bus, orders, 'hej')
    [received] = receiver_on(bus, orders, dead_letter_queue_url=dead).receive()
    reason: Any = 5
    with pytest.raises(ConfigurationError, match='reason=5: must be a text or an exception'):
        received.dead_letter(reason)
    received.ack()


# Options


@pytest.mark.parametrize(
    'options',
    [
        {'max_number_of_messages': 0},
        {'max_number_of_messages': 11},
        {'wait_time_seconds': 21},
        {'visibility_timeout': 0},
        {'visibility_timeout': None},
        {'verify_sns_signatures': True},
        {'allowed_topics': 'arn'},
    ],
    ids=repr,
)
def test_an_invalid_option_is_refused(bus: Bus, orders: Queue, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        receiver_on(bus, orders, **options)


def test_the_dead_letter_queue_is_another_queue(bus: Bus, orders: Queue) -> None:
    with pytest.raises(ConfigurationError, match='must be the URL of another queue'):
        receiver_on(bus, orders, dead_letter_queue_url=orders)


def test_a_queue_is_given_by_its_url(bus: Bus) -> None:
    with pytest.raises(ConfigurationError, match="queue_url='orders': pass the URL of a queue"):
        SqsReceiver('orders', client=bus.sqs)
