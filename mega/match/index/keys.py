"""By what a pattern is found: the values that one of its leaves lets through.

A key is a necessary condition that can be looked up. Whoever holds a value reads it (as a text, a
number, an instant, ...) and finds the keys that fit what was read, without asking every pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from itertools import takewhile
from typing import Any, TypeAlias
from uuid import UUID

from mega.match.comparables import (
    Comparable,
    DayValue,
    InstantValue,
    NumberValue,
    TextValue,
    is_number,
    read_address,
    read_day,
    read_instant,
    read_spelled,
)
from mega.match.eventbridge.operators import (
    AddressBlock,
    AddressText,
    CaseInsensitive,
    Number,
    NumericRange,
    ValueList,
    parse_event_address,
)
from mega.match.functions.arrays import Contains
from mega.match.functions.comparison import Between, Compare, Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.network import Cidr
from mega.match.functions.text import IEquals, Prefix, Regex, Substring, Suffix
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import AnyMember, AnyOf, Constant, ExactValue, Pattern, Predicate, Value

__all__ = ('Key', 'Kind', 'Reading', 'Span', 'keys_of', 'read_anything', 'read_text')

Reading: TypeAlias = Callable[[object], Any]
"""What a value is, seen in one way: hashable, and comparable with its like. None: it is none."""


class Kind(Enum):
    """How keys of one kind are looked up."""

    EQUALS = 'what was read equals the key'
    BEGINS = 'the text that was read begins with the key'
    WITHIN = 'what was read lies within the key, a span'
    HOLDS = 'the key is a test, and holds for what was read'


@dataclass(frozen=True, slots=True)
class Span:
    """From one bound to another; None is no bound."""

    low: Any = None
    high: Any = None
    low_included: bool = True
    high_included: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """What a value has to be for a pattern to be worth asking."""

    kind: Kind
    read: Reading
    value: Any
    """Hashable. For a test, what tells it from others: the id of a user's predicate."""

    test: Callable[[Any], object] = bool
    """What HOLDS calls."""

    is_sufficient: bool = True
    """Whether a value that fits the key matches; otherwise the pattern has still to be asked."""

    each: bool = False
    """Whether it is about each member of an array, not about the value itself."""


Keys: TypeAlias = 'tuple[Key, ...] | None'


def read_text(lhs: object) -> str | None:
    return str.__str__(lhs) if isinstance(lhs, str) else None


def _read_backwards(lhs: object) -> str | None:
    return lhs[::-1] if isinstance(lhs, str) else None


def _read_folded(lhs: object) -> str | None:
    return lhs.casefold() if isinstance(lhs, str) else None


def _read_folded_backwards(lhs: object) -> str | None:
    return lhs.casefold()[::-1] if isinstance(lhs, str) else None


def _read_number(lhs: object) -> Any:
    if type(lhs) is int:
        return lhs
    if not is_number(lhs):
        return None
    # One of a subclass may have no hash.
    if isinstance(lhs, Decimal):
        return Decimal(lhs)
    return float(lhs) if isinstance(lhs, float) else int(lhs)


def _read_constant(lhs: object) -> str | None:
    return repr(lhs) if lhs is None or lhs is True or lhs is False else None


def _read_opaque(lhs: object) -> tuple[type, object] | None:
    for kind in (bytes, UUID):
        if isinstance(lhs, kind):
            return kind, lhs
    return None


def _read_array(lhs: object) -> str | None:
    return 'array' if isinstance(lhs, (list, tuple)) else None


def read_anything(lhs: object) -> tuple[object]:
    return (lhs,)


_READ_SCALE: dict[type, Reading] = {
    TextValue: read_text,
    InstantValue: read_instant,
    DayValue: read_day,
}


@singledispatch
def keys_of(leaf: Pattern) -> Keys:
    """The keys of a pattern: it matches no value that fits none of them.

    No keys at all: it matches nothing. None: there is no saying, it has to be asked.
    """
    return None


@keys_of.register
def _(leaf: Value) -> Keys:
    if isinstance(leaf.scale, NumberValue):
        return (
            Key(Kind.EQUALS, _read_number, leaf.scale.value),
            Key(Kind.EQUALS, read_spelled, leaf.scale.written),
        )
    return (Key(Kind.EQUALS, _READ_SCALE[type(leaf.scale)], leaf.scale.value),)


@keys_of.register
def _(leaf: Constant) -> Keys:
    return (Key(Kind.EQUALS, _read_constant, repr(leaf.value)),)


@keys_of.register
def _(leaf: ExactValue) -> Keys:
    read = _read_opaque(leaf.value)
    return (Key(Kind.EQUALS, _read_opaque, read),) if read else ()


@keys_of.register
def _(leaf: Equal) -> Keys:
    return keys_of(leaf.child)


@keys_of.register
def _(leaf: AnyMember) -> Keys:
    keys = _union(leaf)
    if keys is None:
        return None
    # An array that equals them has a member for each of them, the first included.
    members = keys_of(Contains(leaf.members[0])) if leaf.members else ()
    if not members:
        return *keys, Key(Kind.EQUALS, _read_array, 'array', is_sufficient=False)
    return *keys, *(replace(key, is_sufficient=False) for key in members)


