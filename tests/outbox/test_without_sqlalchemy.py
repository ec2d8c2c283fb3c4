"""Without SQLAlchemy, the error of an import and of a command says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.command import Result, mega
from tests.programs import ROOT

PROGRAM = """
import sys
sys.modules['sqlalchemy'] = None
try:
    import {module}
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.mark.parametrize('module', ['mega.outbox', 'mega.hooks.sql'])
def test_an_import_says_which_extra_it_needs(module: str) -> None:
    program = [sys.executable, '-c', PROGRAM.format(module=module)]
    run = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    expected = "mega.outbox and mega.hooks.sql need SQLAlchemy: pip install 'sqs-mega[sql]'\n"
    assert run.stdout == expected


def test_the_command_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(('sqlalchemy', 'mega.outbox', 'mega._sql')):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'sqlalchemy', None)
    needs = "Error: mega outbox needs SQLAlchemy: pip install 'sqs-mega[sql]'\n"
    assert mega('outbox', 'list', 'shop:relay') == Result(1, '', needs)
