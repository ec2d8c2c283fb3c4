"""AsyncAPI of a listener: valid by the official schema, with all subscribers and their patterns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, make_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    SqsListener,
    TextSubscriber,
)
from mega.codec import Publishable, encode
from mega.errors import ConfigurationError
from mega.event import Payload, PayloadBuilder, event
from mega.match import functions
from mega.match.pattern import compile_pattern
from mega.schema import to_asyncapi
from tests.event.kinds import KINDS, ModelOrder, make
from tests.schema.test_json_schema import Unreadable

OFFICIAL = Draft7Validator(
    json.loads((Path(__file__).parent / 'asyncapi' / '3.0.0.json').read_text('utf-8'))
)

SQS = 'https://sqs.eu-west-1.amazonaws.com/123456789012'
SNS = 'arn:aws:sns:eu-west-1:123456789012'


@event('item.added', domain='shop')
@dataclass
class ItemAdded:
    """An item is in the cart."""

    item_id: str
    sizes: tuple[int, str] = (1, 'm')


@dataclass
class Cart:
    total: Decimal


class Restock(EventSubscriber[ItemAdded]):
    """Orders more of an item.

    Only of large amounts.
    """

    attributes = {'item_id': functions.prefix('A-')}
    message_pattern = {'attributes': {'tenant': 'acme'}}

    def process(self, event: ItemAdded) -> None: ...


class Totals(EventSubscriber[ItemAdded, Cart]):
    def process(self, event: ItemAdded) -> None: ...


class Orders(DataSubscriber[ModelOrder]):
    def process(self, payload: ModelOrder) -> None: ...


class AnyEvent(EventSubscriber):
    name = functions.one_of('item.added', 'item.removed')

    def process(self, payload: Payload) -> None: ...


class Removed(EventSubscriber):
    name, domain = 'item.removed', 'shop'
    publisher = 'web'

    def process(self, payload: Payload) -> None: ...


class Carts(EventSubscriber[Cart]):
    name, version = 'cart closed', 2

    def process(self, event: Cart) -> None: ...


class Everything(MessageSubscriber):
    def process(self, payload: object) -> None: ...


class Texts(TextSubscriber):
    def process(self, payload: str) -> None: ...


class Blobs(BlobSubscriber):
    def process(self, payload: bytes) -> None: ...


SUBSCRIBERS = [Restock, Totals, Orders, AnyEvent, Removed, Carts, Everything, Texts, Blobs]


def describe(*subscribers: Any, queue: str = 'orders', **options: Any) -> dict[str, Any]:
    """Return the document of a listener, after a check by the official schema."""
    with SqsListener(f'{SQS}/{queue}', subscribers, unmatched='delete') as listener:
        document = to_asyncapi(listener, **options)
    OFFICIAL.validate(document)
    assert json.loads(json.dumps(document)) == document
    return document


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key == '$ref' and isinstance(member, str):
                yield member
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def find(document: Any, reference: str) -> Any:
    for key in reference.removeprefix('#/').split('/'):
        document = document[key]
    return document


def fits(document: dict[str, Any], message: str, payload: Publishable) -> bool:
    """Return whether a published payload fits the schema of a message."""
    assert message in document['components']['messages']
    schema = {'$ref': f'#/components/messages/{message}/payload', **document}
    body = encode(payload)
    value = body if isinstance(payload, (str, bytes)) else json.loads(body)
    return Draft7Validator(schema).is_valid(value)


# ── the document ─────────────────────────────────────────────────────────────────────────────────


def test_a_document_of_all_kinds_of_subscribers_is_valid_and_complete() -> None:
    document = describe(
        *SUBSCRIBERS,
        publishes={
            f'{SNS}:carts': [ItemAdded, Cart],
            f'{SNS}:orders.fifo': [KINDS[kind][0] for kind in KINDS],
            f'{SQS}/invoices': [ModelOrder],
        },
    )
    found = set(references(document))
    assert found
    for reference in found:
        find(document, reference)
    used = {each.rpartition('/')[2] for each in found if each.startswith('#/components/schemas/')}
    assert used == document['components']['schemas'].keys()


def test_each_subscriber_is_an_operation_that_receives_its_messages() -> None:
    document = describe(*SUBSCRIBERS)
    operations = document['operations']
    assert list(operations) == [each.__name__ for each in SUBSCRIBERS]
    for operation in operations.values():
        assert operation['action'] == 'receive'
        assert operation['channel'] == {'$ref': '#/channels/orders'}
    received = {
        name: [each['$ref'].rpartition('/')[2] for each in operation['messages']]
        for name, operation in operations.items()
    }
    assert received == {
        'Restock': ['ItemAdded'],
        'Totals': ['ItemAdded.Cart'],
        'Orders': ['ModelOrder'],
        'AnyEvent': ['Event'],
        'Removed': ['item.removed'],
        'Carts': ['Cart'],
        'Everything': ['Event', 'Data', 'Text', 'Blob'],
        'Texts': ['Text'],
        'Blobs': ['Blob'],
    }


def test_an_operation_has_the_patterns_of_its_subscriber_as_code() -> None:
    operations = describe(Restock, AnyEvent, Everything)['operations']
    for subscriber in (Restock, AnyEvent):
        code = operations[subscriber.__name__]['x-mega-pattern']
        pattern = compile_pattern(eval(code, dict(vars(functions))))
        assert repr(pattern) == repr(subscriber.compiled_pattern)
    code = operations['Restock']['x-mega-message-pattern']
    assert code == "{'attributes': {'tenant': 'acme'}}"
    assert not [key for key in operations['Everything'] if key.startswith('x-')]


def test_descriptions_are_those_of_the_classes() -> None:
    document = describe(Restock, Totals)
    description = 'Orders more of an item.\n\nOnly of large amounts.'
    assert document['operations']['Restock']['description'] == description
    assert 'description' not in document['operations']['Totals']
    message = document['components']['messages']['ItemAdded']
    assert (message['name'], message['title']) == ('item.added', 'ItemAdded')
    schema = document['components']['schemas']['ItemAdded']
    assert schema['description'] == 'An item is in the cart.'


def test_the_title_and_the_version_are_given_or_have_defaults() -> None:
    assert describe(Texts)['info'] == {'title': 'orders', 'version': '1.0.0'}
    document = describe(Texts, title='Shop', version='2.1.0')
    assert document['info'] == {'title': 'Shop', 'version': '2.1.0'}


def test_the_channel_of_a_queue_has_its_dead_letter_queue() -> None:
    url, dead = f'{SQS}/orders.fifo', f'{SQS}/dead.fifo'
    with SqsListener(url, [Texts], dead_letter_queue_url=dead) as listener:
        document = to_asyncapi(listener)
    OFFICIAL.validate(document)
    channel = document['channels']['orders.fifo']
    assert channel['address'] == url
    assert channel['bindings']['sqs'] == {
        'queue': {'name': 'orders.fifo', 'fifoQueue': True},
        'deadLetterQueue': {'name': 'dead.fifo', 'fifoQueue': True},
        'bindingVersion': '0.2.0',
    }


def test_keys_are_ascii_and_titles_are_the_names() -> None:
    cafe = make_dataclass('Café', [('id', str)])

    class Sizes(DataSubscriber[cafe]):  # type: ignore[valid-type]
        def process(self, payload: object) -> None: ...

    class Salutes(Sizes): ...

    Sizes.__name__, Salutes.__name__ = 'Größe', 'Grüße'

    class Opened(EventSubscriber):
        name = 'café ouvert'

        def process(self, payload: Payload) -> None: ...

    document = describe(Sizes, Salutes, Opened, publishes={f'{SNS}:carts': [cafe]})
    components = document['components']
    assert [*document['operations']] == ['Gr__e', 'Gr__e_2', 'Opened', 'publish.carts']
    assert [*components['messages']] == ['Caf_', 'caf__ouvert']
    assert [*components['schemas']] == ['Caf_']
    messages = components['messages'].values()
    assert [each['title'] for each in messages] == ['Café', 'café ouvert']


# ── publishing ───────────────────────────────────────────────────────────────────────────────────


def test_each_destination_of_publishers_is_an_operation_that_sends() -> None:
    document = describe(
        Restock, publishes={f'{SNS}:carts.fifo': [ItemAdded, Cart], f'{SQS}/orders': [Cart]}
    )
    topic = document['channels']['carts.fifo']
    assert topic['address'] == f'{SNS}:carts.fifo'
    assert topic['bindings'] == {'sns': {'name': 'carts.fifo', 'ordering': {'type': 'FIFO'}}}
    sent = document['operations']['publish.carts.fifo']
    assert (sent['action'], sent['channel']) == ('send', {'$ref': '#/channels/carts.fifo'})
    assert [*topic['messages']] == ['ItemAdded', 'Cart']
    assert [*document['channels']['orders']['messages']] == ['ItemAdded', 'Cart']
    assert [*document['components']['messages']] == ['ItemAdded', 'Cart']


def test_a_topic_and_a_queue_of_one_name_are_two_channels() -> None:
    document = describe(Texts, publishes={f'{SNS}:orders': [Cart]})
    assert document['channels']['orders_2']['address'] == f'{SNS}:orders'
    assert document['operations']['publish.orders_2']['channel'] == {'$ref': '#/channels/orders_2'}


@pytest.mark.parametrize('destination', ['orders', 'arn:aws:sqs:eu-west-1:123456789012:orders'])
def test_another_destination_is_refused(destination: str) -> None:
    with pytest.raises(ConfigurationError, match=r'publishes=.*pass'):
        describe(Texts, publishes={destination: [Cart]})


def test_a_class_that_cannot_be_described_is_named_alone() -> None:
    with pytest.raises(ConfigurationError, match=r'^Unreadable cannot be described'):
        describe(Restock, publishes={f'{SNS}:carts': [Cart, Unreadable, ItemAdded]})


def test_a_class_that_cannot_be_described_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='must be a class with fields'):
        describe(Texts, publishes={f'{SNS}:carts': [int]})


# ── the payloads ─────────────────────────────────────────────────────────────────────────────────


def test_published_payloads_fit_the_schemas_of_the_document() -> None:
    document = describe(*SUBSCRIBERS)
    added = ItemAdded('A-1')
    with_cart = PayloadBuilder().with_event(added).with_object(current=Cart(Decimal(5))).build()
    assert fits(document, 'ItemAdded', added)
    assert fits(document, 'ItemAdded.Cart', with_cart)
    assert fits(document, 'ModelOrder', make('pydantic model'))
    assert fits(document, 'Event', with_cart)
    assert fits(document, 'Data', {'a': 1})
    assert fits(document, 'Text', 'a text')
    assert fits(document, 'Blob', b'a blob')


def test_declared_values_of_a_subscriber_are_constants_of_its_messages() -> None:
    document = describe(Removed, Carts)
    names = {key: each['name'] for key, each in document['components']['messages'].items()}
    assert names == {'item.removed': 'item.removed', 'Cart': 'cart closed'}
    removed = {'name': 'item.removed', 'domain': 'shop'}
    closed = {'name': 'cart closed', 'version': 2, 'total': '5'}
    cases: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
        ('item.removed', removed, [{'name': 'a'}, {'domain': 'a'}, {'domain': None}]),
        ('Cart', closed, [{'name': 'a'}, {'version': 1}, {'total': None}]),
    ]
    for message, fields, others in cases:
        payload = PayloadBuilder().with_event(**fields).build()
        assert fits(document, message, payload)
        for other in others:
            wrong = PayloadBuilder().with_event(**{**fields, **other}).build()
            assert not fits(document, message, wrong)


def test_other_payloads_do_not_fit() -> None:
    document = describe(*SUBSCRIBERS)
    wrong = PayloadBuilder().with_event(name='item.added', domain='shop', item_id='1', sizes=[1])
    assert not fits(document, 'ItemAdded', wrong.build())
    assert not fits(document, 'ItemAdded', Cart(Decimal(5)))
    assert not fits(document, 'ModelOrder', {'id': 5})
    assert not fits(document, 'Event', {'a': 1})


def test_a_tuple_has_the_form_of_draft_7() -> None:
    sizes = describe(Restock)['components']['schemas']['ItemAdded']['properties']['sizes']
    assert sizes['items'] == [{'type': 'integer'}, {'type': 'string'}]
    assert 'prefixItems' not in sizes


def test_two_classes_of_one_name_are_two_messages() -> None:
    @dataclass
    class Event:
        number: int

    class Numbers(DataSubscriber[Event]):
        def process(self, payload: Event) -> None: ...

    messages = describe(Everything, Numbers)['components']['messages']
    assert [*messages] == ['Event', 'Data', 'Text', 'Blob', 'Event_2']
