"""The direct client: requests and results as with botocore, and botocore if it is observed."""

from __future__ import annotations

import functools
import json
import logging
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.endpoint import Endpoint
from botocore.exceptions import CredentialRetrievalError
from botocore.parsers import create_parser
from botocore.stub import Stubber
from hypothesis import example, given
from hypothesis import strategies as st

from mega.aws._transport.client import AwsClient, create_client
from mega.aws._transport.connections import ConnectionPool
from mega.aws._transport.direct import DirectClient, _build_operation
from mega.aws._transport.http import HttpResponse
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.errors import ConfigurationError, TransportError
from tests.aws.raw_server import (
    KEYS,
    RecordingHandler,
    boto3_client,
    direct_client,
    json_response,
    read_request,
    receive,
    scripted_server,
    server,
    without_retry_counts,
)

SQS = botocore.session.Session().get_service_model('sqs')
OPERATIONS = [
    SQS.operation_model(name)
    for name in SQS.operation_names
    if SQS.operation_model(name).output_shape
]
BOTOCORE = 'through botocore'


def connect_to(url: str, **options: Any) -> AwsClient:
    options = {'attempts': 1, 'region_name': 'eu-west-1', **options}
    return create_client('sqs', None, endpoint_url=url, **options)


# Requests

texts = st.text(max_size=9)
parameters = st.fixed_dictionaries(
    {'QueueUrl': texts, 'MessageBody': texts},
    optional={
        'DelaySeconds': st.integers(0, 900),
        'MessageAttributes': st.dictionaries(
            texts,
            st.fixed_dictionaries(
                {'DataType': texts}, optional={'StringValue': texts, 'BinaryValue': st.binary()}
            ),
            max_size=2,
        ),
        'MessageSystemAttributes': st.dictionaries(texts, st.just({'DataType': 'String'})),
        'MessageGroupId': texts,
    },
)


@pytest.fixture(scope='module')
def recorded() -> Iterator[tuple[RecordingHandler, AwsClient, Any]]:
    handler = RecordingHandler()
    with server(handler) as url, direct_client(url) as aws:
        # The server has one connection at a time, so botocore's client closes its own.
        yield handler, aws, boto3_client(url, parameter_validation=False)


@given(parameters)
def test_a_request_says_what_botocore_says(
    recorded: tuple[RecordingHandler, AwsClient, Any], parameters: dict[str, Any]
) -> None:
    handler, aws, client = recorded
    handler.requests.clear()
    aws.call('send_message', **parameters)
    aws._current()[1].close()  # type: ignore[union-attr]
    client.send_message(**parameters)
    client.close()
    direct, expected = map(split, handler.requests)
    assert direct[1] == expected[1]
    for name in ('content-type', 'host', 'x-amz-target', 'x-amzn-query-mode'):
        assert direct[0].get(name) == expected[0].get(name)  # no query mode in older botocore


def split(request: bytes) -> tuple[dict[str, str], object]:
    head, _, body = request.partition(b'\r\n\r\n')
    lines = [line.decode().split(': ', 1) for line in head.split(b'\r\n')[1:]]
    return {name.lower(): value for name, value in lines}, json.loads(body)


@pytest.mark.parametrize('value', ['a\r\nB: c', 'a\nb'])
def test_credentials_cannot_add_a_header(value: str) -> None:
    handler = RecordingHandler()
    with server(handler) as url, closing(connect_to(url, **KEYS, aws_session_token=value)) as aws:
        with pytest.raises(TransportError, match='an invalid header value') as error:
            receive(aws)
        assert value not in str(error.value)
    assert handler.requests == []


def test_the_next_request_is_signed_with_the_present_credentials() -> None:
    handler = RecordingHandler()
    with server(handler) as url, direct_client(url) as aws:
        _, direct = aws._current()
        assert isinstance(direct, DirectClient)
        for keys in (Credentials('A', 'a'), Credentials('B', 'b', 'token'), Credentials('C', 'c')):
            direct._credentials = keys
            receive(aws)
    headers = [split(request)[0] for request in handler.requests]
    assert [each['authorization'].split('/')[0][-1] for each in headers] == ['A', 'B', 'C']
    assert [each.get('x-amz-security-token') for each in headers] == [None, 'token', None]


