"""What hooks learn about the calls that settle a message."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import Hook, HookGenerator, Message, ProcessStatus, SqsListener
from mega.hooks import DeliveryResult, SettlementCall
from mega.local import FailCall, FailEntries, Server
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber

FATAL, LATER = ProcessStatus.FATAL_ERROR, ProcessStatus.RETRY_LATER


class Observing(Hook):
    """Records the calls that settle messages."""

    def __init__(self, observe: Callable[[SettlementCall], object] = lambda call: None) -> None:
        self.calls: list[SettlementCall] = []
        self._observe = observe

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        result = yield
        result.call_observers += [self.calls.append, self._observe]
        return None

    @property
    def seen(self) -> list[tuple[str, str, bool]]:
        return [
            (call.operation, call.queue_url.rpartition('/')[2], call.is_successful)
            for call in self.calls
        ]


def run(bus: Bus, hook: Hook, answer: Any = None, **settings: Any) -> None:
    queue = bus.queue('orders')
    SqsPublisher(queue, client=bus.sqs).publish('hej')
    made = subscriber(answer)
    bus.run(SqsListener(queue, [made], client=bus.sqs, hooks=[hook], **settings), raising=False)


def test_a_delete_is_observed(bus: Bus) -> None:
    hook = Observing()
    run(bus, hook)
    assert hook.seen == [('DeleteMessage', 'orders', True)]
    assert 0 < hook.calls[0].duration < 10


def test_a_dead_letter_is_observed_before_its_delete(bus: Bus) -> None:
    hook = Observing()
    run(bus, hook, FATAL, dead_letter_queue_url=bus.queue('dead'))
    assert hook.seen == [('SendMessage', 'dead', True), ('DeleteMessage', 'orders', True)]


def test_an_early_release_is_observed_and_the_end_of_the_timeout_is_no_call(bus: Bus) -> None:
    hook = Observing()
    settings: dict[str, Any] = {'max_receives': 2, 'dead_letter_queue_url': bus.queue('dead')}
    run(bus, hook, LATER, retry_delay=1, **settings)
    assert hook.seen[0] == ('ChangeMessageVisibility', 'orders', True)
    again = Observing()
    run(bus, again, LATER, **settings)
    assert [operation for operation, _, _ in again.seen] == ['SendMessage', 'DeleteMessage']


@pytest.mark.parametrize(
    'failure',
    [FailCall('ServiceUnavailable', status=503), FailEntries((0,), 'InternalError')],
    ids=['call', 'entry'],
)
def test_each_failed_call_is_observed(failure: Any, server: Server) -> None:
    url, hook = server.create_queue('orders'), Observing()
    server.script(failure, operation='DeleteMessageBatch')
    with (
        SqsPublisher(url, **server.credentials) as publisher,
        SqsListener(
            url, [subscriber()], hooks=[hook], wait_time_seconds=0, **server.credentials
        ) as listener,
    ):
        publisher.publish('hej')
        assert listener.drain().deleted == 1
    assert hook.seen == [('DeleteMessage', 'orders', False), ('DeleteMessage', 'orders', True)]


def test_an_observer_that_raises_is_logged_and_the_message_is_deleted(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    text = ' '.join(['no', 'such', 'luck'])

    def fail(call: SettlementCall) -> None:
        raise KeyError(text)

    run(bus, Observing(fail))
    bus.assert_nothing_left()
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert 'a hook failed to observe a call' in record.getMessage()
    assert text not in record.getMessage()
    assert record.mega['operation'] == 'DeleteMessage'  # type: ignore[attr-defined]
