"""What a pattern is, how patterns combine, and how any Python value becomes one.

A pattern is compiled when it is declared: from then on it holds only patterns, it cannot change,
and to ask it about a payload raises nothing (a user's own predicate excepted).
"""

from __future__ import annotations

import inspect
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from mega.errors import PatternError, join_path
from mega.match.comparables import Comparable, to_comparable
from mega.match.context import MISSING, Context

__all__ = (
    'AllOf',
    'AnyMember',
    'AnyOf',
    'Constant',
    'ExactValue',
    'Not',
    'Object',
    'Pattern',
    'Predicate',
    'Value',
    'call_repr',
    'compile_pattern',
    'value_repr',
)

MAX_DEPTH = 250
"""How deep patterns are nested at most: payloads have 100 levels, and to match takes recursion."""

MAX_BITS_AS_DIGITS = 14_000
"""Python refuses to write longer integers in decimal (sys.set_int_max_str_digits)."""

TOO_DEEP = 'it is nested too deep, or contains itself'


class Pattern:
    """A question about one value.

    Patterns combine as `p & q`, `p | q` and `~p`, where one side may be any value.
    The `repr` of a pattern is the code that builds it.
    """

    # No ABC: that makes isinstance, of which compiling is full, four times as slow.
    __slots__ = ('depth', 'has_predicate', 'needs_context', 'when_missing')

    when_missing: bool | None
    """What the pattern says of a key that is not there: true, false, or None for unknown.

    Kleene's logic: only true accepts the absence.
    """

    has_predicate: bool
    """Whether a user's own predicate is in it. Such a pattern is asked after the others."""

    needs_context: bool
    """Whether it asks for more than the value: a predicate's answer, or another field."""

    depth: int
    """How deep patterns are nested in it, itself included."""

    _USES_CONTEXT: ClassVar[bool] = False

    def __post_init__(self) -> None:
        depth, has_predicate, needs_context = 1, isinstance(self, Predicate), self._USES_CONTEXT
        for child in self.children:
            if child.depth >= depth:
                depth = child.depth + 1
            has_predicate = has_predicate or child.has_predicate
            needs_context = needs_context or child.needs_context
        if depth > MAX_DEPTH:
            raise PatternError('', self, TOO_DEEP)
        object.__setattr__(self, 'depth', depth)
        object.__setattr__(self, 'has_predicate', has_predicate)
        object.__setattr__(self, 'needs_context', needs_context)
        object.__setattr__(self, 'when_missing', self._when_missing())

    def accepts(self, lhs: object, context: Context) -> bool:
        """Whether a value that is there matches, within the payload that the context holds."""
        raise NotImplementedError  # abstract: every kind of pattern answers for itself

    @property
    def children(self) -> tuple[Pattern, ...]:
        """The patterns of which it is made."""
        return ()

    def _when_missing(self) -> bool | None:
        return None

    def __and__(self, other: object) -> Pattern:
        return AllOf((*_parts(AllOf, self), *_parts(AllOf, compile_pattern(other))))

    def __rand__(self, other: object) -> Pattern:
        return compile_pattern(other) & self

    def __or__(self, other: object) -> Pattern:
        return AnyOf((*_parts(AnyOf, self), *_parts(AnyOf, compile_pattern(other))))

    def __ror__(self, other: object) -> Pattern:
        return compile_pattern(other) | self

    def __invert__(self) -> Pattern:
        return Not(self)


@dataclass(frozen=True, slots=True, eq=False)
class AllOf(Pattern):
    """Every member matches."""

    members: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'members', tuple(sorted(self.members, key=_has_predicate)))
        Pattern.__post_init__(self)

    def accepts(self, lhs: object, context: Context) -> bool:
        for child in self.members:
            if not child.accepts(lhs, context):
                return False
        return True

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.members

    def _when_missing(self) -> bool | None:
        answers = {child.when_missing for child in self.members}
        return False if False in answers else None if None in answers else True

    def __repr__(self) -> str:
        return call_repr('and_', *self.members)


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf(Pattern):
    """At least one member matches."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        for child in self.members:
            if child.accepts(lhs, context):
                return True
        return False

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.members

    def _when_missing(self) -> bool | None:
        answers = {child.when_missing for child in self.members}
        return True if True in answers else None if None in answers else False

    def __repr__(self) -> str:
        return call_repr('or_', *self.members)


@dataclass(frozen=True, slots=True, eq=False)
class Not(Pattern):
    """The member does not match. On a missing key unknown stays unknown."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        return not self.child.accepts(lhs, context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def _when_missing(self) -> bool | None:
        return None if self.child.when_missing is None else not self.child.when_missing

    def __repr__(self) -> str:
        return call_repr('not_', self.child)


