"""Compare the cost of publishing with `SqsPublisher` and with boto3's client.

    python -m benchmarks.publishing [--scheme http|https|both] [--rounds N] [--messages N]

The in-memory SQS runs in its own process. Every method runs once in each round, so
that other load on the machine slows all of them. Ratios are taken in each round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import boto3

from benchmarks.environment import add_scheme_option, aws_versions, selected_schemes
from benchmarks.listener.bench import Run, Runs, race
from benchmarks.listener.workload import BODIES, EVENTS
from benchmarks.matching.tables import machine, table
from benchmarks.matching.timing import Ratio, ratio
from benchmarks.model_server import running
from mega.aws._publishing.publisher import Publisher
from mega.aws._transport.clock import SYSTEM_CLOCK
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.service import SQS
from mega.event import Payload
from mega.local import Server

__all__ = ('WAYS', 'comparisons', 'own_cost', 'publish_all')

LATENCY_MS = 10
THREADS = 8

SEND = 'boto3 send_message'
SEND_BATCH = 'boto3 send_message_batch'
PUBLISH = 'publish'
PUBLISH_BATCH = 'publish_batch'
BUFFER = f'buffer, {THREADS} threads'
WAYS = (SEND, SEND_BATCH, PUBLISH, PUBLISH_BATCH, BUFFER)

COMPARED = ((PUBLISH, SEND), (PUBLISH_BATCH, SEND_BATCH), (PUBLISH_BATCH, SEND), (BUFFER, SEND))

NOT_SHOWN = """\
## What this does not show

- A network and AWS's own time. Client and server run on one machine, over loopback, and share its
  processors. Compare figures of one run only, and quote ratios instead of rates.
