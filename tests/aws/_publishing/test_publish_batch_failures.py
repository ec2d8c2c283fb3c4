"""`publish_batch` and `publish` when AWS fails."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mega.aws._publishing import sender
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import (
    PublishError,
    TransportError,
)
from mega.local import FailCall, FailEntries, Fault, Server
from tests.aws._publishing.batches import (
    BATCHES,
    EACH_SERVICE,
    QUEUE,
    SERVICES,
    Clients,
    bodies,
    calls,
    faulty,
    is_sent,
    numbers,
    publisher,
)
from tests.aws.answers import HTML, Answer, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.local_aws import Service


@pytest.fixture
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the random draw always return the longest wait."""
    monkeypatch.setattr(sender, 'random', SimpleNamespace(uniform=max))


@EACH_SERVICE
@pytest.mark.parametrize('code', ['InternalError', 'ServiceUnavailable', 'RequestThrottled'])
def test_fault_73_an_entry_that_fails_because_of_aws_is_retried(
    service: Service, code: str, server: Server, clients: Clients, waits: list[float]
) -> None:
    server.script(FailEntries((1, 3), code), FailEntries((0,), code))
    results = publisher(server, clients, service).publish_batch(numbers(5))
    assert all(is_sent(results))
    assert [each['n'] for each in bodies(server)] == [0, 2, 4, 3, 1]
    assert calls(server, service) == 3
    assert len(waits) == 2


@EACH_SERVICE
def test_an_entry_is_tried_six_times_at_most_with_growing_waits(
    service: Service,
    server: Server,
    clients: Clients,
    waits: list[float],
    longest_waits: None,
) -> None:
    server.script(*[FailEntries((0,), 'InternalError')] * 7)
    ours = publisher(server, clients, service)
    results = ours.publish_batch(numbers(2), raise_on_failure=False)
    assert is_sent(results) == [False, True]
    assert results[0].error.code == 'InternalError'
    assert results[0].error.retriable
    assert calls(server, service) == 6
    assert waits == pytest.approx([0.2, 0.6, 1.8, 5.4, 16.0], abs=0.1)


def test_the_waits_of_a_single_message_come_to_six_seconds_at_most(longest_waits: None) -> None:
    waits = [sender.backoff_of_message(attempts) for attempts in range(1, sender.MAX_ATTEMPTS)]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


def test_the_waits_of_a_batch_come_to_24_seconds_at_most(longest_waits: None) -> None:
    waits = [sender.backoff_of_batch(attempts) for attempts in range(1, sender.MAX_ATTEMPTS)]
    assert waits == pytest.approx([0.2, 0.6, 1.8, 5.4, 16.0])


def test_two_senders_do_not_wait_equally_long() -> None:
    assert len({sender.backoff_of_message(1) for _ in range(20)}) > 10
    assert len({sender.backoff_of_batch(1) for _ in range(20)}) > 10


@pytest.mark.parametrize('code', ['InvalidMessageContents', 'KmsDisabled'])
def test_an_entry_that_is_the_fault_of_the_sender_is_not_retried(
    code: str, server: Server, clients: Clients, waits: list[float]
) -> None:
    server.script(FailEntries((0, 1), code, status=400), operation='SendMessageBatch')
    ours = publisher(server, clients, 'sqs')
    results = ours.publish_batch(numbers(3), raise_on_failure=False)
    assert is_sent(results) == [False, False, True]
    codes = [getattr(result.error, 'code', None) for result in results]
    assert codes == [code, code, None]
    assert not any(getattr(result.error, 'retriable', False) for result in results)
    assert calls(server, 'sqs') == 1
    assert not waits


@pytest.mark.parametrize('code', ['KmsThrottled', 'RequestThrottled', 'ThrottlingException'])
def test_a_throttled_entry_is_retried_even_as_a_fault_of_the_sender(
    code: str, server: Server, clients: Clients, waits: list[float]
) -> None:
    server.script(FailEntries((0,), code, status=400), operation='SendMessageBatch')
    [result] = publisher(server, clients, 'sqs').publish_batch(numbers(1))
    assert result.error is None
    assert bodies(server) == [{'n': 0}]
    assert len(waits) == 1


WITHOUT_IDS = {
    'left out': sqs_answer(Successful=[{'Id': '1', 'MessageId': 'm-1'}]),
    'without a message id': sqs_answer(Successful=[{'Id': '0'}, {'Id': '1', 'MessageId': 'm-1'}]),
    'with an empty message id': sqs_answer(
        Successful=[{'Id': '0', 'MessageId': ''}, {'Id': '1', 'MessageId': 'm-1'}]
    ),
    'under another id': sqs_answer(
        Successful=[{'Id': '7', 'MessageId': 'm-7'}, {'Id': '1', 'MessageId': 'm-1'}]
    ),
}


@pytest.mark.parametrize('answer', WITHOUT_IDS.values(), ids=WITHOUT_IDS.keys())
def test_an_entry_that_the_response_does_not_mention_is_retried(
    answer: Answer, faults: FaultServer, waits: list[float]
) -> None:
    faults.will(sqs_answer(), answer, sqs_answer(Successful=[{'Id': '0', 'MessageId': 'm-2'}]))
    ours = SqsPublisher(QUEUE, client=faults.client('sqs'))
    results = ours.publish_batch(numbers(2))
    assert [result.message_id for result in results] == ['m-2', 'm-1']
    again = json.loads(faults.requests[-1].body)['Entries']
    assert [json.loads(entry['MessageBody']) for entry in again] == [{'n': 0}]
    assert len(waits) == 1


