"""The store in a database: the conformance tests on each database, and the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe import DataSubscriber, ProcessStatus, SqsListener
from mega.errors import ConfigurationError, InvalidPayloadError, RetriableError
from mega.hooks import sql
from mega.hooks.idempotency import Idempotency
from mega.hooks.sql import SqlStore
from mega.testing import Bus, IdempotencyStoreTests, deliver
from tests.databases import AUTOCOMMIT, sqlalchemy_url

TABLE = 'records'
SAME = {'MegaMessageId': 'the-same-message'}
EFFECTS = Table('effects', MetaData(), Column('id', Integer, primary_key=True))


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """The table of records and a table of effects, both empty."""
    if 'engine' not in request.fixturenames:
        yield
        return
    engine: Engine = request.getfixturevalue('engine')
    records = SqlStore(table_name=TABLE).table
    for table in (records, EFFECTS):
        table.create(engine)
    yield
    for table in (records, EFFECTS):
        table.drop(engine)


class TestSqlStore(IdempotencyStoreTests):
    @pytest.fixture(autouse=True)
    def backend(self, engine: Engine) -> None:
        self.engine = engine

    def create_store(self) -> SqlStore:
        return SqlStore(self.engine, table_name=TABLE)


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    return SqlStore(engine, table_name=TABLE)


def keys_in(engine: Engine, store: SqlStore) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(store.table)).scalar_one()


def test_records_whose_time_is_over_are_deleted_in_batches(
    engine: Engine, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        store.take(f'{number}' * 64, 'first', 0.0)
    monkeypatch.setattr(store, '_sweep_at', 0.0)
    monkeypatch.setattr(sql, 'SWEEP_ROWS', 2)
    counts = []
    for key in 'abcde':
        store.take(key * 64, 'first', 60)
        counts.append(keys_in(engine, store))
    assert counts == [4, 3, 3, 4, 5], 'a batch after each take, up to the first that is not full'


def test_a_deletion_that_fails_is_a_warning_and_the_record_is_taken(
    engine: Engine,
    store: SqlStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store.take('a' * 64, 'first', 0.0)
    monkeypatch.setattr(store, '_sweep_at', 0.0)

    @event.listens_for(engine, 'before_cursor_execute')
    def _(*arguments: Any) -> None:
        if 'DELETE' in arguments[2]:
            raise DBAPIError('DELETE ...', {}, OSError('the disk is full'))

    for key in 'bc':
        assert store.take(key * 64, 'first', 60) is None
    assert store.take('b' * 64, 'second', 60) is not None
    [warning] = caplog.records
    problem = 'the table records keeps records whose time is over: OSError: the disk is full'
    assert (warning.levelname, warning.getMessage()) == (
        'WARNING',
        f'{problem} [records-not-deleted]',
    )


def test_a_missing_table_is_an_error_at_the_start(engine: Engine) -> None:
    hook = Idempotency(SqlStore(engine, table_name='not_created'))
    with pytest.raises(ConfigurationError, match="no table 'not_created': create it by a migr"):
        hook.check()


def test_a_store_without_an_engine_has_once_alone() -> None:
    with pytest.raises(ConfigurationError, match=r'only once\(\) works without it'):
        SqlStore().take('a' * 64, 'first', 60)


# ── the inbox ────────────────────────────────────────────────────────────────────────────────────


def subscriber(engine: Engine, store: SqlStore, ends: list[ProcessStatus], **members: Any) -> Any:
    """Return a subscriber class that adds a row once for each message."""

    def process(self: Any, payload: Any) -> ProcessStatus:
        with engine.begin() as connection:
            if store.once(connection, self.message):
                connection.execute(EFFECTS.insert())
        return ends.pop() if ends else ProcessStatus.DONE

    return type(members.pop('name', 'Once'), (DataSubscriber,), {'process': process, **members})


def effects(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(EFFECTS)).scalar_one()


def test_a_message_that_comes_again_has_no_second_effect(
    engine: Engine, store: SqlStore, bus: Bus
) -> None:
    queue = bus.queue('orders')
    publisher = SqsPublisher(queue, client=bus.sqs)
    publisher.publish({'id': 1})
    publisher.publish({'id': 1})
    retries = [ProcessStatus.RETRY_LATER] * 3
    bus.run(SqsListener(queue, [subscriber(engine, store, retries)], client=bus.sqs))
    assert retries == []
    assert effects(engine) == 2


def test_each_subscriber_has_its_own_effect(engine: Engine, store: SqlStore) -> None:
    one = subscriber(engine, store, [], name='One')
    other = subscriber(engine, store, [], name='Other')
    for each in (one, other, one, other):
        deliver(each, {'id': 1}, attributes=SAME)
    assert effects(engine) == 2


def test_an_effect_that_is_rolled_back_happens_at_the_next_delivery(
    engine: Engine, store: SqlStore
) -> None:
    failures = [ValueError('after the effect')]

    class Failing(DataSubscriber):
        def process(self, payload: Any) -> None:
            with engine.begin() as connection:
                if store.once(connection, self.message):
                    connection.execute(EFFECTS.insert())
                    if failures:
                        raise failures.pop()

    deliver(Failing, {'id': 1}, attributes=SAME, raising=False)
    assert effects(engine) == keys_in(engine, store) == 0
    deliver(Failing, {'id': 1}, attributes=SAME)
    deliver(Failing, {'id': 1}, attributes=SAME)
    assert effects(engine) == 1


def message_of(name: str = 'Once', message_id: str = 'id') -> Message:
    """Return a message that a subscriber is processing."""
    return Message(message_id, '{}', 'receipt', _subscriber=type(name, (), {}))


def test_the_key_the_scope_and_the_message_separate_records(
    engine: Engine, store: SqlStore
) -> None:
    with Session(engine) as session, session.begin():
        for key, scope in ((None, None), ('a', None), (None, 'b'), ('a', 'b')):
            assert store.once(session, message_of(), key=key, scope=scope)
            assert not store.once(session, message_of(), key=key, scope=scope)
        assert store.once(session, message_of(message_id='other'))


def test_a_key_of_once_consists_of_values_with_their_types(engine: Engine, store: SqlStore) -> None:
    keys: list[Any] = ['5', 5, UUID(int=5), ['5', 5]]
    for is_first in (True, False):
        with engine.begin() as connection:
            assert [store.once(connection, message_of(), key=key) for key in keys] == [is_first] * 4
    with engine.begin() as connection, pytest.raises(InvalidPayloadError, match='of a frozenset'):
        store.once(connection, message_of(), key=frozenset('ab'))  # type: ignore[arg-type]


def test_a_record_is_absent_after_its_ttl(engine: Engine, store: SqlStore) -> None:
    with engine.begin() as connection:
        assert store.once(connection, message_of(), ttl=timedelta(seconds=5))
        assert not store.once(connection, message_of())
        past = store.table.update().values(until=store.table.c.until - 6)
        connection.execute(past)
        assert store.once(connection, message_of())


@pytest.mark.parametrize('commits', [True, False], ids=['commit', 'rollback'])
def test_a_concurrent_delivery_waits_for_the_end_of_the_first_transaction(
    engine: Engine, store: SqlStore, commits: bool
) -> None:
    begun, may_end = Event(), Event()

    def first() -> bool:
        with engine.connect() as connection:
            is_first = store.once(connection, message_of())
            begun.set()
            assert may_end.wait(20)
            connection.commit() if commits else connection.rollback()
        return is_first

    def second() -> bool:
        with engine.begin() as connection:
            return store.once(connection, message_of())

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(first)
        assert begun.wait(20)
        waiting = pool.submit(second)
        wait([waiting], timeout=0.3)
        assert not waiting.done()
        may_end.set()
        assert (running.result(20), waiting.result(20)) == (True, not commits)


def test_a_database_that_fails_asks_for_a_retry(engine: Engine, store: SqlStore) -> None:
    with engine.begin() as connection:
        connection.execute(text(f'ALTER TABLE {TABLE} RENAME COLUMN owner TO another'))
    with engine.begin() as connection, pytest.raises(RetriableError) as raised:
        store.once(connection, message_of())
    assert isinstance(raised.value.__cause__, DBAPIError)
    assert str(raised.value).startswith('the database did not record the message: ')
    assert str(raised.value).endswith(f' (table {TABLE})')
    assert 'owner' in str(raised.value)
    assert 'INSERT' not in str(raised.value)


@pytest.mark.parametrize('connect', [Engine.connect, Session], ids=['connection', 'session'])
def test_a_missing_table_asks_for_a_retry_and_says_how_to_create_it(
    engine: Engine, connect: Callable[[Engine], Any]
) -> None:
    with connect(engine) as connection, pytest.raises(RetriableError) as raised:
        SqlStore(table_name='not_created').once(connection, message_of())
    advice = 'create it by a migration, or with SqlStore.create_table'
    assert str(raised.value) == f"the database has no table 'not_created': {advice}"
    assert isinstance(raised.value.__cause__, DBAPIError)


def test_a_session_that_cannot_connect_asks_for_a_retry(tmp_path: Path) -> None:
    engine = create_engine(f'sqlite:///{tmp_path / "absent" / "shop.db"}')
    with Session(engine) as session, pytest.raises(RetriableError, match='did not record'):
        SqlStore().once(session, message_of())
    engine.dispose()


@pytest.mark.parametrize('connect', AUTOCOMMIT.values(), ids=AUTOCOMMIT)
def test_a_connection_in_autocommit_mode_is_refused(
    engine: Engine, store: SqlStore, connect: Callable[[Engine], Any]
) -> None:
    """The record would remain if the effect fails, and the next delivery would skip the effect."""
    refused = pytest.raises(ConfigurationError, match="isolation level other than 'AUTOCOMMIT'")
    with connect(engine) as connection, refused:
        store.once(connection, message_of())
    assert keys_in(engine, store) == 0


@pytest.mark.parametrize('engine', ['sqlite'], indirect=True)
def test_a_transaction_that_an_event_handler_begins_on_sqlite_is_accepted(
    engine: Engine, store: SqlStore
) -> None:
    explicit = create_engine(engine.url)

    @event.listens_for(explicit, 'connect')
    def _(driver: Any, _: object) -> None:
        driver.isolation_level = None

    @event.listens_for(explicit, 'begin')
    def _(connection: Connection) -> None:
        connection.exec_driver_sql('BEGIN IMMEDIATE')

    with suppress(ValueError), explicit.begin() as connection:
        assert store.once(connection, message_of())
        raise ValueError
    assert keys_in(engine, store) == 0
    explicit.dispose()


@pytest.mark.parametrize('engine', ['postgresql'], indirect=True)
def test_a_conflict_of_serializable_transactions_asks_for_a_retry(
    engine: Engine, store: SqlStore
) -> None:
    serializable = engine.execution_options(isolation_level='SERIALIZABLE')
    with serializable.connect() as connection:
        connection.execute(select(EFFECTS)).all()  # the transaction sees the rows as of now
        with engine.begin() as other:
            assert store.once(other, message_of())
        with pytest.raises(RetriableError, match=r'Serialization|OperationalError'):
            store.once(connection, message_of())


def test_an_asynchronous_transaction_records_by_run_sync(postgresql_url: str) -> None:
    store = SqlStore(table_name='records_asyncio')

    async def record() -> list[bool]:
        engine = create_async_engine(sqlalchemy_url(postgresql_url))
        async with engine.begin() as connection:
            await connection.run_sync(store.create_table)
            recorded = [await connection.run_sync(store.once, message_of()) for _ in range(2)]
            await connection.run_sync(store.table.drop)
        await engine.dispose()
        return recorded

    assert asyncio.run(record()) == [True, False]


def test_a_message_that_no_subscriber_processes_is_refused(store: SqlStore, engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(ConfigurationError, match=r'self\.message'):
        store.once(connection, Message('id', '{}', 'receipt'))
