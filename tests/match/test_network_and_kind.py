"""Patterns of addresses in a block, and of the type of a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Protocol, TypedDict
from uuid import UUID

import pytest

from mega.errors import PatternError
from mega.match.functions import any_, cidr, is_a, not_
from tests.match.tables import DAY, ID, NOON, VALUES, check, table

# ── network ──────────────────────────────────────────────────────────────────────────────────────


@table(
    ('inside', '10.1.2.3', cidr('10.0.0.0/8'), True),
    ('the first', '10.0.0.0', cidr('10.0.0.0/8'), True),
    ('the last', '10.255.255.255', cidr('10.0.0.0/8'), True),
    ('just before', '9.255.255.255', cidr('10.0.0.0/8'), False),
    ('just behind', '11.0.0.0', cidr('10.0.0.0/8'), False),
    ('a block within an octet', '192.168.0.130', cidr('192.168.0.128/25'), True),
    ('the other half', '192.168.0.127', cidr('192.168.0.128/25'), False),
    ('host bits of the block', '10.9.9.9', cidr('10.1.2.3/8'), True),
    ('a block of one', '10.0.0.1', cidr('10.0.0.1/32'), True),
    ('another for a block of one', '10.0.0.2', cidr('10.0.0.1/32'), False),
    ('an address is its own block', '10.0.0.1', cidr('10.0.0.1'), True),
    ('and no other', '10.0.0.0', cidr('10.0.0.1'), False),
    ('all there are', '255.255.255.255', cidr('0.0.0.0/0'), True),
    ('a netmask', '10.200.0.1', cidr('10.0.0.0/255.0.0.0'), True),
    ('a netmask, outside', '11.200.0.1', cidr('10.0.0.0/255.0.0.0'), False),
    ('text that begins alike', '10.0.0.1', cidr('10.0.0.0/30'), True),
    ('text that begins alike, outside', '10.0.0.10', cidr('10.0.0.0/30'), False),
    ('IPv6, inside', '2001:db8::1', cidr('2001:db8::/32'), True),
    ('IPv6, outside', '2001:db9::1', cidr('2001:db8::/32'), False),
    ('IPv6, written out', '2001:0DB8:0:0:0:0:0:0001', cidr('2001:db8::1'), True),
    ('IPv6, host bits', '2001:db8:ffff::', cidr('2001:db8::1/32'), True),
    ('IPv6, loopback', '::1', cidr('::1/128'), True),
    ('IPv6, all there are', 'ffff::', cidr('::/0'), True),
    ('IPv4 in all of IPv6', '10.0.0.1', cidr('::/0'), False),
    ('IPv6 in all of IPv4', '::1', cidr('0.0.0.0/0'), False),
    ('IPv4 within IPv6 is IPv6', '::ffff:10.0.0.1', cidr('10.0.0.0/8'), False),
    ('the longest address', 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', cidr('::/0'), True),
    ('and is found there', '::ffff:10.0.0.1', cidr('::ffff:0:0/96'), True),
    ('and there in hexadecimal', '::ffff:a00:1', cidr('::ffff:10.0.0.0/104'), True),
)
def test_an_address_is_in_a_block(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


@pytest.mark.parametrize(
    'lhs',
    [
        '', ' ', '10', '10.0.0', '10.0.0.1.1', '10.0.0.256', '10.0.0.-1', '010.0.0.1', '10.0.0.01',
        ' 10.0.0.1', '10.0.0.1 ', '10.0.0.1\n', '10.0.0.1/32', '10.0.0.0/8', '0x0a.0.0.1',
        '١٠.0.0.1', '１０.0.0.1', '10。0。0。1', '10.0.0.1:80', '167772161', 'localhost', ':',
        ':::', '1::2::3', '[::1]', '::1/128', '::1 ', '::g', '00000::1', '1:2:3:4:5:6:7',
        '1:2:3:4:5:6:7:8:9', '\x00', '\ud800', '::\ud800', 167772161, 0, 1, True, 1.0, None,
        b'\n\x00\x00\x01', b'10.0.0.1', IPv4Address('10.0.0.1'), ['10.0.0.1'], {'10.0.0.1': 1}, ID,
    ],
    ids=ascii,
)  # fmt: skip
def test_a_value_that_is_not_an_address_is_not_in_a_block(lhs: object) -> None:
    """Not even an integer, which Python would convert to an address."""
    check(lhs, cidr('0.0.0.0/0'), False)
    check(lhs, cidr('::/0'), False)


@pytest.mark.parametrize(
    'block',
    [
        'x', '', ' ', '/8', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0/8',
        '10.0.0.256/8', '10.0.0.0/255.0.255.0', ' 10.0.0.0/8', '10.0.0.0/8\n', '010.0.0.0/8',
        '10.0.0.0/٨', '::/129', '::/64/64', '1::2::3/8', 'fe80::1%eth0', 'fe80::%eth0/10', '*',
        '10.*', '\ud800', 5, 167772160, 0, True, None, b'\n\x00\x00\x00', b'10.0.0.0/8',
        ('10.0.0.0', 8), ['10.0.0.0/8'], IPv4Network('10.0.0.0/8'), IPv4Address('10.0.0.1'), any_(),
    ],
    ids=ascii,
)  # fmt: skip
def test_an_invalid_block_is_refused(block: Any) -> None:
    with pytest.raises(PatternError) as refusal:
        cidr(block)
    assert refusal.value.path == ''
    assert refusal.value.value is block
    assert str(refusal.value)


# ── type ─────────────────────────────────────────────────────────────────────────────────────────


class Colour(str, Enum):
    RED = 'red'


class Level(IntEnum):
    HIGH = 5


@table(
    ('a text', 'a', is_a(str), True),
    ('the empty text', '', is_a(str), True),
    ('a text of a special kind', Colour.RED, is_a(str), True),
    ('a number is no text', 5, is_a(str), False),
    ('null is no text', None, is_a(str), False),
    ('bytes are no text', b'a', is_a(str), False),
    ('an integer', 5, is_a(int), True),
    ('an integer of a special kind', Level.HIGH, is_a(int), True),
    ('a boolean is no integer', True, is_a(int), False),
    ('nor is false', False, is_a(int), False),
    ('a boolean', True, is_a(bool), True),
    ('an integer is no boolean', 1, is_a(bool), False),
    ('a boolean beside an integer', False, is_a(int, bool), True),
    ('a boolean beside it the other way', False, is_a(bool, int), True),
    ('a text that spells an integer', '5', is_a(int), False),
    ('a float is no integer', 5.0, is_a(int), False),
    ('a float', 5.0, is_a(float), True),
    ('NaN is a float', float('nan'), is_a(float), True),
    ('an integer is no float', 5, is_a(float), False),
    ('any number', 5, is_a(int, float, Decimal), True),
    ('any number, a boolean', True, is_a(int, float, Decimal), False),
    ('a decimal', Decimal(5), is_a(Decimal), True),
    ('null', None, is_a(None), True),
    ('null by its class', None, is_a(type(None)), True),
    ('no null', 0, is_a(None), False),
    ('a text or null', None, is_a(str, None), True),
    ('neither a text nor null', 5, is_a(str, None), False),
    ('an array', ['a'], is_a(list), True),
    ('the empty array', [], is_a(list), True),
    ('a tuple is an array too', ('a',), is_a(list), True),
    ('a tuple', ('a',), is_a(tuple), True),
    ('an array is no tuple', ['a'], is_a(tuple), False),
    ('a text is no array', 'a', is_a(list, tuple), False),
    ('an object', {'a': 1}, is_a(dict), True),
    ('an object is no array', {}, is_a(list), False),
    ('an array is no object', [], is_a(dict), False),
    ('an instant', NOON, is_a(datetime), True),
    ('an instant is a date', NOON, is_a(date), True),
    ('a date is no instant', DAY, is_a(datetime), False),
    ('a text that spells an instant', '2020-05-04T12:00:00Z', is_a(datetime), False),
    ('a UUID', ID, is_a(UUID), True),
    ('the text of a UUID', str(ID), is_a(UUID), False),
    ('bytes', b'a', is_a(bytes), True),
    ('what is like an object', {}, is_a(Mapping), True),
    ('what is like an array', [], is_a(Sequence), True),
    ('a member of an enumeration', Level.HIGH, is_a(Enum), True),
    ('not a text', 5, not_(is_a(str)), True),
    ('null is not a text', None, not_(is_a(str)), True),
)
def test_is_a_tests_the_type(lhs: object, rhs: object, holds: bool) -> None:
    check(lhs, rhs, holds)


def test_every_value_is_an_object() -> None:
    for lhs in VALUES:
        check(lhs, is_a(object), True)
        check(lhs, is_a(timedelta), False)


class Spoken(Protocol):
    """A class that does not support isinstance."""

    def speak(self) -> None: ...


class Row(TypedDict):
    a: int


@pytest.mark.parametrize(
    'kind',
    [
        'str', 5, True, 'null', [str], (str, int), {str}, {}, list[int], dict[str, int], Any, len,
        any_(), is_a(str), 5j, Spoken, Row, ...,
    ],
    ids=repr,
)  # fmt: skip
def test_an_invalid_type_is_refused(kind: Any) -> None:
    """Also a type that `isinstance` would refuse on a payload only."""
    for kinds in ((kind,), (str, kind), (kind, None)):
        with pytest.raises(PatternError) as refusal:
            is_a(*kinds)
        assert refusal.value.value is kind
        assert str(refusal.value)


def test_is_a_refuses_an_empty_list() -> None:
    with pytest.raises(PatternError):
        is_a()
