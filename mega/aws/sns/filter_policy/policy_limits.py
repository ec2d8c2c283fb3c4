"""The limits of SNS for filter policies, and the policy of branches as JSON.

https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html

AWS does not document how keys count inside `$or`. This module counts every key of all alternatives.
Combinations are known from AWS's answers: each alternative counts as the product of its numbers of
values, including the values beside `$or`, and the alternatives are added up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from typing import Any

from mega.aws._messages.filter_attributes import FieldPath
from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.branches import Branch, Field
from mega.aws.sns.filter_policy.operators import Conditions, Scope
from mega.match.eventbridge.filter_policy_limits import (
    MAX_BYTES,
    MAX_COMBINATIONS,
    MAX_KEYS,
    MAX_POINTS,
    complexity_points,
    value_count,
)
from mega.match.eventbridge.parser import OR_KEY

__all__ = ('Limit', 'Limits', 'to_policy')


def to_policy(branches: Sequence[Branch]) -> dict[str, Any]:
    """Return the policy of branches. Conditions of all branches stand beside the `$or`."""
    shared = _shared_fields(branches)
    policy: dict[str, Any] = {}
    _add(policy, {field[0]: branches[0].conditions[field] for field in shared})
    alternatives = [each for branch in branches for each in _alternatives(branch, shared)]
    if len(alternatives) == 1:
        _add(policy, alternatives[0])
    else:
        policy[OR_KEY] = [_add({}, conditions) for conditions in alternatives]
    return policy


def _shared_fields(branches: Sequence[Branch]) -> set[Field]:
    """Return the fields with one path that have the same conditions in all branches."""
    first, *others = branches
    return {
        field
        for field, conditions in first.conditions.items()
        if len(field) == 1 and all(each.conditions.get(field) == conditions for each in others)
    }


def _alternatives(branch: Branch, shared: set[Field]) -> Iterator[dict[FieldPath, Conditions]]:
    """Yield the conditions for each choice of the paths of fields that are not shared."""
    fields = [field for field in branch.conditions if field not in shared]
    for paths in product(*fields):
        yield {path: branch.conditions[field] for field, path in zip(fields, paths, strict=True)}


def _add(document: dict[str, Any], conditions: Mapping[FieldPath, Conditions]) -> dict[str, Any]:
    for path in sorted(conditions):
        parent = document
        for name in path[:-1]:
            parent = parent.setdefault(name, {})
        parent[path[-1]] = [json.loads(condition) for condition in sorted(conditions[path])]
    return document


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of SNS: how a policy is measured, and what the measure may be at most."""

    measure: Callable[[Sequence[Branch]], int]
    maximum: int
    reason: str
    counts_values: bool = True
    """Whether fewer values in a field make the measure smaller."""


class Limits:
    """The limits for policies of one scope. Remembers the measures of conditions."""

    def __init__(self, scope: Scope) -> None:
        self._counts_levels = scope is Scope.BODY
        self._value_count = cache(_value_count)
        self._complexity = cache(_complexity)
        self._all = (
            Limit(self._keys, MAX_KEYS, reasons.KEYS, counts_values=False),
            Limit(self._points, MAX_POINTS, reasons.COMPLEXITY),
            Limit(self._combinations, MAX_COMBINATIONS, reasons.COMBINATIONS),
            Limit(_size, MAX_BYTES, reasons.SIZE),
        )

    def exceeded(self, branches: Sequence[Branch]) -> Limit | None:
        """Return the first limit that a policy exceeds; None for a policy that excludes nothing."""
        if not all(branch.conditions for branch in branches):
            return None
        return next((limit for limit in self._all if limit.measure(branches) > limit.maximum), None)

    def _keys(self, branches: Sequence[Branch]) -> int:
        return self._sum_of_leaves(branches, lambda conditions: 1)

    def _points(self, branches: Sequence[Branch]) -> int:
        return self._sum_of_leaves(branches, self._complexity)

    def _sum_of_leaves(
        self, branches: Sequence[Branch], measure: Callable[[Conditions], int]
    ) -> int:
        """Add up a measure over the keys of the policy that have an array of values."""
        shared = _shared_fields(branches)
        total = sum(measure(branches[0].conditions[field]) for field in shared)
        for branch in branches:
            alternatives = prod(map(len, branch.conditions))
            total += alternatives * sum(
                measure(conditions)
                for field, conditions in branch.conditions.items()
                if field not in shared
            )
        return total

    def _combinations(self, branches: Sequence[Branch]) -> int:
        """Return the number of values, each times its level if SNS tests the body.

        The numbers are multiplied within an alternative, and added up over the alternatives.
        """
        return sum(
            prod(
                self._value_count(conditions) * sum(map(self._level, field))
                for field, conditions in branch.conditions.items()
            )
            for branch in branches
        )

    def _level(self, path: FieldPath) -> int:
        return len(path) if self._counts_levels else 1


def _size(branches: Sequence[Branch]) -> int:
    return len(json.dumps(to_policy(branches)))


def _value_count(conditions: Conditions) -> int:
    return value_count(_values(conditions))


def _complexity(conditions: Conditions) -> int:
    return complexity_points(_values(conditions))


def _values(conditions: Conditions) -> list[object]:
    """Return the values of conditions. The limits do not depend on the value of a literal."""
    return [json.loads(each) if each.startswith('{') else each for each in conditions]
