"""Groups of dead letters, and their histogram."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.cli.dead_letters.groups import (
    MAX_BARS,
    Groups,
    histogram,
    render_groups,
    without_ids,
)
from mega.cli.dead_letters.letters import DeadLetter, read_letter
from mega.cli.output import Record

HOUR = 492_321


def letter(text: str | None = None, **fields: Any) -> DeadLetter:
    """Return a dead letter, with a reason if there is a text."""
    if text is not None:
        reason = json.dumps({'error': 'ValueError', 'subscriber': 'Restock', 'text': text})
        attribute = {'DataType': 'String', 'StringValue': reason}
        fields['MessageAttributes'] = {'MegaDeadLetter': attribute}
    return read_letter({'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': 'b', **fields})


def groups_of(*texts: str) -> list[Record]:
    groups = Groups()
    for text in texts:
        groups.add(letter(text))
    return groups.records()


LONG = 'the quantity is missing ' * 20


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        ('order 9 has no address', 'order 10 has no address'),
        ('the total is -5', 'the total is 7.25'),
        ('no cart 5b0e6a34-abcd-4c55-9f68-abcdefabcdef', f'no cart {uuid4()}'),
        ('commit 9f3a01c is unknown', 'commit abcdef0 is unknown'),
        ('ord_17 failed at 2026-03-01T09:30:00Z', 'ord_18 failed at 2026-04-11T10:31:12Z'),
        (
            'asked for a retry at receive 2 of 2: order 9 is locked',
            'asked for a retry at receive 3 of 3: order 10 is locked',
        ),
        # The listener cuts both at the same length, so that other parts of the words remain.
        (f'order 9: {LONG}'[:300], f'order {uuid4()}: {LONG}'[:300]),
    ],
    ids=['numbers', 'signs and fractions', 'uuids', 'hexadecimal ids', 'names', 'retries', 'long'],
)
def test_numbers_and_ids_do_not_separate_groups(first: str, second: str) -> None:
    [record] = groups_of(first, second)
    assert (record['count'], record['text']) == (2, first)


def test_other_words_separate_groups() -> None:
    texts = ('order 9 has no address', 'order 9 has no customer', "'total'", "'quantity'")
    assert [record['text'] for record in groups_of(*texts)] == list(texts)


def test_a_narrow_terminal_cuts_a_text_with_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'invalid payload: event.attributes.total is invalid: Invalid decimal string'
    records = groups_of(text)
    assert click.unstyle(render_groups(records)).startswith(f'1  ValueError in Restock: {text}\n')
    monkeypatch.setenv('COLUMNS', '50')
    first, *_ = click.unstyle(render_groups(records)).splitlines()
    assert first == '1  ValueError in Restock: invalid payload: even...'


@given(st.text(alphabet='a1.-_\u0661 ', max_size=200))
def test_no_digit_of_a_text_decides_about_its_group(text: str) -> None:
    assert not any(character.isdecimal() for character in without_ids(text))


def test_a_hostile_text_is_bounded() -> None:
    [record] = groups_of('1.' * 100_000)
    assert record['text'] == f'{"1." * 148}1...'


def test_a_group_of_one_has_one_time() -> None:
    groups = Groups()
    groups.add(letter(Attributes={'SentTimestamp': '1772355600000'}))
    assert click.unstyle(render_groups(groups.records())).splitlines() == [
        '1  without a reason',
        '   sent 2026-03-01T09:00:00+00:00',
        '   m',
    ]


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
    for time in ('1772355600000', '1772355601000'):
        groups.add(letter(Attributes={'SentTimestamp': time}))
    lines = {}
    for width in ('80', '40'):
        monkeypatch.setenv('COLUMNS', width)
        lines[width] = click.unstyle(render_groups(groups.records())).splitlines()
    assert lines == {
        '80': [
            '2  without a reason',
            '   oldest 2026-03-01T09:00:00+00:00, newest 2026-03-01T09:00:01+00:00',
            '   m',
        ],
        '40': [
            '2  without a reason',
            '   oldest 2026-03-01T09:00:00+00:00',
            '   newest 2026-03-01T09:00:01+00:00',
            '   m',
        ],
    }


def test_a_message_without_a_time_is_counted() -> None:
    groups = Groups()
    groups.add(letter())
    [record] = groups.records()
    assert (record['count'], record['oldest'], groups.hours) == (1, None, {})
