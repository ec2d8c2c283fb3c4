"""Patterns of presence and of type."""

from __future__ import annotations

import inspect

from mega.errors import PatternError
from mega.match.context import Context
from mega.match.pattern import Pattern, compile_pattern
from mega.match.representation import call_repr

__all__ = (
    'AnyValue',
    'Empty',
    'Exists',
    'IsA',
    'Missing',
    'OptionalValue',
    'any_',
    'empty',
    'exists',
    'is_a',
    'missing',
    'optional',
)


class AnyValue(Pattern, frozen=True):
    """Any value that is present, null included."""

    def accepts(self, lhs: object, context: Context) -> bool:
        return True

    def _when_missing(self) -> bool | None:
        return False

    def __repr__(self) -> str:
        return 'any_()'


class Exists(Pattern, frozen=True):
    """Any value that is present and not null."""

    def accepts(self, lhs: object, context: Context) -> bool:
        return lhs is not None

    def _when_missing(self) -> bool | None:
        return False

    def __repr__(self) -> str:
        return 'exists()'


class Missing(Pattern, frozen=True):
    """A missing key."""

    def accepts(self, lhs: object, context: Context) -> bool:
        return False

    def _when_missing(self) -> bool | None:
        return True

    def __repr__(self) -> str:
        return 'missing()'


class OptionalValue(Pattern, frozen=True):
    """A missing key, or a value that matches."""

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        return self.child.accepts(lhs, context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def _when_missing(self) -> bool | None:
        return True

    def __repr__(self) -> str:
        return call_repr('optional', self.child)


class Empty(Pattern, frozen=True):
    """Null, and an empty text, array or object."""

    def accepts(self, lhs: object, context: Context) -> bool:
        return lhs is None or (isinstance(lhs, (str, list, tuple, dict)) and not lhs)

    def __repr__(self) -> str:
        return 'empty()'


class IsA(Pattern, frozen=True):
    """A value of one of several types. A boolean is not an `int`; every array is a `list`."""

    types: tuple[type, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        if isinstance(lhs, bool):
            return bool in self.types or object in self.types
        return isinstance(lhs, self.types) or (isinstance(lhs, tuple) and list in self.types)

    def __repr__(self) -> str:
        return f'is_a({", ".join(_name(kind) for kind in self.types)})'


def any_() -> Pattern:
    """Any value that is present, null included.

    >>> evaluate({'a': None}, {'a': any_()}), evaluate({}, {'a': any_()})
    (True, False)
    """
    return AnyValue()


def exists() -> Pattern:
    """Any value that is present and not null.

    >>> evaluate({'a': None}, {'a': exists()}), evaluate({'a': 0}, {'a': exists()})
    (False, True)
    """
    return Exists()


def missing() -> Pattern:
    """A missing key. Null is present, not missing.

    >>> evaluate({}, {'a': missing()}), evaluate({'a': None}, {'a': missing()})
    (True, False)
    """
    return Missing()


def optional(pattern: object) -> Pattern:
    """A missing key, or a value that matches.

    >>> evaluate({}, {'a': optional(gt(0))}), evaluate({'a': 0}, {'a': optional(gt(0))})
    (True, False)
    """
    return OptionalValue(compile_pattern(pattern))


def empty() -> Pattern:
    """Null, `''`, `[]` or `{}`.

    >>> evaluate('', empty()), evaluate(0, empty())
    (True, False)
    """
    return Empty()


def is_a(*types: type | None) -> Pattern:
    """A value of one of these types, as in `isinstance`. None stands for the type of null.

    Unlike in `isinstance`, a boolean is not an `int`, and a tuple is also a `list`.

    >>> evaluate(5, is_a(int, float)), evaluate(True, is_a(int)), evaluate(None, is_a(str, None))
    (True, False, True)
    """
    kinds = tuple(type(None) if kind is None else kind for kind in types)
    if not kinds:
        raise PatternError('', types, 'is_a() needs at least one type')
    for kind in kinds:
        if not _is_usable_type(kind):
            raise PatternError('', kind, 'is_a() takes types, such as str or int')
    return IsA(kinds)


def _is_usable_type(kind: object) -> bool:
    try:  # isclass(list[int]) is true, and some protocols do not support isinstance
        return inspect.isclass(kind) and isinstance(None, kind) in (True, False)
    except TypeError:
        return False


def _name(kind: type) -> str:
    if kind is type(None):
        return 'None'
    # The repr of values of these types has no module either.
    is_bare = kind.__module__ in ('builtins', 'decimal', 'uuid')
    return kind.__qualname__ if is_bare else f'{kind.__module__}.{kind.__qualname__}'