GARBAGE = {
    'nothing': Answer(),
    'the page of a proxy': Answer(body=HTML, headers={'Content-Type': 'text/html'}),
    'half an answer': Answer(body=b'{"Successful": [{"Id": "0", "MessageId": "5fea'),
    'a list': Answer(body=b'["Successful"]'),
    'no lists': sqs_answer(Successful='0', Failed=5),
    'lists of nothing': sqs_answer(Successful=[None, '0', {}], Failed=[None]),
    'nulls': sqs_answer(Successful=None, Failed=None),
}


@EACH_SERVICE
@pytest.mark.parametrize('answer', GARBAGE.values(), ids=GARBAGE.keys())
def test_a_success_without_message_ids_is_a_failure(
    service: Service, answer: Answer, faults: FaultServer, waits: list[float]
) -> None:
    faults.will(answer)
    ours = faulty(faults, service)
    results = ours.publish_batch(numbers(3), raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert all(result.error.retriable for result in results)
    sent = [request for request in faults.requests if request.operation == BATCHES[service]]
    assert len(sent) == 6
    assert len(waits) == 5


NOT_RETRIED = (Fault.EXPIRED, Fault.MISSING)
"""Faults after which a request is not retried."""


@EACH_SERVICE
@pytest.mark.parametrize('fault', sorted({*Fault} - {*NOT_RETRIED, Fault.SLOW_AFTER}))
def test_a_failed_request_is_retried(
    service: Service, fault: Fault, server: Server, clients: Clients, waits: list[float]
) -> None:
    """Also if the first request had an effect: on a standard destination that sends it twice."""
    server.script(fault)
    results = publisher(server, clients, service).publish_batch(numbers(3))
    assert all(is_sent(results))
    sent = [each['n'] for each in bodies(server)]
    assert sent == ([0, 1, 2, 0, 1, 2] if fault.has_effect else [0, 1, 2])
    assert len(waits) == 1


@pytest.mark.parametrize('concurrency', [1, 4])
@pytest.mark.parametrize('service', SERVICES)
def test_a_request_that_cannot_succeed_is_sent_once_and_names_the_reason(
    service: Service, concurrency: int, server: Server, clients: Clients, waits: list[float]
) -> None:
    """For example expired credentials, with the error code of AWS."""
    server.script(*[Fault.EXPIRED] * 2, operation=BATCHES[service])
    ours = publisher(server, clients, service)
    with pytest.raises(PublishError, match=r'15 of 15 .*ExpiredToken') as caught:
        ours.publish_batch(numbers(15), concurrency=concurrency)
    assert {result.error.code for result in caught.value.results} == {'ExpiredToken'}
    assert not any(result.error.retriable for result in caught.value.results)
    assert calls(server, service) == 2
    assert not waits


@EACH_SERVICE
def test_expired_credentials_have_the_error_code_of_aws(service: Service, server: Server) -> None:
    ours: Any = (
        SqsPublisher(server.create_queue('orders'), **server.credentials)
        if service == 'sqs'
        else SnsPublisher(server.create_topic('orders'), **server.credentials)
    )
    operation = 'SendMessage' if service == 'sqs' else 'Publish'
    server.script(Fault.EXPIRED, operation=operation)
    with ours, pytest.raises(TransportError, match='ExpiredToken') as caught:
        ours.publish({'n': 1})
    assert caught.value.code == 'ExpiredToken'
    assert not caught.value.retriable
    assert server.counts().calls[operation] == 1


@EACH_SERVICE
@pytest.mark.parametrize('times', [1, 5, 6])
def test_fault_76_throttling_by_kms_is_retried(
    service: Service, times: int, server: Server, clients: Clients, waits: list[float]
) -> None:
    code = 'KmsThrottled' if service == 'sqs' else 'KMSThrottling'
    operation = 'SendMessage' if service == 'sqs' else 'Publish'
    server.script(*[FailCall(code)] * times, operation=operation)
    ours = publisher(server, clients, service)
    if times < 6:
        assert ours.publish({'n': 1})
        assert bodies(server) == [{'n': 1}]
    else:
        with pytest.raises(TransportError, match=r'(?i)kms'):
            ours.publish({'n': 1})
    assert len(waits) == min(times, 5)


@EACH_SERVICE
def test_a_group_waits_for_the_retry_of_its_message(
    service: Service, server: Server, clients: Clients, waits: list[float]
) -> None:
    """Waiting costs no CPU: the sender sleeps."""
    server.script(FailEntries((0,)), FailEntries((0,)), FailEntries((0,)))
    ours = publisher(server, clients, service, fifo=True)
    assert all(is_sent(ours.publish_batch(numbers(4), message_group_id='g')))
    assert [each['n'] for each in bodies(server)] == [0, 1, 2, 3]
    assert calls(server, service) == 6 + 1
    assert len(waits) == 3


@EACH_SERVICE
def test_after_a_final_failure_no_message_of_the_group_is_sent(
    service: Service, server: Server, clients: Clients, waits: list[float]
) -> None:
    server.script(None, *[FailEntries((0,))] * 6)
    ours = publisher(server, clients, service, fifo=True)
    results = ours.publish_batch(numbers(4), message_group_id='g', raise_on_failure=False)
    assert is_sent(results) == [True, False, False, False]
    assert isinstance(results[1].error, TransportError)
    assert all(isinstance(result.error, PublishError) for result in results[2:])
    assert [each['n'] for each in bodies(server)] == [0]
