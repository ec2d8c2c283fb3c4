"""The batches of a relay: each claims rows of an outbox, sends them, and settles them.

    claim      rows that are due, in a short transaction
    send       the rows, by the core of `publish_batch`, outside of a transaction
    settle     each row by its result, in a second transaction: delete it, or put it back

A relay that ends in between leaves the rows of one claim. The next relay claims them when that
claim ends, and sends them with the same `MegaMessageId`.
"""

from __future__ import annotations

import math
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, Table

from mega._sql import database_time, read_committed, serialized
from mega.aws._hooks.publishing import PublishResult, RelayedBatch
from mega.logging import about, get_logger
from mega.outbox import rows
from mega.outbox.destinations import Destinations
from mega.outbox.pauses import Pauses
from mega.outbox.settlement import Settlement, settle
from mega.outbox.table import FAILED

__all__ = ('BatchOptions', 'Batches')

_log = get_logger(__name__)

SENDING_SHARE = 2 / 3
"""The part of the time of a claim that is for sending. The rest is for the settlement."""

PURGE_INTERVAL = 60.0
"""Seconds between the deletions of rows that were sent."""


class BatchOptions(Struct, frozen=True):
    """How many rows a batch has at most, and how long its claim lasts.

    A row that was sent is kept for `retention`, and with 0 deleted at once.
    """

    max_rows: int
    claim_timeout: timedelta
    retention: timedelta
    measures_lag: bool


class Batches:
    """Relays rows in batches. Not safe to share among threads.

    `pauses` has the destinations whose rows are left. `seconds_until_due` is the time until a row
    may be due, as of the last batch without rows; infinity if none waits.
    """

    def __init__(
        self, engine: Engine, table: Table, destinations: Destinations, options: BatchOptions
    ) -> None:
        self.pauses = Pauses()
        self.seconds_until_due = math.inf
        self._engine = engine
        self._table = table
        self._destinations = destinations
        self._options = options
        self._purged_at = -math.inf

    def relay(self, due: datetime | None = None) -> RelayedBatch:
        """Claim, send and settle rows that are due at a time; None: now.

        With a time, the rows of a destination with a pause are left also if the pause has ended.
        """
        self._purge()
        token = uuid.uuid4().hex
        claimed, lag = self._claim(token, due)
        if not claimed:
            return RelayedBatch(lag=lag)
        seconds = self._options.claim_timeout.total_seconds() * SENDING_SHARE
        results = self._destinations.send(claimed, seconds)
        self.pauses.record(claimed, results)
        settlement, lag = self._settle(token, claimed, results)
        _log_failures(settlement, results)
        sent, failed = len(settlement.sent), settlement.failed
        return RelayedBatch(sent, len(settlement.put_back) - failed, failed, lag)

    def _claim(self, token: str, due: datetime | None) -> tuple[list[Row[Any]], float]:
        """Return the claimed rows, and the lag."""
        table, limit = self._table, self._options.max_rows
        paused = self.pauses.current() if due is None else self.pauses.all()
        with serialized(self._engine, table.name) as (connection, now):
            until = now + self._options.claim_timeout
            claimed = rows.claim(connection, table, token, due or now, until, limit, paused)
            if not claimed:
                seconds = rows.seconds_until_due(connection, table, now)
                self.seconds_until_due = min([seconds, *paused.values()])
            return claimed, self._lag(connection, now)

    def _settle(
        self, token: str, claimed: Sequence[Row[Any]], results: Mapping[int, PublishResult]
    ) -> tuple[Settlement, float]:
        """Return what was decided about the rows, and the lag."""
        table = self._table
        with serialized(self._engine, table.name) as (connection, now):
            settlement = settle(claimed, results, now, random.uniform)
            sent_at = now if self._options.retention else None
            rows.put_back(connection, table, token, settlement.put_back)
            rows.settle_sent(connection, table, token, settlement.sent, sent_at)
            return settlement, self._lag(connection, now)

    def _lag(self, connection: Connection, now: datetime) -> float:
        return rows.lag(connection, self._table, now) if self._options.measures_lag else 0.0

    def _purge(self) -> None:
        """Delete the rows that were sent before the retention, once in a minute."""
        retention = self._options.retention
        if retention and time.monotonic() - self._purged_at > PURGE_INTERVAL:
            with read_committed(self._engine).begin() as connection:
                rows.delete_sent(connection, self._table, database_time(connection) - retention)
            self._purged_at = time.monotonic()


def _log_failures(settlement: Settlement, results: Mapping[int, PublishResult]) -> None:
    for position in settlement.sent:
        if (error := results[position].error) is not None:  # of a hook, after the message was sent
            extra = about(row=position, error=type(error).__name__)
            problem = 'row %d of the outbox: %s'
            _log.error(
                problem, position, error, exc_info=error, code='sent-with-error', extra=extra
            )
    for row in settlement.put_back:
        extra = about(row=row.position)
        if row.state == FAILED:
            problem = 'row %d of the outbox has failed: %s'
            _log.error(problem, row.position, row.error, code='row-failed', extra=extra)
        elif row.error is not None:
            problem = 'row %d of the outbox is put back: %s'
            _log.warning(problem, row.position, row.error, code='row-put-back', extra=extra)
