"""The assertions of a bus, and what a failing one shows."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber
from mega.errors import RetriableError
from mega.event import Payload, PayloadBuilder
from mega.event import event as describe
from mega.match.functions import gt, prefix
from mega.testing import Bus, Queue
from tests.testing.conftest import Listen, Publish, recorder, subscriber


def event(name: str, **attributes: Any) -> Payload:
    return PayloadBuilder().with_event(name=name, **attributes).build()


class Ship(EventSubscriber):
    name = 'order.placed'

    def process(self, payload: Payload) -> None:
        if payload.event.quantity == 0:
            raise ValueError('the order is empty')


def test_a_published_message_is_found_by_a_pattern(bus: Bus, publish: Publish) -> None:
    publish(event('order.placed', quantity=5))
    bus.assert_published({'event': {'name': prefix('order.'), 'attributes': {'quantity': gt(4)}}})
    bus.assert_published(times=1)
    bus.assert_published({'event': {'name': 'other'}}, times=0)


def test_a_payload_is_a_pattern(bus: Bus, publish: Publish) -> None:
    payload = event('order.placed', quantity=5)
    publish(payload)
    publish('a text')
    publish(b'a blob')
    for each in (payload, 'a text', b'a blob'):
        bus.assert_published(each, times=1)


@describe('order.placed')
@dataclass
class Placed:
    quantity: int


@dataclass
class Order:
    number: int


def test_a_typed_object_is_a_pattern(bus: Bus, publish: Publish) -> None:
    publish(Placed(5))
    publish(Order(7))
    for each in (Placed(5), Order(7)):
        bus.assert_published(each, times=1)
    bus.assert_published(Placed(6), times=0)


def test_a_missing_message_is_explained_by_the_nearest(bus: Bus, publish: Publish) -> None:
    for number in range(5):
        publish({'kind': 'invoice', 'number': number, 'total': 3})
    publish({'kind': 'order', 'number': 9, 'total': 3})
    with pytest.raises(AssertionError) as caught:
        bus.assert_published({'kind': 'order', 'number': 9, 'total': gt(5)})
    lines = str(caught.value).splitlines()
    wanted = "{'kind': 'order', 'number': 9, 'total': gt(5)}"
    assert lines[:7] == [
        f'0 published messages that match {wanted}, expected at least 1',
        'The nearest of 6:',
        "  orders: {'kind': 'order', 'number': 9, 'total': 3}",
        '    it does not match',
        '      - total is 3, wanted gt(5)',
        "      + kind is 'order', wanted 'order'",
        '      + number is 9, wanted 9',
    ]
    assert sum(line.startswith('  orders') for line in lines) == 3


def test_a_wrong_number_of_messages_is_shown(bus: Bus, publish: Publish) -> None:
    for number in range(5):
        publish({'number': number})
    with pytest.raises(AssertionError) as caught:
        bus.assert_published(times=1)
    assert str(caught.value).splitlines() == [
        '5 published messages, expected 1',
        "  orders: {'number': 0}",
        "  orders: {'number': 1}",
        "  orders: {'number': 2}",
        '  ... and 2 more',
    ]


def test_a_message_with_an_invalid_body_is_shown_as_such(bus: Bus, queue: Queue) -> None:
    SqsPublisher(queue, client=bus.sqs).publish_raw_message('{"broken"')
    assert bus.published()[0].payload is None
    with pytest.raises(AssertionError, match='orders: invalid: '):
        bus.assert_published({'a': 1})


def test_only_the_messages_to_a_destination_count(bus: Bus, queue: Queue, publish: Publish) -> None:
    topic = bus.topic('events', to=[queue])
    SnsPublisher(topic, client=bus.sns).publish({'n': 1})
    publish({'n': 2})
    bus.assert_published({'n': 1}, to=topic, times=1)
    bus.assert_published(to=queue, times=1)
    bus.assert_published({'n': 1}, to=queue, times=0)


def test_nothing_else_was_published(bus: Bus, publish: Publish) -> None:
    bus.assert_nothing_else_published()
    publish({'n': 1})
    publish({'n': 2})
    bus.assert_published({'n': 1})
    with pytest.raises(AssertionError, match=r"1 other messages were published:\n  .*'n': 2"):
        bus.assert_nothing_else_published()
    bus.assert_published({'n': 2})
    bus.assert_nothing_else_published()


def test_nothing_was_published(bus: Bus, publish: Publish) -> None:
    bus.assert_nothing_published()
    publish({'n': 1})
    with pytest.raises(AssertionError, match=r"1 messages were published:\n  orders: .*'n': 1"):
        bus.assert_nothing_published()


def test_only_success_counts_as_processed(bus: Bus, publish: Publish, listen: Listen) -> None:
    for quantity in (0, 5):
        publish(event('order.placed', quantity=quantity))
    bus.run(listen(Ship), raising=False)
    bus.assert_processed(Ship, {'event': {'attributes': {'quantity': 5}}}, times=1)
    with pytest.raises(AssertionError) as caught:
        bus.assert_processed(Ship, {'event': {'attributes': {'quantity': 0}}})
    text = str(caught.value)
    assert 'FATAL_ERROR, ValueError, receive 1: ' in text
    assert 'it matches' in text
    statuses = [each.status.name for each in bus.processed()]
    assert statuses == ['FATAL_ERROR', 'DONE']


def test_a_subscriber_that_matches_nothing_processed_nothing(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    with pytest.raises(AssertionError, match='by Ship, and no message was published'):
        bus.assert_processed(Ship)
    publish(event('order.paid'))
    publish('a text')
    bus.run(listen(Ship))
    with pytest.raises(AssertionError) as caught:
        bus.assert_processed(Ship)
    text = str(caught.value)
    assert text.startswith('0 messages processed by Ship. The nearest of 2 published messages:\n')
    assert "- event.name is 'order.paid', wanted 'order.placed'" in text
    assert 'the subscriber receives events only' in text
    bus.assert_processed(Ship, times=0)


def test_the_dead_letters_of_a_listener_have_the_reason(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    failed = bus.queue('failed')
    publish(event('order.placed', quantity=0), message_attributes={'source': 'web'})
    bus.run(listen(Ship, dead_letter_queue_url=failed), raising=False)
    [letter] = bus.dead_letters()
    assert (letter.error, letter.reason) == ('ValueError', 'the order is empty')
    assert (letter.subscriber, letter.receive_count) == ('Ship', 1)
    assert (letter.destination, letter.attributes['source']) == (failed, 'web')
    bus.assert_dead_lettered({'event': {'name': 'order.placed'}}, error=ValueError, times=1)
    bus.assert_dead_lettered(error='ValueError')
    bus.assert_published(times=1)
    bus.assert_nothing_left()


def test_the_dead_letters_of_a_redrive_policy_have_the_last_error(bus: Bus, listen: Listen) -> None:
    def process(self: Any, payload: Any) -> None:
        raise RetriableError(10, 'the printer is busy')

    failed = bus.queue('failed')
    queue = bus.queue('letters', dead_letter=failed, max_receive_count=3)
    SqsPublisher(queue, client=bus.sqs).publish({'n': 1})
    bus.run(listen(subscriber(process), queue))
    bus.assert_dead_lettered({'n': 1}, error=RetriableError, times=1)
    [letter] = bus.dead_letters()
    assert (letter.reason, letter.subscriber) == ('the printer is busy', 'Recorder')
    assert (letter.receive_count, letter.destination) == (3, failed)


def test_a_missing_dead_letter_is_explained(bus: Bus, publish: Publish, listen: Listen) -> None:
    bus.assert_dead_lettered(times=0)
    publish(event('order.placed', quantity=0))
    bus.run(listen(Ship, dead_letter_queue_url=bus.queue('failed')), raising=False)
    with pytest.raises(AssertionError) as caught:
        bus.assert_dead_lettered({'event': {'name': 'order.placed'}}, error=KeyError)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith('0 dead letters with KeyError that match ')
    assert lines[2].startswith('  failed, ValueError: the order is empty: ')


def test_a_message_that_is_left_is_shown(bus: Bus, publish: Publish) -> None:
    bus.assert_nothing_left()
    publish({'n': 1}, delay_seconds=60)
    with pytest.raises(AssertionError, match=r"1 messages are left:\n  orders: .*'n': 1"):
        bus.assert_nothing_left()


def test_a_published_message_has_its_options(bus: Bus, publish: Publish) -> None:
    message_id = publish({'n': 1}, message_attributes={'source': 'web'}, delay_seconds=5)
    [message] = bus.published()
    assert (message.id, message.body, message.payload) == (message_id, '{"n":1}', {'n': 1})
    assert (message.attributes, message.delay_seconds) == ({'source': 'web'}, 5)
    assert message.sent_time.timestamp() == pytest.approx(bus.time, abs=1)
    assert message_id in repr(message)


def test_a_published_message_to_a_fifo_topic_has_its_options(bus: Bus) -> None:
    topic = bus.topic('events', fifo=True)
    SnsPublisher(topic, client=bus.sns).publish(
        {'n': 1}, subject='News', message_group_id='a', message_deduplication_id='b'
    )
    [message] = bus.published()
    assert (message.destination, message.subject) == (topic, 'News')
    assert (message.message_group_id, message.message_deduplication_id) == ('a', 'b')


def test_an_offloaded_payload_is_read_also_after_its_body_was_deleted(
    bus: Bus, queue: Queue, listen: Listen
) -> None:
    store = S3PayloadStore(bus.bucket('bodies'), always=True, delete=True, client=bus.s3)
    SqsPublisher(queue, payload_store=store, client=bus.sqs).publish({'n': 1})
    bus.run(listen(recorder([]), payload_store=store))
    assert 'Contents' not in bus.s3.list_objects_v2(Bucket='bodies')
    bus.assert_published({'n': 1}, times=1)


def test_a_binary_payload_is_decoded(bus: Bus, publish: Publish) -> None:
    publish({'n': b'\x00'}, binary_encoding=True)
    bus.assert_published({'n': b'\x00'})
    assert base64.b64decode(bus.published()[0].body)


def test_the_messages_of_a_batch_are_published_once(bus: Bus, queue: Queue) -> None:
    SqsPublisher(queue, client=bus.sqs).publish_batch([{'n': n} for n in range(25)])
    assert [each.payload for each in bus.published()] == [{'n': n} for n in range(25)]


def test_a_message_of_boto3_is_published_too(bus: Bus, queue: Queue) -> None:
    bus.sqs.send_message(QueueUrl=queue, MessageBody='{"n": 1}')
    bus.assert_published({'n': 1}, to=queue)


def test_a_data_subscriber_is_checked_like_others(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    class Record(DataSubscriber):
        def process(self, payload: dict[str, Any]) -> None:
            pass

    publish({'n': 1})
    bus.run(listen(Record))
    bus.assert_processed(Record, {'n': 1})
