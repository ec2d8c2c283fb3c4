from __future__ import annotations

import pytest

from tests.profile import NIGHTLY
from tests.programs import run


@pytest.mark.skipif(not NIGHTLY, reason='takes long: at night only')
def test_the_benchmark_compares_one_process_with_two() -> None:
    program = run('benchmarks.processes', '--rounds', '1', '--messages', '5')
    assert program.returncode == 0, program.stderr
    assert '| computing' in program.stdout
    assert '| trivial' in program.stdout
    assert 'What this does not show' in program.stdout
