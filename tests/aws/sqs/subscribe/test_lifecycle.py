"""The start and the end of a listener, and their effect on received messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener, Stats
from mega.errors import ConfigurationError
from mega.local import Server
from tests.aws.sqs.subscribe.factories import (
    BEFORE_RECEIVE,
    WITHIN,
    botocore_event,
    listener_on,
    listening,
    on_botocore_event,
    send,
    subscriber,
)
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)
POLL = 20  # seconds; longer than any test of this file may take


@pytest.fixture
def disconnect_aware(server: Server) -> Iterator[LocalAws]:
    """A server that keeps messages in the queue if the client closes its connection."""
    with closing(LocalAws('disconnect_aware', server.endpoint_url)) as aws:
        yield aws


def receive_counts(aws: LocalAws, queue_url: str, count: int) -> list[tuple[str, str]]:
    """Return the bodies and the receive counts of the messages in a queue."""
    messages = aws.receive(queue_url, at_least=count, within=WITHIN)
    return sorted(
        (message['Body'], message['Attributes']['ApproximateReceiveCount']) for message in messages
    )


def test_a_stop_does_not_wait_for_the_end_of_a_long_poll(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    listener = listener_on(aws, queue_url, subscriber(), wait_time_seconds=POLL)
    with botocore_event(aws, BEFORE_RECEIVE) as polling, listening(listener) as thread:
        assert polling.wait(WITHIN)
        listener.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_messages_received_after_a_stop_are_released_at_once(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'late')
    seen: list[Any] = []
    listener = listener_on(aws, queue_url, subscriber(None, seen), visibility_timeout=600)
    with on_botocore_event(aws, 'after-call.sqs.ReceiveMessage', listener.stop):
        listener.listen()
    assert seen == []
    assert listener.stats() == Stats(received=1, released=1)
    assert receive_counts(aws, queue_url, 1) == [('late', '2')]


def test_a_stop_finishes_the_message_and_releases_the_rest_of_the_batch(
    aws: LocalAws,
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    begun, going_on = Event(), Event()

    def process(payload: str) -> None:
        begun.set()
        assert going_on.wait(WITHIN)

    settings = {'max_number_of_messages': 10, 'visibility_timeout': 600}
    listener = listener_on(aws, queue_url, subscriber(process), **settings)
    with listening(listener) as thread:
        assert begun.wait(WITHIN)
        listener.stop()
        assert thread.is_alive()
        going_on.set()
    stats = listener.stats()
    assert (stats.done, stats.deleted) == (1, 1)
    assert len(receive_counts(aws, queue_url, 2)) == 2
    assert aws.counts(queue_url) == EMPTY


@pytest.mark.parametrize('is_async', [False, True], ids=['plain', 'async'])
def test_no_message_starts_after_a_stop(aws: LocalAws, is_async: bool) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    seen: list[str] = []

    class Plain(MessageSubscriber):
        def process(self, payload: str) -> None:
            listener.stop()
            seen.append(payload)

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            listener.stop()
            seen.append(payload)

    made = Asynchronous if is_async else Plain
    listener: SqsListener = listener_on(aws, queue_url, made, max_number_of_messages=10)
    listener.listen()
    assert len(seen) == listener.stats().done == listener.stats().deleted == 1


def test_a_stop_before_the_start_ends_only_the_next_listen(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    processed = Event()
    listener = listener_on(aws, queue_url, subscriber(lambda payload: processed.set()))
    listener.stop()
    listener.listen()
    send(aws, queue_url, 'hej')
    with listening(listener):
        assert processed.wait(WITHIN)


def test_a_stop_before_the_start_ends_only_the_next_drain(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    listener = listener_on(aws, queue_url, subscriber())
    listener.stop()
    assert listener.drain() == Stats()
    assert listener.drain() == Stats(received=1, done=1, deleted=1)


def test_a_second_stop_has_no_effect(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'ab')
    seen: list[Any] = []

    def process(payload: str) -> None:
        for _ in '123':
            listener.stop()

    listener: SqsListener = listener_on(aws, queue_url, subscriber(process, seen))
    listener.listen()
    listener.listen()
    assert sorted(seen) == ['a', 'b']


def test_a_stopped_listener_can_listen_again(disconnect_aware: LocalAws) -> None:
    queue_url = disconnect_aware.create_queue()
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    listener = listener_on(disconnect_aware, queue_url, made, wait_time_seconds=POLL)
    for _ in '123':
        processed.clear()
        with listening(listener):
            send(disconnect_aware, queue_url, 'hej')
            assert processed.wait(WITHIN)
    assert listener.stats() == Stats(received=3, done=3, deleted=3)


def test_a_listener_refuses_to_listen_in_two_threads(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    processed = Event()
    listener = listener_on(aws, queue_url, subscriber(lambda payload: processed.set()))
    with botocore_event(aws, BEFORE_RECEIVE) as polling, listening(listener):
        assert polling.wait(WITHIN)
        with pytest.raises(ConfigurationError, match='already listening'):
            listener.listen()
        with pytest.raises(ConfigurationError, match='already listening'):
            listener.drain()
        send(aws, queue_url, 'hej')
        assert processed.wait(WITHIN)


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize('work', ['listen', 'drain'])
@pytest.mark.parametrize('unhandled', ['fatal', 'retry'])
def test_an_exit_of_a_subscriber_leaves_the_message_and_is_raised(
    aws: LocalAws, error: BaseException, work: str, unhandled: str
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    settings = {'max_number_of_messages': 10, 'unhandled': unhandled}
    listener = listener_on(aws, queue_url, subscriber(error), **settings)
    with pytest.raises(type(error)) as caught:
        getattr(listener, work)()
    assert caught.value is error
    assert listener.stats().retried == 1
    assert aws.counts(queue_url) == Counts(visible=2, in_flight=1)


def test_a_listener_can_listen_again_after_an_exit(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'ab')
    answers: list[BaseException | None] = [SystemExit(3), None]

    def process(payload: str) -> None:
        if error := answers.pop(0):
            raise error

    listener = listener_on(aws, queue_url, subscriber(process))
    with pytest.raises(SystemExit):
        listener.listen()
    assert listener.drain() == Stats(received=1, done=1, deleted=1)


def test_async_subscribers_share_one_event_loop_that_ends_with_the_listener(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    loops: list[object] = []

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: str) -> None:
            import asyncio

            loops.append(asyncio.get_running_loop())

    listener = listener_on(aws, queue_url, Asynchronous, subscriber(base=Asynchronous))
    assert listener.drain().done == 3
    assert len(loops) == 3
    assert len(set(loops)) == 1
    assert 'mega-event-loop' not in {thread.name for thread in threading.enumerate()}


def test_statistics_can_be_read_while_a_message_is_in_processing(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'ab')
    read: list[Stats] = []
    listener: SqsListener = listener_on(
        aws, queue_url, subscriber(lambda payload: read.append(listener.stats()))
    )
    listener.drain()
    assert [(stats.received, stats.done) for stats in read] == [(1, 0), (2, 1)]
