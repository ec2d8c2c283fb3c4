"""The keys of a leaf: the values that it may match, in a form that can be looked up.

A key has a normal form (a text, a number, an instant, ...) and a value in that form. The index
normalises the value from the payload in the same way and looks it up. For example, the leaf 5 has
two keys, the number 5 and a text that spells 5, and `suffix('.png')` has the prefix 'gnp.' of the
reversed text.

LeafKeys are a necessary condition: a leaf matches no value that fits none of its keys. If
`is_sufficient` is true, a value that fits the key matches without a further test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import singledispatch
from itertools import pairwise, takewhile, zip_longest
from typing import Any, TypeAlias

from msgspec import Struct, structs

from mega.match.comparables import (
    NORMALISERS,
    Comparable,
    DayValue,
    ExactKeys,
    InstantValue,
    Normaliser,
    NumberValue,
    TextValue,
    parse_address,
    parse_number,
    to_array_marker,
    to_ascii_lower,
    to_folded_text,
    to_number,
    to_ordered_text,
    to_reversed_ascii_lower,
    to_reversed_folded_text,
    to_reversed_text,
    to_text,
    wrap,
)
from mega.match.eventbridge.operators import (
    AddressBlock,
    CaseInsensitive,
    NumericRange,
    ValueList,
    parse_event_address,
    to_exact_double,
)
from mega.match.functions.arrays import Contains, ContainsAll
from mega.match.functions.comparison import Between, Compare, Equal
from mega.match.functions.embedded_json import JsonText, normaliser_in_json
from mega.match.functions.logic import OneOf
from mega.match.functions.network import Cidr
from mega.match.functions.regex_literals import literals_of
from mega.match.functions.text import Prefix, Regex, Substring, Suffix
from mega.match.functions.wildcards import Wildcard
from mega.match.index.bounds import Interval, intersection
from mega.match.pattern import AllOf, AnyOf, ListLiteral, Members, Not, Object, Pattern, Predicate

__all__ = ('RANKS', 'Key', 'LookupKind', 'key_sequence', 'keys_of', 'selectivity_rank')


MAX_EXCLUDED = 8
"""The number of texts that a pattern may exclude and still be looked up."""

MAX_LITERALS = 2
"""A regular expression is looked up by this many of its literal texts. Then it is run."""


class LookupKind(Enum):
    """The ways to look up a key, the most selective first."""

    __hash__ = object.__hash__  # faster than the hash of the name

    EQUALS = 'the normalised value equals the key'
    PREFIX = 'the normalised text starts with the key'
    SUBSTRING = 'the normalised text contains the key'
    RANGE = 'the normalised value is in the interval of the key'
    TEST = 'the test of the key is true for the normalised value'
    EXCEPT = 'the normalised value is in the interval of the key, as most values are'


class Key(Struct, frozen=True, gc=False):
    """A necessary condition of a leaf that can be looked up. The tree does not keep keys."""

    kind: LookupKind
    normalise: Normaliser
    value: Any
    """Hashable. For a test, its identity, such as the `id()` of a user's predicate."""

    test: Callable[[Any], object] = bool
    """The function of `LookupKind.TEST`."""

    is_sufficient: bool = True
    """Whether a value that fits the key matches; otherwise the leaf must still be tested."""

    per_member: bool = False
    """Whether the key is compared with each member of an array, not with the value itself."""


RANKS = {kind: rank for rank, kind in enumerate(LookupKind)}


def selectivity_rank(keys: tuple[Key, ...]) -> int:
    """Return the rank of the least selective key; 0 is the most selective kind."""
    return max([RANKS[key.kind] for key in keys], default=0)


LeafKeys: TypeAlias = 'tuple[Key, ...] | None'


def key_sequence(leaf: Pattern) -> tuple[tuple[Key, ...], ...]:
    """Return groups of keys: the first finds the leaf, and each other narrows what was found."""
    exact = leaf.exact_keys  # most leaves have them; a dispatch by the type takes longer
    return _key_sequence(leaf) if exact is None else (_equal_keys(exact),)


@singledispatch
def keys_of(leaf: Pattern) -> LeafKeys:
    """Return the keys of a leaf: it matches no value that fits none of them.

    An empty tuple means that the leaf matches nothing. None means that the leaf has no keys and
    must be tested.
    """
    exact = leaf.exact_keys
    return None if exact is None else _equal_keys(exact)


def _equal_keys(exact: ExactKeys) -> tuple[Key, ...]:
    return tuple([Key(LookupKind.EQUALS, normalise, value) for normalise, value in exact])


@keys_of.register(Equal)
def _(leaf: Equal) -> LeafKeys:
    return keys_of(leaf.child)


@keys_of.register(ListLiteral)
def _(leaf: ListLiteral) -> LeafKeys:
    keys = _union(leaf)
    if keys is None:
        return None
    # An equal array has a matching member for each pattern, and so for the first one.
    members = keys_of(Contains(leaf.members[0])) if leaf.members else ()
    if not members:
        return *keys, Key(LookupKind.EQUALS, to_array_marker, 'array', is_sufficient=False)
    return *keys, *(structs.replace(key, is_sufficient=False) for key in members)


