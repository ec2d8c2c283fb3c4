"""What is known while one payload is matched: all of it, and what users' predicates said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ('MISSING', 'Context', 'to_plain')


class _Missing:
    def __repr__(self) -> str:
        return 'missing'


MISSING = _Missing()
"""What stands for the value of a key that is not there."""


class Context:
    """One payload while it is matched. Used by one thread, for as long as that takes."""

    __slots__ = ('_answers', 'payload')

    def __init__(self, payload: object) -> None:
        self.payload = payload
        # The values are kept with the answers: as long as they live, nothing else has their id.
        self._answers: dict[tuple[int, int], tuple[bool, BaseException | None, object]] = {}

    def call(self, predicate: Callable[[Any], object], lhs: object) -> bool:
        """What a user's predicate says of a value. It is called once, whoever asks how often.

        Raises:
            BaseException: what the predicate raises, every time.
        """
        asked = id(predicate), id(lhs)
        known = self._answers.get(asked)
        if known is None:
            try:
                known = bool(predicate(lhs)), None, lhs
            except BaseException as error:
                known = False, error, lhs
            self._answers[asked] = known
        holds, failure, _ = known
        if failure is not None:
            raise failure
        return holds

    def value_at(self, keys: Sequence[str]) -> object:
        """The value at a path from the root of the payload; MISSING where nothing is."""
        value = self.payload
        for key in keys:
            if not isinstance(value, dict):
                return MISSING
            value = value.get(key, MISSING)
        return value


def to_plain(lhs: object) -> object:
    """The value to match: what `to_dict()` answers where there is one, or the value itself."""
    to_dict = getattr(type(lhs), 'to_dict', None)
    return to_dict(lhs) if to_dict else lhs
