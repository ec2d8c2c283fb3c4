"""BSON in Base64: types that JSON lacks, invalid values, and bodies of other producers."""

from __future__ import annotations

import base64
import decimal
import json
import struct
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry

from mega.codec import PayloadType, _bson, decode, encode, payload_type_hint
from mega.errors import DecodeError, EncodeError
from mega.event import Payload
from tests.event.examples import MOMENT, NOTIFICATION, document
from tests.hostile import base64_of, bson_body, bson_of, nested_bson, nested_json
from tests.payload_equality import with_types

# The example of the protocol.
EXAMPLE = (
    'cwAAAAJ0eXBlABIAAAB1c2VyX25vdGlmaWNhdGlvbgACbm90aWZpY2F0aW9uX3R5cGUABgAAAGVtYWlsAAN1c2VyAC8A'
    'AAAQaWQAAhIPAAJlbWFpbAAXAAAAam9obmRvZV84NkBleGFtcGxlLmNvbQAAAA=='
)


def round_trip(payload: dict[str, Any]) -> Any:
    body = encode(payload, binary_encoding=True)
    assert payload_type_hint(payload, body) is None
    return decode(body)


def int64(number: int) -> bytes:
    return struct.pack('<q', number)


def binary(subtype: int, content: bytes) -> bytes:
    return struct.pack('<i', len(content)) + bytes([subtype]) + content


def decimal_bits(coefficient: int) -> bytes:
    """Return a Decimal128 with the exponent 0, also if its coefficient has over 34 digits."""
    return (coefficient | 6176 << 113).to_bytes(16, 'little')


def text(content: bytes) -> bytes:
    return struct.pack('<i', len(content) + 1) + content + b'\0'


class TestExample:
    def test_decodes(self) -> None:
        assert decode(EXAMPLE) == NOTIFICATION

    def test_is_never_larger_than_156_characters(self) -> None:
        assert len(EXAMPLE) == 156
        assert len(encode(NOTIFICATION, binary_encoding=True)) <= 156


class TestTypes:
    @pytest.mark.parametrize(
        'value',
        [
            None, True, False, 0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1.0,
            -0.0, 5e-324, '', 'a\0b', '\ufffe', '😀', b'', b'\0\xff', uuid.UUID(int=5), [], {},
            [1, [2**40]], Decimal('19.90'), Decimal('9' * 34), Decimal('-0'),
            Decimal('1E-6176'), Decimal('9.999999999999999999999999999999999E+6144'),
        ],
        ids=lambda value: f'{type(value).__name__} {str(value)[:12]!r}',
    )  # fmt: skip
    def test_a_value_arrives_equal_and_with_its_type(self, value: Any) -> None:
        assert with_types(round_trip({'a': value})) == with_types({'a': value})

    @pytest.mark.parametrize(
        ('given', 'arrives'),
        [
            (MOMENT, MOMENT),
            (MOMENT.replace(tzinfo=None), MOMENT),
            (MOMENT.astimezone(timezone(timedelta(hours=2))), MOMENT),
            (MOMENT + timedelta(microseconds=999), MOMENT),
            (
                datetime(1960, 1, 1, 0, 0, 0, 999_999),
                datetime(1960, 1, 1, 0, 0, 0, 999_000, timezone.utc),
            ),
            (datetime.min, datetime.min.replace(tzinfo=timezone.utc)),
            (datetime.max, datetime.max.replace(microsecond=999_000, tzinfo=timezone.utc)),
        ],
        ids=[
            'UTC',
            'naive',
            'another zone',
            'microseconds',
            'before 1970',
            'the first',
            'the last',
        ],
    )
    def test_dates_arrive_in_utc_cut_to_the_millisecond(
        self, given: datetime, arrives: datetime
    ) -> None:
        assert with_types(round_trip({'a': given})) == with_types({'a': arrives})

    def test_a_tuple_arrives_as_a_list(self) -> None:
        assert with_types(round_trip({'a': (1, (2,))})) == with_types({'a': [1, [2]]})

    @pytest.mark.parametrize('traps', [[], list(decimal.Context().flags)], ids=['none', 'all'])
    def test_decimals_do_not_depend_on_the_decimal_context(self, traps: list[Any]) -> None:
        number, too_long = Decimal('1234567890.123456789012345678901234'), Decimal('1' * 35)
        with decimal.localcontext(decimal.Context(prec=3, Emin=-1, Emax=1, traps=traps)):
            assert round_trip({'a': number}) == {'a': number}
            for invalid in (too_long, Decimal('sNaN'), Decimal('1E+99999')):
                with pytest.raises(EncodeError):
                    encode({'a': invalid}, binary_encoding=True)

    @pytest.mark.parametrize(
        'payload',
        [
            {'a': 1, '_id': 2}, {'_id': None}, {'a': {'b': 1, '_id': 2}}, {'$ref': 'c', '$id': 1},
            {'a': {'$ref': 'c'}}, {'a': {'$id': 1}}, {'a': {'$ref': 5, '$id': 1}},
            {'a': {'$ref': 'c', '$id': 1, '$db': 5}},
            {'$where': 1, 'a.b': 2, '': 3, '__proto__': 4},
        ],
        ids=repr,
    )  # fmt: skip
    def test_keys_with_a_meaning_in_mongodb_are_ordinary_keys(
        self, payload: dict[str, Any]
    ) -> None:
        assert round_trip(payload) == payload

    def test_events_carry_values_that_json_cannot_carry(self) -> None:
        payload = Payload.from_dict(
            document({'when': MOMENT, 'key': uuid.UUID(int=5), 'raw': b'x'})
        )
        body = encode(payload, binary_encoding=True)
        assert decode(body) == payload
        assert payload_type_hint(payload, body) is None


