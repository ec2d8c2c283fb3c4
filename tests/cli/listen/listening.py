"""A running `mega listen`: its lines on stderr, its processes, and what they record."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from threading import Condition, Thread
from typing import Any

from tests.cli.command import start_interpreter, start_mega
from tests.cli.conftest import CommandAws
from tests.cli.running_command import RunningCommand

__all__ = ('WITHIN', 'WORKER', 'ListenCommand', 'publish', 'wait_until')

WITHIN = 60.0
"""Seconds after which a test fails."""

WORKER = """
import os
import time
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber

RECORD = os.open('record', os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def record(word, payload):
    os.write(RECORD, f'{word} {os.getpid()} {payload}\\n'.encode())

class Orders(TextSubscriber):
    def process(self, payload):
        record('begun', payload)
        while os.path.exists('wait'):
            time.sleep(0.01)
        record('done', payload)

seconds = int(os.environ.get('WAIT_TIME_SECONDS', 20))
listener = SqsListener(
    os.environ['QUEUE_URL'], [Orders], max_number_of_messages=10, wait_time_seconds=seconds
)
"""
"""A target. A message is in progress while the file `wait` exists. Messages are in `record`."""


def publish(aws: CommandAws, queue: str, *payloads: str) -> None:
    """Send texts to a queue."""
    for payload in payloads:
        aws.sqs.send_message(QueueUrl=queue, MessageBody=payload)


def wait_until(is_true: Callable[[], object], what: str = 'the condition') -> None:
    """Wait until a condition is true. It fails after `WITHIN` seconds."""
    deadline = time.monotonic() + WITHIN
    while not is_true():
        assert time.monotonic() < deadline, f'{what} did not become true'
        time.sleep(0.01)


class ListenCommand:
    """The command in its own session, so that `close` ends it with all its processes."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        prefix: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.process: RunningCommand | Popen[str]
        where: Any = {'environment': environment, 'cwd': directory}
        if prefix:
            where.update(prefix=prefix, start_new_session=True)
            self.process = start_interpreter('listen', *arguments, **where)
        else:
            self.process = start_mega('listen', *arguments, **where)
        self.lines: list[str] = []
        self._has_line = Condition()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._has_line:
                self.lines.append(line.rstrip())
                self._has_line.notify_all()
        with self._has_line:
            self._has_line.notify_all()

    def wait_for(self, text: str, count: int = 1) -> list[str]:
        """Wait for a number of lines that contain a text, and return them."""
        with self._has_line:
            self._has_line.wait_for(lambda: len(self._with(text)) >= count, WITHIN)
            found = self._with(text)
        assert len(found) >= count, f'{text!r} is not in {self.lines}'
        return found

    def _with(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    def ready(self, count: int = 1) -> list[int]:
        """Wait until a number of processes became ready since the start, and return their ids."""
        lines = self.wait_for(' is ready', count)
        return [int(line.partition(': process ')[2].split()[0]) for line in lines]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command alone."""
        self.process.send_signal(number)

    def children(self) -> set[int]:
        """Return the ids of the processes that the command started, and that still exist."""
        pid = self.process.pid
        return set(map(int, Path(f'/proc/{pid}/task/{pid}/children').read_text().split()))

    def ends(self, code: int = 0) -> None:
        """Wait for the end of the command and of all its processes, and compare the exit code."""
        found = self.process.wait(WITHIN)
        self._reader.join(WITHIN)  # every process has the other end of stderr
        assert not self._reader.is_alive(), f'a process is left: {self.lines}'
        assert found == code, self.lines

    def errors(self) -> list[str]:
        """Return the lines that are not of the log."""
        return [line for line in self.lines if not re.match(r'\d{4}-\d\d-\d\dT', line)]

    def recorded(self, word: str) -> list[tuple[int, str]]:
        """Return the process and the payload of the messages that began, or are done."""
        with suppress(FileNotFoundError):
            lines = (self.directory / 'record').read_text().splitlines()
            found = [line.split(maxsplit=2) for line in lines]
            return [(int(pid), payload) for name, pid, payload in found if name == word]
        return []

    def close(self) -> None:
        """Kill all processes that are left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WITHIN)
        self._reader.join(WITHIN)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
