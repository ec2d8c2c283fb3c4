"""Faults on request: refused calls, lost responses and duplicates."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError, RetriableError, TransportError
from mega.testing import Bus, Queue
from tests.testing.conftest import Listen, Publish, recorder, retry_until


def test_a_refused_call_has_no_effect(bus: Bus, publish: Publish) -> None:
    bus.fail('SendMessage', 'AccessDenied')
    with pytest.raises(TransportError, match='AccessDenied'):
        publish({'n': 1})
    bus.assert_nothing_published()
    publish({'n': 1})
    bus.assert_published({'n': 1}, times=1)


def test_a_call_that_is_refused_for_now_is_repeated(bus: Bus, publish: Publish) -> None:
    bus.fail('SendMessage', times=2)
    publish({'n': 1})
    bus.assert_published({'n': 1}, times=1)


def test_a_lost_response_of_a_publisher_leads_to_a_duplicate(bus: Bus, publish: Publish) -> None:
    bus.lose('SendMessage')
    publish({'n': 1})
    bus.assert_published({'n': 1}, times=2)


def test_a_fifo_queue_drops_the_duplicate_of_a_lost_response(bus: Bus) -> None:
    publisher = SqsPublisher(bus.queue('orders', fifo=True), client=bus.sqs)
    bus.lose('SendMessage')
    publisher.publish({'n': 1}, message_group_id='a')
    bus.assert_published({'n': 1}, times=1)


def test_a_fault_of_an_operation_applies_to_its_batch_form(bus: Bus, queue: Queue) -> None:
    bus.fail('SendMessage', 'AccessDenied')
    results = SqsPublisher(queue, client=bus.sqs).publish_batch([{'n': 1}], raise_on_failure=False)
    assert isinstance(results[0].error, TransportError)
    bus.fail('PublishBatch', 'AuthorizationError')
    topic = bus.topic('events', to=[queue])
    with pytest.raises(TransportError, match='AuthorizationError'):
        SnsPublisher(topic, client=bus.sns).publish({'n': 1})


def test_a_lost_delete_is_repeated(bus: Bus, publish: Publish, listen: Listen) -> None:
    bus.lose('DeleteMessageBatch', times=2)
    seen: list[Any] = []
    publish({'n': 1})
    listener = listen(recorder(seen))
    bus.run(listener)
    assert (seen, listener.stats().errors) == ([{'n': 1}], 2)
    bus.assert_nothing_left()


def test_a_message_whose_delete_is_refused_is_delivered_again(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    """SQS could not be reached until the visibility timeout was over."""
    seen: list[float] = []
    bus.fail('DeleteMessage', times=8)
    publish({'n': 1})
    bus.run(listen(retry_until(1, seen, bus, RetriableError()), visibility_timeout=10))
    assert len(seen) > 1
    bus.assert_nothing_left()


@pytest.mark.parametrize('fifo', [False, True], ids=['standard', 'fifo'])
def test_the_messages_of_a_lost_receive_arrive_later(fifo: bool, bus: Bus, listen: Listen) -> None:
    """On a FIFO queue the listener repeats the receive, and SQS returns the same messages."""
    seen: list[float] = []
    queue = bus.queue('letters', fifo=fifo)
    begin = bus.time
    SqsPublisher(queue, client=bus.sqs).publish({'n': 1}, message_group_id='a' if fifo else None)
    bus.lose('ReceiveMessage')
    bus.run(listen(retry_until(1, seen, bus, RetriableError()), queue, visibility_timeout=60))
    [when] = seen
    assert when < begin + 5 if fifo else when == begin + 60


def test_a_duplicate_is_delivered_after_its_delete(
    bus: Bus, publish: Publish, listen: Listen
) -> None:
    counts: list[float] = []
    bus.duplicate_next()
    publish({'n': 1})
    bus.run(listen(retry_until(1, counts, bus, RetriableError())))
    assert len(counts) == 2
    bus.assert_nothing_left()


def test_a_body_that_s3_does_not_return_for_now_is_fetched_later(
    bus: Bus, queue: Queue, listen: Listen
) -> None:
    seen: list[Any] = []
    store = S3PayloadStore(bus.bucket('bodies'), always=True, client=bus.s3)
    SqsPublisher(queue, payload_store=store, client=bus.sqs).publish({'n': 1})
    bus.fail('GetObject', 'SlowDown')
    listener = listen(recorder(seen), payload_store=store)
    bus.run(listener)
    assert (seen, listener.stats().unopened) == ([{'n': 1}], 1)


def test_faults_do_not_apply_to_the_checks_of_a_listener_and_to_resources(
    bus: Bus, listen: Listen
) -> None:
    for operation in ('GetQueueAttributes', 'CreateQueue'):
        bus.fail(operation, 'AccessDenied')
    other = bus.queue('other')
    bus.run(listen(recorder([])))
    with pytest.raises(ClientError, match='AccessDenied'):
        bus.sqs.get_queue_attributes(QueueUrl=other)
    with pytest.raises(ClientError, match='AccessDenied'):
        bus.sqs.create_queue(QueueName='other')


def test_an_unknown_operation_is_refused_with_the_nearest_name(bus: Bus) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'SendMessage'"):
        bus.fail('SendMesage', 'InternalError')
    with pytest.raises(ConfigurationError, match='not an operation of SQS, SNS or S3'):
        bus.lose('Fly')
    with pytest.raises(ConfigurationError, match='times=0'):
        bus.lose('SendMessage', times=0)
    with pytest.raises(ConfigurationError, match='code is empty'):
        bus.fail('SendMessage', '')
