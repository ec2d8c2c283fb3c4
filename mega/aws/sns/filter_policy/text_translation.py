"""Translate patterns of texts to conditions.

SNS has fewer wildcards than the pattern language: an asterisk is any text, and there are at most
three. Each function falls back to the condition "any text" where SNS cannot express the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.operators import (
    ANY_TEXT,
    PRESENT,
    Scope,
    Translation,
    is_encodable,
    is_literal,
    operator,
    to_condition,
)
from mega.match.context import Context
from mega.match.functions.text import Prefix, Suffix
from mega.match.pattern import Pattern

__all__ = ('any_text', 'exact_text', 'ignoring_case', 'prefix_or_suffix', 'wildcard_from')


def exact_text(text: str, scope: Scope) -> Translation:
    """Return the condition of one text."""
    if scope is Scope.ATTRIBUTES and not is_literal(text):
        return Translation(None, reasons.QUOTING if text else reasons.EMPTY_ATTRIBUTE)
    if not is_encodable(text):
        return Translation(None, reasons.QUOTING)
    return Translation((to_condition(text),))


def any_text(leaf: Pattern, scope: Scope, why: str) -> Translation:
    """Return the condition of any text, for a leaf that matches only texts.

    In the attributes of a message, an empty text is absent. There is then no condition for a leaf
    that matches the empty text.
    """
    if scope is Scope.BODY:
        return Translation((ANY_TEXT,), why)
    if leaf.accepts('', Context('')):
        return Translation(None, why or reasons.EMPTY_ATTRIBUTE)
    return Translation((PRESENT,), why)


def prefix_or_suffix(leaf: Prefix | Suffix, scope: Scope) -> Translation:
    """Return the condition of a prefix or a suffix."""
    if leaf.folded is not None or not leaf.text:
        return any_text(leaf, scope, reasons.CASE if leaf.text else '')
    if not is_encodable(leaf.text) or (scope is Scope.ATTRIBUTES and not is_literal(leaf.text)):
        return any_text(leaf, scope, reasons.QUOTING)
    return Translation((operator('prefix' if isinstance(leaf, Prefix) else 'suffix', leaf.text),))


def wildcard_from(
    leaf: Pattern, runs: Sequence[Sequence[str | None]], scope: Scope, why: str
) -> Translation:
    """Return the condition of a text with several runs of characters, in order.

    Any text may stand between two runs. None is any character. It becomes any text, as does a
    character that would need an escape.
    """
    literal = [''.join('*' if c is None or c in '*\\' else c for c in run) for run in runs]
    parts = re.sub(r'\*+', '*', '*'.join(literal)).split('*')
    if any('*' in run for run in literal):
        why = why or reasons.ANY_CHARACTERS
    if len(parts) > reasons.MAX_ASTERISKS + 1:
        why = why or reasons.ASTERISKS
        parts = [parts[0], max(parts[1:-1], key=len), parts[-1]]
    text = '*'.join(parts)
    if len(parts) == 1:
        return exact_text(text, scope)
    if not any(parts) or not is_encodable(text) or (scope is Scope.ATTRIBUTES and '"' in text):
        return any_text(leaf, scope, why)
    if len(parts) == 2 and not all(parts):
        return Translation((operator('prefix' if parts[0] else 'suffix', ''.join(parts)),), why)
    return Translation((operator('wildcard', text),), why)


def ignoring_case(leaf: Pattern, text: str, scope: Scope) -> Translation:
    """Return the condition of a text in any case."""
    if not text:
        return exact_text(text, scope)
    if not text.isascii() or (scope is Scope.ATTRIBUTES and not is_literal(text)):
        return any_text(leaf, scope, reasons.CASE)
    return Translation((operator('equals-ignore-case', text),))
