"""What goes wrong in a call to AWS, as `TransportError` tells it."""

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

from mega.aws._publishing import sender as _sending
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import PublishError, TransportError
from tests.aws.answers import HTML, Answer, Fault, sns_answer, sns_error, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.local_aws import ACCOUNT_ID, REGION, LocalAws, Service

QUEUE = f'https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/orders'
TOPIC = f'arn:aws:sns:{REGION}:{ACCOUNT_ID}:orders'
OPERATIONS: dict[Service, str] = {'sqs': 'SendMessage', 'sns': 'Publish'}
EACH_SERVICE = pytest.mark.parametrize('service', OPERATIONS)

BODY = 'the card number is 4111'
KEY = 'testing'  # the key and the secret of the fault server's clients


def publisher(service: Service, **options: Any) -> SqsPublisher | SnsPublisher:
    return SqsPublisher(QUEUE, **options) if service == 'sqs' else SnsPublisher(TOPIC, **options)


def failure(faults: FaultServer, service: Service, answer: Answer | Fault) -> TransportError:
    """The error of one try to publish, which says no more than it may."""
    faults.will(answer)
    client = faults.client(service, read_timeout=0.2 if answer is Fault.SILENCE else 10)
    with (
        publisher(service, client=client) as ours,
        pytest.raises(TransportError) as caught,
    ):
        ours.publish(BODY, message_attributes={'a': BODY})
    error = caught.value
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
        ('sqs', 'QueueDoesNotExist', 400, False),
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
def test_an_error_of_aws_keeps_its_code_and_says_whether_to_try_again(
    service: Service,
    code: str,
    status: int,
    retriable: bool,
    faults: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_sending, 'FIRST_BACKOFF', 0.0)  # KMS's throttles are tried again
    answer = sqs_error(code, status) if service == 'sqs' else sns_error(code, status)
    error = failure(faults, service, answer)
    assert error.code == code
    assert error.retriable is retriable
    assert isinstance(error.__cause__, ClientError)
    assert code in str(error)
    assert 'as scripted' in str(error)


@EACH_SERVICE
@pytest.mark.parametrize('body', [b'', HTML, b'\xff\x00'], ids=len)
@pytest.mark.parametrize('status', [500, 503, 429])
def test_a_failure_without_a_code_is_retriable_by_its_status(
    service: Service, status: int, body: bytes, faults: FaultServer
) -> None:
    assert failure(faults, service, Answer(status, body)).retriable


@EACH_SERVICE
@pytest.mark.parametrize(
    ('fault', 'cause'),
    [
        (Fault.RESET_BEFORE, (EndpointConnectionError, ConnectionClosedError)),
        (Fault.RESET_AFTER, ConnectionClosedError),
        (Fault.SILENCE, ReadTimeoutError),
    ],
    ids=['reset before', 'reset after', 'silence'],
)
def test_a_network_that_fails_is_retriable_and_its_code_is_the_class_of_botocores_error(
    service: Service,
    fault: Fault,
    cause: type[BotoCoreError] | tuple[type[BotoCoreError], ...],
    faults: FaultServer,
) -> None:
    error = failure(faults, service, fault)
    assert error.retriable
    assert isinstance(error.__cause__, cause)
    assert error.code == type(error.__cause__).__name__


# 200, and nothing in it that AWS would have written.
EMPTY_SUCCESSES = {
    'empty': Answer(),
    'a page of a proxy': Answer(body=HTML, headers={'Content-Type': 'text/html'}),
    'garbage': Answer(body=b'\xde\xad\xbe\xef' * 9),
    'truncated json': Answer(body=b'{"MessageId": "5fea7756-0ea4'),
    'truncated xml': Answer(body=b'<PublishResponse><PublishResult><MessageId>94f20ce6'),
    'shorter than it says': Answer(body=b'{"Message', length=200),
    'json without an id': sqs_answer(MD5OfMessageBody='5d41402abc4b2a76b9719d911017c592'),
    'json of another kind': Answer(body=b'["MessageId"]'),
    'xml without an id': sns_answer(SequenceNumber='1'),
    'xml of another kind': Answer(body=b'<a><MessageId>94f20ce6</MessageId></a>'),
    'an empty id in json': sqs_answer(MessageId=''),
    'an empty id in xml': sns_answer(MessageId=''),
    'null for an id': sqs_answer(MessageId=None),
}


@EACH_SERVICE
@pytest.mark.parametrize('answer', EMPTY_SUCCESSES.values(), ids=EMPTY_SUCCESSES.keys())
def test_a_reply_without_a_message_id_is_a_failure(
    service: Service, answer: Answer, faults: FaultServer
) -> None:
    """Nobody can say whether the message was sent, and silence would be loss."""
    assert failure(faults, service, answer).retriable
    assert len(faults.requests) == 1


