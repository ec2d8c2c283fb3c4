"""The buffer that gathers payloads of many threads: when it sends, and what its futures tell."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Thread
from typing import Any

import pytest

from benchmarks.sqs_server import FailEntries, Server
from mega.aws._publishing.buffer import PublishBuffer
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import (
    ConfigurationError,
    EncodeError,
    PayloadTooLargeError,
    PublishError,
    TransportError,
)
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.local_aws import ACCOUNT_ID, REGION, Service

SOON = 10.0
"""Seconds to wait for what happens at once, on a machine that has other things to do."""

NEVER = 60.0
Clients = dict[Service, Any]
QUEUE = f'https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/orders'


@pytest.fixture
def publisher(server: Server, clients: Clients) -> SqsPublisher:
    return SqsPublisher(server.create_queue('orders'), client=clients['sqs'])


@pytest.fixture
def quick(server: Server) -> Iterator[None]:
    """The server answers at once again after the test."""
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


def test_it_sends_when_enough_are_there(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=3, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(2)]
        assert not wait(futures, 0.1).done
        assert not calls(server)
        futures.append(buffer.publish({'n': 2}))
        assert len(set(ids(futures))) == 3
        assert calls(server) == 1


def test_it_sends_when_they_fill_a_call(server: Server, clients: Clients) -> None:
    topic_arn = server.create_topic('small', MaximumMessageSize=1_024)
    publisher = SnsPublisher(topic_arn, client=clients['sns'])
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        first = buffer.publish('é' * 255)
        assert not wait([first], 0.1).done
        second = buffer.publish('é' * 257)
        assert len({*ids([first, second])}) == 2


def test_it_sends_when_the_first_has_waited_long_enough(
    publisher: SqsPublisher, server: Server
) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=0.2) as buffer:
        began = time.monotonic()
        buffer.publish({'n': 0}).result(SOON)
        assert time.monotonic() - began > 0.19


def test_it_sends_at_once_where_nothing_is_to_wait(publisher: SqsPublisher) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=0) as buffer:
        assert buffer.publish({'n': 0}).result(SOON)


def test_a_flush_returns_when_all_that_waited_is_settled(
    publisher: SqsPublisher, server: Server
) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(15)]
        buffer.flush()
        assert all(future.done() for future in futures)
        assert calls(server) == 2


@pytest.mark.usefixtures('quick')
def test_a_flush_does_not_wait_for_what_came_after_it(
    publisher: SqsPublisher, server: Server
) -> None:
    """Or among threads that publish all the time it would never return."""
    buffer = publisher.buffer(max_messages=1_000, max_seconds=NEVER)
    first = buffer.publish({'n': 0})
    server.configure(latency_ms=300)
    flushing = Thread(target=buffer.flush)
    flushing.start()
    while not calls(server):
        time.sleep(0.01)  # until the first is on its way: the server tells nobody
    assert not first.done()
    second = buffer.publish({'n': 1})
    first.result(SOON)
    flushing.join(2)
    has_returned, is_late = not flushing.is_alive(), second.done()
    buffer.close()
    flushing.join()
    assert has_returned
    assert not is_late


def test_a_flush_of_nothing_sends_nothing_that_comes_later(publisher: SqsPublisher) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        buffer.flush()
        future = buffer.publish({'n': 0})
        assert not wait([future], 0.2).done


def test_the_end_of_a_with_sends_what_waits(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(5)]
    assert all(future.done() for future in futures)
    assert numbers(server) == list(range(5))


def test_an_error_in_a_with_sends_what_waits(publisher: SqsPublisher, server: Server) -> None:
    def fail() -> None:
        with publisher.buffer(max_messages=1_000, max_seconds=NEVER) as buffer:
            buffer.publish({'n': 0})
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert numbers(server) == [0]


def test_a_closed_buffer_refuses_and_closes_again_in_silence(publisher: SqsPublisher) -> None:
    buffer = publisher.buffer()
    buffer.close()
    buffer.close()
    buffer.flush()
    with pytest.raises(ConfigurationError, match='closed'):
        buffer.publish({'n': 0})


@pytest.mark.usefixtures('quick')
def test_with_too_many_pending_the_next_waits_for_room(
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
def test_who_waits_for_room_is_told_that_the_buffer_was_closed(
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
}


@pytest.mark.parametrize('limits', LIMITS.values(), ids=LIMITS.keys())
def test_limits_that_cannot_work_are_refused(
    limits: dict[str, Any], publisher: SqsPublisher
) -> None:
    with pytest.raises(ConfigurationError):
        publisher.buffer(**limits)


# What cannot be sent, and what fails.


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
def test_what_cannot_be_sent_is_refused_at_once_and_disturbs_nothing(
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


def test_a_payload_has_what_goes_with_it(server: Server, clients: Clients) -> None:
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


def test_each_future_has_its_own_error(faults: FaultServer) -> None:
    refused = {'Id': '1', 'SenderFault': True, 'Code': 'InvalidMessageContents'}
    sent = [{'Id': place, 'MessageId': f'm-{place}'} for place in '02']
    faults.will(sqs_answer(), sqs_answer(Successful=sent, Failed=[refused]))
    with SqsPublisher(QUEUE, client=faults.client('sqs')).buffer(
        max_messages=3, max_seconds=NEVER
    ) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(3)]
    assert [futures[0].result(), futures[2].result()] == ['m-0', 'm-2']
    error = futures[1].exception()
    assert isinstance(error, TransportError)
    assert error.code == 'InvalidMessageContents'


def test_after_a_call_that_failed_the_buffer_goes_on(server: Server, clients: Clients) -> None:
    publisher = SqsPublisher(f'{server.endpoint_url}/{ACCOUNT_ID}/orders', client=clients['sqs'])
    with publisher.buffer() as buffer:
        error = buffer.publish({'n': 0}).exception(SOON)
        assert isinstance(error, TransportError)
        assert 'NonExistentQueue' in error.code
        server.create_queue('orders')
        assert buffer.publish({'n': 1}).result(SOON)


def test_what_fails_on_the_side_of_aws_is_sent_again(
    publisher: SqsPublisher, server: Server
) -> None:
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


def test_a_cancelled_future_harms_no_other(publisher: SqsPublisher, server: Server) -> None:
    with publisher.buffer(max_messages=3, max_seconds=NEVER) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(2)]
        assert futures[0].cancel()
        futures.append(buffer.publish({'n': 2}))
        assert ids(futures[1:])


def test_eight_threads_share_a_buffer_and_its_calls(
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
    told = {each.message_id: json.loads(each.body)['n'] for each in server.accepted()}
    assert [told[message_id] for message_id in found] == list(range(400))
    assert calls(server) < 300


def test_what_cannot_be_read_breaks_no_buffer() -> None:
    """Whatever is raised where it sends, its futures tell."""

    def send_all(messages: list[Any]) -> list[Any]:
        raise RuntimeError('no such luck')

    def pack(payload: Any, binary_encoding: bool = False, **options: Any) -> Any:
        return payload

    class Sized:
        size = 1

    buffer = PublishBuffer(pack, send_all, 10, max_messages=1, max_seconds=1, max_pending=10)
    with buffer:
        payload: Any = Sized()
        for _ in range(2):
            error = buffer.publish(payload).exception(SOON)
            assert isinstance(error, PublishError)
            assert 'no such luck' in str(error)
