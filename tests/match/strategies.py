"""Payloads, and patterns that collide with them.

Both draw from the same few keys and the same few values with many faces (1, True, '1', 1.0;
a day, its midnight, its text), so that matches and near misses are common.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .reference import Call, Description, Predicate

KEYS = ('a', 'b', 'c', '', '__class__', 'a.b')
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
    '', 'a', 'b', 'ab', 'aa', 'A', 'true', 'null', '0', '-0', '1', '+1', ' 1', '1\n', '01', '1.0',
    '1e0', '1e2', '100', '42', '2.5', '19.99', '0.1', '1e22', '9007199254740993',
    '9007199254740992', '٤٢', '\ud800', 'é', '2020-01-01', '2020-01-02', '2020-01-01T00:00:00',
    '2020-01-01T00:00:00.000Z', '1999-12-31T23:00:00-02:00', '2020-01-01T23:30:00-02:00',
    '2020-01-02T01:30:00.001+00:00', '2020-01-02T01:30:00', '2020-02-30', 'NaN',
)  # fmt: skip
REGEXES = ('a', 'a+$', '.*', r'\d+$', '[ab]b?$', '', '2020-01')


def is_truthy(lhs: object) -> object:
    return lhs


def is_short(lhs: object) -> bool:
    return isinstance(lhs, (str, list, dict)) and len(lhs) < 3


def is_one(lhs: object) -> bool:
    return lhs == 1


PREDICATES: tuple[Predicate, ...] = (is_truthy, is_short, is_one)


def scalars() -> SearchStrategy[Any]:
    """The scalars of JSON, most of them from the few that patterns know."""
    pool: tuple[object, ...] = (*TEXTS, None, True, False)
    pool += tuple(number for number in NUMBERS if not isinstance(number, Decimal))
    return st.one_of(
        st.sampled_from(pool),
        st.sampled_from(pool),
        st.integers(-3, 3),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=4),
    )


def keys() -> SearchStrategy[str]:
    return st.sampled_from(KEYS)


def json_values() -> SearchStrategy[Any]:
    """Any value of a payload: scalars, arrays and objects."""

    def nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
        return st.lists(inner, max_size=4) | st.dictionaries(keys(), inner, max_size=4)

    return st.recursive(scalars(), nested, max_leaves=12)


def payloads() -> SearchStrategy[dict[str, Any]]:
    """Objects, as payloads are."""
    return st.dictionaries(keys(), json_values(), max_size=5)


def ordered() -> SearchStrategy[Any]:
    """What can be compared by order."""
    return st.sampled_from((*NUMBERS, *DAYS, *INSTANTS, *TEXTS))


def plain_values() -> SearchStrategy[Any]:
    """Scalars as patterns."""
    return st.sampled_from((*TEXTS, *NUMBERS, *DAYS, *INSTANTS, None, True, False))


def ranges() -> SearchStrategy[Call]:
    """`between`, with two ends of one kind, the lower first."""

    def in_order(ends: list[Any]) -> Call:
        return Call('between', tuple(sorted(ends)))

    aware = [at if at.tzinfo else at.replace(tzinfo=timezone.utc) for at in INSTANTS]
    kinds: tuple[tuple[Any, ...], ...] = (NUMBERS, DAYS, tuple(aware), TEXTS)
    return st.one_of(
        *(st.lists(st.sampled_from(kind), min_size=2, max_size=2).map(in_order) for kind in kinds)
    )


def leaves(predicates: bool = True) -> SearchStrategy[Description]:
    """Patterns that hold no others."""
    comparisons = st.builds(
        lambda name, value: Call(name, (value,)),
        st.sampled_from(('gt', 'gte', 'lt', 'lte')),
        ordered(),
    )
    regexes = st.builds(
        lambda regex, longest: Call('match', (regex,), longest),
        st.sampled_from(REGEXES),
        st.sampled_from(((), (('max_length', 2),), (('max_length', 10),))),
    )
    presence = st.sampled_from(('any_', 'exists', 'missing', 'empty')).map(Call)
    options = [plain_values(), plain_values(), comparisons, regexes, presence, ranges()]
    if predicates:
        options.append(st.sampled_from(PREDICATES))
    return st.one_of(*options)


def descriptions(predicates: bool = True) -> SearchStrategy[Description]:
    """Any pattern, described."""

    def nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
        members = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(
            st.dictionaries(keys(), inner, max_size=3),
            st.lists(inner, max_size=3),
            st.builds(Call, st.sampled_from(('and_', 'or_', 'one_of', 'none_of', 'in_')), members),
            st.builds(
                lambda name, member: Call(name, (member,)),
                st.sampled_from(('not_', 'optional')),
                inner,
            ),
            st.builds(
                lambda name, member: Call(name, (member,)),
                st.sampled_from(('eq', 'neq')),
                inner.filter(lambda member: not isinstance(member, Call)),
            ),
        )

    return st.recursive(leaves(predicates), nested, max_leaves=8)


def object_descriptions() -> SearchStrategy[dict[str, Description]]:
    """Patterns that are a dict at the top, as subscribers write them."""
    return st.dictionaries(keys(), descriptions(), max_size=4)


def shuffled(description: Any, swap: Any) -> Any:
    """The same description with the members of everything, at every depth, in another order."""
    if isinstance(description, Call) and description.name != 'between':
        members = [shuffled(argument, swap) for argument in description.arguments]
        swap(members)
        return Call(description.name, tuple(members), description.options)
    if isinstance(description, list):
        members = [shuffled(member, swap) for member in description]
        swap(members)
        return members
    if isinstance(description, dict):
        items = [(key, shuffled(value, swap)) for key, value in description.items()]
        swap(items)
        return dict(items)
    return description
