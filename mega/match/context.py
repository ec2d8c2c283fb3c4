"""The state of one match: the payload, the results of predicates, and converted values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ('MISSING', 'Context', 'to_plain')


class _Missing:
    def __repr__(self) -> str:
        return 'missing'


MISSING = _Missing()
"""The value of a missing key."""


class Context:
    """The state of one match of one payload. Used by one thread."""

    __slots__ = ('_converted', '_results', 'payload')

    def __init__(self, payload: object) -> None:
        self.payload = payload
        # The values are stored with the results: while a value is alive, its id stays unique.
        self._results: dict[tuple[int, int], tuple[bool, BaseException | None, object]] = {}
        self._converted: dict[tuple[int, int], tuple[object, object]] = {}

    def call(self, predicate: Callable[[Any], object], lhs: object) -> bool:
        """Return the result of a user's predicate. It is called once per value.

        Raises:
            BaseException: the exception of the predicate, at every call.
        """
        key = id(predicate), id(lhs)
        known = self._results.get(key)
        if known is None:
            try:
                known = bool(predicate(lhs)), None, lhs
            except BaseException as error:
                known = False, error, lhs
            self._results[key] = known
        is_true, failure, _ = known
        if failure is not None:
            raise failure
        return is_true

    def convert(self, conversion: Callable[[Any], object], lhs: object) -> object:
        """Return the result of a conversion, which raises nothing. It is called once per value."""
        key = id(conversion), id(lhs)
        known = self._converted.get(key)
        if known is None:
            known = self._converted[key] = conversion(lhs), lhs
        return known[0]

    def value_at(self, keys: Sequence[str]) -> object:
        """Return the value at a path from the root of the payload; MISSING if there is none."""
        value = self.payload
        for key in keys:
            if not isinstance(value, dict):
                return MISSING
            value = value.get(key, MISSING)
        return value


def to_plain(lhs: object) -> object:
    """Return the value to match: the result of `to_dict()` if it exists, or the value itself."""
    to_dict = getattr(type(lhs), 'to_dict', None)
    return to_dict(lhs) if to_dict else lhs
