"""What holds of every payload: it is the same after a dict, and its dict is the normal form."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given

from mega.errors import EventError
from mega.event import Payload, PayloadBuilder
from tests.likeness import typed
from tests.strategies import anything, carried_by_bson, event_documents, event_payloads


@given(event_payloads(carried_by_bson))
def test_a_payload_is_the_same_after_its_dict(payload: Payload) -> None:
    assert Payload.from_dict(payload.to_dict()) == payload


@given(event_documents())
def test_the_dict_of_a_payload_is_the_normal_form(document: dict[str, Any]) -> None:
    once = Payload.from_dict(document).to_dict()
    assert typed(Payload.from_dict(once).to_dict()) == typed(once)


@given(event_documents())
def test_both_spellings_of_attributes_are_one(document: dict[str, Any]) -> None:
    payload = Payload.from_dict(document)
    inline = payload.to_dict()
    attributes = inline['event'].pop('attributes', {})
    inline['event'].update({key: attributes[key] for key in attributes.keys() - inline['event']})
    assert all(payload.event.attributes[key] == attributes[key] for key in attributes)
    listed = {'name', 'timestamp', 'version', 'domain', 'subject', 'publisher', 'attributes'}
    if not listed & attributes.keys():
        assert Payload.from_dict(inline) == payload


@given(event_documents())
def test_reading_leaves_the_document_as_it_was(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    Payload.from_dict(document).to_dict()
    assert document == before


@given(event_payloads())
def test_written_timestamps_are_utc_to_the_millisecond(payload: Payload) -> None:
    text = payload.to_dict()['event']['timestamp']
    assert len(text) == len('2020-05-04T15:53:23.123')
    timestamp = payload.event.timestamp
    assert timestamp.utcoffset() == timedelta(0)
    assert datetime.fromisoformat(text) == timestamp.replace(tzinfo=None)


@given(event_payloads())
def test_every_attribute_reads_as_a_field_unless_it_is_called_like_one(payload: Payload) -> None:
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
def test_reading_anything_gives_a_payload_or_an_event_error(thing: Any) -> None:
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
