"""The words of SNS's filter policies, as far as they are documented, and what they are worth.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html and
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
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
    'MEGA',
    'PRESENT',
    'STARS',
    'Item',
    'Scope',
    'Translation',
    'as_number',
    'is_encodable',
    'is_plain',
    'item',
    'operator',
    'selectivity',
    'start_of',
    'without_covered',
)

Item: TypeAlias = str
"""What may stand in the array that ends a path, as JSON: in Python `True == 1`."""


class Scope(Enum):
    """Of what a policy is asked. The values are those of `FilterPolicyScope`."""

    BODY = 'MessageBody'
    ATTRIBUTES = 'MessageAttributes'


@dataclass(frozen=True, slots=True)
class Translation:
    """Items of which one has to match; None where nothing can be asked."""

    items: tuple[Item, ...] | None
    wider: str = ''
    """Why more is let through than the pattern matches; empty where no more is."""


def item(value: object) -> Item:
    return json.dumps(value, ensure_ascii=False)


def operator(name: str, operand: object) -> Item:
    return item({name: operand})


PRESENT = operator('exists', True)
"""A value that is there, neither null nor empty nor an object: SNS asks for no less."""

ABSENT = operator('exists', False)
ANY_TEXT = operator('wildcard', '*')

MEGA = item('mega')
"""The mark of an event."""

STARS = 3
"""In one wildcard."""

MOST = 10**9
DECIMALS = 5


def is_encodable(text: str) -> bool:
    """Whether a policy can hold a text: it is sent in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_plain(text: str) -> bool:
    """Whether a text is read in one way, wherever it stands: quotes and backslashes may not be."""
    return bool(text) and '"' not in text and '\\' not in text and is_encodable(text)


def as_number(number: Decimal) -> int | float | None:
    """A number as a policy takes it; None for one beyond what SNS compares.

    It has to be a double exactly. Of one like 19.99 a producer may write all fifty digits that the
    double has, and of a number with more digits than a double tells apart SNS compares nothing.
    """
    exponent = number.as_tuple().exponent
    if number.copy_abs() > MOST or not isinstance(exponent, int) or abs(exponent) > 40:
        return None  # the last would take long to reckon with
    exactly = Fraction(number)
    if (exactly * 10**DECIMALS).denominator != 1 or Fraction(float(number)) != exactly:
        return None
    return int(number) if exactly.denominator == 1 else float(number)


def start_of(written: Item) -> str | None:
    """With what the texts begin that match an item; None for one that is of more than one text."""
    value: Any = json.loads(written)
    start = value.get('prefix') if isinstance(value, dict) else value
    return start if isinstance(start, str) else None


def without_covered(items: frozenset[Item]) -> frozenset[Item]:
    """The same without texts, and their beginnings, that another item covers."""
    starts = {written: start for written in items if (start := start_of(written)) is not None}
    prefixes = [start for written, start in starts.items() if written.startswith('{')]

    def is_covered(written: Item) -> bool:
        start = starts.get(written)
        if start is None:
            return False
        return ANY_TEXT in items or any(
            start.startswith(prefix) and written != operator('prefix', prefix)
            for prefix in prefixes
        )

    return frozenset(written for written in items if not is_covered(written))


def selectivity(items: Iterable[Item]) -> float:
    """About which share of messages has a value that matches one of these. Only good to compare."""
    return min(1.0, fsum(map(_weight, items)))


@lru_cache(maxsize=4_096)
def _weight(written: Item) -> float:
    known = _WEIGHTS.get(written)
    if known is not None:
        return known
    value: Any = json.loads(written)
    if not isinstance(value, dict):
        return 0.001
    [(name, operand)] = value.items()
    if name in ('prefix', 'suffix'):
        return max(0.0015, 0.5 ** len(operand))
    return _WEIGHTS_OF_OPERATORS.get(name, 0.3)


_WEIGHTS_OF_OPERATORS = {'equals-ignore-case': 0.001, 'numeric': 0.003, 'anything-but': 0.95}
_WEIGHTS = {
    MEGA: 0.5,  # every event has it
    item(True): 0.5,
    item(False): 0.5,
    PRESENT: 0.7,
    ABSENT: 0.5,
    ANY_TEXT: 0.75,
}
