"""The benchmark of publishers: every way publishes every message. Nothing here is timed."""

from __future__ import annotations

import pytest

from benchmarks.listener.bench import Run
from benchmarks.publishing import WAYS, comparisons, own_cost, publish_all, timed
from mega.local import Server
from tests.profile import NIGHTLY
from tests.programs import run

MESSAGES = 25


@pytest.mark.parametrize(('name', 'calls'), [*zip(WAYS[:4], [25, 3, 25, 3], strict=True)])
def test_a_way_publishes_every_message_in_as_few_calls_as_it_can(
    server: Server, name: str, calls: int
) -> None:
    way = publish_all(server, MESSAGES)[name]
    taken = timed(server, MESSAGES, way)
    assert (taken.messages, taken.calls) == (MESSAGES, calls)


def test_messages_that_do_not_arrive_are_detected(server: Server) -> None:
    with pytest.raises(AssertionError, match='0 of 25 messages arrived'):
        timed(server, MESSAGES, lambda: None)


def test_the_own_cost_is_measured_without_a_call() -> None:
    assert own_cost(1) > 0


def test_comparisons_state_cpu_as_a_part_and_rate_as_a_multiple() -> None:
    slow, fast = Run(10, 2.0, 3.0, 10), Run(10, 1.0, 1.0, 1)
    runs = {name: [slow if name.startswith('boto3') else fast] for name in WAYS}
    assert '1/3.00 (1/3.00 to 1/3.00) | 2.00 times (2.00 to 2.00)' in comparisons(runs)


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_the_program_compares_http_and_https() -> None:
    program = run('benchmarks.publishing', '--rounds', '1', '--messages', '50')
    assert program.returncode == 0, program.stderr
    lines = program.stdout.splitlines()
    assert 'HTTP, as parts and multiples of boto3:' in lines
    assert 'HTTPS, as parts and multiples of boto3:' in lines