def test_a_request_of_sns_is_the_one_of_botocore() -> None:
    message = {
        'TopicArn': 'arn:aws:sns:eu-west-1:1:orders',
        'Message': 'hej \u2603 & =',
        'MessageAttributes': {'a': {'DataType': 'Binary', 'BinaryValue': b'hej'}},
    }
    response = (
        b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
        b'<MessageId>m</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId>'
        b'</ResponseMetadata></PublishResponse>'
    )
    requests: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        requests.append(b''.join(read_request(connection)))
        connection.sendall(
            json_response(response).replace(b'application/x-amz-json-1.0', b'text/xml')
        )

    options: Any = {'region_name': 'eu-west-1', 'attempts': 1, **KEYS}
    with server(handle) as url:
        with closing(create_client('sns', None, endpoint_url=url, **options)) as aws:
            assert aws.transport == 'direct'
            found = aws.call('publish', **message)
        with closing(boto3_client(url, 'sns')) as client:
            expected = client.publish(**message)
    assert without_retry_counts(found) == without_retry_counts(expected)
    direct, usual = (request.partition(b'\r\n\r\n') for request in requests)
    assert direct[2] == usual[2]
    content_type = b'content-type: application/x-www-form-urlencoded; charset=utf-8'
    assert content_type in direct[0].lower()
    assert content_type in usual[0].lower()


