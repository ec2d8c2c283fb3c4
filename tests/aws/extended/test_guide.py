"""Each row of the tables in the guide has its test, and each test has its row."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.aws.extended import test_extend_sqs, test_gaps, test_operations, test_promises

GUIDE = Path(__file__).parents[3] / 'docs' / 'extended-client.md'


def table(title: str) -> list[list[str]]:
    """The cells of the rows of a section's table, without its head."""
    section = (
        GUIDE.read_text(encoding='utf-8').partition(f'\n## {title}\n')[2].partition('\n## ')[0]
    )
    rows = [line.strip('|').split(' | ') for line in section.splitlines() if line.startswith('|')]
    return rows[2:]


@pytest.mark.parametrize(
    ('title', 'modules'),
    [
        ('Promises', [test_promises, test_extend_sqs, test_operations]),
        ('Differences', [test_gaps]),
    ],
)
def test_each_row_has_its_test_and_each_test_its_row(title: str, modules: list[ModuleType]) -> None:
    documented = [re.findall(r'`(test_\w+)`', row[-1]) for row in table(title)]
    assert all(len(names) == 1 for names in documented)
    tests = [name for module in modules for name in vars(module) if name.startswith('test_')]
    assert sorted(name for [name] in documented) == sorted(tests)
