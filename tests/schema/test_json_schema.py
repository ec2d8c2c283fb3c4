"""JSON Schema of typed payloads: each object that a publisher writes fits, and others do not."""

from __future__ import annotations

import json
from dataclasses import dataclass, make_dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, TextSubscriber
from mega.codec import encode
from mega.errors import ConfigurationError
from mega.event import Payload, PayloadBuilder, event
from mega.schema import to_json_schema
from tests.event.kinds import KINDS, Color, make
from tests.event.test_typed import (
    SAMPLES,
    Card,
    Parcel,
    ParcelModel,
    ParcelStruct,
    Sample,
    Transfer,
    parcel,
)

T = TypeVar('T')

AT = datetime(2026, 5, 4, tzinfo=timezone.utc)


def validator(source: Any) -> Draft202012Validator:
    schema = to_json_schema(source)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def document(value: Any) -> Any:
    """Return what a publisher writes for an object, parsed as JSON."""
    return json.loads(encode(value))


@event('order.placed', domain='shop', version=3, subject='id', upgrade={2: dict})
@dataclass
class OrderPlaced:
    """An order of a customer."""

    id: str
    total: Decimal
    note: str | None = None


@dataclass
class Cart:
    total: Decimal


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

TEXT = st.text(st.characters(codec='utf-8'), max_size=5)

AWARE = st.datetimes(timezones=st.timezones(), allow_imaginary=False)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    'id': st.uuids(),
    'at': AWARE,
    'day': st.dates(),
    'price': st.decimals(allow_nan=False, allow_infinity=False),
    'color': st.sampled_from(Color),
    'blob': TEXT.map(str.encode),
    'took': st.timedeltas(timedelta(0), timedelta(days=10_000)),
    'tags': st.sets(TEXT, max_size=3),
    'sizes': st.lists(st.integers(), max_size=3).map(tuple),
    'counts': st.dictionaries(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    'note': st.none() | st.just('a note'),
}

LINES = st.lists(st.fixed_dictionaries({'sku': st.just('a'), 'sold_at': AWARE}), max_size=2)

WRITTEN_AS_CLASSES = [kind for kind in KINDS if kind != 'TypedDict']  # its objects are dicts

VALIDATORS = {kind: validator(KINDS[kind][0]) for kind in KINDS}


