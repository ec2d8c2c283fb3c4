from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.cli.listen.health import PATHS, respond
from mega.cli.listen.listener_metrics import COUNTERS
from mega.cli.listen.snapshot import ProcessSnapshot, ProcessState, Report, Snapshot

FRESH = Report(
    stats={'received': 5, 'done': 4, 'transport': 'direct'},
    is_receiving=True,
    loop_age=0.5,
    receive_age=1.25,
    wait_time_seconds=20,
    resident_bytes=1_000,
    in_flight=3,
)


def process(
    pid: int = 1,
    state: ProcessState = ProcessState.READY,
    target: str = 'shop:orders',
    report: Report | None = FRESH,
    **changes: Any,
) -> ProcessSnapshot:
    return ProcessSnapshot(pid, target, state, report and replace(report, **changes))


def snapshot(*processes: ProcessSnapshot, wanted: int = 1, **others: Any) -> Snapshot:
    return Snapshot(processes, wanted, **others)


def samples(*processes: ProcessSnapshot, **others: Any) -> dict[str, float]:
    """Return the values in the metrics by their names with labels, without the prefix."""
    text = respond('/metrics', snapshot(*processes, **others)).body
    found = re.findall(r'^mega_listener_(\S+) (\S+)$', text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def stats(*processes: ProcessSnapshot, **others: Any) -> Any:
    return json.loads(respond('/stats', snapshot(*processes, **others)).body)


# /livez


@pytest.mark.parametrize(
    'other',
    [
        process(loop_age=70),
        process(receive_age=9_999.0),
        process(receive_age=None),
        process(loop_age=9_999, state=ProcessState.STARTING),
        process(loop_age=9_999, state=ProcessState.STOPPING),
        process(report=None),
    ],
    ids=['loop within limit', 'AWS silent', 'AWS never', 'starting', 'stopping', 'no report'],
)
def test_a_process_is_live_while_its_loop_turns(other: ProcessSnapshot) -> None:
    assert respond('/livez', snapshot(process(), other)).status == 200


def test_a_process_whose_loop_stopped_is_named() -> None:
    response = respond('/livez', snapshot(process(7, loop_age=71), process(8)))
    assert response.status == 503
    answered = 'last receive that SQS answered: 1.2 s ago'
    assert response.body == (
        'process 7 (shop:orders): its loop turned 71.0 s ago, at most 70 s are allowed; '
        f'{answered}\nprocess 8 (shop:orders): its loop turned 0.5 s ago; {answered}\n'
    )


def test_a_process_that_sqs_never_answered_says_so() -> None:
    response = respond('/livez', snapshot(process(7, receive_age=None)))
    assert response.body.splitlines()[0].endswith('last receive that SQS answered: never')


# /readyz


def test_it_is_ready_when_every_wanted_process_receives() -> None:
    old = process(1, ProcessState.STOPPING)
    assert respond('/readyz', snapshot(process(2), process(3), old, wanted=2)).status == 200
    assert respond('/readyz', snapshot(wanted=0)).status == 200


@pytest.mark.parametrize(
    'other',
    [
        process(state=ProcessState.STARTING),
        process(state=ProcessState.STOPPING),
        process(is_receiving=False),
        process(report=None),
    ],
)
def test_it_is_not_ready_while_a_wanted_process_does_not_receive(other: ProcessSnapshot) -> None:
    response = respond('/readyz', snapshot(process(), other, wanted=2))
    assert (response.status, response.body) == (503, '1 of 2 processes receive messages\n')


def test_it_is_not_ready_during_a_stop() -> None:
    response = respond('/readyz', snapshot(process(), is_stopping=True))
    assert (response.status, response.body) == (503, 'the command is stopping\n')


# /stats


def test_stats_have_the_total_the_sum_of_each_target_and_each_process() -> None:
    found = stats(process(1), process(2, target='shop:refunds'), process(3, report=None), wanted=3)
    assert found['total'] == {**dict.fromkeys(COUNTERS, 0), 'received': 10, 'done': 8}
    assert found['targets']['shop:orders']['done'] == 4
    assert found['targets']['shop:refunds']['done'] == 4
    assert found['targets']['shop:orders']['fatal'] == 0
    assert found['processes'][0] == {
        'pid': 1,
        'target': 'shop:orders',
        'state': 'ready',
        'is_receiving': True,
        'in_flight': 3,
        'seconds_since_loop': 0.5,
        'seconds_since_receive': 1.25,
        'resident_bytes': 1_000,
        'stats': {'received': 5, 'done': 4, 'transport': 'direct'},
    }
    assert found['processes'][2] == {'pid': 3, 'target': 'shop:orders', 'state': 'ready'}
    assert (found['wanted'], found['restarts'], found['is_stopping']) == (3, 0, False)


def test_sums_include_the_processes_that_ended() -> None:
    ended = {'shop:orders': {'received': 100}, 'shop:gone': {'received': 1}}
    assert stats(process(), ended=ended)['total']['received'] == 106
    found = samples(process(), ended=ended)
    assert found['received_total{target="shop:orders"}'] == 105
    assert found['received_total{target="shop:gone"}'] == 1


# /metrics


def test_every_counter_of_a_listener_is_a_metric() -> None:
    counters = {name for name, value in vars_of(StatsCounter()).items() if value == 0}
    assert set(COUNTERS) == counters
    assert {f'{name}_total{{target="shop:orders"}}' for name in counters} <= set(samples(process()))


def vars_of(counter: StatsCounter) -> dict[str, object]:
    found = counter.stats()
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def test_metrics_have_the_states_the_ages_and_the_memory_of_the_processes() -> None:
    slow = process(2, loop_age=3.0, receive_age=None, resident_bytes=500)
    found = samples(process(), slow, process(3, ProcessState.STARTING, report=None), restarts=6)
    assert found['processes{target="shop:orders",state="ready"}'] == 2
    assert found['processes{target="shop:orders",state="starting"}'] == 1
    assert found['processes{target="shop:orders",state="stopping"}'] == 0
    assert found['loop_age_seconds{target="shop:orders"}'] == 3
    assert found['receive_age_seconds{target="shop:orders"}'] == 1.25
    assert found['resident_bytes{target="shop:orders"}'] == 1_500
    assert (found['wanted_processes'], found['restarts_total']) == (1, 6)


def test_each_metric_has_its_help_and_its_type_once() -> None:
    response = respond('/metrics', snapshot(process(1), process(2, target='b')))
    assert response.content_type.startswith('text/plain; version=0.0.4')
    assert response.body.endswith('\n')
    types = re.findall(r'^# TYPE mega_listener_(\w+) (counter|gauge)$', response.body, re.MULTILINE)
    assert len(types) == len(dict(types)) == response.body.count('# HELP ')
    assert all((kind == 'counter') == name.endswith('_total') for name, kind in types)


def test_a_target_cannot_break_a_line_of_the_metrics() -> None:
    target = 'a\\b"c\nd'
    body = respond('/metrics', snapshot(process(target=target))).body
    assert r'done_total{target="a\\b\"c\nd"} 4' in body


def test_without_a_process_there_are_metrics_of_the_command() -> None:
    assert samples(wanted=2) == {'wanted_processes': 2, 'restarts_total': 0}
    assert stats()['total'] == dict.fromkeys(COUNTERS, 0)


# paths


def test_a_query_is_ignored_and_another_path_lists_the_paths() -> None:
    assert respond('/livez?verbose=1', snapshot()).status == 200
    response = respond('/healthz', snapshot())
    assert response.status == 404
    assert all(path in response.body for path in PATHS)
