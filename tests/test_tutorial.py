"""Each step of docs/tutorial.md runs, in order, and prints what the page shows.

A block with a title is a file. `title="FILE: Class"` replaces a class of a file.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mega.local import LocalAws
from tests.test_documented_commands import comparable, pattern_of, printed_by, variables_for

pytestmark = pytest.mark.no_cover  # other tests run the same lines

PAGE = Path(__file__).parent.parent / 'docs' / 'tutorial.md'
if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

BLOCKS = re.compile(
    r'^```(?:\w+ title="(?P<file>[\w.]+)(?:: (?P<part>\w+))?"|console)\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


def write(file: Path, part: str | None, text: str) -> None:
    """Write a file, or replace a class in it."""
    if part is not None:
        old = file.read_text(encoding='utf-8')
        text = re.sub(rf'class {part}\(.*?\n(?=\n\nclass )', lambda _: text, old, flags=re.DOTALL)
        assert text != old
    file.write_text(text, encoding='utf-8')


def output_of_script(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a script as a new interpreter would. It leaves no modules to other scripts and tests."""
    scripts = [each.stem for each in Path().glob('*.py')]
    for each in scripts:
        sys.modules.pop(each, None)
    capsys.readouterr()
    runpy.run_path(name, run_name='__main__')
    for each in scripts:
        sys.modules.pop(each, None)
    return capsys.readouterr().out


def output_of(command: str, aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> str:
    program, *arguments = shlex.split(command)
    if program == 'mega':
        return printed_by(arguments, variables_for(aws))
    if arguments[:2] == ['-m', 'pytest']:
        options = ['-p', 'no:cacheprovider', '--rootdir=.', '-c', os.devnull]
        # Not a fork, which has imported `mega`: pytest warns that it can no longer rewrite it.
        run = subprocess.run(
            [sys.executable, *arguments, *options], capture_output=True, text=True, check=False
        )
        return re.sub(r'in \d+\.\d+s', 'in 0.12s', run.stdout)
    return output_of_script(arguments[0], capsys)


@pytest.mark.usefixtures('no_handlers_of_moto')
def test_each_step_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with LocalAws() as aws:
        aws.create_queue('invoices')
        aws.create_queue('invoices-failed')
        for block in BLOCKS.finditer(PAGE.read_text(encoding='utf-8')):
            if block['file']:
                write(tmp_path / block['file'], block['part'], block['text'])
                continue
            for example in block['text'].removeprefix('$ ').split('\n$ '):
                command, _, output = example.partition('\n')
                printed = output_of(command, aws, capsys)
                expected = pattern_of(output.rstrip('\n'))
                assert re.fullmatch(expected, comparable(printed)), f'{command}\n{printed}'
