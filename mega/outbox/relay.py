"""The relay: claims rows of an outbox, sends them to SQS and SNS, and settles them.

    claim      rows that are due, in a short transaction
    send       the rows, by the core of `publish_batch`, outside of a transaction
    settle     each row by its result, in a second transaction: delete it, or put it back

A relay that ends in between leaves the rows of one claim. The next relay claims them when that
claim ends, and sends them with the same `MegaMessageId`.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from threading import Event
from types import TracebackType
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from mega._sql import check_dialect, serialized
from mega.aws._hooks.publishing import PublishHook
from mega.aws._hooks.running import check_hooks
from mega.aws._messages.backoff import backoff
from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.errors import ConfigurationError, Seconds, check_int, check_seconds, single_line
from mega.outbox import rows
from mega.outbox.destinations import Destinations
from mega.outbox.outbox import Outbox
from mega.outbox.rows import FailedMessage
from mega.outbox.settlement import Settlement, settle
from mega.outbox.table import FAILED
from mega.outbox.wake_ups import WakeUps

__all__ = ('OutboxRelay', 'RelayCounts')

_log = logging.getLogger(__name__)

T = TypeVar('T', bound='OutboxRelay')

ROWS_PER_REQUEST = 100
"""Rows to claim for each request at a time. More rows make the order of a group take more requests:
one message of a group is in flight at a time."""

SENDING_SHARE = 2 / 3
"""The part of a claim in which its rows are sent. The rest is for the settlement."""

PURGE_SECONDS = 60.0
"""Seconds between the deletions of rows that were sent."""

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 10.0
"""Seconds to wait at most, after the first failure of the database and after a later one."""


class RelayCounts(Struct, frozen=True):
    """What a relay did with rows: `sent`, put back to be sent later (`delayed`), or `failed`."""

    sent: int = 0
    delayed: int = 0
    failed: int = 0

    def __add__(self, other: RelayCounts) -> RelayCounts:
        return RelayCounts(
            self.sent + other.sent, self.delayed + other.delayed, self.failed + other.failed
        )


class OutboxRelay:
    """Sends the rows of an outbox to their queues and topics.

    - A committed message is sent at least once. After a crash of the relay or of the database it
      may be sent again, with the same `MegaMessageId`. A FIFO destination drops such a duplicate
      within five minutes.
    - The messages of a group on a FIFO destination are sent in the order of their rows.
    - Any number of relays may run on one table.
    - A row that AWS refuses is tried again, with a backoff of up to five minutes: without end if
      the error is transient, and otherwise ten times in all. Then the row has failed: see
      `list_failed` and `retry`. Later rows of its group wait for it.

    `engine` is the database of the table, in SQLAlchemy. `concurrency` is the number of requests at
    a time to each destination, 1 to 50. A claim ends after `claim_timeout` seconds, 3 to 43,200: so
    long the rows of a relay that was killed are not sent. A relay polls every `poll_interval`
    seconds. On PostgreSQL with the driver psycopg it also listens for commits, and sends at once.
    A row that was sent is kept for `retention` seconds, and with 0 deleted at once. `hooks` run
    around each message: see `PublishHook.around_publish`.

    Credentials and region are found as by `SqsPublisher`, and the region also in the destination.
    Clients are created for the first rows. Pass `sqs_client` and `sns_client` to use ready clients.
    Not safe to share among threads, except for `stop`.

    Raises:
        ConfigurationError: for an option that is out of range, or for another database than
            PostgreSQL and SQLite.
    """

    @without_secrets_in_tracebacks
    def __init__(
        self,
        engine: Engine,
        outbox: Outbox,
        *,
        concurrency: int = 1,
        claim_timeout: Seconds = 60.0,
        poll_interval: Seconds = 1.0,
        retention: Seconds = 0.0,
        hooks: Iterable[PublishHook] = (),
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        sqs_client: Any = None,
        sns_client: Any = None,
    ) -> None:
        check_dialect(engine.dialect.name)
        check_int('concurrency', concurrency, 1, 50, 'requests at a time')
        self._engine = engine
        self._outbox = outbox
        self._limit = ROWS_PER_REQUEST * concurrency
        self._claim_seconds = check_seconds('claim_timeout', claim_timeout, 3, 43_200)
        self._poll_seconds = check_seconds('poll_interval', poll_interval, 0.01, 3_600)
        self._retention = timedelta(seconds=check_seconds('retention', retention, 0, 10**9))
        clients = {'sqs': sqs_client, 'sns': sns_client}

        def connect(service: str, destination: str) -> AwsClient:
            if clients[service] is not None:
                return create_client(service, destination, client=clients[service])
            return create_client(
                service,
                destination,
                aws_access_key_id=aws_access_key_id,
                aws_secret_access_key=aws_secret_access_key,
                aws_session_token=aws_session_token,
                region_name=region_name,
                endpoint_url=endpoint_url,
                session=session,
                attempts=1,  # the sender retries
            )

        self._destinations = Destinations(
            connect, outbox.payload_store, check_hooks(hooks, PublishHook), concurrency
        )
        self._wake_ups = WakeUps(engine, outbox.table.name)
        self._stopped = Event()
        self._purged_at = 0.0

    def run(self) -> RelayCounts:
        """Send rows until `stop`, and return how many.

        While the database does not answer, the relay logs it and tries again.

        Raises:
            ConfigurationError: if the table does not exist.
        """
        total, failures, is_checked = RelayCounts(), 0, False
        try:
            while not self._stopped.is_set():
                try:
                    if not is_checked:
                        self._check_table()
                        is_checked = True
                    self._wake_ups.listen()
                    counts = self._relay_batch()
                except SQLAlchemyError as error:
                    failures += 1
                    self._wait_for_database(error, failures)
                    continue
                failures = 0
                if counts is None:
                    self._wake_ups.wait(self._poll_seconds, self._stopped)
                else:
                    total += counts
        finally:
            self._wake_ups.close()
            self._stopped.clear()
        return total

    def drain(self) -> RelayCounts:
        """Send the rows that are due, and return how many.

        A row that could not be sent is not tried again, but left for a later call.

        Raises:
            ConfigurationError: if the table does not exist.
            SQLAlchemyError: if the database does not answer.
        """
        self._check_table()
        total = RelayCounts()
        while (counts := self._relay_batch()) is not None:
            total += counts
        return total

    def stop(self) -> None:
        """Let `run` return, within a second after the rows of its claim. Safe in any thread."""
        self._stopped.set()

    def list_failed(self, limit: int = 100) -> list[FailedMessage]:
        """Return the first messages that have failed, in their order."""
        with self._engine.connect() as connection:
            return rows.list_failed(connection, self._outbox.table, limit)

    def retry(self, ids: Collection[str] | None = None) -> list[str]:
        """Let messages that have failed be sent again, all or those with these ids.

        Return the ids of the messages. Later messages of their groups follow them.
        """
        with self._engine.begin() as connection:
            return rows.retry_failed(connection, self._outbox.table, ids)

    def close(self) -> None:
        """Close the connections to AWS. The engine remains open."""
        self._destinations.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _relay_batch(self) -> RelayCounts | None:
        """Claim, send and settle rows. Return None if no row was due."""
        table, token = self._outbox.table, uuid.uuid4().hex
        with serialized(self._engine, table.name) as (connection, now):
            until = now + timedelta(seconds=self._claim_seconds)
            claimed = rows.claim(connection, table, token, now, until, self._limit)
        self._purge()
        if not claimed:
            return None
        results = self._destinations.send(claimed, self._claim_seconds * SENDING_SHARE)
        with serialized(self._engine, table.name) as (connection, now):
            settlement = settle(claimed, results, now, random.uniform)
            sent_at = now if self._retention else None
            rows.settle_sent(connection, table, token, settlement.sent, sent_at)
            rows.put_back(connection, table, token, settlement.put_back)
        _log_failures(settlement)
        failed = settlement.failed
        return RelayCounts(len(settlement.sent), len(settlement.put_back) - failed, failed)

    def _purge(self) -> None:
        """Delete rows that were sent before the retention, if there are any, now and then."""
        if self._retention and time.monotonic() - self._purged_at > PURGE_SECONDS:
            table = self._outbox.table
            with serialized(self._engine, table.name) as (connection, now):
                rows.delete_sent(connection, table, now - self._retention)
            self._purged_at = time.monotonic()

    def _check_table(self) -> None:
        name = self._outbox.table.name
        if not inspect(self._engine).has_table(name):
            advice = 'create it by a migration, or with Outbox.create_table'
            raise ConfigurationError(f'the database has no table {name!r}: {advice}')

    def _wait_for_database(self, error: SQLAlchemyError, failures: int) -> None:
        seconds = backoff(failures, FIRST_BACKOFF, LONGEST_BACKOFF, random.uniform)
        _log.warning('the database failed (%s): next attempt in %.1f s', _cause(error), seconds)
        self._stopped.wait(seconds)


def _cause(error: SQLAlchemyError) -> str:
    """Return the class and the text of the driver's error, without the statement."""
    cause = getattr(error, 'orig', None) or error
    return f'{type(cause).__name__}: {single_line(str(cause))}'


def _log_failures(settlement: Settlement) -> None:
    for row in settlement.put_back:
        if row.state == FAILED:
            _log.error('row %d of the outbox has failed: %s', row.position, row.error)
        elif row.error is not None:
            _log.warning('row %d of the outbox is put back: %s', row.position, row.error)
