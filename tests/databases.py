"""The databases of tests, as SQLAlchemy reads their URLs."""

from __future__ import annotations

__all__ = ('sqlalchemy_url',)


def sqlalchemy_url(postgresql_url: str) -> str:
    """Return the URL of a PostgreSQL server with the driver of the tests, psycopg."""
    return postgresql_url.replace('postgresql:', 'postgresql+psycopg:', 1)