class TestEncodeErrors:
    @pytest.mark.parametrize(
        'value',
        [
            2**63, -(2**63) - 1, float('nan'), float('inf'), Decimal('nan'), Decimal('sNaN'),
            Decimal('Infinity'), Decimal('1' * 35), Decimal('1E+6145'), Decimal('1E-6177'),
            '\ud800', '\ud83d\ude00', datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
            datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), bytearray(b'x'), {1},
            MOMENT.date(), MOMENT.time(), timedelta(1), ..., bson.Int64(1),
            bson.ObjectId(bytes(12)), bson.Binary(b'x', 9), bson.Regex('x'), bson.Code('x'),
            bson.DBRef('c', 1), bson.Timestamp(1, 1), bson.MinKey(), bson.Decimal128('1'),
        ],
        ids=lambda value: f'{type(value).__name__} {ascii(value)[-18:]}',
    )  # fmt: skip
    def test_a_value_that_bson_cannot_carry_with_its_path(self, value: Any) -> None:
        with pytest.raises(EncodeError) as caught:
            encode({'user': {'tags': ['a', 'b', value]}, 'z': object()}, binary_encoding=True)
        assert caught.value.path == 'user.tags[2]'

    @pytest.mark.parametrize(
        'reference',
        [
            {'$ref': 'c', '$id': 1},
            {'$ref': 'c', '$id': None, 'more': 1},
            {'$ref': 'c', '$id': 1, '$db': 'd'},
            {'$ref': 'c', '$id': 1, '$db': None},
        ],
        ids=repr,
    )
    def test_an_object_that_would_arrive_as_a_reference(self, reference: dict[str, Any]) -> None:
        with pytest.raises(EncodeError) as caught:
            encode({'user': {'tags': [reference]}}, binary_encoding=True)
        assert caught.value.path == 'user.tags[0]'
        assert decode(encode({'a': reference})) == {'a': reference}  # JSON has no references

    def test_a_reference_in_the_attributes_of_an_event(self) -> None:
        payload = Payload.from_dict(document({'attributes': {'$ref': 'c', '$id': 1}}))
        with pytest.raises(EncodeError) as caught:
            encode(payload, binary_encoding=True)
        assert caught.value.path == 'event.attributes'

    @pytest.mark.parametrize('key', ['a\0b', '\ud800'], ids=ascii)
    def test_keys_that_bson_cannot_carry(self, key: str) -> None:
        with pytest.raises(EncodeError) as caught:
            encode({'user': {key: 1}}, binary_encoding=True)
        assert caught.value.path.startswith('user')

    def test_carries_100_levels_and_refuses_101_in_both_directions(self) -> None:
        deepest = json.loads(nested_json(100))
        assert round_trip(deepest) == deepest
        assert decode(nested_bson(100)) == decode(nested_bson(100), 'data')
        with pytest.raises(EncodeError):
            encode(json.loads(nested_json(101)), binary_encoding=True)
        for mark in (None, PayloadType.DATA):
            with pytest.raises(DecodeError):
                decode(nested_bson(101), mark)


