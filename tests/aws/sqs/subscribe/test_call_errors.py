"""Errors of AWS that no retry resolves end a listener, until AWS permitted the same call once."""

from __future__ import annotations

import random
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    UnauthorizedSSOTokenError,
)

from mega.aws._transport.call_errors import with_advice
from mega.aws._transport.errors import transport_error
from mega.aws.sqs.subscribe import SqsListener
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.errors import RetriableError, TransportError
from mega.local import FailCall, Server
from tests.aws._publishing.batches import Clients
from tests.aws.answers import Answer, Scripted, sns_error, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    listener_on,
    listening,
    subscriber,
    warnings_of,
    will_receive,
)

URL = 'http://127.0.0.1/123456789012/orders'
NOTHING = sqs_answer()
DENIED = FailCall('AccessDeniedException', 403)
KMS_DENIED = FailCall('KmsAccessDenied')

NOT_AUTHORIZED = 'User: arn:aws:iam::1:user/a is not authorized to perform: '


@pytest.fixture
def queue_url(server: Server) -> str:
    return server.create_queue('orders')


def send(clients: Clients, queue_url: str, *bodies: str) -> None:
    fifo = {'MessageGroupId': 'g'} if queue_url.endswith('.fifo') else {}
    for body in bodies:
        clients['sqs'].send_message(QueueUrl=queue_url, MessageBody=body, **fifo)


def listener_of(
    clients: Clients, queue_url: str, *subscribers: Subscriber, **settings: Any
) -> SqsListener:
    settings = {'wait_time_seconds': 0, 'client': clients['sqs'], **settings}
    return SqsListener(queue_url, subscribers, **settings)


REFUSALS = pytest.mark.parametrize(
    ('error', 'advice'),
    [
        (KMS_DENIED, 'allow kms:Decrypt on the KMS key of the queue {url}'),
        (FailCall('KMS.AccessDeniedException'), 'allow kms:Decrypt on the KMS key'),
        (FailCall('AccessDenied', 403, f'{NOT_AUTHORIZED}kms:Decrypt on resource: arn:aws:kms'),
         'allow kms:Decrypt on the KMS key'),
        (FailCall('KmsDisabled'), 'enable the KMS key of the queue {url}, or give'),
        (FailCall('KMS.InvalidStateException'), 'enable the KMS key'),
        (FailCall('AccessDenied', 403, f'{NOT_AUTHORIZED}sqs:receivemessage on resource: arn'),
         'allow sqs:ReceiveMessage on the queue {url}'),
        (FailCall('AccessDenied', 403, f'{NOT_AUTHORIZED}sqs:receivemessage: explicit deny'),
         'remove the explicit deny of sqs:ReceiveMessage'),
        (FailCall('InvalidAddress', 404), 'check its URL, account and region: {url}'),
        (FailCall('InvalidSecurity', 403), 'check the URL, the endpoint and the policy of the'),
        (FailCall('InvalidParameterValue'), 'check the URL, the endpoint and the policy of the'),
        (FailCall('UnheardOf'), 'check the URL, the endpoint and the policy of the queue'),
        (FailCall('RequestTimeTooSkewed', 403), 'check the credentials that boto3 finds, and'),
    ],
)  # fmt: skip


@REFUSALS
def test_any_error_of_status_4xx_of_the_first_receive_ends_the_listener_with_advice(
    server: Server, clients: Clients, queue_url: str, error: FailCall, advice: str
) -> None:
    server.script(error, operation='ReceiveMessage')
    listener = listener_of(clients, queue_url, subscriber())
    with pytest.raises(TransportError) as caught:
        listener.listen()
    assert advice.format(url=queue_url) in str(caught.value)
    assert listener.stats().errors == 1


def test_a_page_of_a_proxy_with_status_403_ends_the_listener_with_advice(
    faults: FaultServer,
) -> None:
    will_receive(faults, Answer(403, b'<html></html>'))
    with pytest.raises(
        TransportError, match='check the endpoint and the URL: the answer is not from AWS'
    ):
        listener_on(faults, URL, subscriber()).listen()


