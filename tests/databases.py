"""The databases of tests, in SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, scoped_session, sessionmaker

__all__ = ('AUTOCOMMIT', 'create_database_engine', 'database_engine', 'sqlalchemy_url')


def _autocommit(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level='AUTOCOMMIT')


AUTOCOMMIT: dict[str, Callable[[Engine], AbstractContextManager[Any]]] = {
    'engine': lambda engine: _autocommit(engine).begin(),
    'connection': lambda engine: engine.connect().execution_options(isolation_level='AUTOCOMMIT'),
    'session': lambda engine: Session(_autocommit(engine)),
    'scoped session': lambda engine: closing(scoped_session(sessionmaker(_autocommit(engine)))),
}
"""Ways to get a connection or a session that commits each statement by itself."""


def sqlalchemy_url(postgresql_url: str) -> str:
    """Return the URL of a PostgreSQL server with the driver of the tests, psycopg."""
    return postgresql_url.replace('postgresql:', 'postgresql+psycopg:', 1)


@contextmanager
def create_database_engine(url: str) -> Iterator[Engine]:
    """Create an engine that ends with the block. SQLite does not wait for the disk."""
    engine = create_engine(url)
    if engine.dialect.name == 'sqlite':
        event.listen(engine, 'connect', _do_not_wait_for_the_disk)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(name='engine', params=['sqlite', 'postgresql'])
def database_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each database in turn. The tables on PostgreSQL remain for other tests, unless dropped."""
    url = f'sqlite:///{tmp_path / "test.db"}'
    if request.param == 'postgresql':
        url = sqlalchemy_url(request.getfixturevalue('postgresql_url'))
    with create_database_engine(url) as engine:
        yield engine


def _do_not_wait_for_the_disk(connection: Any, _: object) -> None:
    connection.execute('PRAGMA synchronous = OFF')
