"""The shorter ways of a call: answers and signatures are those of botocore's own."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.parsers import create_parser
from hypothesis import example, given
from hypothesis import strategies as st

from mega.aws._transport.client import connect
from mega.aws._transport.response_parsing import SIGNATURE, Answers, shorten_calls, signer
from tests.aws.fault_server import Answer, FaultServer, sns_answer, sqs_answer
from tests.local_aws import Service

SQS = botocore.session.Session().get_service_model('sqs')
OPERATIONS = [
    SQS.operation_model(name) for name in SQS.operation_names
    if SQS.operation_model(name).output_shape
]  # fmt: skip


# Answers

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def members(shape: Any) -> st.SearchStrategy[dict[str, Any]]:
    """What JSON may have for a structure, and members that nobody knows."""
    known = {name: values(member) for name, member in shape.members.items()}
    one = st.fixed_dictionaries({}, optional=known)
    return st.builds(lambda a, b: {**a, **b}, st.dictionaries(st.text(max_size=3), anything), one)


def values(shape: Any) -> st.SearchStrategy[Any]:
    """What JSON may have for a shape: what belongs there, mostly, or null, or something else."""
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
    return {'boolean': st.booleans(), 'string': st.text(max_size=5)}.get(
        shape.type_name, st.integers()
    )


# Operations, and what may be answered to them.
answers = st.one_of(
    [
        st.tuples(st.just(operation), members(operation.output_shape) | anything)
        for operation in OPERATIONS
    ]
).map(lambda answer: (answer[0], json.dumps(answer[1]).encode()))


def parsed(operation: Any, body: bytes, reading: Answers | None) -> object:
    """What botocore comes to: an answer or an error."""
    headers = {'x-amzn-RequestId': '1', 'Content-Type': 'application/x-amz-json-1.0'}
    response = {'status_code': 200, 'headers': headers, 'body': body, 'context': {}}
    beside: dict[str, Any] = {}
    if reading is not None:
        reading.read(operation, response, beside, event_name='before-parse')
    try:
        answer: Any = create_parser('json').parse(response, operation.output_shape)
        answer.update(beside)
    except Exception as error:
        return type(error), str(error)
    return answer


RECEIVE = SQS.operation_model('ReceiveMessage')


@given(answers)
@example((RECEIVE, b''))
@example((RECEIVE, b'null'))
@example((RECEIVE, b'[]'))
@example((RECEIVE, b'{"Messages":[{"Body":"\xff"}]}'))
@example((RECEIVE, b'\xef\xbb\xbf{}'))
@example((RECEIVE, b'<html>'))
@example((RECEIVE, '{"Messages":[]}'.encode('utf-16')))
@example((RECEIVE, b'{"Messages":[null,{"Body":null,"Attributes":{"A":null}}]}'))
@example((RECEIVE, b'{"Messages":[{"MessageAttributes":{"A":{"BinaryValue":"A"}}}]}'))
@example((RECEIVE, b'[' * 100_000))
def test_an_answer_is_read_as_botocore_reads_it(answer: tuple[Any, bytes]) -> None:
    operation, body = answer
    assert parsed(operation, body, Answers()) == parsed(operation, body, None)


MESSAGE = {
    'MessageId': 'm',
    'Body': 'hej',
    'MessageAttributes': {'a': {'DataType': 'Binary', 'BinaryValue': 'aGVq'}},
}


def test_nothing_is_left_to_read_for_botocore() -> None:
    body = json.dumps({'Messages': [MESSAGE]}).encode()
    response = {'status_code': 200, 'headers': {}, 'body': body}
    beside: dict[str, Any] = {}
    Answers().read(RECEIVE, response, beside)
    assert response['body'] == b''
    attribute = {'DataType': 'Binary', 'BinaryValue': b'hej'}
    assert beside == {'Messages': [{**MESSAGE, 'MessageAttributes': {'a': attribute}}]}


@pytest.mark.parametrize('status', [201, 301, 400, 500])
def test_an_error_is_left_to_botocore(status: int) -> None:
    body = b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}'
    response = {'status_code': status, 'headers': {}, 'body': body}
    beside: dict[str, Any] = {}
    Answers().read(RECEIVE, response, beside)
    assert (response['body'], beside) == (body, {})


def test_botocore_still_logs_what_was_answered(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    faults.will(sqs_answer(Messages=[MESSAGE]))
    aws = connect('sqs', None, **faults.credentials)
    with caplog.at_level(logging.DEBUG, 'botocore.parsers'):
        aws.call('receive_message', QueueUrl='q')
    aws.close()
    assert any('hej' in record.getMessage() for record in caplog.records)


def test_what_is_answered_over_http_is_read(faults: FaultServer) -> None:
    faults.will(sqs_answer(Messages=[MESSAGE]))
    aws = connect('sqs', None, **faults.credentials)
    answer = aws.call('receive_message', QueueUrl='q')
    aws.close()
    [message] = answer['Messages']
    assert message['MessageAttributes']['a']['BinaryValue'] == b'hej'
    assert answer['ResponseMetadata']['HTTPStatusCode'] == 200


# Signatures


def signed(
    kind: Any, url: str, headers: dict[str, str], body: object, token: str | None, **context: Any
) -> AWSRequest:
    request = AWSRequest('POST', url, headers, body)
    request.headers['x-two'] = 'c, d'  # on top of the other one
    request.headers['Expect'] = b'100-continue'  # type: ignore[assignment]  # unsigned, and left alone
    request.context.update(context)
    credentials = Credentials('AKIAIOSFODNN7EXAMPLE', 'secret', token)
    kind(credentials, 'sqs', 'eu-west-1').add_auth(request)
    return request


@pytest.mark.parametrize(
    'context',
    [
        {},
        {'payload_signing_enabled': False},
        {'checksum': {'request_algorithm': {'in': 'trailer'}}},
    ],
    ids=['signed', 'unsigned', 'checksum'],
)
@pytest.mark.parametrize('body', [b'{}', b'', 'text', {'Action': 'Publish', 'Message': 'hej'}])
@pytest.mark.parametrize('token', [None, 'token of a session'])
@pytest.mark.parametrize('url', ['https://sqs.eu-west-1.amazonaws.com/', 'http://[::1]:99/a%20b'])
def test_a_signature_is_the_one_of_botocore(
    url: str, token: str | None, body: object, context: dict[str, Any]
) -> None:
    headers = {
        'X-Amz-Target': 'AmazonSQS.SendMessage',
        'User-Agent': 'mega',
        'X-Two': ' a  b ',
        'X-Amz-Date': '20200504T155323Z',
    }
    while True:
        ours = signed(signer(SigV4Auth), url, headers, body, token, **context)
        theirs = signed(SigV4Auth, url, headers, body, token, **context)
        if ours.context['timestamp'] == theirs.context['timestamp']:  # the same second
            break
    assert 'Authorization' in ours.headers
    assert ours.headers.items() == theirs.headers.items()


def test_one_that_signs_again_looks_at_what_it_signs() -> None:
    """Of two requests the second is signed by its own headers."""
    one = signer(SigV4Auth)(Credentials('key', 'secret'), 'sqs', 'eu-west-1')
    requests = [AWSRequest('POST', 'https://127.0.0.1/', {name: '1'}, b'{}') for name in 'ab']
    for request in requests:
        one.add_auth(request)
    for name, request in zip('ab', requests, strict=True):
        assert f'SignedHeaders={name};host;' in request.headers['Authorization']


def signatures_of(client: Any) -> list[object]:
    """The ways in which a client signs, from now on."""
    found: list[object] = []
    client.meta.events.register(
        'before-sign', lambda signature_version, **others: found.append(signature_version)
    )
    return found


@pytest.mark.parametrize(
    ('service', 'answer', 'method', 'parameters'),
    [
        ('sqs', sqs_answer(MessageId='m'), 'send_message', {'QueueUrl': 'q', 'MessageBody': 'm'}),
        ('sns', sns_answer(MessageId='m'), 'publish', {'TopicArn': 't', 'Message': 'm'}),
    ],
    ids=['sqs', 'sns'],
)
def test_a_client_of_ours_signs_like_that(
    faults: FaultServer, service: Service, answer: Answer, method: str, parameters: dict[str, str]
) -> None:
    faults.will(answer)
    aws = connect(service, None, **faults.credentials)
    ways = signatures_of(aws.client)
    assert aws.call(method, **parameters)['MessageId'] == 'm'
    aws.close()
    assert ways == [SIGNATURE]
    [request] = faults.requests
    assert request.headers['authorization'].startswith('AWS4-HMAC-SHA256 Credential=')


def test_a_session_that_does_not_sign_is_heeded(faults: FaultServer) -> None:
    faults.will(sqs_answer(MessageId='m'))
    session = botocore.session.Session()
    session.set_default_client_config(Config(signature_version=UNSIGNED))
    ours: Any = boto3.Session(botocore_session=session)
    aws = connect('sqs', None, session=ours, region_name='eu-west-1', endpoint_url=faults.url)
    aws.call('send_message', QueueUrl='q', MessageBody='m')
    aws.close()
    [request] = faults.requests
    assert 'authorization' not in request.headers


@pytest.mark.parametrize('known', [{}, {'v4': object}], ids=['none', 'another'])
def test_where_botocore_has_no_such_signature_a_client_signs_as_it_did(
    faults: FaultServer, known: dict[str, Any]
) -> None:
    faults.will(sqs_answer(MessageId='m'))
    client: Any = boto3.client('sqs', **faults.credentials)
    ways = signatures_of(client)
    shorten_calls(client, known)
    assert client.send_message(QueueUrl='q', MessageBody='m')['MessageId'] == 'm'
    client.close()
    assert ways == ['v4']


def test_other_clients_stay_as_they_are(faults: FaultServer) -> None:
    faults.will(sqs_answer(MessageId='m'))
    connect('sqs', None, **faults.credentials).close()
    client: Any = boto3.client('sqs', **faults.credentials)
    ways = signatures_of(client)
    client.send_message(QueueUrl='q', MessageBody='m')
    client.close()
    assert ways == ['v4']
    assert AUTH_TYPE_MAPS['v4'] is not AUTH_TYPE_MAPS[SIGNATURE]


def test_a_client_that_is_made_in_another_way_is_left_alone() -> None:
    class Other:
        pass

    client = Other()
    shorten_calls(client, AUTH_TYPE_MAPS)
    assert vars(client) == {}
