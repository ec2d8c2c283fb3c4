"""From a pattern to what SNS is asked: branches of a policy that hold for whatever it matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from mega.aws.sns.filter_policy.branches import MATCH_ALL, Branch, intersect, simplified
from mega.aws.sns.filter_policy.field_paths import FieldLocation, Kind
from mega.aws.sns.filter_policy.leaf_translation import translate_leaf, translate_negation
from mega.aws.sns.filter_policy.operators import ABSENT, Scope, Translation
from mega.match.comparables import NumberValue, TextValue
from mega.match.context import Context
from mega.match.eventbridge.matcher import Combination, EventPattern
from mega.match.eventbridge.operators import ValueList
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import Optional
from mega.match.pattern import AllOf, AnyMember, AnyOf, Not, Object, Pattern, Value

__all__ = ('PolicyTranslator', 'Widened')

MAX_BRANCHES = 32
"""Beyond that many, what combines to more is left out: SNS takes five keys."""

ABSENCE = 'that a field is missing, SNS can be asked of the outermost ones alone'
AS_A_WHOLE = 'SNS cannot be asked of an object as a whole'
NAMES = 'SNS reads such a name in another way'
IN_ARRAYS = 'no attribute is made of what is in the objects of an array'
NO_ATTRIBUTE = 'no attribute holds it'
VERSION = 'a version that is 1 may be absent'
ZONES = 'on the wire it may be of another zone, so that only days and instants can be asked'
TOO_MANY = f'with what else is wanted, it combines to more than {MAX_BRANCHES} branches'


@dataclass(frozen=True, slots=True)
class Widened:
    """Where a policy lets through more than is wanted, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f'{self.path or "the payload"}: {self.reason}'


