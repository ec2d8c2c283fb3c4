"""Calls that are made again without botocore: nobody can tell them from botocore's own."""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from threading import Event
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import handlers
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError, CredentialRetrievalError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from mega.aws._transport.client import connect
from mega.aws._transport.connection_pool import Sent, overhearing
from mega.aws._transport.http import MOST_AT_ONCE, head_of
from mega.aws._transport.replay import Calls, Repeating, Usual
from mega.aws._transport.request_template import Form, form_of
from tests.aws._transport.test_http import ANSWERS, BROKEN, ENDLESS, lines_of, scripted
from tests.aws.raw_server import (
    EMPTY,
    KEYS,
    WITHIN,
    Answering,
    ServiceApi,
    made,
    server,
    untried,
    whole,
)

RECEIVE = 'receive_message'
FOUND = {
    'MessageId': '1', 'Body': 'hej \u2603', 'Attributes': {'SentTimestamp': '1'},
    'MessageAttributes': {'a': {'DataType': 'Binary', 'BinaryValue': 'aGVq'}},
}  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is imported, moto listens to every client, and so has botocore go its own way."""
    own = [each for each in handlers.BUILTIN_HANDLERS if 'moto' not in each[1].__module__]
    monkeypatch.setattr(handlers, 'BUILTIN_HANDLERS', own)


@contextmanager
def repeating(url: str, **settings: Any) -> Iterator[Repeating]:
    """The calls of a client such as a listener makes."""
    options: Any = {'region_name': 'eu-west-1', 'attempts': 1, **KEYS, **settings}
    with closing(connect('sqs', None, endpoint_url=url, **options)) as aws:
        calls = aws._calls
        assert isinstance(calls, Repeating)
        yield calls


def receive(calls: Calls, url: str, **more: Any) -> dict[str, Any]:
    return calls.call(RECEIVE, {'QueueUrl': f'{url}/1/orders', **more})


def modules_entered(call: Callable[[], object]) -> set[str]:
    """The modules of the functions that a call came to."""
    entered: set[str] = set()

    def note(frame: Any, event: str, argument: object) -> None:
        entered.add(frame.f_globals.get('__name__', ''))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return entered


def is_repeated(calls: Calls, url: str, **more: Any) -> bool:
    """Whether a call does without botocore's client."""
    return 'botocore.client' not in modules_entered(lambda: receive(calls, url, **more))


# What is sent


def test_the_second_call_does_without_botocore_and_sends_the_same_in_one_piece() -> None:
    answering = Answering()
    with server(answering) as url, repeating(url) as calls:
        assert not is_repeated(calls, url)
        assert is_repeated(calls, url)
    first, second = answering.requests
    assert len(second) == 1
    assert lines_of(second) == lines_of(first)
    assert second[0].partition(b'\r\n\r\n')[2] == b''.join(first).partition(b'\r\n\r\n')[2]


texts = st.text(max_size=9)
requests = st.one_of(
    st.tuples(
        st.just(RECEIVE),
        st.fixed_dictionaries(
            {'QueueUrl': texts},
            optional={
                'MaxNumberOfMessages': st.integers(1, 10),
                'WaitTimeSeconds': st.integers(0, 20),
                'VisibilityTimeout': st.integers(0, 43_200),
                'MessageAttributeNames': st.lists(texts, max_size=2),
                'MessageSystemAttributeNames': st.lists(texts, max_size=2),
            },
        ),
    ),
    st.tuples(
        st.just('delete_message_batch'),
        st.fixed_dictionaries(
            {
                'QueueUrl': texts,
                'Entries': st.lists(
                    st.fixed_dictionaries({'Id': texts, 'ReceiptHandle': texts}), max_size=3
                ),
            }
        ),
    ),
    st.tuples(
        st.just('change_message_visibility_batch'),
        st.fixed_dictionaries(
            {
                'QueueUrl': texts,
                'Entries': st.lists(
                    st.fixed_dictionaries(
                        {'Id': texts, 'ReceiptHandle': texts},
                        optional={'VisibilityTimeout': st.integers(0, 43_200)},
                    ),
                    max_size=3,
                ),
            }
        ),
    ),
)  # fmt: skip


@pytest.fixture(scope='module')
def forms() -> Iterator[tuple[Usual, dict[str, Form]]]:
    """Botocore's way, and the forms of what it has sent."""
    answering = Answering()
    with server(answering) as url, repeating(url) as calls:
        usual = Usual(calls.client)
        found: dict[str, Form] = {}
        for method in (RECEIVE, 'delete_message_batch', 'change_message_visibility_batch'):
            form = form_of(heard(usual, method, {'QueueUrl': url}))
            assert form is not None
            found[method] = form
        yield usual, found


