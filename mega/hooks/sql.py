"""Records of the `Idempotency` hook in PostgreSQL or SQLite, and the inbox. Extra: `sql`.

The hook changes a record before and after a subscriber, each time in a short transaction. A process
that ends in between leaves an effect without a record. The inbox has no such gap: record and effect
are in one transaction of the subscriber, so that both exist or neither.

    with engine.begin() as connection:
        if store.once(connection, self.message):
            connection.execute(...)

A second delivery finds the record, and skips the effect. If it comes while the first transaction is
open, the database lets it wait until that transaction ends.
"""

from __future__ import annotations

import mega._sql  # noqa: F401  # first: its error says what to install

# isort: split
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Index,
    MetaData,
    String,
    Table,
    and_,
    cast,
    delete,
    extract,
    func,
    inspect,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from mega._sql import (
    POSTGRESQL,
    CallerConnection,
    check_dialect,
    check_table_name,
    check_transaction,
    describe_failure,
    dialect_of,
    execute,
    is_missing_table,
    missing_table,
    read_committed,
)
from mega.aws.sqs.message import Message
from mega.errors import ConfigurationError, RetriableError, check_seconds
from mega.hooks.keys import KeyValue, default_key, key_values, record_key
from mega.hooks.records import MAX_TTL, SWEEP_SECONDS, Record
from mega.logging import about, get_logger

__all__ = ('SqlStore',)

_log = get_logger(__name__)

LONGEST_RETENTION = 1_209_600
"""Seconds that a message can stay in a queue: 14 days. API reference of SetQueueAttributes."""

SWEEP_ROWS = 1_000
"""The records whose time is over, that one call deletes at most. It takes some milliseconds."""


def record_table(name: str) -> Table:
    """Return the table of records. `until` is in seconds since 1970."""
    table = Table(
        name,
        MetaData(),
        Column('key', String(64), primary_key=True),
        Column('owner', String(32), nullable=False),
        Column('is_done', Boolean, nullable=False),
        Column('until', Double, nullable=False),
    )
    Index(f'{name}_until', table.c.until)
    return table


