"""The stress test: many messages, and every kind of fault at the same time.

    python -m tests.chaos.stress --messages 20000

It prints the observations, and exits with status 1 if a law does not hold.

Half of the messages go to a standard queue, the other half to 50 groups of a FIFO queue. Three
listener processes share each queue. Every tenth body is in S3. Meanwhile processes are killed and
frozen, connections are reset, the network loses everything, S3 stops responding, and subscribers
use up the file descriptors of their process.

Three laws hold:

- No message is lost, and none is acked unprocessed: each message is reported as processed before
  the queue is empty.
- No FIFO message starts before all earlier messages of its group are processed.
- No listener process ends by itself, and a stopped one ends with status 0.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import SqsPublisher
from mega.local import Server, running
from tests.chaos.faulty_network import FaultyProxy
from tests.fork_server import ForkedProgram, start_reporting
from tests.local_aws import Credentials

Fault: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

GROUPS = 50
PROCESSES = 3
VISIBILITY_TIMEOUT = 3
FAULT_SECONDS = 4.0
"""The duration of a freeze or of a failure of the network: longer than the visibility timeout."""

MESSAGES_PER_FAULT = 60
NO_REPORT_SECONDS = 90.0


@dataclass
class Result:
    """The observations on one queue."""

    expected: set[str]
    is_fifo: bool
    done: Counter[str] = field(default_factory=Counter)
    out_of_order: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    _next: Counter[str] = field(default_factory=Counter)

    def started(self, key: str) -> None:
        group, number = self._place(key)
        if self.is_fifo and number > self._next[group]:
            self.out_of_order.append(key)

    def processed(self, key: str) -> None:
        self.done[key] += 1
        group, number = self._place(key)
        if number == self._next[group]:
            self._next[group] += 1

    def _place(self, key: str) -> tuple[str, int]:
        group, _, number = key.partition('-')
        return group, int(number)

    @property
    def holds(self) -> bool:
        """Whether all laws hold."""
        is_complete = set(self.done) == self.expected
        return is_complete and not self.out_of_order and set(self.statuses) == {0}

    def __str__(self) -> str:
        kind = 'FIFO' if self.is_fifo else 'standard'
        lost = self.expected - set(self.done)
        again = self.done.total() - len(self.done)
        faults = ', '.join(f'{count} {name}' for name, count in sorted(self.faults.items()))
        return (
            f'{kind}: {len(self.expected):,} messages in {self.seconds:.0f} s; {faults}.\n'
            f'  lost: {len(lost)}; processed more than once: {again}; '
            f'out of order: {len(self.out_of_order)}; exit statuses: {dict(self.statuses)}'
        )


class Run:
    """Listener processes on one queue, between the faults."""

    def __init__(self, result: Result, queue_url: str, sqs_url: str, s3_url: str) -> None:
        self.result = result
        self._read_end, self._write_end = os.pipe()
        self._processes: dict[int, ForkedProgram] = {}
        self._frozen: set[int] = set()
        self._listening: set[int] = set()
        self._options = {
            'queue_url': queue_url,
            'store': _credentials(s3_url),
            'settings': {
                'max_number_of_messages': 10,
                'wait_time_seconds': 1,
                'visibility_timeout': VISIBILITY_TIMEOUT,
                'concurrency': 4,
                'retry_delay': 0,
                **_credentials(sqs_url),
            },
        }

    def start(self) -> None:
        program = ['-m', 'tests.chaos.stress_program', json.dumps(self._options)]
        process = start_reporting(program, self._write_end)
        self._processes[process.pid] = process

    async def kill(self) -> None:
        """Kill a process, and start another one."""
        process = self._choose()
        del self._processes[process.pid]
        process.kill()
        self.start()

    async def freeze(self) -> None:
        """Stop a process for longer than the visibility timeout, and continue it."""
        process = self._choose()
        self._frozen.add(process.pid)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(FAULT_SECONDS)
        process.send_signal(signal.SIGCONT)
        self._frozen.discard(process.pid)

    def _choose(self) -> ForkedProgram:
        return self._processes[random.choice(sorted(set(self._processes) - self._frozen))]

    async def until_done(self, faults: dict[str, Fault]) -> None:
        """Read the reports until each message is processed.

        After every 60 messages one of the faults begins, in turn. At most two last at a time.
        """
        reader, result = await self._reader(), self.result
        names, since_fault = itertools.cycle(faults), 0
        under_way: set[asyncio.Task[None]] = set()
        while len(result.done) < len(result.expected):
            line = await asyncio.wait_for(reader.readline(), NO_REPORT_SECONDS)
            pid, word, key = line.decode().split()
            self._listening.add(int(pid))
            if word == 'start':
                result.started(key)
                continue
            result.processed(key)
            since_fault += 1
            if since_fault >= MESSAGES_PER_FAULT and len(under_way) < 2:
                since_fault, name = 0, next(names)
                result.faults[name] += 1
                task = asyncio.create_task(faults[name]())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _reader(self) -> asyncio.StreamReader:
        reader = asyncio.StreamReader()
        pipe = os.fdopen(self._read_end, 'rb', closefd=False)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return reader

    async def stop(self) -> None:
        """Stop all processes. Record the exit statuses of processes that have begun to listen."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for pid, process in self._processes.items():
            status = await asyncio.to_thread(process.wait, NO_REPORT_SECONDS)
            if pid in self._listening:
                self.result.statuses[status] += 1

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
        os.close(self._write_end)


