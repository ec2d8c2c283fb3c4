"""Convert fields of a payload to message attributes, so that SNS can filter any kind of body.

SNS cannot read BSON, texts or offloaded bodies. A publisher therefore sets fields of the payload
as message attributes, and a filter policy tests these attributes. The path `event.name` of an event
becomes the attribute `event_name`, for example.

An empty text, an object and bytes have no attribute. A policy tests an attribute only if the
pattern matches none of these values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from mega import timestamps
from mega.errors import ConfigurationError, safe_repr

__all__ = ('FieldPath', 'FilterAttributes', 'extract_attributes', 'parse_filter_attributes')

FieldPath: TypeAlias = tuple[str, ...]
"""The keys from the payload to one of its fields."""

FilterAttributes: TypeAlias = Mapping[str, str] | Sequence[str]
"""The path in the payload for each attribute name: `{'kind': 'event.name'}`.

A list of paths, such as `['event.name']`, names each attribute like its path, with `_` for dots.
"""

MAX_NUMBER = 10**126
"""Attributes hold numbers below this one; a larger number becomes a text.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""


def parse_filter_attributes(given: FilterAttributes) -> dict[str, FieldPath]:
    """Return the field path for each attribute name.

    Raises:
        ConfigurationError: for an invalid path, or an invalid or repeated attribute name.
    """
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, (list, tuple)):
        pairs = [
            (path.replace('.', '_') if isinstance(path, str) else path, path) for path in given
        ]
    else:
        pairs = []
    paths: dict[str, FieldPath] = {}
    for name, path in pairs:
        if not isinstance(path, str) or not all(path.split('.')):
            problem = "is not a path; write it like 'event.name'"
            raise ConfigurationError(f'filter_attributes: {safe_repr(path)} {problem}')
        if not isinstance(name, str) or not name or '.' in name or name in paths:
            problem = 'is not a valid attribute name; it must be unique and have no dots'
            raise ConfigurationError(f'filter_attributes: {safe_repr(name)} {problem}')
        paths[name] = tuple(path.split('.'))
    if not paths:
        problem = "must map attribute names to paths: {'kind': 'event.name'}"
        raise ConfigurationError(f'filter_attributes={safe_repr(given)} {problem}')
    return paths


def extract_attributes(document: object, paths: Mapping[str, FieldPath]) -> dict[str, Any]:
    """Return the message attributes of a payload in its normal form, as `publish` accepts them.

    A path without a value, or with a value that has no attribute, is left out.
    """
    values = ((name, _to_attribute(_value_at(document, path))) for name, path in paths.items())
    return {name: value for name, value in values if value is not None}


_MISSING = object()


def _value_at(document: object, path: FieldPath) -> object:
    for key in path:
        if not isinstance(document, dict):
            return _MISSING
        document = document.get(key, _MISSING)
    return document


def _to_attribute(value: object) -> Any:
    """Return a value as SNS compares it.

    SNS accepts booleans, null and unprintable characters only inside an array.
    """
    if isinstance(value, datetime):
        value = timestamps.format_timestamp(timestamps.to_utc(value) or value)
    elif isinstance(value, UUID):
        value = str(value)
    if value == '':
        return None
    if isinstance(value, str) and value.isprintable():
        return value
    if _is_finite_number(value):
        magnitude = value.copy_abs() if isinstance(value, Decimal) else abs(value)
        return value if magnitude < MAX_NUMBER else str(value)
    return _to_array(value if isinstance(value, (list, tuple)) else [value])


def _to_array(members: Sequence[object]) -> Any:
    """Return an attribute of type `String.Array` with the scalars; None without scalars."""
    scalars = _scalars_as_json(members)
    if not scalars:
        return None
    return {'DataType': 'String.Array', 'StringValue': f'[{",".join(scalars)}]'}


def _scalars_as_json(members: Sequence[object]) -> list[str]:
    """Return the scalars in an array, and in arrays inside it, as JSON."""
    scalars: list[str] = []
    for member in members:
        if member is None or isinstance(member, (bool, str)):
            scalars.append(json.dumps(member))
        elif _is_finite_number(member):
            scalars.append(str(member) if isinstance(member, Decimal) else json.dumps(member))
        elif isinstance(member, (datetime, UUID)):
            scalars.append(json.dumps(_to_attribute(member)))
        elif isinstance(member, (list, tuple)):
            scalars += _scalars_as_json(member)
    return scalars


def _is_finite_number(value: object) -> TypeGuard[int | float | Decimal]:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) and not isinstance(value, bool)
