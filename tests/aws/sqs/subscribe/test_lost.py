"""Slow subscribers: they can see that their message is lost, and the log shows their stack."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus, Stats
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.runtime.visibility import DeliveryVisibility
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.testing import Bus
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    LogWatcher,
    listener_on,
    send,
    subscriber,
    will_receive,
)
from tests.local_aws import LocalAws

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'
RECEIVED = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}
DELIVERY = sqs_answer(Messages=[RECEIVED])


@pytest.fixture
def log_watcher(request: pytest.FixtureRequest) -> Iterator[LogWatcher]:
    handler = LogWatcher(request.param)
    logging.getLogger('mega').addHandler(handler)
    yield handler
    logging.getLogger('mega').removeHandler(handler)


@pytest.mark.parametrize('others', [0, 1], ids=['alone', 'with another'])
def test_fault_70_a_subscriber_can_see_that_its_message_is_lost(
    bus: Bus, caplog: pytest.LogCaptureFixture, others: int
) -> None:
    """Another program makes the message visible while the subscriber takes its time."""
    seen: list[bool] = []
    queue_url = bus.queue('orders')

    class Slow(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(self.message.lost)
            if self.message.receive_count == 1:
                bus.sqs.change_message_visibility(
                    QueueUrl=queue_url,
                    ReceiptHandle=self.message.receipt_handle,
                    VisibilityTimeout=0,
                )
                bus.advance(25)
                seen.append(self.message.lost)

    send(bus, queue_url, 'hej')
    made: list[Subscriber] = [Slow, *[subscriber()] * others]
    settings = {'visibility_timeout': 30, 'max_processing_time': 600}
    listener = listener_on(bus, queue_url, *made, **settings)
    bus.run(listener)
    assert seen == [False, True, False]
    assert listener.stats() == Stats(received=2, visibility_lost=1, done=2, deleted=1)
    assert 'lost its visibility timeout' in caplog.text


def test_a_copy_of_a_message_has_no_reference_to_its_delivery() -> None:
    delivery = Delivery('1', 'a', received={})  # an event cannot be copied
    message = read_message(RECEIVED, DeliveryVisibility(delivery, time.monotonic))
    delivery.is_visibility_lost = True
    assert message.lost
    assert replace(message, subject='hej').lost
    for copied in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert copied == message
        assert type(copied) is Message
        assert not copied.lost
        assert copied.time_left is None


STATUSES = {
    'done': ProcessStatus.DONE,
    'again': ProcessStatus.RETRY_LATER,
    'bad': ProcessStatus.FATAL_ERROR,
}


def test_a_settled_delivery_is_freed_without_the_garbage_collector(aws: LocalAws) -> None:
    """A message and its delivery refer to each other. The settlement breaks the cycle."""
    queue_url, dead = aws.create_queue(), aws.create_queue()
    ids = send(aws, queue_url, *STATUSES)
    made = [subscriber(status, pattern=body) for body, status in STATUSES.items()]
    listener = listener_on(aws, queue_url, *made, dead_letter_queue_url=dead)
    gc.collect()
    gc.disable()
    try:
        stats = listener.drain()
        assert (stats.done, stats.retried, stats.dead_lettered) == (1, 1, 1)
        deliveries = (each for each in gc.get_objects() if type(each) is Delivery)
        assert [each for each in deliveries if each.id in ids] == []
    finally:
        gc.enable()


def test_the_repr_of_a_message_does_not_show_its_delivery() -> None:
    visibility = DeliveryVisibility(Delivery('1', 'a'), time.monotonic)
    assert 'holding' not in repr(read_message(RECEIVED, visibility))
    assert not read_message(RECEIVED).lost


def plain(log_watcher: LogWatcher) -> Subscriber:
    def overdue_in_a_thread(payload: Any) -> None:
        assert log_watcher.event.wait(WITHIN)

    return subscriber(overdue_in_a_thread)


def waiting(log_watcher: LogWatcher) -> Subscriber:
    async def overdue_in_a_nested_call() -> None:
        assert await asyncio.to_thread(log_watcher.event.wait, WITHIN)

    async def overdue_in_a_coroutine(payload: Any) -> None:
        await overdue_in_a_nested_call()

    class Waiting(MessageSubscriber):
        async def process(self, payload: Any) -> None:
            await overdue_in_a_coroutine(payload)

    return Waiting


def blocking(log_watcher: LogWatcher) -> Subscriber:
    def overdue_in_a_nested_call() -> None:
        assert log_watcher.event.wait(WITHIN)

    class Blocking(MessageSubscriber):
        async def process(self, payload: Any) -> None:
            overdue_in_a_nested_call()

    return Blocking


@pytest.mark.parametrize('log_watcher', ['in processing for longer than max_proc'], indirect=True)
@pytest.mark.parametrize(
    ('make', 'others', 'names'),
    [
        (plain, 0, ['overdue_in_a_thread']),
        (waiting, 0, ['overdue_in_a_coroutine', 'overdue_in_a_nested_call']),
        (waiting, 1, ['overdue_in_a_coroutine', 'overdue_in_a_nested_call']),
        (blocking, 0, ['overdue_in_a_nested_call']),
        (blocking, 1, ['overdue_in_a_nested_call']),
    ],
    ids=['def', 'async', 'async with def', 'blocking', 'blocking with def'],
)
def test_fault_88_a_hanging_process_is_logged_with_its_stack(
    faults: FaultServer, log_watcher: LogWatcher, make: Any, others: int, names: list[str]
) -> None:
    will_receive(faults, DELIVERY, sqs_answer())
    made = [*[subscriber()] * others, make(log_watcher)]
    listener_on(faults, QUEUE_URL, *made, max_processing_time=0.01).drain()
    [text] = log_watcher.texts
    assert text.startswith('message 1 ')
    for name in names:
        assert f'in {name}' in text


def test_the_time_left_passes_and_the_heartbeat_extends_it(bus: Bus) -> None:
    seen: list[float | None] = []
    queue_url = bus.queue('slow')

    class Slow(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(self.message.time_left)
            for _ in range(2):
                bus.advance(10)
                seen.append(self.message.time_left)

    send(bus, queue_url, 'hej')
    settings = {'visibility_timeout': 30, 'max_processing_time': 600}
    bus.run(listener_on(bus, queue_url, Slow, **settings))
    assert seen == [30, 20, 25]


def test_no_time_is_left_after_the_visibility_timeout() -> None:
    delivery = Delivery('1', 'a', hidden_until=50.0)
    now = 0.0
    visibility = DeliveryVisibility(delivery, lambda: now)
    assert visibility.time_left == 50
    now = 60.0
    assert visibility.time_left == 0
    now, delivery.is_visibility_lost = 0.0, True
    assert visibility.time_left == 0
