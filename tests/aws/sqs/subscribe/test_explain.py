"""`listener.explain` says for each subscriber why it matches a payload or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    SqsListener,
    TextSubscriber,
)
from mega.errors import EventError
from mega.event import PayloadBuilder, event
from mega.match.functions import gt, match, one_of

ADDED = PayloadBuilder().with_event(name='item.added', domain='shop', quantity=3).build()


class ItemAdded(EventSubscriber):
    domain = 'shop'
    name = match(r'item\.')

    def process(self, payload: Any) -> None: ...


class ManyItems(ItemAdded):
    attributes = {'quantity': gt(10)}


class Everything(MessageSubscriber):
    def process(self, payload: Any) -> None: ...


class Data(DataSubscriber):
    pattern = {'kind': one_of('a', 'b')}

    def process(self, payload: Any) -> None: ...


class Text(TextSubscriber):
    def process(self, payload: Any) -> None: ...


class Blob(BlobSubscriber):
    def process(self, payload: Any) -> None: ...


@pytest.fixture
def listener() -> SqsListener:
    """Return a listener. `explain` sends no request to AWS."""
    return SqsListener(
        'https://sqs.eu-west-1.amazonaws.com/123456789012/queue',
        [ItemAdded, ManyItems, Everything, Data, Text, Blob],
    )


def test_explains_each_subscriber_in_one_line(listener: SqsListener) -> None:
    assert str(listener.explain(ADDED)).splitlines()[:3] == [
        'ItemAdded: matches',
        'ManyItems: event.attributes.quantity is 3, wanted gt(10)',
        'Everything: matches',
    ]


@pytest.mark.parametrize(
    ('payload', 'lines'),
    [
        (5 * 'hej', {'Data': ('dict', 'a text', 'data objects')}),
        ({'a': 1}, {'Text': ('str', 'a data object', 'texts')}),
        (5, {'Text': ('str', 'no payload', 'texts')}),
        (b'hej', {'Text': ('str', 'a blob', 'texts')}),
    ],
)  # fmt: skip
def test_says_that_a_subscriber_expects_another_type_of_payload(
    listener: SqsListener, payload: Any, lines: dict[str, tuple[str, str, str]]
) -> None:
    shown = str(listener.explain(payload)).splitlines()
    for name, (wanted, kind, received) in lines.items():
        note = f'it is {kind}; the subscriber receives {received} only'
        assert f'{name}: the value is {payload!r}, wanted is_a({wanted}) ({note})' in shown


def test_says_that_an_object_with_an_event_has_no_mark(listener: SqsListener) -> None:
    explained = str(listener.explain({'event': {'name': 'item.added', 'domain': 'shop'}}))
    note = '(it has no "protocol": "mega"; the subscriber receives events only)'
    assert explained.splitlines()[0].endswith(note)
    assert explained.splitlines()[4].endswith(
        '(it is a data object; the subscriber receives texts only)'
    )


@event('order.placed', domain='shop', version=2)
@dataclass
class OrderPlaced:
    total: int


class LargeOrder(EventSubscriber[OrderPlaced]):
    attributes = {'total': gt(100)}
    message_pattern = {'attributes': {'tenant': 'acme'}}

    def process(self, event: OrderPlaced) -> None: ...


@pytest.mark.parametrize(
    ('sent', 'reason'),
    [
        ({'name': 'order.paid', 'domain': 'bank'}, "event.name is 'order.paid'"),
        ({'name': 'order.placed', 'domain': 'bank'}, "event.domain is 'bank'"),
        ({'name': 'order.placed', 'domain': 'shop', 'version': 1}, 'event.version is 1'),
        ({'name': 'order.placed', 'domain': 'shop', 'version': 2}, 'event.attributes is missing'),
    ],
    ids=['name', 'domain', 'version', 'attributes'],
)
def test_names_the_event_before_its_attributes_and_the_message(
    sent: dict[str, Any], reason: str
) -> None:
    explanation = LargeOrder.matches(
        {
            'protocol': 'mega',
            'version': 1,
            'event': {'timestamp': '2026-03-01T09:30:00Z', 'version': 2, **sent},
        }
    )
    assert str(explanation.reason).startswith(f'- {reason}')


def test_names_the_subscribers_that_match(listener: SqsListener) -> None:
    assert listener.explain(ADDED).matching == [ItemAdded, Everything]
    assert listener.explain({'kind': 'a'}).matching == [Everything, Data]
    assert listener.explain('hej').matching == [Everything, Text]
    assert listener.explain(b'hej').matching == [Everything, Blob]


def test_accepts_an_event_as_a_dict(listener: SqsListener) -> None:
    assert listener.explain(ADDED.to_dict()).matching == [ItemAdded, Everything]


def test_rejects_an_invalid_event(listener: SqsListener) -> None:
    with pytest.raises(EventError, match='event'):
        listener.explain({'protocol': 'mega'})