@dataclass(frozen=True, slots=True, eq=False)
class Value(Pattern):
    """The equal number, text, instant or day."""

    comparable: Comparable

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.comparable.compare(operator.eq, lhs)

    def __repr__(self) -> str:
        return value_repr(self.comparable.value)


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Pattern):
    """Null, true or false: that one, and nothing that merely equals it."""

    value: bool | None

    def accepts(self, lhs: object, context: Context) -> bool:
        return lhs is self.value

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class ExactValue(Pattern):
    """The equal value of the same type: bytes, a UUID, and NaN, which equals nothing."""

    value: bytes | UUID | float

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, type(self.value)) and lhs == self.value

    def __repr__(self) -> str:
        return value_repr(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Object(Pattern):
    """An object with a matching value at every key of the pattern. Other keys are ignored."""

    entries: tuple[tuple[str, Pattern], ...]

    def __post_init__(self) -> None:
        ordered = sorted(self.entries, key=lambda entry: entry[1].has_predicate)
        object.__setattr__(self, 'entries', tuple(ordered))
        Pattern.__post_init__(self)

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, dict):
            return False
        for key, pattern in self.entries:
            value = lhs.get(key, MISSING)
            if (
                pattern.when_missing is not True
                if value is MISSING
                else not pattern.accepts(value, context)
            ):
                return False
        return True

    @property
    def children(self) -> tuple[Pattern, ...]:
        return tuple([pattern for _, pattern in self.entries])

    def __repr__(self) -> str:
        return f'{{{", ".join(f"{key!r}: {pattern!r}" for key, pattern in self.entries)}}}'


@dataclass(frozen=True, slots=True, eq=False)
class AnyMember(Pattern):
    """One value of several. An array equals them as sets, each matching one on the other side."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        if isinstance(lhs, (list, tuple)):
            return self._equals(lhs, context)
        for child in self.members:
            if child.accepts(lhs, context):
                return True
        return False

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.members

    def _equals(self, array: Sequence[object], context: Context) -> bool:
        # No member is asked twice about a value: in arrays of arrays that would double each level.
        unmatched = set(self.members)
        for value in array:
            matching = [child for child in self.members if child.accepts(value, context)]
            if not matching:
                return False
            unmatched.difference_update(matching)
        return not unmatched

    def __repr__(self) -> str:
        return f'[{", ".join(map(repr, self.members))}]'


@dataclass(frozen=True, slots=True, eq=False)
class Predicate(Pattern):
    """Whatever a user's own function answers. What it raises comes out of the matching."""

    _USES_CONTEXT: ClassVar[bool] = True

    function: Callable[[Any], object]

    def accepts(self, lhs: object, context: Context) -> bool:
        return context.call(self.function, lhs)

    def __repr__(self) -> str:
        return getattr(self.function, '__qualname__', None) or repr(self.function)


_has_predicate = operator.attrgetter('has_predicate')


def compile_pattern(rhs: object, path: str = '') -> Pattern:
    """Turn any value into the pattern that it stands for.

    Raises:
        PatternError: for a value that means nothing as a pattern, with its path under `path`.
    """
    try:
        return _compiled(rhs, path)
    except RecursionError:
        raise PatternError(path, rhs, TOO_DEEP) from None


def call_repr(name: str, *arguments: object) -> str:
    """The code of a call, for a pattern's `repr`."""
    return f'{name}({", ".join(map(value_repr, arguments))})'


def value_repr(value: object) -> str:
    """The code of a value, for a pattern's `repr`."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, int) and value.bit_length() > MAX_BITS_AS_DIGITS:
        return hex(value)
    return repr(value)


def _compiled(rhs: object, path: str) -> Pattern:
    if isinstance(rhs, Pattern):
        return rhs
    if rhs is None or isinstance(rhs, bool):
        return Constant(rhs)
    if comparable := to_comparable(rhs):
        return Value(comparable)
    if isinstance(rhs, (bytes, UUID)):
        return ExactValue(rhs)
    if isinstance(rhs, (float, Decimal)):
        return ExactValue(float('nan'))  # a number on no scale; Decimal's may raise when compared
    if isinstance(rhs, Mapping):
        return Object(tuple(_entry(key, value, path) for key, value in rhs.items()))
    if isinstance(rhs, (list, tuple, set, frozenset)):
        return AnyMember(tuple(_compiled(value, join_path(path, i)) for i, value in enumerate(rhs)))
    if problem := _why_no_predicate(rhs):
        raise PatternError(path, rhs, problem)
    assert callable(rhs)
    return Predicate(rhs)


def _entry(key: object, value: object, path: str) -> tuple[str, Pattern]:
    if not isinstance(key, str):
        raise PatternError(path, key, 'a key of an object is a text')
    return key, _compiled(value, join_path(path, key))


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


def _parts(kind: type[AllOf | AnyOf], pattern: Pattern) -> tuple[Pattern, ...]:
    """What `p | q | r` joins: three, not one within another."""
    return pattern.children if isinstance(pattern, kind) else (pattern,)
