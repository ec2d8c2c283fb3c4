"""JSON Schema of payloads: of a data object, or of a whole event around the attributes of a class.

For an event class, the schema has the name, the domain and the version of `@event` as constants.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber
from mega.errors import ConfigurationError
from mega.event import Payload
from mega.schema.class_schemas import REFERENCE, describe_classes
from mega.schema.message_types import MessageType, published_type, received_types
from mega.schema.subschemas import Schema, change_schemas

__all__ = ('payload_schema', 'to_json_schema')

DIALECT = 'https://json-schema.org/draft/2020-12/schema'

_ANY_OBJECT: Schema = {'type': 'object'}
_TEXT: Schema = {'type': 'string'}


def to_json_schema(source: Any) -> Schema:
    """Return the JSON Schema 2020-12 of the payloads of a class, or of a typed subscriber.

    `source` is a class whose objects are published, or a subscriber class with type parameters. An
    event is described as a whole: its name and version, and the fields of the class as its
    attributes. Older versions, which an `upgrade` of the class reads, are not described.

    The schema describes payloads as publishers write them in JSON: a `Decimal`, a UUID and a time
    are text, and bytes are Base64. A `datetime` has no `format`, unless its zone is required:
    `Annotated[datetime, msgspec.Meta(tz=True)]`. Each object that a publisher writes for the class
    fits, except for a model of pydantic that writes another form than it reads. Subscribers also
    accept a number as text, and a time without a zone.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Order:
    ...     id: int
    ...     note: str = ''
    >>> to_json_schema(Order)['$defs']['Order']['required']
    ['id']

    Raises:
        ConfigurationError: for a class without fields, a subscriber without type parameters, or a
            type that cannot be read from a payload or be described.
    """
    message = _message_type(source)
    schemas, definitions = describe_classes(message.classes)
    schema = payload_schema(message, schemas, definitions)
    # A copy for each use of a part, so that the caller may change the result.
    return change_schemas({'$schema': DIALECT, **schema, '$defs': definitions}, dict)


def _message_type(source: Any) -> MessageType:
    if not (inspect.isclass(source) and issubclass(source, MessageSubscriber)):
        return published_type(source)
    if source.payload_conversion is None:
        problem = 'has no type parameter: only typed subscribers have a schema of their payloads'
        raise ConfigurationError(f'{source.__name__} {problem}')
    [found] = received_types(source)
    return found


def payload_schema(
    message: MessageType, schemas: Mapping[Any, Schema], definitions: Mapping[str, Schema]
) -> Schema:
    """Return the schema of the payloads of a message type, from the schemas of its classes."""
    if message.kind is str:
        return _TEXT
    if message.kind is bytes:
        return {**_TEXT, 'contentEncoding': 'base64'}
    content = schemas.get(message.content, _ANY_OBJECT)
    if message.kind is not Payload:
        return content
    state = schemas.get(message.state, _ANY_OBJECT)
    return _event_schema(message, content, state, _has_required(content, definitions))


def _has_required(schema: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Return whether an object needs a key. An event without attributes has no `attributes`."""
    by_reference = {REFERENCE.format(name): each for name, each in definitions.items()}
    return bool(by_reference.get(schema.get('$ref', ''), schema).get('required'))


def _event_schema(
    message: MessageType, attributes: Schema, state: Schema, needs_attributes: bool
) -> Schema:
    """Return the schema of an event, in the form that publishers write."""
    required = ['name', 'timestamp']
    version = {'type': 'integer', 'default': 1}
    event: dict[str, Schema] = {
        'name': _TEXT,
        'domain': _TEXT,
        'version': version,
        'timestamp': {**_TEXT, 'description': 'ISO-8601 in UTC, without an offset'},
        'subject': _TEXT,
        'publisher': _TEXT,
        'attributes': attributes,
    }
    for field, value in message.constants:
        event[field] = {'const': value}
        if field == 'domain' or (field == 'version' and value != version['default']):
            required.append(field)
    if needs_attributes:
        required.append('attributes')
    described = {
        'type': _TEXT,
        'id': _TEXT,
        'version': version,
        'current': state,
        'previous': state,
    }
    return {
        'title': message.name,
        'type': 'object',
        'properties': {
            'protocol': {'const': 'mega'},
            'version': {'const': 1},
            'event': {'type': 'object', 'properties': event, 'required': required},
            'object': {'type': 'object', 'properties': described},
            'extra': _ANY_OBJECT,
        },
        'required': ['protocol', 'version', 'event'],
    }
