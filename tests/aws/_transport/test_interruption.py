"""Interruption of calls, on the direct client's connections and on botocore's."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.interruption import CallInterrupted, CallInterrupter, make_interruptible
from mega.errors import TransportError
from tests.aws.raw_server import (
    EMPTY,
    WITHIN,
    RecordingHandler,
    boto3_client,
    direct_client,
    json_response,
    read_request,
    receive,
    server,
)

Connect = Callable[[str], AbstractContextManager[AwsClient]]


@contextmanager
def passed_client(url: str) -> Iterator[AwsClient]:
    with closing(boto3_client(url)) as client:
        yield create_client('sqs', None, client=client)


@pytest.fixture(params=[direct_client, passed_client], ids=['direct', 'botocore'])
def connected(request: pytest.FixtureRequest) -> Connect:
    found: Connect = request.param
    return found


class Call:
    """An interruptible receive in its own thread, and its outcome."""

    def __init__(self, interrupter: CallInterrupter, aws: AwsClient) -> None:
        self.response: dict[str, Any] = {}
        self.error: BaseException | None = None
        self.was_interrupted = False
        self._interrupter, self._aws = interrupter, aws
        self._thread = Thread(target=self._receive, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(WITHIN)
        assert not self._thread.is_alive()

    def _receive(self) -> None:
        try:
            with self._interrupter.interruptible(self._aws.client):
                self.response = receive(self._aws, WaitTimeSeconds=20)
        except BaseException as error:
            self.error = error
        self.was_interrupted = self._interrupter.interrupted_last_call


def test_a_response_that_is_on_its_way_is_still_read(connected: Connect) -> None:
    polling = Event()

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        polling.set()
        assert connection.recv(1) == b''  # the client has ended its side
        connection.sendall(json_response(b'{"Messages":[{"MessageId":"1"}]}'))

    with server(handle) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        call = Call(interrupter, aws)
        assert polling.wait(WITHIN)
        interrupter.interrupt()
        call.join()
    assert call.error is None
    assert call.response['Messages'] == [{'MessageId': '1'}]


def test_a_call_that_the_server_does_not_end_is_ended_at_once(connected: Connect) -> None:
    polling, ended = Event(), Event()

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        polling.set()
        assert ended.wait(WITHIN)

    with server(handle) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        call = Call(interrupter, aws)
        assert polling.wait(WITHIN)
        interrupter.interrupt()
        interrupter.interrupt(at_once=True)
        interrupter.reset()  # the caller still knows that the call did not fail by itself
        call.join()
        ended.set()
    assert isinstance(call.error, TransportError)
    assert call.was_interrupted


def test_an_interrupted_call_on_a_reused_connection_is_not_sent_again(connected: Connect) -> None:
    polling = Event()
    requests: list[object] = []

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            requests.append(request)
            if len(requests) > 1:
                polling.set()
                assert connection.recv(1) == b''
                return
            connection.sendall(EMPTY)

    with server(handle) as url, connected(url) as aws:
        receive(aws)
        interrupter = CallInterrupter()
        call = Call(interrupter, aws)
        assert polling.wait(WITHIN)
        interrupter.interrupt()
        call.join()
    assert call.was_interrupted
    assert len(requests) == 2


def test_no_call_begins_between_an_interruption_and_a_reset(connected: Connect) -> None:
    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        interrupter.interrupt()
        call = Call(interrupter, aws)
        call.join()
        assert isinstance(call.error, CallInterrupted)
        assert handler.requests == []
        interrupter.reset()
        call = Call(interrupter, aws)
        call.join()
    assert call.error is None
    assert not call.was_interrupted
    assert len(handler.requests) == 1


def test_calls_outside_of_the_block_are_not_interrupted(connected: Connect) -> None:
    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        interrupter.interrupt(at_once=True)
        receive(aws)
        with interrupter.interruptible(aws.client):
            pass
        receive(aws)
    assert len(handler.requests) == 2


def test_an_interrupter_does_not_interrupt_the_calls_of_another(connected: Connect) -> None:
    with server(RecordingHandler()) as url, connected(url) as aws:
        CallInterrupter().interrupt(at_once=True)
        call = Call(CallInterrupter(), aws)
        call.join()
    assert call.error is None


def test_a_connection_is_not_interrupted_after_its_call(connected: Connect) -> None:
    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        Call(interrupter, aws).join()
        interrupter.interrupt(at_once=True)
        receive(aws)
    assert (handler.connections, len(handler.requests)) == (1, 2)


def test_a_connection_is_not_interrupted_for_the_call_before(connected: Connect) -> None:
    """The thread of the first call may still be in its block, when another call has begun."""
    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        with interrupter.interruptible(aws.client):
            receive(aws)
            other = Thread(target=receive, args=(aws,))
            other.start()
            other.join(WITHIN)
            interrupter.interrupt(at_once=True)
        receive(aws)
    assert (handler.connections, len(handler.requests)) == (1, 3)


def test_a_connection_that_was_interrupted_and_answered_is_not_reused(connected: Connect) -> None:
    polling = Event()
    kept: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        if not kept:
            polling.set()
            assert connection.recv(1) == b''
            kept.append(connection.dup())  # the server leaves the connection open
        connection.sendall(EMPTY)

    with server(handle) as url, connected(url) as aws:
        interrupter = CallInterrupter()
        call = Call(interrupter, aws)
        assert polling.wait(WITHIN)
        interrupter.interrupt()
        call.join()
        found = receive(aws)
    kept[0].close()
    assert call.error is None
    assert found['ResponseMetadata']['HTTPStatusCode'] == 200


# Connections of botocore


def pools(client: Any) -> dict[str, object]:
    return dict(client._endpoint.http_session._pool_classes_by_scheme)


def test_the_pools_of_a_client_are_replaced_once() -> None:
    with closing(boto3_client('http://127.0.0.1:1')) as client:
        before = pools(client)
        make_interruptible(client)
        once = pools(client)
        make_interruptible(client)
        assert pools(client) == once
        assert set(once.values()).isdisjoint(before.values())


def test_the_pools_of_other_clients_are_not_replaced() -> None:
    url = 'http://127.0.0.1:1'
    with closing(boto3_client(url)) as one, closing(boto3_client(url)) as other:
        before = pools(other)
        make_interruptible(one)
        assert pools(other) == before


def test_a_client_without_the_private_names_of_botocore_is_left_alone() -> None:
    class Other:
        pass

    client = Other()
    with CallInterrupter().interruptible(client):
        assert vars(client) == {}
