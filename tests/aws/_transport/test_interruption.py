"""The connections of clients: who has which, what goes out, and that a long poll can be ended."""

from __future__ import annotations

from contextlib import closing
from threading import Event, Thread
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError

from mega.aws._transport.client import connect
from mega.aws._transport.http import MOST_AT_ONCE
from mega.aws._transport.interruption import CallInterrupted, CallInterrupter, adapt
from tests.aws.raw_server import (
    EMPTY,
    WITHIN,
    Answering,
    ServiceApi,
    answer,
    length_of,
    made,
    ours,
    server,
    whole,
)

# What goes out


def test_a_request_on_an_open_connection_goes_out_in_one_piece() -> None:
    """The first one opens it, and goes urllib3's way: head and body apart."""
    answering = Answering()
    with server(answering) as url, ours(url) as client:
        for _ in range(4):
            client.send_message(QueueUrl=f'{url}/1/orders', MessageBody='hej' * 200)
    first, *others = answering.requests
    assert [len(pieces) for pieces in others] == [1, 1, 1]
    for piece in b''.join(first), *(b''.join(other) for other in others):
        head, _, body = piece.partition(b'\r\n\r\n')
        assert head.startswith(b'POST / HTTP/1.1\r\n')
        assert b'hej' * 200 in body


def test_one_connection_serves_one_request_after_the_other() -> None:
    connections: list[ServiceApi] = []
    answering = Answering()

    def handle(wire: ServiceApi) -> None:
        connections.append(wire)
        answering(wire)

    with server(handle) as url, ours(url) as client:
        for _ in range(3):
            client.receive_message(QueueUrl=f'{url}/1/orders')
    assert (len(connections), len(answering.requests)) == (1, 3)


@pytest.mark.parametrize('size', [MOST_AT_ONCE - 500, MOST_AT_ONCE, MOST_AT_ONCE + 1, 1_000_000])
def test_a_large_request_arrives_whole(size: int) -> None:
    answering = Answering()
    with server(answering) as url, ours(url) as client:
        for _ in range(2):
            client.send_message(QueueUrl=f'{url}/1/orders', MessageBody='a' * size)
    for pieces in answering.requests:
        head, _, body = b''.join(pieces).partition(b'\r\n\r\n')
        assert len(body) == length_of(head) > size
        assert b'a' * size in body


def test_a_body_that_the_server_wants_to_be_asked_for_is_not_sent_unasked() -> None:
    heads: list[bytes] = []
    bodies: list[bytes] = []

    def handle(wire: ServiceApi) -> None:
        heads.append(wire.recv(1 << 20))
        wire.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        while len(b''.join(bodies)) < 3:
            bodies.append(wire.recv(1 << 20))
        wire.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

    with server(handle) as url:
        settings: dict[str, Any] = {'s3': {'addressing_style': 'path'}}
        with closing(made(url, 's3', **settings)) as client:
            adapt(client)
            client.put_object(Bucket='bucket', Key='key', Body=b'hej')
    [head] = heads
    assert b'Expect: 100-continue' in head
    assert head.endswith(b'\r\n\r\n')
    assert bodies == [b'hej']


def test_after_a_request_that_failed_the_next_one_is_whole() -> None:
    """Nothing is left over of the one that never got out."""
    requests: list[list[bytes]] = []

    def handle(wire: ServiceApi) -> None:
        requests.append(whole(wire))
        if len(requests) > 1:
            wire.sendall(EMPTY)

    with server(handle) as url, ours(url) as client:
        with pytest.raises(HTTPClientError):
            client.send_message(QueueUrl=f'{url}/1/orders', MessageBody='first')
        client.send_message(QueueUrl=f'{url}/1/orders', MessageBody='second')
    _, pieces = requests
    assert b''.join(pieces).count(b'POST') == 1
    assert b'first' not in b''.join(pieces)


# Which clients


def kinds(client: Any) -> dict[str, object]:
    """What makes the connections of a client."""
    return dict(client._endpoint.http_session._pool_classes_by_scheme)


def test_a_client_is_adapted_once() -> None:
    with closing(made('http://127.0.0.1:1')) as client:
        before = kinds(client)
        adapt(client)
        once = kinds(client)
        adapt(client)
        assert kinds(client) == once
        assert set(once.values()).isdisjoint(before.values())


def test_other_clients_stay_as_they_are() -> None:
    with closing(made('http://127.0.0.1:1')) as one, closing(made('http://127.0.0.1:1')) as other:
        before = kinds(other)
        adapt(one)
        assert kinds(other) == before


def test_a_client_that_is_made_in_another_way_is_left_alone() -> None:
    class Other:
        pass

    client = Other()
    adapt(client)
    assert vars(client) == {}
    with CallInterrupter().interruptible(client):
        pass


def test_a_client_that_was_given_is_adapted_when_a_call_is_to_be_broken_off() -> None:
    answering = Answering()
    with server(answering) as url, closing(made(url)) as given:
        before = kinds(given)
        aws = connect('sqs', None, client=given)
        assert kinds(aws.client) == before
        with CallInterrupter().interruptible(aws.client):
            given.receive_message(QueueUrl=f'{url}/1/orders')
        assert kinds(given) != before
        given.receive_message(QueueUrl=f'{url}/1/orders')
    _, [_] = answering.requests


# Breaking off