@keys_of.register(OneOf)
@keys_of.register(AnyOf)
def _union(leaf: Members) -> LeafKeys:
    found: list[Key] = []
    for child in leaf.members:
        keys = keys_of(child)
        if keys is None or child.when_missing or child.has_predicate:
            return None
        if any(key.per_member for key in keys):
            return None
        found += keys
    return tuple(dict.fromkeys(found))


@keys_of.register(Compare)
def _(leaf: Compare) -> LeafKeys:
    included = leaf.name in ('gte', 'lte')
    if leaf.name in ('gt', 'gte'):
        return _range_keys(leaf.comparable, None, low_included=included)
    return _range_keys(None, leaf.comparable, high_included=included)


@keys_of.register(Between)
def _(leaf: Between) -> LeafKeys:
    return _range_keys(leaf.low, leaf.high)


@keys_of.register(AllOf)
def _(leaf: AllOf) -> LeafKeys:
    """Return the intersection of ranges with the same normal forms, as in `gt(5) & lt(9)`."""
    ranges = [keys_of(one) if isinstance(one, Compare) else None for one in leaf.members]
    intersections = []
    for keys in zip_longest(*(one or () for one in ranges)):
        if None in keys or len({key.normalise for key in keys}) > 1:
            return None
        value = intersection([key.value for key in keys])
        intersections.append(structs.replace(keys[0], value=value))
    return tuple(intersections) or None


def _range_keys(low: Comparable | None, high: Comparable | None, **included: bool) -> LeafKeys:
    bound = low or high
    values = Interval(low and low.value, high and high.value, **included)
    if not isinstance(bound, NumberValue):
        return (Key(LookupKind.RANGE, NORMALISERS[type(bound)], values),)
    assert not isinstance(low, (TextValue, InstantValue, DayValue))
    assert not isinstance(high, (TextValue, InstantValue, DayValue))
    spelled = Interval(low and low.spelled, high and high.spelled, **included)
    return (
        Key(LookupKind.RANGE, to_number, values),
        Key(LookupKind.RANGE, parse_number, spelled),
    )


@keys_of.register(Cidr)
def _(leaf: Cidr) -> LeafKeys:
    return (Key(LookupKind.RANGE, parse_address, Interval(*leaf.bounds)),)


@keys_of.register(Prefix)
def _(leaf: Prefix) -> LeafKeys:
    if leaf.folded is None:
        return (Key(LookupKind.PREFIX, to_text, leaf.text),)
    return (Key(LookupKind.PREFIX, to_folded_text, leaf.folded),)


@keys_of.register(Suffix)
def _(leaf: Suffix) -> LeafKeys:
    if leaf.folded is None:
        return (Key(LookupKind.PREFIX, to_reversed_text, leaf.text[::-1]),)
    return (Key(LookupKind.PREFIX, to_reversed_folded_text, leaf.folded[::-1]),)


@keys_of.register(Wildcard)
@keys_of.register(Regex)
def _(leaf: Wildcard | Regex) -> LeafKeys:
    return next(iter(key_sequence(leaf)), None)


@singledispatch
def _key_sequence(leaf: Pattern) -> tuple[tuple[Key, ...], ...]:
    keys = keys_of(leaf)
    return () if keys is None else (keys,)


@_key_sequence.register(Not)
def _(leaf: Not) -> tuple[tuple[Key, ...], ...]:
    """Return the intervals between the texts that do not match, and before and after them.

    Only for whole conditions: each member of an array would find most patterns.
    """
    excluded = keys_of(leaf.child)
    if not excluded or leaf.when_missing or len(excluded) > MAX_EXCLUDED:
        return ()
    if any(key != Key(LookupKind.EQUALS, to_text, key.value) for key in excluded):
        return ()
    ends = [None, *sorted(to_ordered_text(key.value) for key in excluded), None]
    intervals = [Interval(low, high, False, False) for low, high in pairwise(ends)]
    return (tuple(Key(LookupKind.EXCEPT, to_ordered_text, one) for one in intervals),)


@_key_sequence.register(Wildcard)
def _(leaf: Wildcard) -> tuple[tuple[Key, ...], ...]:
    normalise, normalise_reversed = to_text, to_reversed_text
    if leaf.ignore_case:
        normalise, normalise_reversed = to_folded_text, to_reversed_folded_text
    pieces = [piece.characters for piece in leaf.pieces]
    longest = max(map(_literal_start, pieces[1:-1]), key=len, default='')
    literals = (
        (LookupKind.PREFIX, normalise, _literal_start(pieces[0])),
        (LookupKind.PREFIX, normalise_reversed, _literal_start(pieces[-1][::-1])),
        (LookupKind.SUBSTRING, normalise, longest),
    )
    # A literal that is all of the wildcard except stars decides, as in `*abc*`.
    size = sum(map(len, pieces)) if len(pieces) > 1 else -1
    return tuple(
        (Key(kind, normalise, text, is_sufficient=len(text) == size),)
        for kind, normalise, text in literals
        if text
    )


