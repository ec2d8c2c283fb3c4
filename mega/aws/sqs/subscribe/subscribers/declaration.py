"""Reads the class attributes of a subscriber. A class precedes its ancestors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mega.errors import ConfigurationError, safe_repr

__all__ = (
    'EVENT_FIELDS',
    'EXTRA_FIELD',
    'NAMES_OF_EVENTS',
    'OBJECT_FIELDS',
    'accepts_arguments',
    'check_exceptions',
    'find_declared',
)

EVENT_FIELDS: Mapping[str, tuple[str, ...]] = {
    field: (f'event_{field}', field)
    for field in ('name', 'domain', 'version', 'timestamp', 'subject', 'publisher', 'attributes')
}
"""The fields of `event`, and the class attributes that declare each: its name, then its alias."""

OBJECT_FIELDS: Mapping[str, tuple[str, ...]] = {
    'type': ('object_type',),
    'version': ('object_version',),
    'id': ('object_id',),
    'current': ('object_current', 'current_object'),
    'previous': ('object_previous', 'previous_object'),
}
"""The fields of `object`, and the class attributes that declare each."""

EXTRA_FIELD: Mapping[str, tuple[str, ...]] = {'extra': ('extra',)}

NAMES_OF_EVENTS = frozenset(
    name
    for fields in (EVENT_FIELDS, OBJECT_FIELDS, EXTRA_FIELD)
    for names in fields.values()
    for name in names
)
"""The names of all class attributes that declare a field of an event."""


def find_declared(cls: type, *names: str) -> tuple[str, Any] | None:
    """Return the first of these attributes that a class or an ancestor has: its name and value."""
    for ancestor in cls.__mro__:
        for name in names:
            if name in vars(ancestor):
                value = vars(ancestor)[name]
                return name, value.__func__ if isinstance(value, staticmethod) else value
    return None


def check_exceptions(name: str, kinds: object) -> None:
    """Check the value of `retriable_exceptions`.

    Raises:
        ConfigurationError: if it is not a tuple of exception classes.
    """
    if not isinstance(kinds, tuple) or not all(
        inspect.isclass(kind) and issubclass(kind, BaseException) for kind in kinds
    ):
        problem = f'must be a tuple of exception classes, not {safe_repr(kinds)}'
        raise ConfigurationError(f'{name}.retriable_exceptions {problem}')


def accepts_arguments(function: Any, *arguments: object) -> bool:
    """Return whether the signature of a function accepts these positional arguments."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # a function without a signature
        return True
    return True
