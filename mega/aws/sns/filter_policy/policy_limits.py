"""Widen the branches of a policy until the policy is within SNS's limits.

https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
AWS does not document how the branches of `$or` count. This module counts every key and every value
of all branches.

`fit_to_limits` is a greedy search. Each step applies the cheapest widening that brings the policy
closer to the limit. A widening drops a path, replaces texts by their common prefix, or merges two
branches. For example, `{"name": ["item.a", "item.b"]}` widens to `{"name": [{"prefix": "item."}]}`.
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

from mega.aws._messages.filter_attributes import FieldPath
from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.branches import Branch, simplify
from mega.aws.sns.filter_policy.operators import (
    Condition,
    Conditions,
    Scope,
    operator,
    prefix_of,
    selectivity,
    without_covered,
)
from mega.match.eventbridge.parser import OR_KEY

__all__ = ('fit_to_limits', 'to_policy')

MERGE_PENALTY = 5.0
"""The cost of a merge that mixes the values of several paths: about the information of one text."""

MANY_CONDITIONS = 300
"""Twice the number of values that SNS accepts."""

MAX_PAIRED_BRANCHES = 24
"""Above this number of branches, the search merges all branches with the same paths at once."""


def fit_to_limits(
    branches: Sequence[Branch], scope: Scope
) -> tuple[list[Branch], list[tuple[str, str]]]:
    """Widen branches until SNS accepts their policy.

    Return the branches, and the dotted paths at which they are wider, each with the reason. A
    branch without paths ends the search: the policy then excludes no message.
    """
    current = simplify(branches)
    widened: dict[tuple[str, str], None] = {}
    while limit := _exceeded(current, scope):
        if len(current) > MAX_PAIRED_BRANCHES:
            widening = _merge_many(current)
        else:
            widening = _cheapest(current, scope, limit)
        widened |= dict.fromkeys(('.'.join(path), limit.reason) for path in sorted(widening.paths))
        current = widening.apply(current)
    return current, list(widened)


def to_policy(branches: Sequence[Branch]) -> dict[str, Any]:
    """Return the policy of branches. Conditions of all branches stand beside the `$or`."""
    shared, alternatives = _factor_out_shared(branches)
    policy = _to_object(shared)
    if alternatives:
        policy[OR_KEY] = [_to_object(conditions) for conditions in alternatives]
    return policy


def _to_object(conditions: Mapping[FieldPath, Conditions]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path in sorted(conditions):
        parent = document
        for name in path[:-1]:
            parent = parent.setdefault(name, {})
        parent[path[-1]] = [json.loads(condition) for condition in sorted(conditions[path])]
    return document


def _factor_out_shared(
    branches: Sequence[Branch],
) -> tuple[dict[FieldPath, Conditions], list[dict[FieldPath, Conditions]]]:
    """Return the conditions that all branches share, and the other conditions of each branch."""
    first, *others = branches
    shared = {
        path: conditions
        for path, conditions in first.conditions.items()
        if all(branch.conditions.get(path) == conditions for branch in others)
    }
    if not others:
        return shared, []
    return shared, [
        {path: conditions for path, conditions in branch.conditions.items() if path not in shared}
        for branch in branches
    ]


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Limit:
    measure: Callable[[Sequence[Branch], Scope], int]
    maximum: int
    reason: str


def _leaves(branches: Sequence[Branch]) -> list[tuple[FieldPath, Conditions]]:
    """Return the keys of the policy that have an array of values."""
    shared, alternatives = _factor_out_shared(branches)
    return [leaf for conditions in (shared, *alternatives) for leaf in conditions.items()]


def _combinations(branches: Sequence[Branch], scope: Scope) -> int:
    """Return the product of the numbers of values; each times its level if SNS tests the body."""
    return prod(
        sum(map(_value_count, conditions)) * (len(path) if scope is Scope.BODY else 1)
        for path, conditions in _leaves(branches)
    )


def _value_count(condition: Condition) -> int:
    value = json.loads(condition)
    excluded = value.get('anything-but') if isinstance(value, dict) else None
    return len(excluded) if isinstance(excluded, list) else 1


def _complexity(conditions: Conditions) -> int:
    """Return the complexity points of one field: points of wildcards times number of values."""
    points = 0
    for condition in conditions:
        if condition.startswith('{"wildcard"'):
            asterisks = condition.count('*')
            points += asterisks if asterisks == 1 else 3 * asterisks
        elif condition.startswith('{"anything-but"'):
            points += 1
    return points * len(conditions)


_LIMITS = (
    _Limit(lambda branches, _: len(_leaves(branches)), 5, reasons.KEYS),
    _Limit(
        lambda branches, _: sum(_complexity(conditions) for _, conditions in _leaves(branches)),
        100,
        reasons.COMPLEXITY,
    ),
    _Limit(_combinations, 150, reasons.COMBINATIONS),
    _Limit(lambda branches, _: len(json.dumps(to_policy(branches))), 262_144, reasons.SIZE),
)


def _exceeded(branches: Sequence[Branch], scope: Scope) -> _Limit | None:
    """Return the first limit that a policy exceeds; None for a policy that excludes nothing."""
    if not all(branch.conditions for branch in branches):
        return None
    return next(
        (limit for limit in _LIMITS if limit.measure(branches, scope) > limit.maximum), None
    )


# ── widening ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Widening:
    """Branches with a wider replacement for each, and the paths at which they are wider."""

    replacements: Sequence[tuple[Branch, Branch]]
    paths: set[FieldPath]

    def apply(self, branches: Sequence[Branch]) -> list[Branch]:
        removed, added = zip(*self.replacements, strict=True)
        return simplify([*(branch for branch in branches if branch not in removed), *added])

    def cost(self, usage: Mapping[FieldPath, int]) -> float:
        """Return the information that the widening loses.

        A path that many branches use costs more. A branch without paths has infinite cost. To mix
        the values of two branches at several paths has a penalty: the name of one event would
        pass with the domain of the other.
        """
        lost = 0.0
        for branch, wider in self.replacements:
            if not wider.conditions:
                return inf
            for path, conditions in branch.conditions.items():
                kept = wider.conditions.get(path)
                difference = _information(conditions) - (_information(kept) if kept else 0.0)
                # Of two equal losses, the one at the longer path costs slightly less.
                lost += difference * usage[path] * (1 - len(path) / 100)
        mixed = [path for path in self.paths if path in self.replacements[0][1].conditions]
        return lost + (MERGE_PENALTY if len(mixed) > 1 else 0.0)


def _information(conditions: Conditions) -> float:
    return -log(selectivity(conditions))


def _merge_many(branches: Sequence[Branch]) -> _Widening:
    """Merge the largest group of branches with the same paths.

    If no two branches have the same paths, drop the least used path of the longest branch.
    """
    by_paths: dict[frozenset[FieldPath], list[Branch]] = {}
    for branch in branches:
        by_paths.setdefault(frozenset(branch.conditions), []).append(branch)
    largest = max(by_paths.values(), key=len)
    if len(largest) > 1:
        merged = reduce(_merge, largest)
        return _Widening([(branch, merged) for branch in largest], {*merged.conditions})
    usage = _path_usage(branches)
    longest = max(branches, key=lambda branch: len(branch.conditions))
    rarest = min(longest.conditions, key=lambda path: (usage[path], path))
    return _Widening([(longest, longest.without(rarest))], {rarest})


def _path_usage(branches: Sequence[Branch]) -> Mapping[FieldPath, int]:
    """Return the number of branches with conditions at each path."""
    return Counter(path for branch in branches for path in branch.conditions)


def _cheapest(branches: Sequence[Branch], scope: Scope, limit: _Limit) -> _Widening:
    """Return the cheapest widening that brings the policy closer to a limit.

    There is always such a widening, because any path can be dropped.
    """

    def size(some: Sequence[Branch]) -> tuple[int, int]:
        return limit.measure(some, scope), sum(len(branch.conditions) for branch in some)

    before, usage = size(branches), _path_usage(branches)
    by_cost = sorted(_widenings(branches), key=lambda widening: widening.cost(usage))
    return next(widening for widening in by_cost if size(widening.apply(branches)) < before)


def _widenings(branches: Sequence[Branch]) -> Iterator[_Widening]:
    """Yield all widenings: drop a path, shorten texts to a common prefix, or merge two branches.

    Texts are shortened in all branches with the same conditions. Otherwise these conditions would
    no longer be shared, and would count once per branch.
    """
    same: dict[tuple[FieldPath, Conditions], list[Branch]] = {}
    for branch in branches:
        for path, conditions in branch.conditions.items():
            yield _Widening([(branch, branch.without(path))], {path})
            same.setdefault((path, conditions), []).append(branch)
    for (path, conditions), users in same.items():
        if coarser := _with_common_prefix(conditions):
            yield _Widening([(branch, branch.replace(path, coarser)) for branch in users], {path})
    for left, right in combinations(branches, 2):
        merged = _merge(left, right)
        paths = {*left.conditions, *right.conditions}
        changed = {
            path for path in paths if left.conditions.get(path) != right.conditions.get(path)
        }
        yield _Widening([(left, merged), (right, merged)], changed)


def _merge(left: Branch, right: Branch) -> Branch:
    """Return a branch for everything that either branch accepts, and for mixtures of both."""
    merged = {
        path: without_covered(conditions | right.conditions[path])
        for path, conditions in left.conditions.items()
        if path in right.conditions
    }
    return Branch(merged, left.enters_arrays or right.enters_arrays)


def _with_common_prefix(conditions: Conditions) -> Conditions | None:
    """Replace the texts that share the longest prefix by this prefix; None if none share any.

    If there are many conditions, replace every group with a shared prefix of this length, because
    each step of the search looks at every condition.
    """
    texts = sorted({text for each in conditions if (text := prefix_of(each)) is not None})
    shared = [_common_prefix(*pair) for pair in pairwise(texts)]
    longest = max(map(len, shared), default=0)
    if not longest:
        return None
    found = [prefix for prefix in shared if len(prefix) == longest]
    chosen = found if len(conditions) > MANY_CONDITIONS else found[:1]
    return without_covered(conditions.union(operator('prefix', prefix) for prefix in chosen))


def _common_prefix(left: str, right: str) -> str:
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
    return ''.join(character for character, _ in equal)
