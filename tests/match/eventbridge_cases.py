"""The corpus in `tests/cases/eventbridge`: patterns and events with EventBridge's answers.

A case is a pattern, an event and the answer, or a pattern that AWS refuses. For a refused pattern,
`path` is the exact path of the error. `within` is a prefix of it, where several paths are correct.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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


def each_case(cases: Sequence[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('case', [pytest.param(case, id=case.name) for case in cases])


@cache
def patterns() -> dict[str, Pattern]:
    """Return every pattern of the corpus by its JSON. The order of the keys is significant."""
    compiled: dict[str, Pattern] = {}
    for case in ANSWERED:
        with suppress(PatternError):  # the test of the case itself fails
            compiled[json.dumps(case.pattern)] = from_eventbridge(case.pattern)
    return compiled


@cache
def set_of_all() -> PatternSet[str]:
    pattern_set: PatternSet[str] = PatternSet()
    for source, pattern in patterns().items():
        pattern_set.add(pattern, source)
    return pattern_set
