"""The relay: sends the rows of an outbox to SQS and SNS, until it is stopped or no row is due."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from mega._closing import Closing
from mega._sql import check_dialect, database_time, describe_failure, missing_table
from mega.aws._hooks.publishing import (
    PublishHook,
    RelayedBatch,
    replaced_instrumentation,
)
from mega.aws._hooks.running import check_hooks, hooks_with, run_with_hooks
from mega.aws._hooks.work import AwaitingWork, resume
from mega.aws._messages.backoff import backoff
from mega.aws._messages.compression import Compression, check_compression
from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.tracebacks import without_secrets_in_tracebacks
from mega.aws.sqs.subscribe.runtime.signals import stop_on_signals
from mega.errors import ConfigurationError, Seconds, check_int, check_seconds
from mega.logging import about, get_logger
from mega.outbox import rows
from mega.outbox.batches import Batches, BatchOptions
from mega.outbox.destinations import Destinations
from mega.outbox.outbox import Outbox
from mega.outbox.rows import FailedMessage
from mega.outbox.wake_ups import WakeUps

__all__ = ('OutboxRelay', 'RelayCounts')

_log = get_logger(__name__)

ROWS_PER_REQUEST = 100
"""Rows to claim for each request at a time. More rows make the order of a group take more requests:
one message of a group is in flight at a time."""

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 10.0
"""Seconds to wait at most, after the first failure of the database and after a later one."""


class RelayCounts(Struct, frozen=True):
    """What a relay did with rows: `sent`, put back to be sent later (`delayed`), or `failed`."""

    sent: int = 0
    delayed: int = 0
    failed: int = 0

    def __bool__(self) -> bool:
        """Whether there were any rows."""
        return bool(self.sent or self.delayed or self.failed)

    def __add__(self, other: RelayCounts) -> RelayCounts:
        return RelayCounts(
            self.sent + other.sent, self.delayed + other.delayed, self.failed + other.failed
        )


class OutboxRelay(Closing):
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
    a time to each destination, 1 to 50. `claim_timeout` is the number of seconds, 3 to 43,200,
    after which another relay takes over the rows of a relay that was killed.

    A relay looks at the table when a row is due, and at least every `poll_interval` seconds. On
    PostgreSQL with the driver psycopg it also listens for commits, and sends at once.

    A row that was sent is kept for `retention` seconds, and with 0 deleted at once. `compression`
    is that of `SqsPublisher`, and does not concern the rows. `hooks` run around each message and
    each batch: see `around_publish` and `around_relay` of `PublishHook`.

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
        compression: Compression | None = None,
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
        self._poll_seconds = check_seconds('poll_interval', poll_interval, 0.01, 3_600)
        clients = {'sqs': sqs_client, 'sns': sns_client}
        valid = check_hooks(hooks, PublishHook)
        connect_to = partial(create_client, instrumentation=replaced_instrumentation(valid))

        def connect(service: str, destination: str) -> AwsClient:
            if clients[service] is not None:
                return connect_to(service, destination, client=clients[service])
            return connect_to(
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

        self._hooks = hooks_with('around_relay', valid, PublishHook)
        store, format = outbox.payload_store, check_compression('compression', compression)
        self._destinations = Destinations(connect, store, valid, concurrency, format)
        options = BatchOptions(
            ROWS_PER_REQUEST * concurrency,
            timedelta(seconds=check_seconds('claim_timeout', claim_timeout, 3, 43_200)),
            timedelta(seconds=check_seconds('retention', retention, 0, 10**9)),
            measures_lag=bool(self._hooks),
        )
        self._batches = Batches(engine, outbox.table, self._destinations, options)
        self._wake_ups = WakeUps(engine, outbox.table.name)
        self._stopped = Event()

    def run(self) -> RelayCounts:
        """Send rows until `stop`, SIGTERM or SIGINT, and return how many.

        While the database does not answer, the relay logs it and tries again. Signals stop a relay
        only in the main thread, which alone receives them.

        Raises:
            ConfigurationError: if the table does not exist.
        """
        total, failures, is_checked = RelayCounts(), 0, False
        try:
            with stop_on_signals(self.stop):
                while not self._stopped.is_set():
                    try:
                        if not is_checked:
                            self._check_table()
                            is_checked = True
                        counts = self._run_batch()
                    except ConfigurationError:
                        raise
                    except Exception as error:
                        failures += 1
                        self._wait_after(error, failures)
                        continue
                    failures = 0
                    total += counts
        finally:
            self._wake_ups.close()
            self._stopped.clear()
        return total

    def drain(self) -> RelayCounts:
        """Send the rows that are due now, and return how many.

        Each of them is tried once at most. A row that could not be sent is left for a later call,
        and so are further rows of a destination that did not answer. `stop`, SIGTERM and SIGINT
        end the call earlier, when the claimed rows are settled.

        Raises:
            ConfigurationError: if the table does not exist.
            SQLAlchemyError: if the database does not answer.
        """
        total = RelayCounts()
        self._batches.pauses.clear()
        try:
            with stop_on_signals(self.stop):
                self._check_table()
                with self._engine.connect() as connection:
                    start = database_time(connection)
                while not self._stopped.is_set():
                    counts = self._relay_batch(start)
                    if not counts:
                        break
                    total += counts
        finally:
            self._stopped.clear()
        return total

    def stop(self) -> None:
        """Let `run` or `drain` return, within a second after it has settled its claimed rows.

        Safe in any thread.
        """
        self._stopped.set()

    def list_failed(self, limit: int = 100) -> list[FailedMessage]:
        """Return the first messages that have failed, in the order of their rows."""
        with self._engine.connect() as connection:
            return rows.list_failed(connection, self._outbox.table, limit)

    def retry(self, ids: Collection[str] | None = None) -> list[str]:
        """Let messages that have failed be sent again: those with these ids, or without ids all.

        Return the ids of these messages. `run` and `drain` send them, and then the later messages
        of their groups.
        """
        with self._engine.begin() as connection:
            return rows.retry_failed(connection, self._outbox.table, ids)

    def close(self) -> None:
        """Close the connections to AWS. The engine remains open."""
        self._destinations.close()

    def _run_batch(self) -> RelayCounts:
        """Send the rows that are due. If there are none, wait until there may be some."""
        self._wake_ups.listen()
        counts = self._relay_batch()
        if not counts:
            seconds = min(self._poll_seconds, self._batches.seconds_until_due)
            self._wake_ups.wait(seconds, self._stopped)
        return counts

    def _relay_batch(self, due: datetime | None = None) -> RelayCounts:
        """Send rows that are due at a time, within the hooks; None: now."""
        work = run_with_hooks([hook.around_relay() for hook in self._hooks], self._work(due))
        try:
            resume(work, None)
        except StopIteration as end:
            batch: RelayedBatch = end.value
            return RelayCounts(batch.sent, batch.delayed, batch.failed)
        raise AssertionError('hooks and a batch wait for nothing but calls that block')

    def _work(self, due: datetime | None) -> AwaitingWork[RelayedBatch]:
        yield from ()  # hooks run around generators
        return self._batches.relay(due)

    def _check_table(self) -> None:
        name = self._outbox.table.name
        if not inspect(self._engine).has_table(name):
            raise ConfigurationError(missing_table(name, 'Outbox.create_table'))

    def _wait_after(self, error: Exception, failures: int) -> None:
        seconds = backoff(failures, FIRST_BACKOFF, LONGEST_BACKOFF, random.uniform)
        extra = about(table=self._outbox.table.name, error=type(error).__name__)
        if isinstance(error, SQLAlchemyError):
            problem = 'the database failed: %s; next attempt in %.1f s'
            _log.warning(
                problem, describe_failure(error), seconds, code='database-failed', extra=extra
            )
        else:
            problem = 'the relay failed: next attempt in %.1f s'
            _log.error(problem, seconds, exc_info=error, code='relay-failed', extra=extra)
        self._stopped.wait(seconds)
