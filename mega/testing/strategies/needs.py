"""What conditions say about a value: its type, its bounds, its parts.

There is one function per pattern. It narrows the needs of a value that must match the pattern, or
must not. It may say too little, because each value is tested at the end, but never too much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import singledispatch
from typing import Any, NamedTuple
from uuid import UUID

from mega import timestamps
from mega.match.comparables import Comparable, DayValue, NumberValue, TextValue
from mega.match.context import Context
from mega.match.eventbridge import operators
from mega.match.functions.arrays import Contains, Every, Exactly, Length
from mega.match.functions.comparison import Between, Compare
from mega.match.functions.embedded_json import JsonText
from mega.match.functions.network import Cidr
from mega.match.functions.presence import AnyValue, Empty, Exists, IsA, Missing
from mega.match.functions.text import IEquals, Prefix, Regex, Substring, Suffix
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import Constant, ExactValue, Object, Pattern, Value
from mega.testing.strategies.conditions import Condition, Conditions
from mega.testing.strategies.ranges import Range

__all__ = ('JSON_TYPES', 'OTHER_TYPES', 'Needs', 'OnlyKeys', 'Part', 'Timestamp', 'needs_of')

JSON_TYPES: dict[type, Any] = {
    str: 'text',
    int: 7,
    float: 0.5,
    bool: True,
    type(None): None,
    list: [],
    dict: {},
}
"""The types of JSON, each with an example."""

OTHER_TYPES: dict[type, Any] = {
    bytes: b'blob',
    datetime: datetime(2020, 1, 1, tzinfo=timezone.utc),
    UUID: UUID(int=7),
    Decimal: Decimal('2.5'),
}
"""The types that only BSON has, each with an example. They are generated if no type of JSON can."""

MAX_LENGTH = 1_000
"""The longest text, array or object that `length(...)` may require."""


class Part(NamedTuple):
    """A part of a text, in any case if `ignore_case`."""

    text: str
    ignore_case: bool = False


@dataclass
class Needs:
    """What is known of a value. `conditions` have all that it must meet."""

    conditions: Conditions
    types: set[type] = field(default_factory=lambda: {*JSON_TYPES, *OTHER_TYPES})
    candidates: list[Any] | None = None
    """If it is not None, the value is one of these."""

    lengths: list[int] | None = None
    """If it is not None, the length of a text, an array or an object is one of these."""

    # Numbers, and texts that spell them
    numbers: Range = field(default_factory=Range)
    is_spelled: bool = False
    """Whether a text spells a number."""

    # Texts
    order: Range = field(default_factory=Range)
    """The bounds of a text in the order of code points."""

    instants: Range = field(default_factory=Range)
    """The bounds of a text that is a timestamp."""

    is_timestamp: bool = False
    starts: list[Part] = field(default_factory=list)
    ends: list[Part] = field(default_factory=list)
    inside: list[Part] = field(default_factory=list)
    whole: list[Pattern] = field(default_factory=list)
    """Patterns of whole texts, such as regular expressions."""

    in_json: list[Condition] = field(default_factory=list)
    """The conditions on the value of a text that contains JSON."""

    # Arrays
    every: list[Condition] = field(default_factory=list)
    contains: list[Condition] = field(default_factory=list)
    exactly: list[tuple[Pattern, ...]] = field(default_factory=list)

    # Objects
    keys: dict[str, list[Condition]] = field(default_factory=dict)
    allowed_keys: frozenset[str] | None = None

    def accepts(self, value: object) -> bool:
        """Return whether a value meets all conditions."""
        return all(condition.accepts(value) for condition in self.conditions)

    def keep_types(self, *types: type) -> None:
        """Keep only these types."""
        self.types &= {*types}

    def keep_lengths(self, test: Callable[[int], bool]) -> None:
        """Keep only the lengths that pass a test."""
        known = range(MAX_LENGTH + 1) if self.lengths is None else self.lengths
        self.lengths = [length for length in known if test(length)]

    def keep_candidates(self, *values: Any) -> None:
        """Keep only these values, unless earlier conditions have named values."""
        self.candidates = [*values] if self.candidates is None else self.candidates


def needs_of(conditions: Conditions) -> Needs:
    """Return what conditions say about a value."""
    needs = Needs(conditions)
    for condition in conditions:
        _narrow(condition.pattern, needs, condition.holds)
    return needs


class Timestamp(Pattern, frozen=True):
    """A timestamp in the written form of events: `2020-05-04T15:53:23.123`."""

    def accepts(self, lhs: object, context: Context) -> bool:
        instant = timestamps.parse_timestamp(lhs) if isinstance(lhs, str) else None
        return instant is not None and timestamps.format_timestamp(instant) == lhs


class OnlyKeys(Pattern, frozen=True):
    """An object without other keys than these."""

    keys: frozenset[str]

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, dict) and lhs.keys() <= self.keys


@singledispatch
def _narrow(pattern: Pattern, needs: Needs, holds: bool) -> None:
    """Narrow the needs of a value. Nothing is known about other patterns, such as predicates."""


# ── values and comparisons ───────────────────────────────────────────────────────────────────────


@_narrow.register(Constant)
@_narrow.register(ExactValue)
def _(pattern: Constant | ExactValue, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_candidates(pattern.value)


@_narrow.register
def _(pattern: Value, needs: Needs, holds: bool) -> None:
    if not holds:
        return
    comparable = pattern.comparable
    if isinstance(comparable, DayValue):
        _compare('gte', comparable, needs, holds)
        _compare('lte', comparable, needs, holds)
    else:
        needs.keep_candidates(*_spellings(comparable))


def _spellings(comparable: Comparable) -> Iterator[Any]:
    """Yield values that equal a value of a pattern. No body carries an infinite number."""
    value = comparable.value
    if isinstance(value, datetime):
        yield timestamps.format_timestamp(value)
        yield value.isoformat()
    elif not isinstance(comparable, NumberValue):
        yield value
    elif isinstance(comparable.exact, int) or comparable.exact.is_finite():
        yield value
        yield str(comparable.spelled)
        if isinstance(value, Decimal):  # JSON has no Decimal
            yield from (int(value), float(value))


@_narrow.register
def _(pattern: Compare, needs: Needs, holds: bool) -> None:
    _compare(pattern.name, pattern.comparable, needs, holds)


@_narrow.register
def _(pattern: Between, needs: Needs, holds: bool) -> None:
    if holds:
        _compare('gte', pattern.low, needs, holds)
        _compare('lte', pattern.high, needs, holds)


_OPPOSITES = {'gt': 'lte', 'gte': 'lt', 'lt': 'gte', 'lte': 'gt'}


def _compare(name: str, comparable: Comparable, needs: Needs, holds: bool) -> None:
    """Narrow the range of the type of a value. If it must not match, it may have another type."""
    name = name if holds else _OPPOSITES[name]
    if isinstance(comparable, NumberValue):
        needs.numbers.narrow(name, comparable.exact)
        needs.is_spelled = needs.is_spelled or holds
        types: tuple[type, ...] = (str, int, float, Decimal)
    elif isinstance(comparable, TextValue):
        needs.order.narrow(name, comparable.value)
        types = (str,)
    else:
        needs.instants.narrow(*_instant_bound(name, comparable.value))
        needs.is_timestamp = needs.is_timestamp or holds
        types = (str, datetime)
    if holds:
        needs.keep_types(*types)


def _instant_bound(name: str, value: date) -> tuple[str, datetime]:
    """Return a bound of instants for a bound that may be a day."""
    if isinstance(value, datetime):
        return name, value
    start = datetime.combine(value, time(), timezone.utc)
    if name in ('gte', 'lt'):
        return name, start
    try:
        return ('gte' if name == 'gt' else 'lt'), start + timedelta(days=1)
    except OverflowError:  # the last day of the year 9999
        last = datetime.combine(value, time.max, timezone.utc)
        return name, last


@_narrow.register
def _(pattern: operators.Number, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_candidates(pattern.value)


@_narrow.register
def _(pattern: operators.NumericRange, needs: Needs, holds: bool) -> None:
    if not holds:
        return
    needs.keep_types(int, float)
    for name, bound, is_included in (
        ('gt', pattern.low, pattern.low_included),
        ('lt', pattern.high, pattern.high_included),
    ):
        if bound is not None:
            comparable = NumberValue.of(bound)
            needs.numbers.narrow(f'{name}e' if is_included else name, comparable.exact)


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@_narrow.register
def _(pattern: Prefix, needs: Needs, holds: bool) -> None:
    _add_part(needs.starts, pattern, needs, holds)


@_narrow.register
def _(pattern: Suffix, needs: Needs, holds: bool) -> None:
    _add_part(needs.ends, pattern, needs, holds)


@_narrow.register
def _(pattern: Substring, needs: Needs, holds: bool) -> None:
    _add_part(needs.inside, pattern, needs, holds)


def _add_part(
    parts: list[Part], pattern: Prefix | Suffix | Substring, needs: Needs, holds: bool
) -> None:
    if holds:
        needs.keep_types(str)
        parts.append(Part(pattern.text, pattern.folded is not None))


@_narrow.register(Regex)
@_narrow.register(Wildcard)
@_narrow.register(IEquals)
@_narrow.register(Cidr)
@_narrow.register(operators.AddressBlock)
@_narrow.register(operators.AddressText)
@_narrow.register(operators.CaseInsensitive)
def _(pattern: Pattern, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_types(str)
        needs.whole.append(pattern)


@_narrow.register
def _(pattern: Timestamp, needs: Needs, holds: bool) -> None:
    needs.keep_types(str)
    needs.is_timestamp = True


# ── presence and types ───────────────────────────────────────────────────────────────────────────


@_narrow.register
def _(pattern: Missing, needs: Needs, holds: bool) -> None:
    if holds:  # a value is present
        needs.types.clear()


@_narrow.register(AnyValue)
@_narrow.register(Exists)
@_narrow.register(IsA)
def _(pattern: AnyValue | Exists | IsA, needs: Needs, holds: bool) -> None:
    condition = Condition(pattern, holds)
    examples = {**JSON_TYPES, **OTHER_TYPES}
    needs.types = {kind for kind in needs.types if condition.accepts(examples[kind])}


@_narrow.register
def _(pattern: Empty, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_candidates(None, '', [], {})
    else:
        needs.types.discard(type(None))
        needs.keep_lengths(bool)


@_narrow.register
def _(pattern: JsonText, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_types(str)
        needs.in_json.append(Condition(pattern.child))


# ── arrays and objects ───────────────────────────────────────────────────────────────────────────


@_narrow.register
def _(pattern: Length, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_types(str, list, dict)
    needs.keep_lengths(Condition(pattern.child, holds).accepts)


@_narrow.register
def _(pattern: Contains, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_types(list)
        needs.contains.append(Condition(pattern.child))
    else:
        needs.every.append(Condition(pattern.child, False))


@_narrow.register
def _(pattern: Every, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_types(list)
        needs.every.append(Condition(pattern.child))
    else:
        needs.contains.append(Condition(pattern.child, False))


@_narrow.register
def _(pattern: Exactly, needs: Needs, holds: bool) -> None:
    if holds:
        needs.keep_types(list)
        needs.exactly.append(pattern.members)


@_narrow.register
def _(pattern: Object, needs: Needs, holds: bool) -> None:
    """Note the condition of each key. An object that must not match has one key here."""
    if holds:
        needs.keep_types(dict)
    elif not pattern.entries:
        needs.types.discard(dict)
    for key, child in pattern.entries:
        needs.keys.setdefault(key, []).append(Condition(child, holds))


@_narrow.register
def _(pattern: OnlyKeys, needs: Needs, holds: bool) -> None:
    needs.keep_types(dict)
    needs.allowed_keys = pattern.keys
