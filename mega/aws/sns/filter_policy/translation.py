"""Translate a pattern to branches of a filter policy.

SNS's policies are less expressive than patterns. A message that SNS excludes never reaches the
queue, so the translation has one rule: a policy must let through every message that a subscriber
matches. Where SNS cannot express a part of a pattern, the policy is wider than the pattern, never
narrower. The subscriber's own pattern still rejects the additional messages. `Widened` reports
every place where the policy is wider, with the reason:

    pattern   {'type': 'order', 'total': gt(100)}
    policy    {"total": [{"exists": true}], "type": ["order"]}
    widened   total: SNS does not compare numbers with more digits than a double, ...

The translation is compositional. `Object` and `AllOf` are conjunctions, so their branches are
combined. `AnyOf` and `OneOf` are disjunctions, so they contribute alternative branches. The pattern
of one value becomes conditions at a field path. A widened part becomes `MATCH_ALL`, the branch that
excludes nothing. An empty list of branches means that the pattern never matches.

There are two scopes. With `MessageBody`, SNS tests the JSON of the body, in the form that its
author wrote. With `MessageAttributes`, SNS tests only message attributes that the publisher sets
from the normal form. `field_paths` locates the fields for both scopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.branches import MATCH_ALL, Branch, intersect, simplify
from mega.aws.sns.filter_policy.field_paths import FieldKind, FieldLocation
from mega.aws.sns.filter_policy.leaf_translation import translate_leaf
from mega.aws.sns.filter_policy.negation import translate_negation
from mega.aws.sns.filter_policy.operators import (
    ABSENT,
    Scope,
    Translation,
    without_covered,
)
from mega.match.comparables import NumberValue, TextValue
from mega.match.context import Context
from mega.match.eventbridge.matcher import Combination, EventPattern
from mega.match.eventbridge.operators import ValueList
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import OptionalValue
from mega.match.pattern import AllOf, AnyOf, ListLiteral, Not, Object, Pattern, Value

__all__ = ('PolicyTranslator', 'Widened')


@dataclass(frozen=True, slots=True)
class Widened:
    """A place where a policy lets through more messages than the patterns match, and the reason.

    `path` is the field in the payload; empty for the whole payload.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f'{self.path or "the payload"}: {self.reason}'


