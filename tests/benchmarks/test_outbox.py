"""The benchmark of the outbox: every way sends every message. Nothing here is timed."""

from __future__ import annotations

import pytest

from tests.profile import NIGHTLY
from tests.programs import run


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_the_program_compares_the_relay_with_publish_batch() -> None:
    program = run('benchmarks.outbox', '--rounds', '1', '--messages', '30', '--latency-ms', '1')
    assert program.returncode == 0, program.stderr
    assert 'sqlite with pysqlite' in program.stdout
    for name in ('publish_batch, concurrency=1', 'relay, concurrency=8', 'Outbox.publish, 10 in'):
        assert program.stdout.count(f'| {name}') == 2
