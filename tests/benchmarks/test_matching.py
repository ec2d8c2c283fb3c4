"""The benchmark of matching runs, and its contenders agree. The tests measure no times."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.matching.chart import chart
from benchmarks.matching.contenders import installed_contenders
from benchmarks.matching.workload import SHAPES, Shape, event_texts, rules
from tests.programs import run

SVG = '{http://www.w3.org/2000/svg}'
SHAPED = pytest.mark.parametrize('shape', SHAPES, ids=lambda shape: shape.title)


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The output of a quick run, and the directory of its files."""
    directory = tmp_path_factory.mktemp('resources')
    program = run('benchmarks.matching', '--quick', '--write', str(directory))
    assert program.returncode == 0, program.stderr
    return program.stdout, directory


@pytest.mark.parametrize(
    'section',
    [
        '# The cost of matching',
        '## Contenders',
        '## Microseconds per parsed event',
        '## Other distributions',
        '## EventBridge patterns',
        '## Events as text',
        '## Twelve patterns',
        '## Sets of one kind',
        '## Many matches',
        '## Sets of EventBridge patterns of one kind',
        '## Building',
        '## Limits of these measurements',
    ],
)
def test_prints_every_section(written: tuple[str, Path], section: str) -> None:
    assert section in written[0].splitlines()


def test_writes_what_it_prints(written: tuple[str, Path]) -> None:
    output, directory = written
    assert (directory / 'matching.md').read_text(encoding='utf-8').strip() == output.strip()


def test_explains_every_contender(written: tuple[str, Path]) -> None:
    lines = written[0].splitlines()
    assert [
        way.name
        for way in installed_contenders()[0]
        if f'- **{way.name}**: {way.explanation}' not in lines
    ] == []


def test_draws_a_line_for_every_contender(written: tuple[str, Path]) -> None:
    _, directory = written
    drawing = ElementTree.parse(directory / 'matching.svg')
    names = {text.text for text in drawing.iter(f'{SVG}text')}
    assert {'mega PatternSet', 'closures by hand', 'mega evaluate'} <= names
    assert not list(drawing.iter(f'{SVG}script'))


def test_leaves_out_a_library_that_is_not_installed_and_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ('dirty_equals', 'rule_engine', 'moto.events.models'):
        monkeypatch.setitem(sys.modules, module, None)
    ways, remarks = installed_contenders()
    assert [way.name for way in ways] == ['mega PatternSet', 'closures by hand', 'mega evaluate']
    assert remarks[1:] == [
        'dirty-equals is left out: dirty-equals is not installed.',
        'rule-engine is left out: rule-engine is not installed.',
        "moto's EventPattern is left out: moto is not installed.",
    ]


def test_the_names_of_lines_in_the_chart_do_not_overlap() -> None:
    lines = {name: [(10, 1.0), (100, 1.0)] for name in ('one & only', 'two', 'three')}
    drawing = ElementTree.fromstring(chart('title', 'across', 'up', lines))
    places = [float(text.attrib['y']) for text in drawing.iter(f'{SVG}text') if text.text in lines]
    assert len(places) == 3
    assert min(abs(one - other) for one in places for other in places if one != other) >= 13


@SHAPED
def test_a_seed_makes_the_same_rules_and_events(shape: Shape) -> None:
    made, again = (event_texts(20, rules(50, shape, 1), shape, 1) for _ in range(2))
    assert made == again
    assert made != event_texts(20, rules(50, shape, 2), shape, 2)


@SHAPED
def test_events_have_about_750_bytes(shape: Shape) -> None:
    sizes = [len(text) for text in event_texts(200, rules(100, shape, 1), shape, 1)]
    assert 700 <= sum(sizes) / len(sizes) <= 800


@SHAPED
def test_events_are_drawn_from_all_rules_or_from_the_hot_ones(shape: Shape) -> None:
    among = rules(50, shape, 1)
    events = [json.loads(text)['event'] for text in event_texts(4_000, among, shape, 1)]
    drawn = {(event['domain'], event['name']) for event in events}
    exact = {(rule.domain, rule.name) for rule in among[: shape.hot] if rule.prefix is None}
    assert exact <= drawn
