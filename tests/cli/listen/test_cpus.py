from __future__ import annotations

import os
from pathlib import Path

import pytest

from mega.cli.listen.cpus import available_cpus


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(8)), raising=False)


def test_it_is_the_number_of_cpus_on_which_the_process_may_run(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) == 8


@pytest.mark.parametrize(
    ('quota', 'cpus'),
    [
        ('max 100000', 8),
        ('200000 100000', 2),
        ('150000 100000', 2),
        ('10000 100000', 1),
        ('9000000 100000', 8),
        ('', 8),
    ],
)
def test_the_limit_of_a_container_applies(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / 'cpu.max').write_text(f'{quota}\n')
    assert available_cpus(tmp_path) == cpus


@pytest.mark.parametrize(('quota', 'cpus'), [('-1', 8), ('300000', 3)])
def test_the_limit_of_version_1_applies(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / 'cpu').mkdir()
    (tmp_path / 'cpu' / 'cpu.cfs_quota_us').write_text(f'{quota}\n')
    (tmp_path / 'cpu' / 'cpu.cfs_period_us').write_text('100000\n')
    assert available_cpus(tmp_path) == cpus


def test_systems_without_affinity_have_all_their_cpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, 'sched_getaffinity')
    monkeypatch.setattr(os, 'cpu_count', lambda: 6)
    assert available_cpus(tmp_path) == 6