class PolicyTranslator:
    """Turns patterns into branches, and keeps in mind where these are wider."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._widened: dict[Widened, None] = {}

    @property
    def widened(self) -> tuple[Widened, ...]:
        return tuple(self._widened)

    def widen(self, path: str, reason: str) -> list[Branch]:
        """Ask nothing there, and say so."""
        self._widened[Widened(path, reason)] = None
        return [MATCH_ALL]

    def of(self, pattern: Pattern, place: FieldLocation) -> list[Branch]:
        """The branches for a value that is there, or missing where the pattern accepts that.

        None at all: it never matches.
        """
        if pattern.absent is not True:
            return self.translate_present(pattern, place)
        # To EventBridge what is empty is missing too: of two equal keys the last one may be.
        if not place.can_be_missing or isinstance(pattern, ValueList):
            return self.widen(place.shown, ABSENCE)
        if not place.can_be_asked:
            return self.widen(place.shown, NAMES)
        missing = Branch({place.keys: frozenset((ABSENT,))})
        return simplified([missing, *self.translate_present(pattern, place)])

    def translate_present(self, pattern: Pattern, place: FieldLocation) -> list[Branch]:
        """The branches for a value that is there."""
        if isinstance(pattern, (Equal, Optional)):
            return self.translate_present(pattern.child, place)
        if isinstance(pattern, Object):
            return self._object(pattern, place)
        if isinstance(pattern, AllOf):
            return self._all(
                [self.translate_present(child, place) for child in pattern.members], place
            )
        if isinstance(pattern, EventPattern):
            return self._event(pattern, place)
        if isinstance(pattern, Not) and isinstance(pattern.child, Not):
            return self.translate_present(pattern.child.child, place)
        # Below the root, an array may be there that equals some objects as a set.
        either = (AnyOf, OneOf) if place.keys else (AnyOf, OneOf, AnyMember)
        if isinstance(pattern, either) and any(map(_reaches_deeper, pattern.children)):
            return self._any([self.translate_present(child, place) for child in pattern.children])
        return self._leaf(pattern, place)

    def _object(self, pattern: Object, place: FieldLocation) -> list[Branch]:
        if not pattern.entries:
            return self.widen(place.shown, AS_A_WHOLE)
        wanted = []
        for key, child in pattern.entries:
            inner = place.below(str.__str__(key))
            if inner is not None:
                wanted.append(self.of(child, inner))
            elif child.absent is not True:
                return []
        return self._all(wanted, place)

    def _event(self, pattern: EventPattern, place: FieldLocation) -> list[Branch]:
        return self._any([self._rule(rule, place) for rule in pattern.combinations])

    def _rule(self, rule: Combination, place: FieldLocation) -> list[Branch]:
        wanted = []
        for field in rule:
            inner: FieldLocation | None = place
            for key in field.path:
                inner = inner and inner.below(key)
            if inner is not None and self._may_be_in_arrays(inner):
                self.widen(inner.shown, IN_ARRAYS)
            elif inner is not None:
                wanted.append(self.of(field.values, inner))
            elif not field.values.accepts_missing:
                return []
        return [Branch(each.keys, True) for each in self._all(wanted, place)]

    def _may_be_in_arrays(self, place: FieldLocation) -> bool:
        """Whether EventBridge may find it where no attribute is made of it."""
        is_inner = place.within is Kind.ANYTHING and len(place.keys) > 1
        return self._scope is Scope.ATTRIBUTES and is_inner

    def _any(self, parts: Iterable[list[Branch]]) -> list[Branch]:
        return simplified(branch for part in parts for branch in part)

    def _all(self, parts: Sequence[list[Branch]], place: FieldLocation) -> list[Branch]:
        """Those of all parts together, the smaller parts first: what is too much is left out."""
        found = [MATCH_ALL]
        for part in sorted(parts, key=len):
            if len(found) * len(part) > MAX_BRANCHES:
                self.widen(place.shown, TOO_MANY)
            else:
                found = simplified(intersect(one, other) for one, other in product(found, part))
        return found

    def _leaf(self, pattern: Pattern, place: FieldLocation) -> list[Branch]:
        answer = self._ask(pattern, place)
        if answer.items is None:
            return self.widen(place.shown, answer.wider)
        if answer.items and not place.can_be_asked:
            no_name = place.names is not None and place.keys
            return self.widen(place.shown, NO_ATTRIBUTE if no_name else NAMES)
        if answer.wider:
            self.widen(place.shown, answer.wider)
        items = frozenset(answer.items)
        return [Branch({path: items}) for path in place.paths] if items else []

    def _ask(self, pattern: Pattern, place: FieldLocation) -> Translation:
        kind = place.within
        if not place.keys or isinstance(kind, dict):
            return Translation(None, AS_A_WHOLE)
        if self._scope is Scope.ATTRIBUTES:  # there it stands in its normal form
            return translate_leaf(pattern, self._scope)
        if kind is Kind.CONSTANT:
            return Translation(None, 'it is the same in every event')
        if kind is Kind.VERSION:
            return _version(pattern)
        if kind is Kind.INSTANT and not _is_dated(pattern):
            return Translation(None, ZONES)
        if kind is Kind.TEXT and isinstance(pattern, Not):
            return translate_negation(pattern.child, self._scope)
        return translate_leaf(pattern, self._scope)


def _reaches_deeper(pattern: Pattern) -> bool:
    if isinstance(pattern, (Object, EventPattern)):
        return True
    return isinstance(pattern, (AllOf, AnyOf, OneOf, Equal, Optional, Not)) and any(
        map(_reaches_deeper, pattern.children)
    )


def _is_dated(pattern: Pattern) -> bool:
    """Whether it asks for instants and days alone, which are the same in every zone."""
    if isinstance(pattern, Value):
        return not isinstance(pattern.scale, (NumberValue, TextValue))
    return bool(pattern.children) and all(map(_is_dated, pattern.children))


def _version(pattern: Pattern) -> Translation:
    if pattern.calls or pattern.needs_context or pattern.accepts(1, Context(1)):
        return Translation(None, VERSION)
    answer = translate_leaf(pattern, Scope.BODY)
    if answer.items is None:
        return answer
    return Translation(tuple(each for each in answer.items if not each.startswith('{"prefix"')), '')
