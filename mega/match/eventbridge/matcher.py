"""Which events match: every field of a rule, in objects within arrays too.

EventBridge sees an event as scalars at paths, and arrays leave no trace in a path. But what a rule
finds in the objects of one array has to be in one and the same of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mega.match.context import MISSING, Context
from mega.match.eventbridge.operators import ValueList
from mega.match.pattern import Pattern

__all__ = ('EventPattern', 'Field', 'Rule', 'matches', 'scalars_at')

Array: TypeAlias = tuple[str, int]
"""An array of the event: the path at which it is, and its id."""

ArrayBinding: TypeAlias = dict[Array, int]
"""Of which member of an array something was taken."""

_ArrayTrail: TypeAlias = 'tuple[_ArrayTrail, Array, int] | None'
"""The same, from the last array to the first: (those before, the array, its member)."""


@dataclass(frozen=True, slots=True)
class Field:
    """A path, and what one of the scalars there has to be."""

    path: tuple[str, ...]
    items: ValueList

    @property
    def name(self) -> str:
        """The path as EventBridge writes and orders it."""
        return '.'.join(self.path)


Rule: TypeAlias = tuple[Field, ...]
"""Fields that all have to match, in the order of their names."""


@dataclass(frozen=True, slots=True, eq=False)
class EventPattern(Pattern):
    """An object that matches one of several rules: one for each way through every `$or`."""

    rules: tuple[Rule, ...]
    written: str = field(compare=False)

    def accepts(self, lhs: object, context: Context) -> bool:
        for rule in self.rules:
            if matches(rule, lhs, context):
                return True
        return False

    def __repr__(self) -> str:
        return f'from_eventbridge({self.written})'


def matches(rule: Rule, lhs: object, context: Context) -> bool:
    """Whether an object matches all the fields of a rule."""
    if not isinstance(lhs, dict):
        return False
    simply = _matches_simply(rule, lhs, context)
    return _matches_in_arrays(rule, lhs, context) if simply is None else simply


def _matches_simply(rule: Rule, lhs: dict[str, Any], context: Context) -> bool | None:
    """The answer where every field is there, and in no array but of scalars; None elsewhere."""
    for wanted in rule:
        value = _plain(lhs, wanted.path)
        if value is MISSING:
            return None
        if not wanted.items.accepts(value, context):
            return False
    return True


def _plain(payload: dict[str, Any], path: Sequence[str]) -> object:
    """The scalar at a path of nothing but objects; MISSING where something else is there."""
    value: Any = payload
    for name in path:
        if type(value) is not dict:
            return MISSING
        value = value.get(name, MISSING)
    return MISSING if isinstance(value, (dict, list, tuple)) else value


def _matches_in_arrays(rule: Rule, lhs: dict[str, Any], context: Context) -> bool:
    found = [_spots(_scalars(lhs, wanted.name)) for wanted in rule]
    # What is chosen matters only as long as a later field has something in the same array.
    later: list[set[Array]] = [set()]
    for _, arrays in reversed(found):
        later.append(later[-1] | arrays)
    later.reverse()
    tried: set[tuple[int, frozenset[tuple[Array, int]]]] = set()
    # No recursion: a rule may have more fields than Python has room for on its stack.
    waiting = [_bindings(rule[0], found[0][0], {}, context)]
    while waiting:
        chosen = next(waiting[-1], None)
        place = len(waiting)
        if chosen is None:
            waiting.pop()
        elif place == len(rule):
            return True
        else:
            chosen = {array: chosen[array] for array in chosen if array in later[place]}
            known = place, frozenset(chosen.items())
            if known not in tried:
                tried.add(known)
                waiting.append(_bindings(rule[place], found[place][0], chosen, context))
    return False


def _bindings(
    wanted: Field, root: _ArrayNode, chosen: ArrayBinding, context: Context
) -> Iterator[ArrayBinding]:
    """What may be chosen besides, so that a field matches."""
    is_there = False
    for scalars, way in _consistent(root, chosen):
        is_there = True
        if any(wanted.items.accepts(scalar, context) for scalar in scalars):
            yield {**chosen, **_choice(way)}
    if not is_there and wanted.items.may_be_missing:
        yield chosen


@dataclass(slots=True)
class _ArrayNode:
    """Scalars that are in the same members of the same arrays, and what is in arrays beyond."""

    scalars: list[object] = field(default_factory=list)
    arrays: dict[Array, dict[int, _ArrayNode]] = field(default_factory=dict)


def _spots(found: Iterable[tuple[object, _ArrayTrail]]) -> tuple[_ArrayNode, set[Array]]:
    """Scalars by the members of arrays that they are in, from the first array to the last."""
    root = _ArrayNode()
    arrays: set[Array] = set()
    for scalar, way in found:
        spot = root
        for array, member in reversed(_choice(way).items()):
            arrays.add(array)
            spot = spot.arrays.setdefault(array, {}).setdefault(member, _ArrayNode())
        spot.scalars.append(scalar)
    return root, arrays


def _consistent(
    root: _ArrayNode, chosen: ArrayBinding
) -> Iterator[tuple[list[object], _ArrayTrail]]:
    """The spots that are in the members chosen so far, and the way to each."""
    waiting: list[tuple[_ArrayNode, _ArrayTrail]] = [(root, None)]
    while waiting:
        spot, way = waiting.pop()
        if spot.scalars:
            yield spot.scalars, way
        for array, members in spot.arrays.items():
            if array in chosen:
                member = chosen[array]
                if member in members:
                    waiting.append((members[member], (way, array, member)))
            else:
                waiting += ((below, (way, array, member)) for member, below in members.items())


def _choice(way: _ArrayTrail) -> ArrayBinding:
    choice = {}
    while way:
        way, array, member = way
        choice[array] = member
    return choice


def scalars_at(lhs: object, path: Sequence[str]) -> list[object]:
    """All scalars at a path, whatever arrays are on the way."""
    if not isinstance(lhs, dict):
        return []
    return [scalar for scalar, _ in _scalars(lhs, '.'.join(path))]


def _scalars(payload: dict[str, Any], path: str) -> Iterator[tuple[object, _ArrayTrail]]:
    """The scalars at a path, and the way to each.

    Names may hold dots: to EventBridge `{"a.b": 1}` is `{"a": {"b": 1}}`. Where an event has both,
    the latter counts.
    """
    plain = _plain(payload, path.split('.'))
    if plain is not MISSING:
        yield plain, None
        return
    # Where the path is None, it has been followed to its end.
    waiting: list[tuple[Any, str | None, _ArrayTrail]] = [(payload, path, None)]
    while waiting:
        value, rest, way = waiting.pop()
        if isinstance(value, dict):
            if rest is not None:
                waiting += ((below, left, way) for below, left in _below(value, rest))
        elif isinstance(value, (list, tuple)):
            array = path if rest is None else path[: -len(rest) - 1], id(value)
            within = [
                (member, rest, (way, array, place))
                for place, member in enumerate(value)
                if isinstance(member, (dict, list, tuple))
            ]
            waiting += reversed(within)
            if rest is None:
                for member in value:
                    if not isinstance(member, (dict, list, tuple)):
                        yield member, way
        elif rest is None:
            yield value, way


def _below(value: dict[str, Any], path: str) -> Iterator[tuple[Any, str | None]]:
    """What is at the beginnings of a path in an object, and what is left of the path."""
    if path in value:
        yield value[path], None
    end = path.find('.')
    while end >= 0:
        if path[:end] in value:
            yield value[path[:end]], path[end + 1 :]
        end = path.find('.', end + 1)
