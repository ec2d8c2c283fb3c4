"""Match events against EventBridge patterns.

EventBridge flattens an event to scalars at dotted paths, and arrays leave no trace in a path. The
event `{"lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}]}` has "A" and "B" at `lines.sku`, and
1 and 2 at `lines.n`.

In most events, every path of a pattern leads through objects to one scalar.
`_decide` answers this case, and the case of fields that lie in different arrays.
`mega.match.eventbridge.array_consistency` answers the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mega.match.context import MISSING, Context
from mega.match.eventbridge.array_consistency import ConditionTree
from mega.match.eventbridge.operators import ValueList
from mega.match.pattern import Pattern

__all__ = ('Combination', 'EventPattern', 'FieldCondition', 'scalars_at')


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """A path, and the values that a scalar at this path may have."""

    path: tuple[str, ...]
    values: ValueList

    @property
    def name(self) -> str:
        """The dotted path, as EventBridge writes and orders it."""
        return '.'.join(self.path)


Combination: TypeAlias = tuple[FieldCondition, ...]
"""Conditions that must all hold, ordered by name: one selection of branches from every `$or`."""


class EventPattern(Pattern, frozen=True):
    """An object that matches at least one combination of the `$or` branches."""

    combinations: tuple[Combination, ...]
    source: str = field(compare=False)
    _tree: list[ConditionTree] = []
    """The combinations as a tree, built for the first event that needs it."""

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, dict):
            return False
        for combination in self.combinations:
            result = _decide(combination, lhs, context)
            if result is None:
                return self._matching(lhs, context) != 0
            if result:
                return True
        return False

    def first_match(self, lhs: dict[str, Any], context: Context) -> Combination | None:
        """Return the first combination that an event satisfies."""
        matching = self._matching(lhs, context)
        # The lowest bit that is set stands for the first combination.
        return self.combinations[(matching & -matching).bit_length() - 1] if matching else None

    def _matching(self, lhs: dict[str, Any], context: Context) -> int:
        if not self._tree:
            self._tree.append(ConditionTree(self.combinations))
        matching, has_two_values = self._tree[0].matching(lhs, context)
        return (
            _matching_nested_first(self.combinations, lhs, context) if has_two_values else matching
        )

    def __repr__(self) -> str:
        return f'from_eventbridge({self.source})'


def _decide(combination: Combination, lhs: dict[str, Any], context: Context) -> bool | None:
    """Return whether an event matches; None if two fields may lie in the same array."""
    others = []
    for condition in combination:
        value = _scalar_in_objects(lhs, condition.path)
        if value is MISSING:
            others.append(condition)
        elif not condition.values.accepts(value, context):
            return False
    in_arrays, failed = [], False
    for condition in others:
        scalars = scalars_at(lhs, condition.path)
        if not scalars:
            if not condition.values.accepts_missing:
                return False
            continue
        in_arrays.append(condition.path[0])
        if not any(condition.values.accepts(scalar, context) for scalar in scalars):
            if not condition.values.accepts_missing:
                return False
            failed = True
    # Paths with different first names share no array. In a shared array, a field may be missing
    # from the chosen member.
    return not failed if len({*in_arrays}) == len(in_arrays) else None


def _matching_nested_first(
    combinations: Sequence[Combination], lhs: dict[str, Any], context: Context
) -> int:
    """Return the combinations that hold for an event with two values at one path, as bits.

    A nested scalar in no array counts alone. Its conditions are tested here, and the tree has the
    others.
    """
    known: dict[tuple[tuple[str, ...], int], bool | None] = {}

    def test(condition: FieldCondition) -> bool | None:
        key = condition.path, id(condition.values)
        if key not in known:
            value = _scalar_in_objects(lhs, condition.path)
            known[key] = None if value is MISSING else condition.values.accepts(value, context)
        return known[key]

    failed = 0
    remaining: list[list[FieldCondition]] = []
    for place, combination in enumerate(combinations):
        results = [*map(test, combination)]
        holds = False not in results
        failed |= (not holds) << place
        pairs = zip(combination, results, strict=True)
        remaining.append([one for one, result in pairs if holds and result is None])
    return ConditionTree(remaining).matching(lhs, context)[0] & ~failed


def _scalar_in_objects(payload: dict[str, Any], path: Sequence[str]) -> object:
    """Return the scalar at a path that leads through objects only; MISSING if there is none."""
    value: Any = payload
    for name in path:
        if type(value) is not dict:
            return MISSING
        value = value.get(name, MISSING)
    return MISSING if isinstance(value, (dict, list, tuple)) else value


def scalars_at(lhs: object, path: Sequence[str]) -> list[object]:
    """Return all scalars at a path, through any arrays on the way.

    Names may contain dots: EventBridge treats `{"a.b": 1}` as `{"a": {"b": 1}}`. If an event has
    both, a nested scalar that is in no array counts alone.
    """
    if not isinstance(lhs, dict):
        return []
    plain = _scalar_in_objects(lhs, path)
    if plain is not MISSING:
        return [plain]
    found: list[object] = []
    entered: set[tuple[int, str | None]] = set()
    # The rest of the path is None once the whole path has been followed.
    stack: list[tuple[Any, str | None]] = [(lhs, '.'.join(path))]
    while stack:
        value, rest = stack.pop()
        if isinstance(value, dict):
            if rest is not None:
                stack += _children(value, rest)
        elif not isinstance(value, (list, tuple)):
            if rest is None:
                found.append(value)
        elif (id(value), rest) not in entered:  # an array may contain itself
            entered.add((id(value), rest))
            members = value if rest is None else [one for one in value if _is_container(one)]
            stack += [(member, rest) for member in reversed(members)]
    return found


def _is_container(value: object) -> bool:
    return isinstance(value, (dict, list, tuple))


def _children(value: dict[str, Any], path: str) -> Iterator[tuple[Any, str | None]]:
    """Yield the values at every prefix of a path that is a name in an object.

    Each value has the rest of the path, or None at the end of the path.
    """
    if path in value:
        yield value[path], None
    end = path.find('.')
    while end >= 0:
        if path[:end] in value:
            yield value[path[:end]], path[end + 1 :]
        end = path.find('.', end + 1)
