"""The metadata of a delivery as an object, which the `message_pattern` of a subscriber matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from mega.aws.sqs.message import Message
from mega.errors import ConfigurationError, safe_repr
from mega.match.pattern import AllOf, AnyOf, Not, Object, Pattern

__all__ = ('METADATA_TYPES', 'UNKNOWN_METADATA', 'Metadata', 'metadata_of', 'names_in')

METADATA_TYPES: Mapping[str, type] = {
    'id': str,
    'origin_id': str,
    'attributes': dict,
    'sqs_attributes': dict,
    'group_id': str,
    'deduplication_id': str,
    'sequence_number': str,
    'receive_count': int,
    'sent_time': datetime,
    'sender_id': str,
    'trace_header': str,
    'dead_letter_source_arn': str,
    'topic_arn': str,
    'subject': str,
    'sns_message_id': str,
    'published_time': datetime,
}
"""The keys of the object, each with the type of its value: attributes of `Message`."""

UNKNOWN_METADATA = (
    f'there is no such metadata of a message; the names are {", ".join(METADATA_TYPES)}, and the '
    "attributes of a message are within 'attributes'"
)
"""The problem of another key."""

Metadata: TypeAlias = Message | Mapping[str, Any]
"""A message; or an object with some of the keys, for an explanation."""


def metadata_of(message: Metadata | None, names: Iterable[str] = METADATA_TYPES) -> dict[str, Any]:
    """Return the metadata of a message as an object. A value that is None has no key.

    `names` are the keys to read from a `Message`. None is a message at its first receive, without
    attributes. An object replaces its values.

    Raises:
        ConfigurationError: for a key that is not metadata.
    """
    if isinstance(message, Message):
        values = ((name, getattr(message, name)) for name in names)
        return {name: value for name, value in values if value is not None}
    given = message or {}
    for name in given:
        if name not in METADATA_TYPES:
            raise ConfigurationError(f'{safe_repr(name)}: {UNKNOWN_METADATA}')
    return {'attributes': {}, 'sqs_attributes': {}, 'receive_count': 1, **given}


def names_in(pattern: Pattern) -> Iterable[str]:
    """Return the keys of metadata on which the result of a pattern can depend."""
    if isinstance(pattern, Object):
        return [name for name, _ in pattern.entries]
    if isinstance(pattern, (AllOf, AnyOf, Not)):
        return [name for child in pattern.children for name in names_in(child)]
    return METADATA_TYPES