def heard(usual: Usual, method: str, parameters: dict[str, Any]) -> Sent:
    with overhearing() as ear:
        usual.call(method, parameters)
    assert ear.heard is not None
    return ear.heard


@given(request=requests)
def test_a_form_that_is_filled_in_is_what_botocore_sends(
    forms: tuple[Usual, dict[str, Form]], request: tuple[str, dict[str, Any]]
) -> None:
    usual, found = forms
    sent = heard(usual, *request)
    changing = ('X-Amz-Date', 'amz-sdk-invocation-id')
    form = found[request[0]]
    now = {name: sent.headers[name] for name in changing}
    form = replace(form, headers={**form.headers, **{k: text(v) for k, v in now.items()}})
    assert form.fits(sent, request[1], Credentials('testing', 'testing'))


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value


ENDPOINTS = [
    ('eu-west-1', {}), ('us-gov-west-1', {}), ('cn-north-1', {}), ('eu-isoe-west-1', {}),
    ('us-east-1', {'use_fips_endpoint': True}), ('eu-west-1', {'use_dualstack_endpoint': True}),
]  # fmt: skip


@pytest.mark.parametrize('token', [None, 'token/+='])
@pytest.mark.parametrize(('region', 'settings'), ENDPOINTS)
def test_it_is_so_wherever_the_queue_lies(
    region: str, settings: dict[str, Any], token: str | None
) -> None:
    seen: list[Any] = []

    def look(request: Any, **others: object) -> Any:
        seen.append(request)
        raise KeyboardInterrupt  # before anything is sent

    session: Any = boto3.Session('AKIA', 's/+', token, region)
    client = session.client('sqs', config=Config(**settings))
    client.meta.events.register('before-send', look)
    url = 'https://sqs/1/orders'
    with pytest.raises(KeyboardInterrupt):
        client.receive_message(QueueUrl=url)
    [request] = seen
    host = request.url.removeprefix('https://').removesuffix('/')
    pool: Any = None
    head = head_of('POST', '/', host, request.headers)
    assert head is not None
    sent = Sent(pool, host, request.headers, head + request.body)
    form = form_of(sent)
    assert form is not None
    assert form.fits(sent, {'QueueUrl': url}, session.get_credentials())


# What comes of it


def second(calls: Calls, url: str) -> object:
    """What comes of a call that is not the first."""
    receive(calls, url)
    try:
        return untried(receive(calls, url))
    except Exception as error:
        return type(error), str(error).replace(url, '')


NULL = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull'
EVERYTHING = {**ANSWERS, **BROKEN, 'endless': ENDLESS, 'null': NULL}


@pytest.mark.parametrize('body', EVERYTHING.values(), ids=EVERYTHING)
def test_whatever_is_answered_comes_to_what_it_comes_to_the_usual_way(body: bytes) -> None:
    with scripted([EMPTY, body]) as url, repeating(url) as calls:
        usual = second(Usual(calls.client), url)
    with scripted([EMPTY, body]) as url, repeating(url) as calls:
        assert second(calls, url) == usual


def test_what_was_found_is_what_botocore_finds() -> None:
    body = json.dumps({'Messages': [FOUND], 'More': 1}).encode()
    head = f'HTTP/1.1 200 OK\r\nx-amzn-RequestId: 7\r\nContent-Length: {len(body)}\r\n\r\n'.encode()
    with scripted([head + body] * 2) as url, repeating(url) as calls:
        first = receive(calls, url)
        assert first['Messages'][0]['MessageAttributes']['a']['BinaryValue'] == b'hej'
        assert first['ResponseMetadata']['RequestId'] == '7'
        assert untried(receive(calls, url)) == untried(first)


def test_a_request_that_fails_is_sent_once() -> None:
    unavailable = b'HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n'
    with scripted([EMPTY, unavailable, EMPTY]) as url, repeating(url) as calls:
        receive(calls, url)
        with pytest.raises(calls.client.exceptions.ClientError, match='503'):
            receive(calls, url)
        assert is_repeated(calls, url)


def test_silence_ends_with_botocores_timeout() -> None:
    over = Event()

    def handle(wire: ServiceApi) -> None:
        for _ in range(2):
            whole(wire)
            wire.sendall(EMPTY)
        whole(wire)
        assert over.wait(WITHIN)

    with server(handle) as url, repeating(url, read_timeout=0.05) as calls:
        for _ in range(2):
            receive(calls, url)
        with pytest.raises(ReadTimeoutError):
            receive(calls, url)
        over.set()


# Who looks on


def test_who_listens_to_botocores_log_sees_every_call(caplog: pytest.LogCaptureFixture) -> None:
    with server(Answering()) as url, repeating(url) as calls:
        for _ in range(2):
            receive(calls, url)
        with caplog.at_level(logging.DEBUG, 'botocore.endpoint'):
            receive(calls, url)
        assert caplog.records
        assert is_repeated(calls, url)


