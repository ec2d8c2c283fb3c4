"""Validation that JSON and BSON share: every value in a payload, to a limit of nested levels.

The validation finds the path of the first invalid value. For example, `{1}` is not valid in JSON:

    encode({'user': {'tags': ['a', {1}]}})  ->  EncodeError with the path user.tags[1]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from mega.errors import EncodeError, join_path, safe_repr
from mega.json_reading import MAX_NESTED_LEVELS

__all__ = ('Check', 'validate')

Check: TypeAlias = Callable[[Any], str | None]
"""Returns the problem of a key or of a value, or None if it is valid."""


class _InvalidValueError(Exception):
    """Carries the problem of a value to `validate`. Each level on the way adds its key."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.keys: list[str | int] = []  # from the value to the payload

    def path(self) -> str:
        path = ''
        for key in reversed(self.keys):
            path = join_path(path, key)
        return path


def validate(
    document: dict[str, Any],
    key_error: Check,
    value_error: Check,
    object_error: Check = lambda value: None,
) -> None:
    """Check every key and value of a payload before it is encoded.

    `value_error` checks the values that are neither an object nor an array. `object_error` checks
    each object within the payload, but not the payload itself.

    Raises:
        EncodeError: for the first invalid key or value, with its path.
    """

    def check(value: Any, depth: int) -> None:
        if isinstance(value, dict):
            _check_container(depth, object_error(value) if depth > 1 else None)
            for key in value:
                if problem := key_error(key):
                    raise _InvalidValueError(f'has the key {safe_repr(key)}, {problem}')
            check_members(value.items(), depth)
        elif type(value) in (list, tuple):
            _check_container(depth)
            check_members(enumerate(value), depth)
        elif problem := value_error(value):
            raise _InvalidValueError(problem)

    def check_members(members: Iterable[tuple[str | int, Any]], depth: int) -> None:
        for key, value in members:
            try:
                check(value, depth + 1)
            except _InvalidValueError as error:
                error.keys.append(key)
                raise

    try:
        check(document, 1)
    except _InvalidValueError as error:
        raise EncodeError(error.path(), error.problem) from None


def _check_container(depth: int, problem: str | None = None) -> None:
    if depth > MAX_NESTED_LEVELS:
        raise _InvalidValueError(
            f'is nested deeper than {MAX_NESTED_LEVELS} levels, or contains itself'
        )
    if problem:
        raise _InvalidValueError(problem)
