"""Typed subscribers: the objects that they receive, what they match, and the mistakes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Generic, TypeVar

import boto3
import pytest

from mega.aws.sns import SnsPublisher, to_filter_policy
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    DataSubscriber,
    EventSubscriber,
    ProcessStatus,
    SqsListener,
)
from mega.errors import InvalidPayloadError, RetriableError
from mega.event import Payload, PayloadBuilder, event
from mega.local import LocalAws
from mega.match.functions import gt, one_of
from mega.testing import Bus, deliver
from tests.aws.sqs.subscribe.subscribers.typed_factories import (
    Cart,
    ItemAdded,
    ItemMoved,
    Line,
    Order,
    Seen,
    added,
    moved,
    recorder,
)


@pytest.fixture
def seen() -> Seen:
    return []


# ── conversion ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize('binary_encoding', [False, True], ids=['JSON', 'BSON'])
def test_a_subscriber_receives_the_object_that_was_published(
    seen: Seen, binary_encoding: bool
) -> None:
    sent = ItemAdded('18a3', 5, ['new'], datetime(2026, 5, 4, tzinfo=timezone.utc))
    deliver(recorder(EventSubscriber[ItemAdded], seen), sent, binary_encoding=binary_encoding)
    [(received, instance)] = seen
    assert received == sent
    assert isinstance(instance.payload, Payload)
    assert instance.payload.event.subject == '18a3'
    assert instance.message.receive_count == 1
    assert (instance.current, instance.previous) == (None, None)


def test_the_states_of_the_object_are_converted(seen: Seen) -> None:
    payload = (
        PayloadBuilder()
        .with_event(ItemAdded('18a3', 5))
        .with_object(current=Cart(Decimal('1.5')), previous={'total': '1'})
        .build()
    )
    deliver(recorder(EventSubscriber[ItemAdded, Cart], seen), payload)
    [(received, instance)] = seen
    assert received == ItemAdded('18a3', 5)
    assert (instance.current, instance.previous) == (Cart(Decimal('1.5')), Cart(Decimal(1)))


def test_the_event_may_remain_a_payload_beside_a_typed_object(seen: Seen) -> None:
    payload = PayloadBuilder().with_event(name='a').with_object(current={'total': 1}).build()
    deliver(recorder(EventSubscriber[Payload, Cart], seen), payload)
    [(received, instance)] = seen
    assert received.event.name == 'a'
    assert instance.current == Cart(Decimal(1))


def test_a_state_without_a_class_remains_a_dict(seen: Seen) -> None:
    payload = PayloadBuilder().with_event(ItemAdded('1', 5)).with_object(current={'a': 1}).build()
    deliver(recorder(EventSubscriber[ItemAdded], seen), payload)
    assert seen[0][1].current == {'a': 1}


def test_a_data_object_is_converted(seen: Seen) -> None:
    deliver(recorder(DataSubscriber[Order], seen), {'id': '5', 'line': {'sku': 'a'}})
    [(received, instance)] = seen
    assert received == Order(id=5, line=Line('a'))
    assert instance.payload == {'id': '5', 'line': {'sku': 'a'}}


def test_an_async_subscriber_receives_the_object(seen: Seen) -> None:
    class Async(DataSubscriber[Line]):
        async def process(self, payload: Line) -> None:
            await asyncio.sleep(0)
            seen.append(payload)

    deliver(Async, Line('a'))
    assert seen == [Line('a')]


def test_each_subscriber_has_its_own_object(seen: Seen) -> None:
    class Changes(EventSubscriber[ItemAdded]):
        def process(self, event: ItemAdded) -> None:
            event.tags.append('changed')
            self.payload.event.attributes['quantity'] = 0

    bus = Bus()
    queue = bus.queue('q')
    SqsPublisher(queue, client=bus.sqs).publish(ItemAdded('1', 5, ['a']))
    others = [recorder(EventSubscriber[ItemAdded], seen, name) for name in ('First', 'Last')]
    bus.run(SqsListener(queue, [others[0], Changes, others[1]], client=bus.sqs))
    assert [received for received, _ in seen] == [ItemAdded('1', 5, ['a'])] * 2


def test_a_payload_is_converted_only_for_subscribers_that_match(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[ItemAdded], seen, attributes={'quantity': gt(100)})
    payload = added(quantity=5, cart_id=[])  # does not fit
    assert not subscriber.matches(payload)
    bus = Bus()
    queue = bus.queue('q')
    SqsPublisher(queue, client=bus.sqs).publish(payload)
    bus.run(SqsListener(queue, [subscriber], client=bus.sqs, unmatched='delete'))
    assert not seen


def test_a_class_without_parameters_has_no_conversion(seen: Seen) -> None:
    untyped = recorder(EventSubscriber, seen)
    assert untyped.payload_conversion is None
    deliver(untyped, ItemAdded('1', 5))
    assert isinstance(seen[0][0], Payload)
    assert not hasattr(seen[0][1], 'payload')


E = TypeVar('E')


class Audited(EventSubscriber[E], Generic[E]):
    """A base class that passes its type variable on."""

    attributes = {'quantity': gt(0)}


def test_a_base_class_may_pass_on_its_type_variable(seen: Seen) -> None:
    subscriber = recorder(Audited[ItemAdded], seen)
    deliver(subscriber, ItemAdded('1', 5))
    assert seen[0][0] == ItemAdded('1', 5)
    assert not subscriber.matches(ItemAdded('1', 0))
    assert Audited.payload_conversion is None


@dataclass
class Page(Generic[E]):
    items: list[E]


class Pages(DataSubscriber[Page[E]], Generic[E]):
    """A base class whose type variable is within another type."""


def test_a_base_class_may_use_its_type_variable_within_a_type(seen: Seen) -> None:
    deliver(recorder(Pages[Line], seen), {'items': [{'sku': 'a'}]})
    assert seen[0][0] == Page([Line('a')])


def test_a_subclass_inherits_the_type_parameters(seen: Seen) -> None:
    class Base(EventSubscriber[ItemAdded]):
        def process(self, event: ItemAdded) -> None:
            seen.append(event)

    class Child(Base):
        attributes = {'quantity': gt(10)}

    deliver(Child, ItemAdded('1', 11))
    assert seen == [ItemAdded('1', 11)]
    assert not Child.matches(ItemAdded('1', 5))


# ── matching ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ('fields', 'matches'),
    [
        ({'name': 'item.added', 'domain': 'shop'}, True),
        ({'name': 'item.added', 'domain': 'shop', 'version': 2}, False),
        ({'name': 'item.added', 'domain': 'other'}, False),
        ({'name': 'item.added'}, False),
        ({'name': 'item.removed', 'domain': 'shop'}, False),
    ],
)
def test_the_name_the_domain_and_the_version_are_matched(
    seen: Seen, fields: dict[str, Any], matches: bool
) -> None:
    subscriber = recorder(EventSubscriber[ItemAdded], seen)
    assert bool(subscriber.matches(PayloadBuilder().with_event(**fields).build())) is matches


def unavailable(attributes: dict[str, Any]) -> dict[str, Any]:
    raise RetriableError(delay=5)


@event('x', version=2, upgrade={1: unavailable})
@dataclass
class Anywhere:
    item_id: str


def test_an_event_class_without_a_domain_matches_every_domain(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[Anywhere], seen, domain=one_of('a', 'b'))
    assert subscriber.matches(PayloadBuilder().with_event(name='x', domain='a').build())
    assert not subscriber.matches(PayloadBuilder().with_event(name='x', domain='c').build())


def test_a_class_that_is_not_an_event_only_types_the_attributes(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[Line], seen, name=one_of('a', 'b'))
    deliver(subscriber, PayloadBuilder().with_event(name='a', sku='x', amount='1').build())
    assert seen[0][0] == Line('x', Decimal(1))


def test_matches_and_explain_accept_typed_objects(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[ItemAdded], seen, attributes={'quantity': gt(100)})
    assert subscriber.matches(ItemAdded('1', 101))
    assert 'quantity' in str(subscriber.matches(ItemAdded('1', 100)))


def test_a_filter_policy_has_the_event_of_the_class(seen: Seen) -> None:
    policy = to_filter_policy(recorder(EventSubscriber[ItemAdded], seen))
    assert 'item.added' in str(policy)
    assert 'shop' in str(policy)


# ── payloads that do not fit ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ('payload', 'path'),
    [
        (added(cart_id='1'), 'event.attributes.quantity'),
        (added(cart_id='1', quantity='4111-1111'), 'event.attributes.quantity'),
    ],
    ids=['missing', 'wrong'],
)
def test_an_event_that_does_not_fit_is_a_fatal_error(
    seen: Seen, payload: Payload, path: str
) -> None:
    subscriber = recorder(EventSubscriber[ItemAdded], seen)
    outcome = deliver(subscriber, payload, raising=False)
    assert outcome.status is ProcessStatus.FATAL_ERROR
    assert isinstance(outcome.error, InvalidPayloadError)
    assert outcome.error.path == path
    assert '4111' not in str(outcome.error)
    assert not seen
    with pytest.raises(InvalidPayloadError):
        deliver(subscriber, payload)


def test_the_state_of_an_object_that_does_not_fit_is_a_fatal_error(seen: Seen) -> None:
    builder = PayloadBuilder().with_event(ItemAdded('1', 5)).with_object(previous={'total': 'x'})
    subscriber = recorder(EventSubscriber[ItemAdded, Cart], seen)
    outcome = deliver(subscriber, builder.build(), raising=False)
    assert isinstance(outcome.error, InvalidPayloadError)
    assert outcome.error.path == 'object.previous.total'


def test_the_error_is_the_reason_of_the_dead_letter_and_in_the_log(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus()
    letters = bus.queue('letters')
    queue = bus.queue('q')
    SqsPublisher(queue, client=bus.sqs).publish({'id': 'x', 'line': {'sku': 'a'}})
    listener = SqsListener(
        queue,
        [recorder(DataSubscriber[Order], seen)],
        client=bus.sqs,
        dead_letter_queue_url=letters,
        unhandled='retry',  # the message would never fit
    )
    bus.run(listener, raising=False)
    [letter] = bus.dead_letters()
    text = 'invalid payload: id must be a valid integer, unable to parse string as an integer'
    assert (letter.error, letter.reason) == ('InvalidPayloadError', text)
    assert text in caplog.text


def test_a_subscriber_may_declare_the_error_as_retriable(seen: Seen) -> None:
    subscriber = recorder(
        EventSubscriber[ItemAdded], seen, retriable_exceptions=(InvalidPayloadError,)
    )
    assert deliver(subscriber, added()).status is ProcessStatus.RETRIABLE_ERROR


def test_value_errors_that_are_retriable_do_not_include_the_error(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[ItemAdded], seen, retriable_exceptions=(ValueError,))
    assert deliver(subscriber, added(), raising=False).status is ProcessStatus.FATAL_ERROR


# ── evolution ────────────────────────────────────────────────────────────────────────────────────


def test_an_older_event_is_upgraded_before_its_conversion(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[ItemMoved], seen)
    deliver(subscriber, moved(1, item_id='a', qty='5'))
    deliver(subscriber, moved(2, item_id='a', quantity=5))
    assert [received for received, _ in seen] == [ItemMoved('a', 5)] * 2
    assert seen[0][1].payload.event.attributes == {'item_id': 'a', 'qty': '5'}


def test_an_upgrade_may_ask_for_a_retry(seen: Seen) -> None:
    subscriber = recorder(EventSubscriber[Anywhere], seen)
    outcome = deliver(subscriber, PayloadBuilder().with_event(name='x').build())
    assert (outcome.status, outcome.delay) == (ProcessStatus.RETRIABLE_ERROR, 5)


def test_a_newer_event_is_unmatched_and_the_log_says_why(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus()
    letters = bus.queue('letters')
    queue = bus.queue('q')
    publisher = SqsPublisher(queue, client=bus.sqs)
    publisher.publish(moved(3, item_id='a'))
    publisher.publish(moved(3, item_id='b'))
    subscriber = recorder(EventSubscriber[ItemMoved], seen, 'Warehouse')
    listener = SqsListener(queue, [subscriber], client=bus.sqs, dead_letter_queue_url=letters)
    with caplog.at_level(logging.WARNING, 'mega'):
        bus.run(listener)
    assert [letter.error for letter in bus.dead_letters()] == ['Unmatched'] * 2
    [line] = [message for message in caplog.messages if 'no subscriber matches' in message]
    event_of_the_log = "the event 'item.moved' of the domain 'shop' in version 3"
    assert f'{event_of_the_log}, newer than the class of Warehouse' in line
    assert ', which is dead-lettered: ' in line
    assert not seen


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────

Publish = Callable[[SqsPublisher], object]


def publish_with_buffer(publisher: SqsPublisher) -> None:
    with publisher.buffer() as buffer:
        buffer.publish(ItemAdded('1', 5))


@pytest.mark.parametrize(
    'publish',
    [
        lambda publisher: publisher.publish(ItemAdded('1', 5)),
        lambda publisher: publisher.publish(ItemAdded('1', 5), binary_encoding=True),
        lambda publisher: publisher.publish_batch(ItemAdded('1', 5) for _ in range(1)),
        lambda publisher: asyncio.run(publisher.apublish(ItemAdded('1', 5))),
        publish_with_buffer,
    ],
    ids=['publish', 'bson', 'batch', 'apublish', 'buffer'],
)
def test_every_way_of_publishing_takes_typed_objects(
    publish: Publish, seen: Seen, mega_aws: LocalAws
) -> None:
    queue_url = boto3.client('sqs', **mega_aws.credentials).create_queue(QueueName='typed')
    options = {'queue_url': queue_url['QueueUrl'], **mega_aws.credentials}
    with SqsPublisher(**options) as publisher:
        publish(publisher)
    subscriber = recorder(EventSubscriber[ItemAdded], seen)
    with SqsListener(subscribers=[subscriber], wait_time_seconds=0, **options) as listener:
        listener.drain()
    assert [received for received, _ in seen] == [ItemAdded('1', 5)]


def test_a_typed_event_passes_through_a_topic(seen: Seen) -> None:
    bus = Bus()
    queue = bus.queue('q')
    topic = bus.topic('t', to=queue)
    publisher = SnsPublisher(topic, client=bus.sns)
    publisher.publish(ItemAdded('1', 5), filter_attributes=['event.name'])
    publisher.publish_batch([ItemAdded('2', 6)])
    bus.run(SqsListener(queue, [recorder(EventSubscriber[ItemAdded], seen)], client=bus.sqs))
    assert [received for received, _ in seen] == [ItemAdded('1', 5), ItemAdded('2', 6)]
    assert seen[0][1].message.attributes == {'event_name': 'item.added'}
