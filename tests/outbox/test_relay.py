"""The relay sends committed rows, in the order of each group, and settles them one by one."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import SqsReceiver
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.errors import ConfigurationError
from mega.hooks import Hook, HookGenerator, Outgoing, PublishResult, RelayedBatch
from mega.local.faults import FailCall, FailEntries
from mega.outbox import Outbox, OutboxRelay, RelayCounts
from mega.outbox.settlement import MAX_REFUSALS
from mega.testing import Bus
from tests.outbox.conftest import OutboxCase, Run, wait_for

DENIED = FailCall('AccessDenied', 403)


def test_every_row_is_sent_once_and_deleted(case: OutboxCase) -> None:
    queue = case.queue()
    ids = [case.publish({'id': number}, queue) for number in range(25)]
    assert case.relay.drain() == RelayCounts(sent=25)
    assert sorted(case.bodies()) == sorted(f'{{"id":{number}}}' for number in range(25))
    sent_ids = {message.attributes['MegaMessageId']['StringValue'] for message in case.accepted()}
    assert sent_ids == set(ids)
    assert case.rows() == []
    assert case.relay.drain() == RelayCounts()


def test_requests_carry_ten_messages(case: OutboxCase) -> None:
    queue = case.queue()
    for number in range(20):
        case.publish(str(number), queue)
    before = case.server.counts().calls.get('SendMessageBatch', 0)
    case.relay.drain()
    assert case.server.counts().calls['SendMessageBatch'] - before == 2


def test_a_message_arrives_as_from_a_publisher(case: OutboxCase) -> None:
    queue, topic = case.queue(fifo=True), case.server.create_topic('orders', fifo=True)
    options: dict[str, Any] = {'message_group_id': 'a', 'message_attributes': {'b': b'\0\xff'}}
    id = case.publish(b'\x00blob', queue, **options)
    with case.engine.begin() as connection:
        case.outbox.publish(connection, 'text', topic_arn=topic, subject='Hi', **options)
    case.relay.drain()
    to_queue, to_topic = sorted(case.accepted(), key=lambda message: message.subject or '')
    assert to_queue.attributes['b']['BinaryValue'] == b'\0\xff'
    assert to_queue.attributes['MegaPayloadType']['StringValue'] == 'blob'
    assert (to_queue.group_id, to_queue.deduplication_id) == ('a', id)
    assert (to_topic.destination, to_topic.body, to_topic.subject) == (topic, 'text', 'Hi')


def test_a_group_keeps_its_order(case: OutboxCase) -> None:
    queue = case.queue(fifo=True)
    for number in range(30):
        case.publish(str(number), queue, message_group_id=f'group-{number % 3}')
    case.relay.drain()
    for group in range(3):
        sent = [int(m.body) for m in case.accepted() if m.group_id == f'group-{group}']
        assert sent == list(range(group, 30, 3))


def test_an_entry_that_fails_is_put_back_alone(case: OutboxCase) -> None:
    queue = case.queue()
    for number in range(10):
        case.publish(str(number), queue)
    refused = FailEntries((3,), 'AccessDenied', 403)
    case.server.script(refused, operation='SendMessageBatch')
    assert case.relay.drain() == RelayCounts(sent=9, delayed=1)
    (row,) = case.rows()
    assert (row.body, row.state, row.failures, row.claim) == ('3', 'pending', 1, None)
    assert 'AccessDenied' in row.error
    assert row.due_at > row.created_at
    case.make_due()
    assert case.relay.drain() == RelayCounts(sent=1)


def test_later_rows_of_a_group_wait_for_one_that_is_put_back(case: OutboxCase) -> None:
    queue = case.queue(fifo=True)
    for number in range(3):
        case.publish(str(number), queue, message_group_id='a')
    case.publish('other', queue, message_group_id='b')
    case.server.script(FailEntries((0,), 'AccessDenied', 403), operation='SendMessageBatch')
    assert case.relay.drain() == RelayCounts(sent=1, delayed=3)
    assert case.bodies() == ['other']
    assert [row.failures for row in case.rows()] == [1, 0, 0]
    case.publish('3', queue, message_group_id='a')
    assert case.relay.drain() == RelayCounts()
    case.make_due()
    assert case.relay.drain() == RelayCounts(sent=4)
    assert case.bodies() == ['other', '0', '1', '2', '3']


def fail_for_good(case: OutboxCase) -> None:
    """Let AWS refuse the rows for the last time."""
    case.set_all(failures=MAX_REFUSALS - 1, refusals=MAX_REFUSALS - 1)
    case.server.script(DENIED, operation='SendMessageBatch')
    case.relay.drain()


def test_a_row_that_aws_refuses_ten_times_fails_and_waits_for_a_retry(case: OutboxCase) -> None:
    queue = case.queue(fifo=True)
    id = case.publish('first', queue, message_group_id='a')
    fail_for_good(case)
    case.publish('second', queue, message_group_id='a')
    case.make_due()
    assert case.relay.drain() == RelayCounts()
    (failed,) = case.relay.list_failed()
    assert (failed.id, failed.destination, failed.failures) == (id, queue, MAX_REFUSALS)
    assert 'AccessDenied' in failed.error
    assert case.relay.retry() == [id]
    assert case.relay.list_failed() == []
    assert case.relay.drain() == RelayCounts(sent=2)
    assert case.bodies() == ['first', 'second']


def test_a_retry_concerns_the_named_rows_alone(case: OutboxCase) -> None:
    queue = case.queue()
    first, second = case.publish('1', queue), case.publish('2', queue)
    fail_for_good(case)
    assert case.relay.retry([second, 'unknown']) == [second]
    assert [failed.id for failed in case.relay.list_failed()] == [first]
    assert case.relay.retry([]) == []


@pytest.mark.parametrize('engine', ['sqlite'], indirect=True)
def test_a_transient_error_never_makes_a_row_fail(case: OutboxCase) -> None:
    relay = case.relay_with(endpoint_url='http://127.0.0.1:9', claim_timeout=3)
    case.publish('x', case.queue())
    case.set_all(failures=2 * MAX_REFUSALS)
    assert relay.drain() == RelayCounts(delayed=1)
    assert case.rows()[0].state == 'pending'
    relay.close()


def test_a_destination_that_cannot_be_reached_does_not_stop_another(case: OutboxCase) -> None:
    elsewhere = 'https://sqs.us-east-2.amazonaws.com/123456789012/orders'
    relay = case.relay_with(region_name='eu-west-1')
    case.publish('there', elsewhere.replace('us-east-2.amazonaws.com', 'invalid.example'))
    case.publish('here', case.queue())
    assert relay.drain() == RelayCounts(sent=1, delayed=1)
    assert case.bodies() == ['here']
    relay.close()


def test_a_claim_hides_rows_until_it_ends(
    case: OutboxCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the crash of a relay between its claim and its settlement."""
    case.publish('x', case.queue())
    crashed = case.relay_with()
    monkeypatch.setattr(crashed._destinations, 'send', _raise)
    with pytest.raises(KeyboardInterrupt):
        crashed.drain()
    assert case.relay.drain() == RelayCounts()
    case.make_due()
    assert case.relay.drain() == RelayCounts(sent=1)


