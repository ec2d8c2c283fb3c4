"""The cases in `tests/cases`: four ways to match have the same result."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mega.errors import PatternError
from mega.match import PatternSet, evaluate, explain, functions
from mega.match.functions import not_
from tests.match.reference import Call, Description, build, functions_in, matches, parts

pytestmark = pytest.mark.no_cover  # other tests run the same lines

CASES = Path(__file__).parent.parent / 'cases'
KEYS = [{'name', 'pattern', 'payload', 'matches'}, {'name', 'pattern', 'refused'}]
FEW = 10
"""A set with fewer patterns has no look-ups."""

TYPES: dict[str, type | None] = {
    'text': str, 'integer': int, 'float': float, 'decimal': Decimal, 'boolean': bool, 'null': None,
    'array': list, 'object': dict, 'bytes': bytes, 'uuid': UUID, 'datetime': datetime,
}  # fmt: skip

SCALARS: dict[str, Callable[[Any], Any]] = {
    '$decimal': Decimal,
    '$float': float,
    '$datetime': lambda text: datetime.fromisoformat(text.replace('Z', '+00:00')),
    '$date': date.fromisoformat,
    '$uuid': UUID,
    '$bytes': base64.b64decode,
    '$no_pattern': lambda _: object(),
}


@dataclass(frozen=True)
class Case:
    name: str
    described: Any
    payload: Any
    matches: bool
    refused: str | None

    @classmethod
    def of(cls, written: dict[str, Any]) -> Case:
        assert set(written) in KEYS, written
        return cls(
            written['name'],
            read(written['pattern']),
            read(written.get('payload')),
            written.get('matches', False),
            written.get('refused'),
        )

    @property
    def is_known_to_reference(self) -> bool:
        """JSON has no bytes and no UUIDs."""
        return not any(isinstance(part, (bytes, UUID)) for part in parts(self.described))


def read(written: Any) -> Any:
    """Convert a value or a pattern of a case to a description."""
    if isinstance(written, list):
        return [read(member) for member in written]
    if not isinstance(written, dict):
        return written
    tag = next((key for key in written if key.startswith('$')), None)
    if tag is None:
        return {key: read(value) for key, value in written.items()}
    if tag == '$object':
        return {key: read(value) for key, value in written[tag].items()}
    if tag in SCALARS:
        return SCALARS[tag](written[tag])
    options = {key: value for key, value in written.items() if key != tag}
    return call(tag[1:], written[tag], options)


def call(name: str, arguments: list[Any], options: dict[str, Any]) -> Call:
    """The description of a function with its arguments."""
    name = name if hasattr(functions, name) else f'{name}_'
    if name == 'is_a':
        made = [TYPES[each] if isinstance(each, str) else read(each) for each in arguments]
    elif name == 'in_':
        made = read(arguments[0])
    else:
        made = read(arguments)
    return Call(name, tuple(made), tuple(options.items()))


ALL = [
    Case.of(written)
    for path in sorted(CASES.glob('*.json'))
    for written in json.loads(path.read_text(encoding='ascii'))
]
MATCHED = [case for case in ALL if case.refused is None]
REFUSED = [case for case in ALL if case.refused is not None]


@pytest.mark.parametrize('case', [pytest.param(case, id=case.name) for case in MATCHED])
def test_evaluate_explain_and_sets_give_the_result_of_the_case(case: Case) -> None:
    pattern = build(case.described)
    patterns: PatternSet[int] = PatternSet()
    for i in range(FEW):
        patterns.add(pattern, i)
    assert evaluate(case.payload, pattern) is case.matches
    assert evaluate(case.payload, not_(pattern)) is not case.matches
    assert bool(explain(case.payload, pattern)) is case.matches
    assert patterns.match(case.payload) == (list(range(FEW)) if case.matches else [])
    if case.is_known_to_reference:
        assert matches(case.described, case.payload) is case.matches


@pytest.mark.no_cover
def test_all_patterns_in_one_set_agree_with_evaluate_on_all_payloads() -> None:
    patterns: PatternSet[int] = PatternSet()
    for i, case in enumerate(MATCHED):
        patterns.add(build(case.described), i)
    for case in MATCHED:
        alone = [i for pattern, i in patterns if evaluate(case.payload, pattern)]
        assert patterns.match(case.payload) == alone, case.name


@pytest.mark.parametrize('case', [pytest.param(case, id=case.name) for case in REFUSED])
def test_an_invalid_pattern_is_refused_at_the_path_in_the_case(case: Case) -> None:
    ways: list[Callable[[Any], object]] = [
        lambda pattern: evaluate({}, pattern),
        lambda pattern: explain({}, pattern),
        lambda pattern: PatternSet[int]().add(pattern, 1),
    ]
    for way in ways:
        with pytest.raises(PatternError) as caught:
            way(build(case.described))
        assert caught.value.path == case.refused


def test_case_names_are_unique() -> None:
    names = [case.name for case in ALL]
    assert len(names) == len(set(names))


@pytest.mark.parametrize('name', functions.__all__)
def test_every_function_has_cases_of_both_outcomes(name: str) -> None:
    outcomes = {case.matches for case in MATCHED if name in functions_in(case.described)}
    assert outcomes == {True, False}


def test_an_unknown_form_of_a_case_is_an_error() -> None:
    described: Description = read({'$object': {'$prefix': ['a']}})
    assert described == {'$prefix': ['a']}
    with pytest.raises(AttributeError, match='pre_'):
        build(read({'$pre': ['a']}))
    with pytest.raises(AssertionError, match='patterns'):
        Case.of({'name': 'a', 'patterns': 1, 'payload': 1, 'matches': True})
