"""Typed payloads: each kind of class, in both encodings, as data and as an event."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any

import attrs
import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.codec import PayloadType, decode, encode, encode_with_type_hint
from mega.errors import ConfigurationError, EncodeError
from mega.event import Event, ObjectData, Payload, PayloadBuilder, event
from mega.event.reading import reader_of
from tests.event.kinds import (
    KINDS,
    AttrsOrder,
    DataclassOrder,
    DictOrder,
    ModelOrder,
    PydanticOrder,
    StructOrder,
    make,
)

ENCODINGS = {'JSON': False, 'BSON': True}


def round_trip(value: Any, annotation: Any, binary_encoding: bool) -> Any:
    """Return the object that arrives for a published object; or where it is refused."""
    try:
        body = encode(value, binary_encoding)
    except EncodeError as error:
        return f'refused at {error.path}'
    return reader_of(annotation).read(decode(body))


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('kind', [kind for kind in KINDS if kind != 'TypedDict'])
def test_an_object_of_an_event_class_arrives_equal(kind: str, encoding: str) -> None:
    order: type = KINDS[kind][0]  # type: ignore[assignment]
    described: Any = type('Order', (order,), {})
    if kind == 'attrs':
        described = attrs.frozen(described)
    described = event('order.placed', domain='shop', version=3, subject='note')(described)
    sent = described(**_fields_of(make(kind)))
    arrived = decode(encode(sent, ENCODINGS[encoding]))
    assert isinstance(arrived, Payload)
    found = arrived.event
    assert (found.name, found.domain, found.version) == ('order.placed', 'shop', 3)
    assert reader_of(order).read(found.attributes) == make(kind)


def _fields_of(value: Any) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(DataclassOrder)]
    return {name: getattr(value, name) for name in names}


@dataclass
class Parcel:
    """An object of each kind within a dataclass."""

    dataclass: DataclassOrder
    attrs: AttrsOrder
    struct: StructOrder
    model: ModelOrder
    pydantic: PydanticOrder
    by_name: dict[str, ModelOrder | None]
    all: list[PydanticOrder]
    none: ModelOrder | None = None


class ParcelStruct(msgspec.Struct):
    dataclass: DataclassOrder
    attrs: AttrsOrder
    struct: StructOrder
    model: ModelOrder
    pydantic: PydanticOrder
    by_name: dict[str, ModelOrder | None]
    all: tuple[PydanticOrder, int]
    none: ModelOrder | None = None


class ParcelModel(pydantic.BaseModel):
    dataclass: DataclassOrder
    model: ModelOrder
    pydantic: PydanticOrder
    typed_dict: DictOrder


def parcel(cls: Any) -> Any:
    whole = {
        'dataclass': make('dataclass'),
        'attrs': make('attrs'),
        'struct': make('Struct'),
        'model': make('pydantic model'),
        'pydantic': make('pydantic dataclass'),
        'typed_dict': make('TypedDict'),
        'by_name': {'a': make('pydantic model'), 'b': None},
        'all': [make('pydantic dataclass')],
    }
    if cls is ParcelStruct:
        whole['all'] = (make('pydantic dataclass'), 5)
    names = [*cls.__annotations__]
    return cls(**{name: whole[name] for name in names if name in whole})


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('cls', [Parcel, ParcelStruct, ParcelModel])
def test_kinds_may_be_nested_in_each_other(cls: type, encoding: str) -> None:
    assert round_trip(parcel(cls), cls, ENCODINGS[encoding]) == parcel(cls)


class Card(msgspec.Struct, tag='card'):
    number: str
    paid_at: datetime


class Transfer(msgspec.Struct, tag='transfer'):
    iban: str
    paid_at: str


@dataclass
class Paid:
    how: Card | Transfer
    amount: Decimal | None
    reference: int | str | None
    parts: list[Card | Transfer] | None = None


class CardModel(pydantic.BaseModel):
    number: str
    paid_at: datetime


class TransferModel(pydantic.BaseModel):
    iban: str


class PaidModel(pydantic.BaseModel):
    how: CardModel | TransferModel
    amount: int | bool


AT = datetime(2026, 5, 4, tzinfo=timezone.utc)


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize(
    'paid',
    [
        Paid(Card('4111', AT), None, 5, [Transfer('DE1', 'today'), Card('1', AT)]),
        Paid(Transfer('DE1', '2026-05-04T00:00:00'), Decimal('0.1'), 'x'),
        PaidModel(how=CardModel(number='4111', paid_at=AT), amount=5),
        PaidModel(how=TransferModel(iban='DE1'), amount=True),
    ],
    ids=['struct', 'another-struct', 'model', 'another-model'],
)
def test_a_union_arrives_as_the_class_that_was_sent(paid: Any, encoding: str) -> None:
    assert round_trip(paid, type(paid), ENCODINGS[encoding]) == paid


@dataclass
class Either:
    how: DataclassOrder | AttrsOrder


@dataclass
class Host:
    address: IPv4Address


@dataclass
class Private:
    _id: int


@dataclass
class Unresolved:
    other: Missing  # type: ignore[name-defined]  # noqa: F821 # the error of this test


@pytest.mark.parametrize(
    ('cls', 'problem'),
    [
        (Either, 'may not contain more than one dataclass.*use .* msgspec.Struct with a tag'),
        (Host, 'IPv4Address is not a type of payloads'),
        (Private, 'the field _id would not be written: rename it'),
        (Unresolved, "name 'Missing' is not defined"),
    ],
)
def test_a_class_that_cannot_be_read_is_refused_before_any_message(cls: type, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        reader_of(cls)


# ── publishing ───────────────────────────────────────────────────────────────────────────────────


class Opaque:
    pass


@event('item.added', domain='shopping_cart', version=2, subject='cart_id', upgrade={1: dict})
@dataclass
class ItemAdded:
    cart_id: Any
    item: Any = None


def test_the_fields_of_an_event_class_are_its_attributes() -> None:
    before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    arrived = decode(encode(ItemAdded('18a3', [1])))
    assert isinstance(arrived, Payload)
    assert before <= arrived.event.timestamp <= datetime.now(timezone.utc)
    found = arrived.event
    assert (found.name, found.domain, found.version) == ('item.added', 'shopping_cart', 2)
    assert (found.subject, found.publisher) == ('18a3', None)
    assert found.attributes == {'cart_id': '18a3', 'item': [1]}


@pytest.mark.parametrize(
    ('value', 'subject'), [(7, '7'), (None, None), (Decimal('1.0'), '1.0')], ids=repr
)
def test_the_subject_is_the_text_of_its_field(value: object, subject: str | None) -> None:
    arrived = decode(encode(ItemAdded(value), binary_encoding=True))
    assert isinstance(arrived, Payload)
    assert arrived.event.subject == subject


@pytest.mark.parametrize(
    'subject', [True, 0.5, ['a'], Opaque()], ids=lambda each: type(each).__name__
)
def test_a_subject_that_is_not_a_text_is_refused_with_its_path(subject: object) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(ItemAdded(subject))
    assert caught.value.path == 'event.attributes.cart_id'


@dataclass
class Special(ItemAdded):
    reason: str = ''


def test_an_object_of_a_subclass_is_the_same_event() -> None:
    arrived = decode(encode(Special('1', reason='x')))
    assert isinstance(arrived, Payload)
    assert arrived.event.name == 'item.added'
    assert arrived.event.reason == 'x'


class Loop(pydantic.BaseModel):
    blob: bytes


@pytest.mark.parametrize(
    ('value', 'path'),
    [
        (ItemAdded('1', Opaque()), 'event.attributes.item'),
        (ItemAdded('1', {'a': [{'b': Opaque()}]}), 'event.attributes.item.a[0].b'),
        (ItemAdded('1', Paid(Card('1', AT), None, Opaque())), 'event.attributes.item.reference'),  # type: ignore[arg-type]
        (ItemAdded('1', float('nan')), 'event.attributes.item'),
        (ItemAdded('1', 2**70), 'event.attributes.item'),
        (Loop(blob=b'\xff'), ''),
    ],
    ids=['object', 'nested', 'in-a-class', 'nan', 'large-int', 'blob-of-a-model'],
)
def test_a_value_that_a_body_cannot_carry_is_refused_with_its_path(value: Any, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(value, binary_encoding=path != '')
    assert caught.value.path == path


def test_an_object_that_contains_itself_is_refused() -> None:
    loop = ItemAdded('1')
    loop.item = [loop]
    with pytest.raises(EncodeError, match='nested too deep, or contains itself'):
        encode(loop)


class Point(msgspec.Struct, array_like=True):
    x: int


@pytest.mark.parametrize(
    'value',
    [Point(1), ItemAdded, Event('a', AT), ObjectData(), Opaque()],
    ids=['array', 'class', 'event', 'object-data', 'opaque'],
)
def test_a_value_without_the_form_of_an_object_is_refused(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode(value)


def test_a_field_that_would_not_be_written_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='_id would not be written'):
        encode(Private(5))


@dataclass
class Notification:
    """Looks like an envelope of SNS."""

    Type: str = 'Notification'
    TopicArn: str = 'arn:aws:sns:eu-west-1:000000000000:topic'
    Message: str = 'm'
    MessageId: str = '1'
    Timestamp: str = 't'


def test_data_that_looks_like_an_envelope_is_marked_as_data() -> None:
    assert encode_with_type_hint(Notification())[1] is PayloadType.DATA


# ── the builder ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class Cart:
    total: Decimal
    at: datetime = AT


def test_the_builder_takes_objects_of_classes() -> None:
    payload = (
        PayloadBuilder()
        .with_event(ItemAdded('18a3'), publisher='shop', note='x')
        .with_object(type='cart', id='18a3', current=Cart(Decimal('1.50')), previous={'total': 1})
        .build()
    )
    assert payload.event.name == 'item.added'
    assert payload.event.publisher == 'shop'
    assert payload.event.attributes == {'cart_id': '18a3', 'item': None, 'note': 'x'}
    assert payload.object is not None
    assert payload.object.current == {'total': '1.50', 'at': '2026-05-04T00:00:00Z'}
    assert payload.object.previous == {'total': 1}
    assert encode(payload)
    assert encode(payload, binary_encoding=True)


def test_a_keyword_of_the_builder_replaces_what_the_object_sets() -> None:
    payload = PayloadBuilder().with_event(ItemAdded('1'), subject='2', version=3).build()
    assert (payload.event.subject, payload.event.version) == ('2', 3)


def test_the_builder_refuses_an_object_that_does_not_describe_an_event() -> None:
    with pytest.raises(ConfigurationError, match=r"'Cart'.*decorate the class with @event"):
        PayloadBuilder().with_event(Cart(Decimal(1)))


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

MILLISECONDS = st.datetimes(
    min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


@dataclass
class Sample:
    number: int
    amount: Decimal
    at: datetime
    text: str
    flags: dict[str, bool]
    within: list[Sample]


SAMPLES = st.recursive(
    st.builds(
        Sample,
        number=st.integers(-(2**63), 2**63 - 1),
        amount=st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**9),
        at=MILLISECONDS,
        text=st.text(st.characters(exclude_categories=['Cs'])),
        flags=st.dictionaries(st.text('ab'), st.booleans()),
        within=st.just([]),
    ),
    lambda inner: st.builds(
        Sample,
        number=st.just(1),
        amount=st.just(Decimal(1)),
        at=st.just(AT),
        text=st.just(''),
        flags=st.just({}),
        within=st.lists(inner, max_size=3),
    ),
    max_leaves=5,
)


@given(sample=SAMPLES, binary_encoding=st.booleans())
def test_every_object_arrives_equal(sample: Sample, binary_encoding: bool) -> None:
    assert round_trip(sample, Sample, binary_encoding) == sample
