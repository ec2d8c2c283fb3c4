"""The responses of `mega listen --health`, as functions of the state of all child processes.

/livez     200 while the loop of each process turns; whether AWS responds does not matter
/readyz    200 while all wanted processes receive messages; 503 at the start and during a stop
/stats     all counters as JSON: the total, the sum of each target, and each process
/metrics   the sums of the targets in the text format of Prometheus

A sum includes the processes that ended, so that a counter never decreases.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple

from mega.cli.listen.snapshot import ProcessSnapshot, ProcessState, Report, Snapshot

__all__ = ('COUNTERS', 'PATHS', 'Response', 'respond')

COUNTERS = {
    'received': 'Messages that SQS delivered.',
    'duplicates': 'Messages that SQS delivered again while they were in flight.',
    'done': 'Messages that all matching subscribers processed.',
    'retried': 'Messages that stay in the queue because a subscriber asked for a retry.',
    'exhausted': 'Messages whose subscriber asked for a retry at the last of max_receives.',
    'fatal': 'Messages whose subscriber failed permanently.',
    'unmatched': 'Messages that no subscriber matches.',
    'unopened': 'Messages whose body is invalid, or could not be read from S3.',
    'released': 'Messages that became visible unprocessed, for example at a stop.',
    'released_in_progress': 'Messages that became visible when the grace period ended.',
    'expired': 'Messages that did not start within their visibility timeout.',
    'visibility_lost': 'Messages that were not in flight any more during processing.',
    'deleted': 'Messages that SQS deleted.',
    'dead_lettered': 'Messages that were sent to the dead-letter queue.',
    'errors': 'Calls to AWS that failed.',
}
"""The counters of a listener's `stats()`, with their help in the metrics."""

_PREFIX = 'mega_listener'

_JSON = 'application/json'
_TEXT = 'text/plain; charset=utf-8'
_METRICS = 'text/plain; version=0.0.4; charset=utf-8'
"""https://prometheus.io/docs/instrumenting/exposition_formats/"""


class Response(NamedTuple):
    """An HTTP response."""

    status: HTTPStatus
    content_type: str
    body: str


def respond(path: str, snapshot: Snapshot) -> Response:
    """Return the response to a GET request. A query in the path is ignored."""
    handle = PATHS.get(path.partition('?')[0])
    if handle is None:
        return Response(HTTPStatus.NOT_FOUND, _TEXT, f'the paths are {" ".join(PATHS)}\n')
    return handle(snapshot)


def _livez(snapshot: Snapshot) -> Response:
    """Report the processes whose loop has stopped.

    A process that starts or stops has no loop. The parent limits the time of its stop.
    """
    problems = []
    for process in snapshot.processes:
        if process.state is ProcessState.READY and process.report is not None:
            age, limit = process.report.loop_age, _max_loop_age(process.report)
            if age > limit:
                problem = f'its loop last turned {age:.0f} s ago, at most {limit} s are allowed'
                problems.append(f'process {process.pid} ({process.target}): {problem}')
    return _check(problems)


def _max_loop_age(report: Report) -> int:
    """Return the seconds within which a loop turns: two long polls, and a reserve."""
    return 2 * report.wait_time_seconds + 30


def _readyz(snapshot: Snapshot) -> Response:
    if snapshot.is_stopping:
        return _check(['the command is stopping'])
    receiving = sum(map(_is_receiving, snapshot.processes))
    if receiving < snapshot.wanted:
        return _check([f'{receiving} of {snapshot.wanted} processes receive messages'])
    return _check([])


def _is_receiving(process: ProcessSnapshot) -> bool:
    report = process.report
    return process.state is ProcessState.READY and report is not None and report.is_receiving


def _check(problems: list[str]) -> Response:
    if problems:
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, '\n'.join([*problems, '']))
    return Response(HTTPStatus.OK, _TEXT, 'ok\n')


def _stats(snapshot: Snapshot) -> Response:
    by_target = _sums(snapshot)
    stats = {
        'total': dict(sum(by_target.values(), Counter(dict.fromkeys(COUNTERS, 0)))),
        'targets': by_target,
        'wanted': snapshot.wanted,
        'restarts': snapshot.restarts,
        'is_stopping': snapshot.is_stopping,
        'processes': [_process_stats(each) for each in snapshot.processes],
    }
    return Response(HTTPStatus.OK, _JSON, json.dumps(stats, indent=2) + '\n')


