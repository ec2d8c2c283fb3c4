from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mega.cli.main import COMMANDS
from tests.cli.command import mega, start_interpreter

PROGRAM = """
import sys
from mega.cli.main import cli, run

HEAVY = (
    'boto3', 'botocore', 'mega.aws', 'mega.match', 'mega.codec',
    'asyncio', 'logging', 'multiprocessing',
)
try:
    run(cli, ['--help'])
finally:
    print([name for name in HEAVY if name in sys.modules], file=sys.stderr)
"""


def test_help_lists_each_command_with_its_sentence() -> None:
    shown = mega('--help')
    assert shown.code == 0
    for command in COMMANDS:
        assert f'  {command.name}  ' in shown.out
        assert command.load().name == command.name


@pytest.mark.parametrize(
    'environment',
    [{}, {'_MEGA_COMPLETE': 'bash_complete', 'COMP_WORDS': 'mega ', 'COMP_CWORD': '1'}],
    ids=['help', 'completion'],
)
def test_help_and_completion_import_no_command(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, '-c', PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert 'explain' in ended.stdout
    assert ended.stderr == '[]\n'


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('statement', 'code', 'message'),
    [
        ('raise KeyboardInterrupt', 130, 'Interrupted\n'),
        (
            "raise ModuleNotFoundError(name='click')",
            1,
            "The mega command needs click: pip install 'sqs-mega[cli]'\n",
        ),
    ],
    ids=['Ctrl-C', 'without click'],
)
def test_an_import_that_does_not_end_is_one_line(
    tmp_path: Path, statement: str, code: int, message: str
) -> None:
    (tmp_path / 'click.py').write_text(statement)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(
        [sys.executable, '-m', 'mega', '--help'],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, '', message)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('closed', 'result'),
    [
        ('<&-', (1, '', 'Error: the input is empty\n')),
        ('>&-', (0, '', '')),
        ('2>&-', (0, 'text  5 bytes\n  hello\n', '')),
        ('<&- >&- 2>&-', (1, '', '')),
    ],
    ids=['stdin', 'stdout', 'stderr', 'all'],
)
def test_a_closed_stream_is_empty_or_discards(closed: str, result: tuple[int, str, str]) -> None:
    shell = ('sh', '-c', f'exec "$@" {closed}', 'sh')
    with start_interpreter('decode', prefix=shell) as process:
        out, err = process.communicate('hello')
    assert (process.returncode, out, err) == result


def test_an_unknown_command_is_a_usage_error() -> None:
    result = mega('lisen')
    assert (result.code, result.out) == (2, '')
    assert "No such command 'lisen'" in result.err


@pytest.mark.parametrize(
    ('arguments', 'line'),
    [
        (['peek'], "Error: Missing argument 'QUEUE'. See mega peek --help"),
        (['nosuch'], "Error: No such command 'nosuch'. See mega --help"),
        (
            ['stats', 'q', '--watch', 'x'],
            "Error: Invalid value for '--watch': 'x' is not a valid float range. "
            'See mega stats --help',
        ),
        (
            ['dead-letters', 'drop', 'q', '--all'],
            'Error: without a terminal to confirm on, pass --yes. '
            'See mega dead-letters drop --help',
        ),
    ],
)
def test_wrong_use_is_one_line_that_names_the_help(arguments: list[str], line: str) -> None:
    result = mega(*arguments)
    assert (result.code, result.out, result.err) == (2, '', f'{line}\n')
