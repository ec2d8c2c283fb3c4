"""The checks of a listener before its first receive, and their advice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import SqsListener, Stats
from mega.errors import TransportError
from mega.local import FailCall, Server
from tests.aws.answers import Answer, Fault, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    listener_on,
    listening,
    subscriber,
    warnings_at_start,
)
from tests.local_aws import Counts, LocalAws

URL = 'http://127.0.0.1/123456789012/orders'
OTHER = 'http://127.0.0.1/123456789012/dead'

POLICY = sqs_answer(Attributes={'RedrivePolicy': '{}'})
FINE = sqs_answer()
DENIED = sqs_error('AccessDeniedException', 403)

CHECKS = ('GetQueueAttributes', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch')
"""The calls before the first receive."""

CREDENTIALS = pytest.mark.parametrize(
    'code',
    [
        'ExpiredToken',
        'InvalidClientTokenId',
        'SignatureDoesNotMatch',
        'UnrecognizedClientException',
    ],
)


def startup_error(server: Server, operation: str, code: str, status: int = 400) -> TransportError:
    """Start a listener whose call fails, and return the error that ends it."""
    queue_url = server.create_queue('orders')
    server.script(FailCall(code, status), operation=operation)
    with SqsListener(queue_url, [subscriber()], **server.credentials) as listener:
        with pytest.raises(TransportError) as caught:
            listener.listen()
        assert listener.stats().received == 0
    return caught.value


@contextmanager
def running_listener(
    faults: FaultServer, *answers: Answer | Fault, **settings: Any
) -> Iterator[SqsListener]:
    """Run a listener that gets these responses, and wait until it makes a long poll."""
    polls = Event()
    faults.will(*answers, Fault.SILENCE)
    client = faults.client('sqs')
    client.meta.events.register('before-send.sqs.ReceiveMessage', lambda **event: polls.set())
    listener = listener_on(faults, URL, subscriber(), client=client, **settings)
    with listening(listener):
        assert polls.wait(WITHIN)
        yield listener


# Unrecoverable errors


def test_a_missing_queue_is_detected(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    aws.client('sqs').delete_queue(QueueUrl=queue_url)
    listener = listener_on(aws, queue_url, subscriber())
    with pytest.raises(TransportError, match='create the queue, or check its URL, account'):
        listener.listen()


def test_a_missing_dead_letter_queue_is_detected_at_the_start(aws: LocalAws) -> None:
    """The start fails, not the first message that fails permanently."""
    queue_url, missing = aws.create_queue(), aws.create_queue()
    aws.client('sqs').delete_queue(QueueUrl=missing)
    listener = listener_on(aws, queue_url, subscriber(), dead_letter_queue_url=missing)
    with pytest.raises(TransportError, match='create the queue'):
        listener.listen()


def test_fault_65_without_permission_to_delete_no_message_is_received(server: Server) -> None:
    error = startup_error(server, 'DeleteMessageBatch', 'AccessDeniedException', 403)
    assert 'allow sqs:DeleteMessage on the queue' in str(error)
    assert (error.operation, error.code) == ('DeleteMessageBatch', 'AccessDeniedException')
    assert not error.retriable


def test_without_permission_to_change_visibility_no_message_is_received(
    server: Server,
) -> None:
    error = startup_error(server, 'ChangeMessageVisibilityBatch', 'AccessDeniedException', 403)
    assert 'allow sqs:ChangeMessageVisibility on the queue' in str(error)


def test_a_denied_first_receive_ends_the_listener_with_advice(server: Server) -> None:
    """No call without an effect tests this permission. So the first receive tests it."""
    error = startup_error(server, 'ReceiveMessage', 'AccessDeniedException', 403)
    assert 'allow sqs:ReceiveMessage on the queue' in str(error)


@CREDENTIALS
def test_fault_64_invalid_credentials_are_reported(server: Server, code: str) -> None:
    error = startup_error(server, 'GetQueueAttributes', code, 403)
    assert error.code == code
    assert 'check the credentials that boto3 finds, and the clock of this machine' in str(error)
    assert sum(server.counts().calls.values()) == 1


def test_missing_credentials_are_reported(server: Server) -> None:
    """Neither the arguments nor the environment nor another source of boto3 has credentials."""
    listener = SqsListener(
        URL, [subscriber()], region_name='eu-west-1', endpoint_url=server.endpoint_url
    )
    with pytest.raises(TransportError, match='set AWS_PROFILE'):
        listener.listen()
    listener.close()


@pytest.mark.parametrize('operation', [*CHECKS, 'ReceiveMessage'])
def test_fault_66_a_missing_queue_is_reported_by_each_call(server: Server, operation: str) -> None:
    error = startup_error(server, operation, 'QueueDoesNotExist')
    assert 'create the queue' in str(error)


def test_the_error_of_botocore_is_the_cause(server: Server) -> None:
    error = startup_error(server, 'GetQueueAttributes', 'QueueDoesNotExist')
    assert 'requested by a test' in str(error)
    assert type(error.__cause__).__name__ == 'QueueDoesNotExist'


def test_a_listener_may_listen_again_after_the_repair(server: Server) -> None:
    queue_url = f'{server.endpoint_url}/123456789012/orders'
    settings: Any = {'wait_time_seconds': 0, **server.credentials}
    processed = Event()
    with SqsListener(queue_url, [subscriber(lambda payload: processed.set())], **settings) as it:
        with pytest.raises(TransportError):
            it.listen()
        server.create_queue('orders')
        assert it.drain() == Stats()


# Queues that work, perhaps with a warning


def test_a_correct_queue_causes_no_warning(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    with running_listener(faults, POLICY, FINE, FINE):
        assert warnings_at_start(caplog) == []
    operations = [request.operation for request in faults.requests]
    assert tuple(operations[:3]) == CHECKS


def check(aws: LocalAws, queue_url: str, **settings: Any) -> None:
    """Run the checks of a listener, and stop it before its first receive."""
    done = Event()
    name = 'after-call.sqs.ChangeMessageVisibilityBatch'
    events = aws.client('sqs').meta.events
    events.register(name, lambda **event: done.set(), unique_id='checked')
    listener = listener_on(aws, queue_url, subscriber(), **settings)
    listener.pause()
    try:
        with listening(listener):
            assert done.wait(WITHIN)
    finally:
        events.unregister(name, unique_id='checked')


def test_the_checks_receive_and_change_no_message(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    aws.client('sqs').send_message(QueueUrl=queue_url, MessageBody='hej')
    check(aws, queue_url)
    assert aws.counts(queue_url) == Counts(visible=1, in_flight=0)


def test_fault_111_without_a_redrive_policy_there_is_a_warning(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url = aws.create_queue()
    check(aws, queue_url)
    [warning] = warnings_at_start(caplog)
    assert f'{queue_url} has no redrive policy' in warning


def test_with_a_redrive_policy_and_retries_there_is_no_warning(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    dead = aws.create_queue()
    check(aws, aws.create_queue(RedrivePolicy=aws.redrive_to(dead, after=3)), unhandled='retry')
    assert warnings_at_start(caplog) == []


def test_with_a_dead_letter_queue_of_the_listener_there_is_no_warning(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    with running_listener(faults, FINE, FINE, FINE, FINE, dead_letter_queue_url=OTHER):
        assert warnings_at_start(caplog) == []
    assert b'"QueueUrl": "%s"' % OTHER.encode() in faults.requests[3].body


def test_a_listener_without_permission_for_attributes_listens(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    with running_listener(faults, DENIED, FINE, FINE):
        [warning] = warnings_at_start(caplog)
    assert 'cannot be checked' in warning
    assert 'AccessDeniedException' in warning


def test_a_listener_without_permission_for_dead_letter_attributes_listens(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    with running_listener(faults, POLICY, FINE, FINE, DENIED, dead_letter_queue_url=OTHER):
        [warning] = warnings_at_start(caplog)
    assert f'{OTHER} cannot be checked' in warning


@pytest.mark.parametrize('answer', [Answer(503), Fault.RESET_AFTER, sqs_error('RequestThrottled')])
def test_a_temporary_failure_of_the_checks_does_not_prevent_listening(
    faults: FaultServer, caplog: pytest.LogCaptureFixture, answer: Answer | Fault
) -> None:
    with running_listener(faults, answer, answer, answer):
        assert len(warnings_at_start(caplog)) == 3


def test_the_checks_expect_an_invalid_receipt_handle_to_be_refused(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The receipt handle is invalid on purpose. SQS checks the permission first."""
    invalid = sqs_answer(
        Failed=[{'Id': '0', 'SenderFault': True, 'Code': 'ReceiptHandleIsInvalid', 'Message': ''}]
    )
    with running_listener(faults, POLICY, invalid, invalid):
        assert warnings_at_start(caplog) == []


def test_a_drain_checks_only_the_attributes_of_its_queue(server: Server) -> None:
    queue_url = server.create_queue('orders')
    settings: Any = {'wait_time_seconds': 0, **server.credentials}
    with SqsListener(queue_url, [subscriber()], **settings) as listener:
        listener.drain()
    assert set(server.counts().calls) == {'GetQueueAttributes', 'ReceiveMessage'}


def test_a_drain_without_credentials_gives_the_remedy_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """The error of the first receive has it, and the log does not repeat the error."""
    settings: Any = {'region_name': 'eu-west-1', 'endpoint_url': server.endpoint_url}
    with (
        SqsListener(URL, [subscriber()], **settings) as listener,
        pytest.raises(TransportError, match='credentials; set AWS_PROFILE') as caught,
    ):
        listener.drain()
    assert str(caught.value).count('AWS_PROFILE') == 1
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_listener_that_was_stopped_before_its_start_makes_no_checks(server: Server) -> None:
    queue_url = server.create_queue('orders')
    settings: Any = server.credentials
    with SqsListener(queue_url, [subscriber()], **settings) as listener:
        listener.stop()
        listener.listen()
    assert server.counts().calls == {}
