"""A transaction of Django has the outbox and the inbox, on its own connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from mega.aws.sqs.message import Message
from mega.errors import ConfigurationError, RetriableError
from mega.hooks.sql import SqlStore
from mega.outbox import Outbox
from tests.outbox.conftest import OutboxCase

ALIAS = 'mega_tests'


@pytest.fixture
def connection(case: OutboxCase) -> Iterator[Any]:
    """A connection of Django to the database of the case."""
    import django
    from django.conf import settings
    from django.db import connections
    from django.db.utils import load_backend

    if not settings.configured:
        settings.configure(LOGGING_CONFIG=None)
        django.setup()
    url = case.engine.url
    name = {'sqlite': 'sqlite3'}.get(url.get_backend_name(), url.get_backend_name())
    options: dict[str, Any] = {
        'NAME': url.database,
        'HOST': url.host,
        'PORT': url.port,
        'USER': url.username,
        'PASSWORD': '',
        'OPTIONS': {},
        'AUTOCOMMIT': True,
        'ATOMIC_REQUESTS': False,
        'CONN_MAX_AGE': 0,
        'CONN_HEALTH_CHECKS': False,
        'TIME_ZONE': None,
    }
    backend = load_backend(f'django.db.backends.{name}')
    connections[ALIAS] = made = backend.DatabaseWrapper(options, ALIAS)
    yield made
    made.close()
    del connections[ALIAS]


def test_a_committed_message_is_a_row_and_a_rolled_back_one_is_not(
    case: OutboxCase, connection: Any
) -> None:
    from django.db import transaction

    queue = case.queue()
    with transaction.atomic(using=ALIAS):
        id = case.outbox.publish(connection, {'percent': '100 %s'}, queue_url=queue)
    with suppress(ValueError), transaction.atomic(using=ALIAS):
        case.outbox.publish(connection, {'id': 2}, queue_url=queue)
        raise ValueError
    assert [row.id for row in case.rows()] == [id]
    assert case.relay.drain().sent == 1
    assert case.bodies() == ['{"percent":"100 %s"}']


def test_a_missing_table_is_named(case: OutboxCase, connection: Any) -> None:
    from django.db import transaction

    missing = "no table 'not_created': create it by a migration"
    with pytest.raises(RetriableError, match=missing), transaction.atomic(using=ALIAS):
        Outbox('not_created').publish(connection, {'id': 1}, queue_url=case.queue())


def test_a_message_is_recorded_once(case: OutboxCase, connection: Any) -> None:
    from django.db import transaction

    store = SqlStore(table_name='records_django')
    store.create_table(case.engine)
    message = Message('id', '{}', 'receipt', _subscriber=type('Subscriber', (), {}))
    with suppress(ValueError), transaction.atomic(using=ALIAS):
        assert store.once(connection, message)
        raise ValueError
    for is_first in (True, False):
        with transaction.atomic(using=ALIAS):
            assert store.once(connection, message) is is_first
    with case.engine.connect() as other:
        assert len(other.execute(select(store.table)).all()) == 1
    connection.close()
    store.table.drop(case.engine)
    missing = "no table 'records_django': create it by a migration"
    with pytest.raises(RetriableError, match=missing), transaction.atomic(using=ALIAS):
        store.once(connection, message)


def test_a_connection_without_a_transaction_is_refused(case: OutboxCase, connection: Any) -> None:
    store = SqlStore(table_name='records_autocommit')
    store.create_table(case.engine)
    message = Message('id', '{}', 'receipt', _subscriber=type('Subscriber', (), {}))
    refused = r'has no transaction: make the call within `with transaction\.atomic\(\):`'
    with pytest.raises(ConfigurationError, match=refused):
        store.once(connection, message)
    with pytest.raises(ConfigurationError, match=refused):
        case.outbox.publish(connection, {'id': 1}, queue_url=case.queue())
    assert case.rows() == []
    connection.set_autocommit(False)
    assert store.once(connection, message)
    connection.rollback()
    connection.close()
    store.table.drop(case.engine)
