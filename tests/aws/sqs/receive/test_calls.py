"""The calls of a receiver: which of them are repeated, and what a failure means."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import Any, Literal

import pytest

from mega.aws._transport.clock import Clock
from mega.aws._transport.in_process import InProcessClient
from mega.aws.sqs import ReceivedMessage, SqsPublisher, SqsReceiver
from mega.errors import ConfigurationError, SettlementError, TransportError
from mega.local import Server
from mega.testing import Bus, Queue
from tests import fork_server
from tests.aws.s3.making import LARGE, keys_in, store_on
from tests.aws.sqs.receive.factories import payloads, published, receiver_on
from tests.local_aws import LocalAws
from tests.programs import TIMEOUT, environment


@pytest.fixture
def orders(bus: Bus) -> Queue:
    queue = bus.queue('orders')
    published(bus, queue, 'hej')
    return queue


@pytest.mark.parametrize('times', [1, 2])
def test_a_receive_is_repeated(bus: Bus, orders: Queue, times: int) -> None:
    bus.fail('ReceiveMessage', 'ServiceUnavailable', times)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


class SlowClock:
    """The clock of a busy machine: between two looks at it some seconds pass."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def monotonic(self) -> float:
        self._clock.sleep(self._seconds)
        return self._clock.monotonic()

    def time(self) -> float:
        return self._clock.time()

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, 'time.sleep raises a ValueError'
        self._clock.sleep(seconds)


@pytest.mark.parametrize('seconds', [0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0])
def test_a_pause_that_is_over_before_it_begins_is_none(
    bus: Bus, orders: Queue, seconds: float
) -> None:
    clock = SlowClock(bus.sqs.clock, seconds)
    client: Any = InProcessClient('sqs', bus.sqs._call, clock)
    bus.fail('ReceiveMessage', 'ServiceUnavailable', 2)
    bus.fail('ChangeMessageVisibility', 'ServiceUnavailable')
    bus.fail('DeleteMessage', 'ServiceUnavailable', 2)
    receiver = SqsReceiver(orders, client=client, wait_time_seconds=0, visibility_timeout=600)
    [received] = receiver.receive()
    received.retry(0)
    [again] = receiver.receive()
    again.ack()
    bus.assert_nothing_left()


def test_a_third_failed_receive_is_an_error(bus: Bus, orders: Queue) -> None:
    began = bus.time
    bus.fail('ReceiveMessage', 'ServiceUnavailable', 3)
    receiver = receiver_on(bus, orders)
    with pytest.raises(TransportError, match='ServiceUnavailable'):
        receiver.receive()
    assert 2 <= bus.time - began <= 6
    assert payloads(receiver.receive()) == ['hej']


def test_a_refused_receive_is_not_repeated_and_the_error_says_what_to_do(
    bus: Bus, orders: Queue
) -> None:
    bus.fail('ReceiveMessage', 'AccessDenied')
    receiver = receiver_on(bus, orders)
    with pytest.raises(TransportError, match='allow sqs:ReceiveMessage on the queue'):
        receiver.receive()


def test_the_messages_of_a_lost_receive_return_on_a_fifo_queue(bus: Bus) -> None:
    carts = bus.queue('carts.fifo')
    published(bus, carts, 'hej', group='a')
    bus.lose('ReceiveMessage')
    [received] = receiver_on(bus, carts).receive()
    assert received.payload == 'hej'


@pytest.mark.parametrize('fault', ['fail', 'lose'])
def test_a_delete_is_repeated(bus: Bus, orders: Queue, fault: str) -> None:
    [received] = receiver_on(bus, orders).receive()
    getattr(bus, fault)('DeleteMessage')
    received.ack()
    bus.assert_nothing_left()


def test_a_delete_is_repeated_until_the_visibility_timeout_ends(bus: Bus, orders: Queue) -> None:
    [received] = receiver_on(bus, orders, visibility_timeout=2).receive()
    began = bus.time
    bus.fail('DeleteMessage', 'ServiceUnavailable', 100)
    with pytest.raises(TransportError):
        received.ack()
    assert bus.time - began < 2
    with pytest.raises(SettlementError):
        received.ack()


