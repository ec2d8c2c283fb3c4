"""The contenders of the listener benchmark drain every message. Nothing here is timed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.listener.bench import Bench, Run, open_bench, race
from benchmarks.listener.contenders import Listening, PlainLoop
from benchmarks.listener.idempotency import Places, idempotency
from benchmarks.listener.own_share import own_share
from benchmarks.listener.peers import PEERS, Peer, versions
from benchmarks.listener.sections import Effort, peers, throughput
from benchmarks.listener.typed import CLASSES, typed
from benchmarks.listener.workload import (
    BODIES,
    EVENTS,
    Goal,
    Kind,
    NoOp,
    sleeping,
    sleeping_async,
    subscribers,
)
from mega.match import PatternSet
from tests.profile import NIGHTLY
from tests.programs import run

MESSAGES = 50
LITTLE = Effort(rounds=1, messages=MESSAGES, few=MESSAGES)
HERE = Path(sys.executable)


@pytest.fixture(scope='module')
def bench() -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch, open_bench() as bench:
        patch.setattr('benchmarks.listener.bench.WARM_UP_MESSAGES', 10)
        yield bench


def test_the_plain_loop_takes_two_calls_for_ten_messages(bench: Bench) -> None:
    drained = bench.run(PlainLoop(bench.server), MESSAGES)
    assert (drained.messages, drained.calls) == (MESSAGES, 10)


@pytest.mark.parametrize(
    'kind', [NoOp, sleeping(0), sleeping_async(0)], ids=['no-op', 'sleeping', 'async']
)
def test_a_listener_ends_with_the_last_message(bench: Bench, kind: Kind) -> None:
    drained = bench.run(Listening(kind), MESSAGES)
    assert drained.messages == MESSAGES
    assert 0 <= drained.after_last < drained.seconds


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_throughput_states_cpu_and_rate_for_http_and_https(
    bench: Bench,
) -> None:
    with open_bench(https=True) as https:
        section = throughput({'HTTP': bench, 'HTTPS': https}, LITTLE)
    for scheme in ('HTTP', 'HTTPS'):
        assert re.search(
            rf'^{scheme}: SqsListener beside the plain loop .*\n'
            r'- CPU per message: 1/\d+\.\d\d of the plain loop .*\n'
            r'- rate: \d+\.\d\d times ',
            section,
            re.MULTILINE,
        ), section


def test_a_contender_that_leaves_messages_is_detected(bench: Bench) -> None:
    with pytest.raises(AssertionError, match='50 of 50 messages were not deleted'):
        bench.run(lambda server, queue_url, messages: lambda: 0.0, MESSAGES)


def test_calls_of_the_bench_itself_are_not_counted(bench: Bench) -> None:
    queue_url = bench.empty_queue()
    bench.fill(queue_url, MESSAGES)
    assert bench.left(queue_url) == MESSAGES
    assert bench.calls() == 0


def test_each_round_begins_with_another_contender() -> None:
    order: list[str] = []

    def turn(name: str) -> Any:
        def take() -> Run:
            order.append(name)
            return Run(1, 1.0, 1.0, 1)

        return take

    taken = race({name: turn(name) for name in 'abc'}, 2)
    assert order == ['a', 'b', 'c', 'b', 'c', 'a']
    assert {name: len(runs) for name, runs in taken.items()} == {'a': 2, 'b': 2, 'c': 2}


def test_each_event_has_one_subscriber_and_each_subscriber_has_events() -> None:
    wanted: PatternSet[type[object]] = PatternSet()
    kinds = subscribers(NoOp, Goal(1))
    for kind in kinds:
        wanted.add(kind.compiled_pattern, kind)
    found = [wanted.match(payload) for payload in EVENTS]
    assert {len(kinds) for kinds in found} == {1}
    assert {kind for kinds in found for kind in kinds} == set(kinds)


def test_events_have_the_claimed_size() -> None:
    assert all(580 <= len(body) <= 610 for body in BODIES)


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_typed_subscribers_are_compared_with_an_untyped_one() -> None:
    lines = typed(1, 500).splitlines()
    assert lines[0] == '## CPU time of typed subscribers'
    names = [line.split('|')[1].strip() for line in lines if line.startswith('|')]
    assert names[2:] == [*CLASSES]


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_the_hook_is_compared_with_each_store(bench: Bench, redis_url: str) -> None:
    lines = idempotency(bench, 1, MESSAGES, Places(redis=redis_url)).splitlines()
    names = [line.split('|')[1].strip() for line in lines if line.startswith('|')]
    assert names[2:] == ['without the hook', 'MemoryStore', 'SqlStore, SQLite', 'RedisStore']
    assert lines[-1] == 'dynamodb is left out: no --dynamodb is given.'


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_the_own_share_shows_every_stage() -> None:
    lines = own_share(1, 10 * MESSAGES).splitlines()
    assert lines[0] == '## CPU time of the listener itself'
    assert [line.split('|')[1].strip() for line in lines if line.startswith('|')][2:9] == [
        'read the message',
        'parse the JSON',
        'open: create the event',
        'match 100 subscribers',
        'create the instance, process',
        'the rest: engine, settlement',
        'total',
    ]


# ── peers ────────────────────────────────────────────────────────────────────────────────────────


def test_the_section_names_the_missing_peers(bench: Bench) -> None:
    lines = peers(bench, LITTLE, None).splitlines()
    left_out = [line.partition(' is left out')[0] for line in lines if ' is left out' in line]
    assert left_out == sorted({peer.library for peer in PEERS})


def test_versions_lists_the_installed_libraries() -> None:
    assert {'boto3', 'botocore'} <= set(versions(HERE))


def test_the_error_of_a_peer_contains_its_output(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match=r'(?s)no peer ended.*KeyError'):
        Peer('no peer', 'no library', 1).run(HERE, bench, MESSAGES)


def test_a_peer_is_timed_after_its_warm_up(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of a few lines stands in for a library that is not installed."""
    (tmp_path / 'sqs_listener.py').write_text(LIKE_PY_SQS_LISTENER, encoding='utf-8')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    drained = Peer('like pySqsListener', 'pySqsListener', 10).run(HERE, bench, MESSAGES)
    assert (drained.messages, drained.calls) == (MESSAGES, MESSAGES * 11 // 10)
    assert drained.seconds > 0


LIKE_PY_SQS_LISTENER = """
class SqsListener:
    def __init__(self, name, **options):
        self.client, self.options = self._initialize_client(), options

    def listen(self):
        url = self.options['queue_url']
        while True:
            answer = self.client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=self.options['max_number_of_messages'],
                WaitTimeSeconds=self.options['wait_time'],
            )
            for message in answer.get('Messages', ()):
                self.handle_message(message, None, None)
                self.client.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
"""


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_the_command_prints_the_chosen_section() -> None:
    program = run('benchmarks.listener', '--quick', '--only', 'own-share')
    assert program.returncode == 0, program.stderr
    headings = [line for line in program.stdout.splitlines() if line.startswith('#')]
    assert headings == [
        '# The cost of draining a queue',
        '## CPU time of the listener itself',
        '## What this does not show',
    ]
