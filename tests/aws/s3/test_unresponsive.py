"""S3 does not respond: neither the other messages nor a stop wait for it."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.runtime.s3_prefetch import BodyPrefetcher
from mega.errors import OffloadError
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import Fault, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import BUCKET, POINTER_TO_OURS, pointing_to
from tests.aws.sqs.subscribe.factories import (
    MESSAGE,
    WITHIN,
    listener_on,
    listening,
    subscriber,
    will_receive,
)


def plain(number: int) -> dict[str, Any]:
    return {'MessageId': f'plain-{number}', 'ReceiptHandle': f'{number}', 'Body': 'hej'}


@pytest.mark.parametrize('concurrency', [1, 4])
def test_messages_whose_bodies_do_not_arrive_block_no_other_message_and_no_stop(
    faults: FaultServer, concurrency: int
) -> None:
    """A message behind them in the same receive, and in a later one, is processed."""
    stuck = [pointing_to(POINTER_TO_OURS, number) for number in range(4)]
    first = sqs_answer(Messages=[*stuck, plain(1), plain(2)])
    second = sqs_answer(Messages=[plain(3), plain(4)])
    will_receive(faults, first, second, sqs_answer(), GetObject=[Fault.SILENCE])
    all_processed = threading.Barrier(2)
    left = iter(range(3))

    def process(payload: str) -> None:
        if next(left, None) is None:
            all_processed.wait(WITHIN)

    listener = listener_on(
        faults,
        QUEUE,
        subscriber(process),
        payload_store=S3PayloadStore(BUCKET, client=faults.client('s3', read_timeout=60)),
        max_number_of_messages=10,
        concurrency=concurrency,
        visibility_timeout=600,
        grace_period=600,
    )
    with listening(listener):
        all_processed.wait(WITHIN)
    stats = listener.stats()
    assert (stats.done, stats.released, stats.unopened) == (4, 4, 0)


def test_a_read_ends_with_the_visibility_timeout(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE)
    store = S3PayloadStore(BUCKET, client=faults.client('s3', read_timeout=60))
    prefetcher = BodyPrefetcher(store, partial(open_message, store=store), QUEUE, 0.05)
    delivery = Delivery('a', 'a')
    delivery.received = pointing_to(POINTER_TO_OURS)
    prefetcher.submit([delivery])
    ready = threading.Event()
    prefetcher.call_when_ready(delivery, ready.set)
    assert ready.wait(WITHIN)
    with pytest.raises(OffloadError):
        prefetcher.opener(delivery)(MESSAGE)
    prefetcher.close()
