"""Fields of a payload as message attributes, so that SNS can filter what it cannot read.

Publishers set them, and a policy asks for them. An empty text, an object and bytes have none, so a
policy asks for one only where the pattern matches none of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from mega import timestamps
from mega.errors import ConfigurationError, safe_repr
from mega.match.comparables import is_number
from mega.match.context import MISSING

__all__ = ('FilterAttributes', 'Path', 'attribute_paths', 'attributes_of')

Path: TypeAlias = tuple[str, ...]
"""The keys from the payload to one of its fields."""

FilterAttributes: TypeAlias = Mapping[str, str] | Sequence[str]
"""Names of attributes, and paths in the payload: `{'kind': 'event.name'}`.

Or paths alone, `['event.name']`: an attribute is called like its path, with `_` for dots.
"""

LARGEST = Decimal('1e126')
"""Attributes hold numbers below this one; a larger one goes as a text.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""


def attribute_paths(given: FilterAttributes) -> dict[str, Path]:
    """The path for each attribute.

    Raises:
        ConfigurationError: for what names no paths, or one attribute twice.
    """
    if isinstance(given, Mapping):
        named = list(given.items())
    elif isinstance(given, (list, tuple)):
        named = [
            (path.replace('.', '_') if isinstance(path, str) else path, path) for path in given
        ]
    else:
        named = []
    paths: dict[str, Path] = {}
    for name, path in named:
        if not isinstance(path, str) or not all(path.split('.')):
            problem = "is no path; write it like 'event.name'"
            raise ConfigurationError(f'filter_attributes: {safe_repr(path)} {problem}')
        if not isinstance(name, str) or not name or '.' in name or name in paths:
            problem = 'names no attribute, or one that is there already; give it one without dots'
            raise ConfigurationError(f'filter_attributes: {safe_repr(name)} {problem}')
        paths[name] = tuple(path.split('.'))
    if not paths:
        problem = "give the names of attributes, and paths: {'kind': 'event.name'}"
        raise ConfigurationError(f'filter_attributes={safe_repr(given)}: {problem}')
    return paths


def attributes_of(document: object, paths: Mapping[str, Path]) -> dict[str, Any]:
    """The attributes of a payload in its normal form, as a user would give them to `publish`.

    None for a path at which nothing is, or nothing that can be an attribute.
    """
    values = ((name, _attribute(_at(document, path))) for name, path in paths.items())
    return {name: value for name, value in values if value is not None}


def _at(document: object, path: Path) -> object:
    for key in path:
        if not isinstance(document, dict):
            return MISSING
        document = document.get(key, MISSING)
    return document


def _attribute(value: object) -> Any:
    """A value as SNS compares it. Booleans, null and odd characters it takes in an array alone."""
    if isinstance(value, datetime):
        value = timestamps.format_timestamp(timestamps.to_utc(value) or value)
    elif isinstance(value, UUID):
        value = str(value)
    if value == '':
        return None
    if isinstance(value, str) and value.isprintable():
        return value
    if _is_number(value):
        return value if Decimal(value).copy_abs() < LARGEST else str(value)
    return _array(value if isinstance(value, (list, tuple)) else [value])


def _array(members: Sequence[object]) -> Any:
    """The scalars among some values, in the JSON of an attribute; None where there are none."""
    written = _written(members)
    if not written:
        return None
    return {'DataType': 'String.Array', 'StringValue': f'[{",".join(written)}]'}


def _written(members: Sequence[object]) -> list[str]:
    """The scalars among some values, and in arrays within, as JSON."""
    written: list[str] = []
    for member in members:
        if member is None or isinstance(member, (bool, str)):
            written.append(json.dumps(member))
        elif _is_number(member):
            written.append(str(member) if isinstance(member, Decimal) else json.dumps(member))
        elif isinstance(member, (datetime, UUID)):
            written.append(json.dumps(_attribute(member)))
        elif isinstance(member, (list, tuple)):
            written += _written(member)
    return written


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    return is_number(value) and Decimal(value).is_finite()
