"""The fast way to read an event has the result of the complete one, for every body."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import MsgspecError

from mega import json_reading
from mega.codec import _json, decode, encode, to_document
from mega.codec._events import decode_event
from mega.errors import DecodeError, EncodeError, EventError
from mega.event import Event, ObjectData, Payload, is_mega_event
from tests.payload_equality import as_received, with_types
from tests.profile import amount
from tests.strategies import (
    carried_by_json,
    event_documents,
    event_payloads,
    mutated_json_bodies,
)

TIMESTAMP = '2020-05-04T15:53:23.123'
EVENT = {'name': 'item.added', 'timestamp': TIMESTAMP}

EVENTS: dict[str, dict[str, Any]] = {
    'the least': {},
    'version as a text': {'version': '1'},
    'another version': {'version': 2},
    'a float as version': {'version': 1.0},
    'true as version': {'version': True},
    'another protocol': {'protocol': 'Mega'},
    'no event': {'event': None},
    'no name': {'event': {'timestamp': TIMESTAMP}},
    'no timestamp': {'event': {'name': 'a'}},
    'a number as name': {'event': {**EVENT, 'name': 5}},
    'an invalid timestamp': {'event': {**EVENT, 'timestamp': '2020-13-04T15:53:23.123'}},
    'a number as timestamp': {'event': {**EVENT, 'timestamp': 0}},
    'a float as version of the event': {'event': {**EVENT, 'version': 1.0}},
    'true as version of the event': {'event': {**EVENT, 'version': True}},
    'a large version of the event': {'event': {**EVENT, 'version': 2**80}},
    'null fields': {'event': {**EVENT, 'domain': None, 'version': None, 'attributes': None}},
    'no attributes': {'event': {**EVENT, 'attributes': {}}},
    'inline attributes': {'event': {**EVENT, 'item_id': 5}},
    'both spellings of attributes': {'event': {**EVENT, 'a': 1, 'attributes': {'b': [1, 1.5]}}},
    'one attribute in both spellings': {'event': {**EVENT, 'a': 1, 'attributes': {'a': 1}}},
    'an array as attributes': {'event': {**EVENT, 'attributes': []}},
    'unknown fields': {'more': {'a': [1, None]}},
    'an object': {'object': {'type': 'cart', 'id': '5', 'version': 3, 'current': {'a': 1}}},
    'a null object': {'object': None},
    'a null version of the object': {'object': {'version': None}},
    'a previous state': {'object': {'previous': {'a': [{}, []]}, 'current': {'b': {}}}},
    'an unknown field of the object': {'object': {'kind': 'cart'}},
    'a number as id of the object': {'object': {'id': 5}},
    'true as version of the object': {'object': {'version': True}},
    'no extra data': {'extra': {}},
    'extra data': {'extra': {'a': {'b': 2**70}}},
    'an array as extra data': {'extra': []},
    'an unknown field of extra data': {'extra': {'event': {'name': 5}}},
    'a large integer': {'extra': {'a': [2**63, 2**64, -(2**64), 10**600]}},
    'a zero with a sign': {'event': {**EVENT, 'attributes': {'a': [-0.0, 0.0, 0, 1e-320]}}},
    'a timestamp with a zone': {'event': {**EVENT, 'timestamp': f'{TIMESTAMP}+02:00'}},
    'a timestamp with microseconds': {'event': {**EVENT, 'timestamp': f'{TIMESTAMP}456'}},
    'a timestamp before the year 1': {'event': {**EVENT, 'timestamp': '0001-01-01T00:00+02:00'}},
    'a timestamp at the end of a day': {'event': {**EVENT, 'timestamp': '2020-05-04T24:00:00.000'}},
    'an attribute named like a special method': {
        'event': {**EVENT, 'attributes': {'__class__': 1, '__post_init__': 2}}
    },
}
TEXTS = {
    'the protocol twice, and a valid one last': '{"protocol":"x","protocol":"mega"',
    'the protocol twice, and a valid one first': '{"protocol":"mega","protocol":"x"',
    'a name twice': '{"event":{"name":5},"protocol":"mega"',
}
BODIES = {
    **{
        name: json.dumps({'protocol': 'mega', 'version': 1, 'event': EVENT, **fields})
        for name, fields in EVENTS.items()
    },
    **{name: f'{start},"version":1,"event":{json.dumps(EVENT)}}}' for name, start in TEXTS.items()},
    '101 levels': encode({'protocol': 'mega', 'version': 1, 'event': EVENT})[:-1]
    + f',"extra":{{"a":{"[" * 99}{"]" * 99}}}}}',
    'white space': f' \n{json.dumps({"protocol": "mega", "version": 1, "event": EVENT}, indent=1)}',
    'a deep value beside an inline attribute': json.dumps(
        {'protocol': 'mega', 'version': 1, 'extra': {'a': [[[[[[]]]]]]}, 'event': {**EVENT, 'a': 1}}
    ),
    'text after the object': f'{encode({"protocol": "mega", "version": 1, "event": EVENT})} x',
    'half of a surrogate pair': json.dumps(
        {'protocol': 'mega', 'version': 1, 'event': {**EVENT, 'attributes': {'a': '\ud800'}}}
    ),
    'NaN': encode({'protocol': 'mega', 'version': 1, 'event': EVENT})[:-1] + ',"extra":{"a":NaN}}',
    'a key twice within a value': encode({'protocol': 'mega', 'version': 1, 'event': EVENT})[:-1]
    + ',"extra":{"a":1,"b":2,"a":3}}',
    'a number that is too large': encode({'protocol': 'mega', 'version': 1, 'event': EVENT})[:-1]
    + ',"extra":{"a":1e400}}',
}


def outcome(read: Any, body: str) -> Any:
    """Return all that a user sees of a payload or of an error, also the order of keys."""
    try:
        payload = read(body)
    except (DecodeError, EventError) as error:
        return type(error), str(error)
    parts = (payload, payload.event, payload.object) if isinstance(payload, Payload) else (payload,)
    return (
        [*map(type, parts)],
        with_types(payload),
        repr(payload),
        list(_keys(to_document(payload))),
    )


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for member in value.values() if isinstance(value, dict) else value:
        if isinstance(member, (dict, list)):
            yield from _keys(member)


def decode_completely(body: str) -> Any:
    document = _json.decode(body)
    return Payload.from_dict(document) if is_mega_event(document) else document


@pytest.mark.parametrize('name', BODIES)
def test_a_body_has_the_result_of_the_complete_way(name: str) -> None:
    assert outcome(decode, BODIES[name]) == outcome(decode_completely, BODIES[name])


@given(event_payloads() | event_documents())
def test_an_event_has_the_result_of_the_complete_way(payload: Any) -> None:
    body = json.dumps(payload.to_dict() if isinstance(payload, Payload) else payload)
    assert outcome(decode, body) == outcome(decode_completely, body)


@settings(max_examples=amount(100, 20_000))
@given(mutated_json_bodies().filter(lambda body: body.startswith('{')))
def test_a_hostile_body_has_the_result_of_the_complete_way(body: str) -> None:
    assert outcome(decode, body) == outcome(decode_completely, body)


@pytest.mark.parametrize('kinds', ['{', '[', '{[', '[[{'])
@pytest.mark.parametrize('place', ['attributes', 'current', 'previous', 'extra'])
@pytest.mark.parametrize('levels', [4, 5, 6, 7, 96, 97, 98, 99])
def test_a_nested_value_has_the_result_of_the_complete_way(
    levels: int, place: str, kinds: str
) -> None:
    value: Any = 0
    for kind in islice(cycle(kinds), levels):
        value = {'a': value, 'b': None} if kind == '{' else [True, value]
    event: dict[str, Any] = {**EVENT, 'attributes': {'a': 1}}
    data: dict[str, Any] = {'current': {}}
    document: dict[str, Any] = {'protocol': 'mega', 'version': 1, 'event': event, 'object': data}
    parent = {'attributes': event, 'extra': document}.get(place, data)
    parent[place] = {'c': 1.5, 'd': value}
    body = json.dumps(document)
    assert outcome(decode, body) == outcome(decode_completely, body)
    assert levels > 90 or decode_event(body) is not None


def test_a_decoded_event_is_like_one_of_the_constructors() -> None:
    document = {'protocol': 'mega', 'version': 1, 'event': EVENT, 'object': {'id': '5'}}
    decoded, constructed = decode(encode(document)), Payload.from_dict(document)
    assert isinstance(decoded, Payload)
    assert decoded == constructed
    assert type(decoded.event) is Event
    assert type(decoded.object) is ObjectData
    for copied in (copy.copy(decoded), copy.deepcopy(decoded), pickle.loads(pickle.dumps(decoded))):
        assert copied == constructed
        assert type(copied.event) is Event


@given(event_payloads(carried_by_json))
def test_an_event_in_bson_has_the_outcome_of_the_event_in_json(payload: Payload) -> None:
    try:
        binary = encode(payload, binary_encoding=True)
    except EncodeError:  # integers of more than 64 bits, for example
        return
    assert outcome(decode, binary) == outcome(decode, encode(payload))


@given(event_payloads())
def test_every_event_that_a_publisher_writes_is_read_in_the_fast_way(payload: Payload) -> None:
    body = encode(payload)
    event = decode_event(body)
    # `json` reads bodies in which msgspec refuses a character or a number.
    assert (event is None) == _is_only_read_by_json(body)
    assert event is None or with_types(event) == with_types(as_received(payload))


def _is_only_read_by_json(body: str) -> bool:
    try:
        json_reading._read_with_msgspec(body)
    except (MsgspecError, ValueError):  # older releases raise no ValueError
        return True
    return False


@pytest.mark.parametrize('before', ['[', '"mega" ', '-', '\x00'])
def test_a_text_with_an_event_in_it_is_a_text(before: str) -> None:
    body = before + encode({'protocol': 'mega', 'version': 1, 'event': EVENT})
    assert decode(body) == body


@given(st.text(alphabet='0123456789-T:.Z W', min_size=23, max_size=23))
def test_any_timestamp_has_the_result_of_the_complete_way(timestamp: str) -> None:
    event = {**EVENT, 'timestamp': timestamp}
    body = json.dumps({'protocol': 'mega', 'version': 1, 'event': event})
    assert outcome(decode, body) == outcome(decode_completely, body)
