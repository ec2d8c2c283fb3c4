"""Properties of the codec, tested with generated payloads and bodies."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import bson
import msgspec
import pytest
from hypothesis import event as note
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mega.codec import (
    PayloadType,
    decode,
    encode,
    encode_with_type_hint,
    payload_type_hint,
)
from mega.errors import DecodeError, EncodeError, EventError
from mega.event import Payload
from tests import strategies
from tests.payload_equality import as_received, members, values_at, with_types
from tests.strategies import carried_by_bson, carried_by_json

BINARY = {'json': False, 'bson': True}
VALUES = {False: carried_by_json, True: carried_by_bson}
# msgspec and `json` choose between 0.00001 and 1e-05 at different limits.
small_floats = st.floats(1e-7, 1e-2) | st.integers(-9, 9).map(lambda n: n / 100_000)
MARKS: list[PayloadType | str | None] = [None, *PayloadType, 'data', 'nonsense']


def data_or_event(binary: bool) -> st.SearchStrategy[Any]:
    values = VALUES[binary]
    events = strategies.event_payloads(values)
    return (
        strategies.data_objects(values)
        | events
        | events.map(Payload.to_dict)
        | strategies.event_documents()
    )


def is_detected(payload: Any, body: str) -> bool:
    """Return whether a body decodes to the payload without a given type."""
    try:
        return bool(with_types(decode(body)) == with_types(as_received(payload)))
    except (DecodeError, EventError):
        return False


def assert_round_trip(payload: Any, body: str, binary: bool = False) -> None:
    """The hint is sufficient to decode the payload, and given only if it is necessary."""
    mark = payload_type_hint(payload, body)
    assert encode_with_type_hint(payload, binary) == (body, mark)
    assert with_types(decode(body, mark)) == with_types(as_received(payload))
    assert (mark is None) == is_detected(payload, body)
    if mark is not None:
        assert with_types(decode(body, mark.value)) == with_types(as_received(payload))
    note('unmarked' if mark is None else mark.name)


@pytest.mark.parametrize('binary', BINARY.values(), ids=BINARY.keys())
@given(data=st.data())
def test_data_objects_and_events_arrive_equal(binary: bool, data: st.DataObject) -> None:
    payload = data.draw(data_or_event(binary))
    body = encode(payload, binary)
    assert_round_trip(payload, body, binary)
    assert payload_type_hint(payload, body) is None


@given(strategies.texts | strategies.lone_surrogates | strategies.bodies)
@example('half of a pair: \ud800')
def test_texts_arrive_equal(text: str) -> None:
    if text == '' or not _is_unicode(text):
        with pytest.raises(EncodeError) as caught:
            encode(text)
        assert caught.value.path == ''
    else:
        assert encode(text) == text
        assert_round_trip(text, text)


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


@given(strategies.blobs | strategies.blobs.map(lambda blob: bson.encode({'a': blob})))
def test_blobs_arrive_equal_and_always_need_a_hint(blob: bytes) -> None:
    body = encode(blob)
    assert_round_trip(blob, body)
    assert payload_type_hint(blob, body) is PayloadType.BLOB


@given(strategies.data_objects(carried_by_json))
def test_json_is_read_by_the_standard_library_and_never_larger_than_its_json(
    data: dict[str, Any],
) -> None:
    body = encode(data)
    assert with_types(json.loads(body)) == with_types(as_received(data))
    assert len(body.encode()) <= len(json.dumps(data))


@given(strategies.data_objects(carried_by_json | small_floats))
@example({'a': [1e16, 1e-05, 1e-07, -1e300, 5e-324, 1e15]})
@example({'a': '1e+16', 'b': 1e16})
def test_json_is_written_as_the_standard_library_writes_it(data: dict[str, Any]) -> None:
    """Without spaces, and without escapes of characters that SQS carries.

    msgspec writes an exponent as 1e16 and 1e-7, `json` as 1e+16 and 1e-07: the same float.
    """
    body = encode(data)
    plain = json.dumps(data, ensure_ascii=False, separators=(',', ':'))
    carried = (c if _is_unicode(c) and c not in '\ufffe\uffff' else ascii(c)[1:-1] for c in plain)
    expected = ''.join(carried)
    assert _short_exponents(body) == _short_exponents(expected)
    assert len(body) <= len(expected)


def _short_exponents(text: str) -> str:
    return re.sub(r'e\+?(-?)0?(?=\d)', r'e\1', text)


@given(strategies.data_objects(carried_by_json))
def test_json_contains_only_characters_that_sqs_carries(data: dict[str, Any]) -> None:
    for character in encode(data):
        code = ord(character)
        assert 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


@given(strategies.data_objects(carried_by_bson))
def test_bson_is_read_by_pymongo(data: dict[str, Any]) -> None:
    body = encode(data, binary_encoding=True)
    decoded = bson.decode(base64.b64decode(body, validate=True))
    assert decoded.keys() == data.keys()


@given(strategies.data_objects(carried_by_json), st.booleans())
def test_encoding_is_deterministic_and_does_not_change_the_payload(
    data: dict[str, Any], binary: bool
) -> None:
    before = with_types(data)
    try:
        assert encode(data, binary) == encode(data, binary)
    except EncodeError:
        assert binary  # JSON carries more than BSON does
    assert with_types(data) == before


@st.composite
def nested_about_100_levels(draw: st.DrawFn) -> dict[str, Any]:
    """Generate a chain of about 100 levels, with other containers and brackets beside it."""
    beside: st.SearchStrategy[Any] = st.sampled_from(['', '[', '{"' * 99, {}, [[]] * 99, {'a': []}])
    value: Any = draw(st.sampled_from([{}, []]))
    for _ in range(draw(st.integers(96, 102))):
        other = draw(beside)
        value = [value, other] if draw(st.booleans()) else {'in': value, 'beside': other}
    return {'in': value}


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth_of, inner), default=0) if isinstance(value, (dict, list)) else 0


@pytest.mark.parametrize('binary', BINARY.values(), ids=BINARY.keys())
@given(data=nested_about_100_levels())
def test_refuses_exactly_the_bodies_of_more_than_100_levels(
    binary: bool, data: dict[str, Any]
) -> None:
    body = base64.b64encode(bson.encode(data)).decode() if binary else json.dumps(data)
    if depth_of(data) <= 100:
        assert decode(body) == data
    else:
        with pytest.raises(DecodeError):
            decode(body)
        with pytest.raises(EncodeError):
            encode(data, binary)


digits = st.text('0123456789', min_size=1, max_size=40)
numbers = st.builds(
    '{}{}{}{}'.format,
    st.sampled_from(['', '-']),
    digits,
    st.just('') | digits.map(lambda found: f'.{found}'),
    st.just('') | st.integers(-400, 400).map(lambda power: f'e{power}'),
)
marks = [*'{}[]":,0-.eE+\\ud8nt\t\n \x00\x0b\x7f\xa0\ufeff\ud800é', 'true', 'NaN', '[]', r'\udc00']


@settings(max_examples=5 * settings().max_examples)
@given(
    numbers.map(lambda number: f'{{"a":{number}}}')
    | strategies.mutated_json_bodies()
    | st.lists(st.sampled_from(marks), max_size=12).map(lambda found: '{' + ''.join(found))
)
@example('{"a":' + '9' * 4_300 + '}')
@example('{"a":0.500000000000000166533453693773481063544750213623046875}')  # between two floats
def test_msgspec_and_json_decode_a_body_to_the_same_value(body: str) -> None:
    """Unless msgspec refuses the body. Then the codec uses `json`."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        return
    assert with_types(found) == with_types(json.loads(body))
    assert list(members(found)) == list(members(json.loads(body)))  # in the same order


