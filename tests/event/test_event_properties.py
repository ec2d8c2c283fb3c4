"""Properties of every payload: it survives a dict, and its dict is the normal form."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mega.errors import EventError
from mega.event import Event, ObjectData, Payload, PayloadBuilder
from tests.event.examples import MOMENT
from tests.payload_equality import with_types
from tests.strategies import anything, carried_by_bson, event_documents, event_payloads

EVENT = {
    'name': 'e', 'timestamp': '2020-05-04T17:53:23.123456+02:00', 'version': 2, 'domain': 'd',
    'subject': 's', 'publisher': 'p', 'attributes': {'a': 1},
}  # fmt: skip
OBJECT = {'type': 't', 'id': 'i', 'version': 3, 'current': {'a': 1}, 'previous': {}}


@given(event_payloads(carried_by_bson))
def test_a_payload_equals_the_payload_read_from_its_dict(payload: Payload) -> None:
    assert Payload.from_dict(payload.to_dict()) == payload


@given(event_documents())
def test_the_dict_of_a_payload_is_the_normal_form(document: dict[str, Any]) -> None:
    once = Payload.from_dict(document).to_dict()
    assert with_types(Payload.from_dict(once).to_dict()) == with_types(once)


@given(event_documents())
def test_inline_and_nested_attributes_are_equal(document: dict[str, Any]) -> None:
    payload = Payload.from_dict(document)
    inline = payload.to_dict()
    attributes = inline['event'].pop('attributes', {})
    inline['event'].update({key: attributes[key] for key in attributes.keys() - inline['event']})
    assert all(payload.event.attributes[key] == attributes[key] for key in attributes)
    listed = {'name', 'timestamp', 'version', 'domain', 'subject', 'publisher', 'attributes'}
    if not listed & attributes.keys():
        assert Payload.from_dict(inline) == payload


@given(event_documents())
def test_reading_does_not_change_the_document(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    Payload.from_dict(document).to_dict()
    assert document == before


not_null = st.sampled_from(['a', 1, True, 1.5, MOMENT, {}, []]) | anything.filter(
    lambda value: value is not None
)


@st.composite
def documents_with_faults(draw: st.DrawFn) -> dict[str, Any]:
    """Generate documents that lack some optional fields and have some invalid values."""

    def some_of(fields: dict[str, Any], required: Collection[str] = ()) -> dict[str, Any]:
        return {
            name: draw(not_null) if draw(st.integers(0, 9)) == 9 else value
            for name, value in fields.items()
            if name in required or draw(st.booleans())
        }

    event, subject = some_of(EVENT, ('name', 'timestamp')), some_of(OBJECT)
    return {
        'protocol': 'mega',
        'version': 1,
        'event': event,
        'object': subject,
        **some_of({'extra': {'b': 2}}),
    }


def constructed(document: dict[str, Any]) -> Payload:
    event, subject = Event(**document['event']), ObjectData(**document['object'])
    return Payload(event, subject, document.get('extra', {}))


@given(documents_with_faults())
def test_reading_accepts_and_refuses_the_same_values_as_the_constructors(
    document: dict[str, Any],
) -> None:
    """The payloads are equal. If several fields are invalid, both name the same field."""
    read, expected = (_outcome(make, document) for make in (Payload.from_dict, constructed))
    assert read == expected
    assert repr(read) == repr(expected)


def _outcome(make: Callable[[dict[str, Any]], Payload], document: dict[str, Any]) -> Any:
    try:
        return make(document)
    except EventError as error:
        return str(error)


@given(event_payloads())
def test_written_timestamps_are_utc_to_the_millisecond(payload: Payload) -> None:
    text = payload.to_dict()['event']['timestamp']
    assert len(text) == len('2020-05-04T15:53:23.123')
    timestamp = payload.event.timestamp
    assert timestamp.utcoffset() == timedelta(0)
    assert datetime.fromisoformat(text) == timestamp.replace(tzinfo=None)


@given(event_payloads())
def test_every_attribute_is_readable_unless_it_is_named_like_a_field(payload: Payload) -> None:
    event = payload.event
    for key, value in event.attributes.items():
        if not hasattr(type(event), key) and not key.startswith('__'):
            assert getattr(event, key) == value


@given(event_payloads())
def test_a_builder_builds_any_payload(payload: Payload) -> None:
    fields = {**payload.to_dict()['event'], 'attributes': payload.event.attributes}
    builder = PayloadBuilder().with_event(**fields)
    if payload.object is not None:
        builder.with_object(**payload.to_dict()['object'])
    builder.with_extra(**payload.extra)
    assert builder.build() == payload


@given(anything)
def test_reading_any_value_returns_a_payload_or_raises_an_event_error(thing: Any) -> None:
    for candidate in (
        thing,
        {'protocol': thing},
        {'protocol': 'mega', 'version': thing, 'event': {'name': 'e', 'timestamp': '2020-01-01'}},
        {'protocol': 'mega', 'version': 1, 'event': thing},
        {'protocol': 'mega', 'version': 1, 'event': {'name': thing, 'timestamp': thing}},
        {'protocol': 'mega', 'version': 1, 'object': thing, 'extra': thing,
         'event': {'name': 'e', 'timestamp': '2020-01-01', 'attributes': thing}},
    ):  # fmt: skip
        _reads_or_refuses(candidate)


def _reads_or_refuses(candidate: Any) -> None:
    refusal = None
    try:
        assert isinstance(Payload.from_dict(candidate), Payload)
    except EventError as error:
        refusal = error
    if refusal:
        assert refusal.path
        assert str(refusal).isprintable()
