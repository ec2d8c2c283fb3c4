"""The common parts of the services: operations by name, and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from mega.local.errors import AwsError

__all__ = ('NextError', 'Object', 'Operation', 'no_error', 'results')

T = TypeVar('T')
Object: TypeAlias = dict[str, Any]

NextError: TypeAlias = Callable[[], AwsError | None]
"""Return the error of the next entry of a batch, or None. Called once per entry, in order."""

Operation: TypeAlias = Callable[[Object, NextError], Object]
"""Perform a request, and return its response, both in the shapes of boto3."""


def no_error() -> None:
    """No entry fails."""


def results(
    entries: Iterable[tuple[str, T]], perform: Callable[[T], Object], next_error: NextError
) -> Object:
    """Perform an operation for each entry of a batch, and return the results.

    An entry with an injected error has no effect. The result leaves out empty lists.
    """
    successful: list[Object] = []
    failed: list[Object] = []
    for entry_id, entry in entries:
        try:
            if error := next_error():
                raise error
            successful.append({'Id': entry_id, **perform(entry)})
        except AwsError as refused:
            failed.append(refused.entry(entry_id))
    answer = {'Successful': successful, 'Failed': failed}
    return {name: listed for name, listed in answer.items() if listed}
