"""Every fault of AWS, of the process and of time has a test that is named after it, or a reason."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
NAMED = re.compile(r'def test_fault_(\d+)(?:_(to|and)_(\d+))?_')

FIRST, LAST = 60, 118

NOT_SHOWN = {
    79: 'an MD5 that does not fit: nothing here computes one, TLS and lengths are relied on',
    80: 'a purge under way: a listener never asks for one',
    103: 'a full disk: nothing is written to one',
    109: 'the order of a standard queue: there is none to keep',
    113: 'a duplicate after five minutes: SQS forgets by itself, and nothing is sent again so late',
    117: 'a redrive that begins counts and ages anew: no age is looked at, counts are of SQS',
}  # fmt: skip


def numbers() -> set[int]:
    found: set[int] = set()
    for file in TESTS.rglob('test_*.py'):
        for first, kind, last in NAMED.findall(file.read_text(encoding='utf-8')):
            rows = range(int(first), int(last) + 1) if kind == 'to' else (first, last or first)
            found |= {int(row) for row in rows}
    return found


def test_every_row_has_a_test_or_a_reason() -> None:
    rows = set(range(FIRST, LAST + 1))
    assert rows - numbers() == set(NOT_SHOWN)
