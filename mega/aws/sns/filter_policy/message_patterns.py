"""Translate the `message_pattern` of a subscriber to conditions of message attributes.

The pattern sees every attribute as a text or as bytes. SNS compares an attribute by its type, which
the pattern does not know: it tests the number 5 as a number, and `["a"]` as an array of texts. So a
policy tests an attribute only if the pattern accepts texts that begin with a letter, which are
neither numbers nor arrays: 'order', or `prefix('order.')`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.branches import MATCH_ALL, Branch, intersect
from mega.aws.sns.filter_policy.field_paths import is_literal_name
from mega.aws.sns.filter_policy.operators import Condition, Scope
from mega.aws.sns.filter_policy.text_translation import exact_text, prefix_or_suffix
from mega.aws.sns.filter_policy.translation import PolicyTranslator
from mega.errors import join_path
from mega.match.comparables import TextValue
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.text import Prefix
from mega.match.pattern import AnyOf, ListLiteral, Object, Pattern, Value

__all__ = ('translate_message_pattern',)


def translate_message_pattern(
    pattern: Pattern, translator: PolicyTranslator, scope: Scope
) -> Branch:
    """Return the branch for the messages whose metadata match a pattern, or for more messages."""
    if scope is Scope.BODY:
        return _widen(translator, 'message', reasons.NOT_IN_BODY)
    if not isinstance(pattern, Object):
        return _widen(translator, 'message', reasons.NO_CONDITION)
    found = MATCH_ALL
    for name, child in pattern.entries:
        path = join_path('message', name)
        if name == 'attributes' and isinstance(child, Object):
            for attribute, leaf in child.entries:
                found = intersect(found, _translate(attribute, leaf, path, translator))
        else:
            _widen(translator, path, reasons.NO_CONDITION)
    return found


def _translate(name: str, leaf: Pattern, path: str, translator: PolicyTranslator) -> Branch:
    conditions = [_condition(each) for each in _alternatives(leaf)]
    known = frozenset(each for each in conditions if each is not None)
    if not known or len(known) < len(set(conditions)) or not is_literal_name(name):
        return _widen(translator, join_path(path, name), reasons.ATTRIBUTE_TYPE)
    return Branch({((name,),): known})


def _alternatives(leaf: Pattern) -> Iterator[Pattern]:
    if isinstance(leaf, (AnyOf, OneOf, ListLiteral, Equal)):
        for child in leaf.children:
            yield from _alternatives(child)
    else:
        yield leaf


def _condition(leaf: Pattern) -> Condition | None:
    """Return the condition of texts that begin with a letter; None for all other patterns."""
    if isinstance(leaf, Value) and isinstance(leaf.comparable, TextValue):
        text = leaf.comparable.value
        translation = exact_text(text, Scope.ATTRIBUTES)
    elif isinstance(leaf, Prefix) and leaf.folded is None:
        text = leaf.text
        translation = prefix_or_suffix(leaf, Scope.ATTRIBUTES)
    else:
        return None
    if not text[:1].isalpha() or not translation.conditions or translation.widened_because:
        return None
    return translation.conditions[0]


def _widen(translator: PolicyTranslator, path: str, reason: str) -> Branch:
    [branch] = translator.widen(path, reason)
    return branch
