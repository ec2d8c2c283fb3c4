"""`publish_batch` with any number of payloads, and its results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import (
    ConfigurationError,
    EncodeError,
    EventError,
    PayloadTooLargeError,
    PublishError,
)
from mega.local import Server
from tests.aws._publishing.batches import (
    EACH_SERVICE,
    Clients,
    bodies,
    calls,
    is_sent,
    numbers,
    publisher,
)
from tests.event.examples import document
from tests.local_aws import LocalAws, Service


@EACH_SERVICE
@pytest.mark.parametrize('count', [0, 1, 9, 10, 11, 25])
@pytest.mark.parametrize('concurrency', [1, 4])
def test_a_request_has_ten_messages_and_the_results_have_the_order_of_the_payloads(
    service: Service, count: int, concurrency: int, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)
    results = ours.publish_batch(numbers(count), concurrency=concurrency)
    assert calls(server, service) == -(-count // 10)
    ids = {accepted.message_id: json.loads(accepted.body)['n'] for accepted in server.accepted()}
    assert [ids[result.message_id] for result in results] == list(range(count))
    assert not any(result.error for result in results)


def test_a_local_server_accepts_a_batch(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    with SqsPublisher(queue_url, **aws.credentials) as ours:
        results = ours.publish_batch(numbers(12), message_attributes={'tenant': 'a'})
    received = aws.receive(queue_url, at_least=12)
    assert {each['MessageId'] for each in received} == {each.message_id for each in results}
    assert {json.loads(each['Body'])['n'] for each in received} == set(range(12))


@EACH_SERVICE
def test_payloads_are_read_while_they_are_sent(
    service: Service, server: Server, clients: Clients
) -> None:
    """A million payloads need no more memory than about a hundred."""
    ours = publisher(server, clients, service)
    ahead = []

    def payloads() -> Iterator[dict[str, int]]:
        for payload in numbers(400):
            if payload['n'] % 50 == 0:
                ahead.append(payload['n'] - server.counts().accepted)
            yield payload

    ours.publish_batch(payloads())
    assert max(ahead) <= 110


@EACH_SERVICE
def test_an_option_is_one_value_or_a_function_of_the_payload(
    service: Service, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service, fifo=True)
    payloads: list[Any] = [{'n': 1}, b'\x00', 'text']
    ours.publish_batch(
        payloads,
        message_attributes=lambda payload: {'kind': type(payload).__name__},
        message_group_id='all',
        message_deduplication_id=lambda payload: f'id-{payloads.index(payload)}',
    )
    accepted = server.accepted()
    assert [each.group_id for each in accepted] == ['all'] * 3
    assert [each.deduplication_id for each in accepted] == ['id-0', 'id-1', 'id-2']
    kinds = [each.attributes['kind']['StringValue'] for each in accepted]
    assert kinds == ['dict', 'bytes', 'str']
    assert accepted[1].attributes['MegaPayloadType']['StringValue'] == 'blob'


def test_delays_and_subjects_may_be_functions_of_the_payload(
    server: Server, clients: Clients
) -> None:
    publisher(server, clients, 'sqs').publish_batch(numbers(3), delay_seconds=lambda p: p['n'])
    publisher(server, clients, 'sns').publish_batch(numbers(3), subject=lambda p: f'no. {p["n"]}')
    accepted = server.accepted()
    assert [each.delay_seconds for each in accepted[:3]] == [0, 1, 2]
    assert [each.subject for each in accepted[3:]] == ['no. 0', 'no. 1', 'no. 2']


def test_the_binary_encoding_applies_to_every_payload(server: Server, clients: Clients) -> None:
    publisher(server, clients, 'sqs').publish_batch([{}, {}], True)
    assert [each.body for each in server.accepted()] == ['BQAAAAA='] * 2


@EACH_SERVICE
@pytest.mark.parametrize('concurrency', [0, -1, 51, 1.5, None, '4'])
def test_concurrency_must_be_1_to_50(
    service: Service, concurrency: Any, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)
    with pytest.raises(ConfigurationError, match='concurrency'):
        ours.publish_batch(numbers(1), concurrency=concurrency)
    assert not calls(server, service)


# Payloads that cannot be sent.

UNSENDABLE: dict[str, tuple[Any, type[PublishError | EventError], str]] = {
    'a value': ({'a': [object()]}, EncodeError, 'a[0]'),
    'no payload': (None, EncodeError, ''),
    'a forbidden character': ('a\x00', EncodeError, ''),
    'an event that is none': (document({'name': 5}), EventError, 'event.name'),
    'too much': ('a' * 262_145, PayloadTooLargeError, ''),
}


@EACH_SERVICE
@pytest.mark.parametrize(('payload', 'error', 'path'), UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_a_payload_that_cannot_be_sent_does_not_stop_the_others(
    service: Service,
    payload: Any,
    error: type[Exception],
    path: str,
    server: Server,
    clients: Clients,
) -> None:
    url = server.create_queue('old', MaximumMessageSize=262_144)
    arn = server.create_topic('old')
    ours: Any = (
        SqsPublisher(url, client=clients['sqs'])
        if service == 'sqs'
        else SnsPublisher(arn, client=clients['sns'])
    )
    with pytest.raises(PublishError, match=r'1 of 3 payloads were not published') as caught:
        ours.publish_batch([{'n': 0}, payload, {'n': 2}])
    results = list(caught.value.results)
    assert is_sent(results) == [True, False, True]
    assert type(results[1].error) is error
    assert getattr(results[1].error, 'path', '') == path
    assert str(results[1].error) in str(caught.value)
    assert bodies(server) == [{'n': 0}, {'n': 2}]


@EACH_SERVICE
def test_the_results_are_returned_with_raise_on_failure_false(
    service: Service, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)
    results = ours.publish_batch([{'n': 0}, None], raise_on_failure=False)
    assert is_sent(results) == [True, False]


@EACH_SERVICE
@pytest.mark.parametrize('raise_on_failure', [True, False])
@pytest.mark.parametrize('concurrency', [1, 4])
def test_payloads_before_an_error_of_the_iterable_are_sent(
    service: Service, raise_on_failure: bool, concurrency: int, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)

    def payloads() -> Iterator[dict[str, int]]:
        yield from numbers(13)
        raise LookupError('the file ends here')

    with pytest.raises(PublishError) as caught:
        ours.publish_batch(payloads(), concurrency=concurrency, raise_on_failure=raise_on_failure)
    assert isinstance(caught.value.__cause__, LookupError)
    assert is_sent(list(caught.value.results)) == [True] * 13
    assert sorted(each['n'] for each in bodies(server)) == list(range(13))


@EACH_SERVICE
def test_an_error_in_a_function_of_the_payload_is_the_result_of_that_payload(
    service: Service, server: Server, clients: Clients
) -> None:
    """Otherwise it would be unknown which of the others were sent."""
    ours = publisher(server, clients, service)
    payloads = [{'id': 'a'}, {'no': 'id'}, {'id': 'b'}]
    with pytest.raises(PublishError) as caught:
        ours.publish_batch(payloads, message_group_id=lambda payload: payload['id'])
    sent = [json.loads(accepted.body) for accepted in server.accepted()]
    assert sent == [
        payload
        for payload, result in zip(payloads, caught.value.results, strict=False)
        if result.message_id
    ]


@EACH_SERVICE
def test_after_a_payload_that_cannot_be_sent_its_group_is_not_sent(
    service: Service, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service, fifo=True)
    payloads: list[Any] = [
        {'g': 'a', 'n': 0}, {'g': 'b', 'n': 1}, {'g': 'a', 'n': {2}}, {'g': 'a', 'n': 3},
        {'g': 'b', 'n': 4},
    ]  # fmt: skip
    results = ours.publish_batch(
        payloads, message_group_id=lambda payload: payload['g'], raise_on_failure=False
    )
    assert is_sent(results) == [True, True, False, False, True]
    assert isinstance(results[2].error, EncodeError)
    assert isinstance(results[3].error, PublishError)
    assert "'a'" in str(results[3].error)
    assert [each['n'] for each in bodies(server)] == [0, 1, 4]
