"""Typed subscribers: the type parameters of a class, and the objects that it receives for them.

    class Restock(EventSubscriber[ItemAdded, Cart]): ...

    payload                                          Restock
    event.name, event.domain, event.version          matched with the declaration of ItemAdded
    event.attributes, upgraded to its version        ItemAdded, the argument of `process`
    object.current, object.previous                  Cart, in `self.current` and `self.previous`

A payload is converted after the match, for each matching subscriber on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    ClassVar,
    ForwardRef,
    Generic,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
)

from msgspec import Struct

from mega.errors import ConfigurationError, safe_repr
from mega.event import Payload
from mega.event.declaration import EventDeclaration, declaration_of
from mega.event.fields import unwrap_class
from mega.event.payload import Event
from mega.event.reading import Reader, reader_of

__all__ = (
    'Conversion',
    'DataConversion',
    'EventConversion',
    'convert_data',
    'convert_events',
    'resolve_type_arguments',
)


class EventConversion(Struct, frozen=True):
    """Converts events for one subscriber class. Without a reader, it receives the payload."""

    event_reader: Reader | None
    object_reader: Reader | None
    declared: EventDeclaration | None

    sets: ClassVar = ('payload', 'current', 'previous')
    """The attributes of an instance that it sets."""

    def apply(self, instance: Any, payload: Any) -> Any:
        """Set the attributes of an instance, and return the argument of its `process`.

        Raises:
            InvalidPayloadError: for an event that does not fit.
        """
        event, data = payload.event, payload.object
        instance.payload = payload
        if data is None:
            instance.current = instance.previous = None
        else:
            instance.current = self._read_state(data.current, 'object.current')
            instance.previous = self._read_state(data.previous, 'object.previous')
        if self.event_reader is None:
            return payload
        attributes = event.attributes
        if self.declared is not None and event.version != self.declared.version:
            attributes = self.declared.upgrade(attributes, event.version)
        return self.event_reader.read(attributes, 'event.attributes')

    def _read_state(self, state: dict[str, Any] | None, path: str) -> Any:
        if state is None or self.object_reader is None:
            return state
        return self.object_reader.read(state, path)

    def is_older_than(self, event: Event) -> bool:
        """Return whether the class describes this event, but only in older versions."""
        declared = self.declared
        return (
            declared is not None
            and declared.name == event.name
            and declared.domain in (None, event.domain)
            and declared.version < event.version
        )


class DataConversion(Struct, frozen=True):
    """Converts data objects for one subscriber class."""

    reader: Reader

    sets: ClassVar = ('payload',)
    """The attributes of an instance that it sets."""

    def apply(self, instance: Any, payload: Any) -> Any:
        """Set the attributes of an instance, and return the argument of its `process`.

        Raises:
            InvalidPayloadError: for a data object that does not fit.
        """
        instance.payload = payload
        return self.reader.read(payload)


Conversion: TypeAlias = EventConversion | DataConversion


def resolve_type_arguments(cls: Any, inherited: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the type arguments of a class for the parameters of its base class.

    `inherited` are those of its parent. Without arguments they are the variables of the base class.
    A class may pass on variables: `class Audited(EventSubscriber[E])`, and then `Audited[Order]`.
    """
    for base in vars(cls).get('__orig_bases__', ()):
        origin = get_origin(base)
        if origin is Generic and not inherited:
            return get_args(base)
        if hasattr(origin, 'type_arguments'):
            given = dict(zip(origin.__parameters__, get_args(base), strict=True))
            return tuple(_substitute(each, given) for each in origin.type_arguments)
    return inherited


def _substitute(argument: Any, given: Mapping[Any, Any]) -> Any:
    """Return a type argument with its variables replaced, such as `E` and `Page[E]`."""
    if isinstance(argument, TypeVar):
        return given.get(argument, argument)
    if get_origin(argument) is None or not getattr(argument, '__parameters__', ()):
        return argument
    return argument[tuple(given.get(each, each) for each in argument.__parameters__)]


def convert_events(cls: type, arguments: tuple[Any, ...]) -> EventConversion | None:
    """Return the conversion of an `EventSubscriber`; None without type parameters.

    Raises:
        ConfigurationError: for a type that cannot be read from an event.
    """
    of_event, of_object = (each if _is_type(each) else None for each in arguments)
    if of_event is None and of_object is None:
        return None
    if of_event is Payload:
        of_event = None
    return EventConversion(
        None if of_event is None else _reader_of(cls, of_event),
        None if of_object is None else _reader_of(cls, of_object),
        declaration_of(of_event),
    )


def convert_data(cls: type, arguments: tuple[Any, ...]) -> DataConversion | None:
    """Return the conversion of a `DataSubscriber`; None without a type parameter.

    Raises:
        ConfigurationError: for a type that cannot be read from a data object.
    """
    [of_data] = arguments
    if not _is_type(of_data):
        return None
    if declaration_of(of_data) is not None:
        name = of_data.__name__
        problem = f'{name} describes an event: extend EventSubscriber[{name}]'
        raise ConfigurationError(f'{cls.__name__}: {problem}')
    return DataConversion(_reader_of(cls, of_data))


def _is_type(argument: Any) -> bool:
    """Return whether a type argument is given, and is not `Any`."""
    return argument is not Any and not isinstance(argument, TypeVar)


def _reader_of(cls: type, annotation: Any) -> Reader:
    if isinstance(annotation, (str, ForwardRef)):
        problem = f'the type parameter is {safe_repr(annotation)}: must be the class, not its name'
        raise ConfigurationError(f'{cls.__name__}: {problem}')
    is_class = isinstance(annotation, type) and get_origin(annotation) is None
    if is_class and unwrap_class(annotation) is None and not issubclass(annotation, Mapping):
        problem = f'the type parameter is {annotation.__name__}: must be a class with fields'
        raise ConfigurationError(f'{cls.__name__}: {problem}, such as a dataclass')
    try:
        return reader_of(annotation)
    except ConfigurationError as error:
        raise ConfigurationError(f'{cls.__name__}: {error}') from error
