"""Other fields of the same payload."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from mega.errors import PatternError
from mega.match.comparables import to_comparable
from mega.match.context import MISSING, Context
from mega.match.pattern import Pattern, call_repr

__all__ = ('Field', 'field')


@dataclass(frozen=True, slots=True, eq=False)
class Field(Pattern):
    """The value that another field of the payload holds."""

    _USES_CONTEXT: ClassVar[bool] = True

    keys: tuple[str, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        rhs = self.value(context)
        return rhs is not MISSING and _same(lhs, rhs)

    def value(self, context: Context) -> object:
        """What the field holds; MISSING where nothing does."""
        return context.value_at(self.keys)

    def __repr__(self) -> str:
        if any('.' in key for key in self.keys):
            return call_repr('field', self.keys)
        return call_repr('field', '.'.join(self.keys))


def _same(lhs: object, rhs: object) -> bool:
    """Whether two values of one payload are the same, each scalar as if it were the pattern.

    Both come from outside, so this takes neither recursion nor more than one look at a pair.
    """
    pairs = [(lhs, rhs)]
    seen: set[tuple[int, int]] = set()
    while pairs:
        lhs, rhs = pairs.pop()
        if isinstance(rhs, (dict, list, tuple)):
            if (id(lhs), id(rhs)) in seen:
                continue
            seen.add((id(lhs), id(rhs)))
        if isinstance(rhs, dict):
            if not isinstance(lhs, dict) or lhs.keys() != rhs.keys():
                return False
            pairs += ((lhs.get(key), value) for key, value in rhs.items())
        elif isinstance(rhs, (list, tuple)):
            if not isinstance(lhs, (list, tuple)) or len(lhs) != len(rhs):
                return False
            pairs += zip(lhs, rhs, strict=True)
        elif scale := to_comparable(rhs):
            if not scale.compare(operator.eq, lhs):
                return False
        elif isinstance(rhs, (bytes, UUID)):
            if lhs != rhs:
                return False
        elif lhs is not rhs or not (rhs is None or isinstance(rhs, bool)):
            return False
    return True


def field(path: str | Sequence[str]) -> Pattern:
    """What another field of the same payload holds, to stand wherever a value may.

    Dots separate the keys from the root of the payload; where a key holds a dot, give the keys one
    by one. A number, a text or a null is compared as if it were written in place of the field. An
    object equals one with the same keys, an array one with the same members in the same order.
    A field that is not there equals nothing, and compares with nothing.

    >>> changed = {'status': neq(field('previous.status'))}
    >>> evaluate({'status': 'paid', 'previous': {'status': 'new'}}, changed)
    True
    """
    keys = tuple(path.split('.')) if isinstance(path, str) else path
    if not isinstance(keys, (list, tuple)) or not keys:
        raise PatternError('', path, "a field is a path like 'object.previous.status'")
    if not all(isinstance(key, str) for key in keys):
        raise PatternError('', path, 'the keys of a path are texts')
    return Field(tuple(keys))
