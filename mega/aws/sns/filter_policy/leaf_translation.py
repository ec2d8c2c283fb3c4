"""Translate the pattern of one value to conditions of SNS.

A filter policy is less expressive than a pattern, and it must not exclude a message that the
pattern matches. The conditions therefore accept the same values as the pattern, or more. For
example, `iequals('kiss')` becomes "any text", because the pattern also matches the Kelvin sign and
SNS does not.

SNS tests an array member by member. A pattern is therefore translated for the members: if an array
matches the pattern, at least one member satisfies the conditions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch
from uuid import UUID

from mega.aws.sns.filter_policy import prefixes, reasons
from mega.aws.sns.filter_policy.negation import translate_negation
from mega.aws.sns.filter_policy.operators import (
    ANY_TEXT,
    PRESENT,
    Condition,
    Scope,
    Translation,
    operator,
    selectivity,
    to_condition,
    to_policy_number,
)
from mega.aws.sns.filter_policy.text_translation import (
    any_text,
    exact_text,
    ignoring_case,
    prefix_or_suffix,
    wildcard_from,
)
from mega.match.comparables import Comparable, NumberValue, TextValue, exact
from mega.match.eventbridge.operators import (
    AddressBlock,
    AddressText,
    CaseInsensitive,
    Number,
    NumericRange,
    ValueList,
)
from mega.match.functions.arrays import Contains, Every, Exactly, Length
from mega.match.functions.comparison import Between, BetweenFields, Compare, CompareField, Equal
from mega.match.functions.embedded_json import JsonText
from mega.match.functions.logic import OneOf
from mega.match.functions.network import Cidr
from mega.match.functions.paths import Field
from mega.match.functions.presence import AnyValue, Empty, Exists, IsA, Missing, OptionalValue
from mega.match.functions.text import IEquals, Prefix, Regex, Substring, Suffix
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import (
    AllOf,
    AnyOf,
    Constant,
    ExactValue,
    ListLiteral,
    Not,
    Pattern,
    Predicate,
    Value,
)

__all__ = ('translate_leaf',)


@singledispatch
def translate_leaf(leaf: Pattern, scope: Scope) -> Translation:
    """Return conditions; one of them holds for every present value that a pattern matches."""
    return Translation(None, reasons.NO_CONDITION)


def _untranslatable(why: str, *kinds: type[Pattern]) -> None:
    for kind in kinds:
        translate_leaf.register(kind, lambda leaf, scope: Translation(None, why))


_untranslatable(reasons.FUNCTION, Predicate)
_untranslatable(reasons.OTHER_FIELD, Field, CompareField, BetweenFields)
_untranslatable(reasons.EMPTY, Exists, AnyValue, Empty)
_untranslatable(reasons.WHOLE, Length, Every)


# ── values ───────────────────────────────────────────────────────────────────────────────────────


@translate_leaf.register
def _(leaf: Value, scope: Scope) -> Translation:
    if isinstance(leaf.comparable, NumberValue):
        return _number(leaf.comparable, scope)
    if isinstance(leaf.comparable, TextValue):
        return exact_text(leaf.comparable.value, scope)
    day = leaf.comparable.value
    texts = prefixes.day_prefixes(day.date() if isinstance(day, datetime) else day)
    conditions = tuple(operator('prefix', text) for text in texts)
    return Translation(conditions or (PRESENT,), reasons.DAYS)


def _number(scale: NumberValue, scope: Scope) -> Translation:
    number = Decimal(scale.spelled)
    if not number.is_finite():
        return Translation(())
    comparable = _comparable_number(number, scope) if scale.exact == scale.spelled else None
    if comparable is None:
        return Translation((PRESENT,), reasons.NUMBERS)
    texts = [operator('prefix', text) for text in prefixes.number_prefixes(number)]
    return Translation((operator('numeric', ['=', comparable]), *texts), reasons.SPELLINGS)


def _comparable_number(number: Decimal, scope: Scope) -> int | float | None:
    """Return a number as a policy can hold it; None if SNS may not recognise an equal number.

    The author of a body may write a number with more digits than a double has. The number then
    equals the pattern's number only as a double, and SNS compares it with nothing. This library's
    publishers write the attributes, so the digits there are known.
    """
    return to_policy_number(number) if scope is Scope.ATTRIBUTES else None


@translate_leaf.register
def _(leaf: Constant, scope: Scope) -> Translation:
    return Translation((to_condition(leaf.value),))


@translate_leaf.register
def _(leaf: ExactValue, scope: Scope) -> Translation:
    """Translate a value that JSON does not have. In an attribute, a UUID is a text."""
    if scope is Scope.ATTRIBUTES and isinstance(leaf.value, bytes):
        return Translation(None, reasons.BYTES)
    is_text = scope is Scope.ATTRIBUTES and isinstance(leaf.value, UUID)
    return Translation((to_condition(str(leaf.value)),) if is_text else ())


@translate_leaf.register(Equal)
@translate_leaf.register(OptionalValue)
def _child(leaf: Equal | OptionalValue, scope: Scope) -> Translation:
    return translate_leaf(leaf.child, scope)


@translate_leaf.register
def _(leaf: Missing, scope: Scope) -> Translation:
    return Translation(())


@translate_leaf.register
def _(leaf: IsA, scope: Scope) -> Translation:
    conditions: dict[Condition, None] = {}
    for kind in leaf.types:
        if kind not in _CONDITIONS_OF_TYPE[scope]:
            return Translation(None, reasons.TYPE)
        conditions |= dict.fromkeys(_CONDITIONS_OF_TYPE[scope][kind])
    return Translation(tuple(conditions), reasons.NUMBERS if PRESENT in conditions else '')


_CONDITIONS_IN_BOTH_SCOPES: dict[type, tuple[Condition, ...]] = {
    bool: (to_condition(True), to_condition(False)),
    type(None): (to_condition(None),),
    int: (PRESENT,),
    float: (PRESENT,),
}
_CONDITIONS_OF_TYPE: dict[Scope, dict[type, tuple[Condition, ...]]] = {
    Scope.BODY: {**_CONDITIONS_IN_BOTH_SCOPES, str: (ANY_TEXT,)},
    Scope.ATTRIBUTES: {
        **_CONDITIONS_IN_BOTH_SCOPES,
        **dict.fromkeys((Decimal, date, datetime, UUID), (PRESENT,)),
    },
}


@translate_leaf.register
def _(leaf: Compare, scope: Scope) -> Translation:
    return _ordered(leaf, leaf.comparable, scope)


@translate_leaf.register
def _(leaf: Between, scope: Scope) -> Translation:
    return _ordered(leaf, leaf.low, scope)


def _ordered(leaf: Pattern, scale: Comparable, scope: Scope) -> Translation:
    if isinstance(scale, NumberValue):
        return Translation((PRESENT,), reasons.NUMBERS)
    return any_text(leaf, scope, reasons.ORDER)


# ── texts ────────────────────────────────────────────────────────────────────────────────────────

translate_leaf.register(Prefix, prefix_or_suffix)
translate_leaf.register(Suffix, prefix_or_suffix)


@translate_leaf.register
def _(leaf: JsonText, scope: Scope) -> Translation:
    return any_text(leaf, scope, reasons.JSON)


@translate_leaf.register
def _(leaf: Substring, scope: Scope) -> Translation:
    if leaf.folded is not None:
        return any_text(leaf, scope, reasons.CASE)
    return wildcard_from(leaf, ['', leaf.text, ''], scope, '')


@translate_leaf.register
def _(leaf: Wildcard, scope: Scope) -> Translation:
    if leaf.ignore_case:
        return any_text(leaf, scope, reasons.CASE)
    return wildcard_from(leaf, [piece.characters for piece in leaf.pieces], scope, '')


@translate_leaf.register
def _(leaf: Regex, scope: Scope) -> Translation:
    prefix, is_anchored = prefixes.regex_prefix(leaf.regex)
    is_unanchored_search = leaf.name == 'search' and not is_anchored
    runs = ['', prefix, ''] if is_unanchored_search else [prefix, '']
    return wildcard_from(leaf, runs, scope, reasons.REGEX)


@translate_leaf.register
def _(leaf: Cidr, scope: Scope) -> Translation:
    if leaf.block.version == 6:
        return wildcard_from(leaf, ['', ':', ''], scope, reasons.ADDRESSES)
    if leaf.block.prefixlen == leaf.block.max_prefixlen:
        return exact_text(str(leaf.block.network_address), scope)
    return Translation((operator('cidr', str(leaf.block)),))


# Other characters fold to these ASCII letters: the Kelvin sign, the long s, the sharp s, ligatures.
_FOLDED_TO = re.compile('k|s|ff|fi|fl', re.IGNORECASE)


@translate_leaf.register
def _(leaf: IEquals, scope: Scope) -> Translation:
    if _FOLDED_TO.search(leaf.text):
        return any_text(leaf, scope, reasons.CASE)
    return ignoring_case(leaf, leaf.text, scope)


# ── combinations of patterns ─────────────────────────────────────────────────────────────────────


@translate_leaf.register(OneOf)
@translate_leaf.register(AnyOf)
def _any_of(leaf: OneOf | AnyOf, scope: Scope) -> Translation:
    return _union([translate_leaf(child, scope) for child in leaf.members])


@translate_leaf.register
def _(leaf: ListLiteral, scope: Scope) -> Translation:
    # An array that equals the members, in any order, contains each of them.
    if not leaf.members or any(map(_tests_arrays, leaf.members)):
        return Translation(None, reasons.NESTED if leaf.members else reasons.EMPTY)
    return _union([translate_leaf(child, scope) for child in leaf.members])


@translate_leaf.register
def _(leaf: Contains, scope: Scope) -> Translation:
    if _tests_arrays(leaf.child):
        return Translation(None, reasons.NESTED)
    return translate_leaf(leaf.child, scope)


@translate_leaf.register
def _(leaf: Exactly, scope: Scope) -> Translation:
    if any(map(_tests_arrays, leaf.members)):
        return Translation(None, reasons.NESTED)
    return Translation(_most_selective(leaf.members, scope).conditions, reasons.WHOLE)


@translate_leaf.register
def _(leaf: AllOf, scope: Scope) -> Translation:
    return _most_selective(leaf.members, scope)


@translate_leaf.register
def _(leaf: Not, scope: Scope) -> Translation:
    child = leaf.child
    if isinstance(child, Not):
        return translate_leaf(child.child, scope)
    if isinstance(child, Exists):
        return Translation((to_condition(None),))
    return Translation(()) if isinstance(child, AnyValue) else Translation(None, reasons.NEGATION)


def _union(translations: Sequence[Translation]) -> Translation:
    """Return conditions; one of them holds if any of the translated patterns matches."""
    conditions: dict[Condition, None] = {}
    for each in translations:
        if each.conditions is None:
            return each
        conditions |= dict.fromkeys(each.conditions)
    return Translation(tuple(conditions), _first_reason(translations))


def _most_selective(members: Sequence[Pattern], scope: Scope) -> Translation:
    """Return the most selective of several translations that all apply: SNS tests only one."""
    translations = [translate_leaf(child, scope) for child in members]
    testable = [each for each in translations if each.conditions is not None]
    if not testable:
        return translations[0] if translations else Translation(None, reasons.EMPTY)
    best = min(testable, key=lambda each: selectivity(each.conditions or ()))
    why = _first_reason(translations)
    if not why and len(translations) > 1:
        why = reasons.ONE_CONDITION
    return Translation(best.conditions, why)


def _first_reason(translations: Sequence[Translation]) -> str:
    return next((each.widened_because for each in translations if each.widened_because), '')


def _tests_arrays(pattern: Pattern) -> bool:
    if isinstance(pattern, (Contains, ListLiteral, Exactly, Every)):
        return True
    return any(map(_tests_arrays, pattern.children))


# ── EventBridge ──────────────────────────────────────────────────────────────────────────────────


@translate_leaf.register
def _(leaf: ValueList, scope: Scope) -> Translation:
    return _union(
        [
            translate_negation(member.child, scope)
            if isinstance(member, Not)
            else translate_leaf(member, scope)
            for member in leaf.members
        ]
    )


@translate_leaf.register
def _(leaf: CaseInsensitive, scope: Scope) -> Translation:
    if not (leaf.at_start and leaf.at_end):
        return any_text(leaf, scope, reasons.CASE)
    return ignoring_case(leaf, leaf.text, scope)


@translate_leaf.register
def _(leaf: Number, scope: Scope) -> Translation:
    number = _comparable_number(Decimal(exact(leaf.value)), scope)
    if number is None:
        return Translation((PRESENT,), reasons.NUMBERS)
    return Translation((operator('numeric', ['=', number]),))


@translate_leaf.register
def _(leaf: NumericRange, scope: Scope) -> Translation:
    return Translation((PRESENT,), reasons.NUMBERS)


@translate_leaf.register(AddressText)
@translate_leaf.register(AddressBlock)
def _address(leaf: AddressText | AddressBlock, scope: Scope) -> Translation:
    return any_text(leaf, scope, reasons.ADDRESSES)
