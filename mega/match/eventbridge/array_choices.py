"""The look-up of a field of EventBridge patterns in events with arrays.

EventBridge enters every array at one member only, for all fields of a pattern. So a look-up chooses
one member of each array after another, and visits what it finds with the *choice*: the event with
this member in place of the array. For example, `{"lines": [{"sku": "A", "n": 1}, {"sku": "B", "n":
2}]}` has the choices `{"lines": {"sku": "A", "n": 1}}` and `{"lines": {"sku": "B", "n": 2}}`. The
other fields of a pattern are then read from the choice, as without arrays.

A field may be in another array, or missing from the chosen member only. Then a choice does not
decide, and the whole pattern is tested with the event, once for all of its choices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from mega.match.context import MISSING

__all__ = ('MAX_CHOICES', 'Choice', 'Chooser', 'Route', 'TestedLater')

Found = TypeVar('Found')

MAX_CHOICES = 16
"""The number of choices with which something that a look-up finds is visited.

If more choices find it, it is tested with the whole event. So the time is linear, also if the
conditions of other fields take time in proportion to the event.
"""

MAX_WRAPPERS = 3
"""The number of arrays, each the only member of the other, that are removed at no cost.

Coordinates have such arrays.
"""

_NO_ARRAYS = frozenset((dict, str, int, float, bool, type(None), type(MISSING)))

Objects: TypeAlias = tuple[dict[str, Any], ...]
"""The objects on a path, after the choice of one member of each array."""


class Choice(dict[str, Any]):
    """An event with one member in place of each array on a path."""

    __slots__ = ('event', 'tested')

    event: dict[str, Any]
    """The event itself."""

    tested: set[object]
    """What was tested with the event, for all choices."""


class TestedLater(dict[str, Any]):
    """An event for which every pattern that is found will be tested as a whole, at the end."""


class Route(Struct, frozen=True):
    """A path that a look-up reads."""

    path: tuple[str, ...]

    dotted: Sequence[frozenset[str]]
    """For each object on the path, the names with dots that lead to a field of a pattern."""

    @classmethod
    def of(cls, path: tuple[str, ...], fields: Iterable[tuple[str, ...]]) -> Route:
        dotted: list[set[str]] = [set() for _ in path]
        for field in {path, *fields}:
            for start, names in enumerate(dotted):
                names.update('.'.join(field[start:end]) for end in range(start + 2, len(field) + 1))
                if field[start : start + 1] != path[start : start + 1]:
                    break
        return cls(path, [*map(frozenset, dotted)])

    def look_up(
        self,
        event: dict[str, Any],
        find: Callable[[Sequence[object]], Iterable[tuple[int, Found]]],
    ) -> Iterable[tuple[Found, list[Objects]]] | None:
        """Return what `find` finds for the scalars at the path, each with the choices that find it.

        If more than `MAX_CHOICES` find it, the result has only the first ones, and one more.
        `find` returns pairs: the place of a scalar, and what this scalar finds. The result is None
        if an object on the path has a name with dots that leads to a field of a pattern, or if one
        object is in several places on the path.
        """
        choices = self._choices(event)
        if choices is None:
            return None
        last = self.path[-1]
        scalars: Sequence[object] = [objects[-1].get(last, MISSING) for objects in choices]
        if len(choices) == 1:
            scalars = _flat(scalars[0])
            choices *= len(scalars)
        elif not _NO_ARRAYS.issuperset(map(type, scalars)):
            members = [*map(_flat, scalars)]
            choices = [one for one, each in zip(choices, members, strict=True) for _ in each]
            scalars = [scalar for each in members for scalar in each]
        by_id: dict[int, tuple[Found, list[Objects]]] = {}
        for place, found in find(scalars):
            # Anything but a text is found even if the field is missing, or is an object.
            if scalars[place] is MISSING or isinstance(scalars[place], dict):
                continue
            _, found_by = by_id.setdefault(id(found), (found, []))
            is_another = not found_by or found_by[-1] is not choices[place]
            if is_another and len(found_by) <= MAX_CHOICES:
                found_by.append(choices[place])
        return by_id.values()

    def _choices(self, event: dict[str, Any]) -> list[Objects] | None:
        choices: list[Objects] = [(event,)]
        for depth, dotted in enumerate(self.dotted):
            if depth:
                if len({id(one[-1]) for one in choices}) < len(choices):
                    return None  # shared objects inside one another multiply
                name = self.path[depth - 1]
                choices = [
                    (*one, next_) for one in choices for next_ in _objects(one[-1].get(name))
                ]
            if dotted:
                for objects in choices:
                    if not objects[-1].keys().isdisjoint(dotted):
                        return None
        return choices


class Chooser:
    """Makes the choices of an event, one after another.

    It copies an object with an array once, and replaces the member in the copy for every choice.
    So all copies together take time in proportion to the event.
    """

    __slots__ = ('_copies', '_path')

    def __init__(self, path: tuple[str, ...]) -> None:
        self._path = path
        self._copies: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def choose(self, objects: Objects) -> dict[str, Any]:
        """Return the event with these objects on the path, valid until the next call.

        It is the event itself if the path leads through no array.
        """
        chosen = objects[-1]
        for depth in range(len(objects) - 2, -1, -1):
            above, name = objects[depth], self._path[depth]
            if above[name] is chosen:
                chosen = above
                continue
            known, copy = self._copies.get(depth, (None, above))
            if known is not above:
                copy = {**above} if depth else _first_choice(above)
                self._copies[depth] = above, copy
            copy[name] = chosen
            chosen = copy
        return chosen


def _first_choice(event: dict[str, Any]) -> Choice:
    choice = Choice(event)
    choice.event, choice.tested = event, set()
    return choice


def _objects(value: object) -> Sequence[dict[str, Any]]:
    if isinstance(value, dict):
        return (value,)
    return [one for one in _flat(value) if isinstance(one, dict)]


def _flat(value: object) -> Sequence[object]:
    """Return the members of an array that are not arrays, and those of the arrays in it.

    Another value counts as its own member.
    """
    if not isinstance(value, (list, tuple)):
        return (value,)
    for _ in range(MAX_WRAPPERS):
        if _NO_ARRAYS.issuperset(map(type, value)):
            return value
        if len(value) == 1 and isinstance(value[0], (list, tuple)):
            value = value[0]
    members: list[object] = []
    stack, entered = [iter(value)], {id(value)}
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
