"""Hypothesis strategies for payloads, bodies and invalid values.

`carried_by_json` and `carried_by_bson` generate values of each type that the encoding can carry.
`foreign_values` generates values that no encoding can carry. The other strategies build on them.
"""

from __future__ import annotations

import base64
import collections
import enum
import fractions
import json
import re
import struct
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import bson
from hypothesis import strategies as st

from mega.event import Event, ObjectData, Payload
from tests.hostile import bson_body

__all__ = (
    'anything',
    'blobs',
    'bodies',
    'bson_elements',
    'carried_by_bson',
    'carried_by_json',
    'data_objects',
    'event_documents',
    'event_payloads',
    'foreign_values',
    'instants',
    'keys',
    'mutated_bson_bodies',
    'mutated_json_bodies',
    'texts',
)

Values = st.SearchStrategy[Any]

# Words with a meaning in bodies, events or BSON. Random text would never contain them.
SPECIAL_KEYS = (
    '', '_id', '$ref', '$id', '$db', '$where', 'a.b', '__class__', '__proto__', 'protocol',
    'version', 'event', 'object', 'extra', 'name', 'attributes', 'Type', 'Message', 'TopicArn',
)  # fmt: skip
SPECIAL_TEXTS = (
    '', ' ', '{', '{}', ' {"a":1}', '\ufeff', '\ufeff{}', '\ufeff\ufeff{}', '[]', '123', 'null',
    '"x"', 'NaN', 'test', 'deadbeef', 'BQAAAAA=', 'DAAAABBhAAEAAAAA', 'BQAAAAA=\n', 'mega',
    '\x00', '\x1b[31m', '\ufffe', '\uffff', '\ud800', '\U0001f600', 'é', '漢字',
)  # fmt: skip

plain_text = st.text(st.characters(exclude_categories=['Cs']), max_size=20)
# Halves of surrogate pairs among similar characters, but never a whole pair.
lone_surrogates = st.text('\ud83d\ude00\udfff\\ud83"a\U0001f600\ufffe', max_size=8).filter(
    lambda text: not re.search('[\ud800-\udbff][\udc00-\udfff]', text)
)
texts = plain_text | st.sampled_from(SPECIAL_TEXTS)
words = st.from_regex(r'[a-z][a-z0-9_]{0,11}', fullmatch=True)
keys = words | st.sampled_from(SPECIAL_KEYS) | plain_text
bson_keys = keys.filter(lambda key: '\0' not in key)
blobs = st.binary(min_size=1, max_size=60)
finite = st.floats(allow_nan=False, allow_infinity=False)
fixed_zones: Values = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
# At least a day from either end of the calendar, so that every instant exists in UTC, too.
instants = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.none() | fixed_zones
)
# The digits and exponents of a Decimal128.
decimals = st.builds(
    lambda negative, number, exponent: Decimal(
        (int(negative), tuple(map(int, str(number))), exponent)
    ),
    st.booleans(),
    st.integers(0, 10**34 - 1),
    st.integers(-6176, 6111),
)


def nested(leaves: Values, of_keys: Values = keys) -> Values:
    """Generate leaves, and lists, tuples and dicts of them to any depth."""
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(of_keys, inner, max_size=4)
        ),
        max_leaves=12,
    )


def _is_reference(value: dict[str, Any]) -> bool:
    """Return whether pymongo would decode this dict to a `DBRef`."""
    return (
        isinstance(value.get('$ref'), str)
        and '$id' in value
        and isinstance(value.get('$db'), (str, type(None)))
    )


def _without_references(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_references(member) for key, member in value.items()}
        if _is_reference(kept):
            del kept['$id']
        return kept
    if isinstance(value, (list, tuple)):
        return type(value)(_without_references(member) for member in value)
    return value


carried_by_json = nested(
    st.none() | st.booleans() | st.integers() | finite | texts | lone_surrogates
    | st.sampled_from([2**63, -(2**64), 2**14284 - 1, -(2**14284) + 1, 1e308, 5e-324, -0.0]),
    of_keys=keys | lone_surrogates,
)  # fmt: skip
bson_text = texts.filter(lambda text: '\ud800' not in text)
carried_by_bson = nested(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | bson_text
    | st.binary(max_size=30) | st.uuids() | instants | decimals,
    of_keys=bson_keys,
).map(_without_references)  # fmt: skip