@given(st.sampled_from(WRITTEN_AS_CLASSES), st.fixed_dictionaries(FIELDS), LINES)
def test_every_published_object_fits_the_schema_of_its_class(
    kind: str, values: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    order, line = KINDS[kind]
    published = order(**values, lines=[line(**each) for each in lines])
    VALIDATORS[kind].validate(document(published))


def test_a_decimal_with_an_exponent_fits() -> None:
    class Priced(pydantic.BaseModel):
        price: Decimal
        limit: Annotated[Decimal, pydantic.Field(max_digits=5, le=500)]

    written = document(Priced(price=Decimal('1E-7'), limit=Decimal('1E+2')))
    assert written == {'price': '1E-7', 'limit': '1E+2'}
    validator(Priced).validate(written)


@given(TEXT, FIELDS['price'])
def test_every_published_event_fits_the_schema_of_its_class(id: str, total: Decimal) -> None:
    VALIDATOR_OF_EVENTS.validate(document(OrderPlaced(id, total)))


VALIDATOR_OF_EVENTS = validator(OrderPlaced)


@given(SAMPLES)
def test_every_published_object_fits_the_schema_of_a_recursive_class(sample: Sample) -> None:
    VALIDATOR_OF_SAMPLES.validate(document(sample))


VALIDATOR_OF_SAMPLES = validator(Sample)


@pytest.mark.parametrize('cls', [Parcel, ParcelStruct, ParcelModel])
def test_kinds_within_each_other_are_described(cls: Any) -> None:
    validator(cls).validate(document(parcel(cls)))


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(
    ('key', 'value'),
    [('id', 5), ('at', None), ('lines', {}), ('lines', [{'sku': 'a'}]), ('blob', ['x'])],
    ids=['number-for-text', 'null', 'object-for-array', 'missing-in-nested', 'array-for-text'],
)
def test_a_value_of_another_type_does_not_fit(kind: str, key: str, value: object) -> None:
    fields: dict[str, Any] = {
        'id': 'x', 'at': 'x', 'day': 'x', 'price': '1', 'color': 'red', 'blob': '', 'took': 'P1D',
        'tags': [], 'sizes': [], 'counts': {}, 'lines': [], 'note': None,
    }  # fmt: skip
    VALIDATORS[kind].validate(fields)
    assert not VALIDATORS[kind].is_valid({**fields, key: value})
    del fields[key]
    assert not VALIDATORS[kind].is_valid(fields)


@pytest.mark.parametrize(
    ('part', 'value'),
    [
        ('name', 'order.cancelled'),
        ('domain', 'stock'),
        ('version', 2),
        ('attributes', {'id': '1'}),
        ('timestamp', 5),
        ('subject', 5),
    ],
)
def test_another_event_does_not_fit(part: str, value: object) -> None:
    placed = document(OrderPlaced('1', Decimal(5)))
    placed['event'][part] = value
    assert not VALIDATOR_OF_EVENTS.is_valid(placed)
    del placed['event'][part]
    assert VALIDATOR_OF_EVENTS.is_valid(placed) == (part == 'subject')


def test_the_states_of_a_typed_subscriber_are_described() -> None:
    class Totals(EventSubscriber[OrderPlaced, Cart]):
        def process(self, event: OrderPlaced) -> None: ...

    placed = PayloadBuilder().with_event(OrderPlaced('1', Decimal(5)))
    placed = placed.with_object(type='cart', current=Cart(Decimal(1)))
    found = document(placed.build())
    validator(Totals).validate(found)
    found['object']['current'] = {'total': 5}
    assert not validator(Totals).is_valid(found)
    assert validator(OrderPlaced).is_valid(found)


def test_an_event_without_attributes_fits_a_class_whose_fields_have_defaults() -> None:
    @event('pinged')
    class Pinged(msgspec.Struct, omit_defaults=True):
        note: str = ''

    pinged = document(Pinged())
    assert 'attributes' not in pinged['event']
    validator(Pinged).validate(pinged)


# ── the form of a schema ─────────────────────────────────────────────────────────────────────────


def test_the_schema_names_its_dialect_and_has_the_descriptions_of_classes() -> None:
    schema = to_json_schema(OrderPlaced)
    assert schema['$schema'] == 'https://json-schema.org/draft/2020-12/schema'
    assert schema['title'] == 'OrderPlaced'
    assert schema['$defs']['OrderPlaced'] == {
        'title': 'OrderPlaced',
        'description': 'An order of a customer.',
        'type': 'object',
        'properties': {
            'id': {'type': 'string'},
            'total': {'type': 'string', 'format': 'decimal'},
            'note': {'anyOf': [{'type': 'string'}, {'type': 'null'}], 'default': None},
        },
        'required': ['id', 'total'],
    }


def test_a_change_of_a_schema_affects_only_that_place() -> None:
    schema = to_json_schema(OrderPlaced)
    fields = schema['properties']['event']['properties']
    fields['subject']['title'] = 'The id of the order'
    assert 'title' not in fields['publisher']
    fields['attributes']['title'] = schema['$defs']['OrderPlaced']['title'] = 'The order'
    assert to_json_schema(OrderPlaced) == VALIDATOR_OF_EVENTS.schema


def test_constraints_of_fields_are_in_the_schema() -> None:
    @dataclass
    class Limited:
        quantity: Annotated[int, msgspec.Meta(ge=1)]
        at: Annotated[datetime, msgspec.Meta(tz=True)]

    class LimitedModel(pydantic.BaseModel):
        quantity: int = pydantic.Field(ge=1)

    @pydantic.dataclasses.dataclass
    class LimitedDataclass:
        quantity: int = pydantic.Field(default=5, ge=1)

    for cls in (Limited, LimitedModel, LimitedDataclass):
        [definition] = to_json_schema(cls)['$defs'].values()
        assert definition['properties']['quantity']['minimum'] == 1
    assert to_json_schema(Limited)['$defs']['Limited']['properties']['at']['format'] == 'date-time'


def test_a_union_of_classes_accepts_each_of_them() -> None:
    class Payments(DataSubscriber[Card | Transfer]):
        def process(self, payload: Card | Transfer) -> None: ...

    found = validator(Payments)
    found.validate(document(Card('4111', AT)))
    found.validate(document(Transfer('DE1', 'today')))
    assert not found.is_valid({'type': 'card', 'iban': 'DE1', 'paid_at': 'today'})
    assert 'discriminator' not in json.dumps(found.schema)


class Page(msgspec.Struct, Generic[T]):
    items: list[T]
    next: Page[T] | None = None


def test_a_generic_class_is_described_for_its_argument() -> None:
    class Pages(DataSubscriber[Page[Cart]]):
        def process(self, payload: Page[Cart]) -> None: ...

    found = validator(Pages)
    found.validate(document(Page([Cart(Decimal(1))], Page([]))))
    assert not found.is_valid({'items': [{'total': 5}]})


class Numbers:
    @dataclass
    class Line:
        value: int


class Texts:
    @dataclass
    class Line:
        value: str


class Flags:
    class Line(pydantic.BaseModel):
        value: bool


class Lists:
    class Line(pydantic.BaseModel):
        value: list[str]


@dataclass
class Whole:
    number: Numbers.Line
    text: Texts.Line
    flag: Flags.Line
    list: Lists.Line


def test_classes_of_one_name_have_definitions_of_their_own() -> None:
    fields = {'number': 5, 'text': 'x', 'flag': True, 'list': ['x']}
    values = {name: {'value': value} for name, value in fields.items()}
    found = validator(Whole)
    found.validate(values)
    for name in values:
        for other in values.keys() - {name}:
            assert not found.is_valid({**values, name: values[other]})


def test_fields_with_the_names_of_keywords_are_described() -> None:
    class Keywords(msgspec.Struct, rename={'ref': '$ref'}):
        ref: str
        discriminator: str
        items: dict[str, Cart]
        properties: dict[str, Any] = {}

    found = to_json_schema(Keywords)['$defs']['Keywords']
    assert found['properties']['discriminator'] == {'type': 'string'}
    assert found['properties']['$ref'] == {'type': 'string'}
    assert 'discriminator' in found['required']


# ── what cannot be described ─────────────────────────────────────────────────────────────────────


class Untyped(EventSubscriber):
    name = 'order.placed'

    def process(self, payload: Payload) -> None: ...


class AllTexts(TextSubscriber):
    def process(self, payload: str) -> None: ...


NUMBER, TEXT_OF_SAME_NAME = (make_dataclass('Same', [('value', kind)]) for kind in (int, str))


class Unreadable(pydantic.BaseModel):
    card: Card

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)


