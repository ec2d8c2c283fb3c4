"""The metrics of `mega listen` itself: the counters of its targets, and its processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from mega.cli.listen.exposition import Family, Sample
from mega.cli.listen.snapshot import ProcessState, Snapshot

__all__ = ('COUNTERS', 'listener_metrics', 'sums_by_target')

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


def sums_by_target(snapshot: Snapshot) -> dict[str, Counter[str]]:
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


def listener_metrics(snapshot: Snapshot) -> Iterator[Family]:
    """Yield the metrics of the targets, of the processes and of the command."""
    sums = sums_by_target(snapshot)
    for name, text in COUNTERS.items():
        values = {target: counters[name] for target, counters in sums.items()}
        yield _of_targets(f'{name}_total', 'counter', text, values)
    text = 'Processes that ended without a request, and were started again.'
    yield _family('restarts_total', 'counter', text, [({}, snapshot.restarts)])
    text = 'Processes that should receive messages.'
    yield _family('wanted_processes', 'gauge', text, [({}, snapshot.wanted)])
    states = Counter((process.target, process.state) for process in snapshot.processes)
    samples = [
        ({'target': target, 'state': state.value}, states[target, state])
        for target in sums
        for state in ProcessState
    ]
    yield _family('processes', 'gauge', 'Processes by state.', samples)
    yield from _gauges(snapshot)


def _gauges(snapshot: Snapshot) -> Iterator[Family]:
    loops: dict[str, float] = {}
    receives: dict[str, float] = {}
    in_flight: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    for process in snapshot.processes:
        target, report = process.target, process.report
        if report is None:
            continue
        in_flight[target] += report.in_flight
        memory[target] += report.resident_bytes
        loops[target] = max(loops.get(target, 0.0), report.loop_age)
        if report.receive_age is not None:
            receives[target] = max(receives.get(target, 0.0), report.receive_age)
    for name, text, values in (
        ('loop_age_seconds', 'Time since the loop turned, of the slowest process.', loops),
        ('receive_age_seconds', 'Time since SQS answered the receive of a process.', receives),
        ('in_flight', 'Messages that are received and not settled.', in_flight),
        ('resident_bytes', 'Resident memory of the processes.', memory),
    ):
        yield _of_targets(name, 'gauge', text, values)


def _of_targets(name: str, kind: str, text: str, values: Mapping[str, float]) -> Family:
    return _family(name, kind, text, [({'target': each}, value) for each, value in values.items()])


def _family(
    name: str, kind: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]
) -> Family:
    name = f'mega_listener_{name}'
    found = (
        Sample(name, tuple(labels.items()), round(float(value), 3)) for labels, value in samples
    )
    return Family(name, kind, text, tuple(found))
