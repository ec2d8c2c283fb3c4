"""Several listener processes on one queue, and their reports."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from mega.aws.sqs import SqsPublisher
from tests.local_aws import Counts, LocalAws
from tests.profile import amount
from tests.programs import ROOT, environment

__all__ = ('SCALE', 'Crowd', 'Report', 'crowd', 'fill')

SCALE = amount(1, 10)

PATIENCE = 60.0
"""Seconds without a report after which a test fails: a message is lost."""


class Report(NamedTuple):
    """A report of a process."""

    process: int
    word: str
    body: str


class Crowd:
    """Processes that listen to one queue. What they tell comes in the order of its happening.

    `takes` are the seconds of work on a message, `fails` the share of it that is in vain.
    """

    def __init__(
        self, aws: LocalAws, queue_url: str, takes: float, fails: float, **settings: Any
    ) -> None:
        self._ends, self._pipe = os.pipe()
        self._unread: deque[Report] = deque()
        self._listening: set[int] = set()
        self._rest = b''
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        options = {
            'pipe': self._pipe,
            'queue_url': queue_url,
            'takes': takes,
            'fails': fails,
            'settings': {'wait_time_seconds': 1, **settings, **aws.credentials},
        }
        self._command = [sys.executable, '-m', 'tests.chaos.program', json.dumps(options)]
        self._counts: Callable[[], Counts] = lambda: aws.counts(queue_url)

    def start(self) -> None:
        process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=environment(),
            pass_fds=[self._pipe],
            stdin=subprocess.DEVNULL,
        )
        self._processes[process.pid] = process

    def kill_one(self, chance: random.Random) -> None:
        """End a process at once, whatever it is at, and start another one."""
        process = self._processes.pop(chance.choice(list(self._processes)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.start()

    def stop(self) -> set[int]:
        """Ask all to end, and answer with which statuses those did that had begun to listen."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        statuses = {pid: process.wait(PATIENCE) for pid, process in self._processes.items()}
        self._processes.clear()
        return {status for pid, status in statuses.items() if pid in self._listening}

    def reports(self) -> Iterator[Report]:
        """What they tell, as it comes."""
        while True:
            while self._unread:
                yield self._unread.popleft()
            if not self._read(PATIENCE):
                pytest.fail(f'nobody has told anything: {self._counts()} in the queue')

    def until_empty(self) -> Iterator[Report]:
        """What they tell until the queue is empty, as it says itself."""
        for report in self.reports():
            yield report
            if report.word == 'empty' and self._counts() == Counts(visible=0, in_flight=0):
                return

    def last_words(self) -> list[Report]:
        """What those told who have ended."""
        while self._read(0.0):
            pass
        told = list(self._unread)
        self._unread.clear()
        return told

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ends], [], [], seconds)
        if ready:
            *lines, self._rest = (self._rest + os.read(self._ends, 65_536)).split(b'\n')
            for line in lines:
                process, word, body = line.decode().split(' ', 2)
                self._listening.add(int(process))
                self._unread.append(Report(int(process), word, body))
        return bool(ready)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        os.close(self._ends)
        os.close(self._pipe)


@contextmanager
def crowd(
    aws: LocalAws,
    queue_url: str,
    *,
    of: int = 3,
    takes: float = 0.0,
    fails: float = 0.0,
    **settings: Any,
) -> Iterator[Crowd]:
    """So many processes, until the block ends."""
    made = Crowd(aws, queue_url, takes, fails, **settings)
    try:
        for _ in range(of):
            made.start()
        yield made
    finally:
        made.close()


def fill(aws: LocalAws, queue_url: str, bodies: list[str], **options: Any) -> None:
    """Publish bodies, in batches."""
    SqsPublisher(queue_url, client=aws.client('sqs')).publish_batch(bodies, **options)
