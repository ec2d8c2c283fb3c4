"""The settlement of messages by a handler and an event source mapping, on a bus."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

import pytest

from mega.aws.lambda_ import LambdaHandler
from mega.aws.lambda_.records import write_record
from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus
from mega.errors import ConfigurationError, RetriableError
from mega.hooks.idempotency import Idempotency, MemoryStore
from mega.testing import Bus
from tests.aws.lambda_.documented import SNS_RECORD
from tests.aws.lambda_.events import Context, failed
from tests.profile import some

DONE, RETRY, FATAL = ProcessStatus.DONE, ProcessStatus.RETRY_LATER, ProcessStatus.FATAL_ERROR


class Function:
    """A function of Lambda: it records the payloads and the reported messages of each event.

    A message gets its outcome at its first receive, and is done at any other. `audited` has the
    messages of a second subscriber, which is always done.
    """

    def __init__(self, bus: Bus, outcomes: dict[int, Any], **options: Any) -> None:
        self.seen: list[tuple[int, float]] = []
        self.audited: list[int] = []
        self.events: list[list[str]] = []
        self.reported: list[list[str]] = []
        seen, audited, start = self.seen, self.audited, bus.time

        class Audit(MessageSubscriber):
            def process(self, payload: Any) -> None:
                audited.append(payload['n'])

        class Recorder(MessageSubscriber):
            def process(self, payload: Any) -> Any:
                seen.append((payload['n'], round(bus.time - start)))
                outcome = outcomes.get(payload['n'])
                if self.message.receive_count > 1 or outcome is None:
                    return DONE
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

        self.handler = LambdaHandler([Audit, Recorder], client=bus.sqs, **options)

    def __call__(self, event: Any, context: Any) -> Any:
        self.events.append([each['messageId'] for each in event['Records']])
        response = self.handler(event, context)
        self.reported.append(failed(response))
        return response


@dataclass(frozen=True)
class Case:
    """The outcomes of three messages, and their message groups; None for a standard queue."""

    outcomes: tuple[ProcessStatus, ...]
    groups: str | None
    has_dead_letter_queue: bool
    is_idempotent: bool

    def __str__(self) -> str:
        parts = [each.name for each in self.outcomes]
        parts.append('standard' if self.groups is None else f'groups-{self.groups}')
        parts += ['dead-letters'] * self.has_dead_letter_queue
        parts += ['idempotent'] * self.is_idempotent
        return '-'.join(parts)

    @property
    def reported(self) -> list[int]:
        """The places of the messages that Lambda must not delete."""
        found: list[int] = []
        for place, outcome in enumerate(self.outcomes):
            follows = self.groups is not None and any(
                self.groups[each] == self.groups[place] for each in found
            )
            fails = outcome is RETRY or (outcome is FATAL and not self.has_dead_letter_queue)
            if follows or fails:
                found.append(place)
        return found

    @property
    def dead_letters(self) -> list[int]:
        """The places of the messages that the first invocation dead-letters."""
        is_fatal = {place for place, outcome in enumerate(self.outcomes) if outcome is FATAL}
        return sorted(is_fatal - {*self.reported}) if self.has_dead_letter_queue else []


def cases() -> Iterator[Case]:
    for outcomes in product((DONE, RETRY, FATAL), repeat=3):
        for others in product((None, 'aaa', 'aba'), (False, True), (False, True)):
            yield Case(outcomes, *others)


@pytest.mark.parametrize('case', some([*cases()], 5), ids=str)
def test_every_combination_of_outcomes(case: Case) -> None:
    bus = Bus()
    orders = bus.queue('orders', fifo=case.groups is not None)
    options: dict[str, Any] = {}
    if case.has_dead_letter_queue:
        options['dead_letter_queue_url'] = bus.queue('dead')
    if case.is_idempotent:
        options['hooks'] = [Idempotency(MemoryStore())]
    groups: Any = [{'message_group_id': each} for each in case.groups or ''] or [{}] * 3
    publisher = SqsPublisher(orders, client=bus.sqs)
    ids = [publisher.publish({'n': place}, **groups[place]) for place in range(3)]
    function = Function(bus, dict(enumerate(case.outcomes)), **options)
    bus.run(bus.event_source_mapping(orders, function), raising=False)

    expected = [ids[place] for place in case.reported]
    assert sorted(function.events[0]) == sorted(ids)
    assert sorted(function.reported[0]) == sorted(expected)
    # SQS delivers the messages that are left again: of a FIFO queue in the order of each group.
    assert sorted(chain.from_iterable(function.events[1:])) == sorted(expected)
    assert function.reported[1:] == [[] for _ in function.events[1:]]
    dead = [each.payload['n'] for each in bus.dead_letters() if each.receive_count == 1]
    assert sorted(dead) == case.dead_letters
    # Without idempotency, a subscriber that is done processes a message again with the others.
    attempted = [n for n, _ in function.seen]
    assert sorted(function.audited) == sorted(set(attempted) if case.is_idempotent else attempted)
    for group in set(case.groups or ''):
        order = [n for n, _ in function.seen if case.groups and case.groups[n] == group]
        assert order == sorted(order)
    bus.assert_nothing_left()


@pytest.fixture
def bus() -> Bus:
    return Bus()


def publish(bus: Bus, queue: str, count: int, **options: Any) -> list[str]:
    publisher = SqsPublisher(queue, client=bus.sqs)
    return [publisher.publish({'n': n}, **options) for n in range(count)]


def test_a_dead_letter_has_the_reason_and_its_queue(bus: Bus) -> None:
    orders, dead = bus.queue('orders'), bus.queue('dead')
    publish(bus, orders, 1)
    function = Function(bus, {0: ValueError('no such order')}, dead_letter_queue_url=dead)
    bus.run(bus.event_source_mapping(orders, function), raising=False)
    [letter] = bus.dead_letters()
    assert (letter.error, letter.reason, letter.subscriber) == (
        *('ValueError', 'no such order', 'Recorder'),
    )
    assert f'"source_queue": "{orders}"' in str(letter.attributes['MegaDeadLetter'])
    bus.assert_nothing_left()


def test_a_message_of_sns_is_dead_lettered_in_its_envelope(bus: Bus) -> None:
    dead = bus.queue('dead')

    class Failing(MessageSubscriber):
        def process(self, payload: Any) -> ProcessStatus:
            return FATAL

    handler = LambdaHandler([Failing], client=bus.sqs, dead_letter_queue_url=dead)
    assert failed(handler({'Records': [SNS_RECORD]})) == []
    [letter] = bus.dead_letters()
    assert (letter.payload, letter.error) == ({'amount': 5}, 'FATAL_ERROR')
    assert '"source_queue": null' in str(letter.attributes['MegaDeadLetter'])


def test_a_dead_letter_that_cannot_be_sent_is_reported(bus: Bus) -> None:
    orders, dead = bus.queue('orders'), bus.queue('dead')
    [id] = publish(bus, orders, 1)
    bus.fail('SendMessage', 'AccessDenied')
    function = Function(bus, {0: ValueError()}, dead_letter_queue_url=dead)
    bus.run(bus.event_source_mapping(orders, function), raising=False)
    assert function.reported == [[id], []]
    assert bus.dead_letters() == []


@pytest.mark.parametrize(
    ('options', 'outcome'),
    [
        ({'retry_delay': 7}, RETRY),
        ({}, RetriableError(7)),
        ({'retry_delay': 90}, RetriableError(7)),
    ],
    ids=['of-the-handler', 'of-the-error', 'both'],
)
def test_a_message_comes_again_after_its_delay(
    bus: Bus, options: dict[str, Any], outcome: Any
) -> None:
    orders = bus.queue('orders')
    publish(bus, orders, 2)
    function = Function(bus, {0: outcome}, **options)
    bus.run(bus.event_source_mapping(orders, function))
    assert function.seen == [(0, 0), (1, 0), (0, 7)]


def test_the_longest_delay_leaves_time_for_the_event(bus: Bus) -> None:
    """SQS hides a message for twelve hours after its receive, and refuses a longer time."""
    orders = bus.queue('orders')
    publish(bus, orders, 1)
    function = Function(bus, {0: RetriableError(43_200)})
    bus.run(bus.event_source_mapping(orders, function))
    assert function.seen == [(0, 0), (0, 41_700)]


def test_a_group_comes_again_after_the_delay_of_its_first_message(bus: Bus) -> None:
    orders = bus.queue('orders', fifo=True)
    publish(bus, orders, 3, message_group_id='a')
    function = Function(bus, {1: RetriableError(7)})
    bus.run(bus.event_source_mapping(orders, function))
    assert function.seen == [(0, 0), (1, 0), (1, 7), (2, 7)]


def test_a_delay_applies_to_a_group_whose_rest_did_not_begin_before_the_deadline(bus: Bus) -> None:
    orders, context = bus.queue('orders', fifo=True), Context(9_000)
    for n, group in enumerate('aab'):
        SqsPublisher(orders, client=bus.sqs).publish({'n': n}, message_group_id=group)
    received = bus.sqs.receive_message(
        QueueUrl=orders, MaxNumberOfMessages=10, MessageSystemAttributeNames=['All']
    )['Messages']
    first, second, other = (write_record(each, orders.arn) for each in received)

    class Slow(MessageSubscriber):
        def process(self, payload: Any) -> None:
            context.remaining = 900
            raise RetriableError(7)

    response = LambdaHandler([Slow], client=bus.sqs)({'Records': [first, other, second]}, context)
    assert len(failed(response)) == 3
    function = Function(bus, {})
    bus.run(bus.event_source_mapping(orders, function))
    assert function.seen == [(0, 7), (1, 7), (2, 30)]


def test_the_delays_of_more_messages_than_a_call_takes(bus: Bus) -> None:
    orders = bus.queue('orders')
    publish(bus, orders, 25)
    function = Function(bus, dict.fromkeys(range(25), RETRY), retry_delay=7)
    bus.run(bus.event_source_mapping(orders, function, batch_size=25))
    assert {when for _, when in function.seen[25:]} == {7}
    assert len(function.seen) == 50


def test_without_the_permission_a_delay_is_dropped_with_one_warning(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    orders = bus.queue('orders', visibility_timeout=30)
    publish(bus, orders, 2)
    bus.fail('ChangeMessageVisibility', 'AccessDenied', times=9)
    function = Function(bus, {0: RETRY, 1: RETRY}, retry_delay=7)
    caplog.set_level(logging.WARNING)
    bus.run(bus.event_source_mapping(orders, function, batch_size=1))
    assert function.seen == [(0, 0), (1, 0), (0, 30), (1, 30)]
    [warning] = [each for each in caplog.records if 'without a delay' in each.message]
    assert f'allow sqs:ChangeMessageVisibility on the queue {orders}' in warning.message


def test_a_message_that_asks_too_often_is_dead_lettered(bus: Bus) -> None:
    orders, dead = bus.queue('orders'), bus.queue('dead')
    publish(bus, orders, 1)
    function = Function(bus, {0: RETRY}, dead_letter_queue_url=dead, max_receives=1)
    bus.run(bus.event_source_mapping(orders, function))
    bus.assert_dead_lettered({'n': 0}, 'RETRY_LATER')
    bus.assert_nothing_left()


def test_the_redrive_policy_takes_a_message_with_a_fatal_error(bus: Bus) -> None:
    dead = bus.queue('dead')
    orders = bus.queue('orders', dead_letter=dead, max_receive_count=2)
    publish(bus, orders, 1)

    class Failing(MessageSubscriber):
        def process(self, payload: Any) -> ProcessStatus:
            return FATAL

    handler = LambdaHandler([Failing])
    bus.run(bus.event_source_mapping(orders, handler))
    bus.assert_dead_lettered({'n': 0}, 'FATAL_ERROR')
    assert [each.status for each in bus.processed()] == [FATAL, FATAL]
    assert bus.dead_letters()[0].receive_count == 2


@pytest.mark.parametrize('raw', [True, False], ids=['raw', 'envelope'])
def test_a_body_in_s3_is_read(bus: Bus, raw: bool) -> None:
    orders, seen = bus.queue('orders'), list[Any]()
    topic = bus.topic('events', to=orders, raw=raw)
    store = S3PayloadStore(bus.bucket('bodies'), client=bus.s3, always=True)
    SnsPublisher(topic, client=bus.sns, payload_store=store).publish({'n': 1})

    class Reader(MessageSubscriber):
        def process(self, payload: Any) -> None:
            seen.append((payload, self.message.topic_arn))

    handler = LambdaHandler([Reader], payload_store=store, client=bus.sqs)
    bus.run(bus.event_source_mapping(orders, handler))
    assert seen == [({'n': 1}, None if raw else topic)]


def test_a_store_that_deletes_bodies_is_refused(bus: Bus) -> None:
    store = S3PayloadStore(bus.bucket('bodies'), client=bus.s3, delete=True)
    with pytest.raises(ConfigurationError, match='delete=True: Lambda deletes a message after'):
        LambdaHandler(Function(bus, {}).handler.subscribers, payload_store=store)
