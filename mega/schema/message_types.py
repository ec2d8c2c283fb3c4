"""The types of messages of a service: what a subscriber receives, and what an object becomes.

    EventSubscriber[ItemAdded, Cart]     an event: attributes ItemAdded, states of the object Cart
    EventSubscriber, name='item.added'   an event with this name
    DataSubscriber[Order]                a data object: Order
    TextSubscriber                       a text
    MessageSubscriber                    an event, a data object, a text or a blob

Two subscribers of one class receive one type. Different types may have equal names.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from mega.aws.sqs.subscribe.subscribers.declaration import EVENT_FIELDS, find_declared
from mega.aws.sqs.subscribe.subscribers.subscriber import EventSubscriber, Subscriber
from mega.aws.sqs.subscribe.subscribers.typed import DataConversion, EventConversion
from mega.errors import ConfigurationError, safe_repr
from mega.event import Payload
from mega.event.declaration import declaration_of
from mega.event.fields import unwrap_class

__all__ = ('MessageType', 'published_type', 'received_types')

_NAMES: dict[type, str] = {Payload: 'Event', dict: 'Data', str: 'Text', bytes: 'Blob'}

_Constants: TypeAlias = tuple[tuple[str, str | int], ...]

_CONSTANT_FIELDS = ('name', 'domain', 'version')


class MessageType(Struct, frozen=True):
    """Messages with one form of payload. Without classes, any payload of the kind has this type.

    `kind` is the class of the payload: `Payload`, `dict`, `str` or `bytes`. `content` is the class
    of the attributes of an event, or of a data object; `state` that of the states of an object.
    `constants` are fields of an event that have one value, such as `('name', 'item.added')`.
    """

    name: str
    kind: type
    content: Any = None
    state: Any = None
    constants: _Constants = ()

    @property
    def classes(self) -> list[Any]:
        """The classes that describe parts of the payload."""
        return [each for each in (self.content, self.state) if each is not None]


def published_type(cls: Any) -> MessageType:
    """Return the type of the messages that the objects of a class are published as.

    Raises:
        ConfigurationError: for a class without fields.
    """
    if unwrap_class(cls) is None:
        problem = 'must be a class with fields, such as a dataclass'
        raise ConfigurationError(f'{safe_repr(cls)}: {problem}')
    constants = _constants_of_class(cls)
    return MessageType(cls.__name__, Payload if constants else dict, cls, None, constants)


def received_types(subscriber: Subscriber) -> list[MessageType]:
    """Return the types of the messages that a subscriber receives."""
    if issubclass(subscriber, EventSubscriber):
        return [_type_of_events(subscriber)]
    if isinstance(conversion := subscriber.payload_conversion, DataConversion):
        content = conversion.reader.annotation
        return [MessageType(_name_of(content, subscriber), dict, content)]
    kinds = subscriber.payload_classes
    return [MessageType(name, kind) for kind, name in _NAMES.items() if issubclass(kind, kinds)]


def _type_of_events(subscriber: type[EventSubscriber[Any, Any]]) -> MessageType:
    content = state = None
    if isinstance(conversion := subscriber.payload_conversion, EventConversion):
        readers = conversion.event_reader, conversion.object_reader
        content, state = (None if each is None else each.annotation for each in readers)
    constants = _constants_of_class(content) or _constants_of_subscriber(subscriber)
    name = str(dict(constants).get('name', _NAMES[Payload]))
    if content is not None:
        name = _name_of(content, subscriber)
    if state is not None:
        name = f'{name}.{_name_of(state, subscriber)}'
    return MessageType(name, Payload, content, state, constants)


def _constants_of_class(cls: Any) -> _Constants:
    """Return the fields that `@event` of a class declares; none for a class of data objects."""
    declared = declaration_of(cls)
    values = ((field, getattr(declared, field, None)) for field in _CONSTANT_FIELDS)
    return tuple((field, value) for field, value in values if value is not None)


def _constants_of_subscriber(subscriber: Subscriber) -> _Constants:
    """Return the fields of an event that a subscriber declares as values."""
    constants = []
    for field in _CONSTANT_FIELDS:
        found = find_declared(subscriber, *EVENT_FIELDS[field])
        if found is not None and isinstance(found[1], (str, int)):
            constants.append((field, found[1]))
    return tuple(constants)


def _name_of(annotation: Any, subscriber: Subscriber) -> str:
    """Return the name of a class; that of its subscriber for another type, such as a union."""
    named = subscriber if unwrap_class(annotation) is None else annotation
    name: str = named.__name__
    return name