def test_a_delete_whose_outcome_is_unknown_settles_the_message(bus: Bus, orders: Queue) -> None:
    [received] = receiver_on(bus, orders).receive()
    bus.fail('DeleteMessage', 'ServiceUnavailable', 100)
    with pytest.raises(TransportError):
        received.ack()
    with pytest.raises(SettlementError, match='an earlier call to settle it failed'):
        received.retry()


def test_a_message_that_is_settled_after_a_refused_call_is_settled(bus: Bus, orders: Queue) -> None:
    [received] = receiver_on(bus, orders).receive()
    bus.fail('DeleteMessage', 'AccessDenied')
    with pytest.raises(TransportError):
        received.ack()
    received.retry(60)
    with pytest.raises(SettlementError, match='it is already settled'):
        received.ack()


SETTLEMENTS: dict[str, Callable[[ReceivedMessage], None]] = {
    'ack': lambda received: received.ack(),
    'retry': lambda received: received.retry(0),
    'dead letter': lambda received: received.dead_letter('bad'),
}


@pytest.mark.parametrize('settle', SETTLEMENTS.values(), ids=[*SETTLEMENTS])
@pytest.mark.parametrize(
    ('operation', 'first'),
    [
        ('DeleteMessage', 'ack'),
        ('SendMessage', 'dead letter'),
        ('DeleteMessage', 'dead letter'),
    ],
)
def test_a_message_whose_settlement_is_refused_can_be_settled(
    bus: Bus,
    orders: Queue,
    operation: Literal['DeleteMessage', 'SendMessage'],
    first: str,
    settle: Callable[[ReceivedMessage], None],
) -> None:
    dead = bus.queue('dead')
    receiver = receiver_on(bus, orders, dead_letter_queue_url=dead)
    [received] = receiver.receive()
    bus.fail(operation, 'AccessDenied')
    with pytest.raises((TransportError, SettlementError)):
        SETTLEMENTS[first](received)
    settle(received)
    is_left = settle is SETTLEMENTS['retry']
    assert payloads(receiver.receive()) == (['hej'] if is_left else [])


def test_a_message_whose_settlement_is_refused_is_released(bus: Bus, orders: Queue) -> None:
    with receiver_on(bus, orders) as receiver:
        [received] = receiver.receive()
        bus.fail('DeleteMessage', 'AccessDenied')
        with pytest.raises(TransportError):
            received.ack()
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


def test_a_denied_delete_is_not_repeated_and_the_message_stays(bus: Bus, orders: Queue) -> None:
    [received] = receiver_on(bus, orders).receive()
    bus.fail('DeleteMessage', 'AccessDenied')
    with pytest.raises(TransportError, match='allow sqs:DeleteMessage on the queue'):
        received.ack()
    bus.advance(30)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


def test_a_dead_letter_is_sent_again_before_its_message_is_deleted(bus: Bus, orders: Queue) -> None:
    dead = bus.queue('dead')
    [received] = receiver_on(bus, orders, dead_letter_queue_url=dead).receive()
    bus.fail('SendMessage', 'ServiceUnavailable', 2)
    received.dead_letter('bad')
    assert [letter.payload for letter in bus.dead_letters()] == ['hej']