def _raise(*_: object) -> Any:
    raise KeyboardInterrupt


def test_a_relay_does_not_settle_rows_that_another_one_has_claimed(
    case: OutboxCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = case.queue()
    case.publish('x', queue)
    slow = case.relay_with()
    send = slow._destinations.send

    def send_late(*arguments: Any) -> Any:
        results = send(*arguments)
        case.set_all(claim='of another relay')
        return results

    monkeypatch.setattr(slow._destinations, 'send', send_late)
    slow.drain()
    (row,) = case.rows()
    assert (row.claim, row.state) == ('of another relay', 'pending')


def test_a_row_that_was_sent_is_kept_for_the_retention(case: OutboxCase) -> None:
    relay = case.relay_with(retention=timedelta(days=7))
    case.publish('x', case.queue())
    assert relay.drain() == RelayCounts(sent=1)
    (row,) = case.rows()
    assert (row.state, row.claim) == ('sent', None)
    assert row.sent_at >= row.created_at
    assert relay.drain() == RelayCounts()
    case.set_all(sent_at=row.sent_at - timedelta(days=8))
    with case.relay_with(retention=timedelta(days=7)) as later:
        later.drain()
    assert case.rows() == []
    relay.close()


@pytest.mark.parametrize('engine', ['postgresql'], indirect=True)
def test_a_relay_does_not_wait_to_delete_a_row_that_is_locked(case: OutboxCase) -> None:
    table, queue = case.outbox.table, case.queue()
    case.publish('sent', queue)
    case.set_all(state='sent', sent_at=case.rows()[0].created_at - timedelta(days=8))
    with case.engine.begin() as other, case.relay_with(retention=timedelta(days=7)) as relay:
        other.execute(select(table).with_for_update())
        case.publish('new', queue)
        assert relay.drain() == RelayCounts(sent=1)
    assert [row.body for row in case.rows()] == ['sent', 'new']


def test_a_relay_without_a_retention_leaves_rows_that_another_one_keeps(case: OutboxCase) -> None:
    case.publish('x', case.queue())
    case.set_all(state='sent', sent_at=case.outbox.table.c.created_at)
    assert case.relay.drain() == RelayCounts()
    assert [row.state for row in case.rows()] == ['sent']


class Watch(Hook):
    """A hook that keeps what it receives."""

    def __init__(self) -> None:
        self.batches: list[RelayedBatch] = []
        self.published: list[str] = []

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        result = yield
        self.published.append(result.message_id or str(result.error))
        return None

    def around_relay(self) -> HookGenerator[RelayedBatch]:
        self.batches.append((yield))
        return None


def test_hooks_see_each_message_and_each_batch_with_the_lag(case: OutboxCase) -> None:
    watch = Watch()
    queue = case.queue()
    case.publish('1', queue)
    case.publish('2', queue)
    case.set_all(created_at=case.rows()[0].created_at - timedelta(hours=1))
    case.server.script(FailEntries((1,), 'AccessDenied', 403), operation='SendMessageBatch')
    with case.relay_with(hooks=[watch]) as relay:
        relay.drain()
    with_rows, without = watch.batches
    assert (with_rows.sent, with_rows.delayed, with_rows.failed) == (1, 1, 0)
    assert 3_600 <= with_rows.lag < 3_700
    assert (without.sent, without.delayed, without.failed) == (0, 0, 0)
    assert without.lag >= 3_600
    assert [message.message_id in watch.published for message in case.accepted()] == [True]
    assert 'AccessDenied' in watch.published[1]


class Faulty(Hook):
    def around_relay(self) -> HookGenerator[RelayedBatch]:
        batch = yield
        if batch.sent:
            raise ValueError('a bug of a hook')
        return None


def test_a_faulty_hook_does_not_end_a_running_relay(
    case: OutboxCase, running: Run, caplog: pytest.LogCaptureFixture
) -> None:
    queue = case.queue()
    running(case.relay_with(hooks=[Faulty()], poll_interval=0.05))
    for body in ('first', 'second'):
        case.publish(body, queue)
        wait_for(lambda: not case.rows())
    assert case.bodies() == ['first', 'second']
    assert 'the relay failed: next attempt in' in caplog.text


def test_a_large_body_goes_through_the_payload_store_of_the_outbox(case: OutboxCase) -> None:
    with S3PayloadStore('bodies', **case.server.credentials) as store:
        store.create_bucket()
        case.outbox.payload_store = store
        case.relay.close()
        relay = case.relay_with()
        case.publish('x' * 2_000_000, case.queue())
        assert len(case.rows()[0].body) == 2_000_000
        assert relay.drain() == RelayCounts(sent=1)
        (message,) = case.accepted()
        assert message.attributes['ExtendedPayloadSize']['StringValue'] == '2000000'
        assert 's3BucketName' in message.body
        relay.close()


def test_a_relay_compresses_bodies(case: OutboxCase) -> None:
    queue, payload = case.queue(), {'lines': ['some line'] * 1_000}
    case.publish(payload, queue)
    assert json.loads(case.rows()[0].body) == payload
    with case.relay_with(compression='gzip') as relay:
        assert relay.drain() == RelayCounts(sent=1)
    assert case.accepted()[0].attributes['MegaCompression']['StringValue'] == 'gzip'
    with SqsReceiver(queue, **case.server.credentials) as receiver:
        (message,) = receiver.receive()
        assert message.payload == payload
        message.ack()


def test_a_body_that_is_small_when_compressed_needs_no_request_to_s3(case: OutboxCase) -> None:
    with S3PayloadStore('no-such-bucket', **case.server.credentials) as store:
        case.outbox.payload_store = store
        case.publish('x' * 2_000_000, case.queue())
        with case.relay_with(compression='gzip') as relay:
            assert relay.drain() == RelayCounts(sent=1)


def test_a_running_relay_sends_what_is_committed_later(case: OutboxCase, running: Run) -> None:
    queue = case.queue()
    running(case.relay_with(poll_interval=0.05))
    case.publish('first', queue)
    wait_for(lambda: case.bodies() == ['first'])
    case.publish('second', queue)
    wait_for(lambda: case.bodies() == ['first', 'second'])


@pytest.mark.parametrize('engine', ['postgresql'], indirect=True)
def test_a_relay_connects_again_after_the_database_ended_its_connections(
    case: OutboxCase, running: Run
) -> None:
    queue = case.queue()
    running(case.relay_with(poll_interval=0.05))
    case.publish('before', queue)
    wait_for(lambda: case.bodies() == ['before'])
    others = "from pg_stat_activity where pid <> pg_backend_pid() and backend_type like 'client%'"
    with case.engine.connect() as connection:
        connection.execute(text(f'select pg_terminate_backend(pid) {others}'))
    case.engine.dispose()  # its pool may have an ended connection
    case.publish('after', queue)
    wait_for(lambda: case.bodies() == ['before', 'after'])


def test_a_relay_sends_to_a_bus(case: OutboxCase) -> None:
    bus = Bus()
    seen: list[object] = []

    class Order(DataSubscriber):
        def process(self, payload: object) -> None:
            seen.append((payload, self.message.origin_id))

    queue = bus.queue('orders')
    id = case.publish({'id': 1}, queue)
    with OutboxRelay(case.engine, case.outbox, sqs_client=bus.sqs) as relay:
        assert relay.drain() == RelayCounts(sent=1)
    bus.run(SqsListener(queue, [Order], client=bus.sqs))
    assert seen == [({'id': 1}, id)]


def test_a_missing_table_is_an_error_at_the_start(case: OutboxCase) -> None:
    relay = OutboxRelay(case.engine, Outbox('not_created'), **case.server.credentials)
    for call in (relay.run, relay.drain):
        with pytest.raises(ConfigurationError, match="no table 'not_created': create it by a"):
            call()


def test_another_database_is_refused() -> None:
    class Dialect:
        name = 'oracle'

    class OtherEngine:
        dialect = Dialect

    other: Any = OtherEngine
    with pytest.raises(ConfigurationError, match=re.escape("'oracle' is not supported")):
        OutboxRelay(other, Outbox())


@pytest.mark.parametrize(
    ('option', 'value'),
    [('concurrency', 0), ('concurrency', 51), ('claim_timeout', 2), ('poll_interval', 0),
     ('retention', -1), ('compression', 'lzma')],
)  # fmt: skip
def test_an_option_out_of_range_is_refused(option: str, value: Any) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ConfigurationError, match=option):
        OutboxRelay(create_engine('sqlite://'), Outbox(), **options)
