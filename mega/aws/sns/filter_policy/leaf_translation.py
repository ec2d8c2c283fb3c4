"""What SNS can be asked of one value, so that it lets through whatever a pattern matches.

A filter policy can say less than a pattern, and nothing that matches may be held back. So what is
asked is the pattern or something wider, never something narrower, and only in documented words.
An array is asked by its members, as SNS does: what is asked of one that matches holds of a member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch
from uuid import UUID

from mega.aws.sns.filter_policy import prefixes as beginnings
from mega.aws.sns.filter_policy.operators import (
    ANY_TEXT,
    PRESENT,
    STARS,
    Item,
    Scope,
    Translation,
    as_number,
    is_encodable,
    is_plain,
    item,
    operator,
    selectivity,
)
from mega.match.comparables import Comparable, NumberValue, TextValue
from mega.match.context import Context
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
from mega.match.functions.logic import OneOf
from mega.match.functions.network import Cidr
from mega.match.functions.paths import Field
from mega.match.functions.presence import Any as Anything
from mega.match.functions.presence import Empty, Exists, IsA, Missing, Optional
from mega.match.functions.text import IEquals, Prefix, Regex, Substring, Suffix
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import (
    AllOf,
    AnyMember,
    AnyOf,
    Constant,
    ExactValue,
    Not,
    Pattern,
    Predicate,
    Value,
)

__all__ = ('translate_leaf', 'translate_negation')

NUMBERS = 'SNS leaves out numbers of more digits than a double has, so any value is let through'
SPELLED = 'a text may spell the number in many ways, so those that begin like it are let through'
DAYS = 'an instant is asked by how its day begins, in any zone'
ORDER = 'SNS orders numbers alone'
CASE = 'SNS ignores the case of fewer letters'
REGEX = 'SNS knows no regular expressions'
STANDS_IN = 'what stands for one character, or would be escaped, is any text'
ADDRESSES = 'SNS may read an address in another way'
QUOTED = 'such a text may be read in another way'
WHOLE = 'SNS looks at members, not at an array or a text as a whole'
NESTED = 'SNS cannot be asked of arrays and objects in arrays'
NEGATION = 'SNS takes an empty array or object for nothing, where "not" would accept it'
EMPTY = 'SNS takes what is empty for nothing'
NO_EMPTY_ATTRIBUTE = 'an empty text has no attribute'


@singledispatch
def translate_leaf(leaf: Pattern, scope: Scope) -> Translation:
    """The items of which one matches, where the pattern matches a value that is there."""
    return Translation(None, 'SNS cannot be asked this of one value')


def _untranslatable(why: str, *kinds: type[Pattern]) -> None:
    for kind in kinds:
        translate_leaf.register(kind, lambda leaf, scope: Translation(None, why))


_untranslatable('SNS cannot call a function', Predicate)
_untranslatable('SNS compares no field with another', Field, CompareField, BetweenFields)
_untranslatable(EMPTY, Exists, Anything, Empty)
_untranslatable(WHOLE, Length, Every)


# ── values ───────────────────────────────────────────────────────────────────────────────────────


@translate_leaf.register
def _(leaf: Value, scope: Scope) -> Translation:
    if isinstance(leaf.scale, NumberValue):
        return _number(leaf.scale, scope)
    if isinstance(leaf.scale, TextValue):
        return _text(leaf.scale.value, scope)
    day = leaf.scale.value
    starts = beginnings.day_prefixes(day.date() if isinstance(day, datetime) else day)
    return Translation(tuple(operator('prefix', start) for start in starts) or (PRESENT,), DAYS)


def _text(text: str, scope: Scope) -> Translation:
    if scope is Scope.ATTRIBUTES and not is_plain(text):
        return Translation(None, QUOTED if text else NO_EMPTY_ATTRIBUTE)
    return Translation((item(text),)) if is_encodable(text) else Translation(None, QUOTED)


def _number(scale: NumberValue, scope: Scope) -> Translation:
    number = Decimal(scale.written)
    if not number.is_finite():
        return Translation(())
    plain = _as_written(number, scope) if scale.exact == scale.written else None
    if plain is None:
        return Translation((PRESENT,), NUMBERS)
    texts = [operator('prefix', start) for start in beginnings.number_prefixes(number)]
    return Translation((operator('numeric', ['=', plain]), *texts), SPELLED)


def _as_written(number: Decimal, scope: Scope) -> int | float | None:
    """A number as a policy takes it; None where SNS may not see that it is the wanted one.

    In a body somebody may write so many digits that the number is the wanted one only once it is
    read as a double; SNS compares nothing with that. Attributes are written by our publishers.
    """
    return as_number(number) if scope is Scope.ATTRIBUTES else None


@translate_leaf.register
def _(leaf: Constant, scope: Scope) -> Translation:
    return Translation((item(leaf.value),))


@translate_leaf.register
def _(leaf: ExactValue, scope: Scope) -> Translation:
    """JSON has none of these. In an attribute a UUID is a text."""
    if scope is Scope.ATTRIBUTES and isinstance(leaf.value, bytes):
        return Translation(None, 'SNS does not look into bytes')
    is_text = scope is Scope.ATTRIBUTES and isinstance(leaf.value, UUID)
    return Translation((item(str(leaf.value)),) if is_text else ())


@translate_leaf.register(Equal)
@translate_leaf.register(Optional)
def _child(leaf: Equal | Optional, scope: Scope) -> Translation:
    return translate_leaf(leaf.child, scope)


@translate_leaf.register
def _(leaf: Missing, scope: Scope) -> Translation:
    return Translation(())


@translate_leaf.register
def _(leaf: IsA, scope: Scope) -> Translation:
    items: dict[Item, None] = {}
    for kind in leaf.types:
        if kind not in _KINDS[scope]:
            return Translation(None, 'SNS does not tell values of this kind from others')
        items |= dict.fromkeys(_KINDS[scope][kind])
    return Translation(tuple(items), NUMBERS if PRESENT in items else '')


_EITHER_WAY: dict[type, tuple[Item, ...]] = {
    bool: (item(True), item(False)),
    type(None): (item(None),),
    int: (PRESENT,),
    float: (PRESENT,),
}
_KINDS: dict[Scope, dict[type, tuple[Item, ...]]] = {
    Scope.BODY: {**_EITHER_WAY, str: (ANY_TEXT,)},
    Scope.ATTRIBUTES: {
        **_EITHER_WAY,
        **dict.fromkeys((Decimal, date, datetime, UUID), (PRESENT,)),
    },
}


# ── texts, and what is read in them ──────────────────────────────────────────────────────────────


def _some_text(leaf: Pattern, scope: Scope, why: str) -> Translation:
    """Any text: for a leaf that matches texts alone, and whose meaning SNS cannot be told."""
    if scope is Scope.BODY:
        return Translation((ANY_TEXT,), why)
    if leaf.accepts('', Context('')):
        return Translation(None, why or NO_EMPTY_ATTRIBUTE)
    return Translation((PRESENT,), why)


@translate_leaf.register
def _(leaf: Compare, scope: Scope) -> Translation:
    return _ordered(leaf, leaf.scale, scope)


@translate_leaf.register
def _(leaf: Between, scope: Scope) -> Translation:
    return _ordered(leaf, leaf.low, scope)


def _ordered(leaf: Pattern, scale: Comparable, scope: Scope) -> Translation:
    if isinstance(scale, NumberValue):
        return Translation((PRESENT,), NUMBERS)
    return _some_text(leaf, scope, ORDER)


@translate_leaf.register(Prefix)
@translate_leaf.register(Suffix)
def _end(leaf: Prefix | Suffix, scope: Scope) -> Translation:
    if leaf.folded is not None or not leaf.text:
        return _some_text(leaf, scope, CASE if leaf.text else '')
    if not is_encodable(leaf.text) or (scope is Scope.ATTRIBUTES and not is_plain(leaf.text)):
        return _some_text(leaf, scope, QUOTED)
    return Translation((operator('prefix' if isinstance(leaf, Prefix) else 'suffix', leaf.text),))


@translate_leaf.register
def _(leaf: Substring, scope: Scope) -> Translation:
    if leaf.folded is not None:
        return _some_text(leaf, scope, CASE)
    return _wildcard_from(leaf, ['', leaf.text, ''], scope, '')


@translate_leaf.register
def _(leaf: Wildcard, scope: Scope) -> Translation:
    if leaf.ignore_case:
        return _some_text(leaf, scope, CASE)
    return _wildcard_from(leaf, [piece.run for piece in leaf.pieces], scope, '')


@translate_leaf.register
def _(leaf: Regex, scope: Scope) -> Translation:
    start, is_anchored = beginnings.regex_prefix(leaf.regex)
    anywhere = leaf.name == 'search' and not is_anchored
    return _wildcard_from(leaf, ['', start, ''] if anywhere else [start, ''], scope, REGEX)


@translate_leaf.register
def _(leaf: Cidr, scope: Scope) -> Translation:
    if leaf.block.version == 6:
        return _wildcard_from(leaf, ['', ':', ''], scope, ADDRESSES)
    if leaf.block.prefixlen == leaf.block.max_prefixlen:
        return _text(str(leaf.block.network_address), scope)
    return Translation((operator('cidr', str(leaf.block)),))


def _wildcard_from(
    leaf: Pattern, runs: Sequence[Sequence[str | None]], scope: Scope, why: str
) -> Translation:
    """A text of several runs of characters in their order, with anything between them.

    Where any one character stands, or one that would have to be escaped, there may be any text.
    """
    plain = [''.join('*' if c is None or c in '*\\' else c for c in run) for run in runs]
    parts = re.sub(r'\*+', '*', '*'.join(plain)).split('*')
    if any('*' in run for run in plain):
        why = why or STANDS_IN
    if len(parts) > STARS + 1:
        why = why or f'SNS takes {STARS} stars'
        parts = [parts[0], max(parts[1:-1], key=len), parts[-1]]
    text = '*'.join(parts)
    if len(parts) == 1:
        return _text(text, scope)
    if not any(parts) or not is_encodable(text) or (scope is Scope.ATTRIBUTES and '"' in text):
        return _some_text(leaf, scope, why)
    if len(parts) == 2 and not all(parts):
        return Translation((operator('prefix' if parts[0] else 'suffix', ''.join(parts)),), why)
    return Translation((operator('wildcard', text),), why)


# The letters of ASCII to which others fold: the signs of Kelvin and of long s, the sharp s, and
# ligatures.
_FOLDED_TO = re.compile('k|s|ff|fi|fl', re.IGNORECASE)


@translate_leaf.register
def _(leaf: IEquals, scope: Scope) -> Translation:
    if _FOLDED_TO.search(leaf.text):
        return _some_text(leaf, scope, CASE)
    return _in_any_case(leaf, leaf.text, scope)


@translate_leaf.register
def _(leaf: CaseInsensitive, scope: Scope) -> Translation:
    if not (leaf.at_start and leaf.at_end):
        return _some_text(leaf, scope, CASE)
    return _in_any_case(leaf, leaf.text, scope)


def _in_any_case(leaf: Pattern, text: str, scope: Scope) -> Translation:
    if not text:
        return _text(text, scope)
    if not text.isascii() or (scope is Scope.ATTRIBUTES and not is_plain(text)):
        return _some_text(leaf, scope, CASE)
    return Translation((operator('equals-ignore-case', text),))


# ── several ──────────────────────────────────────────────────────────────────────────────────────


@translate_leaf.register(OneOf)
@translate_leaf.register(AnyOf)
def _any_of(leaf: OneOf | AnyOf, scope: Scope) -> Translation:
    return _either([translate_leaf(child, scope) for child in leaf.members])


@translate_leaf.register
def _(leaf: AnyMember, scope: Scope) -> Translation:
    # An array that equals them has a member for each of them.
    if not leaf.members or any(map(_looks_into_arrays, leaf.members)):
        return Translation(None, NESTED if leaf.members else EMPTY)
    return _either([translate_leaf(child, scope) for child in leaf.members])


@translate_leaf.register
def _(leaf: Contains, scope: Scope) -> Translation:
    return (
        Translation(None, NESTED)
        if _looks_into_arrays(leaf.child)
        else translate_leaf(leaf.child, scope)
    )


@translate_leaf.register
def _(leaf: Exactly, scope: Scope) -> Translation:
    if any(map(_looks_into_arrays, leaf.members)):
        return Translation(None, NESTED)
    return Translation(_most_selective(leaf.members, scope).items, WHOLE)


@translate_leaf.register
def _(leaf: AllOf, scope: Scope) -> Translation:
    return _most_selective(leaf.members, scope)


@translate_leaf.register
def _(leaf: Not, scope: Scope) -> Translation:
    child = leaf.child
    if isinstance(child, Not):
        return translate_leaf(child.child, scope)
    if isinstance(child, Exists):
        return Translation((item(None),))
    return Translation(()) if isinstance(child, Anything) else Translation(None, NEGATION)


def _either(answers: Sequence[Translation]) -> Translation:
    items: dict[Item, None] = {}
    for answer in answers:
        if answer.items is None:
            return answer
        items |= dict.fromkeys(answer.items)
    return Translation(tuple(items), next((answer.wider for answer in answers if answer.wider), ''))


def _most_selective(members: Sequence[Pattern], scope: Scope) -> Translation:
    """Of several that all match, the one that lets the least through: SNS is asked one."""
    answers = [translate_leaf(child, scope) for child in members]
    said = [answer for answer in answers if answer.items is not None]
    if not said:
        return answers[0] if answers else Translation(None, EMPTY)
    best = min(said, key=lambda answer: selectivity(answer.items or ()))
    why = next((answer.wider for answer in answers if answer.wider), '')
    return Translation(
        best.items, why or 'of one field SNS is asked one thing' * (len(answers) > 1)
    )


def _looks_into_arrays(pattern: Pattern) -> bool:
    if isinstance(pattern, (Contains, AnyMember, Exactly, Every)):
        return True
    return any(map(_looks_into_arrays, pattern.children))


# ── of scalars, as EventBridge sees them ─────────────────────────────────────────────────────────


@translate_leaf.register
def _(leaf: ValueList, scope: Scope) -> Translation:
    return _either(
        [
            translate_negation(each.child, scope)
            if isinstance(each, Not)
            else translate_leaf(each, scope)
            for each in leaf.members
        ]
    )


@translate_leaf.register
def _(leaf: Number, scope: Scope) -> Translation:
    number = _as_written(Decimal(leaf.value), scope)
    if number is None:
        return Translation((PRESENT,), NUMBERS)
    return Translation((operator('numeric', ['=', number]),))


@translate_leaf.register
def _(leaf: NumericRange, scope: Scope) -> Translation:
    return Translation((PRESENT,), NUMBERS)


@translate_leaf.register(AddressText)
@translate_leaf.register(AddressBlock)
def _address(leaf: AddressText | AddressBlock, scope: Scope) -> Translation:
    return _some_text(leaf, scope, ADDRESSES)


def translate_negation(child: Pattern, scope: Scope) -> Translation:
    """What is asked of a scalar that a pattern does not match. To exclude less is to be wider."""
    if scope is Scope.ATTRIBUTES:
        return Translation(None, NO_EMPTY_ATTRIBUTE)
    leaves = list(_leaves(child))
    only = leaves[0] if len(leaves) == 1 else None
    if isinstance(only, (Prefix, Suffix)) and only.folded is None and is_plain(only.text):
        name = 'prefix' if isinstance(only, Prefix) else 'suffix'
        return Translation((operator('anything-but', {name: only.text}),))
    texts: list[object] = []
    numbers: list[object] = []
    for leaf in leaves:
        if isinstance(leaf, Value) and isinstance(leaf.scale, TextValue):
            texts += [leaf.scale.value] if is_encodable(leaf.scale.value) else []
        elif isinstance(leaf, Number):
            number = as_number(Decimal(leaf.value))
            numbers += [] if number is None else [number]
    said = texts or numbers
    if not said:
        return Translation(None, NEGATION)
    why = 'only plain values of one kind are excluded' * (len(said) < len(leaves))
    return Translation((operator('anything-but', said),), why)


def _leaves(pattern: Pattern) -> Iterator[Pattern]:
    if isinstance(pattern, (AnyOf, OneOf, AnyMember, Equal)):
        for child in pattern.children:
            yield from _leaves(child)
    else:
        yield pattern
