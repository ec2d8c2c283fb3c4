"""The responses of `mega listen --health`, as functions of the state of all child processes.

/livez     200 while the loop of each process turns; whether AWS responds does not matter
/readyz    200 while all wanted processes receive messages; 503 at the start and during a stop
/stats     all counters as JSON: the total, the sum of each target, and each process
/metrics   the sums of the targets, and the metrics of hooks, in the text format of Prometheus

A sum includes the processes that ended, so that a counter never decreases.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import NamedTuple

from mega.cli.listen.exposition import CONTENT_TYPE, write_metrics
from mega.cli.listen.hook_metrics import hook_metrics
from mega.cli.listen.listener_metrics import COUNTERS, listener_metrics, sums_by_target
from mega.cli.listen.snapshot import ProcessSnapshot, ProcessState, Report, Snapshot

__all__ = ('PATHS', 'Response', 'respond')

_JSON = 'application/json'
_TEXT = 'text/plain; charset=utf-8'


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
    """Report when the loop of each process last turned, and when SQS last answered it.

    Only a loop that has stopped is a problem: a restart does not help if SQS does not answer, or if
    a message takes long. A process that starts or stops has no loop, and the parent limits the time
    of its stop.
    """
    lines, is_live = [], True
    for process in snapshot.processes:
        report = process.report
        if process.state is not ProcessState.READY or report is None:
            continue
        line = f'process {process.pid} ({process.target}): its loop turned {_ago(report.loop_age)}'
        limit = _max_loop_age(report)
        if report.loop_age > limit:
            is_live = False
            line += f', at most {limit} s are allowed'
        lines.append(f'{line}; last receive that SQS answered: {_ago(report.receive_age)}')
    if is_live:
        return _text(HTTPStatus.OK, [*lines, 'ok'])
    return _text(HTTPStatus.SERVICE_UNAVAILABLE, lines)


def _ago(seconds: float | None) -> str:
    return 'never' if seconds is None else f'{seconds:.1f} s ago'


def _max_loop_age(report: Report) -> int:
    """Return the seconds within which a loop turns: two long polls, and a reserve."""
    return 2 * report.wait_time_seconds + 30


def _readyz(snapshot: Snapshot) -> Response:
    if snapshot.is_stopping:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, ['the command is stopping'])
    receiving = sum(map(_is_receiving, snapshot.processes))
    if receiving < snapshot.wanted:
        problem = f'{receiving} of {snapshot.wanted} processes receive messages'
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, [problem])
    return _text(HTTPStatus.OK, ['ok'])


def _is_receiving(process: ProcessSnapshot) -> bool:
    report = process.report
    return process.state is ProcessState.READY and report is not None and report.is_receiving


def _text(status: HTTPStatus, lines: list[str]) -> Response:
    return Response(status, _TEXT, '\n'.join([*lines, '']))


def _stats(snapshot: Snapshot) -> Response:
    by_target = sums_by_target(snapshot)
    stats = {
        'total': {name: sum(each[name] for each in by_target.values()) for name in COUNTERS},
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
            'in_flight': report.in_flight,
            'seconds_since_loop': round(report.loop_age, 3),
            'seconds_since_receive': _rounded(report.receive_age),
            'resident_bytes': report.resident_bytes,
            'stats': dict(report.stats),
        }
    return found


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _metrics(snapshot: Snapshot) -> Response:
    families = [*listener_metrics(snapshot), *hook_metrics(snapshot)]
    return Response(HTTPStatus.OK, CONTENT_TYPE, write_metrics(families))


PATHS = {'/livez': _livez, '/readyz': _readyz, '/stats': _stats, '/metrics': _metrics}
