"""Within SNS's limits: what excludes least is left out, until a policy is taken.

https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
How an `$or` counts AWS does not say: here every key and every value of all its branches does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, pairwise, takewhile
from math import inf, log, prod
from typing import Any

from mega.aws._messages.filter_attributes import Path
from mega.aws.sns.filter_policy.branches import Branch, Items, simplified
from mega.aws.sns.filter_policy.operators import (
    Item,
    Scope,
    operator,
    selectivity,
    start_of,
    without_covered,
)
from mega.match.eventbridge.parser import OR

__all__ = ('fit_to_limits', 'to_policy')

MIXED = 5.0
"""How much is lost where two branches are mixed: about as much as one text tells."""

MANY = 300
"""Twice as many as SNS takes."""

MAX_TRIED = 24
"""Branches of which each pair is tried; of more, those with the same paths are joined."""


def fit_to_limits(
    branches: Sequence[Branch], scope: Scope
) -> tuple[list[Branch], list[tuple[str, str]]]:
    """Branches that make a policy which SNS takes, and paths at which they became wider, with why.

    One of no keys is the end of it: nothing is excluded any more.
    """
    left = simplified(branches)
    widened: dict[tuple[str, str], None] = {}
    while limit := _exceeded(left, scope):
        join_path = (
            _merge_many(left) if len(left) > MAX_TRIED else _cheapest_step(left, scope, limit)
        )
        widened |= dict.fromkeys(('.'.join(path), limit.reason) for path in sorted(join_path.paths))
        left = join_path.taken(left)
    return left, list(widened)


def to_policy(branches: Sequence[Branch]) -> dict[str, Any]:
    """The policy of some branches: what all of them ask goes before the `$or`."""
    shared, rest = _taken_apart(branches)
    policy = _object(shared)
    if rest:
        policy[OR] = [_object(keys) for keys in rest]
    return policy


def _object(keys: dict[Path, Items]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path in sorted(keys):
        within = document
        for name in path[:-1]:
            within = within.setdefault(name, {})
        within[path[-1]] = [json.loads(item) for item in sorted(keys[path])]
    return document


def _taken_apart(
    branches: Sequence[Branch],
) -> tuple[dict[Path, Items], list[dict[Path, Items]]]:
    first, *others = branches
    shared = {
        path: items
        for path, items in first.keys.items()
        if all(branch.keys.get(path) == items for branch in others)
    }
    if not others:
        return shared, []
    return shared, [
        {path: items for path, items in branch.keys.items() if path not in shared}
        for branch in branches
    ]


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Limit:
    size: Callable[[Sequence[Branch], Scope], int]
    most: int
    reason: str


def _leaves(branches: Sequence[Branch]) -> list[tuple[Path, Items]]:
    shared, rest = _taken_apart(branches)
    return [leaf for keys in (shared, *rest) for leaf in keys.items()]


def _combinations(branches: Sequence[Branch], scope: Scope) -> int:
    return prod(
        sum(map(_values, items)) * (len(path) if scope is Scope.BODY else 1)
        for path, items in _leaves(branches)
    )


def _values(item: Item) -> int:
    value = json.loads(item)
    excluded = value.get('anything-but') if isinstance(value, dict) else None
    return len(excluded) if isinstance(excluded, list) else 1


def _points(items: Items) -> int:
    points = 0
    for item in items:
        if item.startswith('{"wildcard"'):
            stars = item.count('*')
            points += stars if stars == 1 else 3 * stars
        elif item.startswith('{"anything-but"'):
            points += 1
    return points * len(items)


_LIMITS = (
    _Limit(lambda branches, _: len(_leaves(branches)), 5, 'SNS takes five keys'),
    _Limit(
        lambda branches, _: sum(_points(items) for _, items in _leaves(branches)),
        100,
        'SNS takes 100 points of wildcards',
    ),
    _Limit(_combinations, 150, 'SNS takes 150 combinations of values and levels'),
    _Limit(
        lambda branches, _: len(json.dumps(to_policy(branches))),
        262_144,
        'SNS takes 256 KB',
    ),
)


def _exceeded(branches: Sequence[Branch], scope: Scope) -> _Limit | None:
    """The first limit that a policy is beyond. One that lets everything through is within all."""
    if not all(branch.keys for branch in branches):
        return None
    return next((each for each in _LIMITS if each.size(branches, scope) > each.most), None)


# ── what is left out ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Step:
    """Branches, and the wider one in the place of each."""

    changes: Sequence[tuple[Branch, Branch]]
    paths: set[Path]

    def taken(self, branches: Sequence[Branch]) -> list[Branch]:
        gone, added = zip(*self.changes, strict=True)
        return simplified([*(branch for branch in branches if branch not in gone), *added])

    def loss(self, common: Mapping[Path, int]) -> float:
        """How much less is told of a message: most at the paths of which many branches ask.

        It is the worst to ask nothing. To mix the values of two branches at several paths is bad:
        the name of one event would pass with the domain of the other.
        """
        lost = 0.0
        for branch, wider in self.changes:
            if not wider.keys:
                return inf
            for path, items in branch.keys.items():
                left = wider.keys.get(path)
                told = _information(items) - (_information(left) if left else 0.0)
                lost += told * common[path] * (1 - len(path) / 100)
        mixed = [path for path in self.paths if path in self.changes[0][1].keys]
        return lost + (MIXED if len(mixed) > 1 else 0.0)


def _information(items: Items) -> float:
    return -log(selectivity(items))


def _merge_many(branches: Sequence[Branch]) -> _Step:
    """To far fewer branches: those with the same paths become one, or the longest shorter."""
    alike: dict[frozenset[Path], list[Branch]] = {}
    for branch in branches:
        alike.setdefault(frozenset(branch.keys), []).append(branch)
    most = max(alike.values(), key=len)
    if len(most) > 1:
        joined = reduce(_joined, most)
        return _Step([(branch, joined) for branch in most], {*joined.keys})
    common = _common(branches)
    longest = max(branches, key=lambda branch: len(branch.keys))
    rarest = min(longest.keys, key=lambda path: (common[path], path))
    return _Step([(longest, longest.without(rarest))], {rarest})


def _common(branches: Sequence[Branch]) -> Mapping[Path, int]:
    """How many branches ask at a path."""
    return Counter(path for branch in branches for path in branch.keys)


def _cheapest_step(branches: Sequence[Branch], scope: Scope, limit: _Limit) -> _Step:
    """Of all steps towards a limit the one that loses least. There is one: to ask less anywhere."""

    def size(some: Sequence[Branch]) -> tuple[int, int]:
        return limit.size(some, scope), sum(len(branch.keys) for branch in some)

    before, common = size(branches), _common(branches)
    ordered = sorted(_steps(branches), key=lambda join_path: join_path.loss(common))
    return next(join_path for join_path in ordered if size(join_path.taken(branches)) < before)


def _steps(branches: Sequence[Branch]) -> Iterator[_Step]:
    """What may be left out: a key of one branch, or of all that ask the same; or two are joined."""
    alike: dict[tuple[Path, Items], list[Branch]] = {}
    for branch in branches:
        for path, items in branch.keys.items():
            yield _Step([(branch, branch.without(path))], {path})
            alike.setdefault((path, items), []).append(branch)
    for (path, items), some in alike.items():
        if coarser := _coarser(items):
            yield _Step([(each, each.asking(path, coarser)) for each in some], {path})
    for one, other in combinations(branches, 2):
        paths, joined = {*one.keys, *other.keys}, _joined(one, other)
        changed = {path for path in paths if one.keys.get(path) != other.keys.get(path)}
        yield _Step([(one, joined), (other, joined)], changed)


def _joined(one: Branch, other: Branch) -> Branch:
    """What either lets through, and what has some values of the one and some of the other."""
    keys = {
        path: without_covered(items | other.keys[path])
        for path, items in one.keys.items()
        if path in other.keys
    }
    return Branch(keys, one.enters_arrays or other.enters_arrays)


def _coarser(items: Items) -> Items | None:
    """Their common beginning in the place of texts: of those that share the most of all.

    Of many texts all that share so much, as every step takes a look at each of them.
    """
    starts = sorted({start for item in items if (start := start_of(item)) is not None})
    shared = [_beginning(*pair) for pair in pairwise(starts)]
    longest = max(map(len, shared), default=0)
    if not longest:
        return None
    found = [start for start in shared if len(start) == longest]
    chosen = found if len(items) > MANY else found[:1]
    return without_covered(items.union(operator('prefix', start) for start in chosen))


def _beginning(one: str, other: str) -> str:
    """What two texts begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return ''.join(character for character, _ in same)