@pytest.mark.parametrize(
    'event', ['before-send', 'request-created.sqs', 'after-call.sqs.ReceiveMessage']
)
def test_who_listens_to_botocores_events_sees_every_call(event: str) -> None:
    seen: list[object] = []
    session: Any = boto3.Session(region_name='eu-west-1', **KEYS)
    session.events.register(event, lambda **those: seen.append(1))
    with server(Answering()) as url:
        aws = connect('sqs', None, session=session, endpoint_url=url, attempts=1)
        with closing(aws):
            for _ in range(3):
                receive(aws._calls, url)
    assert len(seen) == 3


def test_a_stub_is_asked_and_nothing_is_sent() -> None:
    answering = Answering()
    with server(answering) as url, repeating(url) as calls, Stubber(calls.client) as stub:
        for number in range(3):
            stub.add_response(RECEIVE, {'Messages': [{'Body': f'{number}'}]})
            assert receive(calls, url)['Messages'] == [{'Body': f'{number}'}]
    assert not answering.requests


@pytest.mark.parametrize('place', ['_make_api_call', 'receive_message', 'make_request'])
@pytest.mark.parametrize('when', [0, 2], ids=['from the first call', 'later'])
def test_what_is_put_round_botocores_functions_is_called(
    when: int, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tracing does, and with the names of what it stands for."""
    traced: list[str] = []
    with server(Answering()) as url, repeating(url) as calls:
        kinds: dict[str, Any] = {'_make_api_call': BaseClient, 'make_request': Endpoint}
        kind = kinds.get(place, type(calls.client))
        method = getattr(kind, place)

        @functools.wraps(method)
        def trace(*arguments: Any, **options: Any) -> Any:
            traced.append(place)
            return method(*arguments, **options)

        for _ in range(when):
            receive(calls, url)
        monkeypatch.setattr(kind, place, trace)
        for _ in range(2):
            receive(calls, url)
        assert traced == [place] * 2
        monkeypatch.undo()
        assert is_repeated(calls, url) is bool(when)


def test_a_client_that_was_given_is_called_by_its_methods() -> None:
    with server(Answering()) as url, closing(made(url)) as client:
        calls = connect('sqs', None, client=client)._calls
        for _ in range(3):
            assert not is_repeated(calls, url)


def test_a_client_that_tries_again_is_left_to_botocore() -> None:
    with server(Answering()) as url:
        aws = connect('sqs', None, region_name='eu-west-1', endpoint_url=url, attempts=3, **KEYS)
        with closing(aws):
            for _ in range(3):
                assert not is_repeated(aws._calls, url)


@pytest.mark.parametrize('method', ['send_message', 'list_queues'])
def test_what_is_not_json_as_it_is_is_left_to_botocore(method: str) -> None:
    parameters = {'QueueUrl': 'q', 'MessageBody': 'hej'} if method == 'send_message' else {}
    with server(Answering()) as url, repeating(url) as calls:
        for _ in range(3):
            entered = modules_entered(lambda: calls.call(method, parameters))
        assert ('botocore.client' in entered) is (method == 'send_message')


@pytest.mark.parametrize('name', ['auth', 'hooks', 'parsers', 'regions', 'retries.standard'])
def test_it_may_be_any_log_of_a_call(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with server(Answering()) as url, repeating(url) as calls:
        receive(calls, url)
        with caplog.at_level(logging.DEBUG, f'botocore.{name}'):
            assert not is_repeated(calls, url)


def test_a_request_that_would_be_another_is_left_to_botocore() -> None:
    with server(Answering()) as url, repeating(url) as calls:
        calls._credentials = Credentials('other', 'other')
        for _ in range(3):
            assert not is_repeated(calls, url)


@pytest.mark.parametrize(
    'changed', [{'X-Amzn-Trace-Id': '1'}, {'Authorization': 'Bearer 1'}, {'X-Amz-Date': None}]
)
def test_a_request_with_anything_unknown_has_no_form(changed: dict[str, str | None]) -> None:
    with server(Answering()) as url, repeating(url) as calls:
        sent = heard(Usual(calls.client), RECEIVE, {'QueueUrl': url})
    assert form_of(sent) is not None
    headers = {**dict(sent.headers.items()), **changed}
    headers = {name: value for name, value in headers.items() if value is not None}
    assert form_of(replace(sent, headers=headers)) is None


def test_what_is_too_large_for_one_piece_is_left_to_botocore() -> None:
    with server(Answering()) as url, repeating(url) as calls:
        receive(calls, url)
        assert not is_repeated(calls, url, MessageAttributeNames=['a' * MOST_AT_ONCE])
        assert is_repeated(calls, url)


def test_in_aws_lambda_each_call_names_the_trace_of_its_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('AWS_LAMBDA_FUNCTION_NAME', 'f')
    answering = Answering()
    with server(answering) as url, repeating(url) as calls:
        receive(calls, url)
        monkeypatch.setenv('_X_AMZN_TRACE_ID', 'Root=1-5759e988-bd862e3fe1be46a994272793')
        receive(calls, url)
    traced = [b'X-Amzn-Trace-Id' in b''.join(pieces) for pieces in answering.requests]
    assert traced == [False, True]


# Nothing is lost, and nothing goes to the wrong one


def test_what_was_received_is_not_lost_when_the_credentials_end_meanwhile() -> None:
    """They were good when the request was signed; nobody needs them to read what came."""
    clock = [datetime.now(timezone.utc)]
    ending = clock[0] + timedelta(hours=1)

    def refresh() -> dict[str, str]:
        raise CredentialRetrievalError(provider='custom', error_msg='down')

    inner: Any = botocore.session.get_session()
    inner._credentials = RefreshableCredentials(
        'a', 'b', 'c', ending, refresh, 'custom', time_fetcher=lambda: clock[0]
    )
    session: Any = boto3.Session(botocore_session=inner, region_name='eu-west-1')

    def handle(wire: ServiceApi) -> None:
        while whole(wire):
            clock[0] = ending  # a poll takes its time
            wire.sendall(ANSWERS['plain'])

    with (
        server(handle) as url,
        closing(connect('sqs', None, session=session, endpoint_url=url, attempts=1)) as aws,
    ):
        assert receive(aws._calls, url)['Messages']


def test_what_came_of_a_call_is_not_given_to_one_that_is_made_in_its_midst() -> None:
    """In a handler of signals, say, or in a finalizer."""
    with (
        server(Answering()) as url, repeating(url) as calls,
        server(Answering()) as elsewhere, repeating(elsewhere) as others,
    ):  # fmt: skip
        usual = Usual(calls.client)
        pool = heard(usual, RECEIVE, {'QueueUrl': url}).pool
        with overhearing(ProtocolError('as it came'), pool) as ear:
            for _ in range(2):
                assert 'Messages' not in receive(others, elsewhere)
            with pytest.raises(ConnectionClosedError):
                receive(usual, url)
            receive(usual, url)
        assert ear.heard is not None
        assert ear.heard.pool is pool


def test_a_late_answer_is_not_that_of_the_next_call() -> None:
    wires: list[ServiceApi] = []

    def handle(wire: ServiceApi) -> None:
        wires.append(wire)
        whole(wire)
        wire.sendall(EMPTY)
        if len(wires) == 1:
            whole(wire)
            if whole(wire):  # a third one, on a connection that owes an answer
                wire.sendall(ANSWERS['plain'])

    with server(handle) as url, repeating(url, read_timeout=0.5) as calls:
        receive(calls, url)
        with pytest.raises(ReadTimeoutError):
            receive(calls, url)
        assert 'Messages' not in receive(calls, url)
    assert len(wires) == 2


# What changes


def test_other_credentials_sign_the_next_request() -> None:
    answering = Answering()
    with server(answering) as url, repeating(url) as calls:
        keys = [Credentials('A', 'a'), Credentials('B', 'b', 'token'), Credentials('C', 'c')]
        known = calls.client._request_signer._credentials
        for each in keys:
            known.access_key, known.secret_key, known.token = (
                each.access_key, each.secret_key, each.token
            )  # fmt: skip
            for _ in range(2):
                receive(calls, url)
            assert is_repeated(calls, url)
    for number, pieces in enumerate(answering.requests):
        head = b''.join(pieces).decode()
        each = keys[number // 3]
        assert f'Credential={each.access_key}/' in head
        assert ('X-Amz-Security-Token: token' in head) is (each.token is not None)


@pytest.mark.parametrize('no_token', [None, ''])
def test_a_token_that_comes_is_signed_and_one_that_goes_is_gone(no_token: str | None) -> None:
    answering = Answering()
    with server(answering) as url, repeating(url) as calls:
        for token in (no_token, no_token, 'token', 'token', no_token):
            calls.client._request_signer._credentials.token = token
            receive(calls, url)
    heads = [b''.join(pieces).lower() for pieces in answering.requests]
    assert [head.count(b'x-amz-security-token') for head in heads] == [0, 0, 2, 2, 0]


def test_after_a_close_connections_are_opened_anew() -> None:
    with server(Answering()) as url, repeating(url) as calls:
        for _ in range(2):
            receive(calls, url)
        calls.client.close()
        assert not is_repeated(calls, url)
        assert is_repeated(calls, url)
