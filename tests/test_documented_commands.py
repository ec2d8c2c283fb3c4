"""docs/command-line.md has every option of each command, and its examples print what it shows.

A ```console block has commands and their whole output, as on a terminal. `cat FILE` stands for a
file with this content. A line `...` stands for any lines. Ids, times and ports differ from run to
run, and are not compared.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from mega.cli import exit_status
from mega.cli.dead_letters import command as dead_letters
from mega.cli.lazy_group import LazyGroup
from mega.cli.main import COMMANDS
from mega.cli.outbox import command as outbox
from mega.local import LocalAws
from mega.local.state import arn_of
from tests.cli.command import mega, mega_process

PAGE = Path(__file__).parent.parent / 'docs' / 'command-line.md'
if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

TEXT = PAGE.read_text(encoding='utf-8')
SECTIONS = dict(re.findall(r'^## `?(.+?)`?\n(.*?)(?=^## |\Z)', TEXT, re.MULTILINE | re.DOTALL))
HAS_OWN_OPTIONS = {'listen', 'dead-letters', 'outbox'}
"""Commands that another page describes."""
GROUPS = {'dead-letters': dead_letters.COMMANDS, 'outbox': outbox.COMMANDS}

OPTION = re.compile(r'-{1,2}[a-z][a-z-]*')
VARIABLE_PARTS = (
    (re.compile(r'\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b'), 'ID'),
    (re.compile(r'\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3,6})?'), 'TIME'),
    (re.compile(r'(?<=INFO )\d+|(?<=process )\d+'), 'PROCESS'),
    (re.compile(r'http://127\.0\.0\.1:\d+'), 'ENDPOINT'),
)


def commands() -> dict[str, click.Command]:
    return {each.name: each.load() for each in COMMANDS}


def options_of(command: click.Command) -> set[str]:
    """The options of a command, or of all commands in a group."""
    if isinstance(command, LazyGroup):
        assert command.name
        return set().union(*(options_of(each.load()) for each in GROUPS[command.name]))
    options = (each for each in command.params if isinstance(each, click.Option))
    return {'-h', '--help'}.union(*(each.opts for each in options))


def rows(section: str) -> Iterator[list[str]]:
    """The cells of the tables of a section, without the headers."""
    for line in SECTIONS[section].splitlines():
        if line.startswith('| `'):
            yield [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]


def documented_options(section: str) -> set[str]:
    return {name for cells in rows(section) for name in OPTION.findall(cells[0])}


@pytest.mark.parametrize('name', commands())
def test_the_page_has_each_option_of_a_command_and_no_other(name: str) -> None:
    options = options_of(commands()[name])
    common: set[str] = set()
    for names, where, _ in rows('Common options'):
        exceptions = set(re.findall(r'`([\w-]+)`', where))
        assert exceptions <= commands().keys()
        if name not in exceptions:
            common |= set(OPTION.findall(names))
    if name in HAS_OWN_OPTIONS:
        assert common <= options
    else:
        assert common | documented_options(f'mega {name}') == options


@pytest.mark.parametrize('name', commands())
def test_the_page_shows_the_usage_of_a_command(name: str) -> None:
    command = commands()[name]
    usage = command.get_usage(click.Context(command, info_name=f'mega {name}'))
    assert f'\n    {usage.removeprefix("Usage: ")}\n' in SECTIONS[f'mega {name}']


def test_the_page_lists_the_commands_in_the_order_of_the_help() -> None:
    names = [each.name for each in COMMANDS]
    assert re.findall(r'^\| \[`mega ([\w-]+)`\]', TEXT, re.MULTILINE) == names
    assert [*SECTIONS][-len(names) :] == [f'mega {name}' for name in names]


@pytest.mark.parametrize('group', GROUPS)
def test_the_page_lists_the_commands_of_a_group(group: str) -> None:
    listed = [cells[0].strip('`') for cells in rows(f'mega {group}')]
    assert listed == [each.name for each in GROUPS[group]]


def test_the_page_has_each_exit_code() -> None:
    codes = {
        value
        for name, value in vars(exit_status).items()
        if name.isupper() and not name.startswith('_') and isinstance(value, int)
    }
    table = SECTIONS['Exit codes']
    assert {int(code) for code in re.findall(r'^\| (\d+) \|', table, re.MULTILINE)} == codes


@pytest.mark.no_cover
@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_the_completion_of_a_shell_is_a_script(shell: str) -> None:
    variable = f'{shell}_source'
    assert f'_MEGA_COMPLETE={variable} mega' in SECTIONS['Shell completion']
    script = mega_process(environment={'_MEGA_COMPLETE': variable})
    assert '_mega_completion' in script.out


@pytest.mark.no_cover
def test_the_options_of_a_command_are_completed() -> None:
    words = {'COMP_WORDS': 'mega publish --fa', 'COMP_CWORD': '2'}
    completed = mega_process(environment={'_MEGA_COMPLETE': 'bash_complete', **words})
    assert completed.out == 'plain,--failures\n'


def examples() -> Iterator[tuple[str, str]]:
    """The commands of the page with their output."""
    for block in re.findall(r'^```console\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL):
        for example in block.removeprefix('$ ').split('\n$ '):
            line, _, output = example.partition('\n')
            yield line, output.rstrip('\n')


def pattern_of(output: str) -> str:
    """Return the regular expression of an output."""
    return re.sub(r'^\\.\\.\\.\\\n', '(.*\\n)*', re.escape(comparable(output)), flags=re.MULTILINE)


def comparable(output: str) -> str:
    for pattern, name in VARIABLE_PARTS:
        output = pattern.sub(name, output)
    return output.rstrip('\n') + '\n'


@pytest.mark.no_cover
@pytest.mark.usefixtures('no_handlers_of_moto')
def test_each_example_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [module] = re.findall(r'^```python\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, 'shop', raising=False)  # that of another document
    Path('shop.py').write_text(module)
    with LocalAws() as aws:
        environment = {
            **variables_for(aws),
            'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
        }
        aws.create_queue('orders-dead-letters')
        policy = {'deadLetterTargetArn': arn_of('sqs', 'orders-dead-letters'), 'maxReceiveCount': 3}
        aws.create_queue('orders', RedrivePolicy=policy)
        for line, output in examples():
            program, *arguments = shlex.split(line)
            if program == 'cat':
                Path(arguments[0]).write_text(f'{output}\n')
                continue
            assert program == 'mega'
            printed = printed_by(arguments, environment)
            assert re.fullmatch(pattern_of(output), comparable(printed)), f'{line}\n{printed}'


def variables_for(aws: LocalAws) -> dict[str, str]:
    """Return the environment variables that connect a command to a server."""
    return {
        'AWS_ENDPOINT_URL': aws.endpoint_url,
        'AWS_DEFAULT_REGION': aws.credentials['region_name'],
        'AWS_ACCESS_KEY_ID': aws.credentials['aws_access_key_id'],
        'AWS_SECRET_ACCESS_KEY': aws.credentials['aws_secret_access_key'],
    }


def printed_by(arguments: list[str], environment: Mapping[str, str]) -> str:
    """Return what a command prints on both streams. Some commands run other processes."""
    if arguments[0] not in ('listen', 'local'):
        return mega(*arguments, environment=environment, merged=True).out
    ended = mega_process(*arguments, environment=environment)
    return f'{ended.err}{ended.out}'