@keys_of.register(OneOf)
@keys_of.register(AnyOf)
def _union(leaf: OneOf | AnyOf | AnyMember) -> Keys:
    return _union_of(leaf.members)


def _union_of(members: Sequence[Pattern]) -> Keys:
    found: list[Key] = []
    for child in members:
        keys = keys_of(child)
        if keys is None or child.absent or child.calls or any(key.each for key in keys):
            return None
        found += keys
    return tuple(dict.fromkeys(found))


@keys_of.register
def _(leaf: Compare) -> Keys:
    included = leaf.name in ('gte', 'lte')
    if leaf.name in ('gt', 'gte'):
        return _within(leaf.scale, None, low_included=included)
    return _within(None, leaf.scale, high_included=included)


@keys_of.register
def _(leaf: Between) -> Keys:
    return _within(leaf.low, leaf.high)


def _within(low: Comparable | None, high: Comparable | None, **included: bool) -> Keys:
    scale = low or high
    if not isinstance(scale, NumberValue):
        span = Span(low and low.value, high and high.value, **included)
        return (Key(Kind.WITHIN, _READ_SCALE[type(scale)], span),)
    assert not isinstance(low, (TextValue, InstantValue, DayValue))
    assert not isinstance(high, (TextValue, InstantValue, DayValue))
    read = Span(low and low.value, high and high.value, **included)
    spelled = Span(low and low.written, high and high.written, **included)
    return Key(Kind.WITHIN, _read_number, read), Key(Kind.WITHIN, read_spelled, spelled)


@keys_of.register
def _(leaf: Cidr) -> Keys:
    return (Key(Kind.WITHIN, read_address, Span(*leaf.ends)),)


@keys_of.register
def _(leaf: IEquals) -> Keys:
    return (Key(Kind.EQUALS, _read_folded, leaf.folded),)


@keys_of.register
def _(leaf: Prefix) -> Keys:
    if leaf.folded is None:
        return (Key(Kind.BEGINS, read_text, leaf.text),)
    return (Key(Kind.BEGINS, _read_folded, leaf.folded),)


@keys_of.register
def _(leaf: Suffix) -> Keys:
    if leaf.folded is None:
        return (Key(Kind.BEGINS, _read_backwards, leaf.text[::-1]),)
    return (Key(Kind.BEGINS, _read_folded_backwards, leaf.folded[::-1]),)


@keys_of.register
def _(leaf: Wildcard) -> Keys:
    read, backwards = read_text, _read_backwards
    if leaf.ignore_case:
        read, backwards = _read_folded, _read_folded_backwards
    first, *middle = (piece.run for piece in leaf.pieces)
    last = middle[-1] if middle else first
    if head := _plain_beginning(first):
        return (Key(Kind.BEGINS, read, head, is_sufficient=False),)
    if tail := _plain_beginning(last[::-1]):
        return (Key(Kind.BEGINS, backwards, tail, is_sufficient=False),)
    within = max(map(_plain_beginning, middle), key=len, default='')
    return (_holding(within, read, is_sufficient=False),) if within else None


def _holding(text: str, read: Reading, *, is_sufficient: bool) -> Key:
    return Key(Kind.HOLDS, read, text, re.compile(re.escape(text)).search, is_sufficient)


def _plain_beginning(run: Sequence[str | None]) -> str:
    return ''.join(character or '' for character in takewhile(bool, run))


@keys_of.register
def _(leaf: Regex) -> Keys:
    if leaf.max_length is not None:
        return None
    test = getattr(leaf.regex, leaf.name)
    return (Key(Kind.HOLDS, read_text, (leaf.name, leaf.regex), test),)


@keys_of.register
def _(leaf: Substring) -> Keys:
    if leaf.folded is not None:
        return (_holding(leaf.folded, _read_folded, is_sufficient=True),)
    return (_holding(leaf.text, read_text, is_sufficient=True),)


@keys_of.register
def _(leaf: Predicate) -> Keys:
    return (Key(Kind.HOLDS, read_anything, id(leaf.function), leaf.function),)


@keys_of.register
def _(leaf: Contains) -> Keys:
    keys = keys_of(leaf.child)
    if keys is None or leaf.calls or any(key.each for key in keys):
        return None
    return tuple(replace(key, each=True) for key in keys)


# ── EventBridge's items ──────────────────────────────────────────────────────────────────────────


@keys_of.register
def _(leaf: ValueList) -> Keys:
    return None if leaf.accepts_missing else _union_of(leaf.members)


@keys_of.register
def _(leaf: Number) -> Keys:
    return (Key(Kind.EQUALS, _read_number, leaf.value),)


@keys_of.register
def _(leaf: NumericRange) -> Keys:
    span = Span(leaf.low, leaf.high, leaf.low_included, leaf.high_included)
    return (Key(Kind.WITHIN, _read_number, span),)


@keys_of.register
def _(leaf: AddressText) -> Keys:
    return (Key(Kind.EQUALS, parse_event_address, leaf.address),)


@keys_of.register
def _(leaf: AddressBlock) -> Keys:
    return (Key(Kind.WITHIN, parse_event_address, Span(*leaf.bounds)),)


@keys_of.register
def _(leaf: CaseInsensitive) -> Keys:
    return (Key(Kind.HOLDS, read_text, leaf.regex, leaf.regex.search),)
