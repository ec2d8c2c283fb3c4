"""Locate the fields of a payload in a message, where SNS tests them.

The body of a data object has the object's own fields. The body of a MEGA event differs from the
normal form that patterns see: an attribute may stand among the event's own fields, a version may be
absent, and a timestamp may be in any time zone. For example, patterns see the attribute `user` at
`event.attributes.user`. SNS finds it at `event.attributes.user` or at `event.user`.

With the scope `MessageAttributes`, a field is in the message attribute that its publisher sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from mega.aws._messages.filter_attributes import FieldPath
from mega.aws.sns.filter_policy.operators import is_encodable
from mega.errors import join_path
from mega.match.eventbridge.parser import OR_KEY, RESERVED_NAMES

__all__ = (
    'DATA_SCHEMA',
    'EVENT_SCHEMA',
    'FieldKind',
    'FieldLocation',
    'is_literal_name',
    'root_location',
)


class FieldKind(Enum):
    """The values that a field may have, and their representation in a body."""

    ANY = 'any value'
    TEXT = 'a text'
    CONSTANT = 'the same value in every message'
    VERSION = 'an integer, absent if it is 1'
    TIMESTAMP = 'an instant in any time zone'
    ATTRIBUTES = 'an object, whose fields may stand beside it'


Schema: TypeAlias = 'Mapping[str, Schema] | FieldKind'
"""The only possible fields of an object, or the kind of a value."""

DATA_SCHEMA: Schema = FieldKind.ANY

EVENT_SCHEMA: Schema = {
    'protocol': FieldKind.TEXT,
    'version': FieldKind.CONSTANT,
    'event': {
        **dict.fromkeys(('name', 'domain', 'subject', 'publisher'), FieldKind.TEXT),
        'version': FieldKind.VERSION,
        'timestamp': FieldKind.TIMESTAMP,
        'attributes': FieldKind.ATTRIBUTES,
    },
    'object': {
        **dict.fromkeys(('type', 'id'), FieldKind.TEXT),
        'version': FieldKind.VERSION,
        **dict.fromkeys(('current', 'previous'), FieldKind.ANY),
    },
    'extra': FieldKind.ANY,
}
"""The normal form of a MEGA event."""

_FIELDS_OF_EVENT = frozenset(EVENT_SCHEMA['event'])  # type: ignore[index,arg-type]


@dataclass(frozen=True, slots=True)
class FieldLocation:
    """A field of a payload, and the paths at which SNS may find it: always at one of them."""

    keys: FieldPath
    paths: tuple[FieldPath, ...]
    schema: Schema
    """The schema of the field."""
    payload_schema: Schema
    """The schema of the whole payload."""
    attribute_names: Mapping[FieldPath, str] | None
    """The message attribute for each field path; None if SNS tests the body."""

    def child(self, key: str) -> FieldLocation | None:
        """Return the location of a nested field; None if the schema has no such field."""
        keys = (*self.keys, key)
        schema = self.schema
        if isinstance(schema, Mapping):
            if key not in schema:
                return None
            child_schema: Schema = schema[key]
        else:
            child_schema = FieldKind.ANY
        if self.attribute_names is not None:
            name = self.attribute_names.get(keys)
            return replace(self, keys=keys, paths=((name,),) if name else (), schema=child_schema)
        paths = tuple((*path, key) for path in self.paths)
        if schema is FieldKind.ATTRIBUTES and key not in _FIELDS_OF_EVENT:
            paths = (*paths, *((*path[:-1], key) for path in self.paths))
        return replace(self, keys=keys, paths=paths, schema=child_schema)

    @property
    def display_path(self) -> str:
        """The path as errors show it."""
        path = ''
        for key in self.keys:
            path = join_path(path, key)
        return path

    @property
    def can_test_absence(self) -> bool:
        """Whether SNS can test that the field is missing.

        SNS can test it only at the top level of a data object. At a nested path, SNS also finds
        names with dots, and the first of two equal keys. Neither exists for a pattern.
        """
        is_top_level = len(self.keys) == 1
        is_data = self.payload_schema is DATA_SCHEMA
        return self.attribute_names is None and is_data and is_top_level

    @property
    def is_addressable(self) -> bool:
        """Whether SNS reads every name on the path literally, also inside `$or`."""
        names = self.keys if self.attribute_names is None else ()
        return bool(self.paths) and all(map(is_literal_name, names))


def root_location(schema: Schema, attribute_names: Mapping[FieldPath, str] | None) -> FieldLocation:
    """Return the location of a whole payload: a data object or an event."""
    paths = ((),) if attribute_names is None else ()
    return FieldLocation((), paths, schema, schema, attribute_names)


def is_literal_name(name: str) -> bool:
    """Return whether SNS reads a name in a policy as the name of one field."""
    return (
        bool(name)
        and '.' not in name
        and name not in RESERVED_NAMES
        and name != OR_KEY
        and is_encodable(name)
    )
