"""The checks at the start of a listener are limited in time, and a stop ends them."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.preflight import time_limited
from mega.errors import ConfigurationError
from tests.aws.answers import Fault, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import WITHIN, listening, subscriber, warnings_at_start

URL = 'http://127.0.0.1/123456789012/orders'
EMPTY = sqs_answer()


def listener_on(faults: FaultServer, **settings: Any) -> SqsListener:
    return SqsListener(URL, [subscriber()], **{**faults.credentials, **settings})


def wait_for(faults: FaultServer, operation: str) -> None:
    while operation not in [each.operation for each in faults.requests]:
        pass


def test_a_stop_ends_the_checks_of_a_queue_that_does_not_answer(faults: FaultServer) -> None:
    """And the calls of the checks: no other begins."""
    faults.will(Fault.SILENCE)
    listener = listener_on(faults)
    with listening(listener) as thread:
        wait_for(faults, 'GetQueueAttributes')
        listener.stop()
        thread.join(WITHIN)
        assert not thread.is_alive()
    assert len(faults.requests) == 1


def test_a_signal_ends_the_checks_of_a_queue_that_does_not_answer(faults: FaultServer) -> None:
    """In the main thread, a handler runs between two operations only."""
    faults.will(Fault.SILENCE)

    def send_signal() -> None:
        wait_for(faults, 'GetQueueAttributes')
        os.kill(os.getpid(), signal.SIGTERM)

    sender = Thread(target=send_signal)
    sender.start()
    listener_on(faults).listen()
    sender.join(WITHIN)


def test_a_listener_starts_without_the_checks_that_are_late(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time_limited, 'CHECKS_SECONDS', 0.05)
    faults.will(Fault.SILENCE, ReceiveMessage=[EMPTY, Fault.SILENCE])
    listener = listener_on(faults)
    with listening(listener) as thread:
        wait_for(faults, 'ReceiveMessage')
        listener.stop()
        thread.join(WITHIN)
        assert not thread.is_alive()
    assert 'cannot be checked: GetQueueAttributes failed (Timeout)' in warnings_at_start(caplog)[0]


def test_a_listener_that_makes_its_checks_cannot_be_started_again(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE)
    listener = listener_on(faults)
    with listening(listener):
        wait_for(faults, 'GetQueueAttributes')
        with pytest.raises(ConfigurationError, match='already listening'):
            listener.drain()
        listener.stop()


# The visibility timeout of the queue


def used_timeout(faults: FaultServer) -> int:
    [poll] = [each for each in faults.requests if each.operation == 'ReceiveMessage'][:1]
    timeout: int = json.loads(poll.body)['VisibilityTimeout']
    return timeout


@pytest.mark.parametrize(
    ('setting', 'own', 'used'),
    [
        (None, '90', 90),
        (None, '0', 30),
        (None, 'x', 30),
        (45, '90', 45),
        (timedelta(minutes=2), '90', 120),
    ],
)
def test_a_visibility_timeout_of_none_is_the_one_of_the_queue(
    setting: Any, own: str, used: int, faults: FaultServer
) -> None:
    faults.will(EMPTY, GetQueueAttributes=[sqs_answer(Attributes={'VisibilityTimeout': own})])
    listener_on(faults, visibility_timeout=setting, wait_time_seconds=0).drain()
    assert used_timeout(faults) == used


def test_a_queue_that_does_not_tell_its_visibility_timeout_is_used_with_30_seconds(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """SQS hides the messages for as long as the listener supposes, whatever the queue says."""
    denied = sqs_error('AccessDeniedException', 403)
    faults.will(EMPTY, GetQueueAttributes=[denied])
    listener_on(faults, visibility_timeout=None, wait_time_seconds=0).drain()
    assert used_timeout(faults) == 30
    assert any('has an unknown visibility timeout' in text for text in warnings_at_start(caplog))


def test_the_default_visibility_timeout_is_30_seconds(faults: FaultServer) -> None:
    faults.will(EMPTY, GetQueueAttributes=[sqs_answer(Attributes={'VisibilityTimeout': '90'})])
    listener_on(faults, wait_time_seconds=timedelta(0)).drain()
    assert used_timeout(faults) == 30


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('visibility_timeout', timedelta(seconds=1.5)),
        ('visibility_timeout', timedelta(0)),
        ('visibility_timeout', timedelta(days=1)),
        ('visibility_timeout', 30.0),
        ('wait_time_seconds', timedelta(seconds=21)),
        ('wait_time_seconds', None),
        ('max_processing_time', timedelta(seconds=-1)),
        ('grace_period', timedelta(days=1)),
        ('grace_period', '20'),
    ],
)
def test_a_time_that_is_invalid_is_refused(name: str, value: Any, faults: FaultServer) -> None:
    with pytest.raises(ConfigurationError, match=rf'{name}=.*: must be .* seconds'):
        listener_on(faults, **{name: value})
