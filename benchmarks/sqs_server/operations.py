"""The common parts of SQS and SNS: operations by name, and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from benchmarks.sqs_server.errors import AwsError
from benchmarks.sqs_server.polling import Cancel

__all__ = ('NextError', 'Object', 'Operation', 'Service', 'results')

T = TypeVar('T')
Object: TypeAlias = dict[str, Any]

NextError: TypeAlias = Callable[[], AwsError | None]
"""Return the error of the next entry of a batch, or None. Called once per entry, in order."""

Operation: TypeAlias = Callable[[Object, NextError], Object]


class Service:
    """Performs operations. A request that AWS would refuse raises an `AwsError`."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations

    def perform(
        self,
        operation: str,
        request: Object,
        next_error: NextError,
        answer: Callable[[Object], None],
    ) -> Cancel | None:
        """Perform an operation. Call `answer` now, or later if a cancellation is returned."""
        perform = self._operations.get(operation)
        if perform is None:
            raise AwsError('InvalidAction', f'This server has no operation {operation!a}.')
        answer(perform(request, next_error))
        return None


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