def _literal_start(characters: Sequence[str | None]) -> str:
    return ''.join(character or '' for character in takewhile(bool, characters))


@_key_sequence.register(Regex)
def _(leaf: Regex) -> tuple[tuple[Key, ...], ...]:
    sequence = []
    for literal in literals_of(leaf.regex)[:MAX_LITERALS]:
        is_prefix = literal.is_start and leaf.name != 'search'
        kind = LookupKind.PREFIX if is_prefix else LookupKind.SUBSTRING
        sequence.append((Key(kind, to_text, literal.text, is_sufficient=False),))
    if leaf.max_length is None:
        test = getattr(leaf.regex, leaf.name)
        sequence.append((Key(LookupKind.TEST, to_text, (leaf.name, leaf.regex), test),))
    return tuple(sequence)


@keys_of.register(Substring)
def _(leaf: Substring) -> LeafKeys:
    if leaf.folded is None:
        return (Key(LookupKind.SUBSTRING, to_text, leaf.text),)
    return (Key(LookupKind.SUBSTRING, to_folded_text, leaf.folded),)


@keys_of.register(Predicate)
def _(leaf: Predicate) -> LeafKeys:
    return (Key(LookupKind.TEST, wrap, id(leaf.function), leaf.function),)


@keys_of.register(Contains)
def _(leaf: Contains) -> LeafKeys:
    keys = keys_of(leaf.child)
    if keys is None or leaf.has_predicate or any(key.per_member for key in keys):
        return None
    return tuple(structs.replace(key, per_member=True) for key in keys)


@keys_of.register(ContainsAll)
def _(leaf: ContainsAll) -> LeafKeys:
    for one in leaf.members:
        if keys := keys_of(one):
            return tuple(structs.replace(key, is_sufficient=False) for key in keys)
    return None


# ── JSON in a text ───────────────────────────────────────────────────────────────────────────────


@keys_of.register(JsonText)
def _(leaf: JsonText) -> LeafKeys:
    """Return the keys of the most selective condition on the value in the text."""
    found = [
        (path, keys, is_whole and all(key.is_sufficient for key in keys))
        for path, part, is_whole in _conditions_in(leaf.child, ())
        if (keys := keys_of(part)) is not None
        and part.when_missing is not True
        and not part.has_predicate
        and not any(key.per_member for key in keys)
    ]
    if not found:
        return None
    path, keys, is_sufficient = min(found, key=lambda each: selectivity_rank(each[1]))
    return tuple(
        structs.replace(
            key, normalise=normaliser_in_json(path, key.normalise), is_sufficient=is_sufficient
        )
        for key in keys
    )


def _conditions_in(
    pattern: Pattern, path: tuple[str, ...], is_whole: bool = True
) -> Iterator[tuple[tuple[str, ...], Pattern, bool]]:
    """Yield conditions that must all hold, with their paths, and whether there is only one."""
    if isinstance(pattern, Object) and pattern.entries:
        is_whole = is_whole and len(pattern.entries) == 1
        for name, child in pattern.entries:
            yield from _conditions_in(child, (*path, str.__str__(name)), is_whole)
    elif isinstance(pattern, AllOf) and keys_of(pattern) is None:
        for child in pattern.members:
            yield from _conditions_in(child, path, False)
    else:
        yield path, pattern, is_whole


# ── EventBridge's operators ──────────────────────────────────────────────────────────────────────


@keys_of.register(ValueList)
def _(leaf: ValueList) -> LeafKeys:
    return None if leaf.accepts_missing else _union(leaf)


@_key_sequence.register(ValueList)
def _(leaf: ValueList) -> tuple[tuple[Key, ...], ...]:
    if len(leaf.members) == 1 and not leaf.accepts_missing:
        return key_sequence(leaf.members[0])
    keys = keys_of(leaf)
    return () if keys is None else (keys,)


@keys_of.register(NumericRange)
def _(leaf: NumericRange) -> LeafKeys:
    interval = Interval(leaf.low, leaf.high, leaf.low_included, leaf.high_included)
    return (Key(LookupKind.RANGE, to_exact_double, interval),)


@keys_of.register(AddressBlock)
def _(leaf: AddressBlock) -> LeafKeys:
    return (Key(LookupKind.RANGE, parse_event_address, Interval(*leaf.bounds)),)


@keys_of.register(CaseInsensitive)
def _(leaf: CaseInsensitive) -> LeafKeys:
    if not leaf.text.isascii():
        form = leaf.text, leaf.at_start, leaf.at_end
        return (Key(LookupKind.TEST, to_text, form, leaf.test),)
    text = leaf.text.lower()
    if not leaf.at_start:
        return (Key(LookupKind.PREFIX, to_reversed_ascii_lower, text[::-1]),)
    kind = LookupKind.EQUALS if leaf.at_end else LookupKind.PREFIX
    return (Key(kind, to_ascii_lower, text),)
