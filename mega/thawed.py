"""Frozen dataclasses, made in half the time."""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from typing import Any, TypeVar

__all__ = ('thawed',)

T = TypeVar('T')


def thawed(kind: type[T]) -> type[T]:
    """A class that makes instances of a frozen one, from all of its fields.

    A frozen dataclass sets each of its fields by a call, fifteen to an event. This one has the same
    fields and is not frozen; what it makes is checked, and then becomes the frozen one's.
    """
    frozen: Any = kind
    check = getattr(frozen, '__post_init__', None)

    def freeze(instance: Any) -> None:
        if check is not None:
            check(instance)
        instance.__class__ = frozen

    return make_dataclass(
        frozen.__name__,
        [(each.name, each.type) for each in fields(frozen)],
        namespace={'__post_init__': freeze},
        eq=False,
        repr=False,
        slots=True,
    )
