"""The decision about each row after an attempt to send it. Pure: the caller has the time.

result                        the row
sent                          is deleted, or kept as sent, also if a hook failed afterwards
an error that is retriable    is put back, and is due after a backoff, however often that happens
another error                 likewise, but after ten of them it has failed, and waits for a retry

A row was not tried if an earlier row of its message group is put back, or if the time of the claim
ended before. It is put back, too, without a failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from mega.aws._hooks.publishing import PublishResult
from mega.aws._messages.backoff import RandomUniform, backoff, max_backoff
from mega.errors import (
    MAX_ERROR_CHARACTERS,
    MegaError,
    OffloadError,
    TransportError,
    single_line,
)
from mega.outbox.rows import PutBack
from mega.outbox.table import FAILED, PENDING

__all__ = ('Settlement', 'backoff_seconds', 'settle')

MAX_REFUSALS = 10
"""Errors that are not retriable, after which a row has failed.

The backoffs take 8 to 17 minutes, and longer after errors that are retriable. A missing queue or
permission is a refusal, too, and may be repaired in that time.
"""

FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 300.0
"""Seconds to wait at most, after the first failure of a row and after a later one."""


class Settlement(Struct, frozen=True):
    """The positions of the rows that were sent, and the rows to put back."""

    sent: list[int]
    put_back: list[PutBack]

    @property
    def failed(self) -> int:
        """The number of rows that have failed for good."""
        return sum(row.state == FAILED for row in self.put_back)


def settle(
    rows: Sequence[Row[Any]],
    results: Mapping[int, PublishResult],
    now: datetime,
    uniform: RandomUniform,
) -> Settlement:
    """Decide about rows, in their order, by their results. A row without a result was not tried."""
    sent: list[int] = []
    unsent: list[PutBack] = []
    stopped_groups: set[tuple[str, str]] = set()
    for row in rows:
        result = results.get(row.position)
        error = None if result is None or result.message_id is not None else result.error
        group = row.destination, row.message_group
        if result is not None and error is None:
            sent.append(row.position)
        elif error is None or (row.message_group is not None and group in stopped_groups):
            unsent.append(PutBack(row.position, PENDING, now, row.failures, row.refusals, None))
        else:
            unsent.append(_after_failure(row, error, now, uniform))
            stopped_groups.add(group)
    return Settlement(sent, unsent)


def _after_failure(
    row: Row[Any], error: MegaError, now: datetime, uniform: RandomUniform
) -> PutBack:
    failures = row.failures + 1
    is_retriable = isinstance(error, (TransportError, OffloadError)) and error.retriable
    refusals = row.refusals if is_retriable else row.refusals + 1
    state = FAILED if refusals >= MAX_REFUSALS else PENDING
    due_at = now + timedelta(seconds=backoff_seconds(failures, uniform))
    text = single_line(str(error), MAX_ERROR_CHARACTERS)
    return PutBack(row.position, state, due_at, failures, refusals, text)


def backoff_seconds(failures: int, uniform: RandomUniform) -> float:
    """Draw the seconds until the next attempt: 1 to 2 after the first failure, up to 300 later."""
    shortest = max_backoff(failures, FIRST_BACKOFF, LONGEST_BACKOFF) / 2
    return backoff(failures, FIRST_BACKOFF, LONGEST_BACKOFF, uniform, shortest=shortest)
