"""How a relay waits for the next row: it listens on PostgreSQL, and polls on other databases.

`Outbox.publish` and `OutboxRelay.retry` notify a channel with the name of the table. PostgreSQL
delivers the notification at the commit. A relay also polls, because no notification comes through a
proxy that shares connections, such as PgBouncer.
"""

from __future__ import annotations

from threading import Event
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, text

from mega._sql import POSTGRESQL, describe_failure
from mega.logging import about, get_logger

__all__ = ('WakeUps', 'notification')

_log = get_logger(__name__)

_PSYCOPG = (3, 2)
"""The first release of psycopg whose connections can wait for a notification with a time limit."""

_LONGEST_WAIT = 1.0
"""Seconds after which a wait notices a stop."""


def notification(dialect: str, channel: str) -> list[ColumnElement[Any]]:
    """Return what a statement has to return to wake the relays at its commit, if it can."""
    return [func.pg_notify(channel, '')] if dialect == POSTGRESQL else []


class WakeUps:
    """Waits until a row may be due. Used by one thread."""

    def __init__(self, engine: Engine, channel: str) -> None:
        self._engine = engine
        self._channel = channel
        self._connection: Connection | None = None

    def listen(self) -> None:
        """Begin to listen, if the driver can. A second call has no effect."""
        version = getattr(self._engine.dialect, 'psycopg_version', (0, 0))
        if self._connection is None and version >= _PSYCOPG:
            name = self._engine.dialect.identifier_preparer.quote_identifier(self._channel)
            connection = self._engine.connect()
            try:
                connection.execution_options(isolation_level='AUTOCOMMIT')
                connection.execute(text(f'LISTEN {name}'))
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def wait(self, seconds: float, stopped: Event) -> None:
        """Wait for a notification since `listen`, for a stop, or until `seconds` have passed.

        If the connection fails, it ends earlier, so that the relay listens again.
        """
        if self._connection is None:
            stopped.wait(seconds)
            return
        driver: Any = self._connection.connection.driver_connection
        try:
            while seconds > 0 and not stopped.is_set():
                if list(driver.notifies(timeout=min(seconds, _LONGEST_WAIT), stop_after=1)):
                    return
                seconds -= _LONGEST_WAIT
        except Exception as error:  # each driver has its own classes
            problem = 'the connection that waits for notifications failed: %s'
            _log.debug(problem, describe_failure(error), extra=about(error=type(error).__name__))
            self.close()
            stopped.wait(min(seconds, _LONGEST_WAIT))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
