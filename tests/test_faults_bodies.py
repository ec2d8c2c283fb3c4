"""Malformed and hostile bodies, by the numbers of `tests/cases/faults.md`.

The codec decodes a body, or raises a `DecodeError`, or an `EventError` if the body is marked as a
MEGA event. The listener dead-letters the message of an error, or leaves it in the queue.
"""

from __future__ import annotations

import base64
import copy
import gzip
import json
import pickle
import struct
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from mega.codec import PayloadType, decode, encode
from mega.errors import ConsumeError, DecodeError, EncodeError, EventError
from mega.event import Payload
from tests.event.examples import document
from tests.hostile import (
    HOSTILE_NAMES,
    base64_of,
    bson_body,
    bson_of,
    cpu_limit,
    nested_bson,
    nested_json,
)

UNMARKED_AND_MARKED = pytest.mark.parametrize(
    'mark', [None, PayloadType.DATA], ids=['unmarked', 'marked']
)
MEBIBYTE = 2**20


def event_body(**event: Any) -> str:
    return json.dumps(document(event))


def path_of_error(body: str) -> str:
    with pytest.raises(EventError) as caught:
        decode(body)
    return caught.value.path


@pytest.mark.parametrize('body', ['', ' ', '\n\t '], ids=repr)
def test_fault_01_an_empty_body_is_the_text_as_sent(body: str) -> None:
    assert decode(body) == body


@UNMARKED_AND_MARKED
@pytest.mark.parametrize('body', ['{"a":', '{', '{"a":"', ' {"a":1', '{"a":1,'])
def test_fault_02_truncated_json_cannot_be_opened(body: str, mark: PayloadType | None) -> None:
    with pytest.raises(DecodeError):
        decode(body, mark)


@pytest.mark.parametrize('body', ['123', 'true', 'null', '"x"', '-1e5', ' 1 '])
def test_fault_03_a_json_scalar_is_the_text_as_sent(body: str) -> None:
    assert decode(body) == body


@pytest.mark.parametrize('body', ['[]', '[1,2]', '[{"a":1}]', ' [ ] '])
def test_fault_04_a_json_array_is_the_text_as_sent(body: str) -> None:
    assert decode(body) == body


def test_fault_05_one_byte_order_mark_before_json_is_removed() -> None:
    assert decode('\ufeff{"a":1}') == {'a': 1}


@pytest.mark.parametrize('body', ['\ufefftext', '\ufeff\ufeff{"a":1}', '\ufeff'], ids=ascii)
def test_fault_05_a_byte_order_mark_before_a_text_is_kept(body: str) -> None:
    assert decode(body) == body


@UNMARKED_AND_MARKED
@pytest.mark.parametrize('body', ['{"a":1} trailing', '{"a":1}{"b":2}', '{"a":1},'])
def test_fault_06_trailing_text_cannot_be_opened(body: str, mark: PayloadType | None) -> None:
    with pytest.raises(DecodeError):
        decode(body, mark)


@pytest.mark.parametrize('body', ['{"a":1,"a":2}', '{"\\u0061":1,"a":2}'])
def test_fault_07_the_last_value_of_a_repeated_key_counts(body: str) -> None:
    assert decode(body) == {'a': 2}


@UNMARKED_AND_MARKED
@pytest.mark.parametrize('number', ['NaN', 'Infinity', '-Infinity', '[NaN]'])
def test_fault_08_nan_and_infinity_cannot_be_opened(number: str, mark: PayloadType | None) -> None:
    with pytest.raises(DecodeError):
        decode(f'{{"a":{number}}}', mark)


@pytest.mark.parametrize('data', [b'any bytes', b'\x00', b'\xff' * 99], ids=len)
def test_fault_09_base64_that_is_not_bson_is_the_text_as_sent(data: bytes) -> None:
    assert decode(base64_of(data)) == base64_of(data)


def test_fault_10_other_spellings_of_base64_are_the_text_as_sent() -> None:
    document = bson_of(0x12, b'\xfb\xff\xbf' + bytes(5))
    url_safe = base64.urlsafe_b64encode(document).decode()
    in_lines = base64_of(document)[:8] + '\n' + base64_of(document)[8:]
    assert url_safe != base64_of(document)
    assert decode(url_safe) == url_safe
    assert decode(in_lines) == in_lines


@pytest.mark.parametrize(
    'data',
    [bson_of(10, b'') + b'\0', b'\xff\0\0\0\0', b'\4\0\0\0\0', b'\0\0\0\x80\0', bson_of(42, b'')],
    ids=['trailing byte', 'length too great', 'too small', 'negative', 'unknown type'],
)
def test_fault_11_invalid_bson_is_text_unless_it_is_marked_as_data(data: bytes) -> None:
    body = base64_of(data)
    assert decode(body) == body
    with pytest.raises(DecodeError):
        decode(body, PayloadType.DATA)