def test_a_message_that_the_dead_letter_queue_refuses_stays_in_its_own(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    dead = bus.queue('dead')
    [received] = receiver_on(bus, orders, dead_letter_queue_url=dead).receive()
    bus.fail('SendMessage', 'AccessDenied')
    with pytest.raises(SettlementError, match='the dead-letter queue did not accept it'):
        received.dead_letter('bad')
    assert 'allow sqs:SendMessage on the queue' in caplog.text
    bus.advance(30)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


@pytest.mark.parametrize('code', ['ServiceUnavailable', 'AccessDenied'])
def test_a_delay_that_sqs_does_not_accept_is_logged_and_loses_only_the_delay(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    [received] = receiver_on(bus, orders).receive()
    bus.fail('ChangeMessageVisibility', code, 2)
    received.retry(5)
    assert code in caplog.text
    bus.advance(30)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


def test_a_release_that_fails_keeps_the_error_of_the_script(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    def script() -> None:
        with receiver_on(bus, orders) as receiver:
            receiver.receive()
            bus.fail('ChangeMessageVisibility', 'ServiceUnavailable', 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        script()
    assert 'are unchanged' in caplog.text
    bus.advance(30)
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


def test_a_failed_release_is_repeated(bus: Bus, orders: Queue) -> None:
    bus.fail('ChangeMessageVisibility', 'ServiceUnavailable')
    with receiver_on(bus, orders) as receiver:
        receiver.receive()
    assert payloads(receiver_on(bus, orders).receive()) == ['hej']


# On servers, over HTTP


def settle_each(queue_url: str, dead: str, **options: Any) -> None:
    """Ack, dead-letter and retry messages; the last ones end with the block."""
    with SqsPublisher(queue_url, **options) as publisher:
        publisher.publish_batch([{'n': n} for n in range(4)])
    seen: list[int] = []
    receiver = SqsReceiver(
        queue_url,
        dead_letter_queue_url=dead,
        max_number_of_messages=10,
        wait_time_seconds=1,
        **options,
    )
    with receiver:
        while len(seen) < 5:
            for received in receiver.receive():
                number = received.payload_as(dict)['n']
                seen.append(number)
                if number == 1:
                    received.dead_letter('bad')
                elif number == 2 and received.message.receive_count == 1:
                    received.retry(0)
                elif number != 3:
                    received.ack()
    assert sorted(seen) == [0, 1, 2, 2, 3]


def test_every_settlement_over_http(aws: LocalAws) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    settle_each(queue_url, dead, **aws.credentials)
    assert [each['Body'] for each in aws.receive(queue_url, 1)] == ['{"n":3}']
    assert [each['Body'] for each in aws.receive(dead, 1)] == ['{"n":1}']


def test_every_settlement_on_the_server_of_the_package(
    server: Server, clients: dict[str, Any]
) -> None:
    urls = [clients['sqs'].create_queue(QueueName=name)['QueueUrl'] for name in ('a', 'dead')]
    settle_each(*urls, **server.credentials)


def test_bodies_in_s3_over_http(aws: LocalAws) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, delete=True)
    with SqsPublisher(queue_url, payload_store=store, **aws.credentials) as publisher:
        publisher.publish_batch([{'text': 'x' * LARGE}] * 3)
    count = 0
    with SqsReceiver(
        queue_url, max_number_of_messages=10, payload_store=store, **aws.credentials
    ) as receiver:
        while count < 3:
            for received in receiver.receive():
                assert received.payload == {'text': 'x' * LARGE}
                received.ack()
                count += 1
    assert keys_in(aws, store.bucket) == []


PROGRAM = """
import os, sys
from mega.aws.sqs import SqsReceiver
with SqsReceiver(sys.argv[1], visibility_timeout=43_200) as receiver:
    [received] = receiver.receive()
    print(received.payload, flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.no_cover
def test_ctrl_c_releases_the_message(server: Server, clients: dict[str, Any]) -> None:
    url = clients['sqs'].create_queue(QueueName='orders')['QueueUrl']
    clients['sqs'].send_message(QueueUrl=url, MessageBody='hej')
    variables = {
        'AWS_ENDPOINT_URL': server.endpoint_url,
        'AWS_DEFAULT_REGION': 'eu-west-1',
        'AWS_ACCESS_KEY_ID': 'a',
        'AWS_SECRET_ACCESS_KEY': 'a',
    }
    program = ['-c', PROGRAM, url, str(int(signal.SIGINT))]
    ended = fork_server.run(program, environment(**variables), TIMEOUT)
    assert ended.stdout == 'hej\n', ended.stderr
    assert 'KeyboardInterrupt' in ended.stderr
    assert len(clients['sqs'].receive_message(QueueUrl=url)['Messages']) == 1


def test_a_queue_on_another_host_needs_an_endpoint() -> None:
    with pytest.raises(ConfigurationError, match='pass endpoint_url= as well'):
        SqsReceiver('http://127.0.0.1:1/1/orders', region_name='eu-west-1')


def test_the_log_of_a_receiver_names_the_queue(
    bus: Bus, orders: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), receiver_on(bus, orders) as receiver:
        receiver.receive()
    [record] = caplog.records
    fields: Any = record
    assert fields.mega['queue'] == 'orders'
    assert fields.mega['notice'] == 'released_in_progress'
