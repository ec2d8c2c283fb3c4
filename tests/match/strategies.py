"""Hypothesis strategies of payloads and of patterns that match them often.

Both use the same few keys and the same few similar values (1, True, '1', 1.0; a day, its midnight,
its text; texts with common prefixes), so that matches and near misses are common. `payloads` and
`object_descriptions` are independent. `cases` draws both together, and builds the pattern from the
payload in half of the examples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.match.reference import Call, Description, Predicate, holds

MANY: int = settings().max_examples
"""The number of examples of the profile. Tests with many cases per example use a part of it."""

KEYS = ('a', 'b', 'c', '', '__class__', 'a.b')
PATHS = (
    'a', 'b', 'c', 'a.b', 'b.a', 'a.a', 'a.b.c', ('a.b',), ('a', 'a.b'), ('',), ('__class__',),
)  # fmt: skip
COMMON: tuple[bool | int | str | None, ...] = ('a', 'ab', 'abc', '', '1', 1, 2, True, None)
NUMBERS: tuple[int | float | Decimal, ...] = (
    0, 1, 2, -1, 42, 100, 0.0, -0.0, 1.0, 2.5, 19.99, 0.1, 1e22, 2**53, 2**53 + 1, float(2**53),
    10**30, Decimal(1), Decimal('2.50'), Decimal('-1.0'),
)  # fmt: skip
DAYS = (date(2020, 1, 1), date(2020, 1, 2), date(1999, 12, 31))
WEST = timezone(timedelta(hours=-2))
INSTANTS = (
    datetime(2020, 1, 1),
    datetime(2020, 1, 1, tzinfo=timezone.utc),
    datetime(2020, 1, 1, 23, 30, tzinfo=WEST),
    datetime(2020, 1, 2, 1, 30, 0, 1000),
)
TEXTS = (
    '', 'a', 'b', 'ab', 'aa', 'A', 'abc', 'Abcd', 'b\na', 'a*b', 'a\\b', 'true', 'null', '0', '-0',
    '1', '+1', ' 1', '1\n', '01', '1.0', '1e0', '1e2', '100', '42', '2.5', '19.99', '0.1', '1e22',
    '9007199254740993', '9007199254740992', '٤٢', '\ud800', 'é', 'straße', 'STRASSE', 'ß', 'SS',
    '10.0.0.1', '10.0.1.1', '192.168.0.1', '::1', '::ffff:10.0.0.1', 'fe80::1', '10.0.0.1 ',
    '2020-01-01', '2020-01-02', '2020-01-01T00:00:00', '2020-01-01T00:00:00.000Z',
    '1999-12-31T23:00:00-02:00', '2020-01-01T23:30:00-02:00', '2020-01-02T01:30:00.001+00:00',
    '2020-01-02T01:30:00', '2020-02-30', 'NaN', '{"a": 1}', '[1, "a"]', '"a"',
)  # fmt: skip
PIECES = (
    '',
    'a',
    'ab',
    'b',
    'B',
    'A',
    'abcde',
    '1',
    '10.0.',
    '2020-01',
    'ß',
    'ss',
    'SSE',
    '\ud800',
)
WILDCARDS = (
    '*', 'a*', '*b', 'a?', '?', '??*', '*a*', 'A*B', 'ab*c', r'a\*b', r'\a\\*', 's?ra*', 'stra??e',
    '2020-*-01*', '10.?.*.1', '1*1', r'\?*',
)  # fmt: skip
BLOCKS = (
    '10.0.0.0/8', '10.0.0.1', '10.0.0.77/24', '0.0.0.0/0', '192.168.0.0/31', '::/0', '::1',
    'fe80::/10', '::ffff:0:0/96',
)  # fmt: skip
REGEXES = ('a', 'a+$', '.*', r'\d+$', '[ab]b?$', '', '2020-01', 'b', '(?i)AB')
CLASSES = (
    str, int, float, bool, list, tuple, dict, object, Decimal, date, datetime, None,
)  # fmt: skip


def is_truthy(lhs: object) -> object:
    return lhs


def is_short(lhs: object) -> bool:
    return isinstance(lhs, (str, list, tuple, dict)) and len(lhs) < 3


def is_one(lhs: object) -> bool:
    return lhs == 1


PREDICATES: tuple[Predicate, ...] = (is_truthy, is_short, is_one)


def sampled(members: Sequence[Any]) -> SearchStrategy[Any]:
    """One of several values of any types. Unlike `sampled_from`, reports do not list them."""
    return st.integers(0, len(members) - 1).map(lambda at: members[at])


@st.composite
def evenly(draw: DrawFn, *options: SearchStrategy[Any]) -> Any:
    """One of several strategies, with equal probability: `one_of` would flatten nested choices."""
    return draw(draw(sampled(options)))


# ── payloads ─────────────────────────────────────────────────────────────────────────────────────


@cache
def scalars() -> SearchStrategy[Any]:
    """Scalars of JSON and BSON, most of them also in patterns."""
    return evenly(
        *[sampled(COMMON)] * 4,
        sampled(TEXTS),
        sampled((*NUMBERS, *DAYS, *INSTANTS)),
        st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    )


def keys() -> SearchStrategy[str]:
    return sampled(KEYS[:2]) | sampled(KEYS)


@cache
def json_values() -> SearchStrategy[Any]:
    """Any value of a payload: scalars, arrays and objects. Some arrays are tuples."""

    def nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
        arrays, few = st.lists(inner, max_size=4), st.lists(sampled(COMMON), max_size=4)
        objects = st.dictionaries(keys(), inner, max_size=4)
        return evenly(arrays, few, arrays.map(tuple), objects, objects)

    return st.recursive(scalars(), nested, max_leaves=12)


@cache
def payloads() -> SearchStrategy[dict[str, Any]]:
    """Objects as payloads. Most of them have one value at two paths."""
    values = evenly(scalars(), json_values())
    few = st.dictionaries(keys(), values, max_size=5)
    more = st.fixed_dictionaries({'a': values, 'b': values}, optional={'c': few})
    return evenly(few, more, st.builds(echoed, more, sampled(('b', 'c', 'a.b', 'nested'))))


def echoed(payload: dict[str, Any], key: str) -> dict[str, Any]:
    """A payload with the value of `a` also at another key, or in the object at `b`."""
    return payload | ({'b': {'a': payload['a']}} if key == 'nested' else {key: payload['a']})


# ── patterns ─────────────────────────────────────────────────────────────────────────────────────


def ordered() -> SearchStrategy[Any]:
    """Values with an order."""
    return sampled((*NUMBERS, *DAYS, *INSTANTS, *TEXTS))


@cache
def plain_values() -> SearchStrategy[Any]:
    """Scalars as patterns."""
    return evenly(sampled(COMMON), sampled((*TEXTS, *NUMBERS, *DAYS, *INSTANTS, True, False)))


def fields() -> SearchStrategy[Call]:
    """Fields, at paths that often exist."""
    return sampled(PATHS).map(lambda path: Call('field', (path,)))


def ranges() -> SearchStrategy[Call]:
    """`between` with two bounds of one kind, the lower first, or with fields as bounds."""
    aware = [at if at.tzinfo else at.replace(tzinfo=timezone.utc) for at in INSTANTS]
    kinds: tuple[Sequence[Any], ...] = (NUMBERS, DAYS, aware, TEXTS)
    ends = [st.lists(sampled(kind), min_size=2, max_size=2).map(sorted) for kind in kinds]
    with_fields = st.tuples(fields(), ordered()), st.tuples(evenly(ordered(), fields()), fields())
    return evenly(*ends, *with_fields).map(lambda both: Call('between', tuple(both)))


def comparisons() -> SearchStrategy[Call]:
    return st.builds(
        lambda name, value: Call(name, (value,)),
        sampled(('gt', 'gte', 'lt', 'lte')),
        evenly(ordered(), ordered(), fields()),
    )


def text_patterns() -> SearchStrategy[Call]:
    """Patterns of texts only."""
    folding = sampled(((), (('ignore_case', True),)))
    limits = sampled(((), (('max_length', 2),), (('max_length', 10),)))
    return st.one_of(
        st.builds(
            lambda name, piece, options: Call(name, (piece,), options),
            sampled(('prefix', 'suffix', 'substring')),
            sampled(PIECES),
            folding,
        ),
        st.builds(lambda text, fold: Call('wildcard', (text,), fold), sampled(WILDCARDS), folding),
        st.builds(
            lambda name, regex, longest: Call(name, (regex,), longest),
            sampled(('match', 'fullmatch', 'search')),
            sampled(REGEXES),
            limits,
        ),
        sampled([text for text in TEXTS if text]).map(lambda text: Call('iequals', (text,))),
        sampled(BLOCKS).map(lambda block: Call('cidr', (block,))),
    )


@cache
def leaves(predicates: bool = True) -> SearchStrategy[Description]:
    """Patterns without nested patterns."""
    kinds = st.lists(sampled(CLASSES), min_size=1, max_size=2)
    equal = st.builds(lambda name, field: Call(name, (field,)), sampled(('eq', 'neq')), fields())
    return evenly(
        plain_values(),
        plain_values(),
        comparisons(),
        text_patterns(),
        text_patterns(),
        sampled(('any_', 'exists', 'missing', 'empty')).map(Call),
        ranges(),
        evenly(fields(), equal),
        kinds.map(lambda classes: Call('is_a', tuple(classes))),
        st.integers(0, 3).map(lambda size: Call('length', (size,))),
        *([sampled(PREDICATES)] if predicates else []),
    )


OF_ONE = 'not_', 'optional', 'contains', 'every', 'length', 'exactly', 'json_text', 'eq', 'neq'
OF_MANY = ('and_', 'or_', 'one_of', 'none_of', 'in_', 'contains_all')


def called(name: str, members: list[Any]) -> Call:
    """A function of patterns, with the right number of these arguments."""
    if name in OF_MANY:
        return Call(name, tuple(members))
    if name == 'exactly':
        return Call(name, (members,))
    plain = not isinstance(members[0], Call)
    return Call(name if plain or name not in ('eq', 'neq') else 'not_', (members[0],))


@cache
def descriptions(predicates: bool = True) -> SearchStrategy[Description]:
    """The description of any pattern."""

    def nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
        members = st.lists(inner, min_size=1, max_size=3)
        return evenly(
            st.dictionaries(keys(), inner, max_size=3),
            st.lists(inner, max_size=3),
            st.builds(called, sampled(OF_MANY), members),
            st.builds(called, sampled(OF_ONE), members),
        )

    return st.recursive(leaves(predicates), nested, max_leaves=8)


@cache
def object_descriptions(predicates: bool = True) -> SearchStrategy[dict[str, Description]]:
    """Patterns with a dict at the top, as in subscribers."""
    few = evenly(sampled(COMMON), leaves(predicates), descriptions(predicates))
    one, more = sampled(KEYS[:2]), st.dictionaries(keys(), few, max_size=3)
    return evenly(st.builds(lambda key, wanted: {key: wanted}, one, few), more)


# ── payloads with matching patterns ───────────────────────────────────────────────────


def cases(predicates: bool = True) -> SearchStrategy[tuple[dict[str, Any], Description]]:
    """A payload and a pattern, which is built from the payload in most cases."""

    def of(payload: dict[str, Any]) -> SearchStrategy[tuple[dict[str, Any], Description]]:
        made = descriptions_of(payload, payload, predicates)
        return st.tuples(st.just(payload), evenly(made, made, object_descriptions(predicates)))

    return payloads().flatmap(of)


@st.composite
def descriptions_of(draw: DrawFn, value: Any, root: Any, predicates: bool = True) -> Any:
    """The description of a pattern built from a value: most match the value, some nearly."""

    def of(inner: Any) -> Any:
        return draw(descriptions_of(inner, root, predicates))

    if draw(st.integers(0, 9)) == 0:
        return draw(descriptions(predicates))
    if isinstance(value, dict) and value:
        return {key: of(value[key]) for key in draw(st.lists(sampled(sorted(value)), min_size=1))}
    if isinstance(value, (list, tuple)) and value:
        members = [of(member) for member in value]
        every = Call('every', (Call('or_', tuple(members)),))
        some = members, Call('exactly', (members,)), Call('contains', (members[0],)), every
        return draw(sampled((*some, Call('contains_all', tuple(members)))))
    others = [draw(plain_values()), value] if not isinstance(value, (list, tuple)) else []
    faces = _faces(value, root, draw(st.integers(0, 3)))
    return draw(sampled([value, *([Call('one_of', tuple(others))] if others else []), *faces]))


def _faces(value: Any, root: Any, cut: int) -> list[Description]:
    """Descriptions of patterns that match a value."""
    fields = [Call('field', (path,)) for path in PATHS]
    faces: list[Description] = [field for field in fields if holds(field, value, root)]
    faces += [Call('is_a', (type(value),)), Call('any_')]
    if isinstance(value, (str, list, tuple, dict)):
        faces.append(Call('length', (len(value),)))
    if isinstance(value, str):
        gaps = re.sub(r'([*?\\])', r'\\\1', value[:cut]) + '*'
        faces += [
            Call('prefix', (value[:cut],)),
            Call('suffix', (value[cut:].upper(),), (('ignore_case', True),)),
            Call('substring', (value[1:cut],)),
            Call('wildcard', (gaps,)),
            Call('search', (re.escape(value[cut:]),)),
            Call('gte', (value[:cut],)),
        ]
    elif isinstance(value, (int, float, date, Decimal)) and not isinstance(value, bool):
        faces += [Call('gte', (value,)), Call('lte', (value,)), Call('between', (value, value))]
        faces += [Call('gte', (field,)) for field in fields if holds(field, value, root)]
    return faces


def shuffled(description: Any, swap: Any) -> Any:
    """The same description with all members, at every depth, in another order.

    The members of `exactly` keep their order. The function also shuffles payloads.
    """

    def within(members: Any) -> list[Any]:
        return [shuffled(member, swap) for member in members]

    if isinstance(description, Call):
        members = within(description.arguments)
        if description.name == 'exactly':
            members = [within(description.arguments[0])]
        elif description.name not in ('between', 'field'):
            swap(members)
        kept = description.arguments if description.name == 'field' else tuple(members)
        return Call(description.name, kept, description.options)
    if isinstance(description, (list, tuple)):
        members = within(description)
        swap(members)
        return type(description)(members)
    if isinstance(description, dict):
        items = [(key, shuffled(value, swap)) for key, value in description.items()]
        swap(items)
        return dict(items)
    return description
