"""What it means that a payload "comes back equal, with its type"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from mega.event import Payload

__all__ = ('arriving', 'at_path', 'members', 'typed')


def typed(value: Any) -> Any:
    """A stand-in for a value that is equal only to the same value of the same types.

    In Python `1 == True == 1.0`, `0.0 == -0.0`, and a `bson.Int64` equals an `int`; here not.
    """
    if isinstance(value, Payload):
        return 'Payload', typed(value.to_dict())
    if type(value) is dict:
        return 'dict', {key: typed(member) for key, member in value.items()}
    if type(value) is list:
        return 'list', [typed(member) for member in value]
    if type(value) is float:
        return 'float', repr(value)
    if type(value) is datetime:
        return 'datetime', value, value.utcoffset()
    return type(value), value


def arriving(payload: Any) -> Any:
    """The payload that a subscriber gets when this one was published."""
    if isinstance(payload, Payload):
        return Payload.from_dict(_arriving_value(payload.to_dict()))
    if isinstance(payload, dict) and payload.get('protocol') == 'mega':
        return Payload.from_dict(_arriving_value(payload))
    return _arriving_value(payload)


def _arriving_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _arriving_value(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_arriving_value(member) for member in value]
    if isinstance(value, datetime):
        return _in_milliseconds(value)
    return value


def _in_milliseconds(instant: datetime) -> datetime:
    aware = instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    in_utc = aware.astimezone(timezone.utc)
    return in_utc.replace(microsecond=in_utc.microsecond // 1000 * 1000)


def members(value: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    """Every value within a payload with its path, the payload itself (`''`) first.

    Paths are written as errors write them: `user.tags[2]`.
    """
    yield path, value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from members(member, f'{path}.{key}' if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield from members(member, f'{path}[{index}]')


def at_path(payload: Any, path: str) -> list[Any]:
    """All values to which a path leads: none for a wrong path, several where keys have dots."""
    return [member for place, member in members(payload) if place == path]