# The deadline is part of the test: a hostile body of this size takes far less than a second.
@pytest.mark.parametrize(
    'bodies',
    [
        strategies.bodies,
        strategies.mutated_json_bodies(),
        strategies.mutated_bson_bodies(),
        strategies.bson_elements(),
    ],
    ids=['arbitrary', 'mutated json', 'mutated bson', 'bson elements'],
)
@settings(deadline=5000)
@given(data=st.data())
def test_decoding_any_body_returns_a_payload_or_raises_a_documented_error(
    bodies: st.SearchStrategy[str], data: st.DataObject
) -> None:
    body = data.draw(bodies)
    for mark in MARKS:
        try:
            payload = decode(body, mark)
        except (DecodeError, EventError) as error:
            said = str(error)
        else:
            said = ''
            assert_is_payload(payload)
            assert mark != 'nonsense'
        assert said.isprintable()
        assert len(said) < 500


def assert_is_payload(payload: Any) -> None:
    """Assert that a decoded payload consists of the promised types."""
    assert type(payload) in (Payload, dict, str, bytes)
    if isinstance(payload, (Payload, dict)):
        values = payload if isinstance(payload, dict) else payload.to_dict()
        kinds = {type(value).__name__ for _, value in members(values)}
        assert kinds <= {
            'dict', 'list', 'str', 'int', 'float', 'bool', 'NoneType', 'datetime', 'UUID', 'bytes',
            'Decimal',
        }  # fmt: skip


