"""The contenders in this process: a plain boto3 loop, a listener, and asyncio without a queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from benchmarks.listener.bench import Run
from benchmarks.listener.workload import Goal, Kind, NoOp, subscribers
from mega.aws.sqs.subscribe import Hook, SqsListener
from mega.local import Server

__all__ = ('MAX_MESSAGES', 'WAIT', 'Listening', 'PlainLoop', 'drain_plainly', 'sleep_plainly')

MAX_MESSAGES = 10
"""The maximum number of messages in a receive."""

WAIT = 1
"""The wait time of a receive in seconds."""


def drain_plainly(client: Any, queue_url: str, messages: int) -> float:
    """Receive and delete ten messages at a time, without processing them."""
    last = 0.0
    while messages > 0:
        received = client.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=MAX_MESSAGES, WaitTimeSeconds=WAIT
        )['Messages']
        last = time.perf_counter()
        entries = [
            {'Id': str(index), 'ReceiptHandle': message['ReceiptHandle']}
            for index, message in enumerate(received)
        ]
        client.delete_message_batch(QueueUrl=queue_url, Entries=entries)
        messages -= len(entries)
    return last


class PlainLoop:
    """A loop over boto3 with default settings, and one client for all runs."""

    def __init__(self, server: Server) -> None:
        self._client: Any = boto3.client('sqs', **server.credentials)

    def __call__(self, server: Server, queue_url: str, messages: int) -> Callable[[], float]:
        return lambda: drain_plainly(self._client, queue_url, messages)


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener that stops after the last message."""

    kind: Kind = NoOp
    concurrency: int = 1
    hooks: tuple[Hook, ...] = ()

    def __call__(self, server: Server, queue_url: str, messages: int) -> Callable[[], float]:
        goal = Goal(messages)
        listener = SqsListener(
            queue_url,
            subscribers(self.kind, goal),
            max_number_of_messages=MAX_MESSAGES,
            wait_time_seconds=WAIT,
            unhandled='retry',  # without this and a dead-letter queue, a listener warns
            concurrency=self.concurrency,
            hooks=self.hooks,
            **server.credentials,
        )
        goal.then = listener.stop

        def drain() -> float:
            with listener:
                listener.listen()
            return goal.reached_at

        return drain


def sleep_plainly(seconds: float, times: int, concurrency: int) -> Run:
    """Measure asyncio without a queue: sleep `times` times, up to `concurrency` at once."""

    async def sleep() -> None:
        slots = asyncio.Semaphore(concurrency)

        async def one() -> None:
            await asyncio.sleep(seconds)
            slots.release()

        tasks = set()
        for _ in range(times):
            await slots.acquire()
            tasks.add(task := asyncio.create_task(one()))
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    cpu, begun = time.process_time(), time.perf_counter()
    asyncio.run(sleep())
    return Run(times, time.perf_counter() - begun, time.process_time() - cpu, 0)
