"""Match events against EventBridge patterns, with EventBridge's array consistency.

EventBridge flattens an event to scalars at dotted paths, and arrays leave no trace in a path. The
event `{"lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}]}` has "A" and "B" at `lines.sku`, and
1 and 2 at `lines.n`.

The scalars that match must be consistent: where two fields lie in the same array, both scalars must
come from the same member. The pattern `{"lines": {"sku": ["A"], "n": [2]}}` does not match the
event above, because "A" and 2 are in different members.

`_matches_without_arrays` answers the common case. `_matches_in_arrays` is a depth-first search: it
binds each array on the way to one member, field by field, and backtracks when a field has no
matching scalar under the current binding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mega.match.context import MISSING, Context
from mega.match.eventbridge.operators import ValueList
from mega.match.pattern import Pattern

__all__ = ('Combination', 'EventPattern', 'FieldCondition', 'matches', 'scalars_at')

Array: TypeAlias = tuple[str, int]
"""An array of the event: its dotted path and its `id()`."""

ArrayBinding: TypeAlias = dict[Array, int]
"""The index of the chosen member for each array."""

_ArrayTrail: TypeAlias = 'tuple[_ArrayTrail, Array, int] | None'
"""A binding as a linked list from the innermost array outwards: (outer trail, array, index)."""


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


@dataclass(frozen=True, slots=True, eq=False)
class EventPattern(Pattern):
    """An object that matches at least one combination of the `$or` branches."""

    combinations: tuple[Combination, ...]
    source: str = field(compare=False)

    def accepts(self, lhs: object, context: Context) -> bool:
        for combination in self.combinations:
            if matches(combination, lhs, context):
                return True
        return False

    def __repr__(self) -> str:
        return f'from_eventbridge({self.source})'


def matches(combination: Combination, lhs: object, context: Context) -> bool:
    """Return whether an object satisfies all conditions of a combination."""
    if not isinstance(lhs, dict):
        return False
    result = _matches_without_arrays(combination, lhs, context)
    return _matches_in_arrays(combination, lhs, context) if result is None else result


def _matches_without_arrays(
    combination: Combination, lhs: dict[str, Any], context: Context
) -> bool | None:
    """Return the answer if every path leads through objects to a scalar; None otherwise."""
    for condition in combination:
        value = _scalar_in_objects(lhs, condition.path)
        if value is MISSING:
            return None
        if not condition.values.accepts(value, context):
            return False
    return True


def _scalar_in_objects(payload: dict[str, Any], path: Sequence[str]) -> object:
    """Return the scalar at a path that leads through objects only; MISSING if there is none."""
    value: Any = payload
    for name in path:
        if type(value) is not dict:
            return MISSING
        value = value.get(name, MISSING)
    return MISSING if isinstance(value, (dict, list, tuple)) else value


def _matches_in_arrays(combination: Combination, lhs: dict[str, Any], context: Context) -> bool:
    found = [_array_tree(_scalars(lhs, condition.name)) for condition in combination]
    # A binding matters only while a later condition has scalars in the same array. Bindings of
    # other arrays are dropped, so that independent arrays do not multiply the search.
    later: list[set[Array]] = [set()]
    for _, arrays in reversed(found):
        later.append(later[-1] | arrays)
    later.reverse()
    tried: set[tuple[int, frozenset[tuple[Array, int]]]] = set()
    # An explicit stack: a combination may have more conditions than Python allows recursive calls.
    stack = [_bindings(combination[0], found[0][0], {}, context)]
    while stack:
        binding = next(stack[-1], None)
        depth = len(stack)
        if binding is None:
            stack.pop()
        elif depth == len(combination):
            return True
        else:
            binding = {array: binding[array] for array in binding if array in later[depth]}
            state = depth, frozenset(binding.items())
            if state not in tried:
                tried.add(state)
                stack.append(_bindings(combination[depth], found[depth][0], binding, context))
    return False


def _bindings(
    condition: FieldCondition, root: _ArrayNode, binding: ArrayBinding, context: Context
) -> Iterator[ArrayBinding]:
    """Yield every extension of a binding under which a condition holds."""
    is_present = False
    for scalars, trail in _consistent(root, binding):
        is_present = True
        if any(condition.values.accepts(scalar, context) for scalar in scalars):
            yield {**binding, **_binding_of(trail)}
    if not is_present and condition.values.accepts_missing:
        yield binding


@dataclass(slots=True)
class _ArrayNode:
    """Scalars in the same members of the same arrays, and the arrays nested in these members."""

    scalars: list[object] = field(default_factory=list)
    arrays: dict[Array, dict[int, _ArrayNode]] = field(default_factory=dict)


def _array_tree(found: Iterable[tuple[object, _ArrayTrail]]) -> tuple[_ArrayNode, set[Array]]:
    """Group scalars by the array members that contain them, from the outermost array inwards.

    Return the root of the tree and all arrays in it.
    """
    root = _ArrayNode()
    arrays: set[Array] = set()
    for scalar, trail in found:
        node = root
        for array, index in reversed(_binding_of(trail).items()):
            arrays.add(array)
            node = node.arrays.setdefault(array, {}).setdefault(index, _ArrayNode())
        node.scalars.append(scalar)
    return root, arrays


def _consistent(
    root: _ArrayNode, binding: ArrayBinding
) -> Iterator[tuple[list[object], _ArrayTrail]]:
    """Yield the scalars that agree with a binding, each group with its trail."""
    stack: list[tuple[_ArrayNode, _ArrayTrail]] = [(root, None)]
    while stack:
        node, trail = stack.pop()
        if node.scalars:
            yield node.scalars, trail
        for array, members in node.arrays.items():
            if array in binding:
                index = binding[array]
                if index in members:
                    stack.append((members[index], (trail, array, index)))
            else:
                stack += ((child, (trail, array, index)) for index, child in members.items())


def _binding_of(trail: _ArrayTrail) -> ArrayBinding:
    binding = {}
    while trail:
        trail, array, index = trail
        binding[array] = index
    return binding


def scalars_at(lhs: object, path: Sequence[str]) -> list[object]:
    """Return all scalars at a path, through any arrays on the way."""
    if not isinstance(lhs, dict):
        return []
    return [scalar for scalar, _ in _scalars(lhs, '.'.join(path))]


def _scalars(payload: dict[str, Any], path: str) -> Iterator[tuple[object, _ArrayTrail]]:
    """Yield the scalars at a dotted path, each with its trail.

    Names may contain dots: EventBridge treats `{"a.b": 1}` as `{"a": {"b": 1}}`. If an event has
    both, the latter counts.
    """
    plain = _scalar_in_objects(payload, path.split('.'))
    if plain is not MISSING:
        yield plain, None
        return
    # The rest of the path is None once the whole path has been followed.
    stack: list[tuple[Any, str | None, _ArrayTrail]] = [(payload, path, None)]
    while stack:
        value, rest, trail = stack.pop()
        if isinstance(value, dict):
            if rest is not None:
                stack += ((child, left, trail) for child, left in _children(value, rest))
        elif isinstance(value, (list, tuple)):
            array = path if rest is None else path[: -len(rest) - 1], id(value)
            containers = [
                (member, rest, (trail, array, index))
                for index, member in enumerate(value)
                if isinstance(member, (dict, list, tuple))
            ]
            stack += reversed(containers)
            if rest is None:
                for member in value:
                    if not isinstance(member, (dict, list, tuple)):
                        yield member, trail
        elif rest is None:
            yield value, trail


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
