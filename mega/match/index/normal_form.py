"""A pattern taken apart: what it asks at which path, as alternatives of conditions.

One of the alternatives has to hold, and in it every condition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from mega.match.context import MISSING, Context
from mega.match.eventbridge.matcher import Combination, EventPattern
from mega.match.functions.comparison import Equal
from mega.match.index.keys import Key, keys_of
from mega.match.pattern import AllOf, AnyOf, Not, Object, Pattern

__all__ = ('Alternative', 'Condition', 'Path', 'to_dnf')

Path: TypeAlias = tuple[str, ...]

MAX_ALTERNATIVES = 32
"""Beyond that many, an `or_` is one condition, and asked as a whole."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A pattern that the value at a path has to match.

    Everything on the way to the path is an object, or the condition does not hold.
    """

    path: Path
    leaf: Pattern
    keys: tuple[Key, ...] | None = field(default=None, compare=False)
    """By what to look it up; None where it has to be asked."""

    is_prefilter: bool = False
    """Whether it only helps to find a pattern, and another condition has the say.

    It is about the scalars at the path, whatever arrays are on the way.
    """

    def holds(self, payload: object, context: Context | None) -> bool:
        """Ask it of a payload. The context may be None where the leaf needs none."""
        value = payload
        for key in self.path:
            if not isinstance(value, dict):
                return False
            value = value.get(key, MISSING)
        if value is MISSING:
            return self.leaf.absent is True
        return self.leaf.accepts(value, context)  # type: ignore[arg-type]  # it asks for none


Alternative: TypeAlias = tuple[Condition, ...]


def to_dnf(pattern: Pattern, path: Path = ()) -> list[Alternative]:
    """Take a pattern apart."""
    if isinstance(pattern, Equal) and pattern.child.absent is None:
        return to_dnf(pattern.child, path)
    if isinstance(pattern, Not) and isinstance(pattern.child, Not):
        return to_dnf(pattern.child.child, path)
    if isinstance(pattern, Object) and pattern.entries:
        parts = [to_dnf(child, (*path, str.__str__(key))) for key, child in pattern.entries]
        return _conjunction(parts) or _single(pattern, path)
    if isinstance(pattern, AllOf):
        return _conjunction([to_dnf(child, path) for child in pattern.members]) or _single(
            pattern, path
        )
    if isinstance(pattern, EventPattern) and len(pattern.combinations) <= MAX_ALTERNATIVES:
        return [_hinted(combination, pattern, path) for combination in pattern.combinations]
    if isinstance(pattern, AnyOf) and any(map(_reaches_deeper, pattern.members)):
        found = [one for child in pattern.members for one in to_dnf(child, path)]
        return found if len(found) <= MAX_ALTERNATIVES else _single(pattern, path)
    return _single(pattern, path)


def _single(pattern: Pattern, path: Path) -> list[Alternative]:
    return [(Condition(path, pattern, keys_of(pattern)),)]


def _hinted(combination: Combination, pattern: EventPattern, path: Path) -> Alternative:
    hints = [
        Condition((*path, *field.path), field.values, keys_of(field.values), is_prefilter=True)
        for field in combination
    ]
    whole = (
        pattern if len(pattern.combinations) == 1 else EventPattern((combination,), pattern.source)
    )
    return *(hint for hint in hints if hint.keys is not None), Condition(path, whole)


def _conjunction(parts: list[list[Alternative]]) -> list[Alternative]:
    """The alternatives of patterns that all have to match; none where there would be too many."""
    combinations = 1
    for part in parts:
        combinations *= len(part)
        if combinations > MAX_ALTERNATIVES:
            return []
    return [tuple(c for one in chosen for c in one) for chosen in product(*parts)]


def _reaches_deeper(pattern: Pattern) -> bool:
    return isinstance(pattern, (Object, AllOf, AnyOf)) and bool(pattern.children)