- TLS handshakes. Connections are open before the first round.
- Equal work: boto3 sends bodies that were encoded before the clock started. The publisher checks
  and encodes its payloads, too."""

Way: TypeAlias = Callable[[], object]


def send_each(client: Any, queue_url: str, bodies: Sequence[str]) -> None:
    for body in bodies:
        client.send_message(QueueUrl=queue_url, MessageBody=body)


def send_batches(client: Any, queue_url: str, bodies: Sequence[str]) -> None:
    remaining = iter(bodies)
    while batch := list(islice(remaining, 10)):
        entries = [{'Id': str(place), 'MessageBody': body} for place, body in enumerate(batch)]
        client.send_message_batch(QueueUrl=queue_url, Entries=entries)


def publish_each(publisher: SqsPublisher, payloads: Sequence[Payload]) -> None:
    for payload in payloads:
        publisher.publish(payload)


def publish_from_threads(publisher: SqsPublisher, payloads: Sequence[Payload]) -> None:
    with publisher.buffer() as buffer, ThreadPoolExecutor(THREADS) as pool:
        futures = list(pool.map(buffer.publish, payloads))
    assert all(future.result() for future in futures)


def publish_all(server: Server, messages: int) -> Mapping[str, Way]:
    """Return the methods that publish a number of messages. Each keeps its connections."""
    queue_url = server.create_queue('publishing')
    client = boto3.client('sqs', **server.credentials)
    publisher = SqsPublisher(queue_url, **server.credentials)
    repeats = -(-messages // len(EVENTS))
    bodies, payloads = (BODIES * repeats)[:messages], (EVENTS * repeats)[:messages]
    return {
        SEND: partial(send_each, client, queue_url, bodies),
        SEND_BATCH: partial(send_batches, client, queue_url, bodies),
        PUBLISH: partial(publish_each, publisher, payloads),
        PUBLISH_BATCH: partial(publisher.publish_batch, payloads),
        BUFFER: partial(publish_from_threads, publisher, payloads),
    }


def timed(server: Server, messages: int, way: Way) -> Run:
    """Reset the server, and run a method once."""
    server.reset()
    server.create_queue('publishing')
    cpu, begun = time.process_time(), time.perf_counter()
    way()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    counts = server.counts()
    assert counts.accepted == messages, f'{counts.accepted} of {messages} messages arrived'
    sends = sum(calls for name, calls in counts.calls.items() if name.startswith('Send'))
    return Run(messages, seconds, cpu, sends)


def comparisons(runs: Mapping[str, Runs]) -> str:
    """Tabulate the publisher's CPU and rate as parts and multiples of boto3's."""
    rows = []
    for name, base in COMPARED:
        cpu = ratio([run.cpu for run in runs[base]], [run.cpu for run in runs[name]])
        rate = ratio([run.rate for run in runs[name]], [run.rate for run in runs[base]])
        part = f'1/{cpu.median:.2f} (1/{cpu.least:.2f} to 1/{cpu.most:.2f})'
        rows.append([f'{name} / {base}', part, _multiple(rate)])
    return table(['', 'CPU per message', 'rate'], rows)


def _multiple(times: Ratio) -> str:
    return f'{times.median:.2f} times ({times.least:.2f} to {times.most:.2f})'


def figures(runs: Mapping[str, Runs]) -> str:
    header = ['', 'messages a second', 'CPU us a message', 'calls a message']
    return table(
        header,
        [
            [
                name,
                _spread([run.rate for run in taken]),
                _spread([run.cpu / run.messages * 1e6 for run in taken]),
                f'{statistics.median(run.calls / run.messages for run in taken):.3f}',
            ]
            for name, taken in runs.items()
        ],
    )


def _spread(values: Sequence[float]) -> str:
    return f'{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})'


QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'


class FreeClient:
    """A client whose calls cost nothing, and which accepts every message."""

    region = endpoint_url = None
    clock = SYSTEM_CLOCK

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        if method == 'get_queue_attributes':
            return {'Attributes': {'MaximumMessageSize': '1048576'}}
        sent = [{'Id': entry['Id'], 'MessageId': 'id'} for entry in parameters['Entries']]
        return {'Successful': sent}


def own_cost(rounds: int) -> float:
    """Return the CPU time of `publish_batch` per payload in microseconds, without the call."""
    client: Any = FreeClient()
    publisher = Publisher(client, SQS, QUEUE_URL, None, 30)
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        publisher.publish_batch(EVENTS, False, None, None, {}, 1, True, None)
        taken.append(time.process_time() - started)
    return statistics.median(taken) / len(EVENTS) * 1e6


def with_latency(server: Server, rounds: int, messages: int) -> str:
    """Measure `concurrency`, which makes several calls at the same time."""
    publisher = SqsPublisher(server.create_queue('publishing'), **server.credentials)
    payloads = (EVENTS * -(-messages // len(EVENTS)))[:messages]
    server.configure(latency_ms=LATENCY_MS)
    turns = {
        f'publish_batch, concurrency={calls}': partial(
            timed,
            server,
            messages,
            partial(publisher.publish_batch, payloads, concurrency=calls),
        )
        for calls in (1, THREADS)
    }
    runs = race(turns, rounds)
    server.configure(latency_ms=0)
    return f'## {LATENCY_MS} ms added to each call\n\n{figures(runs)}'


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.publishing', description=__doc__)
    add_scheme_option(parser)
    parser.add_argument('--rounds', type=int, default=7, metavar='N')
    parser.add_argument('--messages', type=int, default=2_000, metavar='N', help='of each run')
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    rounds, messages = arguments.rounds, arguments.messages
    size = statistics.mean(map(len, BODIES))
    print(
        f'# The cost of publishing\n\n{machine()}\n{aws_versions()}\n\n'
        f'{rounds} rounds of {messages:,} events of {size:.0f} bytes as JSON. Figures are medians '
        'of the\nrounds, with the least and the most. Ratios are taken in each round.\n'
    )
    with ExitStack() as stack:
        servers = {
            scheme.upper(): stack.enter_context(running(https=scheme == 'https'))
            for scheme in selected_schemes(arguments.scheme)
        }
        turns = {
            f'{scheme}: {name}': partial(timed, server, messages, way)
            for scheme, server in servers.items()
            for name, way in publish_all(server, messages).items()
        }
        for turn in turns.values():
            turn()  # opens connections, and imports all modules, before the first round
        runs = race(turns, rounds)
        print(f'## No latency\n\n{figures(runs)}\n', flush=True)
        for scheme in servers:
            ratios = comparisons({name: runs[f'{scheme}: {name}'] for name in WAYS})
            print(f'{scheme}, as parts and multiples of boto3:\n\n{ratios}\n')
        server = next(iter(servers.values()))
        print(
            f'Without the call, publish_batch takes {own_cost(rounds):.1f} us of CPU for '
            'each payload, JSON included.\n'
        )
        print(with_latency(server, max(3, rounds // 2), messages), end='\n\n', flush=True)
    print(NOT_SHOWN)


if __name__ == '__main__':
    main()
