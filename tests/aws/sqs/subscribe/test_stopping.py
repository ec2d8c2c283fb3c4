"""Stops and pauses take effect at once, and leave no message, thread or socket behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import boto3
import pytest

from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.local import Server
from tests.aws.conftest import ONCE
from tests.aws.sqs.subscribe.factories import (
    BEFORE_RECEIVE,
    WITHIN,
    listening,
    open_sockets,
    subscriber,
    warnings_of,
)
from tests.profile import amount

SOON = 5.0  # seconds; a long poll takes 20

POLL_FAILED = 'after-call-error.sqs.ReceiveMessage'


@contextmanager
def client_of(server: Server) -> Iterator[Any]:
    session: Any = boto3.Session()
    with closing(session.client('sqs', config=ONCE, **server.credentials)) as client:
        yield client


@pytest.fixture
def queue_url(server: Server) -> str:
    return server.create_queue('orders', VisibilityTimeout=600)


def botocore_event_of(client: Any, event: str) -> Event:
    """Return an event that is set when botocore emits the event."""
    happened = Event()
    client.meta.events.register(event, lambda **event_arguments: happened.set())
    return happened


def wait_for_poll(server: Server) -> None:
    """Wait until a receive has arrived at the server.

    An interruption of such a receive raises an error. An earlier one may be silent.
    """
    given_up = time.monotonic() + WITHIN
    while 'ReceiveMessage' not in server.counts().calls:
        assert time.monotonic() < given_up


def listener_on(queue_url: str, *subscribers: Subscriber, **settings: Any) -> SqsListener:
    return SqsListener(queue_url, subscribers, **{'visibility_timeout': 600, **settings})


def visible(client: Any, queue_url: str) -> list[tuple[str, str]]:
    """Return the bodies and the receive counts of all visible messages."""
    messages: list[Any] = []
    while found := client.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=0,
        MessageSystemAttributeNames=['ApproximateReceiveCount'],
    ).get('Messages'):
        messages += found
    return [(each['Body'], each['Attributes']['ApproximateReceiveCount']) for each in messages]


def send(client: Any, queue_url: str, *bodies: str) -> None:
    for body in bodies:
        client.send_message(QueueUrl=queue_url, MessageBody=body)


# A stop


def test_a_stop_ends_a_receive_and_leaves_later_messages_to_others(
    server: Server, queue_url: str
) -> None:
    with client_of(server) as client, client_of(server) as other:
        polls = botocore_event_of(client, BEFORE_RECEIVE)
        listener = listener_on(queue_url, subscriber(), client=client)
        with listening(listener) as thread:
            assert polls.wait(WITHIN)
            listener.stop()
            thread.join(SOON)
            assert not thread.is_alive()
        send(other, queue_url, 'hej')
        assert visible(other, queue_url) == [('hej', '1')]


def test_a_stop_ends_many_polls(server: Server, queue_url: str) -> None:
    """The engine makes several receives at a time after messages arrived."""
    seen: list[str] = []
    all_seen = Event()

    def process(payload: str) -> None:
        seen.append(payload)
        if len(seen) == 50:
            all_seen.set()

    settings: Any = {'concurrency': 20, **server.credentials}
    with (
        client_of(server) as other,
        closing(listener_on(queue_url, subscriber(process), **settings)) as listener,
    ):
        send(other, queue_url, *map(str, range(50)))
        with listening(listener) as thread:
            assert all_seen.wait(WITHIN)
            listener.stop()
            thread.join(SOON)
            assert not thread.is_alive()
        assert listener.stats().deleted == 50
        send(other, queue_url, 'hej')
        assert visible(other, queue_url) == [('hej', '1')]


# The grace period


def test_a_message_beyond_the_grace_period_is_released_and_left_behind(
    server: Server, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun, going_on = Event(), Event()
    workers: list[Thread] = []

    def process(payload: str) -> None:
        workers.append(threading.current_thread())
        begun.set()
        going_on.wait(WITHIN)

    with client_of(server) as client:
        listener = listener_on(queue_url, subscriber(process), client=client, grace_period=0.1)
        send(client, queue_url, 'hej')
        with listening(listener):
            assert begun.wait(WITHIN)
        stats = listener.stats()
        assert (stats.received, stats.released_in_progress, stats.deleted) == (1, 1, 0)
        assert any('is still running' in warning for warning in warnings_of(caplog))
        assert visible(client, queue_url) == [('hej', '2')]
        going_on.set()
        workers[0].join(WITHIN)
        assert listener.stats().deleted == 0
        assert server.counts().calls['DeleteMessageBatch'] == 1  # the call of the checks


def test_a_coroutine_beyond_the_grace_period_is_cancelled(server: Server, queue_url: str) -> None:
    begun = Event()
    ends: list[str] = []

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ends.append(payload)

    with client_of(server) as client:
        listener = listener_on(queue_url, Asynchronous, client=client, grace_period=0.1)
        send(client, queue_url, 'hej')
        with listening(listener):
            assert begun.wait(WITHIN)
        assert ends == ['hej']
        assert listener.stats().released_in_progress == 1
        assert visible(client, queue_url) == [('hej', '2')]


def test_a_message_that_ends_in_the_grace_period_is_deleted(server: Server, queue_url: str) -> None:
    begun, going_on = Event(), Event()

    def process(payload: str) -> None:
        begun.set()
        assert going_on.wait(WITHIN)

    with client_of(server) as client:
        listener = listener_on(
            queue_url, subscriber(process), client=client, max_number_of_messages=10
        )
        send(client, queue_url, 'a', 'b')
        released = botocore_event_of(client, 'after-call.sqs.ChangeMessageVisibilityBatch')
        with listening(listener) as thread:
            assert begun.wait(WITHIN)
            released.clear()  # the call of the checks
            listener.stop()
            assert released.wait(WITHIN)
            assert thread.is_alive()
            going_on.set()
        stats = listener.stats()
        assert (stats.done, stats.deleted, stats.released, stats.released_in_progress) == (
            1,
            1,
            1,
            0,
        )
        assert [count for _, count in visible(client, queue_url)] == ['2']


# A pause


def test_during_a_pause_other_listeners_receive_the_messages(
    server: Server, queue_url: str
) -> None:
    """The pause interrupts the long poll."""
    with client_of(server) as client, client_of(server) as other:
        ended = botocore_event_of(client, POLL_FAILED)
        listener = listener_on(queue_url, subscriber(), client=client)
        with listening(listener):
            wait_for_poll(server)
            listener.pause()
            listener.pause()
            assert ended.wait(SOON)
            send(other, queue_url, 'hej')
            assert visible(other, queue_url) == [('hej', '1')]
        assert listener.stats().received == 0


def test_messages_are_processed_after_a_pause(server: Server, queue_url: str) -> None:
    processed = Event()
    with client_of(server) as client, client_of(server) as other:
        ended = botocore_event_of(client, POLL_FAILED)
        listener = listener_on(
            queue_url, subscriber(lambda payload: processed.set()), client=client
        )
        with listening(listener):
            wait_for_poll(server)
            listener.pause()
            assert ended.wait(SOON)
            listener.resume()
            send(other, queue_url, 'hej')
            assert processed.wait(WITHIN)
        assert listener.stats().errors == 0


def test_messages_are_processed_after_many_short_pauses(server: Server, queue_url: str) -> None:
    processed = Event()
    with client_of(server) as client, client_of(server) as other:
        listener = listener_on(
            queue_url, subscriber(lambda payload: processed.set()), client=client
        )
        with listening(listener):
            for _ in range(100):
                listener.pause()
                listener.resume()
                processed.clear()
                send(other, queue_url, 'hej')
                assert processed.wait(WITHIN)
        assert listener.stats().errors == 0


def test_messages_received_before_a_pause_are_processed(server: Server, queue_url: str) -> None:
    begun, going_on, done = Event(), Event(), Event()
    seen: list[str] = []

    def process(payload: str) -> None:
        begun.set()
        assert going_on.wait(WITHIN)
        seen.append(payload)
        if len(seen) == 3:
            done.set()

    with client_of(server) as client:
        send(client, queue_url, *'abc')
        listener = listener_on(
            queue_url, subscriber(process), client=client, max_number_of_messages=10
        )
        with listening(listener):
            assert begun.wait(WITHIN)
            listener.pause()
            going_on.set()
            assert done.wait(WITHIN)
        assert listener.stats().deleted == 3


def test_a_pause_before_the_start_applies_from_the_start(server: Server, queue_url: str) -> None:
    processed = Event()
    with client_of(server) as client:
        polls = botocore_event_of(client, BEFORE_RECEIVE)
        checked = botocore_event_of(client, 'after-call.sqs.ChangeMessageVisibilityBatch')
        listener = listener_on(
            queue_url, subscriber(lambda payload: processed.set()), client=client
        )
        send(client, queue_url, 'hej')
        listener.pause()
        with listening(listener):
            assert checked.wait(WITHIN)
        assert not polls.is_set()
        listener.resume()
        with listening(listener):
            assert processed.wait(WITHIN)


def test_a_stop_ends_a_pause(server: Server, queue_url: str) -> None:
    with client_of(server) as client:
        ended = botocore_event_of(client, POLL_FAILED)
        listener = listener_on(queue_url, subscriber(), client=client)
        with listening(listener) as thread:
            wait_for_poll(server)
            listener.pause()
            assert ended.wait(SOON)
            listener.stop()
            thread.join(SOON)
            assert not thread.is_alive()


# Repeated starts and stops


def threads_now() -> set[threading.Thread]:
    """Return all threads but the one that the time limits of all calls share."""
    return {each for each in threading.enumerate() if each.name != 'mega-watchdog'}


@pytest.mark.no_cover
@pytest.mark.skipif(not Path('/proc/self/fd').exists(), reason='there is no list of sockets')
@pytest.mark.parametrize(
    ('concurrency', 'starts'), [(1, amount(20, 1_000)), (8, amount(30, 1_000))]
)
def test_starts_and_stops_leave_no_thread_socket_or_message_behind(
    server: Server, queue_url: str, concurrency: int, starts: int
) -> None:
    """Stops come at the start, during a poll, at the arrival of a message and during processing."""
    gc.collect()
    threads, before = threads_now(), open_sockets()
    seen: list[str] = []
    polling, working = Event(), Event()

    def process(payload: str) -> None:
        seen.append(payload)
        working.set()

    session: Any = boto3.Session('testing', 'testing', region_name='eu-west-1')
    session.events.register(BEFORE_RECEIVE, lambda **event_arguments: polling.set())
    settings = {'session': session, 'endpoint_url': server.endpoint_url, 'concurrency': concurrency}
    with (
        client_of(server) as client,
        listener_on(queue_url, subscriber(process), **settings) as listener,
    ):
        for number in range(starts):
            polling.clear()
            working.clear()
            with listening(listener):
                if number % 4 > 0:
                    assert polling.wait(WITHIN)
                if number % 4 > 1:
                    send(client, queue_url, f'{number}')
                if number % 4 > 2:
                    assert working.wait(WITHIN)
        names = ['ApproximateNumberOfMessagesNotVisible']
        in_flight = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        left = [body for body, _ in visible(client, queue_url)]
    assert in_flight['Attributes'] == {names[0]: '0'}
    assert sorted([*seen, *left], key=int) == [
        f'{number}' for number in range(starts) if number % 4 > 1
    ]
    gc.collect()
    assert threads_now() <= threads  # threads of other tests may end
    assert open_sockets() <= before
