"""The buffer that collects payloads of many threads: when it sends, and its futures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Thread
from typing import Any

import pytest

from mega.aws._publishing.buffer import BufferLimits, PublishBuffer
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import (
    ConfigurationError,
    EncodeError,
    PayloadTooLargeError,
    PublishError,
    TransportError,
)
from mega.local import FailEntries, Server
from tests.local_aws import ACCOUNT_ID, REGION, Service

SOON = 10.0
"""Seconds to wait for an event that takes no time on an idle machine."""

NEVER = 60.0
Clients = dict[Service, Any]
QUEUE = f'https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/orders'


@pytest.fixture
def publisher(server: Server, clients: Clients) -> SqsPublisher:
    return SqsPublisher(server.create_queue('orders'), client=clients['sqs'])


@pytest.fixture
def quick(server: Server) -> Iterator[None]:
    """After the test the server responds without latency again."""
    yield
    server.configure(latency_ms=0)


def calls(server: Server) -> int:
    counted = server.counts().calls
    return counted.get('SendMessageBatch', 0) + counted.get('PublishBatch', 0)


def numbers(server: Server) -> list[int]:
    return [json.loads(each.body)['n'] for each in server.accepted()]


def ids(futures: list[Future[str]]) -> list[str]:
    return [future.result(SOON) for future in futures]


def test_a_future_has_the_id_of_the_message(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer() as buffer:
        futures = [buffer.publish({'n': n}) for n in range(25)]
        assert ids(futures) == [each.message_id for each in server.accepted()]
    assert numbers(server) == list(range(25))


def test_a_buffer_sends_when_max_messages_wait(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=3, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(2)]
        assert not wait(futures, 0.1).done
        assert not calls(server)
        futures.append(buffer.publish({'n': 2}))
        assert len(set(ids(futures))) == 3
        assert calls(server) == 1


def test_a_buffer_sends_when_the_payloads_fill_a_request(server: Server, clients: Clients) -> None:
    topic_arn = server.create_topic('small', MaximumMessageSize=1_024)
    publisher = SnsPublisher(topic_arn, client=clients['sns'])
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        first = buffer.publish('é' * 255)
        assert not wait([first], 0.1).done
        second = buffer.publish('é' * 257)
        assert len({*ids([first, second])}) == 2


def test_a_buffer_sends_when_the_first_payload_has_waited_max_seconds(
    publisher: SqsPublisher, server: Server
) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=0.2) as buffer:
        began = time.monotonic()
        buffer.publish({'n': 0}).result(SOON)
        assert time.monotonic() - began > 0.19


def test_a_buffer_with_max_seconds_0_sends_at_once(publisher: SqsPublisher) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=0) as buffer:
        assert buffer.publish({'n': 0}).result(SOON)


def test_a_flush_returns_when_every_waiting_payload_has_its_result(
    publisher: SqsPublisher, server: Server
) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(15)]
        buffer.flush()
        assert all(future.done() for future in futures)
        assert calls(server) == 2


@pytest.mark.usefixtures('quick')
def test_a_flush_does_not_wait_for_later_payloads(publisher: SqsPublisher, server: Server) -> None:
    """Otherwise it would never return while other threads publish."""
    buffer = publisher.buffer(max_messages=1_000, max_seconds=NEVER)
    first = buffer.publish({'n': 0})
    server.configure(latency_ms=300)
    flushing = Thread(target=buffer.flush)
    flushing.start()
    while not calls(server):
        time.sleep(0.01)  # until the first request is in flight, which the server does not report
    assert not first.done()
    second = buffer.publish({'n': 1})
    first.result(SOON)
    flushing.join(2)
    has_returned, is_late = not flushing.is_alive(), second.done()
    buffer.close()
    flushing.join()
    assert has_returned
    assert not is_late


def test_a_flush_of_an_empty_buffer_does_not_affect_later_payloads(publisher: SqsPublisher) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        buffer.flush()
        future = buffer.publish({'n': 0})
        assert not wait([future], 0.2).done


def test_the_end_of_a_with_block_sends_the_payloads_that_wait(
    publisher: SqsPublisher, server: Server
) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(5)]
    assert all(future.done() for future in futures)
    assert numbers(server) == list(range(5))


def test_an_error_in_a_with_block_sends_the_payloads_that_wait(
    publisher: SqsPublisher, server: Server
) -> None:
    def fail() -> None:
        with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
            buffer.publish({'n': 0})
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert numbers(server) == [0]


def test_a_closed_buffer_refuses_payloads_and_can_be_closed_again(publisher: SqsPublisher) -> None:
    buffer = publisher.buffer()
    buffer.close()
    buffer.close()
    buffer.flush()
    with pytest.raises(ConfigurationError, match='closed'):
        buffer.publish({'n': 0})


@pytest.mark.usefixtures('quick')
def test_publish_blocks_while_max_pending_payloads_wait(
    publisher: SqsPublisher, server: Server
) -> None:
    with publisher.buffer(max_messages=2, max_pending=2, max_seconds=NEVER) as buffer:
        server.configure(latency_ms=100)
        first, second = buffer.publish({'n': 0}), buffer.publish({'n': 1})
        assert not first.done()
        buffer.publish({'n': 2})
        assert first.done()
        assert second.done()


@pytest.mark.usefixtures('quick')
def test_a_blocked_publish_raises_an_error_when_the_buffer_is_closed(
    publisher: SqsPublisher, server: Server
) -> None:
    server.configure(latency_ms=300)
    buffer = publisher.buffer(max_messages=1, max_pending=1, max_seconds=NEVER)
    first = buffer.publish({'n': 0})
    with ThreadPoolExecutor(1) as thread:
        blocked = thread.submit(buffer.publish, {'n': 1})
        buffer.close()
        assert first.done()
        error = blocked.exception(SOON)
    assert isinstance(error, ConfigurationError)
    assert numbers(server) == [0]


LIMITS: dict[str, dict[str, Any]] = {
    'no messages': {'max_messages': 0},
    'more messages than may wait': {'max_messages': 5, 'max_pending': 4},
    'half a message': {'max_messages': 1.5},
    'no time at all': {'max_seconds': -1},
    'an hour': {'max_seconds': 3_600},
    'no number': {'max_seconds': float('nan')},
    'a text': {'max_seconds': '1'},
    'no bytes': {'max_pending_bytes': 0},
}


@pytest.mark.parametrize('limits', LIMITS.values(), ids=LIMITS.keys())
def test_limits_out_of_range_are_refused(limits: dict[str, Any], publisher: SqsPublisher) -> None:
    with pytest.raises(ConfigurationError):
        publisher.buffer(**limits)


# Refused payloads and failures.


@pytest.mark.parametrize(
    ('payload', 'options', 'error'),
    [
        (None, {}, EncodeError),
        ('a\x00', {}, EncodeError),
        ('hej', {'message_attributes': {'a': None}}, EncodeError),
        ('hej', {'delay_seconds': 901}, EncodeError),
        ('a' * 1_048_577, {}, PayloadTooLargeError),
        ('hej', {'queue_url': 'another'}, TypeError),
    ],
    ids=['payload', 'character', 'attribute', 'delay', 'size', 'destination'],
)
def test_an_invalid_payload_is_refused_at_once_and_does_not_affect_others(
    payload: Any,
    options: dict[str, Any],
    error: type[Exception],
    publisher: SqsPublisher,
    server: Server,
) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        buffer.publish({'n': 0})
        with pytest.raises(error):
            buffer.publish(payload, **options)
        buffer.publish({'n': 1})
    assert numbers(server) == [0, 1]


def test_each_payload_has_its_own_options(server: Server, clients: Clients) -> None:
    queue_url = server.create_queue('orders', fifo=True)
    with SqsPublisher(queue_url, client=clients['sqs']).buffer() as buffer:
        buffer.publish({}, True, message_group_id='g', message_deduplication_id='once',
                       message_attributes={'tenant': 5})  # fmt: skip
    [accepted] = server.accepted()
    assert (accepted.body, accepted.group_id, accepted.deduplication_id) == (
        'BQAAAAA=',
        'g',
        'once',
    )
    assert accepted.attributes == {'tenant': {'DataType': 'Number', 'StringValue': '5'}}


def test_each_future_has_its_own_error(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=3, max_seconds=NEVER) as buffer:
        server.script(FailEntries((1,), 'InvalidMessageContents', status=400))
        futures = [buffer.publish({'n': n}) for n in range(3)]
    sent = [each.message_id for each in server.accepted()]
    assert [futures[0].result(), futures[2].result()] == sent
    error = futures[1].exception()
    assert isinstance(error, TransportError)
    assert error.code == 'InvalidMessageContents'


def test_a_buffer_continues_after_a_failed_request(server: Server, clients: Clients) -> None:
    publisher = SqsPublisher(f'{server.endpoint_url}/{ACCOUNT_ID}/orders', client=clients['sqs'])
    with publisher.buffer() as buffer:
        error = buffer.publish({'n': 0}).exception(SOON)
        assert isinstance(error, TransportError)
        assert 'NonExistentQueue' in error.code
        server.create_queue('orders')
        assert buffer.publish({'n': 1}).result(SOON)


def test_a_failure_of_aws_is_retried(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=3, max_seconds=NEVER) as buffer:
        server.script(FailEntries((0, 1)))
        futures = [buffer.publish({'n': n}) for n in range(3)]
        assert len(set(ids(futures))) == 3
    assert sorted(numbers(server)) == [0, 1, 2]


def test_groups_keep_their_order(server: Server, clients: Clients) -> None:
    queue_url = server.create_queue('orders', fifo=True, ContentBasedDeduplication=True)
    server.script(FailEntries((0,)), None, FailEntries((1,)))
    with SqsPublisher(queue_url, client=clients['sqs']).buffer(max_seconds=0.01) as buffer:
        for n in range(30):
            buffer.publish({'n': n}, message_group_id=f'g{n % 3}')
    sent = numbers(server)
    assert len(sent) == 30
    for group in range(3):
        assert [n for n in sent if n % 3 == group] == list(range(group, 30, 3))


def test_a_cancelled_future_does_not_affect_others(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=3, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(2)]
        assert futures[0].cancel()
        futures.append(buffer.publish({'n': 2}))
        assert ids(futures[1:])


def test_eight_threads_share_the_requests_of_a_buffer(
    publisher: SqsPublisher, server: Server
) -> None:
    with (
        publisher.buffer(max_seconds=0.01, max_pending=50) as buffer,
        ThreadPoolExecutor(8) as pool,
    ):

        def publish(n: int) -> str:
            return buffer.publish({'n': n}).result(SOON)

        found = list(pool.map(publish, range(400)))
    assert sorted(numbers(server)) == list(range(400))
    numbers_by_id = {each.message_id: json.loads(each.body)['n'] for each in server.accepted()}
    assert [numbers_by_id[message_id] for message_id in found] == list(range(400))
    assert calls(server) < 300


def test_an_unreadable_response_does_not_break_a_buffer() -> None:
    """Every error of the sending thread is the result of its futures."""

    def send_all(messages: list[Any]) -> list[Any]:
        raise RuntimeError('no such luck')

    def encode(payload: Any, binary_encoding: bool = False, **options: Any) -> Any:
        return payload

    limits = BufferLimits(1, max_seconds=1, max_pending=10, max_pending_bytes=10)
    buffer = PublishBuffer(encode, send_all, 10, SOON, limits)
    with buffer:
        payload: Any = OutgoingMessage('a', {}, {}, 1)
        for _ in range(2):
            error = buffer.publish(payload).exception(SOON)
            assert isinstance(error, PublishError)
            assert 'no such luck' in str(error)
