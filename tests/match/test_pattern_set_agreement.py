"""A set, each pattern alone, `explain` and the reference have the same results."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.match import PatternSet, evaluate, explain
from mega.match.functions import (
    between,
    cidr,
    contains,
    eq,
    fullmatch,
    gt,
    gte,
    iequals,
    in_,
    json_text,
    lt,
    lte,
    match,
    neq,
    none_of,
    not_,
    one_of,
    optional,
    or_,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)
from tests.match.reference import Description, build, matches
from tests.match.strategies import (
    PREDICATES,
    descriptions,
    json_values,
    leaves,
    object_descriptions,
    payloads,
)
from tests.profile import amount

PATTERNS, PAYLOADS = 20, 10
# Each example is 200 pairs of a payload and a pattern.
agreement = settings(deadline=None, max_examples=amount(20, 500))
AT_ONE_KEY = st.lists(leaves().map(lambda leaf: {'a': leaf}), min_size=PATTERNS, max_size=PATTERNS)


def check(described: list[Any], lhss: list[Any]) -> None:
    """All four agree on every pair, the set also between additions."""
    patterns: PatternSet[int] = PatternSet()
    built = [build(description) for description in described]
    for lhs in lhss:
        if len(patterns) < len(built):
            for pattern in built[len(patterns) : len(patterns) + PATTERNS // 2]:
                patterns.add(pattern, len(patterns))
        known = range(len(patterns))
        expected = [i for i in known if matches(described[i], lhs)]
        assert patterns.match(lhs) == expected
        assert [i for i in known if evaluate(lhs, built[i])] == expected
        assert [i for i in known if explain(lhs, built[i])] == expected


@agreement
@given(
    st.lists(object_descriptions(), min_size=PATTERNS, max_size=PATTERNS),
    st.lists(payloads(), min_size=PAYLOADS, max_size=PAYLOADS),
)
def test_all_agree_on_objects(described: list[Description], lhss: list[dict[str, Any]]) -> None:
    check(described, lhss)


@agreement
@given(AT_ONE_KEY, st.lists(json_values(), min_size=PAYLOADS, max_size=PAYLOADS))
def test_all_agree_on_patterns_of_one_value(
    described: list[Description], values: list[object]
) -> None:
    check(described, [{'a': value} for value in values])


@agreement
@given(
    st.lists(descriptions(), min_size=PATTERNS, max_size=PATTERNS),
    st.lists(json_values(), min_size=PAYLOADS, max_size=PAYLOADS),
)
def test_all_agree_on_values_that_are_not_objects(
    described: list[Description], lhss: list[object]
) -> None:
    check(described, lhss)


Make: TypeAlias = Callable[[random.Random], Any]


def text(chance: random.Random) -> str:
    return ''.join(chance.choices('abAB', k=chance.randrange(6)))


def number(chance: random.Random) -> Any:
    return chance.choice(
        [chance.randrange(-9, 9), chance.randrange(-36, 36) / 4, Decimal('1.1'), 1.1]
    )


def instant(chance: random.Random) -> Any:
    day = date(2020, 1, chance.randrange(1, 9))
    return chance.choice([day, datetime(2020, 1, day.day, chance.randrange(24))])


def value(chance: random.Random) -> Any:
    """A value of a payload that is similar to the values in patterns."""
    made: Any = chance.choice([text, text, number, instant])(chance)
    spelled: list[Any] = [made, str(made), None, True, False, 1, '1', '1.1', [], {}, [made, 'a', 1]]
    if isinstance(made, datetime):
        made = made.replace(tzinfo=timezone.utc)
        spelled.append(made.isoformat())
    return chance.choice([made, made, made, *spelled])


def address(chance: random.Random) -> str:
    return f'10.{chance.randrange(3)}.{chance.randrange(3)}.{chance.randrange(256)}'


def two_ends(make: Make) -> Make:
    def made(chance: random.Random) -> Any:
        low, high = sorted((make(chance), make(chance)), key=Fraction if make is number else None)
        return between(low, high)

    return made


def in_object(chance: random.Random) -> Any:
    """A pattern of an object with one or two keys."""
    kinds: list[Make] = [text, number, lambda chance: prefix(text(chance)), instant]
    kinds += [lambda chance: gt(number(chance)), lambda chance: not_(text(chance))]
    names = chance.sample('xy', chance.randrange(1, 3))
    return {name: optional(made) if chance.random() < 0.2 else made
            for name in names for made in [chance.choice(kinds)(chance)]}  # fmt: skip


def text_of_json(chance: random.Random) -> str:
    names = chance.sample('xy', chance.randrange(3))
    return json.dumps({name: value(chance) for name in names}, default=str)


KINDS: dict[str, Make] = {
    'equal texts': text,
    'equal numbers': number,
    'days and instants': lambda chance: chance.choice([eq, gt, lte])(instant(chance)),
    'prefixes': lambda chance: prefix(text(chance), ignore_case=chance.random() < 0.3),
    'suffixes': lambda chance: suffix(text(chance), ignore_case=chance.random() < 0.3),
    'wildcards': lambda chance: wildcard(
        f"{text(chance)}{chance.choice(['*', '?', '*a', ''])}{text(chance)}"
    ),
    'ranges of numbers': lambda chance: chance.choice([gt, gte, lt, lte])(number(chance)),
    'ranges of numbers with two ends': two_ends(number),
    'ranges of numbers with two comparisons': lambda chance: (
        chance.choice([gt, gte])(number(chance)) & chance.choice([lt, lte])(number(chance))
    ),
    'ranges of texts with two comparisons': lambda chance: (
        gte(text(chance)) & lt(text(chance)) & lte(text(chance))
    ),
    'ranges of texts': lambda chance: chance.choice([gt, gte, lt, lte])(text(chance)),
    'ranges of texts with two ends': two_ends(text),
    'addresses': lambda chance: cidr(f'{address(chance)}/{chance.randrange(8, 33)}'),
    'folded': lambda chance: iequals(text(chance)),
    'regular expressions': lambda chance: chance.choice([match, search])(text(chance)),
    'regular expressions with literal texts': lambda chance: chance.choice(
        [match, search, fullmatch]
    )(text(chance) + chance.choice(['.*', 'a?', '(b|A)', '^', '$', '|', '+']) + text(chance)),
    'substrings': lambda chance: substring(text(chance), ignore_case=chance.random() < 0.3),
    'open wildcards': lambda chance: wildcard(
        f"*{text(chance)}*{text(chance)}{chance.choice('*?')}", ignore_case=chance.random() < 0.3
    ),
    'JSON in a text': lambda chance: json_text(chance.choice([number, text, in_object])(chance)),
    'members': lambda chance: [value(chance) for _ in range(chance.randrange(3))],
    'one of several': lambda chance: one_of(value(chance), text(chance), number(chance)),
    'in a list': lambda chance: in_([text(chance), prefix(text(chance))]),
    'in an array': lambda chance: contains(chance.choice([value, text])(chance)),
    'negated': lambda chance: chance.choice([not_, neq])(value(chance)),
    'all but a text': lambda chance: chance.choice([not_, neq])(text(chance)),
    'all but some texts': lambda chance: none_of(
        *[text(chance) for _ in range(chance.randrange(1, 12))]
    ),
    'no member of some texts': lambda chance: not_(
        contains(text(chance)) if chance.random() < 0.5 else [text(chance), text(chance)]
    ),
    'optional': lambda chance: optional(text(chance)),
    'either': lambda chance: or_(text(chance), gt(number(chance))),
    'predicates': lambda chance: chance.choice(PREDICATES),
}  # fmt: skip


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.no_cover
@pytest.mark.parametrize('count', [10, amount(100, 300)], ids=['few', 'many'])
def test_a_set_of_one_kind_of_pattern_agrees_with_its_patterns(kind: str, count: int) -> None:
    """Each kind has its look-up, which many patterns share."""
    chance = random.Random(f'{kind} {count}')
    patterns: PatternSet[int] = PatternSet()
    alone: list[Any] = []
    for _ in range(count):
        pattern: Any = {'a': {'b': KINDS[kind](chance)}}
        if chance.random() < 0.3:
            pattern['c'] = chance.choice('ab')
        if chance.random() < 0.1:
            pattern = or_(pattern, {'c': text(chance)})
        alone.append(pattern)
        patterns.add(pattern, len(patterns))
    for _ in range(amount(20, 400)):
        lhs: dict[str, Any] = {'a': {'b': value(chance)}, 'c': chance.choice(['a', 'b', None])}
        if kind == 'addresses':
            lhs['a']['b'] = address(chance)
        elif kind == 'JSON in a text' and chance.random() < 0.8:
            lhs['a']['b'] = text_of_json(chance)
        expected = [i for i, pattern in enumerate(alone) if evaluate(lhs, pattern)]
        assert patterns.match(lhs) == expected
