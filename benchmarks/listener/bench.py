"""A queue is filled, drained against the clock, and found empty: in rounds."""

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
from benchmarks.sqs_server import Server, running
from mega.aws.sqs import SqsPublisher

__all__ = ('BEFORE_THE_FIRST', 'Bench', 'Prepare', 'Run', 'Runs', 'Turn', 'open_bench', 'race')

BEFORE_THE_FIRST = 300
"""Messages that everybody drains before those that are timed."""

BESIDE = ('CreateQueue', 'GetQueueAttributes', 'GetQueueUrl', 'SendMessage', 'SendMessageBatch')
WAITING = ('ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible')

Prepare: TypeAlias = Callable[[Server, str, int], Callable[[], float]]
"""From a queue's URL and how many messages it has, what drains it: not timed.

What drains it returns when all are deleted, and answers when the last one was processed, by the
clock of `time.perf_counter()`.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What it took to drain a queue once.

    `cpu` is the seconds of the processor of the whole process; `after_last` those of the clock
    between the last message and the end, a part of `seconds`.
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
    """A server, and what looks after it."""

    server: Server
    _publisher: SqsPublisher
    _client: Any

    def empty_queue(self) -> str:
        """The URL of a queue on a server that remembers nothing.

        It has a redrive policy, as queues should.
        """
        self.server.reset()
        self.server.create_queue('dead')
        policy = {'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:1:dead', 'maxReceiveCount': 5}
        return self.server.create_queue('work', RedrivePolicy=policy)

    def fill(self, queue_url: str, messages: int) -> None:
        self._publisher.publish_batch(islice(cycle(EVENTS), messages), queue_url=queue_url)

    def calls(self) -> int:
        """How many calls there were to drain: not to fill, and not to look at the queue."""
        calls = self.server.counts().calls
        return sum(count for operation, count in calls.items() if operation not in BESIDE)

    def left(self, queue_url: str) -> int:
        """How many messages are not deleted."""
        answer = self._client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=WAITING)
        return sum(int(answer['Attributes'][name]) for name in WAITING)

    def run(self, prepare: Prepare, messages: int, latency_ms: float = 0) -> Run:
        """Drain so many messages, with everything ready and nothing for the collector to do."""
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
        """What runs once a round. It runs with few messages before: the first run does more."""
        self.run(prepare, BEFORE_THE_FIRST, latency_ms)
        return partial(self.run, prepare, messages, latency_ms)


@contextmanager
def open_bench(https: bool = False) -> Iterator[Bench]:
    """Start a server that speaks HTTP or HTTPS, and create the clients that prepare its queues."""
    with running(https=https) as server, SqsPublisher(**server.credentials) as publisher:
        yield Bench(server, publisher, boto3.client('sqs', **server.credentials))


def race(turns: Mapping[str, Turn], rounds: int) -> dict[str, Runs]:
    """The runs of all, round by round; each round begins with another of them."""
    taken: dict[str, list[Run]] = {name: [] for name in turns}
    order = list(turns)
    for number in range(rounds):
        first = number % len(order)
        for name in order[first:] + order[:first]:
            taken[name].append(turns[name]())
    return dict(taken)
