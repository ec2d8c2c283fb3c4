"""FIFO queues: a message that stays blocks its followers in its group, and no other message."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mega.aws.sqs.subscribe import ProcessStatus, Stats
from mega.errors import RetriableError
from mega.match.functions import match
from mega.testing import Bus
from tests.aws.answers import Answer, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    listener_on,
    send,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.local_aws import Counts, LocalAws

BODIES = ('a1', 'a2', 'b1', 'a3', 'b2')


@pytest.fixture
def queue_url(aws: LocalAws) -> str:
    """Create a FIFO queue with two groups. The first letter of each body is its group."""
    url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    for body in BODIES:
        send(aws, url, body, message_group_id=body[0])
    return url


def failing(seen: list[str], *answers: object, at: str = 'a1') -> Callable[[str], object]:
    """Return a function that gives the answers for the payload `at` one by one, and then `DONE`."""
    left = list(answers)

    def answer(payload: str) -> object:
        seen.append(payload)
        if payload == at and left:
            found = left.pop(0)
            if isinstance(found, Exception):
                raise found
            return found
        return ProcessStatus.DONE

    return answer


def of_group(group: str, seen: list[str]) -> list[str]:
    return [body for body in seen if body.startswith(group)]


@pytest.mark.parametrize('size', [1, 10])
def test_groups_are_processed_in_order(aws: LocalAws, queue_url: str, size: int) -> None:
    seen: list[Any] = []
    listener = listener_on(aws, queue_url, subscriber(None, seen), max_number_of_messages=size)
    assert listener.drain() == Stats(received=5, done=5, deleted=5)
    assert of_group('a', seen) == ['a1', 'a2', 'a3']
    assert of_group('b', seen) == ['b1', 'b2']


def test_followers_of_a_message_that_stays_are_released_unprocessed(
    aws: LocalAws, queue_url: str
) -> None:
    seen: list[str] = []
    made = subscriber(failing(seen, ProcessStatus.RETRY_LATER))
    stats = listener_on(aws, queue_url, made, max_number_of_messages=10).drain()
    assert of_group('a', seen) == ['a1']
    assert of_group('b', seen) == ['b1', 'b2']
    assert (stats.done, stats.retried, stats.deleted) == (2, 1, 2)
    assert stats.released == stats.received - 3
    assert aws.counts(queue_url) == Counts(visible=2, in_flight=1)


def test_a_retry_in_the_middle_of_a_group_delays_only_its_followers(
    aws: LocalAws, queue_url: str
) -> None:
    seen: list[str] = []
    made = subscriber(failing(seen, ProcessStatus.RETRY_LATER, at='a2'))
    listener_on(aws, queue_url, made, max_number_of_messages=10).drain()
    assert of_group('a', seen) == ['a1', 'a2']
    assert of_group('b', seen) == ['b1', 'b2']
    assert aws.counts(queue_url) == Counts(visible=1, in_flight=1)


@pytest.mark.parametrize('delay', [0, 3_600], ids=str)
def test_a_group_continues_in_order_after_the_redelivery_of_a_message(bus: Bus, delay: int) -> None:
    seen: list[str] = []
    queue_url = bus.queue('orders', fifo=True)
    for body in BODIES:
        send(bus, queue_url, body, message_group_id=body[0])
    made = subscriber(failing(seen, RetriableError(delay), RetriableError(delay)))
    listener = listener_on(bus, queue_url, made, max_number_of_messages=10)
    bus.run(listener)
    assert (listener.stats().done, listener.stats().retried) == (5, 2)
    assert of_group('a', seen) == ['a1', 'a1', 'a1', 'a2', 'a3']
    assert of_group('b', seen) == ['b1', 'b2']
    bus.assert_nothing_left()


def test_a_message_with_an_invalid_body_blocks_its_group(aws: LocalAws) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    send(aws, queue_url, '{"a":', 'a2', message_group_id='a')
    seen: list[Any] = []
    listener = listener_on(aws, queue_url, subscriber(None, seen), max_number_of_messages=10)
    assert listener.drain().unopened == 1
    assert seen == []
    assert aws.counts(queue_url) == Counts(visible=1, in_flight=1)


@pytest.mark.parametrize(
    'settings',
    [{'unmatched': 'delete'}, {'unmatched': None}, {'dead_letter_queue_url': 'queue'}],
    ids=str,
)
def test_a_deleted_message_delays_no_follower(
    aws: LocalAws, queue_url: str, settings: dict[str, Any]
) -> None:
    if 'dead_letter_queue_url' in settings:
        settings = {'dead_letter_queue_url': aws.create_queue(fifo=True)}
    seen: list[Any] = []
    made = subscriber(None, seen, pattern=match('.[^1]'))
    stats = listener_on(aws, queue_url, made, max_number_of_messages=10, **settings).drain()
    assert (stats.unmatched, stats.done, stats.deleted) == (2, 3, 5)
    assert of_group('a', seen) == ['a2', 'a3']


def test_a_message_that_is_not_dead_lettered_blocks_its_group(
    aws: LocalAws, queue_url: str
) -> None:
    seen: list[str] = []
    made = subscriber(failing(seen, ProcessStatus.FATAL_ERROR))
    settings = {
        'dead_letter_queue_url': f'{queue_url[:-5]}-gone.fifo',
        'max_number_of_messages': 10,
    }
    listener_on(aws, queue_url, made, **settings).drain()
    assert of_group('a', seen) == ['a1']
    assert of_group('b', seen) == ['b1', 'b2']


def test_on_a_standard_queue_a_group_delays_no_message(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    for body in BODIES:
        send(aws, queue_url, body, message_group_id=body[0])
    seen: list[str] = []
    made = subscriber(failing(seen, ProcessStatus.RETRY_LATER))
    listener_on(aws, queue_url, made, max_number_of_messages=10).drain()
    assert sorted(seen) == sorted(BODIES)


QUEUE_URL = 'http://127.0.0.1/123456789012/orders.fifo'


def without_groups(*bodies: str, attributes: object = None) -> Answer:
    """Return messages as a server does that does not name the groups of messages."""
    return sqs_answer(
        Messages=[
            {'MessageId': body, 'ReceiptHandle': body, 'Body': body, 'Attributes': attributes or {}}
            for body in bodies
        ]
    )


@pytest.mark.parametrize('attributes', [None, {'MessageGroupId': ['a']}], ids=str)
def test_messages_without_a_group_keep_the_order_of_the_queue(
    faults: FaultServer, caplog: pytest.LogCaptureFixture, attributes: object
) -> None:
    """The listener cannot know which of them may overtake others."""
    batches = [without_groups(*names, attributes=attributes) for names in ('abc', 'de')]
    will_receive(faults, *batches, sqs_answer())
    seen: list[str] = []
    made = subscriber(failing(seen, ProcessStatus.RETRY_LATER, at='c'))
    settings = {'max_number_of_messages': 10, 'concurrency': 10}
    stats = listener_on(faults, QUEUE_URL, made, **settings).drain()
    assert seen == ['a', 'b', 'c']
    assert (stats.done, stats.retried, stats.released) == (2, 1, 2)
    [warning] = [text for text in warnings_of(caplog) if 'FIFO' in text]
    assert f'{QUEUE_URL} is a FIFO queue' in warning


def test_a_listener_asks_for_all_metadata_as_old_and_as_new_servers_do(faults: FaultServer) -> None:
    will_receive(faults, sqs_answer())
    listener_on(faults, QUEUE_URL, subscriber()).drain()
    receives = [each for each in faults.requests if each.operation == 'ReceiveMessage']
    asked = json.loads(receives[0].body)
    assert asked['AttributeNames'] == asked['MessageSystemAttributeNames'] == ['All']
