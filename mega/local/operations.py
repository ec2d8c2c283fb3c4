"""The common parts of the services: operations by name, and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from mega.local.errors import AwsError, missing_parameter, serialization_error

__all__ = (
    'NextError',
    'Object',
    'Operation',
    'no_error',
    'number',
    'objects',
    'optional_number',
    'optional_text',
    'results',
    'text',
    'text_map',
    'texts',
)

T = TypeVar('T')
Object: TypeAlias = dict[str, Any]

_NO_FIELDS: Object = {}

NextError: TypeAlias = Callable[[], AwsError | None]
"""Return the error of the next entry of a batch, or None. Called once per entry, in order."""

Operation: TypeAlias = Callable[[Object, NextError], Object]
"""Perform a request, and return its response, both in the shapes of boto3."""


def no_error() -> None:
    """No entry fails."""


def text(request: Object, name: str) -> str:
    """Return a required parameter."""
    value = request.get(name)
    if isinstance(value, str):
        return value
    raise missing_parameter(name) if value is None else serialization_error(name, 'a string')


def optional_text(request: Object, name: str) -> str | None:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise serialization_error(name, 'a string')
    return value


def optional_number(request: Object, name: str) -> int | None:
    value = request.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise serialization_error(name, 'an integer')
    return value


def number(request: Object, name: str, default: int) -> int:
    value = optional_number(request, name)
    return default if value is None else value


def texts(request: Object, name: str) -> list[str]:
    """Return an optional list of strings."""
    values = request.get(name) or ()
    if not (isinstance(values, list | tuple) and all(isinstance(each, str) for each in values)):
        raise serialization_error(name, 'a list of strings')
    return list(values)


def text_map(request: Object, name: str) -> dict[str, str]:
    """Return an optional map of strings."""
    values = request.get(name) or {}
    if not (isinstance(values, dict) and all(isinstance(each, str) for each in values.values())):
        raise serialization_error(name, 'a map of strings')
    return values


def objects(request: Object, name: str) -> list[Object]:
    """Return an optional list of structures."""
    values = request.get(name) or ()
    if not (isinstance(values, list | tuple) and all(isinstance(each, dict) for each in values)):
        raise serialization_error(name, 'a list of objects')
    return list(values)


def results(
    entries: Iterable[tuple[str, T]], perform: Callable[[T], Object | None], next_error: NextError
) -> Object:
    """Perform an operation for each entry of a batch, and return the results.

    `perform` returns the fields of a result besides its Id, if there are any. An entry with an
    injected error has no effect. The result leaves out empty lists.
    """
    successful: list[Object] = []
    failed: list[Object] = []
    for entry_id, entry in entries:
        try:
            if error := next_error():
                raise error
            successful.append({'Id': entry_id, **(perform(entry) or _NO_FIELDS)})
        except AwsError as refused:
            failed.append(refused.entry(entry_id))
    answer = {'Successful': successful, 'Failed': failed}
    return {name: listed for name, listed in answer.items() if listed}
