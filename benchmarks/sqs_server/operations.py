"""What SQS and SNS have in common as services: operations by name, and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from benchmarks.sqs_server.errors import AwsError
from benchmarks.sqs_server.polling import Cancel

__all__ = ('NextError', 'Object', 'Operation', 'Service', 'results')

T = TypeVar('T')
Object: TypeAlias = dict[str, Any]

NextError: TypeAlias = Callable[[], AwsError | None]
"""Why the next entry of a batch is to fail, if it is. Asked once for each, in order."""

Operation: TypeAlias = Callable[[Object, NextError], Object]


class Service:
    """Performs what requests ask for. A request that AWS would refuse is an AwsError."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations

    def perform(
        self,
        operation: str,
        request: Object,
        next_error: NextError,
        answer: Callable[[Object], None],
    ) -> Cancel | None:
        """Perform an operation, and answer now or, where a cancellation is returned, later."""
        perform = self._operations.get(operation)
        if perform is None:
            raise AwsError('InvalidAction', f'This server has no operation {operation!a}.')
        answer(perform(request, next_error))
        return None


def results(
    entries: Iterable[tuple[str, T]], perform: Callable[[T], Object], next_error: NextError
) -> Object:
    """Do something for each entry of a batch, and say what came of it. An empty list is left out.

    An entry that is to fail has no effect.
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
