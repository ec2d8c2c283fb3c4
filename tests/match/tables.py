"""Tables of claims: each row has a pattern, a value and the result."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from mega.match import Pattern, evaluate
from mega.match.functions import and_, not_, one_of, or_

Row = tuple[str, object, object, bool]

DAY, NEXT_DAY = date(2020, 5, 4), date(2020, 5, 5)
NOON = datetime(2020, 5, 4, 12, tzinfo=timezone.utc)
ID = UUID('61fcc874-624e-40f8-8fd7-0e663c7837e8')

VALUES: list[object] = [
    None, True, False, 0, 1, 4, 5, 5.5, 6, 42, 10**30, float('nan'), Decimal('5.0'), '', 'a', 'b',
    'ab', 'AB', 'aaaa', '5', '5.5', '42', "it's", 'a"b', '\n', '\ud800', '2020-05-04',
    '2020-05-05T10:00:00Z', '2020-05-04T12:00:00Z', DAY, NOON, b'a', ID, str(ID), [], ['a'],
    ['b', 'a'], [5], [[5]], [None], {}, {'a': 5}, {'a': None}, {'a': 6, 'b': 'a'},
    {'a': {'b': 5}}, {'b': [1, 5]}, {'a': 5, 'b': 5}, {'a': {'b': 5}, 'b': '5'}, ['a', 'b'],
    ('a',), ['ab', 5, None], 'a*b', 'a\\b', 'xaby', 'Straße', 'STRASSE', '10.1.2.3', '11.1.2.3',
    '::1', 'fe80::1',
]  # fmt: skip


def table(*rows: Row) -> pytest.MarkDecorator:
    """Parametrise a test with rows of (claim, lhs, rhs, the result)."""
    cases = [pytest.param(lhs, rhs, holds, id=claim) for claim, lhs, rhs, holds in rows]
    return pytest.mark.parametrize(('lhs', 'rhs', 'holds'), cases)


def check(lhs: object, rhs: object, holds: bool) -> None:
    """Check a claim alone, negated, under a key, with other keys, and in `one_of`."""
    assert evaluate(lhs, rhs) is holds
    assert evaluate(lhs, not_(rhs)) is not holds
    assert evaluate({'key': lhs, 'other': None}, {'key': rhs}) is holds
    assert evaluate(lhs, and_(rhs, rhs)) is holds
    assert evaluate(lhs, or_(rhs, rhs)) is holds
    if not isinstance(lhs, (list, tuple, set)):
        assert evaluate(lhs, one_of(rhs)) is holds
        assert evaluate(lhs, [rhs]) is holds
        assert evaluate([lhs], [rhs]) is holds


def in_place(lhs: object, rhs: object) -> tuple[bool, bool]:
    """The results of a pattern for a value and for a missing key."""
    return evaluate(lhs, rhs), evaluate({}, {'key': rhs})


def alike(one: object, other: object) -> bool:
    """Whether two patterns have the same results for every value, and for a missing key."""
    return all(in_place(lhs, one) == in_place(lhs, other) for lhs in VALUES)


def rebuild(pattern: Pattern) -> object:
    """Evaluate the repr of a pattern.

    The code needs the functions, and the names that the standard library uses in its reprs.
    """
    names: dict[str, object] = {}
    exec(
        'from mega.match.functions import *\n'
        'import datetime, decimal, uuid\n'
        'from decimal import Decimal\n'
        'from uuid import UUID\n',
        names,
    )
    built: object = eval(repr(pattern), names)
    return built
