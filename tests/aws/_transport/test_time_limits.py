"""Time limits of calls, on the direct client's connections and on botocore's."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.time_limits import TimeLimit, current_limit, open_within_limit, within
from mega.aws._transport.watchdog import Watchdog
from mega.errors import TransportError
from tests.aws.raw_server import (
    EMPTY,
    KEYS,
    WITHIN,
    RecordingHandler,
    boto3_client,
    direct_client,
    json_response,
    read_request,
    receive,
    server,
)

SOON = 0.05
Connect = Callable[[str], AbstractContextManager[AwsClient]]


@contextmanager
def passed_client(url: str) -> Iterator[AwsClient]:
    with closing(boto3_client(url, retries={'total_max_attempts': 3})) as client:
        yield create_client('sqs', None, client=client)


@pytest.fixture(params=[direct_client, passed_client], ids=['direct', 'botocore'])
def connected(request: pytest.FixtureRequest) -> Connect:
    found: Connect = request.param
    return found


def late_call(aws: AwsClient) -> TransportError:
    """Make a call that does not end by itself, and return its error at the time limit."""
    with within(TimeLimit(SOON)), pytest.raises(TransportError) as caught:
        receive(aws)
    assert (caught.value.code, caught.value.retriable) == ('Timeout', True)
    return caught.value


def test_a_call_to_a_server_that_does_not_answer_ends_at_its_time_limit(connected: Connect) -> None:
    requests = []

    def handle(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.recv(1)

    with server(handle) as url, connected(url) as aws:
        late_call(aws)
    assert len(requests) == 1  # botocore would make three attempts


def test_a_call_to_a_server_that_answers_slowly_ends_at_its_time_limit(connected: Connect) -> None:
    """Each read is over soon, and the response never ends."""

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(json_response(b'{').replace(b'Length: 1', b'Length: 1000000000'))
        while True:
            connection.sendall(b' ')

    with server(handle) as url, connected(url) as aws:
        late_call(aws)


def test_a_call_that_waits_for_a_name_server_ends_at_its_time_limit(
    connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Event()
    resolve = socket.getaddrinfo

    def wait_and_resolve(*arguments: Any, **options: Any) -> Any:
        answer.wait(WITHIN)
        return resolve(*arguments, **options)

    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        with monkeypatch.context() as patched:
            patched.setattr(socket, 'getaddrinfo', wait_and_resolve)
            late_call(aws)
            answer.set()
        assert receive(aws)['ResponseMetadata']['HTTPStatusCode'] == 200
    assert len(handler.requests) == 1


def test_a_call_does_not_begin_after_the_time_limit(connected: Connect) -> None:
    handler = RecordingHandler()
    with server(handler) as url, connected(url) as aws:
        with within(TimeLimit(0)), pytest.raises(TransportError, match='no time was left'):
            receive(aws)
        receive(aws)
    assert len(handler.requests) == 1


def test_a_connection_serves_later_calls_after_a_time_limit(connected: Connect) -> None:
    """A call that ended in time keeps its connection, and a later call has its own timeout."""
    may_answer = Event()
    handler = RecordingHandler()

    def handle(connection: socket.socket) -> None:
        handler.connections += 1
        while pieces := read_request(connection):
            if handler.requests:
                may_answer.wait(WITHIN)
            handler.requests.append(b''.join(pieces))
            connection.sendall(EMPTY)

    with server(handle) as url, connected(url) as aws:
        limit = TimeLimit(0.5)  # a call that is answered at once needs much less
        with within(limit):
            receive(aws)
        later = Thread(target=receive, args=(aws,))
        later.start()
        later.join(limit.seconds_left)  # the limit of the first call ends during this one
        may_answer.set()
        later.join(WITHIN)
    assert (handler.connections, len(handler.requests)) == (1, 2)


def test_a_call_to_s3_ends_at_its_time_limit() -> None:
    """Also an upload that the server does not read."""

    def handle(connection: socket.socket) -> None:
        ended.wait(WITHIN)

    ended = Event()
    with server(handle) as url:
        options: Any = {'region_name': 'eu-west-1', **KEYS}
        with (
            closing(create_client('s3', None, endpoint_url=url, **options)) as aws,
            within(TimeLimit(SOON)),
            pytest.raises(TransportError) as caught,
        ):
            aws.call('put_object', Bucket='bodies', Key='1', Body=b'0' * 10_000_000)
        ended.set()
    assert caught.value.code == 'Timeout'


def test_of_nested_time_limits_the_earlier_one_applies() -> None:
    short, long = TimeLimit(1), TimeLimit(2)
    for outer, inner in ((short, long), (long, short)):
        with within(outer):
            with within(inner):
                assert current_limit() is short
            with within(None):
                assert current_limit() is outer
    assert current_limit() is None


def test_a_connection_that_is_opened_after_the_time_limit_is_closed_again() -> None:
    may_open, closed = Event(), Event()
    with within(TimeLimit(SOON)), pytest.raises(TimeoutError):
        open_within_limit(lambda: may_open.wait(WITHIN), lambda opened: closed.set())
    may_open.set()
    assert closed.wait(WITHIN)


def test_an_error_of_opening_a_connection_is_raised_as_it_is() -> None:
    def fail() -> None:
        raise TimeoutError('of the socket')

    with within(TimeLimit(WITHIN)), pytest.raises(TimeoutError, match='of the socket'):
        open_within_limit(fail, id)


class Connection:
    """A connection whose socket is shut down by the watchdog."""

    def __init__(self) -> None:
        self.is_interrupted = False
        self.sock, self.other = socket.socketpair()

    def wait_for_end(self) -> None:
        self.other.settimeout(WITHIN)
        assert self.other.recv(1) == b''
        assert self.is_interrupted

    def close(self) -> None:
        self.sock.close()
        self.other.close()


def test_the_watchdog_ends_each_call_at_its_own_time_and_no_call_that_was_released() -> None:
    watched = Watchdog()
    with (
        closing(Connection()) as first,
        closing(Connection()) as second,
        closing(Connection()) as released,
    ):
        ends_at = TimeLimit(0.3).ends_at  # long after the release
        watched.watch(released, ends_at)
        watched.release()
        watched.watch(first, ends_at)
        other = Thread(target=watched.watch, args=(second, TimeLimit(0).ends_at))
        other.start()
        other.join(WITHIN)
        second.wait_for_end()
        first.wait_for_end()
        assert not released.is_interrupted


def test_the_watchdog_does_not_end_the_next_call_on_the_same_connection() -> None:
    watched = Watchdog()
    with closing(Connection()) as reused, closing(Connection()) as other:
        ends_at = TimeLimit(0.3).ends_at  # long after the start of the next call
        thread = Thread(target=watched.watch, args=(reused, ends_at))
        thread.start()
        thread.join(WITHIN)
        watched.watch(reused, None)
        watched.watch(other, ends_at)
        other.wait_for_end()
        assert not reused.is_interrupted