async def _stress(server: Server, keys: list[str], is_fifo: bool) -> Result:
    port = urlsplit(server.endpoint_url).port or 80
    to_sqs, to_s3 = FaultyProxy(port), FaultyProxy(port)
    sqs_url, s3_url = await to_sqs.start(), await to_s3.start()
    result = Result(set(keys), is_fifo)
    queue_url = server.create_queue('stress', fifo=is_fifo)
    await asyncio.to_thread(_publish, server, queue_url, keys, is_fifo)
    run = Run(result, queue_url, sqs_url, s3_url)
    faults: dict[str, Fault] = {
        'kills': run.kill,
        'freezes': run.freeze,
        'resets': to_sqs.reset_connections,
        'failures of the network': lambda: to_sqs.lose_everything(FAULT_SECONDS),
        'silences of S3': lambda: to_s3.forward_nothing(FAULT_SECONDS),
    }
    started = time.monotonic()
    try:
        for _ in range(PROCESSES):
            run.start()
        await run.until_done(faults)
        result.seconds = time.monotonic() - started
        await run.stop()
    finally:
        run.close()
        to_sqs.close()
        to_s3.close()
    return result


def _publish(server: Server, url: str, keys: list[str], is_fifo: bool) -> None:
    """Publish a message for each key, in the order of the keys. Every tenth body goes to S3."""
    store = S3PayloadStore('stress', threshold=1_000, **server.credentials)
    store.create_bucket()
    payloads = (
        {'key': key, 'filler': '' if number % 10 else 'x' * 1_000}
        for number, key in enumerate(keys)
    )
    with SqsPublisher(url, payload_store=store, **server.credentials) as publisher:
        publisher.publish_batch(
            payloads,
            message_group_id=(lambda payload: payload['key'].partition('-')[0])
            if is_fifo
            else None,
            message_deduplication_id=(lambda payload: payload['key']) if is_fifo else None,
        )


def _key(payload: Any) -> str:
    return str(payload['key'])


def _group(payload: Any) -> str:
    return _key(payload).partition('-')[0]


def _credentials(endpoint_url: str) -> Credentials:
    return {
        'aws_access_key_id': 'testing',
        'aws_secret_access_key': 'testing',
        'region_name': 'eu-west-1',
        'endpoint_url': endpoint_url,
    }


def stress(messages: int) -> list[Result]:
    """Run the stress test, and return the observations on the standard and the FIFO queue."""
    results = []
    for is_fifo in (False, True):
        groups = GROUPS if is_fifo else 1
        keys = [
            f'{group}-{number}'
            for number in range(messages // 2 // groups)
            for group in range(groups)
        ]
        with running() as server:
            results.append(asyncio.run(_stress(server, keys, is_fifo)))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--messages', type=int, default=20_000)
    results = stress(parser.parse_args().messages)
    sys.stdout.write(''.join(f'{result}\n' for result in results))
    sys.exit(not all(result.holds for result in results))


if __name__ == '__main__':
    main()
