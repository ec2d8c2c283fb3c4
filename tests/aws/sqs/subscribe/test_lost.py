"""Work that takes too long: it can see when its message is not its own any more, and is told of."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from mega.aws.sqs.message import Message, read_message
from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.making import (
    WITHIN,
    listener_on,
    send,
    subscriber,
    will_receive,
)
from tests.local_aws import LocalAws

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'
RECEIVED = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}
DELIVERY = sqs_answer(Messages=[RECEIVED])
NOT_IN_FLIGHT = sqs_answer(
    Failed=[{'Id': '0', 'Code': 'MessageNotInflight', 'SenderFault': True, 'Message': 'as told'}]
)


class Heard(logging.Handler):
    """Hears of a line in the log that has some words in it."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
        self.event = Event()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self.words in record.getMessage():
            self.texts.append(record.getMessage())
            self.event.set()


@pytest.fixture
def heard(request: pytest.FixtureRequest) -> Iterator[Heard]:
    handler = Heard(request.param)
    logging.getLogger('mega').addHandler(handler)
    yield handler
    logging.getLogger('mega').removeHandler(handler)


@pytest.mark.parametrize('heard', ['lost its visibility timeout'], indirect=True)
@pytest.mark.parametrize('beside', [0, 1], ids=['alone', 'beside another'])
def test_fault_70_a_subscriber_can_see_that_its_message_is_lost(
    faults: FaultServer, heard: Heard, beside: int
) -> None:
    seen: list[bool] = []

    class Slow(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(self.message.lost)
            assert heard.event.wait(WITHIN)
            seen.append(self.message.lost)

    will_receive(faults, DELIVERY, sqs_answer(), ChangeMessageVisibilityBatch=[NOT_IN_FLIGHT])
    made: list[Subscriber] = [Slow, *[subscriber()] * beside]
    listener = listener_on(faults, QUEUE_URL, *made, visibility_timeout=1, max_processing_time=60)
    stats = listener.drain()
    assert seen == [False, True]
    assert (stats.visibility_lost, stats.done, stats.deleted) == (1, 1, 0)
    assert 'DeleteMessageBatch' not in [request.operation for request in faults.requests]


def test_a_copy_of_a_message_has_no_reference_to_its_delivery() -> None:
    delivery = Delivery('1', 'a', received={})  # an event cannot be copied
    message = read_message(RECEIVED, delivery)
    delivery.is_lost = True
    assert message.lost
    assert replace(message, subject='hej').lost
    for copied in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert copied == message
        assert type(copied) is Message
        assert not copied.lost


STATUSES = {
    'done': ProcessStatus.DONE,
    'again': ProcessStatus.RETRY_LATER,
    'bad': ProcessStatus.FATAL_ERROR,
}


def test_a_settled_delivery_is_freed_without_the_garbage_collector(aws: LocalAws) -> None:
    """A message knows its delivery, which knew the message: each is gone when it is done with."""
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
    assert 'holding' not in repr(read_message(RECEIVED, Delivery('1', 'a')))
    assert not read_message(RECEIVED).lost


def plain(heard: Heard) -> Subscriber:
    def overdue_in_a_thread(payload: Any) -> None:
        assert heard.event.wait(WITHIN)

    return subscriber(overdue_in_a_thread)


def waiting(heard: Heard) -> Subscriber:
    async def overdue_further_in() -> None:
        assert await asyncio.to_thread(heard.event.wait, WITHIN)

    async def overdue_in_a_coroutine(payload: Any) -> None:
        await overdue_further_in()

    class Waiting(MessageSubscriber):
        async def process(self, payload: Any) -> None:
            await overdue_in_a_coroutine(payload)

    return Waiting


def blocking(heard: Heard) -> Subscriber:
    def overdue_further_in() -> None:
        assert heard.event.wait(WITHIN)

    class Blocking(MessageSubscriber):
        async def process(self, payload: Any) -> None:
            overdue_further_in()

    return Blocking


@pytest.mark.parametrize('heard', ['in processing for longer than max_proc'], indirect=True)
@pytest.mark.parametrize(
    ('make', 'beside', 'names'),
    [
        (plain, 0, ['overdue_in_a_thread']),
        (waiting, 0, ['overdue_in_a_coroutine', 'overdue_further_in']),
        (waiting, 1, ['overdue_in_a_coroutine', 'overdue_further_in']),
        (blocking, 0, ['overdue_further_in']),
        (blocking, 1, ['overdue_further_in']),
    ],
    ids=['def', 'async', 'async beside def', 'blocking', 'blocking beside def'],
)
def test_fault_88_a_hanging_process_is_logged_with_its_stack(
    faults: FaultServer, heard: Heard, make: Any, beside: int, names: list[str]
) -> None:
    will_receive(faults, DELIVERY, sqs_answer())
    made = [*[subscriber()] * beside, make(heard)]
    listener_on(faults, QUEUE_URL, *made, max_processing_time=0.1).drain()
    [text] = heard.texts
    assert text.startswith('message 1 ')
    for name in names:
        assert f'in {name}' in text
