"""Fill a queue, time how it is drained, and check that it is empty: in rounds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any, TypeAlias

import boto3

from benchmarks.listener.workload import EVENTS
from benchmarks.model_server import running
from mega.aws.sqs import SqsPublisher
from mega.local import Server

__all__ = ('WARM_UP_MESSAGES', 'Bench', 'Prepare', 'Run', 'Runs', 'Turn', 'open_bench', 'race')

WARM_UP_MESSAGES = 300
"""Each contender drains this number of messages before its first timed run."""

UNCOUNTED_OPERATIONS = (
    'CreateQueue',
    'GetQueueAttributes',
    'GetQueueUrl',
    'SendMessage',
    'SendMessageBatch',
)
LEFT_ATTRIBUTES = (
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesDelayed',
    'ApproximateNumberOfMessagesNotVisible',
)

Prepare: TypeAlias = Callable[[Server, str, int], Callable[[], float]]
"""Prepares a drain of a queue, without being timed: takes the server, the queue's URL and its size.

The prepared function drains the queue until every message is deleted. It returns the time of the
last processed message, by `time.perf_counter()`.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """The cost of draining a queue once.

    `cpu` is the CPU time of the whole process in seconds. `after_last` is the time between the last
    processed message and the end, and a part of `seconds`.
    """

    messages: int
    seconds: float
    cpu: float
    calls: int
    after_last: float = 0.0

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


Runs: TypeAlias = Sequence[Run]
Turn: TypeAlias = Callable[[], Run]


@dataclass(frozen=True)
class Bench:
    """A server, with the clients that fill and inspect its queues."""

    server: Server
    _publisher: SqsPublisher
    _client: Any

    def empty_queue(self) -> str:
        """Reset the server, and create a queue with a redrive policy. Return its URL."""
        self.server.reset()
        self.server.create_queue('dead')
        policy = {
            'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:123456789012:dead',
            'maxReceiveCount': 5,
        }
        return self.server.create_queue('work', RedrivePolicy=policy)

    def fill(self, queue_url: str, messages: int, delay_seconds: int | None = None) -> None:
        payloads = islice(cycle(EVENTS), messages)
        self._publisher.publish_batch(payloads, queue_url=queue_url, delay_seconds=delay_seconds)

    def calls(self) -> int:
        """Return the number of calls that drained the queue, without the calls of the bench."""
        calls = self.server.counts().calls
        return sum(
            count for operation, count in calls.items() if operation not in UNCOUNTED_OPERATIONS
        )

    def left(self, queue_url: str) -> int:
        """Return the number of messages that are not deleted."""
        answer = self._client.get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=LEFT_ATTRIBUTES
        )
        return sum(int(answer['Attributes'][name]) for name in LEFT_ATTRIBUTES)

    def run(self, prepare: Prepare, messages: int, latency_ms: float = 0) -> Run:
        """Drain a queue of this number of messages, after a garbage collection."""
        queue_url = self.empty_queue()
        self.fill(queue_url, messages)
        drain = prepare(self.server, queue_url, messages)
        self.server.configure(latency_ms=latency_ms)
        gc.collect()
        cpu, begun = time.process_time(), time.perf_counter()
        last = drain()
        ended, cpu = time.perf_counter(), time.process_time() - cpu
        self.server.configure(latency_ms=0)
        calls, left = self.calls(), self.left(queue_url)
        assert left == 0, f'{left} of {messages} messages were not deleted'
        return Run(messages, ended - begun, cpu, calls, ended - last)

    def turn(self, prepare: Prepare, messages: int, latency_ms: float = 0) -> Turn:
        """Return the run of a round. Run it with few messages first: a first run does more."""
        self.run(prepare, WARM_UP_MESSAGES, latency_ms)
        return partial(self.run, prepare, messages, latency_ms)


@contextmanager
def open_bench(https: bool = False) -> Iterator[Bench]:
    """Start a server that speaks HTTP or HTTPS, and create the clients that prepare its queues."""
    with running(https=https) as server, SqsPublisher(**server.credentials) as publisher:
        yield Bench(server, publisher, boto3.client('sqs', **server.credentials))


def race(turns: Mapping[str, Turn], rounds: int) -> dict[str, Runs]:
    """Run all contenders in rounds. Each round begins with another contender."""
    taken: dict[str, list[Run]] = {name: [] for name in turns}
    order = list(turns)
    for number in range(rounds):
        first = number % len(order)
        for name in order[first:] + order[:first]:
            taken[name].append(turns[name]())
    return dict(taken)
