"""Equality of a published payload and the payload that arrives: same values, same types."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from mega.event import Payload

__all__ = ('as_received', 'members', 'values_at', 'with_types')


def with_types(value: Any) -> Any:
    """Return a form of a value that is equal only to that of an equal value of the same types.

    In Python `1 == True == 1.0`, `0.0 == -0.0`, and a `bson.Int64` equals an `int`. These forms
    differ.
    """
    if isinstance(value, Payload):
        return 'Payload', with_types(value.to_dict())
    if type(value) is dict:
        return 'dict', {key: with_types(member) for key, member in value.items()}
    if type(value) is list:
        return 'list', [with_types(member) for member in value]
    if type(value) is float:
        return 'float', repr(value)
    if type(value) is datetime:
        return 'datetime', value, value.utcoffset()
    return type(value), value


def as_received(payload: Any) -> Any:
    """Return the payload that a subscriber receives after this one was published."""
    if isinstance(payload, Payload):
        return Payload.from_dict(_value_as_received(payload.to_dict()))
    if isinstance(payload, dict) and payload.get('protocol') == 'mega':
        return Payload.from_dict(_value_as_received(payload))
    return _value_as_received(payload)


def _value_as_received(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _value_as_received(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value_as_received(member) for member in value]
    if isinstance(value, datetime):
        return _in_milliseconds(value)
    return value


def _in_milliseconds(instant: datetime) -> datetime:
    aware = instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    in_utc = aware.astimezone(timezone.utc)
    return in_utc.replace(microsecond=in_utc.microsecond // 1000 * 1000)


def members(value: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    """Yield each value in a payload with its path. The first is the payload itself, at `''`.

    The paths have the form of those in errors: `user.tags[2]`.
    """
    yield path, value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from members(member, f'{path}.{key}' if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield from members(member, f'{path}[{index}]')


def values_at(payload: Any, path: str) -> list[Any]:
    """Return the values at a path: none for a wrong path, several if keys contain dots."""
    return [member for place, member in members(payload) if place == path]
