"""The policies in docs/security.md allow the calls of a publisher and of a listener, no others."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.errors import PayloadTooLargeError, RetriableError
from mega.local import LocalAws

pytestmark = pytest.mark.no_cover  # other tests run the same lines

PAGE = Path(__file__).parent.parent / 'docs' / 'security.md'
if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

OVER_256_KIB = 'x' * 300_000


def permitted(file: str) -> set[str]:
    """Return the actions of a policy of the page."""
    pattern = rf'^```json title="{re.escape(file)}"\n(.*?)^```$'
    [text] = re.findall(pattern, PAGE.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)
    return {action for each in json.loads(text)['Statement'] for action in each['Action']}


@contextmanager
def calls(aws: LocalAws, service: str) -> Iterator[set[str]]:
    """Yield a set that has the actions of the calls in the block after its end.

    A batch has the permission of the single operation.
    """
    actions: set[str] = set()
    before = Counter(aws.counts().calls)
    yield actions
    called = Counter(aws.counts().calls) - before
    actions.update(f'{service}:{operation.removesuffix("Batch")}' for operation in called)


@pytest.fixture(scope='module')
def aws() -> Iterator[LocalAws]:
    with LocalAws() as server:
        yield server


def test_a_publisher_makes_the_calls_of_its_policy(aws: LocalAws) -> None:
    queue_url = aws.create_queue('orders', MaximumMessageSize=1_048_576)
    topic_arn = boto3.client('sns', **aws.credentials).create_topic(Name='orders')['TopicArn']
    with calls(aws, 'sqs') as to_queue, SqsPublisher(queue_url, **aws.credentials) as publisher:
        publisher.publish_batch([{'id': 1}, {'id': 2}])
        publisher.publish(OVER_256_KIB)
    with calls(aws, 'sns') as to_topic, SnsPublisher(topic_arn, **aws.credentials) as notifier:
        notifier.publish_batch([{'id': 1}, {'id': 2}])
        notifier.publish({'id': 3})
        with suppress(PayloadTooLargeError):  # the topic has the limit of 256 KiB
            notifier.publish(OVER_256_KIB)
    assert to_queue | to_topic == permitted('publisher.json')


class RetriedOnce(DataSubscriber):
    pattern = {'id': 1}

    def process(self, payload: object) -> None:
        if self.message.receive_count == 1:
            raise RetriableError(delay=0)


def test_a_listener_makes_the_calls_of_its_policy(aws: LocalAws) -> None:
    orders, failed = aws.create_queue('listened'), aws.create_queue('failed')
    with SqsPublisher(orders, **aws.credentials) as publisher:
        publisher.publish_batch([{'id': 1}, {'id': 2}])
    options: dict[str, Any] = {
        'dead_letter_queue_url': failed,
        'wait_time_seconds': 0,
        **aws.credentials,
    }
    with calls(aws, 'sqs') as called, SqsListener(orders, [RetriedOnce], **options) as listener:
        while listener.stats().done == 0:
            listener.drain()
    assert listener.stats().dead_lettered == 1
    assert called == permitted('listener.json')
