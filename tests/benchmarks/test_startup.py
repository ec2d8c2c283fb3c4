from __future__ import annotations

import sys

import pytest

from benchmarks import startup


@pytest.mark.no_cover
def test_the_benchmark_prints_a_line_per_program_and_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, 'argv', ['startup', '1'])
    startup.main()
    heading, _, *lines, goal = capsys.readouterr().out.splitlines()
    assert 'CPUs' in heading
    assert [line[:26].rstrip() for line in lines] == list(startup.PROGRAMS)
    assert goal == 'goal: 80 ms where bare is 15 ms, 5.3 times'
