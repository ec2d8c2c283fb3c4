"""The base class of patterns, the patterns of plain values, and the compiler of patterns.

`compile_pattern` turns any Python value into a tree of immutable `Pattern` objects when the pattern
is declared. For example, `{'age': gt(17)}` becomes an `Object` with the entry `age`, a `Compare`.
`accepts` then tests a payload. It raises nothing, except the exceptions of a user's predicate.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import force_setattr

from mega.errors import PatternError, join_path
from mega.match.comparables import (
    Comparable,
    ExactKeys,
    exact_keys_of,
    to_comparable,
    to_constant,
    to_typed_value,
)
from mega.match.context import MISSING, Context
from mega.match.member_table import EMPTY_TABLE, MAX_TESTED, MemberTable
from mega.match.predicates import predicate_error, predicate_repr
from mega.match.representation import call_repr, value_repr

__all__ = (
    'AllOf',
    'AnyOf',
    'Atom',
    'Constant',
    'ExactValue',
    'ListLiteral',
    'Members',
    'Not',
    'Object',
    'Pattern',
    'Predicate',
    'Value',
    'compile_pattern',
)

MAX_DEPTH = 250
"""The maximum nesting of a pattern. Matching is recursive; payloads have at most 100 levels."""

TOO_DEEP = 'it is nested too deep, or contains itself'


class Pattern(Struct, frozen=True, eq=False, kw_only=True):
    """A condition on one value.

    Patterns combine as `p & q`, `p | q` and `~p`, where one side may be any value.
    The `repr` of a pattern is the code that builds it.
    """

    # A Struct, because the creation of a dataclass takes a millisecond, and there are fifty. The
    # fields of this class have defaults, because they are derived from those of each pattern.
    # Not an ABC: isinstance, which the compiler calls often, would take four times as long.

    when_missing: bool | None = None
    """The result for a missing key: true, false, or None for unknown (Kleene's logic).

    Only true is a match. The negation of unknown is unknown, so `not_(5)` does not match a missing
    key.
    """

    has_predicate: bool = False
    """Whether the pattern contains a predicate of the user. Such patterns are tested last."""

    needs_context: bool = False
    """Whether the result depends on more than the value: on a predicate or on another field."""

    depth: int = 1
    """The number of nested patterns, this one included."""

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
        force_setattr(self, 'depth', depth)
        force_setattr(self, 'has_predicate', has_predicate)
        force_setattr(self, 'needs_context', needs_context)
        force_setattr(self, 'when_missing', self._when_missing())

    def accepts(self, lhs: object, context: Context) -> bool:
        """Return whether a value matches. The value is present; the context has the payload."""
        raise NotImplementedError  # each kind of pattern defines it

    @property
    def children(self) -> tuple[Pattern, ...]:
        """The patterns directly in this pattern."""
        return ()

    @property
    def exact_keys(self) -> ExactKeys | None:
        """The normal forms of the values that match; None if a value must be tested."""
        return None

    def _when_missing(self) -> bool | None:
        return None

    def __and__(self, other: object) -> Pattern:
        return AllOf((*_flatten(AllOf, self), *_flatten(AllOf, compile_pattern(other))))

    def __rand__(self, other: object) -> Pattern:
        return compile_pattern(other) & self

    def __or__(self, other: object) -> Pattern:
        return AnyOf((*_flatten(AnyOf, self), *_flatten(AnyOf, compile_pattern(other))))

    def __ror__(self, other: object) -> Pattern:
        return compile_pattern(other) | self

    def __invert__(self) -> Pattern:
        return Not(self)

    def __bool__(self) -> bool:
        raise PatternError('', self, 'write `p & q`, `p | q` and `~p`, not `and`, `or` and `not`')


class Atom(Pattern, frozen=True, gc=False):
    """A pattern of numbers and texts alone: nothing that could refer to it, such as a function.

    So the garbage collector need not visit it. To visit a large set would stop all threads.
    """

    def __post_init__(self) -> None:
        """Keep the defaults of `Pattern`: a missing key does not match."""


class AllOf(Pattern, frozen=True):
    """A value that all members match."""

    members: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        force_setattr(self, 'members', tuple(sorted(self.members, key=_has_predicate)))
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


class _WithTable(Pattern, frozen=True, kw_only=True):
    """A pattern with a table of its members, which it builds itself."""

    table: MemberTable = EMPTY_TABLE


class Members(_WithTable, frozen=True):
    """Alternatives: the base class of the patterns that at least one member must match."""

    members: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        force_setattr(self, 'table', MemberTable(self.members))
        Pattern.__post_init__(self)

    def accepts(self, lhs: object, context: Context) -> bool:
        if len(self.members) > MAX_TESTED:
            return self.table.matches_any(lhs, context)
        for child in self.members:
            if child.accepts(lhs, context):
                return True
        return False

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.members


class AnyOf(Members, frozen=True):
    """A value that at least one member matches."""

    def _when_missing(self) -> bool | None:
        answers = {child.when_missing for child in self.members}
        return True if True in answers else None if None in answers else False

    def __repr__(self) -> str:
        return call_repr('or_', *self.members)


class Not(Pattern, frozen=True):
    """A value that the child does not match. For a missing key, unknown stays unknown."""

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


class Value(Atom, frozen=True):
    """An equal number, text, instant or day."""

    comparable: Comparable

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.comparable.compare(operator.eq, lhs)

    @property
    def exact_keys(self) -> ExactKeys:
        return exact_keys_of(self.comparable)

    def __repr__(self) -> str:
        return value_repr(self.comparable.value)


class Constant(Atom, frozen=True):
    """Null, true or false. An equal value such as 1 does not match true."""

    value: bool | None

    def accepts(self, lhs: object, context: Context) -> bool:
        return lhs is self.value

    @property
    def exact_keys(self) -> ExactKeys:
        return ((to_constant, to_constant(self.value)),)

    def __repr__(self) -> str:
        return repr(self.value)


class ExactValue(Pattern, frozen=True):
    """An equal value of the same type: bytes, or a UUID. NaN equals nothing."""

    value: bytes | UUID | float

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, type(self.value)) and lhs == self.value

    @property
    def exact_keys(self) -> ExactKeys:
        normalised = to_typed_value(self.value)
        return ((to_typed_value, normalised),) if normalised else ()

    def __repr__(self) -> str:
        return value_repr(self.value)


class Object(Pattern, frozen=True):
    """An object with a matching value at every key of the pattern. Other keys are ignored."""

    entries: tuple[tuple[str, Pattern], ...]

    def __post_init__(self) -> None:
        Pattern.__post_init__(self)
        if self.has_predicate:
            ordered = sorted(self.entries, key=lambda entry: entry[1].has_predicate)
            force_setattr(self, 'entries', tuple(ordered))

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


class _ObjectOfAtoms(Object, frozen=True, gc=False):
    """An object of atoms and of such objects. It is not visited either."""


class ListLiteral(Members, frozen=True):
    """A value that one of the members matches, or an array that equals the members as a set.

    In such an array, every element matches a member, and every member is matched by an element.
    """

    def accepts(self, lhs: object, context: Context) -> bool:
        if isinstance(lhs, (list, tuple)):
            return self._equals(lhs, context)
        return Members.accepts(self, lhs, context)

    def _equals(self, array: Sequence[object], context: Context) -> bool:
        unmatched = (1 << len(self.members)) - 1
        for value in array:
            found = self.table.find(value, context)
            if not found:
                return False
            unmatched &= ~found
        return not unmatched

    def __repr__(self) -> str:
        return f'[{", ".join(map(repr, self.members))}]'


class Predicate(Pattern, frozen=True):
    """A value that makes a function of the user return a true result."""

    _USES_CONTEXT: ClassVar[bool] = True

    function: Callable[[Any], object]

    def accepts(self, lhs: object, context: Context) -> bool:
        return context.call(self.function, lhs)

    def __repr__(self) -> str:
        return predicate_repr(self.function)


_has_predicate = operator.attrgetter('has_predicate')


def compile_pattern(rhs: object, path: str = '') -> Pattern:
    """Compile any value to a pattern.

    Raises:
        PatternError: if a value is not a valid pattern. The error has its path, starting at `path`.
    """
    try:
        return _compile(rhs, path)
    except RecursionError:
        raise PatternError(path, rhs, TOO_DEEP) from None


def _compile(rhs: Any, path: str) -> Pattern:
    if isinstance(rhs, Pattern):
        return rhs
    if isinstance(rhs, (dict, Mapping)) and not isinstance(rhs, str):
        entries = tuple([_compile_entry(key, value, path) for key, value in rhs.items()])
        is_atomic = True not in [type(child).__struct_config__.gc for _, child in entries]
        return _ObjectOfAtoms(entries) if is_atomic else Object(entries)
    if rhs is None or isinstance(rhs, bool):
        return Constant(rhs)
    if comparable := to_comparable(rhs):
        return Value(comparable)
    if isinstance(rhs, (bytes, UUID)):
        return ExactValue(rhs)
    if isinstance(rhs, (float, Decimal)):
        return ExactValue(float('nan'))  # NaN; comparing a Decimal NaN may raise
    if isinstance(rhs, (list, tuple, set, frozenset)):
        members = [_compile(value, join_path(path, i)) for i, value in enumerate(rhs)]
        return ListLiteral(tuple(members))
    if problem := predicate_error(rhs):
        raise PatternError(path, rhs, problem)
    return Predicate(rhs)


def _compile_entry(key: object, value: object, path: str) -> tuple[str, Pattern]:
    if not isinstance(key, str):
        raise PatternError(path, key, 'a key of an object must be a str')
    return key, _compile(value, join_path(path, key))


def _flatten(kind: type[AllOf | AnyOf], pattern: Pattern) -> tuple[Pattern, ...]:
    """Return the members to combine, so that `p | q | r` has three members and no nesting."""
    return pattern.children if isinstance(pattern, kind) else (pattern,)
