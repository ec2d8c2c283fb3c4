"""Several processes of one program, and their reports."""

from __future__ import annotations

import json
import os
import random
import select
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from mega.aws.sqs import SqsPublisher
from tests.fork_server import ForkedProgram, start_reporting
from tests.local_aws import Counts, LocalAws
from tests.profile import amount

__all__ = ('SCALE', 'ProcessGroup', 'Report', 'process_group', 'processes_of', 'publish_all')

SCALE = amount(1, 10)

REPORT_TIMEOUT = 60.0
"""Seconds without a report after which a test fails: a message is lost."""


class Report(NamedTuple):
    """A report of a process."""

    process: int
    word: str
    body: str


class ProcessGroup:
    """Processes that write lines to their output. Their reports arrive in the order of the events.

    `module` is the program. It gets the options as JSON. `counts` returns the numbers of messages
    in the queue of the processes.
    """

    def __init__(self, module: str, options: dict[str, Any], counts: Callable[[], Counts]) -> None:
        self._read_end, self._write_end = os.pipe()
        self._unread: deque[Report] = deque()
        self._listening: set[int] = set()
        self._incomplete_line = b''
        self._processes: dict[int, ForkedProgram] = {}
        self._program = ['-m', module, json.dumps(options)]
        self._counts = counts

    def start(self) -> None:
        process = start_reporting(self._program, self._write_end)
        self._processes[process.pid] = process

    def kill_one(self, randomness: random.Random, prefer: int | None = None) -> int:
        """Kill a random process, or a preferred one, and start another one. Return its id."""
        ids = list(self._processes)
        killed = prefer if prefer in self._processes else randomness.choice(ids)
        self._processes.pop(killed).kill()
        self.start()
        return killed

    def stop(self) -> set[int]:
        """Stop all processes, and return the exit statuses of the listening processes."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        statuses = {pid: process.wait(REPORT_TIMEOUT) for pid, process in self._processes.items()}
        self._processes.clear()
        return {status for pid, status in statuses.items() if pid in self._listening}

    def reports(self) -> Iterator[Report]:
        """Yield the reports as they arrive."""
        while True:
            while self._unread:
                yield self._unread.popleft()
            if not self._read(REPORT_TIMEOUT):
                pytest.fail(
                    f'no report in {REPORT_TIMEOUT:.0f} seconds: {self._counts()} in the queue'
                )

    def until_empty(self) -> Iterator[Report]:
        """Yield the reports until SQS counts no message in the queue."""
        for report in self.reports():
            yield report
            if report.word == 'empty' and self._counts() == Counts(visible=0, in_flight=0):
                yield from self.remaining_reports()  # a message ended before the count
                return

    def remaining_reports(self) -> list[Report]:
        """Return the unread reports of the processes that have ended."""
        while self._read(0.0):
            pass
        reports = list(self._unread)
        self._unread.clear()
        return reports

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._read_end], [], [], seconds)
        if ready:
            *lines, self._incomplete_line = (
                self._incomplete_line + os.read(self._read_end, 65_536)
            ).split(b'\n')
            for line in lines:
                process, word, body = line.decode().split(' ', 2)
                self._listening.add(int(process))
                self._unread.append(Report(int(process), word, body))
        return bool(ready)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
        os.close(self._read_end)
        os.close(self._write_end)


@contextmanager
def process_group(
    aws: LocalAws,
    queue_url: str,
    *,
    count: int = 3,
    processing_seconds: float = 0.0,
    failure_rate: float = 0.0,
    **settings: Any,
) -> Iterator[ProcessGroup]:
    """Run `count` listener processes on one queue until the block ends.

    `processing_seconds` is the duration of each message. A subscriber asks for a
    retry of a share `failure_rate` (0 to 1) of the messages.
    """
    options = {
        'queue_url': queue_url,
        'processing_seconds': processing_seconds,
        'failure_rate': failure_rate,
        'settings': {'wait_time_seconds': 1, **settings, **aws.credentials},
    }
    module = 'tests.chaos.listener_program'
    with processes_of(module, options, count, lambda: aws.counts(queue_url)) as group:
        yield group


@contextmanager
def processes_of(
    module: str, options: dict[str, Any], count: int, counts: Callable[[], Counts]
) -> Iterator[ProcessGroup]:
    """Run `count` processes of a program until the block ends."""
    group = ProcessGroup(module, options, counts)
    try:
        for _ in range(count):
            group.start()
        yield group
    finally:
        group.close()


def publish_all(aws: LocalAws, queue_url: str, bodies: list[str], **options: Any) -> None:
    """Publish bodies, in batches."""
    SqsPublisher(queue_url, client=aws.client('sqs')).publish_batch(bodies, **options)
