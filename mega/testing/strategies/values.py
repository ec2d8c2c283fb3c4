"""Values that meet all of several conditions: by construction, and tested at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import reject
from hypothesis import strategies as st

from mega.testing.strategies.conditions import Condition, Conditions, branches
from mega.testing.strategies.needs import JSON_TYPES, OTHER_TYPES, Needs, needs_of
from mega.testing.strategies.ranges import WIDTH, floats_in, floats_near, integers_in, integers_near
from mega.testing.strategies.texts import CHARACTERS, texts

__all__ = ('tested', 'values')

T = TypeVar('T')
Found = st.SearchStrategy[Any] | None
"""A strategy, or None if no value can meet the conditions."""

MAX_TRIED = 256
"""The number of alternatives of a pattern that are tried."""

MAX_USED = 16
"""The number of possible alternatives from which values are drawn."""

ATTEMPTS = 20
"""The number of values that are drawn before an example is rejected."""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-1_000, 1_000)
    | st.floats(-1e6, 1e6)
    | st.text(CHARACTERS, max_size=10)
)
ANYTHING = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(st.text(CHARACTERS, max_size=5), SCALARS, max_size=3)
)
KEYS = st.text('abcdefghij_', min_size=1, max_size=5)


def values(conditions: Conditions) -> Found:
    """Return the values of JSON that meet all conditions; of BSON, if JSON has none."""
    if not conditions:
        return ANYTHING
    found: list[Any] = []
    for branch in islice(branches(conditions), MAX_TRIED):
        if (strategy := _of_needs(needs_of(branch))) is not None:
            found.append(strategy)
            if len(found) == MAX_USED:
                break
    return st.one_of(*found) if found else None


def tested(
    strategy: st.SearchStrategy[T], test: Callable[[T], bool], samples: Sequence[T]
) -> st.SearchStrategy[T]:
    """Return the values of a strategy that pass a test, and the samples. All samples pass it."""
    return _tested(strategy, test, samples)


@st.composite
def _tested(
    draw: st.DrawFn, strategy: st.SearchStrategy[T], test: Callable[[T], bool], samples: Sequence[T]
) -> T:
    for _ in range(2 if samples else ATTEMPTS):
        value = draw(strategy)
        if test(value):
            return value
    return draw(st.sampled_from(samples)) if samples else reject()


def _of_needs(needs: Needs) -> Found:
    """Return the values of all types that can meet the needs."""
    if needs.candidates is not None:
        fitting = [value for value in needs.candidates if needs.accepts(value)]
        of_json = [value for value in fitting if type(value) in JSON_TYPES]
        return st.sampled_from(of_json or fitting) if fitting else None
    for types in (JSON_TYPES, OTHER_TYPES):
        made = [_of_type(kind, needs) for kind in types if kind in needs.types]
        found = [strategy for strategy in made if strategy is not None]
        if found:
            return st.one_of(*found)
    return None


def _of_type(kind: type, needs: Needs) -> Found:
    if kind in _TYPES:
        return _TYPES[kind](needs)
    return _scalars(needs, _OTHERS[kind], [OTHER_TYPES[kind]])


def _scalars(needs: Needs, strategy: Found, samples: Sequence[Any]) -> Found:
    """Return the values of a strategy and the samples that meet the needs."""
    if strategy is None:
        return None
    fitting = [value for value in samples if needs.accepts(value)]
    is_known = any(condition.pattern.has_predicate for condition in needs.conditions)
    if not fitting and not (needs.whole or is_known):
        return None
    return tested(strategy, needs.accepts, fitting)


def _texts(needs: Needs) -> Found:
    if needs.in_json:
        value = values(needs.in_json)
        return None if value is None else tested(value.map(_to_json), needs.accepts, ())
    strategy, samples = texts(needs)
    return _scalars(needs, strategy, samples)


def _to_json(value: object) -> str:
    return json.dumps(value, default=str)  # a value that only BSON has is tested, and rejected


def _integers(needs: Needs) -> Found:
    return _scalars(needs, integers_in(needs.numbers), integers_near(needs.numbers))


def _floats(needs: Needs) -> Found:
    return _scalars(needs, floats_in(needs.numbers), floats_near(needs.numbers))


def _booleans(needs: Needs) -> Found:
    return _scalars(needs, st.booleans(), [False, True])


def _null(needs: Needs) -> Found:
    return _scalars(needs, st.none(), [None])


# ── arrays ───────────────────────────────────────────────────────────────────────────────────────


def _arrays(needs: Needs) -> Found:
    if needs.exactly:
        return _exact_arrays(needs)
    contained = [values((condition, *needs.every)) for condition in needs.contains]
    if None in contained:
        return None
    lengths = needs.lengths if needs.lengths is not None else range(len(contained) + 4)
    if needs.lengths and len(contained) > max(needs.lengths):
        contained = [values((*needs.contains, *needs.every))]  # one member meets all
    other = values(needs.every)
    sizes = [length - len(contained) for length in lengths if length >= len(contained)]
    sizes = sizes[:8] if other is not None else [size for size in sizes if size == 0]
    if None in contained or not sizes:
        return None
    return tested(
        _filled(contained, st.none() if other is None else other, sizes), needs.accepts, ()
    )


@st.composite
def _filled(
    draw: st.DrawFn,
    contained: Sequence[Any],
    other: st.SearchStrategy[Any],
    sizes: Sequence[int],
) -> list[Any]:
    """Return arrays with these members, and a number of others."""
    members = [draw(strategy) for strategy in contained]
    for _ in range(draw(st.sampled_from(sizes))):
        members.insert(draw(st.integers(0, len(members))), draw(other))
    return members


def _exact_arrays(needs: Needs) -> Found:
    """Return arrays. Each member meets the conditions of its place."""
    if len({len(members) for members in needs.exactly}) > 1:
        return None
    made = [
        values((*map(Condition, at_place), *needs.every))
        for at_place in zip(*needs.exactly, strict=True)
    ]
    if None in made:
        return None
    return tested(st.tuples(*made).map(list), needs.accepts, ())


# ── objects ──────────────────────────────────────────────────────────────────────────────────────


def _objects(needs: Needs) -> Found:
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for key, conditions in needs.keys.items():
        value = values(conditions)
        may_be_missing = all(condition.accepts_missing for condition in conditions)
        if value is None and not may_be_missing:
            return None
        if value is not None:
            (optional if may_be_missing else required)[key] = value
    lengths = needs.lengths
    if lengths is not None:
        lengths = [length for length in lengths if length >= len(required)]
        if not lengths:
            return None
    is_open = needs.allowed_keys is None
    made = _with_keys(required, optional, lengths, frozenset(needs.keys), is_open)
    return tested(made, needs.accepts, ())


@st.composite
def _with_keys(
    draw: st.DrawFn,
    required: dict[str, st.SearchStrategy[Any]],
    optional: dict[str, st.SearchStrategy[Any]],
    lengths: Sequence[int] | None,
    known: frozenset[str],
    is_open: bool,
) -> dict[str, Any]:
    """Return objects with keys. `known` are all keys of the pattern; others have any value."""
    size = None if lengths is None else draw(st.sampled_from(lengths[:8]))
    made = {key: draw(strategy) for key, strategy in required.items()}
    for key, strategy in optional.items():
        if len(made) != size and draw(st.booleans()):
            made[key] = draw(strategy)
    if not is_open:
        return made
    if size is None:
        others = draw(st.dictionaries(KEYS, SCALARS, max_size=2))
        return {**{key: value for key, value in others.items() if key not in known}, **made}
    number = 0
    while len(made) < size:
        if (key := f'key{number}') not in known:
            made[key] = draw(SCALARS)
        number += 1
    return made


_TYPES: dict[type, Callable[[Needs], Found]] = {
    str: _texts,
    int: _integers,
    float: _floats,
    bool: _booleans,
    type(None): _null,
    list: _arrays,
    dict: _objects,
}

_MIDNIGHTS = st.integers(0, 20_000).map(
    lambda day: datetime.fromtimestamp(day * 86_400, timezone.utc)
)

_OTHERS: dict[type, st.SearchStrategy[Any]] = {
    bytes: st.binary(max_size=20),
    datetime: st.integers(0, 2**31).map(lambda at: datetime.fromtimestamp(at, timezone.utc)),
    UUID: st.uuids(),
    Decimal: st.decimals(-WIDTH, WIDTH, places=2),
}
