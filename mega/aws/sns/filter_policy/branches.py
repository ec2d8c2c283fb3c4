"""Branches: a policy in disjunctive normal form.

A message passes when it satisfies at least one branch. A branch is a conjunction: it holds when, at
each of its field paths, one of the conditions holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from mega.aws._messages.filter_attributes import FieldPath
from mega.aws.sns.filter_policy.operators import Conditions, selectivity, without_covered

__all__ = ('MATCH_ALL', 'Branch', 'intersect', 'is_narrower', 'simplify')


@dataclass(frozen=True, slots=True)
class Branch:
    """Conditions at field paths, which must all hold. A branch without paths always holds."""

    conditions: Mapping[FieldPath, Conditions] = field(default_factory=dict)
    enters_arrays: bool = False
    """Whether the paths may lead through arrays. SNS then tests all paths on the same member."""

    @property
    def selectivity(self) -> float:
        """The estimated share of messages, from 0 to 1, that pass."""
        return prod(map(selectivity, self.conditions.values()))

    def replace(self, path: FieldPath, conditions: Conditions) -> Branch:
        return Branch({**self.conditions, path: conditions}, self.enters_arrays)

    def without(self, path: FieldPath) -> Branch:
        kept = {key: value for key, value in self.conditions.items() if key != path}
        return Branch(kept, self.enters_arrays)


MATCH_ALL = Branch()


def intersect(left: Branch, right: Branch) -> Branch:
    """Return a branch that holds wherever both branches hold, as narrow as SNS allows.

    SNS tests one set of conditions at a path, and none at a path below. If both branches have
    conditions there, the more selective ones remain.

    If both branches enter arrays, different members may satisfy them. A combined branch would
    require one member for all paths, so only the more selective branch remains.
    """
    if left.enters_arrays and right.enters_arrays:
        return min(left, right, key=lambda branch: branch.selectivity)
    merged = dict(left.conditions)
    for path, conditions in right.conditions.items():
        rivals = [key for key in merged if key[: len(path)] == path or path[: len(key)] == key]
        if all(selectivity(conditions) < selectivity(merged[key]) for key in rivals):
            for key in rivals:
                del merged[key]
            merged[path] = conditions
    return Branch(merged, left.enters_arrays or right.enters_arrays)


def is_narrower(left: Branch, right: Branch) -> bool:
    """Return whether every message that satisfies `left` certainly satisfies `right`."""
    return all(
        path in left.conditions and left.conditions[path] <= conditions
        for path, conditions in right.conditions.items()
    )


def simplify(branches: Iterable[Branch]) -> list[Branch]:
    """Return fewer branches that let through the same messages."""
    merged = _merge_similar(list(branches))
    kept: list[Branch] = []
    for index, branch in enumerate(merged):
        others = (*kept, *merged[index + 1 :])
        if not any(is_narrower(branch, other) for other in others):
            kept.append(branch)
    return kept


def _merge_similar(branches: Sequence[Branch]) -> list[Branch]:
    """Merge the branches that differ at one path only."""
    result = list(branches)
    paths = sorted({path for branch in result for path in branch.conditions})
    for path in paths:
        merged: dict[object, Branch] = {}
        for branch in result:
            if path not in branch.conditions:
                merged[object()] = branch
                continue
            rest = frozenset(branch.without(path).conditions.items()), branch.enters_arrays
            similar = merged.get(rest)
            added = similar.conditions[path] if similar else frozenset()
            merged[rest] = branch.replace(path, without_covered(branch.conditions[path] | added))
        result = list(merged.values())
    return result