# Responses

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def members(shape: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Generate the JSON of a structure, with members that its shape does not have."""
    known = {name: values(member) for name, member in shape.members.items()}
    one = st.fixed_dictionaries({}, optional=known)
    return st.builds(lambda a, b: {**a, **b}, st.dictionaries(st.text(max_size=3), anything), one)


def values(shape: Any) -> st.SearchStrategy[Any]:
    """Generate JSON for a shape: mostly of the right type, or null, or something else."""
    return st.one_of(right(shape), right(shape), right(shape), st.none(), anything)


def right(shape: Any) -> st.SearchStrategy[Any]:
    if shape.type_name == 'structure':
        return members(shape)
    if shape.type_name == 'list':
        return st.lists(values(shape.member), max_size=3)
    if shape.type_name == 'map':
        return st.dictionaries(st.text(max_size=3), values(shape.value), max_size=3)
    if shape.type_name == 'blob':
        return st.binary(max_size=5).map(lambda value: b64encode(value).decode())
    scalars = {'boolean': st.booleans(), 'string': st.text(max_size=5)}
    return scalars.get(shape.type_name, st.integers())


responses = st.one_of(
    [
        st.tuples(st.just(operation), members(operation.output_shape) | anything)
        for operation in OPERATIONS
    ]
).map(lambda drawn: (drawn[0], json.dumps(drawn[1]).encode()))
RECEIVE = SQS.operation_model('ReceiveMessage')


def result_of(read: Callable[[], dict[str, Any]]) -> object:
    try:
        return read() or ValueError  # botocore's parser returns None for `null`
    except Exception as error:
        return type(error)


@given(responses)
@example((RECEIVE, b''))
@example((RECEIVE, b'null'))
@example((RECEIVE, b'[]'))
@example((RECEIVE, b'{"Messages":[{"Body":"\xff"}]}'))
@example((RECEIVE, b'{"Messages":[{"Body":"\\ud800"}]}'))
@example((RECEIVE, b'\xef\xbb\xbf{}'))
@example((RECEIVE, '{"Messages":[]}'.encode('utf-16')))
@example((RECEIVE, b'{"Messages":[null,{"Body":null,"Attributes":{"A":null}}]}'))
@example((RECEIVE, b'{"Messages":[{"MessageAttributes":{"A":{"BinaryValue":"A"}}}]}'))
@example((RECEIVE, b'[' * 100_000))
def test_a_response_is_read_as_botocore_reads_it(response: tuple[Any, bytes]) -> None:
    model, body = response
    client = boto3_client('http://127.0.0.1:1')
    method = next(
        name for name, api in client.meta.method_to_api_mapping.items() if api == model.name
    )
    pool = ConnectionPool('http://127.0.0.1:1', client.meta.config, '')
    direct = DirectClient(client, None, pool)
    received = HttpResponse()
    received.status, received.body = 200, body
    received.headers = {'x-amzn-requestid': '1', 'content-type': 'application/x-amz-json-1.0'}
    plain = {'status_code': 200, 'headers': received.headers, 'body': body, 'context': {}}
    expected = result_of(lambda: create_parser('json').parse(plain, model.output_shape))
    assert result_of(lambda: direct._read(_build_operation(client, method), received)) == expected


def test_all_members_of_a_message_are_read_without_the_parser_of_botocore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = {
        'MessageId': '1', 'Body': 'hej \u2603', 'Attributes': {'SentTimestamp': '1'},
        'MessageAttributes': {'a': {'DataType': 'Binary', 'BinaryValue': 'aGVq'}},
    }  # fmt: skip
    body = json.dumps({'Messages': [message], 'More': 1}).encode()
    with scripted_server([json_response(body)]) as url, closing(boto3_client(url)) as client:
        expected = client.receive_message(QueueUrl='https://sqs/1/orders')
    monkeypatch.setattr('botocore.parsers.ResponseParser.parse', None)
    with scripted_server([json_response(body)]) as url, direct_client(url) as aws:
        found = receive(aws)
    assert found['Messages'][0]['MessageAttributes']['a']['BinaryValue'] == b'hej'
    assert without_retry_counts(found) == without_retry_counts(expected)


def test_messages_are_returned_although_the_credentials_expire_during_the_poll() -> None:
    clock = [datetime.now(timezone.utc)]
    end = clock[0] + timedelta(hours=1)

    def refresh() -> dict[str, str]:
        raise CredentialRetrievalError(provider='custom', error_msg='down')

    core: Any = botocore.session.get_session()
    core._credentials = RefreshableCredentials(
        'a', 'b', 'c', end, refresh, 'custom', time_fetcher=lambda: clock[0]
    )
    session: Any = boto3.Session(botocore_session=core)
    body = json_response(b'{"Messages":[{"MessageId":"1"}]}')
    with scripted_server([body]) as url, closing(connect_to(url, session=session)) as aws:
        assert aws.transport == 'direct'
        assert receive(aws)['Messages']
        clock[0] = end


# Which path


def goes_through_botocore(aws: AwsClient, handler: RecordingHandler) -> bool:
    handler.requests.clear()
    receive(aws)
    [request] = handler.requests
    return b'amz-sdk-invocation-id' in request.lower()  # the direct client does not send it


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def url(handler: RecordingHandler) -> Iterator[str]:
    with server(handler) as url:
        yield url


def test_calls_are_direct_from_the_first_one(url: str, handler: RecordingHandler) -> None:
    with direct_client(url) as aws:
        assert not goes_through_botocore(aws, handler)


LOGS = ['auth', 'endpoint', 'hooks', 'parsers', 'regions', 'retries.standard']


@pytest.mark.parametrize('name', LOGS)
def test_calls_go_through_botocore_while_it_logs_at_debug(
    name: str, url: str, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
) -> None:
    with direct_client(url) as aws:
        with caplog.at_level(logging.DEBUG, f'botocore.{name}'):
            assert goes_through_botocore(aws, handler)
            assert aws.transport == 'botocore: botocore logs at DEBUG'
        aws.client.close()  # the server has one connection at a time
        assert not goes_through_botocore(aws, handler)


@pytest.mark.parametrize(
    'event', ['before-send', 'request-created.sqs', 'after-call.sqs.ReceiveMessage']
)
def test_calls_go_through_botocore_if_an_event_has_a_handler(
    event: str, url: str, handler: RecordingHandler
) -> None:
    seen: list[object] = []
    session: Any = boto3.Session(**KEYS)
    session.events.register(event, lambda **event: seen.append(1))
    with closing(connect_to(url, session=session)) as aws:
        assert aws.transport == f'botocore: a handler receives {event.partition(".")[0]}'
        for _ in range(2):
            assert goes_through_botocore(aws, handler)
    assert len(seen) == 2


def test_a_stub_receives_the_calls(url: str, handler: RecordingHandler) -> None:
    with closing(connect_to(url, **KEYS)) as aws, Stubber(aws.client) as stub:
        for number in range(2):
            stub.add_response('receive_message', {'Messages': [{'Body': f'{number}'}]})
            assert receive(aws)['Messages'] == [{'Body': f'{number}'}]
    assert not handler.requests


@pytest.mark.parametrize('name', ['_make_api_call', 'receive_message', 'make_request'])
@pytest.mark.parametrize('calls_before', [0, 2])
def test_calls_go_through_botocore_while_a_function_of_it_is_wrapped(
    calls_before: int,
    name: str,
    url: str,
    handler: RecordingHandler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tracing wraps functions, and copies their names."""
    traced: list[str] = []
    with closing(connect_to(url, **KEYS)) as aws:
        owners: dict[str, Any] = {'_make_api_call': BaseClient, 'make_request': Endpoint}
        owner = owners.get(name, type(aws.client))
        function = getattr(owner, name)

        @functools.wraps(function)
        def trace(*arguments: Any, **options: Any) -> Any:
            traced.append(name)
            return function(*arguments, **options)

        for _ in range(calls_before):
            assert not goes_through_botocore(aws, handler)
        aws._current()[1].close()  # type: ignore[union-attr]
        monkeypatch.setattr(owner, name, trace)
        for _ in range(2):
            assert goes_through_botocore(aws, handler)
        assert 'is wrapped' in aws.transport
    assert traced == [name] * 2


def test_a_client_that_was_passed_is_called_by_its_methods(
    url: str, handler: RecordingHandler
) -> None:
    with closing(boto3_client(url)) as client:
        aws = create_client('sqs', None, client=client)
        assert aws.transport == 'botocore: client= was passed'
        assert goes_through_botocore(aws, handler)


ENVIRONMENTS = {
    'MEGA_TRANSPORT=botocore': {'MEGA_TRANSPORT': 'botocore'},
    'there is a proxy': {'HTTP_PROXY': 'http://127.0.0.1:1'},
    'AWS Lambda adds a header to each call': {'AWS_LAMBDA_FUNCTION_NAME': 'f'},
}


@pytest.mark.parametrize(('reason', 'variables'), ENVIRONMENTS.items(), ids=ENVIRONMENTS)
def test_the_environment_can_make_calls_go_through_botocore(
    reason: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with closing(connect_to('http://sqs.invalid', **KEYS)) as aws:
        assert aws.transport == f'botocore: {reason}'


def test_a_host_without_a_proxy_is_called_directly(
    url: str, handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('HTTP_PROXY', 'http://127.0.0.1:1')
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    with direct_client(url) as aws:
        assert not goes_through_botocore(aws, handler)


def test_an_unknown_transport_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MEGA_TRANSPORT', 'carrier pigeon')
    with pytest.raises(ConfigurationError, match="MEGA_TRANSPORT='carrier pigeon'"):
        connect_to('http://sqs.invalid', **KEYS)


SETTINGS: dict[str, tuple[str, Config]] = {
    'a proxy': ('there is a proxy', Config(proxies={'http': 'http://127.0.0.1:1'})),
    'no signature': ('the signature is ', Config(signature_version=UNSIGNED)),
    'a client certificate': ('there is a client certificate', Config(client_cert='file')),
}


@pytest.mark.parametrize(('reason', 'config'), SETTINGS.values(), ids=SETTINGS)
def test_settings_of_a_session_can_make_calls_go_through_botocore(
    reason: str, config: Config
) -> None:
    core: Any = botocore.session.get_session()
    core.set_default_client_config(config)
    session: Any = boto3.Session(botocore_session=core, **KEYS)
    with closing(connect_to('http://sqs.invalid', session=session)) as aws:
        assert reason in aws.transport


def test_an_endpoint_with_a_path_is_called_through_botocore(
    url: str, handler: RecordingHandler
) -> None:
    with closing(connect_to(f'{url}/a b', **KEYS)) as aws:
        assert aws.transport == 'botocore: the endpoint has a path'
        assert goes_through_botocore(aws, handler)


def test_parameters_that_are_not_plain_json_go_through_botocore(
    url: str, handler: RecordingHandler
) -> None:
    with direct_client(url) as aws:
        aws.call('send_message', QueueUrl='q', MessageBody='half a surrogate pair: \ud800')
    [request] = handler.requests
    assert b'amz-sdk-invocation-id' in request.lower()


class Logger(MessageSubscriber):
    def process(self, payload: object) -> None: ...


@pytest.mark.parametrize('setting', ['direct', 'botocore'])
def test_the_listener_reports_its_transport(
    setting: str, url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('MEGA_TRANSPORT', setting)
    transport = 'direct' if setting == 'direct' else 'botocore: MEGA_TRANSPORT=botocore'
    queue_url = 'https://sqs/1/orders'
    options: Any = {'endpoint_url': url, 'region_name': 'eu-west-1', **KEYS}
    with (
        SqsListener(queue_url, [Logger], wait_time_seconds=0, **options) as listener,
        caplog.at_level(logging.INFO, 'mega'),
    ):
        assert listener.drain().transport == transport
        assert listener.stats().transport == transport
    assert f'receiving from {queue_url} at {url}, transport: {transport}' in caplog.text
