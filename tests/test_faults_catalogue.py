"""Each row of the catalogue of faults has a test that is named after it, or a reason for none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CATALOGUE = TESTS / 'cases' / 'faults.md'

ROW = re.compile(r'^\| (fault|trap) (\d+) \|(.*)\|$', re.MULTILINE)
TEST_NAME = re.compile(r'def (test_(?:fault|trap)_\w+)')
# fault_7, fault_35_and_36, fault_40_41_and_44, fault_2_to_24. But trap_06_40_threads is trap 6.
NUMBERS = re.compile(r'(fault|trap)_(\d+)(?:_to_(\d+)|((?:_\d+)*)_and_(\d+))?(?=_)')

Rows = set[tuple[str, int]]


def rows_in(test_name: str) -> Rows:
    """Return the rows that a test is named after, for example `('fault', 42)`."""
    found: Rows = set()
    for kind, first, last, middle, final in NUMBERS.findall(test_name):
        numbers = range(int(first), int(last) + 1) if last else map(int, [first, final or first])
        found |= {(kind, number) for number in numbers}
        found |= {(kind, int(number)) for number in middle.split('_') if number}
    return found


def rows_with_a_test() -> Rows:
    files = TESTS.rglob('test_*.py')
    names = (name for file in files for name in TEST_NAME.findall(file.read_text('utf-8')))
    return {row for name in names for row in rows_in(name)}


def catalogue() -> tuple[Rows, Rows]:
    """Return all rows, and the rows of the last section, which have no test."""
    listed, untested = CATALOGUE.read_text('utf-8').split('## Rows without a test')
    return rows_of(listed), rows_of(untested)


def rows_of(markdown: str) -> Rows:
    rows = [(kind, int(number)) for kind, number, _ in ROW.findall(markdown)]
    assert len(rows) == len(set(rows)), 'a row is listed twice'
    return set(rows)


def test_each_row_has_a_test_or_a_reason() -> None:
    listed, untested = catalogue()
    assert listed - rows_with_a_test() == untested


def test_each_test_is_named_after_a_row() -> None:
    listed, _ = catalogue()
    assert rows_with_a_test() <= listed


def test_the_rows_are_numbered_without_gaps() -> None:
    listed, _ = catalogue()
    assert listed == {
        *(('fault', number) for number in range(1, 119)),
        *(('trap', number) for number in range(1, 27)),
    }


def test_each_row_has_text_in_each_column() -> None:
    for kind, number, columns in ROW.findall(CATALOGUE.read_text('utf-8')):
        assert all(column.strip() for column in columns.split('|')), f'{kind} {number}'


@pytest.mark.parametrize(
    ('name', 'rows'),
    [
        ('test_fault_07_a', {('fault', 7)}),
        ('test_fault_35_and_36_a', {('fault', 35), ('fault', 36)}),
        ('test_fault_02_to_04_a', {('fault', 2), ('fault', 3), ('fault', 4)}),
        ('test_fault_40_41_and_44_a', {('fault', 40), ('fault', 41), ('fault', 44)}),
        ('test_trap_06_40_messages', {('trap', 6)}),
        ('test_trap_08_and_fault_49_a', {('trap', 8), ('fault', 49)}),
    ],
)
def test_reads_the_rows_of_a_test_name(name: str, rows: Rows) -> None:
    assert rows_in(name) == rows
