"""The answer to a batch request of SQS or SNS, read entry by entry.

AWS answers 200 to a batch even if entries failed. The answer lists each entry by its id, under
`Successful` or `Failed`:

    {'Successful': [{'Id': '0', 'MessageId': 'm-0'}],
     'Failed': [{'Id': '1', 'Code': 'InternalError', 'SenderFault': False}]}

A proxy may write the answer instead of AWS, so it may have any shape. An entry that the answer does
not mention counts as failed and retriable: to repeat it is safer than to assume that AWS has it.
An entry under both names is read from `Failed`.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from mega.aws._messages.error_codes import is_throttling

__all__ = ('BatchEntryResult', 'all_successful', 'message_id_in', 'read_batch_response')


class BatchEntryResult(Struct, frozen=True):
    """The result of one entry of a batch request.

    `message_id` is the id of a sent message; None in the answers to other requests.
    `code` and `problem` are AWS's code and text of a failure; both are empty after a success.
    `is_retriable` is whether the same entry may succeed in another request.
    """

    is_successful: bool
    message_id: str | None = None
    code: str = ''
    problem: str = ''
    is_retriable: bool = False


_SUCCESS = BatchEntryResult(True)
_NOT_MENTIONED = BatchEntryResult(
    False, code='NotMentioned', problem='the answer does not mention this entry', is_retriable=True
)


def read_batch_response(response: object, ids: Iterable[str]) -> list[BatchEntryResult]:
    """Return the result of each entry of a batch request, in the order of `ids`.

    Never raises, even for an answer that AWS did not write.
    """
    results = {}
    for id, entry in _entries(response, 'Successful'):
        message_id = message_id_in(entry)
        results[id] = _SUCCESS if message_id is None else BatchEntryResult(True, message_id)
    for id, entry in _entries(response, 'Failed'):
        results[id] = _failure(entry)
    return [results.get(id, _NOT_MENTIONED) for id in ids]


def all_successful(response: object, ids: list[str]) -> bool:
    """Return whether the answer lists all entries under `Successful`, in order, and no others.

    AWS nearly always answers so. This test takes a third of the time of `read_batch_response`.
    False: each entry must be read.
    """
    if not isinstance(response, dict) or response.get('Failed'):
        return False
    entries = response.get('Successful')
    try:
        return isinstance(entries, list) and [entry['Id'] for entry in entries] == ids
    except (LookupError, TypeError):
        return False


def message_id_in(entry: object) -> str | None:
    """Return the message id in an answer of AWS or an entry of it; None if there is none."""
    found = entry.get('MessageId') if isinstance(entry, dict) else None
    return found if isinstance(found, str) and found else None


def _failure(entry: dict[str, Any]) -> BatchEntryResult:
    # SQS sets SenderFault on throttled entries, too.
    code = str(entry.get('Code') or 'Unknown')
    problem = str(entry.get('Message') or 'AWS does not say why')
    is_retriable = not entry.get('SenderFault') or is_throttling(code)
    return BatchEntryResult(False, None, code, problem, is_retriable)


def _entries(response: object, name: str) -> list[tuple[str, dict[str, Any]]]:
    entries = response.get(name) if isinstance(response, dict) else None
    return [
        (entry['Id'], entry)
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get('Id'), str)
    ]
