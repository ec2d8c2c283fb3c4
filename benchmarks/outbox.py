"""Compare the rate of an outbox's relay with that of `publish_batch`.

    python -m benchmarks.outbox [--database-url URL] [--rounds N] [--messages N] [--latency-ms N]

The in-memory SQS runs in its own process. Every way sends the same messages once in each round, so
that other load on the machine slows all of them. The rows of a relay are written before its time
begins, and the time of writing them is a way, too. Without a URL, the database is SQLite in a file.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, create_engine

from benchmarks.environment import aws_versions
from benchmarks.listener.bench import Run, Runs, race
from benchmarks.listener.workload import BODIES, EVENTS
from benchmarks.matching.tables import machine, table
from benchmarks.matching.timing import ratio
from benchmarks.model_server import running
from mega.aws.sqs import SqsPublisher
from mega.event import Payload
from mega.local import Server
from mega.outbox import Outbox, OutboxRelay

__all__ = ('OutboxBench', 'figures', 'ways')

CONCURRENCY = 8
TRANSACTION_SIZE = 10

NOT_SHOWN = """\
## What this does not show

- A network, AWS's own time, and a database on another machine. Client, database and server run on
  one machine, over loopback, and share its processors. Compare figures of one run only.
- Several relays. They claim rows in turn, and send at the same time."""


class OutboxBench:
    """A server, a database with an empty outbox, and the messages of each way."""

    def __init__(self, server: Server, engine: Engine, messages: int) -> None:
        self._server = server
        self._engine = engine
        self._outbox = Outbox('benchmark_outbox')
        self._outbox.table.drop(engine, checkfirst=True)
        self._outbox.create_table(engine)
        self._payloads: list[Payload] = (EVENTS * -(-messages // len(EVENTS)))[:messages]
        self._queue_url = server.create_queue('publishing')

    def batch(self, concurrency: int) -> Run:
        """Publish all messages by `publish_batch`."""
        with SqsPublisher(self._queue_url, **self._server.credentials) as publisher:
            publisher.publish_batch(self._payloads[:10])  # opens the connections
            return self._timed(
                partial(publisher.publish_batch, self._payloads, concurrency=concurrency)
            )

    def write(self) -> Run:
        """Write all messages to the outbox, ten in a transaction, and delete them."""
        run = self._timed(self._write, accepted=0)
        with self._engine.begin() as connection:
            connection.execute(self._outbox.table.delete())
        return run

    def relay(self, concurrency: int) -> Run:
        """Send all messages by a relay, which finds them in the outbox."""
        credentials = self._server.credentials
        with OutboxRelay(
            self._engine, self._outbox, concurrency=concurrency, **credentials
        ) as relay:
            with self._engine.begin() as connection:
                self._outbox.publish(connection, self._payloads[0], queue_url=self._queue_url)
            relay.drain()  # opens the connections
            self._write()
            return self._timed(relay.drain)

    def close(self) -> None:
        self._outbox.table.drop(self._engine)

    def _write(self) -> None:
        for start in range(0, len(self._payloads), TRANSACTION_SIZE):
            with self._engine.begin() as connection:
                for payload in self._payloads[start : start + TRANSACTION_SIZE]:
                    self._outbox.publish(connection, payload, queue_url=self._queue_url)

    def _timed(self, way: Callable[[], object], accepted: int | None = None) -> Run:
        """Reset the server, and run a way once."""
        self._server.reset()
        self._server.create_queue('publishing')
        expected = len(self._payloads) if accepted is None else accepted
        cpu, begun = time.process_time(), time.perf_counter()
        way()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        counts = self._server.counts()
        assert counts.accepted == expected, f'{counts.accepted} of {expected} messages arrived'
        sends = sum(calls for name, calls in counts.calls.items() if name.startswith('Send'))
        return Run(len(self._payloads), seconds, cpu, sends)


def ways(bench: OutboxBench) -> dict[str, Callable[[], Run]]:
    """Return the ways to compare, by name."""
    named: dict[str, Callable[[], Run]] = {}
    for calls in (1, CONCURRENCY):
        named[f'publish_batch, concurrency={calls}'] = partial(bench.batch, calls)
        named[f'relay, concurrency={calls}'] = partial(bench.relay, calls)
    named[f'Outbox.publish, {TRANSACTION_SIZE} in a transaction'] = bench.write
    return named


def figures(runs: Mapping[str, Runs]) -> str:
    """Tabulate rates and CPU time, and the rate of a relay as a part of that of `publish_batch`."""
    rows = []
    for name, taken in runs.items():
        base = runs.get(name.replace('relay', 'publish_batch')) if 'relay' in name else None
        part = '-'
        if base:
            found = ratio([run.rate for run in taken], [run.rate for run in base])
            part = f'{found.median:.2f} ({found.least:.2f} to {found.most:.2f})'
        rate = statistics.median(run.rate for run in taken)
        cpu = statistics.median(run.cpu / run.messages for run in taken)
        rows.append([name, f'{rate:,.0f}', f'{cpu * 1e6:,.0f}', part])
    return table(['', 'messages a second', 'CPU us a message', 'of publish_batch'], rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.outbox', description=__doc__)
    parser.add_argument('--database-url', metavar='URL', help='as SQLAlchemy reads it')
    parser.add_argument('--rounds', type=int, default=5, metavar='N')
    parser.add_argument('--messages', type=int, default=2_000, metavar='N', help='of each run')
    parser.add_argument('--latency-ms', type=float, default=10, metavar='N', help='of each call')
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    rounds, messages, latency = arguments.rounds, arguments.messages, arguments.latency_ms
    size = statistics.mean(map(len, BODIES))
    with tempfile.TemporaryDirectory() as directory, running() as server:
        url = arguments.database_url or f'sqlite:///{Path(directory) / "outbox.db"}'
        engine = create_engine(url)
        print(
            f'# The rate of a relay\n\n{machine()}\n{aws_versions()}\n'
            f'{engine.dialect.name} with {engine.dialect.driver}\n\n'
            f'{rounds} rounds of {messages:,} events of {size:.0f} bytes as JSON. Figures are '
            'medians of the rounds.\n'
        )
        bench = OutboxBench(server, engine, messages)
        for milliseconds in (0, latency):
            server.configure(latency_ms=milliseconds)
            runs = race(ways(bench), rounds)
            print(f'## {milliseconds:g} ms of latency\n\n{figures(runs)}\n', flush=True)
        bench.close()
        engine.dispose()
    print(NOT_SHOWN)


if __name__ == '__main__':
    main()
