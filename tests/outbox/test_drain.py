"""A drain sends the rows that are due when it begins, each of them once at most."""

from __future__ import annotations

import signal
from datetime import datetime, timezone

from sqlalchemy import update

from mega.hooks import Hook, HookGenerator, Outgoing, PublishResult
from mega.local.faults import FailEntries
from mega.outbox import RelayCounts
from mega.outbox.relay import ROWS_PER_REQUEST
from tests.outbox.conftest import AfterEachBatch, OutboxCase

SEVERAL_BATCHES = 2 * ROWS_PER_REQUEST + 1


def publish_several_batches(case: OutboxCase) -> None:
    queue = case.queue()
    with case.engine.begin() as connection:
        for number in range(SEVERAL_BATCHES):
            case.outbox.publish(connection, str(number), queue_url=queue)


def test_a_drain_tries_no_row_twice(case: OutboxCase) -> None:
    """The backoff of the row that fails ends while the drain goes on."""
    table = case.outbox.table
    failed = update(table).where(table.c.failures > 0)

    def end_the_backoff() -> None:
        with case.engine.begin() as connection:
            connection.execute(failed.values(due_at=datetime.now(timezone.utc)))

    publish_several_batches(case)
    case.server.script(FailEntries((0,), 'AccessDenied', 403), operation='SendMessageBatch')
    with case.relay_with(hooks=[AfterEachBatch(end_the_backoff)]) as relay:
        assert relay.drain() == RelayCounts(sent=SEVERAL_BATCHES - 1, delayed=1)
        assert relay.drain() == RelayCounts(sent=1)
    assert case.rows() == []


def test_a_drain_sends_all_batches(case: OutboxCase) -> None:
    publish_several_batches(case)
    assert case.relay.drain() == RelayCounts(sent=SEVERAL_BATCHES)


def test_a_drain_leaves_rows_that_are_committed_later(case: OutboxCase) -> None:
    queue = case.queue()

    def publish() -> None:
        case.publish('later', queue)
        case.set_all(due_at=datetime.now(timezone.utc))

    case.publish('first', queue)
    with case.relay_with(hooks=[AfterEachBatch(publish)]) as relay:
        assert relay.drain() == RelayCounts(sent=1)


def test_a_drain_ends_between_batches_after_stop(case: OutboxCase) -> None:
    publish_several_batches(case)
    with case.relay_with(hooks=[AfterEachBatch(lambda: relay.stop())]) as relay:
        for sent in (ROWS_PER_REQUEST, ROWS_PER_REQUEST, 1):
            assert relay.drain() == RelayCounts(sent=sent)


class Interrupt(Hook):
    """Sends a signal to this process when the first message is about to be sent."""

    def __init__(self) -> None:
        self._has_sent = False

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        if not self._has_sent:
            self._has_sent = True
            signal.raise_signal(signal.SIGINT)
        yield
        return None


def test_a_signal_ends_a_drain_after_the_settlement(case: OutboxCase) -> None:
    publish_several_batches(case)
    with case.relay_with(hooks=[Interrupt()]) as relay:
        assert relay.drain() == RelayCounts(sent=ROWS_PER_REQUEST)
    assert len(case.rows()) == SEVERAL_BATCHES - ROWS_PER_REQUEST
