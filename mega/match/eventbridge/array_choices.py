"""The look-up of a field of EventBridge patterns in events with arrays.

EventBridge enters every array at one member only, for all fields of a pattern. So the look-up
chooses one member of each array after another, and visits what it finds with the *choice*: the
event with this member in place of the array. For example, `{"lines": [{"sku": "A", "n": 1},
{"sku": "B", "n": 2}]}` has the choices `{"lines": {"sku": "A", "n": 1}}` and `{"lines": {"sku":
"B", "n": 2}}`. The other fields of a pattern are then read from the choice, as without arrays.

A choice contains only the names that patterns of the branch read. So the copies do not multiply
with the size of the event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

__all__ = ('Route', 'dotted_names', 'event_to_test', 'flat')

MAX_WRAPPERS = 2
"""The number of arrays around another array that are removed at no cost, as in coordinates."""

_NO_ARRAYS = frozenset((dict, str, int, float))

Path: TypeAlias = tuple[str, ...]

_Objects: TypeAlias = tuple[dict[str, Any], ...]
"""The objects on a path, after the choice of one member of each array."""


class Choice(dict[str, Any]):
    """An event with one member in place of an array."""

    __slots__ = ('event', 'tested')

    event: Any
    """The event itself."""

    tested: set[int]
    """The ids of what was tested with the whole event, for all choices of the event."""


def event_to_test(payload: Any, what: object) -> Any:
    """Return the event, or the event of a choice; None if another choice returned it already.

    Without this, the time would be the square of the size of the event.
    """
    if type(payload) is not Choice:
        return payload
    if id(what) in payload.tested:
        return None
    payload.tested.add(id(what))
    return payload.event


def dotted_names(path: Path) -> dict[int, list[str]]:
    """Return the names with dots that lead along a path, by the depth of the object they are in."""
    return {
        depth: ['.'.join(path[depth:end]) for end in range(depth + 2, len(path) + 1)]
        for depth in range(len(path) - 1)
    }


class Route(Struct, frozen=True):
    """A path that a look-up reads, and the names on it that other paths of its patterns need."""

    path: Path

    names: Sequence[frozenset[str]]
    """For each object on the path, the names that patterns read."""

    dotted: Sequence[frozenset[str]]
    """For each object on the path, the names with dots that lead to a field of a pattern."""

    @classmethod
    def of(cls, path: Path, fields: Iterable[Path]) -> Route:
        names: list[set[str]] = [set() for _ in path]
        dotted: list[set[str]] = [set() for _ in path]
        for field in {path, *fields}:
            in_objects = dotted_names(field)
            for depth, name in enumerate(field[: len(path)]):
                names[depth].add(name)
                dotted[depth].update(in_objects.get(depth, ()))
                if name != path[depth]:
                    break
        return cls(path, [*map(frozenset, names)], [*map(frozenset, dotted)])

    def choices(self, event: Any) -> list[_Objects] | None:
        """Return the objects on the path, for every choice of array members.

        None if one of them has a name with dots that leads to a field of a pattern.
        """
        chosen: list[_Objects] = [(event,)] if isinstance(event, dict) else []
        for name, dotted in zip(self.path[:-1], self.dotted, strict=False):
            longer: list[_Objects] = []
            for objects in chosen:
                above = objects[-1]
                if not above.keys().isdisjoint(dotted):
                    return None
                value = above.get(name)
                if isinstance(value, dict):
                    longer.append((*objects, value))
                elif isinstance(value, (list, tuple)):
                    longer += [(*objects, one) for one in flat(value) if isinstance(one, dict)]
            chosen = longer
        return chosen

    def choose(self, event: Any, objects: _Objects, tested: set[int]) -> Any:
        """Return the event with the given objects on the path in place of arrays."""
        chosen: Any = objects[-1]
        for depth in range(len(objects) - 2, -1, -1):
            above, name = objects[depth], self.path[depth]
            if above[name] is chosen:
                chosen = above
            else:
                below = chosen
                chosen = Choice({one: above[one] for one in self.names[depth] & above.keys()})
                chosen[name] = below
        if type(chosen) is Choice:
            chosen.event = event.event if type(event) is Choice else event
            chosen.tested = event.tested if type(event) is Choice else tested
        return chosen


def flat(array: Sequence[object]) -> Sequence[object]:
    """Return the members of an array that are not arrays, and those of the arrays in it."""
    for _ in range(MAX_WRAPPERS):
        if len(array) == 1 and isinstance(array[0], (list, tuple)):
            array = array[0]
    if _NO_ARRAYS.issuperset(map(type, array)):
        return array
    members: list[object] = []
    stack, entered = [iter(array)], {id(array)}
    while stack:
        for member in stack[-1]:
            if not isinstance(member, (list, tuple)):
                members.append(member)
            elif id(member) not in entered:  # an array may contain itself
                entered.add(id(member))
                stack.append(iter(member))
                break
        else:
            stack.pop()
    return members