@UNMARKED_AND_MARKED
def test_fault_12_a_date_of_the_year_10000_cannot_be_opened(mark: PayloadType | None) -> None:
    with pytest.raises(DecodeError):
        decode(bson_body(0x09, struct.pack('<q', 253_402_300_800_000)), mark)


@UNMARKED_AND_MARKED
def test_fault_13_an_unsigned_integer_of_an_old_producer_cannot_be_opened(
    mark: PayloadType | None,
) -> None:
    """It has the type of a BSON timestamp, so the two meanings cannot be told apart."""
    with pytest.raises(DecodeError):
        decode(bson_body(0x11, struct.pack('<Q', 2**63 + 5)), mark)


@pytest.mark.parametrize(
    ('body', 'path'),
    [
        ('{"protocol":"mega","version":1,"event":{"timestamp":"2020-01-01"}}', 'event.name'),
        (event_body(name=5), 'event.name'),
        (event_body(version='1'), 'event.version'),
        (event_body(attributes=[1]), 'event.attributes'),
        ('{"protocol":"mega","version":1}', 'event'),
        ('{"protocol":"mega","version":1,"event":[]}', 'event'),
        (json.dumps(document(extra='x')), 'extra'),
        (json.dumps(document(object={'current': 'x'})), 'object.current'),
    ],
    ids=[
        'missing name',
        'name',
        'version',
        'attributes',
        'missing event',
        'event',
        'extra',
        'current',
    ],
)
def test_fault_14_an_event_that_breaks_the_protocol_names_the_field(body: str, path: str) -> None:
    assert path_of_error(body) == path


def test_fault_14_unknown_keys_outside_of_the_event_are_ignored() -> None:
    assert decode(json.dumps(document(colour='red'))) == decode(json.dumps(document()))


TEXTS = ['yesterday', '3', '2020-02-30T00:00:00', '1' * 50_000, '']
OTHERS = [1588607603, 1588607603.5, -1, 10**300, True, [], {}]


@pytest.mark.parametrize('value', [*TEXTS, *OTHERS], ids=lambda value: repr(value)[:30])
def test_fault_15_an_invalid_timestamp_names_the_field(value: object) -> None:
    with cpu_limit(0.5):
        assert path_of_error(event_body(timestamp=value)) == 'event.timestamp'


def test_fault_16_a_timestamp_without_a_zone_is_utc() -> None:
    payload = decode(event_body(timestamp='2020-05-04T15:53:23'))
    assert isinstance(payload, Payload)
    assert payload.event.timestamp == datetime(2020, 5, 4, 15, 53, 23, tzinfo=timezone.utc)


@pytest.mark.parametrize('version', [0, 2, '2', '01', '1.0', 1.5, True, None, [1]], ids=repr)
def test_fault_17_another_version_of_the_protocol_is_named(version: object) -> None:
    assert path_of_error(json.dumps(document(version=version))) == 'version'


OF_S3 = {'Service': 'Amazon S3', 'Event': 's3:TestEvent', 'Bucket': 'uploads'}
OF_EVENTBRIDGE = {'version': '0', 'detail-type': 'order', 'source': 'shop', 'detail': {'id': 1}}


@pytest.mark.parametrize('data', [OF_S3, OF_EVENTBRIDGE], ids=['S3', 'EventBridge'])
def test_fault_21_events_of_aws_services_are_data(data: dict[str, Any]) -> None:
    assert decode(json.dumps(data)) == data


@UNMARKED_AND_MARKED
@pytest.mark.parametrize(
    'body',
    [nested_json(100_000), '{"a":' * 100_000, '{"a":' + '[' * 1_000_000, nested_bson(100_000)],
    ids=['json', 'objects never closed', 'arrays never closed', 'bson'],
)
def test_fault_22_a_very_deep_body_is_refused_quickly(body: str, mark: PayloadType | None) -> None:
    with cpu_limit(0.25), pytest.raises(DecodeError):
        decode(body, mark)


def test_fault_22_a_very_deep_json_array_is_text() -> None:
    with cpu_limit(0.25):
        assert decode('[' * 100_000) == '[' * 100_000


@UNMARKED_AND_MARKED
@pytest.mark.parametrize('depth', [101, 600, 900, 1100])
@pytest.mark.parametrize('nested', [nested_json, nested_bson], ids=['json', 'bson'])
def test_fault_23_more_than_100_levels_are_refused(
    nested: Any, depth: int, mark: PayloadType | None
) -> None:
    with pytest.raises(DecodeError):
        decode(nested(depth), mark)


@pytest.mark.parametrize('nested', [nested_json, nested_bson], ids=['json', 'bson'])
def test_fault_23_a_decoded_payload_can_be_copied(nested: Any) -> None:
    payload = decode(nested(100))
    assert copy.deepcopy(payload) == payload


