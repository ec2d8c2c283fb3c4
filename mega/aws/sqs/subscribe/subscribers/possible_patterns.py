"""Compile the declarations of a subscriber class, and refuse those that can never match.

For example, `DataSubscriber.pattern = 'x'` matches no object, and `event_version = '1'` no event:
the version of an event is an int.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mega.aws.sqs.subscribe.subscribers.declaration import find_declared
from mega.errors import PatternError, join_path
from mega.event import Payload
from mega.match.feasibility import Shape, find_impossible
from mega.match.pattern import Pattern, compile_pattern

__all__ = ('EVENT_SHAPE', 'compile_fields', 'compile_for_payloads')

EVENT_SHAPE: Mapping[str, Shape] = {
    'protocol': str,
    'version': int,
    'event': {
        'name': str,
        'domain': str,
        'version': int,
        'timestamp': str,
        'subject': str,
        'publisher': str,
        'attributes': dict,
    },
    'object': {'type': str, 'version': int, 'id': str, 'current': dict, 'previous': dict},
    'extra': dict,
}
"""The types in the normal form of an event. Patterns test the normal form."""


_SHAPES: dict[type, Shape] = {Payload: EVENT_SHAPE, dict: dict, str: str, bytes: bytes}
"""The types that patterns test, for each class of payloads."""


def compile_for_payloads(cls: Any, name: str, declared: object) -> Pattern:
    """Return the pattern that a class declares for whole payloads.

    Raises:
        PatternError: for an invalid pattern, and for a pattern that can never match.
    """
    path = join_path(cls.__name__, name)
    pattern = compile_pattern(declared, path)
    shapes = [shape for kind, shape in _SHAPES.items() if issubclass(kind, cls.payload_classes)]
    _check_possible(pattern, shapes, path)
    return pattern


def compile_fields(
    cls: type, fields: Mapping[str, tuple[str, ...]], shape: Shape
) -> dict[str, Pattern]:
    """Return the patterns that a class declares for the fields of an object of a shape.

    Raises:
        PatternError: for an invalid pattern, and for a pattern that can never match.
    """
    assert isinstance(shape, Mapping)
    patterns = {}
    for field, names in fields.items():
        if declared := find_declared(cls, *names):
            path = join_path(cls.__name__, declared[0])
            patterns[field] = compile_pattern(declared[1], path)
            if patterns[field].when_missing is not True:  # a field may be missing
                _check_possible(patterns[field], [shape[field]], path)
    return patterns


def _check_possible(pattern: Pattern, shapes: Sequence[Shape], path: str) -> None:
    """Check that a pattern can match a value of one of the shapes."""
    found = [find_impossible(pattern, shape, path) for shape in shapes]
    if not found or None in found:
        return
    [(where, part, reason), *others] = filter(None, found)
    if others:
        where, part, reason = path, pattern, 'no payload has such a value'
    remedy = 'correct the pattern, or choose the field or the class of subscriber for its values'
    raise PatternError(where, part, f'can never match: {reason}; {remedy}')
