"""The filter criteria of a Lambda event source mapping for SQS, made from a filter policy.

    policy     {"type": ["order"], "id": [{"wildcard": "a-*-b"}], "ip": [{"cidr": "10.0.0.0/8"}]}
    criteria   {"body": {"type": ["order"], "id": [{"prefix": "a-"}]}}

Lambda has fewer operators than SNS. A condition that it does not document becomes a wider one, or
its field is not tested.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mega.match.eventbridge.parser import OR_KEY

__all__ = ('to_criteria',)

MAX_CHARACTERS = 4_096
"""The length of a pattern, at most:
https://docs.aws.amazon.com/lambda/latest/api/API_Filter.html"""

_OPERATORS = frozenset(('prefix', 'suffix', 'equals-ignore-case', 'numeric', 'exists'))


def to_criteria(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the criteria for the bodies that a policy lets through; empty if they are all."""
    pattern = _widen(policy or {})
    text = json.dumps({'body': pattern})
    if not pattern or len(text) > MAX_CHARACTERS:
        return {}
    return {'Filters': [{'Pattern': text}]}


def _widen(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of a policy without the fields that Lambda cannot test."""
    return {name: tests for name, field in policy.items() if (tests := _widen_field(name, field))}


def _widen_field(name: str, field: Any) -> Any:
    if isinstance(field, Mapping):
        return _widen(field)
    if name == OR_KEY:
        alternatives = [_widen(each) for each in field]
        return alternatives if all(alternatives) else None
    conditions = [_widen_condition(each) for each in field]
    return None if None in conditions else [each for group in conditions for each in group or ()]


def _widen_condition(condition: Any) -> list[Any] | None:
    """Return the conditions of Lambda for a condition of SNS; None if it has none."""
    if not isinstance(condition, Mapping):
        return [condition]
    [(operator, operand)] = condition.items()
    if operator == 'wildcard':
        return _widen_wildcard(operand)
    is_negation = operator == 'anything-but' and not isinstance(operand, Mapping)
    return [condition] if is_negation or operator in _OPERATORS else None


def _widen_wildcard(wildcard: str) -> list[Any] | None:
    first, *_, last = wildcard.split('*')
    if first:
        return [{'prefix': first}]
    return [{'suffix': last}] if last else None
