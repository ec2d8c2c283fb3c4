"""The checks of dead-letter queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.preflight.findings import Kind
from mega.testing import Bus
from tests.cli.doctor.examined import examined, kinds, listener_on, only


def redrive_to(name: str) -> dict[str, str]:
    arn = f'arn:aws:sqs:eu-west-1:123456789012:{name}'
    return {'RedrivePolicy': json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': 3})}


def set_attributes(bus: Bus, url: str, **attributes: str) -> None:
    bus.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def test_a_dead_letter_queue_that_was_deleted_is_found(bus: Bus, dead: str, orders: str) -> None:
    bus.sqs.delete_queue(QueueUrl=dead)
    finding = only(examined(bus, orders), Kind.NO_DEAD_LETTER_QUEUE)
    assert finding.subject == 'arn:aws:sqs:eu-west-1:123456789012:dead'


def test_a_dead_letter_queue_of_the_listener_that_was_deleted_is_found(
    bus: Bus, orders: str
) -> None:
    gone = bus.queue('gone')
    listener = listener_on(bus, orders, dead_letter_queue_url=gone)
    bus.sqs.delete_queue(QueueUrl=gone)
    assert only(examined(bus, orders, listener), Kind.NO_DEAD_LETTER_QUEUE).subject == gone


def test_a_dead_letter_queue_that_may_not_be_read_is_a_note(bus: Bus, orders: str) -> None:
    bus.fail('GetQueueUrl', 'AccessDenied')
    finding = only(examined(bus, orders), Kind.UNCHECKED)
    assert finding.remedy.startswith('Allow sqs:GetQueueUrl on the queue arn:')


def test_the_queue_of_the_listener_must_be_of_the_same_type(bus: Bus, orders: str) -> None:
    fifo = bus.queue('dead', fifo=True)
    listener = listener_on(bus, orders, dead_letter_queue_url=fifo)
    finding = only(examined(bus, orders, listener), Kind.OTHER_TYPE)
    assert (finding.subject, finding.remedy) == (
        fifo,
        'Name a standard queue as the dead-letter queue.',
    )


def test_a_short_retention_of_the_dead_letter_queue_is_found(
    bus: Bus, dead: str, orders: str
) -> None:
    set_attributes(bus, dead, MessageRetentionPeriod='345600')
    assert 'keeps messages for 345,600 s' in (
        only(examined(bus, orders), Kind.DEAD_LETTERS_EXPIRE).problem
    )


def test_the_retention_of_a_fifo_queue_begins_anew(bus: Bus) -> None:
    assert examined(bus, bus.queue('q', fifo=True, dead_letter=bus.queue('d', fifo=True))) == []


@pytest.mark.parametrize(
    'policy',
    [{'redrivePermission': 'denyAll'}, {'redrivePermission': 'byQueue', 'sourceQueueArns': ['x']}],
    ids=str,
)
def test_a_dead_letter_queue_that_refuses_its_source_is_found(
    bus: Bus, dead: str, orders: str, policy: dict[str, Any]
) -> None:
    set_attributes(bus, dead, RedriveAllowPolicy=json.dumps(policy))
    assert only(examined(bus, orders), Kind.REDRIVE_NOT_ALLOWED).subject == dead


def test_a_dead_letter_queue_that_allows_its_source_is_accepted(
    bus: Bus, dead: str, orders: str
) -> None:
    arn = 'arn:aws:sqs:eu-west-1:123456789012:orders'
    policy = {'redrivePermission': 'byQueue', 'sourceQueueArns': [arn]}
    set_attributes(bus, dead, RedriveAllowPolicy=json.dumps(policy))
    assert examined(bus, orders) == []


def test_a_refused_send_to_the_dead_letter_queue_is_found(bus: Bus, dead: str, orders: str) -> None:
    listener = listener_on(bus, orders, dead_letter_queue_url=dead)
    assert examined(bus, orders, listener) == []
    assert bus.published() == []
    bus.fail('SendMessage', 'AccessDenied')
    finding = only(examined(bus, orders, listener), Kind.PERMISSION)
    assert finding.remedy == f'Allow sqs:SendMessage on the queue {dead}'


def test_a_queue_alone_needs_a_redrive_policy(bus: Bus, dead: str, orders: str) -> None:
    assert examined(bus, dead) == []  # it is the dead-letter queue of another
    plain = bus.queue('plain')
    assert only(examined(bus, plain), Kind.NO_REDRIVE_POLICY).subject == plain


def test_the_settings_of_a_listener_are_checked_as_at_its_start(bus: Bus, dead: str) -> None:
    plain = bus.queue('plain', visibility_timeout=300)
    listener = listener_on(bus, plain, wait_time_seconds=0, unhandled='fatal')
    assert kinds(examined(bus, plain, listener)) == [
        Kind.NO_WAIT,
        Kind.NO_DEAD_LETTERS,
        Kind.SHORT_VISIBILITY,
    ]
    set_attributes(bus, dead, MaximumMessageSize='1024')
    listener = listener_on(bus, plain, visibility_timeout=None, dead_letter_queue_url=dead)
    assert kinds(examined(bus, plain, listener)) == [Kind.SMALL_DEAD_LETTERS]


def test_a_listener_without_subscribers_is_an_error(bus: Bus, orders: Any) -> None:
    bus.topic('events', to=orders, raw=True)
    listener = SqsListener(orders, client=bus.sqs, unhandled='retry')
    assert only(examined(bus, orders, listener), Kind.NO_SUBSCRIBERS).subject == orders