@settings(deadline=5000)
@given(
    st.dictionaries(strategies.keys, strategies.anything, max_size=4) | strategies.anything,
    st.booleans(),
)
@example({'a': {'$ref': 'c', '$id': 1, '$db': None}}, True)
@example(bson.Binary(b'x', 5), False)
@example(strategies.Name('x'), False)
def test_encoding_any_value_carries_it_or_names_the_invalid_value(
    payload: Any, binary: bool
) -> None:
    refusal: EncodeError | EventError | None = None
    try:
        body = encode(payload, binary)
    except (EncodeError, EventError) as error:
        refusal = error
    note(type(refusal).__name__)
    if refusal is None:
        assert encode_with_type_hint(payload, binary) == (body, payload_type_hint(payload, body))
        assert with_types(decode(body, payload_type_hint(payload, body))) == with_types(
            as_received(payload)
        )
    elif isinstance(refusal, EncodeError):
        assert refusal.path == '' or values_at(_as_written(payload), refusal.path)
    else:
        assert payload['protocol'] == 'mega'
        assert refusal.path


def _as_written(payload: Any) -> Any:
    """Return the document that the paths in errors describe: the normal form of an event."""
    if isinstance(payload, dict) and payload.get('protocol') == 'mega':
        return Payload.from_dict(payload).to_dict()
    return payload


@pytest.mark.parametrize('binary', BINARY.values(), ids=BINARY.keys())
@given(data=st.data())
def test_names_the_exact_path_of_one_invalid_value(binary: bool, data: st.DataObject) -> None:
    """At any depth, among values that can be carried."""
    words = st.dictionaries(strategies.words, VALUES[binary], max_size=3)
    payload = data.draw(words)
    foreign = data.draw(strategies.foreign_values)
    holder, path = payload, ''
    for key in data.draw(st.lists(strategies.words, min_size=1, max_size=4)):
        inner: dict[str, Any] = data.draw(words)
        holder[key] = [None, inner]
        holder, path = inner, f'{path}{key}[1].'
    holder['here'] = foreign
    with pytest.raises(EncodeError) as caught:
        encode(payload, binary)
    # The path of an invalid key is that of the object with the key.
    assert caught.value.path == f'{path}here'


@given(st.dictionaries(strategies.keys, carried_by_json, max_size=4), strategies.texts)
def test_one_byte_order_mark_does_not_change_a_json_body(data: dict[str, Any], text: str) -> None:
    try:
        body = encode(data)
    except EventError:
        return
    assert with_types(decode('\ufeff' + body)) == with_types(decode(body))
    assert decode('\ufeff\ufeff' + body) == '\ufeff\ufeff' + body
