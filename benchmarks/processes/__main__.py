"""Measure the throughput of `mega listen` with one process and with several.

    python -m benchmarks.processes [--processes N] [--rounds N] [--messages N]

The queue is filled with delayed messages. When all processes are ready, the clock of the server
moves, and all messages become visible at once. The time ends when all of them are deleted.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.listener.bench import Bench, open_bench
from benchmarks.matching.tables import machine, table
from benchmarks.matching.timing import ratio

TARGETS = {'computing': 1, 'trivial': 10}
"""The multiple of `--messages` that a run of each target takes, so that runs take similar times."""

DELAY_SECONDS = 900
POLL_SECONDS = 0.02

NOT_SHOWN = """\
## What this does not show

- More CPUs. The server takes CPU time of the same machine: about as much as a trivial subscriber
  with its listener. With two CPUs, two processes and the server share them, so that two trivial
  processes cannot be twice as fast.
- A network. With AWS, a process waits for responses, and more processes or a higher `concurrency`
  overlap these waits.
- Subscribers that wait. For these, a higher `concurrency` in one process is enough."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.processes', description=__doc__)
    parser.add_argument('--processes', type=int, default=2, metavar='N', help='default: 2')
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='default: 5')
    parser.add_argument('--messages', type=int, default=1_000, metavar='N', help='default: 1,000')
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    print(f'# Throughput by processes\n\n{machine()}, {os.cpu_count()} CPUs\n', flush=True)
    counts = (1, arguments.processes)
    with open_bench() as bench:
        rows = []
        for target, factor in TARGETS.items():
            messages = arguments.messages * factor
            seconds: dict[int, list[float]] = {count: [] for count in counts}
            for number in range(arguments.rounds):
                for count in counts if number % 2 else reversed(counts):
                    seconds[count].append(run(bench, target, count, messages))
            rows.append(_row(target, messages, *seconds.values()))
    header = ['subscriber', 'one process', f'{arguments.processes} processes', 'times one']
    print(f'Messages a second: medians, with the least and the most.\n\n{table(header, rows)}\n')
    print(NOT_SHOWN)


def run(bench: Bench, target: str, processes: int, messages: int) -> float:
    """Return the seconds in which a number of processes deletes a number of messages."""
    queue_url = bench.empty_queue()
    bench.fill(queue_url, messages, delay_seconds=DELAY_SECONDS)
    with _listening(bench, queue_url, target, processes):
        begun = time.perf_counter()
        bench.server.advance(DELAY_SECONDS)
        while bench.left(queue_url):
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - begun


@contextmanager
def _listening(bench: Bench, queue_url: str, target: str, processes: int) -> Iterator[None]:
    """Run the command. The block begins when all processes are ready."""
    credentials = bench.server.credentials
    environment = {
        'QUEUE_URL': queue_url,
        'AWS_ENDPOINT_URL': credentials['endpoint_url'],
        'AWS_DEFAULT_REGION': credentials['region_name'],
        'AWS_ACCESS_KEY_ID': credentials['aws_access_key_id'],
        'AWS_SECRET_ACCESS_KEY': credentials['aws_secret_access_key'],
    }
    name = f'benchmarks.processes.target:{target}'
    command = [sys.executable, '-m', 'mega', 'listen', name, '-p', str(processes)]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        lines = iter(process.stderr.readline, '')
        try:
            for _ in range(processes):
                if not any(' is ready' in line for line in lines):
                    raise RuntimeError('mega listen ended before its processes were ready')
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def _row(target: str, messages: int, one: list[float], many: list[float]) -> list[str]:
    return [target, _rates(messages, one), _rates(messages, many), str(ratio(one, many))]


def _rates(messages: int, seconds: list[float]) -> str:
    rates = [messages / each for each in seconds]
    return f'{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})'


if __name__ == '__main__':
    main()