class PolicyTranslator:
    """Translates patterns to branches, and records where the branches are wider."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._widened: dict[Widened, None] = {}

    @property
    def widened(self) -> tuple[Widened, ...]:
        return tuple(self._widened)

    def widen(self, path: str, reason: str) -> list[Branch]:
        """Record that the policy does not test a field, and return the branch for this."""
        self._widened[Widened(path, reason)] = None
        return [MATCH_ALL]

    def translate(self, pattern: Pattern, location: FieldLocation) -> list[Branch]:
        """Return the branches for a field that is present, or missing if the pattern accepts that.

        The list is empty if the pattern never matches.
        """
        if pattern.when_missing is not True:
            return self.translate_present(pattern, location)
        # EventBridge treats an empty value as missing. If a body has two equal keys, the pattern
        # sees the last one, which may be empty, while SNS also sees the first one.
        if not location.can_test_absence or isinstance(pattern, ValueList):
            return self.widen(location.display_path, reasons.ABSENCE)
        if not location.is_addressable:
            return self.widen(location.display_path, reasons.NAME)
        missing = Branch({(location.keys,): frozenset((ABSENT,))})
        return simplify([missing, *self.translate_present(pattern, location)])

    def translate_present(self, pattern: Pattern, location: FieldLocation) -> list[Branch]:
        """Return the branches for a field that is present."""
        if isinstance(pattern, (Equal, OptionalValue)):
            return self.translate_present(pattern.child, location)
        if isinstance(pattern, Object):
            return self._object(pattern, location)
        if isinstance(pattern, AllOf):
            parts = [self.translate_present(child, location) for child in pattern.members]
            return self._all(parts, location)
        if isinstance(pattern, EventPattern):
            return self._any(
                self._combination(combination, location) for combination in pattern.combinations
            )
        if isinstance(pattern, Not) and isinstance(pattern.child, Not):
            return self.translate_present(pattern.child.child, location)
        # A payload is never an array. Below the payload, `ListLiteral` also matches an array that
        # equals its members as a set, and then no alternative matches the array itself.
        disjunctions = (AnyOf, OneOf) if location.keys else (AnyOf, OneOf, ListLiteral)
        if isinstance(pattern, disjunctions) and any(map(_has_nested_fields, pattern.children)):
            return self._any(self.translate_present(child, location) for child in pattern.children)
        return self._leaf(pattern, location)

    def _object(self, pattern: Object, location: FieldLocation) -> list[Branch]:
        if not pattern.entries:
            return self.widen(location.display_path, reasons.OBJECT)
        parts = []
        for key, child in pattern.entries:
            field = location.child(str.__str__(key))
            if field is not None:
                parts.append(self.translate(child, field))
            elif child.when_missing is not True:
                return []
        return self._all(parts, location)

    def _combination(self, combination: Combination, location: FieldLocation) -> list[Branch]:
        parts = []
        for condition in combination:
            field: FieldLocation | None = location
            for key in condition.path:
                field = field and field.child(key)
            if field is not None and self._may_be_in_arrays(field):
                self.widen(field.display_path, reasons.IN_ARRAYS)
            elif field is not None:
                parts.append(self.translate(condition.values, field))
            elif not condition.values.accepts_missing:
                return []
        return [Branch(branch.conditions, True) for branch in self._all(parts, location)]

    def _may_be_in_arrays(self, location: FieldLocation) -> bool:
        """Return whether EventBridge may find the field in an array, without an attribute."""
        is_nested = location.schema is FieldKind.ANY and len(location.keys) > 1
        return self._scope is Scope.ATTRIBUTES and is_nested

    def _any(self, parts: Iterable[list[Branch]]) -> list[Branch]:
        return simplify(branch for part in parts for branch in part)

    def _all(self, parts: Sequence[list[Branch]], location: FieldLocation) -> list[Branch]:
        """Return the conjunction of several parts.

        Small parts come first. A part that would lead to too many branches is widened.
        """
        found = [MATCH_ALL]
        for part in sorted(parts, key=len):
            if len(found) * len(part) > reasons.MAX_BRANCHES:
                self.widen(location.display_path, reasons.TOO_MANY_BRANCHES)
            else:
                found = simplify(intersect(left, right) for left, right in product(found, part))
        return found

    def _leaf(self, pattern: Pattern, location: FieldLocation) -> list[Branch]:
        translation = self._translate_leaf(pattern, location)
        if translation.conditions is None:
            return self.widen(location.display_path, translation.widened_because)
        if translation.conditions and not location.is_addressable:
            has_no_attribute = location.attribute_names is not None and location.keys
            why = reasons.NO_ATTRIBUTE if has_no_attribute else reasons.NAME
            return self.widen(location.display_path, why)
        if translation.widened_because:
            self.widen(location.display_path, translation.widened_because)
        conditions = without_covered(frozenset(translation.conditions))
        return [Branch({location.paths: conditions})] if conditions else []

    def _translate_leaf(self, pattern: Pattern, location: FieldLocation) -> Translation:
        schema = location.schema
        if not location.keys or isinstance(schema, dict):
            return Translation(None, reasons.OBJECT)
        if self._scope is Scope.ATTRIBUTES:  # attributes hold the normal form
            return translate_leaf(pattern, self._scope)
        if schema is FieldKind.CONSTANT:
            return Translation(None, reasons.CONSTANT)
        if schema is FieldKind.VERSION:
            return _translate_version(pattern)
        if schema is FieldKind.TIMESTAMP and not _has_only_instants(pattern):
            return Translation(None, reasons.TIME_ZONES)
        if schema is FieldKind.TEXT and isinstance(pattern, Not):
            return translate_negation(pattern.child, self._scope)
        return translate_leaf(pattern, self._scope)


def _has_nested_fields(pattern: Pattern) -> bool:
    if isinstance(pattern, (Object, EventPattern)):
        return True
    return isinstance(pattern, (AllOf, AnyOf, OneOf, Equal, OptionalValue, Not)) and any(
        map(_has_nested_fields, pattern.children)
    )


def _has_only_instants(pattern: Pattern) -> bool:
    """Return whether a pattern compares only instants and days, which need no time zone."""
    if isinstance(pattern, Value):
        return not isinstance(pattern.comparable, (NumberValue, TextValue))
    return bool(pattern.children) and all(map(_has_only_instants, pattern.children))


def _translate_version(pattern: Pattern) -> Translation:
    """Translate the pattern of a version, which is a number, or absent if it is 1."""
    if pattern.has_predicate or pattern.needs_context or pattern.accepts(1, Context(1)):
        return Translation(None, reasons.VERSION)
    translation = translate_leaf(pattern, Scope.BODY)
    if translation.conditions is None:
        return translation
    numeric = (each for each in translation.conditions if not each.startswith('{"prefix"'))
    return Translation(tuple(numeric))
