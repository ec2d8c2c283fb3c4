"""Payloads from and to a dict: accepted documents, written documents, and errors."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mega.errors import EventError, MegaError
from mega.event import Event, ObjectData, Payload
from tests.event.examples import ITEM_ADDED, MOMENT, USER_LOGIN, document
from tests.hostile import HOSTILE_NAMES


def document_without(path: str) -> dict[str, Any]:
    """Return a valid document that lacks one field."""
    result = document()
    holder, key = at(result, path)
    del holder[key]
    return result


def document_with(path: str, value: Any) -> dict[str, Any]:
    """Return a valid document with another value of one field."""
    result = document(object={'type': 'cart'})
    holder, key = at(result, path)
    holder[key] = value
    return result


def at(holder: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *names, last = path.split('.')
    for name in names:
        holder = holder[name]
    return holder, last


def test_reads_inline_attributes() -> None:
    event = Payload.from_dict(ITEM_ADDED).event
    assert event == Event(
        name='item.added',
        timestamp=MOMENT,
        version=2,
        domain='shopping_cart',
        subject='987650',
        publisher='shopping-cart-service',
        attributes={'item_id': '61fcc874-624e-40f8-8fd7-0e663c7837e8', 'quantity': 5},
    )


def test_always_writes_attributes_nested() -> None:
    written = Payload.from_dict(ITEM_ADDED).to_dict()
    expected = copy.deepcopy(ITEM_ADDED)
    expected['event']['attributes'] = {
        'item_id': expected['event'].pop('item_id'),
        'quantity': expected['event'].pop('quantity'),
    }
    assert written == expected


def test_reads_every_field_of_a_document_with_nested_attributes() -> None:
    payload = Payload.from_dict(USER_LOGIN)
    assert payload.event.attributes == USER_LOGIN['event']['attributes']
    assert payload.object == ObjectData(
        type='user', id='987650', version=2, current=USER_LOGIN['object']['current']
    )
    assert payload.extra == USER_LOGIN['extra']


def test_writes_version_1_as_a_number_also_if_it_was_a_text() -> None:
    written = Payload.from_dict(USER_LOGIN).to_dict()
    assert written == {**USER_LOGIN, 'version': 1}
    assert type(written['version']) is int


def test_merges_inline_and_nested_attributes() -> None:
    payload = Payload.from_dict(document({'attributes': {'a': 1}, 'b': 2}))
    assert payload.event.attributes == {'a': 1, 'b': 2}


def test_a_nested_attribute_may_have_the_name_of_a_field() -> None:
    payload = Payload.from_dict(document({'attributes': {'name': 'x', 'version': 7}}))
    assert payload.event.name == 'item.added'
    assert payload.event.version == 1
    assert payload.to_dict()['event']['attributes'] == {'name': 'x', 'version': 7}


def test_an_attribute_may_be_null() -> None:
    assert Payload.from_dict(document({'a': None})).event.attributes == {'a': None}


def test_omits_unset_fields_and_fills_in_versions() -> None:
    payload = Payload(Event('e', MOMENT), ObjectData())
    assert payload.to_dict() == {
        'protocol': 'mega',
        'version': 1,
        'event': {'name': 'e', 'timestamp': '2020-05-04T15:53:23.123', 'version': 1},
        'object': {'version': 1},
    }


@pytest.mark.parametrize(
    'path',
    [
        'event.version', 'event.domain', 'event.subject', 'event.publisher', 'event.attributes',
        'object.type', 'object.id', 'object.version', 'object.current', 'object.previous',
        'object', 'extra',
    ],
)  # fmt: skip
def test_an_optional_field_that_is_null_is_unset(path: str) -> None:
    nulled = document_with(path, None)
    absent = copy.deepcopy(nulled)
    holder, key = at(absent, path)
    del holder[key]
    assert Payload.from_dict(nulled) == Payload.from_dict(absent)


@pytest.mark.parametrize('empty', [{'attributes': {}}, {'attributes': None}], ids=['{}', 'null'])
def test_empty_attributes_are_absent_when_written(empty: dict[str, Any]) -> None:
    assert 'attributes' not in Payload.from_dict(document(empty)).to_dict()['event']


def test_an_empty_extra_is_absent_when_written() -> None:
    assert 'extra' not in Payload.from_dict(document(extra={})).to_dict()


def test_distinguishes_an_empty_current_from_an_unset_one() -> None:
    payload = Payload.from_dict(document(object={'current': {}}))
    assert payload.to_dict()['object'] == {'version': 1, 'current': {}}


def test_ignores_unknown_keys_outside_of_the_event() -> None:
    noisy = document(object={'type': 'cart', 'colour': 'red'}, trace='x')
    assert Payload.from_dict(noisy) == Payload.from_dict(document(object={'type': 'cart'}))


@pytest.mark.parametrize('path', ['protocol', 'version', 'event', 'event.name', 'event.timestamp'])
def test_refuses_a_document_without_a_required_field(path: str) -> None:
    with pytest.raises(EventError) as caught:
        Payload.from_dict(document_without(path))
    assert caught.value.path == path


TEXTS = ('event.name', 'event.domain', 'event.subject', 'event.publisher', 'object.type',
         'object.id')  # fmt: skip
OBJECTS = ('event', 'event.attributes', 'object', 'object.current', 'object.previous', 'extra')
VERSIONS = ('event.version', 'object.version')
WRONG: list[tuple[str, Any]] = [
    *((path, value) for path in TEXTS for value in (5, True, ['a'], {'a': 'b'}, b'a')),
    *((path, value) for path in OBJECTS for value in (5, True, 'a', ['a'], [])),
    *((path, value) for path in VERSIONS for value in ('1', True, 1.5, [1], {'a': 1})),
    *(('version', value) for value in (2, 0, '2', '', 'one', True, None, [1], 1.5)),
    *(('protocol', value) for value in ('MEGA', 'mega ', '', None, 1, True, ['mega'])),
    *((path, None) for path in ('event', 'event.name', 'event.timestamp')),
]


@pytest.mark.parametrize(
    ('path', 'value'), WRONG, ids=[f'{path}={value!r}' for path, value in WRONG]
)
def test_refuses_an_invalid_value_and_names_the_field(path: str, value: Any) -> None:
    with pytest.raises(EventError) as caught:
        Payload.from_dict(document_with(path, value))
    assert caught.value.path == path
    assert path in str(caught.value)


def test_refuses_an_attribute_that_is_inline_and_nested() -> None:
    doubled = document({'item_id': 'a', 'attributes': {'item_id': 'a'}})
    with pytest.raises(EventError) as caught:
        Payload.from_dict(doubled)
    assert caught.value.path == 'event.item_id'


NOT_DICTS: list[Any] = [None, 5, 'mega', [], b'{}']


@pytest.mark.parametrize('thing', NOT_DICTS, ids=repr)
def test_refuses_a_value_that_is_not_a_dict(thing: Any) -> None:
    with pytest.raises(EventError):
        Payload.from_dict(thing)


def test_an_event_error_is_a_value_error_too() -> None:
    with pytest.raises(EventError) as caught:
        Payload.from_dict({})
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, MegaError)


@pytest.mark.parametrize(
    ('text', 'instant'),
    [
        ('2020-05-04T15:53:23.123', MOMENT),
        ('2020-05-04T15:53:23.123Z', MOMENT),
        ('2020-05-04T17:53:23.123+02:00', MOMENT),
        ('2020-05-04T12:23:23.123-03:30', MOMENT),
        ('2020-05-04T15:53:23.123999', MOMENT),
        ('2020-05-04T15:53:23.123999999', MOMENT),
        ('2020-05-04 15:53:23.123', MOMENT),
        ('2020-05-04T15:53:23', MOMENT.replace(microsecond=0)),
        ('2020-05-04T15:53:23Z', MOMENT.replace(microsecond=0)),
        ('2020-05-04T15:53', MOMENT.replace(second=0, microsecond=0)),
        ('0999-05-04T15:53:23.123', MOMENT.replace(year=999)),
        ('9999-12-31T23:59:59.999', datetime(9999, 12, 31, 23, 59, 59, 999_000, timezone.utc)),
    ],
    ids=lambda part: part if isinstance(part, str) else '',
)
def test_reads_a_timestamp_in_utc(text: str, instant: datetime) -> None:
    timestamp = Payload.from_dict(document({'timestamp': text})).event.timestamp
    assert timestamp == instant
    assert timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    'value',
    [
        '', 'yesterday', '3', '2020', 'May 5', '10-11-12', '1' * 50_000, '2020-02-30T00:00:00',
        '2020-13-01T00:00:00', '2020-05-04T25:00:00', '2020-05-04T15:60:00', '15:53:23',
        '0000-01-01T00:00:00', '2020-05-04T15:53:23.123 ', ' 2020-05-04T15:53:23', '2020-W19-1',
        '٢٠٢٠-05-04T15:53:23', '2020-05-04T15:53:23+24:00', '2020-05-04T15:53:23.123\n',
        '9999-12-31T23:59:59-14:00', '0001-01-01T00:00:00+14:00', 1588607603, 1588607603.1,
        True, ['2020-05-04T15:53:23'], {}, '-2020-05-04T15:53:23', '+02020-05-04T15:53:23',
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_refuses_a_timestamp_that_is_not_iso_8601(value: Any) -> None:
    with pytest.raises(EventError) as caught:
        Payload.from_dict(document({'timestamp': value}))
    assert caught.value.path == 'event.timestamp'
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    'given',
    [
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=-8))),
        MOMENT + timedelta(microseconds=999),
    ],
    ids=['naive', 'of another zone', 'with microseconds'],
)
def test_accepts_a_datetime_as_bson_carries_it(given: datetime) -> None:
    payload = Payload.from_dict(document({'timestamp': given}))
    assert payload.event.timestamp == MOMENT
    assert payload.to_dict()['event']['timestamp'] == '2020-05-04T15:53:23.123'


@pytest.mark.parametrize('hostile', HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_errors_show_external_input_escaped_and_shortened(hostile: str) -> None:
    """Errors are logged, and a line break of a sender would forge a log record."""
    for bad in (
        document({hostile: 1, 'attributes': {hostile: 1}}),
        document({'timestamp': hostile}),
        document(version=hostile),
        document_with('protocol', hostile),
    ):
        with pytest.raises(EventError) as caught:
            Payload.from_dict(bad)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300
