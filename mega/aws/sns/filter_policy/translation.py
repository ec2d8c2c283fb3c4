"""From a pattern to what SNS is asked: branches of a policy that hold for whatever it matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from mega.aws.sns.filter_policy.branches import ALWAYS, Branch, both, simplified
from mega.aws.sns.filter_policy.field_paths import Kind, Place
from mega.aws.sns.filter_policy.leaf_translation import asked, asked_but
from mega.aws.sns.filter_policy.operators import ABSENT, Asked, Scope
from mega.match.comparables import Numbers, Texts
from mega.match.context import Context
from mega.match.eventbridge.matcher import EventPattern, Rule
from mega.match.eventbridge.operators import Items
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import Optional
from mega.match.pattern import AllOf, AnyOf, Members, Not, Object, Pattern, Value

__all__ = ('Widened', 'Wishes')

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


class Wishes:
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
        return [ALWAYS]

    def of(self, pattern: Pattern, place: Place) -> list[Branch]:
        """The branches for a value that is there, or missing where the pattern accepts that.

        None at all: it never matches.
        """
        if pattern.absent is not True:
            return self.of_value(pattern, place)
        # To EventBridge what is empty is missing too: of two equal keys the last one may be.
        if not place.can_be_missing or isinstance(pattern, Items):
            return self.widen(place.shown, ABSENCE)
        if not place.can_be_asked:
            return self.widen(place.shown, NAMES)
        missing = Branch({place.keys: frozenset((ABSENT,))})
        return simplified([missing, *self.of_value(pattern, place)])

    def of_value(self, pattern: Pattern, place: Place) -> list[Branch]:
        """The branches for a value that is there."""
        if isinstance(pattern, (Equal, Optional)):
            return self.of_value(pattern.child, place)
        if isinstance(pattern, Object):
            return self._object(pattern, place)
        if isinstance(pattern, AllOf):
            return self._all([self.of_value(child, place) for child in pattern.members], place)
        if isinstance(pattern, EventPattern):
            return self._event(pattern, place)
        if isinstance(pattern, Not) and isinstance(pattern.child, Not):
            return self.of_value(pattern.child.child, place)
        # Below the root, an array may be there that equals some objects as a set.
        either = (AnyOf, OneOf) if place.keys else (AnyOf, OneOf, Members)
        if isinstance(pattern, either) and any(map(_reaches_deeper, pattern.children)):
            return self._any([self.of_value(child, place) for child in pattern.children])
        return self._leaf(pattern, place)

    def _object(self, pattern: Object, place: Place) -> list[Branch]:
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

    def _event(self, pattern: EventPattern, place: Place) -> list[Branch]:
        return self._any([self._rule(rule, place) for rule in pattern.rules])

    def _rule(self, rule: Rule, place: Place) -> list[Branch]:
        wanted = []
        for field in rule:
            inner: Place | None = place
            for key in field.path:
                inner = inner and inner.below(key)
            if inner is not None and self._may_be_in_arrays(inner):
                self.widen(inner.shown, IN_ARRAYS)
            elif inner is not None:
                wanted.append(self.of(field.items, inner))
            elif not field.items.may_be_missing:
                return []
        return [Branch(each.keys, True) for each in self._all(wanted, place)]

    def _may_be_in_arrays(self, place: Place) -> bool:
        """Whether EventBridge may find it where no attribute is made of it."""
        is_inner = place.within is Kind.ANYTHING and len(place.keys) > 1
        return self._scope is Scope.ATTRIBUTES and is_inner

    def _any(self, parts: Iterable[list[Branch]]) -> list[Branch]:
        return simplified(branch for part in parts for branch in part)

    def _all(self, parts: Sequence[list[Branch]], place: Place) -> list[Branch]:
        """Those of all parts together, the smaller parts first: what is too much is left out."""
        found = [ALWAYS]
        for part in sorted(parts, key=len):
            if len(found) * len(part) > MAX_BRANCHES:
                self.widen(place.shown, TOO_MANY)
            else:
                found = simplified(both(one, other) for one, other in product(found, part))
        return found

    def _leaf(self, pattern: Pattern, place: Place) -> list[Branch]:
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

    def _ask(self, pattern: Pattern, place: Place) -> Asked:
        kind = place.within
        if not place.keys or isinstance(kind, dict):
            return Asked(None, AS_A_WHOLE)
        if self._scope is Scope.ATTRIBUTES:  # there it stands in its normal form
            return asked(pattern, self._scope)
        if kind is Kind.CONSTANT:
            return Asked(None, 'it is the same in every event')
        if kind is Kind.VERSION:
            return _version(pattern)
        if kind is Kind.INSTANT and not _is_dated(pattern):
            return Asked(None, ZONES)
        if kind is Kind.TEXT and isinstance(pattern, Not):
            return asked_but(pattern.child, self._scope)
        return asked(pattern, self._scope)


def _reaches_deeper(pattern: Pattern) -> bool:
    if isinstance(pattern, (Object, EventPattern)):
        return True
    return isinstance(pattern, (AllOf, AnyOf, OneOf, Equal, Optional, Not)) and any(
        map(_reaches_deeper, pattern.children)
    )


def _is_dated(pattern: Pattern) -> bool:
    """Whether it asks for instants and days alone, which are the same in every zone."""
    if isinstance(pattern, Value):
        return not isinstance(pattern.scale, (Numbers, Texts))
    return bool(pattern.children) and all(map(_is_dated, pattern.children))


def _version(pattern: Pattern) -> Asked:
    if pattern.calls or pattern.needs_context or pattern.accepts(1, Context(1)):
        return Asked(None, VERSION)
    answer = asked(pattern, Scope.BODY)
    if answer.items is None:
        return answer
    return Asked(tuple(each for each in answer.items if not each.startswith('{"prefix"')), '')
