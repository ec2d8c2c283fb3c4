"""What becomes of rows that could not be sent: AWS does not answer or refuses, or a hook fails."""

from __future__ import annotations

import socket
import time
from typing import Any

import boto3
import pytest

from mega.errors import TransportError
from mega.hooks import Hook, HookGenerator, Outgoing, PublishResult
from mega.local import FailCall
from mega.outbox import RelayCounts, rows
from mega.outbox.destinations import CONCURRENT_DESTINATIONS
from mega.outbox.pauses import Pauses
from mega.outbox.relay import ROWS_PER_REQUEST
from mega.outbox.settlement import MAX_REFUSALS, settle
from tests.outbox.conftest import AfterEachBatch, FailsAfterwards, OutboxCase

TOPIC = 'arn:aws:sns:eu-west-1:123456789012:orders'
THROTTLED = TransportError('SendMessageBatch', 'RequestThrottled', 'slow down', True)
DENIED = TransportError('SendMessageBatch', 'AccessDenied', 'not allowed', False)


@pytest.mark.parametrize('engine', ['sqlite'], indirect=True)
def test_all_destinations_share_the_time_of_a_claim(case: OutboxCase) -> None:
    """The server accepts connections, and never answers."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        endpoint = f'http://127.0.0.1:{server.getsockname()[1]}'
        for number in range(2 * CONCURRENT_DESTINATIONS + 1):
            case.publish('x', f'{endpoint}/123456789012/orders-{number}')
        with case.relay_with(endpoint_url=endpoint, claim_timeout=3) as relay:
            started = time.monotonic()
            assert relay.drain() == RelayCounts(delayed=2 * CONCURRENT_DESTINATIONS + 1)
            assert time.monotonic() - started < 3
    not_tried = [row for row in case.rows() if not row.failures]
    assert len(not_tried) == CONCURRENT_DESTINATIONS + 1
    assert {(row.state, row.error, row.claim) for row in not_tried} == {('pending', None, None)}


@pytest.mark.parametrize('engine', ['sqlite'], indirect=True)
def test_a_drain_tries_a_destination_that_does_not_answer_once(case: OutboxCase) -> None:
    """Also if the pause of the destination ends while the drain goes on."""
    queue, now = case.queue(), 0.0

    def end_the_pause() -> None:
        nonlocal now
        now += 1_000

    with socket.create_server(('127.0.0.1', 0)) as server:
        endpoint = f'http://127.0.0.1:{server.getsockname()[1]}'
        credentials: dict[str, Any] = {**case.server.credentials, 'endpoint_url': endpoint}
        silent = boto3.client('sns', **credentials)
        with case.engine.begin() as connection:
            for _ in range(2 * ROWS_PER_REQUEST):
                case.outbox.publish(connection, 'there', topic_arn=TOPIC)
        case.publish('here', queue)
        hooks = [AfterEachBatch(end_the_pause)]
        with case.relay_with(sns_client=silent, claim_timeout=3, hooks=hooks) as relay:
            relay._batches.pauses = Pauses(lambda: now)
            assert relay.drain() == RelayCounts(sent=1, delayed=ROWS_PER_REQUEST)
        silent.close()
    assert case.bodies() == ['here']


def test_only_refusals_make_a_row_fail(case: OutboxCase) -> None:
    """AWS throttles it ten times, and then refuses it ten times."""
    case.publish('x', case.queue())
    for error in [THROTTLED] * MAX_REFUSALS + [DENIED] * MAX_REFUSALS:
        assert case.rows()[0].state == 'pending'
        fail(case, error)
    (row,) = case.rows()
    assert (row.state, row.failures, row.refusals) == ('failed', 20, 10)
    case.relay.retry()
    (row,) = case.rows()
    assert (row.state, row.failures, row.refusals) == ('pending', 0, 0)


def test_the_error_of_a_row_ends_with_the_remedy_even_if_the_text_of_aws_is_long(
    case: OutboxCase,
) -> None:
    queue = case.queue()
    case.publish('x', queue)
    case.server.script(FailCall('AccessDenied', 403, 'x' * 299), operation='SendMessageBatch')
    case.relay.drain()
    (row,) = case.rows()
    assert row.error.endswith(f'; allow sqs:SendMessage on the queue {queue}')


def fail(case: OutboxCase, error: TransportError) -> None:
    """Claim the only row, and settle it with an error, as soon as it is due."""
    table, due = case.outbox.table, case.rows()[0].due_at
    with case.engine.begin() as connection:
        claimed = rows.claim(connection, table, 'token', due, due, 1)
        results = {claimed[0].position: PublishResult(error=error)}
        settlement = settle(claimed, results, due, lambda low, high: high)
        rows.put_back(connection, table, 'token', settlement.put_back)


class ReturnsNonsense(Hook):
    def around_publish(self, outgoing: Outgoing) -> HookGenerator[Any]:
        yield
        return 'nonsense'


@pytest.mark.parametrize('hook', [FailsAfterwards, ReturnsNonsense])
def test_a_message_is_sent_once_though_a_hook_fails_afterwards(
    case: OutboxCase, hook: type[Hook], caplog: pytest.LogCaptureFixture
) -> None:
    queue = case.queue(fifo=True)
    for body in ('first', 'second'):
        case.publish(body, queue, message_group_id='a')
    with case.relay_with(hooks=[hook()]) as relay:
        assert relay.drain() == RelayCounts(sent=2)
    assert case.bodies() == ['first', 'second']
    assert case.rows() == []
    records = [record for record in caplog.records if record.name == 'mega.outbox.batches']
    assert [record.levelname for record in records] == ['ERROR', 'ERROR']
    for record, message in zip(records, case.accepted(), strict=True):
        assert f'the message {message.message_id} was sent, but a hook r' in record.getMessage()