def _process_stats(process: ProcessSnapshot) -> dict[str, object]:
    found: dict[str, object] = {
        'pid': process.pid,
        'target': process.target,
        'state': process.state.value,
    }
    if (report := process.report) is not None:
        found |= {
            'is_receiving': report.is_receiving,
            'seconds_since_loop': round(report.loop_age, 3),
            'seconds_since_receive': _rounded(report.receive_age),
            'resident_bytes': report.resident_bytes,
            'stats': dict(report.stats),
        }
    return found


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _sums(snapshot: Snapshot) -> dict[str, Counter[str]]:
    """Return the counters of each target, of its present processes and its ended ones."""
    targets = [*snapshot.ended, *(process.target for process in snapshot.processes)]
    sums = {target: Counter(dict.fromkeys(COUNTERS, 0)) for target in targets}
    for target, counters in snapshot.ended.items():
        _add(sums[target], counters)
    for process in snapshot.processes:
        if process.report is not None:
            _add(sums[process.target], process.report.stats)
    return sums


def _add(sums: Counter[str], stats: Mapping[str, int | str]) -> None:
    for name in COUNTERS:
        sums[name] += int(stats.get(name, 0))


def _metrics(snapshot: Snapshot) -> Response:
    return Response(HTTPStatus.OK, _METRICS, ''.join(f'{each}\n' for each in _lines(snapshot)))


def _lines(snapshot: Snapshot) -> Iterator[str]:
    sums = _sums(snapshot)
    for name, text in COUNTERS.items():
        samples = [({'target': target}, counters[name]) for target, counters in sums.items()]
        yield from _metric(f'{name}_total', 'counter', text, samples)
    text = 'Processes that ended without a request, and were started again.'
    yield from _metric('restarts_total', 'counter', text, [({}, snapshot.restarts)])
    text = 'Processes that should receive messages.'
    yield from _metric('wanted_processes', 'gauge', text, [({}, snapshot.wanted)])
    states = Counter((process.target, process.state) for process in snapshot.processes)
    samples = [
        ({'target': target, 'state': state.value}, states[target, state])
        for target in sums
        for state in ProcessState
    ]
    yield from _metric('processes', 'gauge', 'Processes by state.', samples)
    yield from _ages_and_memory(snapshot)


def _ages_and_memory(snapshot: Snapshot) -> Iterator[str]:
    loops: dict[str, float] = {}
    receives: dict[str, float] = {}
    memory: Counter[str] = Counter()
    for process in snapshot.processes:
        target, report = process.target, process.report
        if report is None:
            continue
        memory[target] += report.resident_bytes
        loops[target] = max(loops.get(target, 0.0), report.loop_age)
        if report.receive_age is not None:
            receives[target] = max(receives.get(target, 0.0), report.receive_age)
    for name, text, values in (
        ('loop_age_seconds', 'Time since the loop turned, of the slowest process.', loops),
        ('receive_age_seconds', 'Time since SQS answered the receive of a process.', receives),
        ('resident_bytes', 'Resident memory of the processes.', memory),
    ):
        samples = [({'target': target}, value) for target, value in values.items()]
        yield from _metric(name, 'gauge', text, samples)


def _metric(
    name: str, kind: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]
) -> Iterator[str]:
    """Yield the lines of a metric. A metric without samples has none."""
    lines = [f'{_PREFIX}_{name}{_labels(labels)} {_number(value)}' for labels, value in samples]
    if lines:
        yield f'# HELP {_PREFIX}_{name} {text}'
        yield f'# TYPE {_PREFIX}_{name} {kind}'
        yield from lines


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ''
    escapes = str.maketrans({'\\': r'\\', '"': r'\"', '\n': r'\n'})
    texts = [f'{key}="{text.translate(escapes)}"' for key, text in labels.items()]
    return f'{{{",".join(texts)}}}'


def _number(value: float) -> str:
    return str(round(value, 3))


PATHS = {'/livez': _livez, '/readyz': _readyz, '/stats': _stats, '/metrics': _metrics}
