"""What the outbox and the inbox share: the transactions of users, and times in a database.

Both write within a transaction that the user's code has begun, on a connection of the user:

    sqlalchemy.Connection                 engine.begin()
    sqlalchemy.orm.Session                also a scoped_session, and the session in `run_sync`
    django.db.connection                  within `transaction.atomic()`

Django executes the text of the statement. It is not imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias

try:
    from sqlalchemy import Connection, Engine, func, select
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.orm import Session, scoped_session
    from sqlalchemy.sql import Executable
    from sqlalchemy.types import DateTime, TypeDecorator
except ModuleNotFoundError as error:
    if error.name != 'sqlalchemy':
        raise
    raise ModuleNotFoundError(
        "mega.outbox and mega.hooks.sql need SQLAlchemy: pip install 'sqs-mega[sql]'",
        name='sqlalchemy',
    ) from None

from mega.errors import ConfigurationError, safe_repr, single_line

__all__ = (
    'CallerConnection',
    'DjangoConnection',
    'UtcDateTime',
    'check_dialect',
    'check_table_name',
    'check_transaction',
    'database_time',
    'describe_failure',
    'dialect_of',
    'execute',
    'is_missing_table',
    'missing_table',
    'read_committed',
    'serialized',
)

POSTGRESQL = 'postgresql'
SQLITE = 'sqlite'

_TABLE_NAME = re.compile(r'[a-z_][a-z0-9_]{0,49}')
"""With the suffix of an index, a name has at most 63 characters, the limit of PostgreSQL."""


class DjangoConnection(Protocol):
    """A connection of Django: `django.db.connection`, or one of `django.db.connections`."""

    vendor: str
    in_atomic_block: bool

    def get_autocommit(self) -> bool: ...
    def cursor(self) -> Any: ...


CallerConnection: TypeAlias = 'Connection | Session | scoped_session[Session] | DjangoConnection'
"""A connection of the user, with the transaction that the user has begun."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time. SQLite, which stores no zone, stores it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=timezone.utc)


def check_table_name(name: object) -> str:
    """Return the name of a table, which has the same form with and without quotes in SQL.

    Raises:
        ConfigurationError: for any other value.
    """
    if isinstance(name, str) and _TABLE_NAME.fullmatch(name):
        return name
    rule = 'must be 1 to 50 small letters, digits and _, and not begin with a digit'
    raise ConfigurationError(f'table_name={safe_repr(name)}: {rule}')


def check_dialect(name: str) -> str:
    """Return the name of a supported database, as SQLAlchemy and Django have it.

    Raises:
        ConfigurationError: for another database.
    """
    if name in (POSTGRESQL, SQLITE):
        return name
    raise ConfigurationError(f'the database {name!r} is not supported: use PostgreSQL or SQLite')


def dialect_of(connection: CallerConnection) -> str:
    """Return `postgresql` or `sqlite`.

    Raises:
        ConfigurationError: for another database, and for an object that is not a connection.
    """
    if isinstance(connection, Connection):
        return check_dialect(connection.dialect.name)
    if isinstance(connection, (Session, scoped_session)):
        return check_dialect(connection.connection().dialect.name)
    if isinstance(vendor := getattr(connection, 'vendor', None), str):
        return check_dialect(vendor)
    advice = 'pass a Connection or a Session of SQLAlchemy, or a connection of Django'
    raise ConfigurationError(f'{safe_repr(connection)} is not a connection: {advice}')


def check_transaction(connection: CallerConnection) -> None:
    """Check that the next statement does not commit by itself.

    A transaction that the first statement begins, as in a new `Session`, is one.

    Raises:
        ConfigurationError: for a connection in autocommit mode.
    """
    if isinstance(connection, (Connection, Session, scoped_session)):
        if _commits_each_statement(connection):
            advice = "use an isolation level other than 'AUTOCOMMIT'"
            raise ConfigurationError(f'the connection commits each statement by itself: {advice}')
    elif not connection.in_atomic_block and connection.get_autocommit():
        advice = 'make the call within `with transaction.atomic():`'
        raise ConfigurationError(f'the connection of Django has no transaction: {advice}')


def _commits_each_statement(connection: Connection | Session | scoped_session[Session]) -> bool:
    """Ask the driver. The isolation level may be that of the engine, the session or the driver."""
    caller = connection if isinstance(connection, Connection) else connection.connection()
    pooled: Any = caller.connection
    if getattr(pooled.dbapi_connection, 'autocommit', False) is True:
        return True
    if caller.dialect.name != SQLITE:
        return False
    # A handler of the event `begin` may execute BEGIN itself.
    driver = pooled.driver_connection
    return driver.isolation_level is None and not driver.in_transaction


def execute(connection: CallerConnection, statement: Executable) -> list[Any]:
    """Execute a statement in the transaction of a connection, and return the rows of `RETURNING`.

    The parameters of the statement are texts, numbers and truth values, which every driver accepts.
    """
    if isinstance(connection, (Connection, Session, scoped_session)):
        result: Any = connection.execute(statement)
        return list(result) if result.returns_rows else []
    make: Any = {POSTGRESQL: postgresql.dialect, SQLITE: sqlite.dialect}[dialect_of(connection)]
    compiled: Any = statement.compile(dialect=make(paramstyle='pyformat'))  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute(str(compiled), compiled.params)
        return list(cursor.fetchall()) if cursor.description else []


def describe_failure(error: Exception) -> str:
    """Return the class and the text of the driver's error, without the statement and its values.

    SQLAlchemy wraps the error. PostgreSQL has both in the lines after the first one.
    """
    cause = getattr(error, 'orig', None) or error
    text, _, _ = str(cause).strip().partition('\n')
    return f'{type(cause).__name__}: {single_line(text)}'


def is_missing_table(error: Exception) -> bool:
    """Return whether a statement failed because its table does not exist.

    SQLAlchemy and Django raise their errors from that of the driver. PostgreSQL has a code for it,
    SQLite only a text: https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    cause = error.__cause__
    code = getattr(cause, 'sqlstate', None) or getattr(cause, 'pgcode', None)  # psycopg, psycopg2
    return code == '42P01' or str(cause).startswith('no such table: ')


def missing_table(name: str, create: str) -> str:
    """Return the text about a missing table. `create` names the method that creates it."""
    return f'the database has no table {name!r}: create it by a migration, or with {create}'


def read_committed(engine: Engine) -> Engine:
    """Return an engine whose transactions see the rows as of each statement, also after a wait."""
    if engine.dialect.name == SQLITE:  # its transactions wait before they read
        return engine
    return engine.execution_options(isolation_level='READ COMMITTED')


@contextmanager
def serialized(engine: Engine, name: str) -> Iterator[tuple[Connection, datetime]]:
    """Begin a transaction that waits for others of the same name. Yield it with the time.

    SQLite runs one writing transaction at a time.
    """
    with read_committed(engine).begin() as connection:
        if engine.dialect.name != SQLITE:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
        yield connection, database_time(connection)


def database_time(connection: Connection) -> datetime:
    """Return the time of the database, so that the clocks of processes may differ.

    A database of SQLite is on the machine of its processes.
    """
    if connection.dialect.name == SQLITE:
        return datetime.now(timezone.utc)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now
