"""Message attributes in their three forms: a user's, AWS's, and that of SNS's envelope."""

from __future__ import annotations

import base64
import enum
from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._messages.attributes import (
    PAYLOAD_TYPE_ATTRIBUTE,
    from_aws,
    from_envelope,
    to_aws,
    with_payload_type,
)
from mega.aws._messages.body_attributes import LEGACY_SIZE_ATTRIBUTE, SIZE_ATTRIBUTE
from mega.codec import PayloadType
from mega.errors import EncodeError, EnvelopeError

names = st.from_regex(r'[A-Za-z0-9_][A-Za-z0-9_-]{0,20}', fullmatch=True).filter(
    lambda name: name != PAYLOAD_TYPE_ATTRIBUTE
)
texts = st.text(min_size=1)
numbers = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=9)
)
blobs = st.binary(min_size=1)
attributes = st.dictionaries(names, texts | numbers | blobs, max_size=10)


def arriving(value: object) -> object:
    """Return the value that a subscriber gets: numbers arrive as the text that was sent."""
    return value if isinstance(value, (str, bytes)) else str(value)


def enveloped(sent: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return attributes in the form that SNS writes into its envelope."""
    return {
        name: {
            'Type': attribute['DataType'],
            'Value': base64.b64encode(attribute['BinaryValue']).decode()
            if 'BinaryValue' in attribute
            else attribute['StringValue'],
        }
        for name, attribute in sent.items()
    }


@pytest.mark.parametrize(
    ('value', 'sent'),
    [
        ('a', {'DataType': 'String', 'StringValue': 'a'}),
        ('5', {'DataType': 'String', 'StringValue': '5'}),
        (5, {'DataType': 'Number', 'StringValue': '5'}),
        (-(2**70), {'DataType': 'Number', 'StringValue': '-1180591620717411303424'}),
        (1.5, {'DataType': 'Number', 'StringValue': '1.5'}),
        (Decimal('19.90'), {'DataType': 'Number', 'StringValue': '19.90'}),
        (b'\x00\xff', {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}),
    ],
    ids=['text', 'text of a number', 'int', 'large int', 'float', 'Decimal', 'bytes'],
)
def test_a_value_is_sent_with_the_type_that_it_has(value: object, sent: dict[str, Any]) -> None:
    assert to_aws({'a': value}) == {'a': sent}


@pytest.mark.parametrize(
    'value',
    [
        {'DataType': 'String', 'StringValue': 'a'},
        {'DataType': 'String.Array', 'StringValue': '["a","b"]'},
        {'DataType': 'Number.int', 'StringValue': '5'},
        {'DataType': 'Binary.png', 'BinaryValue': b'\x89PNG'},
        OrderedDict(DataType='String', StringValue='a'),
    ],
    ids=['String', 'String.Array', 'Number.int', 'Binary.png', 'another mapping'],
)
def test_an_attribute_in_the_form_of_aws_is_sent_unchanged(value: dict[str, Any]) -> None:
    assert to_aws({'a': value}) == {'a': dict(value)}


def test_no_attributes_are_an_empty_dict() -> None:
    assert to_aws(None) == to_aws({}) == {}


class Colour(str, enum.Enum):
    RED = 'red'


class Level(enum.IntEnum):
    LOW = 1


def test_a_member_of_an_enum_is_sent_as_its_value() -> None:
    sent = to_aws({'colour': Colour.RED, 'level': Level.LOW})
    assert sent == {
        'colour': {'DataType': 'String', 'StringValue': 'red'},
        'level': {'DataType': 'Number', 'StringValue': '1'},
    }


@pytest.mark.parametrize(
    'value',
    [
        None, True, False, float('nan'), float('inf'), Decimal('NaN'), Decimal('-Infinity'),
        Decimal('sNaN'), pytest.param(10**400, id='401 digits'), [1], (),
        {'a': 1}, {'StringValue': 'a'}, {1}, 1j, bytearray(b'a'), datetime(2020, 1, 2), print,
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_that_no_attribute_can_have_is_refused_with_its_path(value: object) -> None:
    """SQS accepts numbers of 38 digits, up to 10**126."""
    with pytest.raises(EncodeError) as caught:
        to_aws({'fine': 'a', 'not_fine': value})
    assert caught.value.path == 'message_attributes.not_fine'
    assert 'message_attributes.not_fine' in str(caught.value)
    assert len(str(caught.value)) < 300


def values_in(attributes: object) -> dict[str, str | bytes]:
    values, unreadable = from_envelope(attributes)
    assert unreadable == {}
    return values


@given(attributes)
def test_attributes_arrive_equal(given_: dict[str, Any]) -> None:
    sent = to_aws(given_)
    assert from_aws(sent) == {name: arriving(value) for name, value in given_.items()}


@given(attributes)
def test_attributes_in_an_envelope_arrive_equal(given_: dict[str, Any]) -> None:
    sent = to_aws(given_)
    assert from_envelope(enveloped(sent)) == (from_aws(sent), {})


@given(numbers)
def test_a_number_is_sent_exactly(number: int | float | Decimal) -> None:
    text = to_aws({'a': number})['a']['StringValue']
    assert type(number)(text) == number
    assert Decimal(text).is_finite()


@given(attributes)
def test_the_dict_of_the_user_is_not_changed(given_: dict[str, Any]) -> None:
    before = dict(given_)
    with_payload_type(to_aws(given_), PayloadType.TEXT)
    assert given_ == before


@pytest.mark.parametrize('payload_type', PayloadType)
def test_the_payload_type_is_added_to_the_attributes(payload_type: PayloadType) -> None:
    sent = with_payload_type(to_aws({'a': 'b'}), payload_type)
    assert sent == to_aws({'a': 'b', PAYLOAD_TYPE_ATTRIBUTE: payload_type.value})
    assert type(sent[PAYLOAD_TYPE_ATTRIBUTE]['StringValue']) is str


def test_no_payload_type_is_added_if_none_is_needed() -> None:
    assert with_payload_type(to_aws({'a': 'b'}), None) == to_aws({'a': 'b'})


@pytest.mark.parametrize('payload_type', [None, PayloadType.DATA])
def test_a_payload_type_of_the_user_is_refused(payload_type: PayloadType | None) -> None:
    with pytest.raises(EncodeError) as caught:
        with_payload_type(to_aws({PAYLOAD_TYPE_ATTRIBUTE: 'data'}), payload_type)
    assert caught.value.path == f'message_attributes.{PAYLOAD_TYPE_ATTRIBUTE}'


def test_an_invalid_number_is_read_as_its_text() -> None:
    assert from_aws({'n': {'DataType': 'Number', 'StringValue': 'abc'}}) == {'n': 'abc'}
    assert values_in({'n': {'Type': 'Number', 'Value': 'abc'}}) == {'n': 'abc'}


@pytest.mark.parametrize(
    'attribute',
    [{}, {'DataType': 'String'}, {'DataType': 'Colour', 'ColourValue': 'red'}],
    ids=['nothing', 'no value', 'a type to come'],
)
def test_an_attribute_without_a_known_value_is_left_out(
    attribute: dict[str, Any],
) -> None:
    assert from_aws({'a': attribute, 'b': {'DataType': 'String', 'StringValue': 'x'}}) == {'b': 'x'}


def test_unknown_keys_of_an_attribute_are_ignored() -> None:
    attribute = {'DataType': 'String', 'StringValue': 'x', 'StringListValues': [], 'New': 1}
    assert from_aws({'a': attribute}) == {'a': 'x'}
    assert values_in({'a': {'Type': 'String', 'Value': 'x', 'New': 1}}) == {'a': 'x'}


@pytest.mark.parametrize(
    ('attribute', 'value'),
    [
        ({'DataType': 'String', 'StringValue': 'x'}, 'x'),
        ({'Type': 'String', 'StringValue': 'x', 'BinaryValue': None}, 'x'),
        ({'DataType': 'Binary', 'BinaryValue': 'AP8='}, b'\x00\xff'),
        ({'Type': 'Number', 'Value': 300_000}, '300000'),
    ],
    ids=repr,
)
def test_other_spellings_of_an_attribute_in_an_envelope_are_read(
    attribute: dict[str, Any], value: object
) -> None:
    assert from_envelope({'a': attribute}) == ({'a': value}, {})


@pytest.mark.parametrize(
    'attribute',
    [
        None, 'text', 5, [], {}, {'Type': 'String'}, {'Type': 'String', 'Value': [5]},
        {'Type': 'Number', 'Value': True}, {'Type': 'Binary', 'Value': 'no base64!'},
        {'Type': 'Binary', 'Value': 'AP8=\n'}, {'Type': 'Binary', 'Value': 'é'},
    ],
    ids=repr,
)  # fmt: skip
def test_an_unreadable_attribute_is_kept_beside_the_readable_attributes(
    attribute: object,
) -> None:
    good = {'Type': 'String', 'Value': 'x'}
    assert from_envelope({'good': good, 'a': attribute}) == ({'good': 'x'}, {'a': attribute})


@pytest.mark.parametrize('attributes', [[], ['a'], 'a', 5, True], ids=repr)
def test_attributes_that_are_not_an_object_are_kept(attributes: object) -> None:
    assert from_envelope(attributes) == ({}, attributes)


@pytest.mark.parametrize('name', [PAYLOAD_TYPE_ATTRIBUTE, SIZE_ATTRIBUTE, LEGACY_SIZE_ATTRIBUTE])
def test_an_unreadable_attribute_that_decides_how_the_body_is_read_is_refused(name: str) -> None:
    """Without it, a pointer into S3 would be taken for a text, for example."""
    unreadable: list[object] = [{name: {'Value': []}}, [{'Name': name, 'Value': '5'}]]
    for attributes in unreadable:
        with pytest.raises(EnvelopeError, match=name):
            from_envelope(attributes)


def test_an_array_in_an_envelope_is_read_as_its_json() -> None:
    assert values_in({'a': {'Type': 'String.Array', 'Value': '["x",1]'}}) == {'a': '["x",1]'}


@pytest.mark.parametrize('kind', ['Binary', 'Binary.png'])
def test_a_binary_attribute_with_a_custom_label_is_bytes(kind: str) -> None:
    """AWS lets users append a label to a type."""
    assert values_in({'a': {'Type': kind, 'Value': 'AP8='}}) == {'a': b'\x00\xff'}
    assert from_aws({'a': {'DataType': kind, 'BinaryValue': b'\x00\xff'}}) == {'a': b'\x00\xff'}