class Call:
    """A receive in a thread of its own, that a breaker watches, and what came of it."""

    def __init__(self, breaker: CallInterrupter, client: Any, url: str) -> None:
        self.answer: dict[str, Any] = {}
        self.error: BaseException | None = None
        self.was_cut = False
        self._arguments = breaker, client, url
        self._thread = Thread(target=self._make, daemon=True)
        self._thread.start()

    def ends(self) -> None:
        self._thread.join(WITHIN)
        assert not self._thread.is_alive()

    def _make(self) -> None:
        breaker, client, url = self._arguments
        try:
            with breaker.interruptible(client):
                self.answer = client.receive_message(QueueUrl=f'{url}/1/orders', WaitTimeSeconds=20)
        except BaseException as error:
            self.error = error
        self.was_cut = breaker.interrupted_last_call


def test_a_server_that_notices_is_heard_to_the_end() -> None:
    """What it had answered already is not lost."""
    polling = Event()

    def handle(wire: ServiceApi) -> None:
        whole(wire)
        polling.set()
        assert wire.recv(1) == b''  # the client writes no more
        wire.sendall(answer(b'{"Messages":[{"MessageId":"1"}]}'))

    with server(handle) as url, ours(url) as client:
        breaker = CallInterrupter()
        call = Call(breaker, client, url)
        assert polling.wait(WITHIN)
        breaker.interrupt()
        call.ends()
    assert call.error is None
    assert call.answer['Messages'] == [{'MessageId': '1'}]


def test_a_server_that_does_not_notice_is_left() -> None:
    polling, left = Event(), Event()

    def handle(wire: ServiceApi) -> None:
        whole(wire)
        polling.set()
        assert left.wait(WITHIN)

    with server(handle) as url, ours(url) as client:
        breaker = CallInterrupter()
        call = Call(breaker, client, url)
        assert polling.wait(WITHIN)
        breaker.interrupt()
        breaker.interrupt(at_once=True)
        breaker.reset()  # whoever made the call still knows that it did not fail by itself
        call.ends()
        left.set()
    assert isinstance(call.error, HTTPClientError)
    assert call.was_cut


def test_after_that_no_call_begins_until_it_may_again() -> None:
    answering = Answering()
    with server(answering) as url, ours(url) as client:
        breaker = CallInterrupter()
        breaker.interrupt()
        call = Call(breaker, client, url)
        call.ends()
        assert isinstance(call.error, CallInterrupted)
        assert answering.requests == []
        breaker.reset()
        call = Call(breaker, client, url)
        call.ends()
        assert call.error is None
        assert not call.was_cut
        assert len(answering.requests) == 1


def test_calls_that_nobody_watches_go_on() -> None:
    answering = Answering()
    with server(answering) as url, ours(url) as client:
        breaker = CallInterrupter()
        breaker.interrupt(at_once=True)
        client.receive_message(QueueUrl=f'{url}/1/orders')
        with breaker.interruptible(client):
            pass
        client.receive_message(QueueUrl=f'{url}/1/orders')
    assert len(answering.requests) == 2


def test_one_breaker_does_not_break_off_the_calls_of_another() -> None:
    answering = Answering()
    with server(answering) as url, ours(url) as client:
        CallInterrupter().interrupt(at_once=True)
        call = Call(CallInterrupter(), client, url)
        call.ends()
    assert call.error is None


def test_a_call_that_has_ended_is_not_broken_off_any_more() -> None:
    """Its connection serves others by now."""
    answering = Answering()
    with server(answering) as url, ours(url) as client:
        breaker = CallInterrupter()
        call = Call(breaker, client, url)
        call.ends()
        breaker.interrupt(at_once=True)
        client.receive_message(QueueUrl=f'{url}/1/orders')
    assert len(answering.requests) == 2


def test_a_connection_that_was_broken_off_and_answered_is_not_used_again() -> None:
    """Nothing can be sent on it any more, and the next call would wait for an answer in vain."""
    polling = Event()
    kept: list[ServiceApi] = []

    def handle(wire: ServiceApi) -> None:
        whole(wire)
        if not kept:
            polling.set()
            assert wire.recv(1) == b''  # the client writes no more
            kept.append(wire.dup())  # and the server closes nothing
        wire.sendall(EMPTY)

    with server(handle) as url, ours(url) as client:
        breaker = CallInterrupter()
        call = Call(breaker, client, url)
        assert polling.wait(WITHIN)
        breaker.interrupt()
        call.ends()
        found = client.receive_message(QueueUrl=f'{url}/1/orders')
    kept[0].close()
    assert call.error is None
    assert found['ResponseMetadata']['HTTPStatusCode'] == 200


def test_a_connection_that_serves_another_call_is_not_broken_off_with_its_last_one() -> None:
    """The thread of that one may not have heard yet that it has ended."""
    connections: list[ServiceApi] = []
    answering = Answering()

    def handle(wire: ServiceApi) -> None:
        connections.append(wire)
        answering(wire)

    with server(handle) as url, ours(url) as client:
        breaker = CallInterrupter()
        with breaker.interruptible(client):
            client.receive_message(QueueUrl=f'{url}/1/orders')
            other = Thread(target=client.receive_message, kwargs={'QueueUrl': f'{url}/1/orders'})
            other.start()
            other.join(WITHIN)
            breaker.interrupt(at_once=True)
        client.receive_message(QueueUrl=f'{url}/1/orders')
    assert (len(connections), len(answering.requests)) == (1, 3)
