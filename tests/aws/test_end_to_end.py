"""From a publisher to a subscriber: directly, and through a topic, raw and in an envelope."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    Message,
    MessageSubscriber,
    SqsListener,
    Stats,
    TextSubscriber,
)
from mega.codec import WirePayload
from mega.event import Payload
from tests.aws.payloads import CASES, CONFIRMATION, ENVELOPE, Case
from tests.local_aws import LocalAws
from tests.payload_equality import as_received, with_types


class Route(NamedTuple):
    """A route from a publisher to a queue."""

    publish: Callable[..., str]
    queue_url: str
    topic_arn: str | None = None


def straight(aws: LocalAws) -> Route:
    queue_url = aws.create_queue()
    return Route(SqsPublisher(queue_url, client=aws.client('sqs')).publish, queue_url)


def through_a_topic(aws: LocalAws, raw: bool) -> Route:
    queue_url, topic_arn = aws.create_queue(), aws.create_topic()
    aws.subscribe(topic_arn, queue_url, raw=raw)
    publisher = SnsPublisher(topic_arn, client=aws.client('sns'))
    return Route(publisher.publish, queue_url, topic_arn)


@pytest.fixture(params=['SQS', 'SNS raw', 'SNS wrapped'])
def route(request: pytest.FixtureRequest, aws: LocalAws) -> Route:
    """Each route, on each local server."""
    if request.param == 'SQS':
        return straight(aws)
    return through_a_topic(aws, raw=request.param == 'SNS raw')


class DeliveryResult(NamedTuple):
    """A payload, the subscriber that received it, and its message."""

    payload: WirePayload
    subscriber: str
    message: Message


def listen(
    aws: LocalAws, queue_url: str, expected: int, *kinds: Any
) -> tuple[list[DeliveryResult], Stats]:
    """Pass the messages of a queue to subscribers of these kinds, until `count` have arrived."""
    delivered: list[DeliveryResult] = []
    listener = SqsListener(queue_url, wait_time_seconds=1, client=aws.client('sqs'))

    def process(self: MessageSubscriber, payload: WirePayload) -> None:
        delivered.append(DeliveryResult(payload, type(self).__name__, self.message))
        if len(delivered) == expected:
            listener.stop()  # other messages are still in the queue, and counted there

    for kind in kinds:
        listener.register_subscriber(type(kind.__name__, (kind,), {'process': process}))
    return delivered, listener.drain()


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_published_payload_arrives_equal_on_every_route(
    case: Case, route: Route, aws: LocalAws
) -> None:
    route.publish(case.payload, binary_encoding=case.binary)
    [found], stats = listen(aws, route.queue_url, 1, MessageSubscriber)
    assert with_types(found.payload) == with_types(as_received(case.payload))
    assert (stats.received, stats.done, stats.deleted, stats.errors) == (1, 1, 1, 0)
    assert aws.counts(route.queue_url) == (0, 0)


KINDS: dict[str, tuple[WirePayload, str]] = {
    'event': (CASES['event'].payload, 'EventSubscriber'),
    'data': (CASES['data'].payload, 'DataSubscriber'),
    'data like an envelope': (ENVELOPE, 'DataSubscriber'),
    'data like a confirmation': (CONFIRMATION, 'DataSubscriber'),
    'text': ('A new order has come in', 'TextSubscriber'),
    'text like an object': ('{"a":1}', 'TextSubscriber'),
    'blob': (b'\x00\xff', 'BlobSubscriber'),
}


def test_every_kind_of_payload_is_dispatched_to_its_kind_of_subscriber(
    route: Route, aws: LocalAws
) -> None:
    for payload, _ in KINDS.values():
        route.publish(payload)
    found, _ = listen(
        aws,
        route.queue_url,
        len(KINDS),
        BlobSubscriber,
        DataSubscriber,
        EventSubscriber,
        TextSubscriber,
    )
    brought = {repr(with_types(delivered.payload)): delivered.subscriber for delivered in found}
    assert brought == {repr(with_types(payload)): kind for payload, kind in KINDS.values()}
    assert aws.counts(route.queue_url) == (0, 0)


def test_a_subscriber_sees_the_message_on_every_route(route: Route, aws: LocalAws) -> None:
    before = datetime.now(timezone.utc)
    message_id = route.publish(
        {'a': 1}, message_attributes={'tenant': 'grün', 'price': 5}, message_group_id='tenant-a'
    )
    [found], _ = listen(aws, route.queue_url, 1, DataSubscriber)
    message = found.message
    assert message.attributes == {'tenant': 'grün', 'price': '5'}
    assert message.group_id == 'tenant-a'
    assert message.receive_count == 1
    assert message.sent_time is not None
    assert abs((message.sent_time - before).total_seconds()) < 60
    assert (message.id == message_id) is (route.topic_arn is None)


@pytest.mark.parametrize('raw', [False, True], ids=['wrapped', 'raw'])
def test_topic_and_subject_are_known_from_an_envelope(raw: bool, aws: LocalAws) -> None:
    route = through_a_topic(aws, raw)
    route.publish({'a': 1}, subject='A greeting')
    [found], _ = listen(aws, route.queue_url, 1, DataSubscriber)
    known = (found.message.topic_arn, found.message.subject)
    assert known == ((None, None) if raw else (route.topic_arn, 'A greeting'))


def test_many_messages_arrive_each_once(route: Route, aws: LocalAws) -> None:
    for number in range(12):
        route.publish({'number': number})
    found, stats = listen(aws, route.queue_url, 12, DataSubscriber)
    numbers: list[Any] = [
        delivered.payload['number'] for delivered in found if isinstance(delivered.payload, dict)
    ]
    assert sorted(numbers) == list(range(12))
    assert stats.done == stats.deleted == 12


@pytest.mark.parametrize('raw', [False, True], ids=['wrapped', 'raw'])
def test_a_fifo_topic_keeps_the_order(raw: bool, aws: LocalAws) -> None:
    queue_url, topic_arn = aws.create_queue(fifo=True), aws.create_topic(fifo=True)
    aws.subscribe(topic_arn, queue_url, raw=raw)
    publisher = SnsPublisher(topic_arn, client=aws.client('sns'))
    for number in range(5):
        publisher.publish(
            {'number': number}, message_group_id='g', message_deduplication_id=str(number)
        )
    found, _ = listen(aws, queue_url, 5, DataSubscriber)
    assert [delivered.payload for delivered in found] == [{'number': n} for n in range(5)]
    assert {delivered.message.group_id for delivered in found} == {'g'}


def test_an_event_of_another_producer_arrives_as_an_event(route: Route, aws: LocalAws) -> None:
    """Inline attributes and a version that is a text, which `publish` itself would not send."""
    body = (
        '{"protocol":"mega","version":"1","event":{"name":"item.added",'
        '"timestamp":"2020-05-04T15:53:23.123","item_id":"61fcc874"},"trace":"x"}'
    )
    if route.topic_arn is None:
        aws.client('sqs').send_message(QueueUrl=route.queue_url, MessageBody=body)
    else:
        aws.client('sns').publish(TopicArn=route.topic_arn, Message=body)
    [found], _ = listen(aws, route.queue_url, 1, EventSubscriber)
    assert isinstance(found.payload, Payload)
    assert found.payload.event.item_id == '61fcc874'
    assert found.payload.event.timestamp == datetime(
        2020, 5, 4, 15, 53, 23, 123_000, tzinfo=timezone.utc
    )
