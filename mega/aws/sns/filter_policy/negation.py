"""Translate the negation of a pattern to conditions.

A policy that excludes less is wider. A negation therefore excludes only values that SNS certainly
compares as the pattern does: texts, numbers, and one prefix. It excludes no suffix: AWS documents
`anything-but` with `suffix`, but SNS has refused such policies.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.operators import (
    Scope,
    Translation,
    is_encodable,
    is_literal,
    operator,
    to_policy_number,
)
from mega.match.comparables import TextValue, exact
from mega.match.eventbridge.operators import Number
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.text import Prefix, Suffix
from mega.match.pattern import AnyOf, ListLiteral, Pattern, Value

__all__ = ('translate_negation',)


def translate_negation(child: Pattern, scope: Scope) -> Translation:
    """Return the conditions of a scalar that a pattern does not match."""
    if scope is Scope.ATTRIBUTES:
        return Translation(None, reasons.EMPTY_ATTRIBUTE)
    leaves = list(_leaves(child))
    only = leaves[0] if len(leaves) == 1 else None
    if isinstance(only, Prefix) and only.folded is None and is_literal(only.text):
        return Translation((operator('anything-but', {'prefix': only.text}),))
    if isinstance(only, Suffix):
        return Translation(None, reasons.EXCLUDED_SUFFIX)
    texts: list[object] = []
    numbers: list[object] = []
    for leaf in leaves:
        if isinstance(leaf, Value) and isinstance(leaf.comparable, TextValue):
            texts += [leaf.comparable.value] if is_encodable(leaf.comparable.value) else []
        elif isinstance(leaf, Number):
            number = to_policy_number(Decimal(exact(leaf.value)))
            numbers += [] if number is None else [number]
    excluded = texts or numbers  # SNS accepts values of one type only
    if not excluded:
        return Translation(None, reasons.NEGATION)
    why = reasons.PARTIAL_NEGATION if len(excluded) < len(leaves) else ''
    return Translation((operator('anything-but', excluded),), why)


def _leaves(pattern: Pattern) -> Iterator[Pattern]:
    """Yield the alternatives of a pattern."""
    if isinstance(pattern, (AnyOf, OneOf, ListLiteral, Equal)):
        for child in pattern.children:
            yield from _leaves(child)
    else:
        yield pattern
