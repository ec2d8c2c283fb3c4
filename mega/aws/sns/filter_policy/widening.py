"""Widen the branches of a policy until the policy is within SNS's limits.

`fit_to_limits` is a greedy search. Each step applies the cheapest widening that brings the policy
closer to the limit. A widening drops a field, replaces texts by their common prefix, or merges two
branches. For example, `{"name": ["item.a", "item.b"]}` widens to `{"name": [{"prefix": "item."}]}`.

With many branches, a step does not compare all pairs. It sorts the branches, so that similar ones
are neighbours, and applies many widenings of neighbours at once: as many as half of the branches
that are too many. The search therefore takes few steps for any number of branches.

The cost of a widening is an estimate, and the search may drop more than necessary. At the end,
dropped fields therefore return where the limits have room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from math import exp, inf, log
from os.path import commonprefix

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

MAX_RESTORED_VALUES = 10_000
"""A dropped field with more values does not return: its common prefixes would exclude little."""

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
            for field in sorted(widening.losses):
                widened['.'.join(field[0]), limit.reason] = None
        current = _apply(widenings, current)
    if widened:
        current, shortened = _restore(current, original, limits)
        widened |= dict.fromkeys(shortened)
    if len(original) == len(current) == 1:
        kept = {
            '.'.join(field[0])
            for field, conditions in original[0].conditions.items()
            if current[0].conditions.get(field) == conditions
        }
        return current, [(path, reason) for path, reason in widened if path not in kept]
    return current, list(widened)


def _restore(
    branches: Sequence[Branch], originals: Sequence[Branch], limits: Limits
) -> tuple[list[Branch], list[tuple[str, str]]]:
    """Return branches with the dropped fields for which the limits have room.

    The texts of a field are replaced by common prefixes until the field fits. Return also the
    dotted paths of the fields with such prefixes, each with the reason.
    """
    current, shortened = list(branches), []
    for place, branch in enumerate(branches):
        for field, dropped in _dropped(branch, originals):
            values: Conditions | None = dropped
            reason = ''
            while values:
                restored = current[place].replace(field, values)
                candidate = [*current[:place], restored, *current[place + 1 :]]
                limit = limits.exceeded(candidate)
                if limit is None:
                    current = candidate
                    shortened += [('.'.join(field[0]), reason)] if reason else []
                    break
                reason = limit.reason
                values = _with_common_prefix(values) if limit.counts_values else None
    return current, shortened


def _dropped(branch: Branch, originals: Sequence[Branch]) -> list[tuple[Field, Conditions]]:
    """Return the fields that a branch may test in addition, those first that exclude most.

    All the original branches that the branch covers test these fields. A field of many levels comes
    later, because its values count as more combinations.
    """
    covered = _covered_by(branch, originals)
    dropped = [
        (field, _values_of(field, covered))
        for field, users in _usage(covered).items()
        if users == len(covered) and field not in branch.conditions
    ]
    few = [item for item in dropped if len(item[1]) <= MAX_RESTORED_VALUES]
    return sorted(few, key=lambda item: (-_information(item[1]) / sum(map(len, item[0])), item[0]))


def _covered_by(branch: Branch, others: Sequence[Branch]) -> Sequence[Branch]:
    """Return the branches all of whose messages satisfy a branch, as its conditions show."""
    for field, conditions in branch.conditions.items():
        others = [other for other in others if field in other.conditions]
        additional = _values_of(field, [branch, *others]) - conditions
        others = [other for other in others if additional.isdisjoint(other.conditions[field])]
    return others


def _values_of(field: Field, branches: Iterable[Branch]) -> Conditions:
    """Return the conditions of a field that some of the branches have."""
    values: Conditions = frozenset()
    return without_covered(values.union(*(branch.conditions[field] for branch in branches)))


@dataclass(frozen=True, slots=True)
class _Widening:
    """Replacements of branches by wider branches, and their cost.

    - `replacements` has pairs of a branch and its wider replacement.
    - `losses` has the information that the branches lose in each field that differs.
    - `penalty` is an additional cost; infinite for a replacement without fields.
    """

    replacements: Sequence[tuple[Branch, Branch]]
    losses: Mapping[Field, float]
    penalty: float

    def cost(self, weights: Mapping[Field, float]) -> float:
        """Return the information lost, weighted by field: the cost if there are too many keys."""
        lost = sum(loss * weights[field] for field, loss in self.losses.items())
        return lost + self.penalty


def _apply(widenings: Iterable[_Widening], branches: Sequence[Branch]) -> list[Branch]:
    replacements = [each for widening in widenings for each in widening.replacements]
    removed = {id(branch) for branch, _ in replacements}
    kept = [branch for branch in branches if id(branch) not in removed]
    return simplify([*kept, *(wider for _, wider in replacements)])


class _Search:
    """Finds widenings. Remembers them, because most branches are the same in the next step."""

    def __init__(self) -> None:
        self._information = cache(_information)
        self._union = cache(_union)
        self._with_common_prefix = cache(_with_common_prefix)
        self._merges: dict[tuple[int, int], _Widening] = {}

    def cheapest(self, branches: Sequence[Branch], limit: Limit) -> _Widening:
        """Return the cheapest widening that brings the policy closer to a limit.

        There is always such a widening, because any field can be dropped.
        """

        def size(some: Sequence[Branch]) -> tuple[int, int]:
            return limit.measure(some), sum(len(branch.conditions) for branch in some)

        before, weights = size(branches), _weights(branches)
        by_cost = sorted(
            self._widenings(branches, shorten=limit.counts_values),
            key=self._added_share if limit.counts_values else lambda each: each.cost(weights),
        )
        return next(each for each in by_cost if size(_apply([each], branches)) < before)

    def cheapest_of_many(self, branches: Sequence[Branch]) -> list[_Widening]:
        """Return cheap widenings of different branches: drops of fields, and merges of neighbours.

        Each of them reduces the number of branches, or of the fields in all branches.
        """
        weights = _weights(branches)
        found = [self._merge(*pair) for pair in pairwise(_by_similarity(branches))]
        for branch in branches:
            losses = {
                field: self._information(conditions) * weights[field]
                for field, conditions in branch.conditions.items()
            }
            found.append(self._drop(branch, min(losses, key=losses.__getitem__)))
        chosen: list[_Widening] = []
        used: set[int] = set()
        wanted = -(-(len(branches) - MAX_PAIRED_BRANCHES) // 2)
        for widening in sorted(found, key=lambda each: each.cost(weights)):
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
                yield self._drop(branch, field)
                same.setdefault((field, conditions), []).append(branch)
        for (field, conditions), users in same.items() if shorten else ():
            if coarser := self._with_common_prefix(conditions):
                yield self._widening([(each, each.replace(field, coarser)) for each in users])
        for left, right in combinations(branches, 2):
            yield self._merge(left, right)

    def _drop(self, branch: Branch, field: Field) -> _Widening:
        return self._widening([(branch, branch.without(field))])

    def _merge(self, left: Branch, right: Branch) -> _Widening:
        """Return a branch for all that either branch accepts, and for mixtures of both."""
        key = id(left), id(right)  # a remembered widening keeps both branches alive
        if key not in self._merges:
            merged = Branch(
                {
                    field: self._union(conditions, right.conditions[field])
                    for field, conditions in left.conditions.items()
                    if field in right.conditions
                },
                left.enters_arrays or right.enters_arrays,
            )
            self._merges[key] = self._widening([(left, merged), (right, merged)])
        return self._merges[key]

    def _widening(self, replacements: Sequence[tuple[Branch, Branch]]) -> _Widening:
        """Return replacements with their cost.

        To mix the values of two branches in several fields has a penalty: the name of one event
        would pass with the domain of the other.
        """
        losses: dict[Field, float] = {}
        for branch, wider in replacements:
            for field, conditions in branch.conditions.items():
                kept = wider.conditions.get(field)
                if kept != conditions:
                    lost = self._information(conditions)
                    lost -= self._information(kept) if kept else 0.0
                    losses[field] = losses.get(field, 0.0) + lost
        penalty = MERGE_PENALTY if len(losses.keys() & replacements[0][0].conditions) > 1 else 0.0
        if not all(wider.conditions for _, wider in replacements):
            penalty = inf
        return _Widening(replacements, losses, penalty)

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


def _weights(branches: Sequence[Branch]) -> Mapping[Field, float]:
    """Return the cost of one unit of information in each field.

    A field that many branches use costs more. A field with two paths takes two keys, and costs
    half. Of two equal losses, the one at the longer path costs slightly less.
    """
    return {
        field: users / len(field) * (1 - len(field[0]) / 100)
        for field, users in _usage(branches).items()
    }


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

    If there are many conditions, replace as many texts as are too many, because each step of the
    search looks at every condition.
    """
    texts = sorted({text for each in conditions if (text := prefix_of(each)) is not None})
    shared = filter(None, map(commonprefix, pairwise(texts)))
    longest_first = sorted(shared, key=len, reverse=True)
    chosen = longest_first[: max(1, len(conditions) - MANY_CONDITIONS)]
    if not chosen:
        return None
    return without_covered(conditions.union(operator('prefix', prefix) for prefix in {*chosen}))
