"""`Subscriber.matches` explains whether the listener would pass a payload to the class."""

from __future__ import annotations

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
from mega.errors import ConfigurationError, EventError
from mega.event import PayloadBuilder
from mega.match.functions import gt, match

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
    pattern = {'kind': 'a'}

    def process(self, payload: Any) -> None: ...


class Text(TextSubscriber):
    def process(self, payload: Any) -> None: ...


class Blob(BlobSubscriber):
    def process(self, payload: Any) -> None: ...


SUBSCRIBERS = (ItemAdded, ManyItems, Everything, Data, Text, Blob)
PAYLOADS = [ADDED, ADDED.to_dict(), {'kind': 'a'}, {'kind': 'b'}, 'hej', b'hej']


@pytest.mark.parametrize('payload', PAYLOADS, ids=range(len(PAYLOADS)))
def test_the_result_is_the_one_of_the_listener(payload: Any) -> None:
    listener = SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/q', SUBSCRIBERS)
    expected = {each: str(explanation) for each, explanation in listener.explain(payload)}
    assert {each: str(each.matches(payload)) for each in SUBSCRIBERS} == expected
    assert [each for each in SUBSCRIBERS if each.matches(payload)]


def test_the_reason_is_readable() -> None:
    assert str(ManyItems.matches(ADDED)).splitlines()[:2] == [
        'it does not match',
        '  - event.attributes.quantity is 3, wanted gt(10)',
    ]
    assert str(Data.matches('hej')).splitlines()[1] == (
        "  - the value is 'hej', wanted is_a(dict) "
        '(it is a text; the subscriber receives data objects only)'
    )


def test_a_base_class_needs_no_process_to_explain_a_match() -> None:
    class Shop(EventSubscriber):
        domain = 'shop'

    assert Shop.matches(ADDED)
    assert not Shop.matches({'domain': 'shop'})


def test_an_invalid_event_is_refused() -> None:
    with pytest.raises(EventError, match='event'):
        Everything.matches({'protocol': 'mega'})


def test_a_field_of_an_event_may_have_the_name() -> None:
    class Search(EventSubscriber):
        attributes = {'matches': gt(2)}

    event = PayloadBuilder().with_event(name='searched', matches=3).build()
    assert Search.matches(event)
    assert not Search.matches(ADDED)


def test_a_method_of_the_user_may_have_the_name() -> None:
    class Chess(Data):
        def matches(self) -> int:  # type: ignore[override]
            return 2

    listener = SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/q', [Chess])
    assert listener.explain({'kind': 'a'}).matching == [Chess]


@pytest.mark.parametrize('base', [EventSubscriber, DataSubscriber, MessageSubscriber])
@pytest.mark.parametrize('value', [{'kind': 'a'}, 'a', gt(5)])
def test_a_declaration_must_not_have_the_name(base: Any, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'Made\.matches would be ignored: .* `pattern`'):
        type('Made', (base,), {'matches': value})