@pytest.mark.parametrize('error', [FailCall('OverLimit', 403), FailCall('KmsThrottled')], ids=str)
def test_throttling_and_limits_of_the_first_receive_do_not_end_the_listener(
    server: Server,
    clients: Clients,
    queue_url: str,
    monkeypatch: pytest.MonkeyPatch,
    error: FailCall,
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)
    send(clients, queue_url, 'hej')
    server.script(error, operation='ReceiveMessage')
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    with listening(listener_of(clients, queue_url, made)):
        assert processed.wait(WITHIN)


@pytest.mark.parametrize('status', [408, 429])
def test_a_status_of_throttling_without_a_code_does_not_end_the_listener(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)
    message = sqs_answer(Messages=[{'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}])
    will_receive(faults, Answer(status), message, NOTHING)
    processed = Event()
    with listening(listener_on(faults, URL, subscriber(lambda payload: processed.set()))):
        assert processed.wait(WITHIN)


def test_after_a_receive_a_denied_kms_key_is_retried_and_logged_with_advice(
    server: Server,
    clients: Clients,
    queue_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)
    send(clients, queue_url, 'first', 'second')
    server.script(None, KMS_DENIED, KMS_DENIED, operation='ReceiveMessage')
    processed = Semaphore(0)
    made = subscriber(lambda payload: processed.release())
    with listening(listener_of(clients, queue_url, made)):
        assert processed.acquire(timeout=WITHIN)
        assert processed.acquire(timeout=WITHIN)
    advice = f'allow kms:Decrypt on the KMS key of the queue {queue_url}'
    assert [advice in text for text in warnings_of(caplog)] == [True, True]


# Calls other than a receive


@pytest.mark.parametrize('code', ['AccessDeniedException', 'InvalidSecurity', 'UnheardOf'])
@pytest.mark.parametrize(
    ('operation', 'answer'),
    [('DeleteMessageBatch', None), ('ChangeMessageVisibilityBatch', RetriableError(5))],
    ids=['delete', 'visibility'],
)
def test_a_first_batch_call_that_no_retry_resolves_ends_drain_with_advice(
    server: Server, clients: Clients, queue_url: str, code: str, operation: str, answer: object
) -> None:
    """Otherwise the listener would process the same messages again and again."""
    send(clients, queue_url, 'hej')
    server.script(FailCall(code, 403), operation=operation)
    listener = listener_of(clients, queue_url, subscriber(answer))
    with pytest.raises(TransportError, match=f'{operation} failed .* the queue {queue_url}'):
        listener.drain()
    assert server.counts().calls[operation] == 1


@pytest.mark.parametrize('code', ['AccessDeniedException', 'InvalidSecurity'])
def test_a_check_at_the_start_that_no_retry_resolves_ends_the_listener(
    server: Server, clients: Clients, queue_url: str, code: str
) -> None:
    send(clients, queue_url, 'hej')
    server.script(FailCall(code, 403), operation='DeleteMessageBatch')
    listener = listener_of(clients, queue_url, subscriber())
    with pytest.raises(TransportError, match='DeleteMessageBatch'):
        listener.listen()
    assert listener.stats().received == 0


def test_a_server_that_refuses_a_whole_batch_for_one_receipt_handle_permits_the_call(
    server: Server, clients: Clients, queue_url: str
) -> None:
    """The receipt handle of a check is invalid. SQS reports it in an entry of a successful call."""
    send(clients, queue_url, 'hej')
    server.script(FailCall('ReceiptHandleIsInvalid'), operation='DeleteMessageBatch')
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    with listening(listener_of(clients, queue_url, made)):
        assert processed.wait(WITHIN)


def test_after_a_successful_delete_a_denied_one_is_repeated_and_logged_with_advice(
    server: Server,
    clients: Clients,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """On a FIFO queue, each delete is a call."""
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)
    queue_url = server.create_queue('orders', fifo=True, ContentBasedDeduplication=True)
    send(clients, queue_url, *'ab')
    server.script(None, DENIED, DENIED, operation='DeleteMessageBatch')
    stats = listener_of(clients, queue_url, subscriber()).drain()
    assert (stats.deleted, stats.errors) == (2, 2)
    advice = f'allow sqs:DeleteMessage on the queue {queue_url}'
    assert sum(advice in text for text in warnings_of(caplog)) == 2


def test_a_denied_dead_letter_is_logged_with_advice_about_its_own_queue(
    server: Server, clients: Clients, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The message stays in its queue, and does not end the listener."""
    send(clients, queue_url, 'hej')
    dead = server.create_queue('dead')
    server.script(KMS_DENIED, operation='SendMessage')
    failing = subscriber(ValueError())
    stats = listener_of(clients, queue_url, failing, dead_letter_queue_url=dead).drain()
    assert (stats.fatal, stats.dead_lettered, stats.deleted) == (1, 0, 0)
    advice = f'allow kms:GenerateDataKey and kms:Decrypt on the KMS key of the queue {dead}'
    assert any(advice in text for text in warnings_of(caplog))


# Errors before a call


def web_identity_listener(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, token: Path, *answers: Scripted
) -> SqsListener:
    """Return a listener whose credentials come from STS, as in a pod of EKS."""
    faults.will(*answers)
    monkeypatch.setenv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/shop')
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(token))
    monkeypatch.setenv('AWS_ENDPOINT_URL', faults.url)
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-west-1')
    return SqsListener(URL, [subscriber()])


def test_a_denied_role_is_reported_as_a_problem_of_the_role_not_of_the_queue(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / 'token'
    token.write_text('token')
    denied = sns_error('AccessDenied', 403, 'Not authorized to perform the operation')
    with (
        web_identity_listener(faults, monkeypatch, token, denied) as listener,
        pytest.raises(TransportError, match='AssumeRoleWithWebIdentity of AWS STS') as caught,
    ):
        listener.listen()
    assert 'allow sts:AssumeRoleWithWebIdentity in the trust policy of the role' in str(
        caught.value
    )
    assert 'allow sqs:' not in str(caught.value)


def test_a_missing_token_file_ends_the_listener_with_advice(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        web_identity_listener(faults, monkeypatch, tmp_path / 'missing', NOTHING) as listener,
        pytest.raises(TransportError, match=r'missing.*check the credentials that boto3 finds'),
    ):
        listener.listen()
    assert faults.requests == []


def failed(error: Exception, operation: str = 'ReceiveMessage') -> TransportError:
    made = transport_error(operation, error)
    made.__cause__ = error
    return with_advice(made, URL)


@pytest.mark.parametrize(
    ('error', 'is_retriable'),
    [
        (UnauthorizedSSOTokenError(), False),
        (CredentialRetrievalError(provider='process', error_msg='x'), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_the_sources_of_credentials_have_advice(
    error: Exception, is_retriable: bool
) -> None:
    found = failed(error)
    assert 'check the credentials that boto3 finds' in str(found)
    assert found.retriable is is_retriable


def test_the_advice_on_missing_credentials_is_given_once() -> None:
    assert str(failed(NoCredentialsError())).count('set AWS_PROFILE') == 1


def test_an_error_of_single_sign_on_names_its_operation() -> None:
    response: Any = {
        'Error': {'Code': 'UnauthorizedException'},
        'ResponseMetadata': {'HTTPStatusCode': 401},
    }
    found = failed(ClientError(response, 'GetRoleCredentials'))
    assert 'boto3 calls GetRoleCredentials for its credentials' in str(found)


def test_a_temporary_error_has_no_advice() -> None:
    error = failed(OSError('no route to host'))
    assert error.problem == 'no route to host'
