"""Typed payloads: objects of the user's classes to payloads.

    @dataclass
    class ItemAdded:                  {'item_id': '61fc', 'price': '19.99'}
        item_id: str
        price: Decimal

msgspec writes dataclasses, classes of attrs, Structs and TypedDicts. Models of pydantic write
themselves, also within other classes. `reading.py` is the other direction.

The form of a value in JSON is that of msgspec: times and UUIDs are text, a Decimal is text, bytes
are Base64, and an enum is its value. BSON carries times, UUIDs, Decimals and bytes as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, Protocol, TypeAlias
from uuid import UUID

from msgspec import Struct, to_builtins

from mega.errors import ConfigurationError, EncodeError, join_path, safe_repr
from mega.event.declaration import EventDeclaration, declaration_of
from mega.event.fields import is_pydantic_model, keys_of, unwrap_class
from mega.event.payload import Event, ObjectData, Payload

__all__ = (
    'TypedObject',
    'check_field_names',
    'is_typed',
    'to_event_fields',
    'to_payload',
    'write_object',
)

_BSON_TYPES = (datetime, Decimal, UUID, bytes)


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


class _ClassOfAttrs(Protocol):
    __attrs_attrs__: ClassVar[Any]


class _PydanticModel(Protocol):
    def model_dump(self) -> dict[str, Any]: ...


TypedObject: TypeAlias = Struct | _Dataclass | _ClassOfAttrs | _PydanticModel
"""An object of a class with fields. A TypedDict is a dict."""

_UNTYPED = frozenset((dict, str, bytes, Payload, Event, ObjectData))


def is_typed(value: object) -> bool:
    """Return whether a value is an object of a class with fields, which publishers accept."""
    kind = type(value)
    return kind not in _UNTYPED and unwrap_class(kind) is not None


def to_payload(value: object, binary_encoding: bool = False) -> Payload | dict[str, Any]:
    """Return the payload of a typed object: an event if its class describes one, otherwise data.

    Raises:
        EncodeError: for a value that no payload can carry, with its path.
    """
    declared = declaration_of(type(value))
    if declared is None:
        return write_object(value, '', binary_encoding)
    fields = to_event_fields(value, binary_encoding)
    return Payload(Event(timestamp=datetime.now(timezone.utc), **fields))


def to_event_fields(value: object, binary_encoding: bool = False) -> dict[str, Any]:
    """Return the fields of an `Event` that an object sets: all but its timestamp and publisher.

    Raises:
        ConfigurationError: for an object whose class does not describe an event.
        EncodeError: for a value that no payload can carry, with its path.
    """
    declared = declaration_of(type(value))
    if declared is None:
        problem = 'its class does not describe an event: decorate the class with @event'
        raise ConfigurationError(f'{safe_repr(type(value).__name__)}: {problem}')
    attributes = write_object(value, 'event.attributes', binary_encoding)
    return {
        'name': declared.name,
        'domain': declared.domain,
        'version': declared.version,
        'subject': _subject_of(value, declared),
        'attributes': attributes,
    }


def write_object(value: object, path: str = '', binary_encoding: bool = False) -> dict[str, Any]:
    """Return the object of a payload that a typed object becomes. `path` is its place.

    Raises:
        EncodeError: for a value that no payload can carry, with its path.
        ConfigurationError: for a class with a field that would not be written.
    """
    cls: type = type(value)
    check_field_names(cls)
    try:
        written = _write(value, binary_encoding)
    except RecursionError:
        raise EncodeError(path, 'is nested too deep, or contains itself') from None
    except Exception as error:
        for key in _find_unwritable(value, binary_encoding):
            path = join_path(path, key)
        raise EncodeError(path, f'cannot be written: {type(error).__name__}') from error
    if isinstance(written, dict):
        return written
    raise EncodeError(path, f'is a {type(value).__name__}, which is not written as an object')


@cache
def check_field_names(cls: type) -> None:
    """Check that msgspec writes all fields of a class. It leaves out private ones.

    Raises:
        ConfigurationError: for a field whose name begins with an underscore.
    """
    if issubclass(cls, Struct):
        return
    private = [name for name in keys_of(cls) if name.startswith('_')]
    if private and not is_pydantic_model(cls):
        problem = f'the field {private[0]} would not be written: rename it, without the underscore'
        raise ConfigurationError(f'{cls.__name__}: {problem}')


def _subject_of(value: object, declared: EventDeclaration) -> str | None:
    if declared.subject is None:
        return None
    subject = _write(getattr(value, declared.subject), binary_encoding=False)
    if subject is None or isinstance(subject, str):
        return subject
    if isinstance(subject, int) and not isinstance(subject, bool):
        return str(subject)
    problem = f'is the subject of the event, and a {type(subject).__name__}: must be text'
    raise EncodeError(join_path('event.attributes', declared.subject), problem)


def _write(value: object, binary_encoding: bool) -> Any:
    mode = 'python' if binary_encoding else 'json'

    def dump(model: Any) -> Any:
        if is_pydantic_model(type(model)):
            return model.model_dump(mode=mode, by_alias=True)
        raise TypeError(f'{type(model).__name__} is not a type of payloads')

    builtin_types = _BSON_TYPES if binary_encoding else None
    return to_builtins(value, builtin_types=builtin_types, str_keys=True, enc_hook=dump)


def _find_unwritable(value: object, binary_encoding: bool) -> list[str | int]:
    """Return the keys that lead to the innermost value that cannot be written."""
    for key, member in _members_of(value):
        try:
            _write(member, binary_encoding)
        except Exception:
            return [key, *_find_unwritable(member, binary_encoding)]
    return []


def _members_of(value: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, dict):
        return ((str(key), member) for key, member in value.items())
    if isinstance(value, (list, tuple)):
        return enumerate(value)
    if (cls := unwrap_class(type(value))) is None:
        return ()
    # The last key is an alias, if there is one. A field without a value is not written.
    keys = ((name, keys[-1]) for name, keys in keys_of(cls).items())
    return ((key, getattr(value, name)) for name, key in keys if hasattr(value, name))
