"""Stops while a request to S3 is in progress, with a late response or none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs.subscribe import SqsListener
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import Answer, Fault, Scripted, Together, s3_object, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import BUCKET, POINTER_TO_OURS, deliveries, pointing_to
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    listener_on,
    listening,
    subscriber,
    will_receive,
)

HANGS: dict[str, Scripted] = {
    'before its answer': Fault.SILENCE,
    'in the middle of a body': s3_object(b'o', length=2, hangs=True),
}


def threads() -> list[str]:
    """Return the threads of listeners, without threads that outlive them for some seconds."""
    for each in threading.enumerate():
        if each.name.startswith('mega-connect'):
            each.join(10)  # ends with its attempt to connect
    names = [each.name for each in threading.enumerate()]
    return [
        name
        for name in names
        if name.startswith('mega-') and name not in ('mega-watchdog', 'mega-leases')
    ]


@contextmanager
def hanging(
    faults: FaultServer, answer: Scripted, seen: list[Any], **settings: Any
) -> Iterator[SqsListener]:
    """A listener that waits for S3 with two messages in flight, and one behind them."""
    will_receive(
        faults,
        *deliveries(*[pointing_to(POINTER_TO_OURS, number) for number in range(2)]),
        GetObject=[answer],
    )
    client, asked = faults.client('s3', read_timeout=60), Semaphore(0)
    client.meta.events.register('before-send.s3.GetObject', lambda **those: asked.release())
    listener = listener_on(
        faults,
        QUEUE,
        subscriber(None, seen),
        payload_store=S3PayloadStore(BUCKET, client=client),
        max_number_of_messages=2,
        **settings,
    )
    with listening(listener):
        for _ in range(2):
            assert asked.acquire(timeout=WITHIN)
        yield listener


@pytest.mark.parametrize('answer', HANGS.values(), ids=HANGS)
@pytest.mark.parametrize('is_paused', [False, True], ids=['', 'after a pause'])
def test_fault_44_a_stop_does_not_wait_for_s3_and_leaves_no_thread(
    faults: FaultServer, answer: Scripted, is_paused: bool
) -> None:
    """After the grace period. The messages are returned, or SQS redelivers them."""
    seen: list[Any] = []
    with hanging(faults, answer, seen, grace_period=0.1) as listener:
        if is_paused:
            listener.pause()
        listener.stop()
    assert seen == []
    assert threads() == []
    assert listener.stats().deleted == 0


def test_a_body_that_arrives_within_the_grace_period_is_processed(
    faults: FaultServer,
) -> None:
    """Otherwise it is returned to the queue. The server responds after the stop was requested."""
    may_answer, seen = threading.Barrier(3), list[Any]()
    answer = Together(may_answer, s3_object(b'ok'))
    with hanging(faults, answer, seen, grace_period=WITHIN) as listener:
        listener.stop()
        may_answer.wait(WITHIN)
    stats = listener.stats()
    assert seen == ['ok'] * stats.done
    assert (stats.done + stats.released, stats.unopened) == (2, 0)
    assert threads() == []


def test_the_listener_waits_for_deletes_in_progress(faults: FaultServer) -> None:
    will_receive(
        faults,
        *deliveries(*[pointing_to(POINTER_TO_OURS, number) for number in range(5)]),
        GetObject=[s3_object(b'ok', mega_queue_url=QUEUE)],
        DeleteObject=[Answer(204)],
    )
    store = S3PayloadStore(BUCKET, client=faults.client('s3'), delete=True)
    settings = {'payload_store': store, 'max_number_of_messages': 10}
    listener_on(faults, QUEUE, subscriber(None), **settings).drain()
    assert [each.operation for each in faults.requests].count('DeleteObject') == 5
    assert threads() == []


def test_an_empty_receive_sends_no_request_to_s3(faults: FaultServer) -> None:
    will_receive(faults, sqs_answer())
    store = S3PayloadStore(BUCKET, client=faults.client('s3'))
    listener_on(faults, QUEUE, subscriber(None), payload_store=store).drain()
    assert {each.operation for each in faults.requests} == {'GetQueueAttributes', 'ReceiveMessage'}
    assert threads() == []
