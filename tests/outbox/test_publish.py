"""`Outbox.publish` writes a row in the caller's transaction, with the checks of a publisher."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from mega.aws._messages.limits import MAX_BYTES
from mega.errors import (
    ConfigurationError,
    EncodeError,
    EventError,
    PayloadTooLargeError,
    RetriableError,
)
from mega.hooks import Hook, HookGenerator, Outgoing, PublishResult
from mega.outbox import Outbox
from tests.databases import AUTOCOMMIT, sqlalchemy_url
from tests.outbox.conftest import OutboxCase

QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
FIFO = f'{QUEUE}.fifo'
TOPIC = 'arn:aws:sns:eu-west-1:123456789012:orders'


def test_a_committed_message_is_a_row_and_a_rolled_back_one_is_not(case: OutboxCase) -> None:
    id = case.publish({'id': 1}, QUEUE)
    with case.engine.connect() as connection:
        case.outbox.publish(connection, {'id': 2}, queue_url=QUEUE)
        connection.rollback()
    (row,) = case.rows()
    assert (row.id, row.body, row.destination, row.state) == (id, '{"id":1}', QUEUE, 'pending')


def test_the_session_of_an_orm_is_a_connection(case: OutboxCase) -> None:
    with Session(case.engine) as session, session.begin():
        case.outbox.publish(session, 'in a session', queue_url=QUEUE)
    sessions = scoped_session(sessionmaker(case.engine))
    case.outbox.publish(sessions, 'in a scoped session', queue_url=QUEUE)
    sessions.commit()
    sessions.remove()
    assert [row.body for row in case.rows()] == ['in a session', 'in a scoped session']


def test_an_asynchronous_transaction_publishes_by_run_sync(postgresql_url: str) -> None:
    outbox = Outbox('outbox_asyncio')

    async def publish() -> list[Any]:
        engine = create_async_engine(sqlalchemy_url(postgresql_url))
        async with engine.begin() as connection:
            await connection.run_sync(outbox.create_table)
            await connection.run_sync(outbox.publish, {'id': 1}, topic_arn=TOPIC)
        async with AsyncSession(engine) as session, session.begin():
            await session.run_sync(outbox.publish, {'id': 2}, topic_arn=TOPIC)
        async with engine.begin() as connection:
            found = list(await connection.execute(text('select body from outbox_asyncio')))
            await connection.run_sync(outbox.table.drop)
        await engine.dispose()
        return found

    assert asyncio.run(publish()) == [('{"id":1}',), ('{"id":2}',)]


def test_the_id_of_a_row_is_an_attribute_and_on_fifo_the_deduplication_id(case: OutboxCase) -> None:
    id = case.publish({'id': 1}, FIFO, message_group_id='a', message_attributes={'n': 5})
    (row,) = case.rows()
    attributes = json.loads(row.attributes)
    assert attributes['MegaMessageId'] == {'DataType': 'String', 'StringValue': id}
    assert attributes['n'] == {'DataType': 'Number', 'StringValue': '5'}
    assert json.loads(row.options) == {'MessageGroupId': 'a', 'MessageDeduplicationId': id}
    assert row.message_group == 'a'


def test_the_deduplication_id_of_the_caller_remains(case: OutboxCase) -> None:
    case.publish({'id': 1}, FIFO, message_group_id='a', message_deduplication_id='mine')
    assert json.loads(case.rows()[0].options)['MessageDeduplicationId'] == 'mine'


def test_a_group_on_a_standard_queue_has_no_order(case: OutboxCase) -> None:
    case.publish({'id': 1}, QUEUE, message_group_id='tenant')
    (row,) = case.rows()
    assert row.message_group is None
    assert json.loads(row.options) == {'MessageGroupId': 'tenant'}


@pytest.mark.parametrize(
    ('payload', 'options', 'error'),
    [
        ({'n': float('nan')}, {'queue_url': QUEUE}, EncodeError),
        ('', {'queue_url': QUEUE}, EncodeError),
        ({'protocol': 'mega'}, {'queue_url': QUEUE}, EventError),
        ('x' * (MAX_BYTES + 1), {'queue_url': QUEUE}, PayloadTooLargeError),
        ('x', {'queue_url': FIFO}, EncodeError),
        ('x', {'queue_url': QUEUE, 'delay_seconds': 901}, EncodeError),
        ('x', {'queue_url': QUEUE, 'subject': 'for a topic'}, EncodeError),
        ('x', {'topic_arn': TOPIC, 'delay_seconds': 1}, EncodeError),
        ('x', {'queue_url': QUEUE, 'message_attributes': {'MegaMessageId': 'a'}}, EncodeError),
        ('x', {'queue_url': QUEUE, 'message_attributes': {str(n): 1 for n in range(10)}},
         EncodeError),
        ('x', {'queue_url': 'orders'}, ConfigurationError),
        ('x', {'topic_arn': QUEUE}, ConfigurationError),
        ('x', {}, ConfigurationError),
        ('x', {'queue_url': QUEUE, 'topic_arn': TOPIC}, ConfigurationError),
    ],
    ids=[
        'NaN', 'empty', 'invalid event', 'too large', 'no group', 'delay', 'subject to a queue',
        'delay to a topic', 'id', 'eleven attributes', 'no URL', 'no ARN', 'no destination',
        'two destinations',
    ],
)  # fmt: skip
def test_a_message_that_no_publisher_would_send_is_refused(
    payload: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    engine = create_engine('sqlite://')
    outbox = Outbox()
    with engine.begin() as connection:
        outbox.create_table(connection)
        with pytest.raises(error):
            outbox.publish(connection, payload, **options)
        assert connection.execute(text('select count(*) from mega_outbox')).scalar() == 0
    engine.dispose()


class Trace(Hook):
    """Adds an attribute to each message, and keeps the results."""

    def __init__(self) -> None:
        self.results: list[PublishResult] = []

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        outgoing.add_attribute('trace', 'of the caller')
        self.results.append((yield))
        return None


def test_hooks_add_attributes_to_the_row_and_see_its_result(case: OutboxCase) -> None:
    trace = Trace()
    case.outbox = Outbox(case.outbox.table.name, hooks=[trace])
    id = case.publish({'id': 1}, case.queue())
    case.relay.drain()
    (message,) = case.accepted()
    assert message.attributes['trace']['StringValue'] == 'of the caller'
    case.outbox.table.drop(case.engine)
    with pytest.raises(RetriableError):
        case.publish({'id': 2}, QUEUE)
    case.outbox.create_table(case.engine)
    written, failed = trace.results
    assert written.message_id == id
    assert str(failed.error).startswith('the row was not written: ')


@pytest.mark.parametrize('connect', [Engine.connect, Session], ids=['connection', 'session'])
def test_a_missing_table_asks_for_a_retry_and_says_how_to_create_it(
    case: OutboxCase, connect: Callable[[Engine], Any]
) -> None:
    with connect(case.engine) as connection, pytest.raises(RetriableError) as raised:
        Outbox('not_created').publish(connection, {'id': 1}, queue_url=QUEUE)
    advice = 'create it by a migration, or with Outbox.create_table'
    assert str(raised.value) == f"the database has no table 'not_created': {advice}"
    assert isinstance(raised.value.__cause__, DBAPIError)


def test_any_other_failure_of_the_database_has_the_error_of_sqlalchemy(case: OutboxCase) -> None:
    with case.engine.begin() as connection:
        table = case.outbox.table.name
        connection.execute(text(f'ALTER TABLE {table} RENAME COLUMN options TO another'))
    with pytest.raises(DBAPIError, match='options'):
        case.publish({'id': 1}, QUEUE)


@pytest.mark.parametrize('name', ['', 'Orders', 'a b', 'a;drop', '1a', 'a' * 51, None])
def test_a_table_name_that_would_need_quotes_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match='table_name='):
        Outbox(name)


@pytest.mark.parametrize('connection', [None, 'postgresql://', object()])
def test_an_object_that_is_not_a_connection_is_refused(connection: Any) -> None:
    with pytest.raises(ConfigurationError, match='is not a connection: pass a Connection'):
        Outbox().publish(connection, 'x', queue_url=QUEUE)


@pytest.mark.parametrize('connect', AUTOCOMMIT.values(), ids=AUTOCOMMIT)
def test_a_connection_in_autocommit_mode_is_refused(
    case: OutboxCase, connect: Callable[[Engine], Any]
) -> None:
    """The relay would send the row, although the changes of the caller may be rolled back."""
    refused = pytest.raises(ConfigurationError, match="isolation level other than 'AUTOCOMMIT'")
    with connect(case.engine) as connection, refused:
        case.outbox.publish(connection, {'id': 1}, queue_url=QUEUE)
    assert case.rows() == []
