"""Branches: a policy in disjunctive normal form.

A message passes when it satisfies at least one branch. A branch is a conjunction: it holds when one
of the conditions of each of its fields holds. A field is at one of its paths. Most fields have one
path; an attribute of an event has two, and its policy has one alternative for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TypeAlias

from mega.aws._messages.filter_attributes import FieldPath
from mega.aws.sns.filter_policy.operators import (
    Condition,
    Conditions,
    selectivity,
    without_covered,
)

__all__ = ('MATCH_ALL', 'Branch', 'Field', 'intersect', 'is_narrower', 'simplify')

Field: TypeAlias = tuple[FieldPath, ...]
"""The paths of a field. SNS finds the field at exactly one of them."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Conditions of fields, which must all hold. A branch without fields always holds."""

    conditions: Mapping[Field, Conditions] = field(default_factory=dict)
    enters_arrays: bool = False
    """Whether the paths may lead through arrays. SNS then tests all paths on the same member."""

    @property
    def selectivity(self) -> float:
        """The estimated share of messages, from 0 to 1, that pass."""
        return prod(map(selectivity, self.conditions.values()))

    def replace(self, name: Field, conditions: Conditions) -> Branch:
        return Branch({**self.conditions, name: conditions}, self.enters_arrays)

    def without(self, name: Field) -> Branch:
        kept = {key: value for key, value in self.conditions.items() if key != name}
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
    for name, conditions in right.conditions.items():
        rivals = [other for other in merged if _exclude_each_other(name, other)]
        if all(selectivity(conditions) < selectivity(merged[rival]) for rival in rivals):
            for rival in rivals:
                del merged[rival]
            merged[name] = conditions
    return Branch(merged, left.enters_arrays or right.enters_arrays)


def _exclude_each_other(left: Field, right: Field) -> bool:
    """Return whether a path of one field is the same as a path of the other, or leads to it."""
    return any(
        one[: len(other)] == other or other[: len(one)] == one for one in left for other in right
    )


def is_narrower(left: Branch, right: Branch) -> bool:
    """Return whether every message that satisfies `left` certainly satisfies `right`."""
    return all(
        name in left.conditions and left.conditions[name] <= conditions
        for name, conditions in right.conditions.items()
    )


def simplify(branches: Iterable[Branch]) -> list[Branch]:
    """Return fewer branches that let through the same messages.

    The time is about linear in the number of branches, because both steps look up the branches that
    a branch can be merged with.
    """
    found = list(branches)
    return _without_narrower(_merge_similar(found)) if len(found) > 1 else found


def _merge_similar(branches: Iterable[Branch]) -> list[Branch]:
    """Merge the branches that differ in one field only."""
    result: dict[int, Branch] = dict(enumerate(branches))
    places: dict[Field, list[int]] = {}
    for place, branch in result.items():
        for name in branch.conditions:
            places.setdefault(name, []).append(place)
    for name in sorted(places):
        similar: dict[object, list[int]] = {}
        for place in places[name]:
            if place in result:
                branch = result[place]
                others = frozenset(item for item in branch.conditions.items() if item[0] != name)
                similar.setdefault((others, branch.enters_arrays), []).append(place)
        for first, *others_like_it in similar.values():
            if others_like_it:
                merged = [result.pop(place) for place in others_like_it]
                conditions = (
                    result[first]
                    .conditions[name]
                    .union(*(branch.conditions[name] for branch in merged))
                )
                result[first] = result[first].replace(name, without_covered(conditions))
    return list(result.values())


def _without_narrower(branches: Sequence[Branch]) -> list[Branch]:
    """Remove the branches that are narrower than another one.

    In each field of a wider branch, that branch has all conditions of the narrower branch. A dict
    maps conditions to branches, so that one condition of a narrower branch finds the wider one. The
    dict has the conditions of one field of each branch: the field with the fewest conditions that
    few other branches have.
    """
    unconditional = next((branch for branch in branches if not branch.conditions), None)
    if unconditional is not None:
        return [unconditional]
    samples = [
        {field: next(iter(conditions)) for field, conditions in branch.conditions.items()}
        for branch in branches
    ]
    usage = Counter(item for sample in samples for item in sample.items())
    wider: dict[tuple[Field, Condition], list[int]] = {}
    for place, (branch, sample) in enumerate(zip(branches, samples, strict=True)):
        costs = {
            field: usage[field, sample[field]] + len(conditions)
            for field, conditions in branch.conditions.items()
        }
        rarest = min(costs, key=costs.__getitem__)
        for condition in branch.conditions[rarest]:
            wider.setdefault((rarest, condition), []).append(place)
    kept = dict(enumerate(branches))
    for place, (branch, sample) in enumerate(zip(branches, samples, strict=True)):
        candidates = (other for item in sample.items() for other in wider.get(item, ()))
        if any(
            other != place and other in kept and is_narrower(branch, kept[other])
            for other in candidates
        ):
            del kept[place]
    return list(kept.values())