@pytest.fixture(params=[0, 640, 4300], ids=['unlimited', 'least limit', 'usual limit'])
def digit_limit(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the interpreter's limit of digits in an integer, as a process may do."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(request.param)
    yield request.param
    sys.set_int_max_str_digits(before)


@UNMARKED_AND_MARKED
@pytest.mark.usefixtures('digit_limit')
@pytest.mark.parametrize('digits', [4_301, 1_000_000], ids=str)
def test_fault_24_an_integer_of_over_4300_digits_cannot_be_opened(
    digits: int, mark: PayloadType | None
) -> None:
    with cpu_limit(0.25), pytest.raises(DecodeError):
        decode(f'{{"a":{"9" * digits}}}', mark)


@pytest.mark.parametrize('number', [2**14284, 10**100_000], ids=['14,285 bits', '100,001 digits'])
@pytest.mark.usefixtures('digit_limit')
def test_fault_24_an_integer_of_over_4300_digits_cannot_be_published(number: int) -> None:
    with pytest.raises(EncodeError) as caught:
        encode({'a': [number]})
    assert caught.value.path == 'a[0]'


def test_fault_24_a_lower_limit_of_the_interpreter_is_an_encode_error(
    digit_limit: int,
) -> None:
    if digit_limit == 640:
        with pytest.raises(EncodeError) as caught:
            encode({'a': 10**4000})
        assert caught.value.path == 'a'
    else:
        assert decode(encode({'a': 10**4000})) == {'a': 10**4000}


@UNMARKED_AND_MARKED
@pytest.mark.parametrize('number', ['1e400', '-1e400', '1e1000000', '9' * 400 + '.5'], ids=len)
def test_fault_25_a_number_that_overflows_a_float_is_refused_quickly(
    number: str, mark: PayloadType | None
) -> None:
    with cpu_limit(0.25), pytest.raises(DecodeError):
        decode(f'{{"a":{number}}}', mark)


def test_fault_26_a_mebibyte_of_empty_objects_opens() -> None:
    count = (MEBIBYTE - 6) // 3
    body = '{"a":[' + ','.join(['{}'] * count) + ']}'
    assert MEBIBYTE - 10 < len(body) <= MEBIBYTE + 4
    with cpu_limit(3):
        assert decode(body) == {'a': [{}] * count}


def test_fault_27_a_hundred_thousand_keys_open() -> None:
    data = {str(number): number for number in range(100_000)}
    with cpu_limit(3):
        assert decode(json.dumps(data)) == data


@pytest.mark.parametrize('lone', ['\ud800', 'a\udfff', 'a\udc80b'], ids=ascii)
def test_fault_28_half_of_a_surrogate_pair_arrives(lone: str) -> None:
    body = json.dumps({'a': lone})
    assert decode(body) == {'a': lone}
    again = encode({'a': lone})
    assert again.encode()
    assert decode(again) == {'a': lone}


@pytest.mark.parametrize('name', HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_fault_29_errors_show_event_names_escaped_and_shortened(name: str) -> None:
    """The payload itself contains the name unchanged."""
    payload = decode(event_body(name=name))
    assert isinstance(payload, Payload)
    assert payload.event.name == name
    for body in (
        event_body(timestamp=name),
        event_body(**{name: 1, 'attributes': {name: 2}}),
        json.dumps(document(version=name)),
    ):
        with pytest.raises(EventError) as caught:
            decode(body)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    'key', ['__class__', '__dict__', '$where', '__proto__', 'constructor', '_id']
)
@pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
def test_fault_31_keys_with_a_meaning_elsewhere_are_ordinary_keys(key: str, binary: bool) -> None:
    data = {key: {'a': [{key: 1}]}}
    assert decode(encode(data, binary)) == data
    event = Payload.from_dict(document({key: 'x'}))
    arrived = decode(encode(event, binary))
    assert isinstance(arrived, Payload)
    assert type(arrived) is arrived.__class__ is Payload
    assert type(arrived.event) is type(event.event)
    assert arrived.event.attributes == {key: 'x'}


class FailsOnUnpickling:
    """An object whose unpickling fails the test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ('was unpickled',)


@pytest.mark.parametrize(
    'data',
    [
        pickle.dumps(FailsOnUnpickling()),
        gzip.compress(b'{"a":1}', mtime=0),
        gzip.compress(b'{' + b' ' * 50_000_000, mtime=0),
    ],
    ids=['pickle', 'gzip', 'gzip bomb'],
)
def test_fault_34_pickles_and_archives_are_never_opened(data: bytes) -> None:
    body = base64_of(data)
    with cpu_limit(0.25):
        assert decode(body) == body
        assert decode(body, PayloadType.BLOB) == data
    with pytest.raises(ConsumeError):
        decode(body, PayloadType.DATA)
