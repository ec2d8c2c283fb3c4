"""What `activity()` says about a listener, and when `on_ready` is called."""

from __future__ import annotations

from threading import Event

import pytest

from mega.aws.sqs.subscribe import Activity, SqsListener
from mega.aws.sqs.subscribe.runtime.activity import ActivityLog
from mega.errors import TransportError
from mega.local import Server
from tests.aws.sqs.subscribe.factories import WITHIN, subscriber
from tests.local_aws import LocalAws


def test_the_ages_count_from_the_last_turn_and_the_last_answer() -> None:
    time = 100.0
    log = ActivityLog(lambda: time)
    assert log.read(may_receive=True, in_flight=0) == Activity()
    log.loop_turned(time)
    log.receive_begins()
    assert log.read(may_receive=True, in_flight=0) == Activity(True, 0.0, None)
    time = 107.0
    log.receive_answered(time)
    time = 108.0
    assert log.read(may_receive=True, in_flight=0) == Activity(True, 8.0, 1.0, is_connected=True)
    assert not log.read(may_receive=False, in_flight=0).is_receiving


def test_it_is_connected_while_sqs_answers_the_checks_and_then_the_receives() -> None:
    log = ActivityLog(lambda: 0.0)

    def is_connected() -> bool:
        return log.read(may_receive=True, in_flight=0).is_connected

    assert not is_connected()
    log.checks_answered()
    assert is_connected()
    log.receive_failed()
    assert not is_connected()
    log.receive_answered(0.0)
    assert is_connected()


def test_a_function_is_called_once_at_the_first_receive() -> None:
    calls = []
    log = ActivityLog(lambda: 0.0)
    log.call_at_first_receive(lambda: calls.append(1))
    log.receive_begins()
    log.receive_begins()
    assert calls == [1]


def test_a_listener_is_ready_once_and_receives_until_its_stop(server: Server) -> None:
    done, ready = Event(), []
    queue_url = server.create_queue('orders')
    activities: list[Activity] = []

    def process(payload: str) -> None:
        activities.append(listener.activity())
        listener.stop()

    def on_ready() -> None:
        ready.append(listener.activity())
        client = LocalAws('model', server.endpoint_url).client('sqs')
        client.send_message(QueueUrl=queue_url, MessageBody='hej')
        client.close()
        done.set()

    listener = SqsListener(queue_url, [subscriber(process)], **server.credentials)
    with listener:
        listener.listen(on_ready)
    assert done.wait(WITHIN)
    assert [each.is_receiving for each in ready] == [True]
    assert ready[0].loop_age is not None
    assert activities[0].receive_age is not None
    assert listener.activity() == Activity()


def test_a_listener_that_checks_refuse_is_never_ready(server: Server) -> None:
    queue_url = server.create_queue('orders').replace('orders', 'missing')
    calls = []
    listener = SqsListener(queue_url, [subscriber()], **server.credentials)
    with listener, pytest.raises(TransportError):
        listener.listen(lambda: calls.append(1))
    assert calls == []


def test_a_listener_that_stops_before_its_first_receive_is_never_ready(server: Server) -> None:
    calls = []
    queue_url = server.create_queue('orders')
    listener = SqsListener(queue_url, [subscriber()], **server.credentials)
    listener.stop()
    with listener:
        listener.listen(lambda: calls.append(1))
    assert calls == []


def test_a_drain_is_ready_and_has_no_supervising_thread(server: Server) -> None:
    ready: list[Activity] = []
    listener = SqsListener(
        server.create_queue('orders'), [subscriber()], wait_time_seconds=0, **server.credentials
    )
    with listener:
        listener.drain(on_ready=lambda: ready.append(listener.activity()))
    assert ready == [Activity(is_receiving=True)]
