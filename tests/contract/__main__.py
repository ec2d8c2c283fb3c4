"""Run the suite, and print the behaviours that each backend shows and its gaps.

The options of pytest apply: `python -m tests.contract -k sqs`.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.contract.gaps import behaviour_of, behaviours

Report: TypeAlias = pytest.TestReport
Reasons: TypeAlias = dict[str, list[str]]
"""Behaviours by reason."""


@dataclass
class Results:
    """The results of one backend."""

    shown: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    gaps: Reasons = field(default_factory=lambda: defaultdict(list))
    not_shown: Reasons = field(default_factory=lambda: defaultdict(list))

    def add(self, behaviour: str, report: Report) -> None:
        if report.skipped and hasattr(report, 'wasxfail'):
            self.gaps[report.wasxfail.removeprefix('reason: ')].append(behaviour)
        elif report.skipped:
            self.not_shown[_reason_of_skip(report)].append(behaviour)
        else:
            (self.shown if report.passed else self.failed).append(behaviour)


class Recorder:
    """A plugin of pytest that collects the results by backend."""

    def __init__(self) -> None:
        self.results: dict[str, Results] = defaultdict(Results)
        self.behaviours: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report: Report = yield  # type: ignore[assignment]
        if report.when == 'call' or (report.when == 'setup' and not report.passed):
            for test in behaviours([item]):
                behaviour, backend = behaviour_of(test)
                self.behaviours.add(behaviour)
                self.results[backend].add(behaviour, report)
        return report  # type: ignore[return-value]


def main(options: list[str]) -> int:
    recorder = Recorder()
    arguments = [str(Path(__file__).parent), '-q', '--no-header', '--no-summary', '--tb=no']
    with Path(os.devnull).open('w') as nowhere, redirect_stdout(nowhere):
        code = pytest.main([*arguments, *options], plugins=[recorder])
    print(f'{len(recorder.behaviours)} behaviours of SQS, SNS and S3\n')
    print('| backend | shown | gaps | not shown | failed |\n|---|---|---|---|---|')
    for backend, found in recorder.results.items():
        numbers = [len(found.shown), _count(found.gaps), _count(found.not_shown)]
        print(f'| {backend} |', ' | '.join(map(str, [*numbers, len(found.failed)])), '|')
    for backend, found in recorder.results.items():
        _print_reasons(f'Gaps of {backend}', found.gaps)
        _print_reasons(f'Not shown by {backend}', found.not_shown)
        _print_reasons(f'Failed by {backend}', {'a test failed': found.failed})
    return int(code)


def _print_reasons(title: str, reasons: Reasons) -> None:
    if any(reasons.values()):
        print(f'\n{title}\n')
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        shown = sorted({name.partition('[')[0] for name in names})
        if names:
            print(f'- {reason} ({len(names)}): {", ".join(shown)}')


def _count(reasons: Reasons) -> int:
    return sum(map(len, reasons.values()))


def _reason_of_skip(report: Report) -> str:
    place = report.longrepr
    return place[2].removeprefix('Skipped: ') if isinstance(place, tuple) else str(place)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
