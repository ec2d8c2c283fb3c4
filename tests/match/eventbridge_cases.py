"""The corpus in `tests/cases/eventbridge`: patterns and events, as EventBridge answers them.

A case is a pattern and an event, and whether they match; or a pattern that AWS refuses, and where:
`path` says it exactly, `within` where the place is a matter of taste.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mega.errors import PatternError
from mega.match import Pattern, PatternSet
from mega.match.eventbridge import from_eventbridge

CORPUS = Path(__file__).parents[1] / 'cases' / 'eventbridge'


@dataclass(frozen=True)
class Case:
    name: str
    pattern: Any
    event: Any = None
    matches: bool = False
    refused: bool = False
    path: str | None = None
    within: str = ''


CASES = [
    Case(**fields)
    for file in sorted(CORPUS.glob('*.json'))
    for fields in json.loads(file.read_text('utf-8'))
]
ANSWERED = [case for case in CASES if not case.refused]
REFUSED = [case for case in CASES if case.refused]
EVENTS = list({json.dumps(case.event): case.event for case in ANSWERED}.values())


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('case', [pytest.param(case, id=case.name) for case in cases])


@cache
def patterns() -> dict[str, Pattern]:
    """Every pattern of the corpus once, by its JSON: the order of the keys means something."""
    made: dict[str, Pattern] = {}
    for case in ANSWERED:
        with suppress(PatternError):  # the test of the case itself tells of that
            made[json.dumps(case.pattern)] = from_eventbridge(case.pattern)
    return made


@cache
def set_of_all() -> PatternSet[str]:
    made: PatternSet[str] = PatternSet()
    for written, pattern in patterns().items():
        made.add(pattern, written)
    return made
