"""The limits of SNS for filter policies, and how it counts the values of a policy.

https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = (
    'MAX_BYTES',
    'MAX_COMBINATIONS',
    'MAX_KEYS',
    'MAX_POINTS',
    'complexity_points',
    'value_count',
)

MAX_KEYS = 5
MAX_COMBINATIONS = 150
MAX_POINTS = 100
"""The largest complexity of all wildcards of a policy."""

MAX_BYTES = 262_144


def value_count(values: Sequence[object]) -> int:
    """Return the number of values in the array of one field.

    AWS does not document how a list in `anything-but` counts. This function counts all its values.
    """
    return sum(map(_values_in, values))


def _values_in(value: object) -> int:
    if isinstance(value, dict):
        excluded = value.get('anything-but')
        return len(excluded) if isinstance(excluded, list) else 1
    return 1


def complexity_points(values: Sequence[object]) -> int:
    """Return the complexity of one field: points of its wildcards, times its number of values."""
    return sum(map(_points_of, values)) * len(values)


def _points_of(value: object) -> int:
    if isinstance(value, dict):
        if 'wildcard' in value:
            asterisks = str(value['wildcard']).count('*')
            return asterisks if asterisks == 1 else 3 * asterisks
        return int('anything-but' in value)
    return 0
