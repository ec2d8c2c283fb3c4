"""A relay waits no longer than until a row is due, and retries and commits wake it."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event, text

from mega.local.faults import FailCall
from mega.outbox import Outbox, settlement
from mega.outbox.wake_ups import WakeUps
from tests.outbox.conftest import AfterEachBatch, OutboxCase, Run, wait_for

HOUR = 3_600
on_postgresql = pytest.mark.parametrize('engine', ['postgresql'], indirect=True)


def test_a_row_is_tried_again_after_its_backoff_though_the_relay_polls_rarely(
    case: OutboxCase, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, 'FIRST_BACKOFF', 0.1)
    case.publish('x', case.queue())
    case.server.script(FailCall('AccessDenied', 403), operation='SendMessageBatch')
    running(case.relay_with(poll_interval=HOUR))
    wait_for(lambda: case.bodies() == ['x'])


def test_a_destination_is_tried_again_after_its_pause_though_the_relay_polls_rarely(
    case: OutboxCase, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is due all the time."""
    monkeypatch.setattr(settlement, 'FIRST_BACKOFF', 0.1)
    case.publish('x', case.queue())
    hook = AfterEachBatch(case.make_due)
    case.server.script(*[FailCall('InternalError', 500)] * 5, operation='SendMessageBatch')
    running(case.relay_with(poll_interval=HOUR, claim_timeout=3, hooks=[hook]))
    wait_for(lambda: case.bodies() == ['x'])


@on_postgresql
def test_a_commit_wakes_the_relay(case: OutboxCase, running: Run) -> None:
    queue = case.queue()
    running(case.relay_with(poll_interval=HOUR))
    for body in ('first', 'second'):  # the second one comes while the relay waits
        case.publish(body, queue)
        wait_for(lambda body=body: body in case.bodies())  # type: ignore[misc]


@on_postgresql
def test_a_retry_wakes_the_relay(case: OutboxCase, running: Run) -> None:
    case.publish('x', case.queue())
    case.set_all(state='failed')
    looks: list[None] = []
    hook = AfterEachBatch(lambda: looks.append(None))
    running(case.relay_with(poll_interval=HOUR, hooks=[hook]))
    wait_for(lambda: bool(looks))
    case.relay.retry()
    wait_for(lambda: case.bodies() == ['x'])


@on_postgresql
def test_the_name_of_the_table_may_be_a_keyword_of_sql(case: OutboxCase, running: Run) -> None:
    case.outbox.table.drop(case.engine)
    case.outbox = Outbox('user')
    case.outbox.create_table(case.engine)
    test_a_commit_wakes_the_relay(case, running)


@on_postgresql
def test_the_log_says_why_the_connection_failed(
    case: OutboxCase, caplog: pytest.LogCaptureFixture
) -> None:
    wake_ups = WakeUps(case.engine, 'a_channel_that_fails')
    wake_ups.listen()
    listening = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%a_channel_that_fails%'"
    others = f'({listening} AND pid <> pg_backend_pid()) AS listening'
    with case.engine.connect() as connection:
        connection.execute(text(f'SELECT pg_terminate_backend(pid) FROM {others}'))
    with caplog.at_level(logging.DEBUG, 'mega.outbox.wake_ups'):
        wake_ups.wait(0.5, Event())
    [record] = caplog.records
    problem = 'the connection that waits for notifications failed: '
    assert record.getMessage().startswith((f'{problem}OperationalError', f'{problem}AdminShutdown'))


@on_postgresql
def test_a_connection_that_cannot_listen_is_closed(case: OutboxCase) -> None:
    def refuse(_: Any, __: Any, statement: str, *___: object) -> None:
        if statement.startswith('LISTEN'):
            raise RuntimeError

    event.listen(case.engine, 'before_cursor_execute', refuse)
    with pytest.raises(RuntimeError) as caught:
        WakeUps(case.engine, 'orders').listen()
    event.remove(case.engine, 'before_cursor_execute', refuse)
    assert (case.engine.pool.checkedout(), caught.type) == (0, RuntimeError)  # type: ignore[attr-defined]