@EACH_SERVICE
def test_a_raw_message_without_a_message_id_in_reply_is_a_failure(
    service: Service, faults: FaultServer
) -> None:
    with (
        publisher(service, client=faults.client(service)) as ours,
        pytest.raises(TransportError) as caught,
    ):
        ours.publish_raw_message(BODY)
    assert BODY not in str(caught.value)


@pytest.mark.parametrize(
    ('service', 'first', 'then'),
    [
        ('sqs', Fault.RESET_AFTER, sqs_answer(MessageId='m-2')),
        ('sqs', sqs_error('RequestThrottled', 403), sqs_answer(MessageId='m-2')),
        ('sns', Fault.RESET_AFTER, sns_answer(MessageId='m-2')),
        ('sns', sns_error('Throttled', 429), sns_answer(MessageId='m-2')),
    ],
    ids=['sqs, unknown', 'sqs, throttled', 'sns, unknown', 'sns, throttled'],
)
def test_a_call_that_may_yet_succeed_is_sent_again(
    service: Service, first: Answer | Fault, then: Answer, faults: FaultServer
) -> None:
    faults.will(first, then)
    with publisher(service, **faults.credentials) as ours:
        assert ours.publish(BODY) == 'm-2'
    one, other = faults.requests
    assert one.body == other.body


@EACH_SERVICE
def test_a_call_that_can_never_succeed_is_sent_once(service: Service, faults: FaultServer) -> None:
    faults.will(
        sqs_error('UnsupportedOperation') if service == 'sqs' else sns_error('InvalidParameter')
    )
    with publisher(service, **faults.credentials) as ours, pytest.raises(TransportError):
        ours.publish(BODY)
    assert len(faults.requests) == 1


@EACH_SERVICE
def test_without_credentials_nothing_is_sent(service: Service, faults: FaultServer) -> None:
    with (
        publisher(service, endpoint_url=faults.url) as ours,
        pytest.raises(TransportError) as caught,
    ):
        ours.publish(BODY)
    assert caught.value.code == 'NoCredentialsError'
    assert isinstance(caught.value.__cause__, NoCredentialsError)
    assert not caught.value.retriable
    assert not faults.requests


def test_an_argument_that_botocore_refuses_is_a_failure_for_good(faults: FaultServer) -> None:
    unknown = {'DataType': 'String', 'StringValue': 'b', 'Colour': 'red'}
    with (
        SqsPublisher(QUEUE, client=faults.client('sqs')) as ours,
        pytest.raises(TransportError, match='Colour') as caught,
    ):
        ours.publish(BODY, message_attributes={'a': unknown})
    assert caught.value.operation == 'SendMessage'
    assert isinstance(caught.value.__cause__, ParamValidationError)
    assert not caught.value.retriable
    assert BODY not in str(caught.value)
    assert not faults.requests


@EACH_SERVICE
def test_no_secret_is_in_the_text_even_if_it_was_what_failed(
    service: Service, faults: FaultServer
) -> None:
    """A token read from a file with its line break is no header; http.client shows what it got."""
    token = 'IQoJb3JpZ2luX2VjEXAMPLETOKEN\n'
    options = {**faults.credentials, 'aws_session_token': token}
    with publisher(service, **options) as ours, pytest.raises(TransportError) as caught:
        ours.publish(BODY)
    assert token.strip() not in str(caught.value)
    assert token.strip() not in repr(caught.value)


def test_a_long_text_of_aws_is_cut_and_on_one_line(faults: FaultServer) -> None:
    error = failure(faults, 'sqs', sqs_error('InvalidAddress', message='no\nway\r' * 1000))
    assert len(str(error)) < 500
    assert len(str(error).splitlines()) == 1


def test_control_characters_from_outside_are_escaped(faults: FaultServer) -> None:
    error = failure(faults, 'sqs', sqs_error('InvalidAddress', message='\x1b[2J\x00'))
    assert str(error).isprintable()


@EACH_SERVICE
def test_a_destination_that_does_not_exist_is_an_error_for_good(
    service: Service, aws: LocalAws
) -> None:
    with publisher(service, **aws.credentials) as ours, pytest.raises(TransportError) as caught:
        ours.publish(BODY)
    assert caught.value.code in ('AWS.SimpleQueueService.NonExistentQueue', 'NotFound')
    assert not caught.value.retriable
    assert isinstance(caught.value.__cause__, ClientError)


def test_a_failed_call_is_no_error_of_the_payload(faults: FaultServer) -> None:
    """`PublishError` is for what was not published for its own sake."""
    assert not isinstance(failure(faults, 'sqs', sqs_error('InvalidAddress')), PublishError)


def test_a_body_is_sent_as_it_is_and_what_is_not_given_is_not_sent(faults: FaultServer) -> None:
    faults.will(sqs_answer(MessageId='m-1'))
    with SqsPublisher(QUEUE, client=faults.client('sqs')) as ours:
        ours.publish({'a': 1})
    [request] = faults.requests
    assert json.loads(request.body) == {'QueueUrl': QUEUE, 'MessageBody': '{"a":1}'}
