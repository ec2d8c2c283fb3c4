"""Filter policies of subscriptions: what SNS refuses, and which messages a policy accepts.

SNS and EventBridge have one language and one engine: SNS's error messages are the engine's. SNS has
other limits, and refuses `anything-but` with `suffix`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from math import prod
from typing import Any

from mega.errors import PatternError
from mega.local.messages import Attribute, Attributes, as_bytes
from mega.local.sns.topics import Filter
from mega.match.context import Context
from mega.match.eventbridge import filter_policy_limits as limits
from mega.match.eventbridge.matcher import EventPattern
from mega.match.eventbridge.operators import ValueList
from mega.match.eventbridge.parser import OR_KEY, parse_event_pattern

__all__ = ('BODY', 'SCOPES', 'PolicyError', 'filter_of')

BODY = 'MessageBody'
SCOPES = ('MessageAttributes', BODY)


class PolicyError(ValueError):
    """The reason why SNS refuses a filter policy."""


def filter_of(text: str, scope: str) -> Filter | None:
    """Return the filter of a policy in JSON; None for an empty policy, which accepts everything.

    Raises:
        PolicyError: for a policy that SNS refuses.
    """
    if len(as_bytes(text)) > limits.MAX_BYTES:
        raise PolicyError(f'Filter policy is larger than {limits.MAX_BYTES} bytes')
    try:
        policy = json.loads(text or '{}', parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise PolicyError('failed to parse JSON.') from None
    if not isinstance(policy, dict):
        raise PolicyError('Filter is not an object')
    if not policy:
        return None
    if scope != BODY and _is_nested(policy):
        raise PolicyError(
            'Filter policy scope MessageAttributes does not support nested filter policy'
        )
    if _more_keys_than(limits.MAX_KEYS, policy):
        raise PolicyError(f'Filter policy can not have more than {limits.MAX_KEYS} keys')
    try:
        pattern = parse_event_pattern(policy)
    except PatternError as error:
        raise PolicyError(str(error)) from None
    _check_limits(pattern, counts_levels=scope == BODY)
    return partial(_accepts_body if scope == BODY else _accepts_attributes, pattern)


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is not JSON')


def _is_nested(policy: Mapping[str, Any]) -> bool:
    """Return whether a field is an object, also in the alternatives of `$or`."""
    for name, value in policy.items():
        if isinstance(value, dict):
            return True
        if name == OR_KEY and isinstance(value, list):
            alternatives = (each for each in value if isinstance(each, dict))
            if any(isinstance(one, dict) for each in alternatives for one in each.values()):
                return True
    return False


def _more_keys_than(limit: int, policy: Mapping[str, Any]) -> bool:
    """Return whether a policy has more arrays of values than a limit.

    The parser would need much time to combine the keys of a large policy with its alternatives.
    AWS does not document how keys count inside `$or`: all of them count here.
    """
    count, objects = 0, [policy]
    while objects and count <= limit:
        for name, value in objects.pop().items():
            if isinstance(value, dict):
                objects.append(value)
            elif name == OR_KEY and _is_list_of_objects(value):
                objects += value
            else:
                count += 1
    return count > limit


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _check_limits(pattern: EventPattern, counts_levels: bool) -> None:
    """Refuse a policy above a limit.

    Recorded answers of AWS decide about `$or`: it adds up the combinations of the alternatives.
    """
    arrays = _arrays(pattern)
    counts = {key: limits.value_count(each.source) for key, each in arrays.items()}
    combinations = sum(
        prod(
            counts[id(field.values)] * (len(field.path) if counts_levels else 1)
            for field in combination
        )
        for combination in pattern.combinations
    )
    points = sum(limits.complexity_points(each.source) for each in arrays.values())
    if combinations > limits.MAX_COMBINATIONS or points > limits.MAX_POINTS:
        raise PolicyError('Filter policy is too complex')
    _check_operators(arrays.values())


def _arrays(pattern: EventPattern) -> dict[int, ValueList]:
    """Return the arrays of a policy by identity. Combinations share the arrays outside `$or`."""
    return {
        id(field.values): field.values
        for combination in pattern.combinations
        for field in combination
    }


def _check_operators(arrays: Iterable[ValueList]) -> None:
    """Refuse `anything-but` with `suffix`, as recorded answers of AWS from 2024 do."""
    for values in arrays:
        for value in values.source:
            operand = value.get('anything-but') if isinstance(value, dict) else None
            if isinstance(operand, dict) and 'suffix' in operand:
                raise PolicyError('Unsupported anything-but pattern: suffix')


def _accepts_body(pattern: EventPattern, body: str, attributes: Attributes) -> bool:
    """Test the body. SNS delivers no body that is not a JSON object (guide, message filtering)."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return pattern.accepts(document, Context(document))


def _accepts_attributes(pattern: EventPattern, body: str, attributes: Attributes) -> bool:
    """Test the attributes except Binary ones, which SNS ignores.

    A message without attributes is not delivered: `{"exists": false}` needs at least one attribute
    (guide, attribute key matching).
    """
    values = {
        name: _value(attribute)
        for name, attribute in attributes.items()
        if isinstance(attribute.value, str)
    }
    return bool(attributes) and pattern.accepts(values, Context(values))


def _value(attribute: Attribute) -> object:
    """Return the value of an attribute as JSON. Without a valid array, a String.Array is empty."""
    text = str(attribute.value)
    if attribute.data_type == 'String.Array':
        try:
            members = json.loads(text)
        except (ValueError, RecursionError):
            return []
        return members if isinstance(members, list) else []
    if attribute.data_type.partition('.')[0] == 'Number':
        return _number(text)
    return text


def _number(text: str) -> int | float:
    """Return a number. It is infinite if no double is as large."""
    try:
        return int(text)
    except ValueError:  # not an integer, or one with more digits than Python reads
        return float(text)
