"""References to other fields of the same payload."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from mega.errors import PatternError
from mega.match.comparables import to_comparable
from mega.match.context import MISSING, Context
from mega.match.pattern import Pattern
from mega.match.representation import call_repr

__all__ = ('Field', 'field')


class Field(Pattern, frozen=True):
    """A value that equals the value of another field of the payload."""

    _USES_CONTEXT: ClassVar[bool] = True

    keys: tuple[str, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        rhs = self.value(context)
        return rhs is not MISSING and _equal(lhs, rhs)

    def value(self, context: Context) -> object:
        """Return the value of the field; MISSING if there is none."""
        return context.value_at(self.keys)

    def __repr__(self) -> str:
        if any('.' in key for key in self.keys):
            return call_repr('field', self.keys)
        return call_repr('field', '.'.join(self.keys))


def _equal(lhs: object, rhs: object) -> bool:
    """Return whether two values of one payload are equal, with each scalar of `rhs` as a pattern.

    Both values are untrusted. So the function does not recurse, and it compares each pair of
    containers only once: arrays that share members could otherwise take exponential time.
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
        elif comparable := to_comparable(rhs):
            if not comparable.compare(operator.eq, lhs):
                return False
        elif isinstance(rhs, (bytes, UUID)):
            if lhs != rhs:
                return False
        elif lhs is not rhs or not (rhs is None or isinstance(rhs, bool)):
            return False
    return True


def field(path: str | Sequence[str]) -> Pattern:
    """The value of another field of the same payload. It may replace any value in a pattern.

    The path starts at the root of the payload, with dots between the keys. If a key contains a dot,
    give a list of keys. A number, a text or null is compared as if it were written in the pattern.
    An object equals an object with the same keys and equal values. An array equals an array with
    equal members in the same order. A missing field equals nothing and compares with nothing.

    >>> changed = {'status': neq(field('previous.status'))}
    >>> evaluate({'status': 'paid', 'previous': {'status': 'new'}}, changed)
    True
    """
    keys = tuple(path.split('.')) if isinstance(path, str) else path
    if not isinstance(keys, (list, tuple)) or not keys:
        raise PatternError('', path, "a field must be a path like 'object.previous.status'")
    if not all(isinstance(key, str) for key in keys):
        raise PatternError('', path, 'the keys of a path must be str')
    return Field(tuple(keys))