@pytest.mark.parametrize(
    ('source', 'problem'),
    [
        (Untyped, 'Untyped has no type parameter'),
        (AllTexts, 'AllTexts has no type parameter'),
        (int, 'must be a class with fields'),
        (OrderPlaced('1', Decimal(1)), 'must be a class with fields'),
        (make_dataclass('Odd', [('value', complex)]), 'complex is not a type of payloads'),
        (Unreadable, 'Unreadable cannot be described as JSON Schema: PydanticInvalidForJsonSchema'),
    ],
    ids=['untyped', 'texts', 'int', 'object', 'complex', 'foreign-class-in-a-model'],
)
def test_a_source_without_typed_payloads_is_refused(source: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        to_json_schema(source)


def test_classes_of_the_same_name_are_refused_or_have_schemas_of_their_own() -> None:
    """Before 0.23, msgspec cannot tell them apart."""
    pair = make_dataclass('Pair', [('a', NUMBER), ('b', TEXT_OF_SAME_NAME)])
    if tuple(map(int, msgspec.__version__.split('.')[:2])) < (0, 23):
        with pytest.raises(ConfigurationError, match='is also named'):
            to_json_schema(pair)
        return
    described = validator(pair)
    assert described.is_valid({'a': {'value': 1}, 'b': {'value': '1'}})
    assert not described.is_valid({'a': {'value': 1}, 'b': {'value': 1}})


def test_the_order_of_each_kind_has_the_same_keys_in_its_schema() -> None:
    for kind in WRITTEN_AS_CLASSES:
        written = document(make(kind))
        definition = to_json_schema(KINDS[kind][0])['$defs'][KINDS[kind][0].__name__]
        assert definition['properties'].keys() == written.keys()