class TestOtherProducers:
    @pytest.mark.parametrize(
        ('kind', 'content', 'arrives'),
        [
            (0x12, int64(5), 5),
            (0x12, int64(-(2**63)), -(2**63)),
            (0x05, binary(0x00, b'ab'), b'ab'),
            (0x05, binary(0x01, b'ab'), b'ab'),
            (0x05, binary(0x03, bytes(16)), bytes(16)),
            (0x05, binary(0x04, bytes(16)), uuid.UUID(int=0)),
            (0x05, binary(0x05, b'ab'), b'ab'),
            (0x05, binary(0x80, b'ab'), b'ab'),
            (0x09, int64(-1), datetime(1969, 12, 31, 23, 59, 59, 999_000, timezone.utc)),
            (0x13, bson.Decimal128('1.10').bid, Decimal('1.10')),
            (0x13, decimal_bits(10**34 - 1), Decimal(10**34 - 1)),
        ],
        ids=['int64', 'least int64', 'bytes', 'function', 'old uuid', 'uuid', 'md5', 'user-defined',
             'date', 'decimal', 'largest decimal'],
    )  # fmt: skip
    def test_values_arrive_as_plain_python_values(
        self, kind: int, content: bytes, arrives: Any
    ) -> None:
        for mark in (None, PayloadType.DATA):
            assert with_types(decode(bson_body(kind, content), mark)) == with_types({'a': arrives})

    @pytest.mark.parametrize(
        ('kind', 'content'),
        [
            (0x07, bytes(12)),
            (0x0B, b'^a\0i\0'),
            (0x0D, text(b'f()')),
            (0x0C, text(b'c') + bytes(12)),
            (0x11, struct.pack('<Q', 2**63)),
            (0xFF, b''),
            (0x7F, b''),
            (0x01, struct.pack('<d', float('nan'))),
            (0x01, struct.pack('<d', float('-inf'))),
            (0x13, bson.Decimal128('NaN').bid),
            (0x13, bson.Decimal128('Infinity').bid),
            (0x13, decimal_bits(10**34)),
            (0x13, decimal_bits(2**113 - 1)),
            (0x13, b'\0' * 15 + b'\x70'),
            (0x09, int64(253_402_300_800_000)),
            (0x09, int64(-62_135_596_800_001)),
            (0x09, int64(2**63 - 1)),
            (0x03, bson.encode({'$ref': 'c', '$id': 1})),
        ],
        ids=['ObjectId', 'Regex', 'Code', 'DBPointer', 'unsigned 2**63, old producer', 'MinKey',
             'MaxKey', 'NaN', 'infinity', 'decimal NaN', 'decimal infinity',
             'decimal of 35 digits', 'largest coefficient', 'coefficient beyond 113 bits',
             'year 10000', 'year 0', 'the last date of BSON', 'DBRef'],
    )  # fmt: skip
    @pytest.mark.parametrize('mark', [None, PayloadType.DATA], ids=['unmarked', 'marked'])
    def test_refuses_a_value_without_a_plain_python_type(
        self, kind: int, content: bytes, mark: PayloadType | None
    ) -> None:
        with pytest.raises(DecodeError):
            decode(bson_body(kind, content), mark)

    @pytest.mark.parametrize(
        'data',
        [
            bson_of(0x08, b'\1') + b'\0',
            bson_of(0x08, b'\1')[:-1],
            struct.pack('<i', 8) + bson_of(0x08, b'\1')[4:],
            bson_of(0x20, b''),
            bson_of(0x20, b'', key='recursion'),
            bson_of(0x08, b'\2'),
            bson_of(0x02, text(b'\xff')),
            bson_of(0x02, struct.pack('<i', 999) + b'a\0'),
            bson_of(0x05, binary(0x04, b'short')),
            bson_of(0x03, struct.pack('<i', 4) + b'\0'),
            b'',
        ],
        ids=['trailing byte', 'no terminator', 'wrong length', 'unknown type',
             'unknown type named like an error', 'invalid bool', 'invalid UTF-8', 'text too long',
             'short UUID', 'short object', 'empty'],
    )  # fmt: skip
    def test_invalid_bson_is_text_unless_it_is_marked_as_data(self, data: bytes) -> None:
        body = base64_of(data)
        assert decode(body) == body
        with pytest.raises(DecodeError):
            decode(body, PayloadType.DATA)

    def test_a_lack_of_memory_does_not_make_bson_a_text(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """pymongo replaces the `MemoryError` of a conversion by an `InvalidBSON`."""

        class Exhausted(TypeDecoder):
            bson_type = bson.Int64

            def transform_bson(self, value: Any) -> Any:
                raise MemoryError

        options = CodecOptions[dict[str, Any]](type_registry=TypeRegistry([Exhausted()]))
        monkeypatch.setattr(_bson, '_OPTIONS', options)
        with pytest.raises(MemoryError):
            decode(bson_body(0x12, int64(5)))

    def test_only_strict_base64_is_bson(self) -> None:
        """A lenient decoder would skip the exclamation marks, and decode an empty object."""
        assert base64.b64decode('BQ!!AAAAA=') == b'\5\0\0\0\0'
        assert decode('BQ!!AAAAA=') == 'BQ!!AAAAA='
