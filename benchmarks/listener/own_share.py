"""The CPU time of the listener itself, without the calls to SQS, by stage and by function."""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

from benchmarks.listener.contenders import MAX_MESSAGES, drain_plainly
from benchmarks.listener.workload import BODIES, Goal, Kind, NoOp, subscribers
from benchmarks.matching.tables import table
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.subscribe import Message, SqsListener
from mega.codec._json import decode as parse_json
from mega.match import PatternSet

__all__ = ('QUEUE_URL', 'FreeClient', 'own_share')

QUEUE_URL = 'http://127.0.0.1:1/123456789012/free'
MAX_FUNCTIONS = 15


class _Meta:
    region_name = 'eu-west-1'
    method_to_api_mapping: dict[str, str] = {}


class FreeClient:
    """A client of SQS whose calls cost almost nothing. It returns a number of messages, then none.

    Each receive creates its messages, as boto3 does, with one of the bodies in turn.
    """

    meta = _Meta()

    def __init__(self, messages: int, bodies: Sequence[str] = BODIES) -> None:
        self._left = messages
        self._bodies = bodies
        self._numbers = count()

    def receive_message(self, **request: Any) -> dict[str, Any]:
        found = min(self._left, request['MaxNumberOfMessages'])
        self._left -= found
        numbers = islice(self._numbers, found)
        return {'Messages': [_received(number, self._bodies) for number in numbers]}

    def delete_message(self, **request: Any) -> dict[str, Any]:
        return {}

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        return {'Successful': [{'Id': entry['Id']} for entry in request['Entries']], 'Failed': []}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        return {'Attributes': {'RedrivePolicy': '{}'}}

    def close(self) -> None: ...


def _received(number: int, bodies: Sequence[str] = BODIES) -> dict[str, Any]:
    return {
        'MessageId': f'6b9b2f5a-8a3e-4c55-9d3e-{number:012}',
        'ReceiptHandle': f'AQEB{number}-1-0123456789abcdef',
        'MD5OfBody': '0123456789abcdef0123456789abcdef',
        'Body': bodies[number % len(bodies)],
        'Attributes': {
            'SenderId': 'AIDAEXAMPLE',
            'SentTimestamp': '1588607603123',
            'ApproximateReceiveCount': '1',
            'ApproximateFirstReceiveTimestamp': '1588607604123',
        },
    }


def own_share(rounds: int, messages: int) -> str:
    """Measure the stages by the clock, and the functions by the profiler."""
    stages = _stages(rounds, messages)
    whole = sum(stages.values())
    rows = [[name, f'{cost:.1f}', f'{cost / whole:.0%}'] for name, cost in stages.items()]
    rows.append(['total', f'{whole:.1f}', ''])
    return (
        '## CPU time of the listener itself\n\n'
        'A listener with a client that costs nothing, minus a plain loop with the same client.\n\n'
        f'{table(["stage", "us a message", "share"], rows)}\n\n'
        'The functions with the largest own time in the draining thread. The profiler overstates\n'
        'the cost of calls.\n\n'
        f'{table(["function", "share", "calls a message"], _functions(messages))}'
    )


# ── stages ───────────────────────────────────────────────────────────────────────────────────────


def _stages(rounds: int, messages: int) -> dict[str, float]:
    """Return the microseconds per message of each stage: medians over the rounds."""
    received = [_received(number) for number in range(messages)]
    read = [read_message(each) for each in received]
    opened: list[tuple[Message, Any]] = [open_message(message) for message in read]
    kinds = subscribers(NoOp, Goal(messages))
    patterns: PatternSet[Kind] = PatternSet()
    for kind in kinds:
        patterns.add(kind.compiled_pattern, kind)

    def parse() -> None:
        for each in received:
            parse_json(each['Body'])

    def read_() -> None:
        for each in received:
            read_message(each)

    def open_() -> None:
        for message in read:
            open_message(message)

    def match() -> None:
        for _, payload in opened:
            patterns.match(payload)

    def process() -> None:
        for message, payload in opened:
            instance = kinds[0]()
            instance.message = message
            instance.process(payload)

    stage_functions = {
        'parse': parse,
        'read': read_,
        'open': open_,
        'match': match,
        'process': process,
        'plain': lambda: drain_plainly(FreeClient(messages), QUEUE_URL, messages),
    }
    cost = {
        name: _cost(_prepared(function), rounds, messages)
        for name, function in stage_functions.items()
    }
    own = _cost(lambda: _listener(messages).drain, rounds, messages) - cost['plain']
    stages = {
        'read the message': cost['read'],
        'parse the JSON': cost['parse'],
        'open: create the event': cost['open'] - cost['parse'],
        f'match {len(kinds)} subscribers': cost['match'],
        'create the instance, process': cost['process'],
    }
    return stages | {'the rest: engine, settlement': own - sum(stages.values())}


def _prepared(function: Callable[[], object]) -> Callable[[], Callable[[], object]]:
    return lambda: function


def _listener(messages: int) -> SqsListener:
    return SqsListener(
        QUEUE_URL,
        subscribers(NoOp, Goal(messages)),
        max_number_of_messages=MAX_MESSAGES,
        wait_time_seconds=0,
        client=FreeClient(messages),
    )


def _cost(prepare: Callable[[], Callable[[], object]], rounds: int, messages: int) -> float:
    """Return the CPU time per message in microseconds, without the preparation."""
    taken = []
    for _ in range(rounds + 1):
        function = prepare()
        started = time.process_time()
        function()
        taken.append((time.process_time() - started) / messages * 1e6)
    return statistics.median(taken[1:])


# ── functions ────────────────────────────────────────────────────────────────────────────────────


def _functions(messages: int) -> Sequence[Sequence[str]]:
    profiler = cProfile.Profile()
    profiler.runcall(_listener(messages).drain)
    stats: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    whole = sum(figures[2] for figures in stats.values())
    costliest = sorted(stats.items(), key=lambda item: -item[1][2])[:MAX_FUNCTIONS]
    return [
        [_label(*function), f'{figures[2] / whole:.0%}', f'{figures[1] / messages:.2f}']
        for function, figures in costliest
    ]


def _label(path: str, line: int, name: str) -> str:
    """Return the location and the name of a function."""
    if path == '~':
        return name
    file = Path(path)
    return f'{file.parent.name}/{file.name}:{line} {name}'
