"""The guide has the tables of sizes and costs that the benchmark prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import payload_sizes

GUIDE = Path(__file__).parents[2] / 'docs' / 'large-payloads.md'

VERSIONS = 0.02
"""The difference between versions of zlib and of zstd, as a share of the compressed size."""


def rows(text: str) -> list[list[str]]:
    return [line.strip('| ').split(' | ') for line in text.splitlines() if line.startswith('|')]


def numbers(cells: list[str]) -> list[int]:
    return [int(cell.replace(',', '')) for cell in cells]


def test_the_guide_has_the_tables_of_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    payload_sizes.main()
    section = GUIDE.read_text(encoding='utf-8').partition('\n### Sizes and costs\n')[2]
    documented, printed = rows(section.partition('\n### ')[0]), rows(capsys.readouterr().out)
    assert len(documented) == len(printed)
    for row, expected in zip(documented, printed, strict=True):
        exact = len(expected)
        if exact == 7 and expected[0] in payload_sizes.payloads():
            exact = 3  # the name, JSON and BSON
            assert numbers(row[exact:]) == pytest.approx(numbers(expected[exact:]), rel=VERSIONS)
        assert row[:exact] == expected[:exact]