def data_objects(values: Values) -> Values:
    """Generate dicts that are not MEGA events, of the given values."""
    return st.dictionaries(bson_keys, values, max_size=5).filter(
        lambda data: data.get('protocol') != 'mega'
    )


def _objects(values: Values) -> Values:
    """Generate dicts within an event. They contain no references, also not at the top."""
    return st.dictionaries(bson_keys, values, max_size=4).map(_without_references)


def event_payloads(values: Values = carried_by_json) -> st.SearchStrategy[Payload]:
    """Generate payloads of the given values, with and without each optional field."""
    text = st.none() | bson_text
    version = st.integers(1, 2**31)
    event = st.builds(
        Event,
        name=bson_text,
        timestamp=instants,
        version=version,
        domain=text,
        subject=text,
        publisher=text,
        attributes=_objects(values),
    )
    described = st.builds(
        ObjectData,
        type=text,
        id=text,
        version=version,
        current=st.none() | _objects(values),
        previous=st.none() | _objects(values),
    )
    return st.builds(Payload, event, st.none() | described, _objects(values))


_OPTIONAL_TEXTS = {key: st.none() | bson_text for key in ('domain', 'subject', 'publisher')}
_plain_values = st.none() | st.integers(-(2**63), 2**63 - 1) | bson_text
_plain_objects = st.dictionaries(words, nested(_plain_values, bson_keys), max_size=3).map(
    _without_references
)
_LISTED = ('name', 'timestamp', 'version', 'domain', 'subject', 'publisher', 'attributes')
timestamp_texts = st.builds(
    lambda moment, separator, end: moment.strftime(f'%Y-%m-%d{separator}%H:%M:%S') + end,
    st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)),
    st.sampled_from('T '),
    st.sampled_from(['', '.1', '.123', '.123456', '.123456789', 'Z', '.5Z', '+02:00', '-0330']),
)