class SqlStore:
    """Keeps records in a table of PostgreSQL or SQLite.

    `engine` is the database, in SQLAlchemy. Without it only `once` works, which has the connection
    of its caller. `table` is the table. The documentation has its definition in SQL.

    - PostgreSQL has the clock: clocks of other machines do not matter. SQLite has the clock of its
      machine.
    - Records whose time is over are deleted once in a minute, after a `take`.

    Safe to share among threads.

    Raises:
        ConfigurationError: for another database, and for an invalid `table_name`, as in `Outbox`.
    """

    def __init__(
        self, engine: Engine | None = None, *, table_name: str = 'mega_idempotency'
    ) -> None:
        self.table = record_table(check_table_name(table_name))
        if engine is not None:
            check_dialect(engine.dialect.name)
        self._engine = None if engine is None else read_committed(engine)
        self._lock = Lock()
        self._sweep_at = time.monotonic() + SWEEP_SECONDS

    def create_table(self, connection: Connection | Engine) -> None:
        """Create the table and its index, unless the table exists."""
        self.table.create(connection, checkfirst=True)

    def once(
        self,
        connection: CallerConnection,
        message: Message,
        *,
        key: KeyValue | Sequence[KeyValue] | None = None,
        ttl: float | timedelta = LONGEST_RETENTION,
        scope: str | None = None,
    ) -> bool:
        """Record a message in the caller's transaction. Return False if it was recorded before.

        The record and the effect of the subscriber commit together, or not at all. The caller
        begins and ends the transaction. `connection` is a `Connection` or a `Session` of
        SQLAlchemy, or a connection of Django.

        Each subscriber has its own record of a message. `key` says which messages are the same: one
        value, or several in a list. By default, the message decides: see `default_key`. `scope`
        separates listeners that share a table and have subscribers of the same module and name.
        The record stays for `ttl` seconds; by default, as long as a message can stay in a queue.

        While another transaction that recorded the same message is open, the database lets this
        call wait for its end: on SQLite for the timeout of the driver at most.

        Raises:
            RetriableError: if the database does not answer, has no table of records, or does not
                let this call wait, so that SQS delivers the message again. Its cause is the error
                of the driver.
            InvalidPayloadError: for a key that is no `KeyValue`.
            ConfigurationError: for a message that no subscriber is processing, for another
                database, for an object that is not a connection, and for a connection in autocommit
                mode, which would commit the record without the effect.
        """
        if message.subscriber is None:
            problem = 'pass self.message within process: its subscriber has the record'
            raise ConfigurationError(f'once() needs the message of a subscriber: {problem}')
        seconds = check_seconds('ttl', ttl, 1, MAX_TTL)
        # 'once' separates this record from that of the hook: both may apply to one subscriber.
        values = [default_key(message)] if key is None else key_values('key', key)
        digest = record_key(scope, message.subscriber, ['once', *values])
        try:
            dialect = dialect_of(connection)  # of a session: it may connect
            check_transaction(connection)
            statement = self._upsert(dialect, digest, '', True, seconds, self._is_over(dialect))
            return bool(execute(connection, statement))
        except ConfigurationError:
            raise
        except Exception as error:  # each driver has its own classes
            raise RetriableError(reason=self._describe(error)) from error

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        """Take an absent record. See `IdempotencyStore`."""
        record = self._take(key, owner, seconds)
        self._sweep()
        return record

    def _take(self, key: str, owner: str, seconds: float) -> Record | None:
        table = self.table
        with self._begin() as connection:
            dialect = connection.dialect.name
            is_ours = and_(table.c.owner == owner, not_(table.c.is_done))
            is_free = or_(self._is_over(dialect), is_ours)
            taken = self._upsert(dialect, key, owner, False, seconds, is_free)
            if execute(connection, taken):
                return None
            # The statement has locked the row, so that it is still the same.
            left = table.c.until - _now(dialect)
            found = select(table.c.is_done, left).where(table.c.key == key)
            is_done, seconds_left = connection.execute(found).one()
            return Record(is_done, max(0.0, seconds_left))

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        """Let a taken record end later or earlier. See `IdempotencyStore`."""
        with self._begin() as connection:
            dialect = connection.dialect.name
            renewed = update(self.table).where(self._is_taken(dialect, key, owner))
            statement = renewed.values(until=_now(dialect) + seconds)
            return connection.execute(statement).rowcount == 1

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        """Let a record be done. See `IdempotencyStore`."""
        with self._begin() as connection:
            dialect = connection.dialect.name
            may_change = or_(self._is_over(dialect), self.table.c.owner == owner)
            done = self._upsert(dialect, key, owner, True, seconds, may_change)
            return bool(execute(connection, done))

    def release(self, key: str, owner: str) -> bool:
        """Remove a taken record. See `IdempotencyStore`."""
        with self._begin() as connection:
            is_taken = self._is_taken(connection.dialect.name, key, owner)
            return connection.execute(delete(self.table).where(is_taken)).rowcount == 1

    def check(self) -> None:
        """Check that the table exists.

        Raises:
            ConfigurationError: if it does not.
        """
        with self._begin() as connection:
            if not inspect(connection).has_table(self.table.name):
                raise ConfigurationError(self._missing_table())

    def _describe(self, error: Exception) -> str:
        if is_missing_table(error):
            return self._missing_table()
        failure = f'{describe_failure(error)} (table {self.table.name})'
        return f'the database did not record the message: {failure}'

    def _missing_table(self) -> str:
        return missing_table(self.table.name, 'SqlStore.create_table')

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        if self._engine is None:
            raise ConfigurationError('this SqlStore has no engine=: only once() works without it')
        with self._engine.begin() as connection:
            yield connection

    def _upsert(
        self,
        dialect: str,
        key: str,
        owner: str,
        is_done: bool,
        seconds: float,
        may_replace: ColumnElement[bool],
    ) -> Any:
        """Return the statement that writes a record, if it is absent or may be replaced."""
        insert: Any = (postgresql if dialect == POSTGRESQL else sqlite).insert(self.table)
        until = _now(dialect) + seconds
        statement = insert.values(key=key, owner=owner, is_done=is_done, until=until)
        new = statement.excluded
        values = {'owner': new.owner, 'is_done': new.is_done, 'until': new.until}
        return statement.on_conflict_do_update(
            index_elements=[self.table.c.key], set_=values, where=may_replace
        ).returning(self.table.c.key)

    def _is_over(self, dialect: str) -> ColumnElement[bool]:
        return self.table.c.until <= _now(dialect)

    def _is_taken(self, dialect: str, key: str, owner: str) -> ColumnElement[bool]:
        table = self.table
        is_ours = and_(table.c.key == key, table.c.owner == owner, not_(table.c.is_done))
        return and_(is_ours, table.c.until > _now(dialect))

    def _sweep(self) -> None:
        """Delete some records whose time is over, once in a minute. A failure is a warning.

        If there are more of them, the next call deletes more.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._sweep_at:
                return
            self._sweep_at = now + SWEEP_SECONDS
        try:
            deleted = self._delete_some()
        except Exception as error:  # each driver has its own classes
            extra = about(table=self.table.name, error=type(error).__name__)
            problem = 'the table %s keeps records whose time is over: %s'
            _log.warning(
                problem,
                self.table.name,
                describe_failure(error),
                code='records-not-deleted',
                extra=extra,
            )
            return
        if deleted == SWEEP_ROWS:
            self._sweep_at = now

    def _delete_some(self) -> int:
        with self._begin() as connection:
            over = select(self.table.c.key).where(self._is_over(connection.dialect.name))
            some = over.limit(SWEEP_ROWS).with_for_update(skip_locked=True).cte('some')
            keys = self.table.c.key.in_(select(some.c.key))
            statement = delete(self.table).where(keys).returning(self.table.c.key)
            return len(execute(connection, statement))


def _now(dialect: str) -> ColumnElement[float]:
    """Return the time of the database, in seconds since 1970."""
    if dialect == POSTGRESQL:
        return cast(extract('epoch', func.clock_timestamp()), Double)
    return literal(time.time(), Double)
