"""Reading what a subscriber class declares: its own word first, then its ancestors'."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mega.errors import ConfigurationError, join_path, safe_repr
from mega.match.pattern import Pattern, compiled

__all__ = (
    'EVENT_FIELDS',
    'EXTRA_FIELD',
    'OBJECT_FIELDS',
    'accepts_arguments',
    'check_exceptions',
    'find_declared',
    'patterns',
)

EVENT_FIELDS: Mapping[str, tuple[str, ...]] = {
    field: (f'event_{field}', field)
    for field in ('name', 'domain', 'version', 'timestamp', 'subject', 'publisher', 'attributes')
}
"""The fields of an event, and the class attributes that declare them: name, then alias."""

OBJECT_FIELDS: Mapping[str, tuple[str, ...]] = {
    'type': ('object_type',),
    'version': ('object_version',),
    'id': ('object_id',),
    'current': ('object_current', 'current_object'),
    'previous': ('object_previous', 'previous_object'),
}

EXTRA_FIELD: Mapping[str, tuple[str, ...]] = {'extra': ('extra',)}


def patterns(cls: type, fields: Mapping[str, tuple[str, ...]]) -> dict[str, Pattern]:
    """The patterns that a class declares for some fields of a payload."""
    return {
        field: compiled(found[1], join_path(cls.__name__, found[0]))
        for field, names in fields.items()
        if (found := find_declared(cls, *names))
    }


def find_declared(cls: type, *names: str) -> tuple[str, Any] | None:
    """What a class declares under one of these names, and which: the nearest class goes first."""
    for ancestor in cls.__mro__:
        for name in names:
            if name in vars(ancestor):
                declared = vars(ancestor)[name]
                return name, declared.__func__ if isinstance(declared, staticmethod) else declared
    return None


def check_exceptions(name: str, kinds: object) -> None:
    """Refuse `retriable_exceptions` that could not be caught."""
    if not isinstance(kinds, tuple) or not all(
        inspect.isclass(kind) and issubclass(kind, BaseException) for kind in kinds
    ):
        problem = f'is a tuple of exception classes, not {safe_repr(kinds)}'
        raise ConfigurationError(f'{name}.retriable_exceptions {problem}')


def accepts_arguments(function: Any, *arguments: object) -> bool:
    """Whether a function takes so many positional arguments, so far as its signature says."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # something without a signature
        return True
    return True