@st.composite
def event_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Generate MEGA events of any producer: inline and nested attributes, nulls included."""
    event: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {'name': bson_text, 'timestamp': timestamp_texts},
            optional={
                'version': st.none() | st.integers(1, 9),
                'attributes': st.none() | _plain_objects,
                **_OPTIONAL_TEXTS,
            },
        )
    )
    nested_keys = event.get('attributes') or {}
    inline = draw(st.dictionaries(words, _plain_values, max_size=3))
    event.update({k: v for k, v in inline.items() if k not in nested_keys and k not in _LISTED})
    described = st.fixed_dictionaries(
        {},
        optional={
            'type': st.none() | bson_text,
            'id': st.none() | bson_text,
            'version': st.none() | st.integers(1, 9),
            'current': st.none() | _plain_objects,
            'previous': st.none() | _plain_objects,
            'comment': texts,
        },
    )
    document: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {'protocol': st.just('mega'), 'version': st.sampled_from([1, '1'])},
            optional={
                'object': st.none() | described,
                'extra': st.none() | _plain_objects,
                'trace': texts,
            },
        )
    )
    return {**document, 'event': event}


class Colour(enum.Enum):
    RED = 'red'


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int


class Name(str):
    """A `str` that would arrive as a plain `str`."""

    __slots__ = ()


class Amount(float):
    """A `float` that would arrive as a plain `float`."""


# Values that no encoding can carry with their type.
foreign_values: Values = st.sampled_from(
    [
        {1, 2}, frozenset(), bytearray(b'x'), memoryview(b'x'), date(2020, 1, 2), time(1, 2),
        timedelta(1), 1j, fractions.Fraction(1, 3), Colour.RED, Level.LOW, Point(1), Name('x'),
        Amount(1.5), object(), object, len, range(3), re.compile('x'), float('nan'), float('inf'),
        float('-inf'), Decimal('nan'), Decimal('-Infinity'), Decimal('1' * 35), Decimal('1E+9999'),
        bson.Int64(5), bson.ObjectId(b'123456789012'), bson.Regex('x'), bson.Code('x'),
        bson.Binary(b'x', 5), bson.Timestamp(1, 1), bson.MinKey(), bson.DBRef('c', 1), 2**14284,
        {1: 'a'}, {None: 'a'}, {b'a': 1}, {('a',): 1}, {True: 1}, iter(()),
        Exception('x'), NotImplemented, ..., '\ud83d\ude00', collections.deque([1]),
    ]
)  # fmt: skip
# Values that one encoding can carry, or at the limits of their types.
borderline_values: Values = st.sampled_from(
    [
        2**63, -(2**63) - 1, b'', b'x', uuid.UUID(int=5), Decimal('0E+9999'),
        Decimal('1.0' + '0' * 34), datetime.max, datetime.min, '\ud800', 'a\0b', {'a\0b': 1},
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        {'$ref': 'c', '$id': 1}, {'$ref': 'c', '$id': 1, '$db': None}, {'$ref': 1, '$id': 1},
        {'$ref': 'c', '$id': 1, '$db': 'd', 'x': 1}, {'$ref': 'c', '$id': 1, '$db': 5},
        {'$ref': 'c'}, {'\ud83d\ude00': 1}, {'\ud800': 1}, {'_id': 1}, {Name('k'): 1},
        collections.OrderedDict(b=1, a=2), collections.defaultdict(list, a=[1]),
        collections.Counter('aab'),
    ]
)  # fmt: skip
anything = nested(
    carried_by_json | carried_by_bson | foreign_values | borderline_values,
    of_keys=keys | st.integers() | st.none() | st.binary(max_size=3),
)

bodies = st.one_of(
    texts,
    st.text(),
    st.binary(max_size=80).map(lambda blob: base64.b64encode(blob).decode()),
    st.binary(max_size=80).map(
        lambda inner: base64.b64encode(struct.pack('<i', len(inner) + 5) + inner + b'\0').decode()
    ),
)


@st.composite
def mutated_json_bodies(draw: st.DrawFn) -> str:
    """Generate JSON objects with a part of their text removed, repeated or replaced."""
    documents = event_documents() | st.dictionaries(keys, carried_by_json, max_size=4)
    body = json.dumps(draw(documents))
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 8)))
    special = ['', '{', '}', '[', ']', '"', ',', ':', '\\', 'NaN', '1e400', '-', '\x00', '\ud800']
    return body[:start] + draw(st.sampled_from([*special, body[start:end] * 2])) + body[end:]


@st.composite
def mutated_bson_bodies(draw: st.DrawFn) -> str:
    """Generate BSON in Base64 with some changed bytes. Most documents have the right length."""
    options: bson.CodecOptions[dict[str, Any]] = bson.CodecOptions(
        uuid_representation=bson.binary.UuidRepresentation.STANDARD
    )
    data = draw(st.dictionaries(words, carried_by_bson, max_size=4))
    blob = bytearray(bson.encode(_in_bson(data), codec_options=options))
    for _ in range(draw(st.integers(1, 3))):
        blob[draw(st.integers(4, len(blob) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del blob[draw(st.integers(4, len(blob))) :]
    if draw(st.integers(0, 3)):
        blob[:4] = struct.pack('<i', len(blob))
        blob[-1] = 0
    return base64.b64encode(blob).decode()


_BSON_SIZES = {
    0x01: 8, 0x05: 5, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16,
    0x7F: 0, 0xFF: 0,
}  # fmt: skip
"""The bytes in an element of BSON, by its type."""


def bson_elements() -> st.SearchStrategy[str]:
    """Generate BSON in Base64 with one element of any type, of arbitrary bits."""
    limits = st.sampled_from([0, 1, 0x7F, 0x80, 0xED, 0xFF]) | st.integers(0, 255)
    return st.sampled_from(sorted(_BSON_SIZES)).flatmap(
        lambda kind: st.lists(limits, min_size=_BSON_SIZES[kind], max_size=_BSON_SIZES[kind]).map(
            lambda content: bson_body(kind, bytes(content))
        )
    )


def _in_bson(value: Any) -> Any:
    """Return the same value in types that pymongo encodes."""
    if isinstance(value, dict):
        return {key: _in_bson(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_bson(member) for member in value]
    return bson.Decimal128(value) if isinstance(value, Decimal) else value
