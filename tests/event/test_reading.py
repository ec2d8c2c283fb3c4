"""Reading of typed payloads: numbers as text, times without a zone, booleans, and the errors."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from typing_extensions import NotRequired, TypedDict

from mega.errors import InvalidPayloadError
from mega.event.reading import reader_of

AT = datetime(2026, 5, 4, 15, 53, 23, tzinfo=timezone.utc)
NAIVE = AT.replace(tzinfo=None)

T = TypeVar('T')
Moment = NewType('Moment', datetime)


@dataclass
class Page(Generic[T]):
    items: list[T]


class Dict(TypedDict):
    at: NotRequired[datetime]


class Struct(msgspec.Struct, rename={'at': 'soldAt'}):
    at: datetime


class Model(pydantic.BaseModel):
    at: datetime = pydantic.Field(alias='soldAt')


@pydantic.dataclasses.dataclass
class Validated:
    at: datetime


@dataclass
class Node:
    at: datetime
    children: list[Node] = field(default_factory=list)


PLACES: dict[str, tuple[Any, Any, Any]] = {
    'list': (list[datetime], [NAIVE], [AT]),
    'dict': (dict[str, datetime | None], {'a': NAIVE, 'b': None}, {'a': AT, 'b': None}),
    'tuple': (tuple[int, datetime], [1, NAIVE], (1, AT)),
    'set': (set[datetime], [NAIVE], {AT}),
    'union': (datetime | int, NAIVE, AT),
    'new type': (list[Moment], [NAIVE], [AT]),
    'annotated': (Annotated[datetime, 'note'], NAIVE, AT),
    'generic': (Page[datetime], {'items': [NAIVE]}, Page([AT])),
    'nested generic': (Page[Page[datetime]], {'items': [{'items': [NAIVE]}]}, Page([Page([AT])])),
    'TypedDict': (Dict, {'at': NAIVE}, {'at': AT}),
    'Struct': (Struct, {'soldAt': NAIVE}, Struct(AT)),
    'model': (Page[Model], {'items': [{'soldAt': NAIVE}]}, Page([Model(soldAt=AT)])),
    'pydantic dataclass': (Page[Validated], {'items': [{'at': NAIVE}]}, Page([Validated(AT)])),
    'recursive': (Node, {'at': AT, 'children': [{'at': NAIVE}]}, Node(AT, [Node(AT)])),
}


@pytest.mark.parametrize('as_text', [False, True], ids=['native', 'text'])
@pytest.mark.parametrize('place', PLACES)
def test_a_time_without_a_zone_is_utc(place: str, as_text: bool) -> None:
    annotation, value, expected = PLACES[place]
    given = msgspec.to_builtins(value) if as_text else value
    before = copy.deepcopy(given)
    assert reader_of(annotation).read(given) == expected
    assert given == before


@pytest.mark.parametrize(
    ('text', 'moment'),
    [
        ('2026-05-04T15:53:23', AT),
        ('2026-05-04 15:53:23', AT),
        ('2026-05-04T15:53:23Z', AT),
        ('2026-05-04T17:53:23+02:00', AT),
        ('2026-05-04', datetime(2026, 5, 4, tzinfo=timezone.utc)),
    ],
)
def test_every_form_of_a_time_has_a_zone(text: str, moment: datetime) -> None:
    read = reader_of(datetime).read(text)
    assert read == moment
    assert read.utcoffset() is not None


@dataclass
class Checked:
    """Compares its time, which raises a TypeError for a time without a zone."""

    at: datetime

    def __post_init__(self) -> None:
        if self.at > AT + timedelta(days=1):
            raise ValueError(f'too late: {self.at}')


def test_a_class_that_checks_its_time_sees_the_zone() -> None:
    assert reader_of(Checked).read({'at': '2026-05-04T15:53:23'}) == Checked(AT)


@dataclass
class Numbers:
    number: int = 0
    real: float = 0.0
    amount: Decimal = Decimal(0)
    flag: bool = False
    both: int | bool = 0


class NumbersModel(pydantic.BaseModel):
    number: int = 0
    real: float | None = 0.0
    amount: Decimal = Decimal(0)
    flag: bool = False
    both: int | bool = 0


@pydantic.dataclasses.dataclass
class NumbersValidated:
    number: int = 0
    real: float = 0.0
    amount: Decimal | None = Decimal(0)
    flag: bool = False
    both: bool | int = 0


NUMBERS: list[Any] = [Numbers, NumbersModel, NumbersValidated]


@pytest.mark.parametrize('cls', NUMBERS)
def test_a_number_may_be_text(cls: type) -> None:
    read = reader_of(cls).read({'number': '5', 'real': '0.5', 'amount': '1.10', 'both': 3})
    assert (read.number, read.real, read.amount, read.both) == (5, 0.5, Decimal('1.10'), 3)


@pytest.mark.parametrize('value', [True, False])
@pytest.mark.parametrize('name', ['number', 'real', 'amount'])
@pytest.mark.parametrize('cls', NUMBERS)
def test_a_bool_is_not_a_number(cls: type, name: str, value: bool) -> None:
    with pytest.raises(InvalidPayloadError) as caught:
        reader_of(cls).read({name: value})
    assert caught.value.path.startswith(name)


@pytest.mark.parametrize('cls', NUMBERS)
def test_a_bool_is_itself_where_it_is_allowed(cls: type) -> None:
    read = reader_of(cls).read({'flag': True, 'both': True})
    assert read.flag is True
    assert read.both is True


@pydantic.dataclasses.dataclass
class Even:
    number: int

    @pydantic.field_validator('number')
    @classmethod
    def _check(cls, number: int) -> int:
        if number % 2:
            raise ValueError(f'{number} is odd')
        return number


@dataclass
class Evens:
    evens: dict[str, Even | None]


def test_the_validators_of_a_nested_class_of_pydantic_run() -> None:
    assert reader_of(Evens).read({'evens': {'a': {'number': 2}}}).evens == {'a': Even(2)}
    with pytest.raises(InvalidPayloadError) as caught:
        reader_of(Evens).read({'evens': {'a': {'number': 3}}})
    assert caught.value.path == 'evens.a.number'


class Same(Even):
    """Has the constructor of its parent, and its validators."""


@dataclass
class Unvalidated(Even):
    """Has its own constructor, without validators."""

    text: str = ''


@pytest.mark.parametrize('annotation', [Same, list[Same]])
def test_a_subclass_of_a_class_of_pydantic_is_validated(annotation: Any) -> None:
    def read(number: int) -> Any:
        value: Any = {'number': number}
        return reader_of(annotation).read(value if annotation is Same else [value])

    assert read(2) in (Same(2), [Same(2)])
    with pytest.raises(InvalidPayloadError, match='number is invalid: value_error'):
        read(3)


def test_a_dataclass_that_extends_a_class_of_pydantic_is_a_dataclass() -> None:
    assert reader_of(Unvalidated).read({'number': '3', 'text': 'x'}) == Unvalidated(3, 'x')


def test_an_object_of_a_class_has_its_own_members() -> None:
    @dataclass
    class Local:
        tags: list[str]

    payload = {'tags': ['a']}
    reader_of(Local).read(payload).tags.append('b')
    assert payload == {'tags': ['a']}


def test_a_type_is_compiled_once() -> None:
    assert reader_of(Node) is reader_of(Node)


@dataclass
class Leaf:
    text: str


@dataclass
class Leaves:
    first: Leaf
    second: Leaf


def test_objects_without_a_rule_of_the_library_are_not_visited() -> None:
    assert reader_of(Leaves).prepare is None


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


class Color(Enum):
    RED = 'red'


class Level(IntEnum):
    LOW = 1


class Card(msgspec.Struct, tag='card'):
    number: str


class Bank(msgspec.Struct, tag='bank', forbid_unknown_fields=True):
    iban: Annotated[str, msgspec.Meta(pattern='^[A-Z]+$')] = 'A'


class Tagged(pydantic.BaseModel):
    kind: Literal['a']
    number: int = 0


class OtherTagged(pydantic.BaseModel):
    kind: Literal['b']


class Custom(pydantic.BaseModel):
    how: Tagged | OtherTagged | None = pydantic.Field(None, discriminator='kind')
    text: str = ''

    @pydantic.field_validator('text')
    @classmethod
    def _check(cls, text: str) -> str:
        raise pydantic_core_error(text)


def pydantic_core_error(text: str) -> Exception:
    from pydantic_core import PydanticCustomError

    return PydanticCustomError('custom', 'the text {text} is invalid', {'text': text})


@dataclass
class Everything:
    number: int = 0
    color: Color = Color.RED
    level: Level = Level.LOW
    choice: Literal['yes', 'no'] = 'yes'
    day: date | None = None
    at: datetime | None = None
    by_name: dict[str, int] = field(default_factory=dict)
    by_number: dict[int, int] = field(default_factory=dict)
    pay: Card | Bank | None = None
    checked: list[Checked] = field(default_factory=list)
    model: Custom | None = None
    short: Annotated[str, msgspec.Meta(max_length=3)] = ''


SECRET = '4111-1111'


@pytest.mark.parametrize(
    ('value', 'path', 'problem'),
    [
        ({'number': SECRET}, 'number', 'must be int, not str'),
        ({'number': None}, 'number', 'must be int, not null'),
        ({'color': SECRET}, 'color', 'is invalid: Invalid enum value'),
        ({'level': 41111111}, 'level', 'is invalid: Invalid enum value'),
        ({'choice': SECRET}, 'choice', 'is invalid: Invalid enum value'),
        ({'day': SECRET}, 'day', 'is invalid: Invalid RFC3339 encoded date'),
        ({'at': SECRET}, 'at', 'is invalid: Invalid RFC3339 encoded datetime'),
        ({'by_name': {SECRET: 'x'}}, 'by_name[...]', 'must be int, not str'),
        ({'by_number': {SECRET: 1}}, 'by_number', 'must be int, not str'),
        ({'pay': {'type': SECRET}}, 'pay.type', 'is invalid: Invalid value'),
        ({'pay': {'type': 'card'}}, 'pay.number', 'is missing'),
        ({'pay': {'type': 'bank', 'more': 1}}, 'pay.more', 'is not a field of the class'),
        ({'pay': {'type': 'bank', 'iban': SECRET}}, 'pay.iban', 'must be str matching regex'),
        ({'checked': [{'at': AT}, {}]}, 'checked[1].at', 'is missing'),
        ({'checked': [{'at': '4111-11-11'}]}, 'checked[0]', 'is refused by its class: ValueError'),
        ({'short': SECRET}, 'short', 'must be str of length <= 3'),
        ({'model': SECRET}, 'model', 'must be a valid dictionary or instance of Custom'),
        ({'model': {'text': SECRET}}, 'model.text', 'is invalid: custom'),
        ({'model': {'how': {'kind': SECRET}}}, 'model.how', 'is invalid: union_tag_invalid'),
        (
            {'model': {'how': {'kind': 'a', 'number': SECRET}}},
            'model.how.a.number',
            'must be a valid integer, unable to parse string as an integer',
        ),
        ([SECRET], '', 'must be object, not array'),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_an_error_names_the_path_and_the_problem_but_no_value(
    value: Any, path: str, problem: str
) -> None:
    with pytest.raises(InvalidPayloadError) as caught:
        reader_of(Everything).read(value)
    error = caught.value
    assert (error.path, error.problem) == (path, problem)
    assert '4111' not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


HALF = '\ud800'


@pytest.mark.parametrize(
    'value',
    [
        {'number': HALF},
        {'color': HALF},
        {'choice': HALF},
        {'day': HALF},
        {'at': HALF},
        {'by_name': {'a': HALF}},
        {'by_number': {HALF: 1}},
        {'pay': {'type': HALF}},
        {'pay': {'type': 'bank', 'iban': HALF}},
        {'pay': {'type': 'bank', HALF: 'A'}},
        {'checked': [{'at': HALF}]},
        {'model': {'text': HALF}},
    ],
    ids=str,
)
def test_half_of_a_surrogate_pair_is_an_invalid_payload(value: Any) -> None:
    with pytest.raises(InvalidPayloadError) as caught:
        reader_of(Everything).read(value, 'event.attributes')
    assert caught.value.path.startswith('event.attributes')


HOSTILE = {
    'digits': '9' * 5_000,
    'int': 10**5_000,
    'exponent': '1e999999999',
    'nan': 'nan',
    'other digits': '٣',
    'space': ' 5',
    'underscore': '1_0',
}


@pytest.mark.parametrize('number', HOSTILE)
@pytest.mark.parametrize('name', ['number', 'day', 'at', 'color', 'level'])
def test_a_hostile_number_is_read_or_an_invalid_payload(name: str, number: str) -> None:
    with suppress(InvalidPayloadError):
        reader_of(Everything).read({name: HOSTILE[number]})


def test_the_path_of_an_error_begins_with_the_place_of_the_object() -> None:
    with pytest.raises(InvalidPayloadError) as caught:
        reader_of(list[int]).read(['x'], 'event.attributes')
    assert caught.value.path == 'event.attributes[0]'
    assert str(caught.value) == 'invalid payload: event.attributes[0] must be int, not str'


@pytest.mark.parametrize('cls', [Model, Validated])
def test_the_path_of_an_error_of_pydantic_begins_with_the_place_of_the_object(cls: type) -> None:
    with pytest.raises(InvalidPayloadError) as caught:
        reader_of(cls).read({}, 'object.current')
    assert caught.value.path in ('object.current.at', 'object.current.soldAt')
    assert caught.value.problem == 'is missing'


@pydantic.dataclasses.dataclass
class Broken:
    number: int

    @pydantic.field_validator('number')
    @classmethod
    def _check(cls, number: int) -> int:
        raise KeyError(number)


@pytest.mark.parametrize('annotation', [Broken, list[Broken]])
def test_another_exception_of_a_class_is_raised_as_it_is(annotation: Any) -> None:
    value: Any = {'number': 1}
    with pytest.raises(KeyError):
        reader_of(annotation).read(value if annotation is Broken else [value])


@pytest.mark.parametrize('value', [5, None, [], 'x'])
def test_a_class_of_pydantic_refuses_a_value_that_is_not_an_object(value: Any) -> None:
    for annotation in (Validated, Model):
        with pytest.raises(InvalidPayloadError):
            reader_of(annotation).read(value)
