"""Type checkers infer the documented types, and report the documented errors.

mypy checks the programs together with the whole checkout: `strict` reports an expected error that
does not occur. pyright is called here, with `pyrightconfig.json`: it ignores the comments for mypy,
and reports an unnecessary comment for pyright.
"""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / 'tests' / 'typing'
PROGRAMS = DIRECTORY / 'programs'


@pytest.mark.no_cover
@pytest.mark.skipif(shutil.which('node') is None, reason='pyright needs Node.js')
def test_pyright_strict_accepts_the_programs_and_finds_their_errors() -> None:
    options = ['--outputjson', '--pythonpath', sys.executable, '--project', str(DIRECTORY)]
    run = subprocess.run(
        [sys.executable, '-m', 'pyright', *options], cwd=ROOT, capture_output=True, text=True
    )
    found = json.loads(run.stdout)
    problems = [
        f'{Path(each["file"]).name}:{each["range"]["start"]["line"] + 1}: {each["message"]}'
        for each in found['generalDiagnostics']
    ]
    assert problems == []
    assert found['summary']['filesAnalyzed'] == len(list(PROGRAMS.glob('*.py')))


@pytest.mark.parametrize(
    'name', sorted(path.stem for path in PROGRAMS.glob('*.py') if path.stem != '__init__')
)
def test_a_program_runs(name: str) -> None:
    importlib.import_module(f'tests.typing.programs.{name}')
