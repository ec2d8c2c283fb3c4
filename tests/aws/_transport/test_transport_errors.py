"""`TransportError`: the error of every failed call to AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from mega.aws._publishing.sender import MAX_ATTEMPTS
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import PublishError, TransportError
from mega.local import FailCall, Server
from mega.local import Fault as ServerFault
from tests.aws._publishing.batches import Clients, publisher
from tests.aws.answers import HTML, Answer, Fault, sns_answer, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.local_aws import ACCOUNT_ID, REGION, LocalAws, Service

QUEUE = f'https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/orders'
TOPIC = f'arn:aws:sns:{REGION}:{ACCOUNT_ID}:orders'
OPERATIONS: dict[Service, str] = {'sqs': 'SendMessage', 'sns': 'Publish'}
BOTH_SERVICES = pytest.mark.parametrize('service', OPERATIONS)

BODY = 'the card number is 4111'
KEY = 'testing'  # the key and the secret of the fault server's clients


def create_publisher(service: Service, **options: Any) -> SqsPublisher | SnsPublisher:
    return SqsPublisher(QUEUE, **options) if service == 'sqs' else SnsPublisher(TOPIC, **options)


def failure(faults: FaultServer, service: Service, answer: Answer | Fault) -> TransportError:
    """Publish to a server that responds with the answer, and return the error."""
    faults.will(answer)
    return failure_of(
        service, faults.client(service, read_timeout=0.03 if answer is Fault.SILENCE else 10)
    )


def failure_of(service: Service, client: Any) -> TransportError:
    """Publish once, and return the error, which must not contain the body or a key."""
    with (
        create_publisher(service, client=client) as open_publisher,
        pytest.raises(TransportError) as error_info,
    ):
        open_publisher.publish(BODY, message_attributes={'a': BODY})
    error = error_info.value
    assert error.operation == OPERATIONS[service]
    assert error.operation in str(error)
    for text in (str(error), repr(error)):
        assert BODY not in text
        assert KEY not in text
    return error


@pytest.mark.parametrize(
    ('service', 'code', 'status', 'retriable'),
    [
        ('sqs', 'RequestThrottled', 403, True),
        ('sqs', 'ThrottlingException', 400, True),
        ('sqs', 'KmsThrottled', 400, True),
        ('sqs', 'InternalFailure', 500, True),
        ('sqs', 'ServiceUnavailable', 503, True),
        ('sqs', 'InvalidAddress', 400, False),
        ('sqs', 'InvalidMessageContents', 400, False),
        ('sqs', 'KmsDisabled', 400, False),
        ('sqs', 'AccessDeniedException', 403, False),
        ('sqs', 'InvalidClientTokenId', 403, False),
        ('sns', 'Throttled', 429, True),
        ('sns', 'Throttling', 400, True),
        ('sns', 'KMSThrottling', 400, True),
        ('sns', 'InternalError', 500, True),
        ('sns', 'NotFound', 404, False),
        ('sns', 'InvalidParameter', 400, False),
        ('sns', 'AuthorizationError', 403, False),
        ('sns', 'EndpointDisabled', 400, False),
    ],
)
def test_an_error_of_aws_keeps_its_code_and_is_retriable_or_not(
    service: Service, code: str, status: int, retriable: bool, server: Server, clients: Clients
) -> None:
    server.script(*[FailCall(code, status)] * MAX_ATTEMPTS, operation=OPERATIONS[service])
    error = failure_of(service, clients[service])
    assert error.code == code
    assert error.retriable is retriable
    assert isinstance(error.__cause__, ClientError)
    assert code in str(error)
    assert 'requested by a test' in str(error)
    assert server.counts().calls[OPERATIONS[service]] == (MAX_ATTEMPTS if retriable else 1)


@BOTH_SERVICES
@pytest.mark.parametrize('body', [b'', HTML, b'\xff\x00'], ids=len)
@pytest.mark.parametrize('status', [500, 503, 429])
def test_an_error_without_a_code_is_retriable_by_its_status(
    service: Service, status: int, body: bytes, faults: FaultServer
) -> None:
    assert failure(faults, service, Answer(status, body)).retriable


@BOTH_SERVICES
@pytest.mark.parametrize(
    ('fault', 'cause'),
    [
        (Fault.RESET_BEFORE, (EndpointConnectionError, ConnectionClosedError)),
        (Fault.RESET_AFTER, ConnectionClosedError),
        (Fault.SILENCE, ReadTimeoutError),
    ],
    ids=['reset before', 'reset after', 'silence'],
)
def test_a_network_error_is_retriable_and_its_code_is_the_name_of_botocores_exception(
    service: Service,
    fault: Fault,
    cause: type[BotoCoreError] | tuple[type[BotoCoreError], ...],
    faults: FaultServer,
) -> None:
    error = failure(faults, service, fault)
    assert error.retriable
    assert isinstance(error.__cause__, cause)
    assert error.code == type(error.__cause__).__name__


# Responses with status 200 that AWS does not send.
INVALID_SUCCESSES = {
    'empty': Answer(),
    'a page of a proxy': Answer(body=HTML, headers={'Content-Type': 'text/html'}),
    'garbage': Answer(body=b'\xde\xad\xbe\xef' * 9),
    'truncated json': Answer(body=b'{"MessageId": "5fea7756-0ea4'),
    'truncated xml': Answer(body=b'<PublishResponse><PublishResult><MessageId>94f20ce6'),
    'shorter than its length': Answer(body=b'{"Message', length=200),
    'json without an id': sqs_answer(MD5OfMessageBody='5d41402abc4b2a76b9719d911017c592'),
    'json of another type': Answer(body=b'["MessageId"]'),
    'xml without an id': sns_answer(SequenceNumber='1'),
    'xml of another element': Answer(body=b'<a><MessageId>94f20ce6</MessageId></a>'),
    'an empty id in json': sqs_answer(MessageId=''),
    'an empty id in xml': sns_answer(MessageId=''),
    'null for an id': sqs_answer(MessageId=None),
}


@BOTH_SERVICES
@pytest.mark.parametrize('answer', INVALID_SUCCESSES.values(), ids=INVALID_SUCCESSES.keys())
def test_a_response_without_a_message_id_is_an_error(
    service: Service, answer: Answer, faults: FaultServer
) -> None:
    """It is unknown whether the message was sent, so that it is sent again, up to six times."""
    assert failure(faults, service, answer).retriable
    assert len(faults.requests) == MAX_ATTEMPTS


@BOTH_SERVICES
def test_a_response_to_a_raw_message_without_a_message_id_is_an_error(
    service: Service, faults: FaultServer
) -> None:
    with (
        create_publisher(service, client=faults.client(service)) as open_publisher,
        pytest.raises(TransportError) as error_info,
    ):
        open_publisher.publish_raw_message(BODY)
    assert BODY not in str(error_info.value)


@BOTH_SERVICES
@pytest.mark.parametrize('fault', [ServerFault.RESET_AFTER, ServerFault.THROTTLED])
def test_a_retriable_call_is_sent_again(
    service: Service, fault: ServerFault, server: Server, clients: Clients
) -> None:
    server.script(fault)
    with publisher(server, clients, service) as open_publisher:
        assert open_publisher.publish(BODY) == server.accepted()[-1].message_id
    assert {each.body for each in server.accepted()} == {BODY}
    assert server.counts().calls[OPERATIONS[service]] == 2


@BOTH_SERVICES
def test_without_credentials_nothing_is_sent(service: Service, faults: FaultServer) -> None:
    with (
        create_publisher(service, endpoint_url=faults.url) as open_publisher,
        pytest.raises(TransportError) as error_info,
    ):
        open_publisher.publish(BODY)
    assert error_info.value.code == 'NoCredentialsError'
    assert isinstance(error_info.value.__cause__, NoCredentialsError)
    assert 'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and' in error_info.value.problem
    assert not error_info.value.retriable
    assert not faults.requests


def test_a_parameter_that_botocore_refuses_is_an_error_that_is_not_retriable(
    faults: FaultServer,
) -> None:
    unknown = {'DataType': 'String', 'StringValue': 'b', 'Colour': 'red'}
    with (
        SqsPublisher(QUEUE, client=faults.client('sqs')) as open_publisher,
        pytest.raises(TransportError, match='Colour') as error_info,
    ):
        open_publisher.publish(BODY, message_attributes={'a': unknown})
    assert error_info.value.operation == 'SendMessage'
    assert isinstance(error_info.value.__cause__, ParamValidationError)
    assert not error_info.value.retriable
    assert BODY not in str(error_info.value)
    assert not faults.requests


@BOTH_SERVICES
def test_the_text_contains_no_secret_even_if_the_secret_is_invalid(
    service: Service, faults: FaultServer
) -> None:
    """A token with a line break is an invalid header, and http.client shows its value."""
    token = 'IQoJb3JpZ2luX2VjEXAMPLETOKEN\n'
    options = {**faults.credentials, 'aws_session_token': token}
    with (
        create_publisher(service, **options) as open_publisher,
        pytest.raises(TransportError) as error_info,
    ):
        open_publisher.publish(BODY)
    assert token.strip() not in str(error_info.value)
    assert token.strip() not in repr(error_info.value)


def test_a_long_message_of_aws_is_shortened_to_one_line(faults: FaultServer) -> None:
    error = failure(faults, 'sqs', sqs_error('InvalidAddress', message='no\nway\r' * 1000))
    assert len(str(error)) < 500
    assert len(str(error).splitlines()) == 1


def test_control_characters_of_a_message_are_escaped(faults: FaultServer) -> None:
    error = failure(faults, 'sqs', sqs_error('InvalidAddress', message='\x1b[2J\x00'))
    assert str(error).isprintable()


@BOTH_SERVICES
def test_a_missing_destination_is_an_error_that_is_not_retriable(
    service: Service, aws: LocalAws
) -> None:
    with (
        create_publisher(service, **aws.credentials) as open_publisher,
        pytest.raises(TransportError) as error_info,
    ):
        open_publisher.publish(BODY)
    assert error_info.value.code in ('AWS.SimpleQueueService.NonExistentQueue', 'NotFound')
    assert not error_info.value.retriable
    assert isinstance(error_info.value.__cause__, ClientError)


def test_a_failed_call_is_not_an_error_of_the_payload(faults: FaultServer) -> None:
    """`PublishError` is for payloads that cannot be published."""
    assert not isinstance(failure(faults, 'sqs', sqs_error('InvalidAddress')), PublishError)


def test_a_request_has_the_body_unchanged_and_only_the_given_parameters(
    faults: FaultServer,
) -> None:
    faults.will(sqs_answer(MessageId='m-1'))
    with SqsPublisher(QUEUE, client=faults.client('sqs')) as open_publisher:
        open_publisher.publish({'a': 1})
    [request] = faults.requests
    assert json.loads(request.body) == {'QueueUrl': QUEUE, 'MessageBody': '{"a":1}'}
