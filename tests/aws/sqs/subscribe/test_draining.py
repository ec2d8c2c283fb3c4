"""`drain()` on the wire: what it takes, when it ends, and what it warns about."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mega.aws.sqs.subscribe import ProcessStatus, Stats
from mega.errors import ConfigurationError
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    listener_on,
    send,
    subscriber,
    warnings_at_start,
    will_receive,
)
from tests.aws.sqs.subscribe.test_transport import NOTHING, QUEUE_URL, calls, received
from tests.local_aws import LocalAws


@pytest.mark.parametrize('fifo', [False, True], ids=['standard', 'fifo'])
def test_a_drain_ends_although_a_subscriber_retries_every_message_at_once(
    aws: LocalAws, *, fifo: bool
) -> None:
    queue_url = aws.create_queue(fifo=fifo, **({'ContentBasedDeduplication': True} if fifo else {}))
    options: dict[str, Any] = {'message_group_id': 'g'} if fifo else {}
    for body in 'ab':
        send(aws, queue_url, body, **options)
    seen: list[str] = []
    made = subscriber(ProcessStatus.RETRY_LATER, seen)
    listener = listener_on(aws, queue_url, made, retry_delay=0, max_number_of_messages=10)
    assert listener.drain().retried == len(seen)
    first = list(seen)
    assert first == ['a'] if fifo else sorted(first) == ['a', 'b']
    listener.drain()  # the messages are visible again
    assert seen == first * 2


def test_a_drain_ends_when_the_queue_returns_only_messages_that_it_left(
    faults: FaultServer,
) -> None:
    will_receive(faults, received('a'))
    made = subscriber(ProcessStatus.RETRY_LATER)
    stats = listener_on(faults, QUEUE_URL, made, retry_delay=0).drain()
    assert stats.retried == 1


def test_a_drain_receives_max_messages_at_most(faults: FaultServer) -> None:
    will_receive(faults, received('a', 'b'), received('c'), received('d'))
    settings = {'max_number_of_messages': 2}
    stats = listener_on(faults, QUEUE_URL, subscriber(), **settings).drain(max_messages=3)
    assert stats == Stats(received=3, done=3, deleted=3)
    asked = [call['MaxNumberOfMessages'] for call in calls(faults, 'ReceiveMessage')]
    assert asked == [2, 1]


def test_a_drain_stops_after_its_timeout(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue never becomes empty. Each message takes ten seconds."""
    will_receive(faults, *[received(f'{number}') for number in range(9)])
    now, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now() + passed[0])

    def take_long(payload: str) -> None:
        passed[0] += 10

    stats = listener_on(faults, QUEUE_URL, subscriber(take_long)).drain(timeout=25)
    assert stats.done == stats.deleted == 3


@pytest.mark.parametrize(
    'limit', [{'timeout': -1}, {'timeout': 'soon'}, {'max_messages': 0}, {'max_messages': 1.5}]
)
def test_a_drain_refuses_an_invalid_limit(faults: FaultServer, limit: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(limit))):
        listener_on(faults, QUEUE_URL, subscriber()).drain(**limit)


def test_a_drain_warns_at_its_start_as_a_listener_does(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    will_receive(faults, NOTHING, GetQueueAttributes=[sqs_answer(Attributes={})])
    client = faults.client('sqs', read_timeout=3)
    listener_on(faults, QUEUE_URL, subscriber(), client=client, wait_time_seconds=20).drain()
    redrive, timeout = sorted(warnings_at_start(caplog), key=lambda text: 'read timeout' in text)
    assert 'has no redrive policy' in redrive
    assert 'read timeout of 3 s' in timeout
    assert 'read_timeout=25' in timeout


def test_a_client_that_waits_long_enough_causes_no_warning(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    will_receive(faults, NOTHING)
    client = faults.client('sqs', read_timeout=21)
    listener_on(faults, QUEUE_URL, subscriber(), client=client, wait_time_seconds=20).drain()
    assert warnings_at_start(caplog) == []


def test_receives_that_do_not_wait_cause_a_warning(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    will_receive(faults, NOTHING)
    listener_on(faults, QUEUE_URL, subscriber(), wait_time_seconds=0).drain()
    [text] = [each.getMessage() for each in caplog.records if each.levelname == 'WARNING']
    assert 'wait_time_seconds=0' in text
    assert 'Set wait_time_seconds=20' in text
