"""Groups of dead letters, and their histogram."""

from __future__ import annotations

import re

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.cli.dead_letters.groups import MAX_BARS, Groups, histogram, render_groups
from mega.cli.dead_letters.letters import read_letter

HOUR = 492_321


@given(st.dictionaries(st.integers(0, 10**6), st.integers(1, 10**6), min_size=1))
def test_a_histogram_has_few_lines_and_counts_everything(hours: dict[int, int]) -> None:
    lines = histogram(hours, 80).splitlines()
    assert 1 <= len(lines) <= MAX_BARS
    assert all(len(line) <= 80 for line in lines)
    counts = [int(line.split()[1].replace(',', '')) for line in lines]
    assert sum(counts) == sum(hours.values())
    assert all(('#' in line) == (count > 0) for line, count in zip(lines, counts, strict=True))


@pytest.mark.parametrize(
    ('hours', 'starts'),
    [
        ([0, 23], 24),
        ([0, 24], 13),
        ([0, 24 * 13], 14),
    ],
    ids=['a day', 'more than a day', 'two weeks'],
)
def test_a_longer_time_has_lines_of_several_hours(hours: list[int], starts: int) -> None:
    text = histogram(dict.fromkeys((HOUR - HOUR % 24 + hour for hour in hours), 1), 80)
    assert len(re.findall(r'^\d{4}-', text, re.MULTILINE)) == starts


def test_a_narrow_terminal_has_short_bars() -> None:
    assert histogram({HOUR: 1_000, HOUR + 1: 1}, 30).splitlines() == [
        '2026-03-01T09:00+00:00  1,000  #',
        '2026-03-01T10:00+00:00      1  #',
    ]


def test_a_narrow_terminal_has_a_line_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = Groups()
    fields = {'Attributes': {'SentTimestamp': '1772355600000'}}
    groups.add(read_letter({'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': 'b', **fields}))
    lines = {}
    for width in ('80', '40'):
        monkeypatch.setenv('COLUMNS', width)
        lines[width] = click.unstyle(render_groups(groups.records())).splitlines()
    assert lines == {
        '80': [
            '1  without a reason',
            '   oldest 2026-03-01T09:00:00+00:00, newest 2026-03-01T09:00:00+00:00',
            '   m',
        ],
        '40': [
            '1  without a reason',
            '   oldest 2026-03-01T09:00:00+00:00',
            '   newest 2026-03-01T09:00:00+00:00',
            '   m',
        ],
    }


def test_a_message_without_a_time_is_counted() -> None:
    groups = Groups()
    groups.add(read_letter({'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': 'b'}))
    [record] = groups.records()
    assert (record['count'], record['oldest'], groups.hours) == (1, None, {})
