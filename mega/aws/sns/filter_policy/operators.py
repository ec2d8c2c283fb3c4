"""The conditions of SNS's filter policies, and how many messages satisfy them.

A condition is a literal such as `"paid"` or an operator such as `{"prefix": "pa"}`. The module uses
only conditions that AWS documents:
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html and
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from math import fsum
from typing import Any, TypeAlias

__all__ = (
    'ABSENT',
    'ANY_TEXT',
    'MEGA_PROTOCOL',
    'PRESENT',
    'Condition',
    'Conditions',
    'Scope',
    'Translation',
    'is_encodable',
    'is_literal',
    'operator',
    'prefix_of',
    'selectivity',
    'to_condition',
    'to_policy_number',
    'without_covered',
)

Condition: TypeAlias = str
"""A literal or an operator of a policy, as JSON: in Python, `True == 1`."""

Conditions: TypeAlias = frozenset[Condition]
"""The conditions of one field. At least one of them must hold."""


class Scope(Enum):
    """The part of a message that SNS tests, as the value of `FilterPolicyScope`."""

    BODY = 'MessageBody'
    ATTRIBUTES = 'MessageAttributes'


@dataclass(frozen=True, slots=True)
class Translation:
    """Alternative conditions; at least one must hold. None if SNS cannot test anything."""

    conditions: tuple[Condition, ...] | None
    widened_because: str = ''
    """Why the conditions accept more than the pattern; empty if they do not."""


_to_json = json.JSONEncoder(ensure_ascii=False).encode
"""`json.dumps` would make an encoder for each condition."""


def to_condition(value: object) -> Condition:
    return _to_json(value)


def operator(name: str, operand: object) -> Condition:
    return to_condition({name: operand})


PRESENT = operator('exists', True)
"""The widest condition: SNS satisfies it with a value that is not null, empty or an object."""

ABSENT = operator('exists', False)
ANY_TEXT = operator('wildcard', '*')

MEGA_PROTOCOL = to_condition('mega')
"""The value of `protocol` in every MEGA event."""

MAX_NUMBER = 10**9
MAX_DECIMALS = 5
"""SNS compares numbers from -10**9 to 10**9, with five decimals."""

MAX_EXPONENT = 40
"""Numbers with a larger decimal exponent are rejected early, because exact arithmetic is slow."""


def is_encodable(text: str) -> bool:
    """Return whether a policy, which is sent in UTF-8, can hold a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_literal(text: str) -> bool:
    """Return whether SNS reads a text literally everywhere.

    SNS may unescape quotes and backslashes, depending on where a text stands.
    """
    return bool(text) and '"' not in text and '\\' not in text and is_encodable(text)


def to_policy_number(number: Decimal) -> int | float | None:
    """Return a number as a policy can hold it; None if SNS does not compare it reliably.

    The number must be exact as a double. A producer may write 19.99 with all fifty digits of the
    nearest double, and SNS compares a number with more digits than a double with nothing.
    """
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > MAX_EXPONENT:
        return None
    if number.copy_abs() > MAX_NUMBER:
        return None
    exact = Fraction(number)
    if (exact * 10**MAX_DECIMALS).denominator != 1 or Fraction(float(number)) != exact:
        return None
    return int(number) if exact.denominator == 1 else float(number)


def prefix_of(condition: Condition) -> str | None:
    """Return the operand of a `prefix` or the text of a literal; None for other conditions."""
    if condition.startswith('"'):
        text = condition
    elif condition.startswith(_START_OF_PREFIX):
        text = condition[len(_START_OF_PREFIX) : -1]
    else:
        return None
    return json.loads(text) if '\\' in text else text[1:-1]


_START_OF_PREFIX = '{"prefix": '


def without_covered(conditions: Conditions) -> Conditions:
    """Return the conditions without the texts and prefixes that a wider condition covers."""
    if ANY_TEXT in conditions:
        return frozenset(each for each in conditions if prefix_of(each) is None)
    if max(conditions, default='') < '{':  # only literals, because `{` sorts after all of them
        return conditions
    prefixes = sorted(
        {
            prefix
            for each in conditions
            if each.startswith('{') and (prefix := prefix_of(each)) is not None
        }
    )
    if not prefixes:
        return conditions
    outermost: list[str] = []
    for prefix in prefixes:  # each directly before the prefixes that it covers
        if not outermost or not prefix.startswith(outermost[-1]):
            outermost.append(prefix)

    def is_covered(condition: Condition) -> bool:
        text = prefix_of(condition)
        if text is None:
            return False
        nearest = outermost[max(0, bisect_right(outermost, text) - 1)]
        is_itself = text == nearest and condition.startswith('{')
        return text.startswith(nearest) and not is_itself

    return frozenset(condition for condition in conditions if not is_covered(condition))


def selectivity(conditions: Collection[Condition]) -> float:
    """Estimate the share of messages, from 0 to 1, that satisfy at least one of the conditions.

    The estimate serves only to compare conditions with each other.
    """
    special = [each for each in conditions if each >= '{' or each in _SELECTIVITY]
    of_literals = 0.001 * (len(conditions) - len(special))
    return min(1.0, fsum((of_literals, *map(_selectivity, special))))


@lru_cache(maxsize=4_096)
def _selectivity(condition: Condition) -> float:
    known = _SELECTIVITY.get(condition)
    if known is not None:
        return known
    value: dict[str, Any] = json.loads(condition)
    [(name, operand)] = value.items()
    if name in ('prefix', 'suffix'):
        return max(0.0015, 0.5 ** len(operand))
    return _SELECTIVITY_OF_OPERATORS.get(name, 0.3)


_SELECTIVITY_OF_OPERATORS = {'equals-ignore-case': 0.001, 'numeric': 0.003, 'anything-but': 0.95}
_SELECTIVITY = {
    MEGA_PROTOCOL: 0.5,  # every event satisfies it
    to_condition(True): 0.5,
    to_condition(False): 0.5,
    PRESENT: 0.7,
    ABSENT: 0.5,
    ANY_TEXT: 0.75,
}
