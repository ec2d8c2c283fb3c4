"""The project describes itself in plain technical English."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prose import count, odd_turns

pytestmark = pytest.mark.no_cover  # they run no code of the package

ROOT = Path(__file__).parent.parent

# Odd turns per 1,000 words. A ceiling only goes down; the goal is below 2 everywhere.
CEILINGS = {
    'mega': 1.0,
    'tests': 1.0,
    'benchmarks': 1.0,
    'examples': 1.0,
    'README.md': 1.0,
    'CONTRIBUTING.md': 1.0,
    'CHANGELOG.md': 1.0,
    'docs': 1.0,
}


@pytest.mark.parametrize(('area', 'ceiling'), CEILINGS.items(), ids=[*CEILINGS])
def test_an_area_has_few_odd_turns_of_phrase(area: str, ceiling: float) -> None:
    path = ROOT / area
    if not path.exists():
        pytest.skip('only a checkout has it, an installed package does not')
    files = [path] if path.is_file() else sorted([*path.rglob('*.py'), *path.rglob('*.md')])
    assert count(files) <= ceiling, f'python -m tests.prose {area} lists them'


def test_docstrings_and_comments_are_counted_and_code_is_not(tmp_path: Path) -> None:
    program = tmp_path / 'program.py'
    program.write_text(
        '"""There is no reason.\n\nWhoever reads this knows."""\n'
        "whoever = 'whoever'  # nobody\n"
        'def function():\n'
        '    """So many words."""\n'
    )
    assert odd_turns(program) == [(1, 'is no'), (3, 'Whoever'), (6, 'So many'), (4, 'nobody')]


def test_the_text_of_a_document_is_counted_and_its_code_is_not(tmp_path: Path) -> None:
    document = tmp_path / 'document.md'
    document.write_text('One two three four.\n\n```\nwhoever\n```\n\nNobody `somebody` x y.\n')
    assert odd_turns(document) == [(7, 'Nobody')]
    assert count([document]) == pytest.approx(1_000 / 7)
