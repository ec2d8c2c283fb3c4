"""Widen the branches of a policy until the policy is within SNS's limits.

`fit_to_limits` is a greedy search. Each step applies the cheapest widening that brings the policy
closer to the limit. A widening drops a field, replaces texts by their common prefix, or merges two
branches. For example, `{"name": ["item.a", "item.b"]}` widens to `{"name": [{"prefix": "item."}]}`.

With many branches, a step does not compare all pairs. It sorts the branches, so that similar ones
are neighbours, and applies many widenings of neighbours at once: as many as half of the branches
that are too many. The search therefore takes few steps for any number of branches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise, takewhile
from math import exp, inf, log

from mega.aws.sns.filter_policy.branches import Branch, Field, simplify
from mega.aws.sns.filter_policy.operators import (
    Conditions,
    Scope,
    operator,
    prefix_of,
    selectivity,
    without_covered,
)
from mega.aws.sns.filter_policy.policy_limits import Limit, Limits

__all__ = ('fit_to_limits',)

MERGE_PENALTY = 5.0
"""The cost of a merge that mixes values of several fields: about the information of one text."""

MANY_CONDITIONS = 300
"""Twice the number of values that SNS accepts."""

MAX_PAIRED_BRANCHES = 24
"""Up to this number of branches, a step compares all pairs of branches."""


def fit_to_limits(
    branches: Sequence[Branch], scope: Scope
) -> tuple[list[Branch], list[tuple[str, str]]]:
    """Widen branches until SNS accepts their policy.

    Return the branches, and the dotted paths at which they are wider, each with the reason. A
    branch without fields ends the search: the policy then excludes no message.
    """
    limits, search = Limits(scope), _Search()
    original = current = simplify(branches)
    widened: dict[tuple[str, str], None] = {}
    while limit := limits.exceeded(current):
        if len(current) > MAX_PAIRED_BRANCHES:
            widenings = search.cheapest_of_many(current)
        else:
            widenings = [search.cheapest(current, limit)]
        for widening in widenings:
            for field in sorted(widening.fields):
                widened['.'.join(field[0]), limit.reason] = None
        current = _apply(widenings, current)
    if len(original) == len(current) == 1:
        current = [_restore(current[0], original[0], limits)]
        kept = {
            '.'.join(field[0])
            for field, conditions in original[0].conditions.items()
            if current[0].conditions.get(field) == conditions
        }
        return current, [(path, reason) for path, reason in widened if path not in kept]
    return current, list(widened)


def _restore(branch: Branch, original: Branch, limits: Limits) -> Branch:
    """Return a branch with the dropped fields for which the last steps of the search made room."""
    dropped = [field for field in original.conditions if field not in branch.conditions]
    for field in sorted(dropped, key=lambda field: selectivity(original.conditions[field])):
        restored = branch.replace(field, original.conditions[field])
        if not limits.exceeded([restored]):
            branch = restored
    return branch


@dataclass(frozen=True, slots=True)
class _Widening:
    """Replacements of branches by wider branches.

    - `replacements` has pairs of a branch and its wider replacement.
    - `fields` are the fields that differ.
    """

    replacements: Sequence[tuple[Branch, Branch]]
    fields: set[Field]


def _apply(widenings: Iterable[_Widening], branches: Sequence[Branch]) -> list[Branch]:
    replacements = [each for widening in widenings for each in widening.replacements]
    removed = {id(branch) for branch, _ in replacements}
    kept = [branch for branch in branches if id(branch) not in removed]
    return simplify([*kept, *(wider for _, wider in replacements)])


class _Search:
    """Finds widenings. Remembers what it computed for each set of conditions."""

    def __init__(self) -> None:
        self._information = cache(_information)
        self._union = cache(_union)
        self._with_common_prefix = cache(_with_common_prefix)

    def cheapest(self, branches: Sequence[Branch], limit: Limit) -> _Widening:
        """Return the cheapest widening that brings the policy closer to a limit.

        There is always such a widening, because any field can be dropped.
        """

        def size(some: Sequence[Branch]) -> tuple[int, int]:
            return limit.measure(some), sum(len(branch.conditions) for branch in some)

        before = size(branches)
        if limit.counts_values:
            by_cost = sorted(self._widenings(branches, shorten=True), key=self._added_share)
        else:
            usage = _usage(branches)
            by_cost = sorted(
                self._widenings(branches, shorten=False),
                key=lambda widening: self._lost_information(widening, usage),
            )
        return next(each for each in by_cost if size(_apply([each], branches)) < before)

    def cheapest_of_many(self, branches: Sequence[Branch]) -> list[_Widening]:
        """Return cheap widenings of different branches: drops of fields, and merges of neighbours.

        Each of them reduces the number of branches, or of the fields in all branches.
        """
        usage = _usage(branches)

        def cost(widening: _Widening) -> float:
            return self._lost_information(widening, usage)

        found = [self._merge(*pair) for pair in pairwise(_by_similarity(branches))]
        found += [
            min((_drop(branch, field) for field in branch.conditions), key=cost)
            for branch in branches
        ]
        chosen: list[_Widening] = []
        used: set[int] = set()
        wanted = -(-(len(branches) - MAX_PAIRED_BRANCHES) // 2)
        for widening in sorted(found, key=cost):
            replaced = {id(branch) for branch, _ in widening.replacements}
            if len(chosen) < wanted and not replaced & used:
                chosen.append(widening)
                used |= replaced
        return chosen

    def _widenings(self, branches: Sequence[Branch], *, shorten: bool) -> Iterator[_Widening]:
        """Yield all widenings: drop a field, shorten texts to a common prefix, merge two branches.

        Texts are shortened in all branches with the same conditions. Otherwise these conditions
        would no longer be shared, and would count once per branch.
        """
        same: dict[tuple[Field, Conditions], list[Branch]] = {}
        for branch in branches:
            for field, conditions in branch.conditions.items():
                yield _drop(branch, field)
                same.setdefault((field, conditions), []).append(branch)
        for (field, conditions), users in same.items() if shorten else ():
            if coarser := self._with_common_prefix(conditions):
                yield _Widening([(each, each.replace(field, coarser)) for each in users], {field})
        for left, right in combinations(branches, 2):
            yield self._merge(left, right)

    def _merge(self, left: Branch, right: Branch) -> _Widening:
        """Return a branch for all that either branch accepts, and for mixtures of both."""
        merged = Branch(
            {
                field: self._union(conditions, right.conditions[field])
                for field, conditions in left.conditions.items()
                if field in right.conditions
            },
            left.enters_arrays or right.enters_arrays,
        )
        changed = {
            field
            for field in {*left.conditions, *right.conditions}
            if left.conditions.get(field) != right.conditions.get(field)
        }
        return _Widening([(left, merged), (right, merged)], changed)

    def _lost_information(self, widening: _Widening, usage: Mapping[Field, int]) -> float:
        """Return the cost of a widening while there are too many keys.

        A field that many branches use costs more. A field with two paths takes two keys, and costs
        half. A branch without fields has infinite cost. To mix the values of two branches in
        several fields has a penalty: the name of one event would pass with the domain of the other.
        """
        lost = 0.0
        for branch, wider in widening.replacements:
            if not wider.conditions:
                return inf
            for field in widening.fields & branch.conditions.keys():
                kept = wider.conditions.get(field)
                difference = self._information(branch.conditions[field])
                difference -= self._information(kept) if kept else 0.0
                # Of two equal losses, the one at the longer path costs slightly less.
                lost += difference * usage[field] / len(field) * (1 - len(field[0]) / 100)
        mixed = widening.fields & widening.replacements[0][0].conditions.keys()
        return lost + (MERGE_PENALTY if len(mixed) > 1 else 0.0)

    def _added_share(self, widening: _Widening) -> float:
        """Return the cost of a widening while there are too many values.

        The cost is the estimated share of messages that additionally pass.
        """
        replaced = {id(wider): wider for _, wider in widening.replacements}.values()
        share = sum(map(self._share, replaced))
        return share - sum(self._share(branch) for branch, _ in widening.replacements)

    def _share(self, branch: Branch) -> float:
        if not branch.conditions:
            return inf  # the policy would exclude no message
        return exp(-sum(map(self._information, branch.conditions.values())))


def _drop(branch: Branch, field: Field) -> _Widening:
    return _Widening([(branch, branch.without(field))], {field})


def _usage(branches: Sequence[Branch]) -> Mapping[Field, int]:
    """Return the number of branches with conditions of each field."""
    return Counter(field for branch in branches for field in branch.conditions)


def _by_similarity(branches: Sequence[Branch]) -> list[Branch]:
    """Sort branches by their fields, and then by the values of the fields with few values."""
    values: dict[Field, set[Conditions]] = {}
    for branch in branches:
        for field, conditions in branch.conditions.items():
            values.setdefault(field, set()).add(conditions)

    def key(branch: Branch) -> tuple[list[Field], list[str]]:
        fields = sorted(branch.conditions, key=lambda field: (len(values[field]), field))
        return fields, [min(branch.conditions[field]) for field in fields]

    return sorted(branches, key=key)


def _information(conditions: Conditions) -> float:
    return -log(selectivity(conditions))


def _union(left: Conditions, right: Conditions) -> Conditions:
    return without_covered(left | right)


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
