"""Other libraries that drain a queue. Each run is a process in a separate environment."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from benchmarks.listener.bench import WARM_UP_MESSAGES, Bench, Run
from benchmarks.listener.workload import EVENTS

__all__ = ('PEERS', 'Peer', 'versions')

PROGRAM = Path(__file__).with_name('peer.py')
DISTRIBUTIONS = ('pySqsListener', 'dramatiq', 'dramatiq_sqs', 'taskiq-aio-sqs', 'celery', 'kombu')
RUN_TIMEOUT = 120.0  # seconds, including publishing
DELETION_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Peer:
    """A library, and its configured number of threads, or of messages in a receive."""

    name: str
    library: str
    number: int

    def run(self, python: Path, bench: Bench, messages: int) -> Run:
        """Drain a number of messages, after warm-up messages that are not timed.

        Raises:
            RuntimeError: if the process ends early, takes too long, or leaves messages.
        """
        queue_url = bench.empty_queue()
        task = {
            'peer': self.library,
            'number': self.number,
            'queue_url': queue_url,
            'credentials': bench.server.credentials,
            'before': WARM_UP_MESSAGES,
            'messages': messages,
            'payloads': [payload.to_dict() for payload in EVENTS],
        }
        environment = {
            **os.environ,
            'AWS_EC2_METADATA_DISABLED': 'true',
            'AWS_ENDPOINT_URL': bench.server.endpoint_url,  # so that no call leaves this machine
        }
        with (
            TemporaryFile('w+', encoding='utf-8') as errors,
            subprocess.Popen(
                [python, PROGRAM],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding='utf-8',
            ) as process,
        ):
            timer = threading.Timer(RUN_TIMEOUT, process.kill)
            timer.start()
            try:
                took = _run_task(process, task)
                self._wait_for_deletions(bench, queue_url)
            except json.JSONDecodeError:
                errors.seek(0)
                raise RuntimeError(
                    f'{self.name} ended early, or took too long:\n{errors.read()}'
                ) from None
            finally:
                timer.cancel()
                process.kill()
        calls = round(bench.calls() * messages / (messages + WARM_UP_MESSAGES))
        return Run(messages, took['seconds'], took['cpu'], calls)

    def _wait_for_deletions(self, bench: Bench, queue_url: str) -> None:
        until = time.monotonic() + DELETION_TIMEOUT
        while left := bench.left(queue_url):
            if time.monotonic() > until:
                raise RuntimeError(f'{self.name} left {left} messages')
            time.sleep(0.05)


def _run_task(process: subprocess.Popen[str], task: dict[str, Any]) -> dict[str, float]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(task) + '\n')
    process.stdin.flush()
    took: dict[str, float] = json.loads(process.stdout.readline())
    return took


PEERS = (
    Peer('pySqsListener, one at a time', 'pySqsListener', 1),
    Peer('pySqsListener, ten a receive', 'pySqsListener', 10),
    Peer('dramatiq_sqs, 1 thread', 'dramatiq_sqs', 1),
    Peer('dramatiq_sqs, 4 threads', 'dramatiq_sqs', 4),
    Peer('dramatiq_sqs, 8 threads', 'dramatiq_sqs', 8),
    Peer('taskiq-aio-sqs, ten a receive', 'taskiq-aio-sqs', 10),
    Peer('celery, 4 threads', 'celery', 4),
)


def versions(python: Path) -> dict[str, str]:
    """Return the installed versions in the environment of the peers, by distribution."""
    code = (
        'import json, sys\n'
        'from importlib.metadata import PackageNotFoundError, version\n'
        'found = {}\n'
        'for name in sys.argv[1:]:\n'
        '    try:\n'
        '        found[name] = version(name)\n'
        '    except PackageNotFoundError:\n'
        '        pass\n'
        'print(json.dumps(found))\n'
    )
    names = [*DISTRIBUTIONS, 'boto3', 'botocore']
    process = subprocess.run(
        [python, '-c', code, *names], check=True, capture_output=True, encoding='utf-8'
    )
    found: dict[str, str] = json.loads(process.stdout)
    return found
