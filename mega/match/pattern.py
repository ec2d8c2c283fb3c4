"""What a pattern is, how patterns combine, and how any Python value becomes one.

A pattern is compiled when it is declared: from then on it holds only patterns, it cannot change,
and to ask it about a payload raises nothing (a user's own predicate excepted).
"""

from __future__ import annotations

import inspect
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from mega.errors import PatternError, step
from mega.match.scales import Scale, scale_of

__all__ = (
    'MISSING',
    'AllOf',
    'AnyOf',
    'Exactly',
    'Members',
    'Not',
    'Object',
    'Pattern',
    'Predicate',
    'Same',
    'Value',
    'called',
    'compiled',
)

MISSING = object()
"""What stands for the value of a key that is not there."""


class Pattern(ABC):
    """A question about one value.

    Patterns combine as `p & q`, `p | q` and `~p`, where one side may be any value.
    The `repr` of a pattern is the code that builds it.
    """

    __slots__ = ()

    @abstractmethod
    def accepts(self, lhs: object) -> bool:
        """Whether a value that is there matches."""

    @property
    def absent(self) -> bool | None:
        """What the pattern says of a key that is not there: true, false, or None for unknown.

        Kleene's logic: only true accepts the absence.
        """
        return None

    def __and__(self, other: object) -> Pattern:
        return AllOf((self, compiled(other)))

    def __rand__(self, other: object) -> Pattern:
        return AllOf((compiled(other), self))

    def __or__(self, other: object) -> Pattern:
        return AnyOf((self, compiled(other)))

    def __ror__(self, other: object) -> Pattern:
        return AnyOf((compiled(other), self))

    def __invert__(self) -> Pattern:
        return Not(self)


@dataclass(frozen=True, slots=True, eq=False)
class AllOf(Pattern):
    """Every member matches."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object) -> bool:
        return all(member.accepts(lhs) for member in self.members)

    @property
    def absent(self) -> bool | None:
        answers = [member.absent for member in self.members]
        if False in answers:
            return False
        return None if None in answers else True

    def __repr__(self) -> str:
        return called('and_', *self.members)


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf(Pattern):
    """At least one member matches."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object) -> bool:
        return any(member.accepts(lhs) for member in self.members)

    @property
    def absent(self) -> bool | None:
        answers = [member.absent for member in self.members]
        if True in answers:
            return True
        return None if None in answers else False

    def __repr__(self) -> str:
        return called('or_', *self.members)


@dataclass(frozen=True, slots=True, eq=False)
class Not(Pattern):
    """The member does not match. On a missing key unknown stays unknown."""

    member: Pattern

    def accepts(self, lhs: object) -> bool:
        return not self.member.accepts(lhs)

    @property
    def absent(self) -> bool | None:
        return None if self.member.absent is None else not self.member.absent

    def __repr__(self) -> str:
        return called('not_', self.member)


@dataclass(frozen=True, slots=True, eq=False)
class Value(Pattern):
    """The equal number, text, instant or day."""

    scale: Scale

    def accepts(self, lhs: object) -> bool:
        return self.scale.holds(operator.eq, lhs)

    def __repr__(self) -> str:
        return repr(self.scale.value)


@dataclass(frozen=True, slots=True, eq=False)
class Same(Pattern):
    """Null, true or false: that one, and nothing that merely equals it."""

    value: bool | None

    def accepts(self, lhs: object) -> bool:
        return lhs is self.value

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Exactly(Pattern):
    """The equal value of the same type: bytes, a UUID, and NaN, which equals nothing."""

    value: bytes | UUID | float

    def accepts(self, lhs: object) -> bool:
        return isinstance(lhs, type(self.value)) and lhs == self.value

    def __repr__(self) -> str:
        return repr(self.value) if self.value == self.value else "float('nan')"


@dataclass(frozen=True, slots=True, eq=False)
class Object(Pattern):
    """An object with a matching value at every key of the pattern. Other keys are ignored."""

    entries: tuple[tuple[str, Pattern], ...]

    def accepts(self, lhs: object) -> bool:
        if not isinstance(lhs, dict):
            return False
        for key, pattern in self.entries:
            value = lhs.get(key, MISSING)
            if pattern.absent is not True if value is MISSING else not pattern.accepts(value):
                return False
        return True

    def __repr__(self) -> str:
        return f'{{{", ".join(f"{key!r}: {pattern!r}" for key, pattern in self.entries)}}}'


@dataclass(frozen=True, slots=True, eq=False)
class Members(Pattern):
    """One value of several. An array equals them as sets, each matching one on the other side."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object) -> bool:
        if isinstance(lhs, (list, tuple)):
            return all(self._has(value) for value in lhs) and all(
                any(member.accepts(value) for value in lhs) for member in self.members
            )
        return self._has(lhs)

    def _has(self, value: object) -> bool:
        return any(member.accepts(value) for member in self.members)

    def __repr__(self) -> str:
        return f'[{", ".join(map(repr, self.members))}]'


@dataclass(frozen=True, slots=True, eq=False)
class Predicate(Pattern):
    """Whatever a user's own function answers. What it raises comes out of the matching."""

    function: Callable[[Any], object]

    def accepts(self, lhs: object) -> bool:
        return bool(self.function(lhs))

    def __repr__(self) -> str:
        return getattr(self.function, '__qualname__', None) or repr(self.function)


def compiled(rhs: object, path: str = '') -> Pattern:
    """Turn any value into the pattern that it stands for.

    Raises:
        PatternError: for a value that means nothing as a pattern, with its path under `path`.
    """
    try:
        return _compiled(rhs, path)
    except RecursionError:
        raise PatternError(path, rhs, 'it is nested too deep, or contains itself') from None


def called(name: str, *arguments: object) -> str:
    """The code of a call, for a pattern's `repr`."""
    return f'{name}({", ".join(map(repr, arguments))})'


def _compiled(rhs: object, path: str) -> Pattern:
    if isinstance(rhs, Pattern):
        return rhs
    if rhs is None or isinstance(rhs, bool):
        return Same(rhs)
    if scale := scale_of(rhs):
        return Value(scale)
    if isinstance(rhs, (bytes, UUID)):
        return Exactly(rhs)
    if isinstance(rhs, (float, Decimal)):
        return Exactly(float('nan'))  # a number on no scale; Decimal's may raise when compared
    if isinstance(rhs, Mapping):
        return Object(tuple(_entry(key, value, path) for key, value in rhs.items()))
    if isinstance(rhs, (list, tuple, set, frozenset)):
        return Members(tuple(_compiled(value, step(path, i)) for i, value in enumerate(rhs)))
    if problem := _why_no_predicate(rhs):
        raise PatternError(path, rhs, problem)
    assert callable(rhs)
    return Predicate(rhs)


def _entry(key: object, value: object, path: str) -> tuple[str, Pattern]:
    if not isinstance(key, str):
        raise PatternError(path, key, 'a key of an object is a text')
    return key, _compiled(value, step(path, key))


def _why_no_predicate(rhs: object) -> str:
    if isinstance(rhs, re.Pattern):
        return 'write match(...) to look for a regular expression'
    if inspect.isclass(rhs):
        return 'a class is no pattern; write is_a(...) to ask for a type, or give a value'
    if inspect.iscoroutinefunction(rhs):
        return 'a predicate cannot be async: what it returns would always be true'
    if not callable(rhs):
        return 'give a value of JSON or BSON, a date, a function of one value, or a pattern'
    return ''
