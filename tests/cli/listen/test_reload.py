"""`mega listen --reload`: new code, broken code, and its repair."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.conftest import CommandAws
from tests.cli.listen.conftest import Listen
from tests.cli.listen.listening import publish, wait_until

pytestmark = pytest.mark.no_cover  # its processes are others

BROKEN = 'def process(:\n'


def test_a_change_replaces_the_processes_and_broken_code_does_not(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    file = directory / 'worker.py'
    source = file.read_text()
    command = listen('worker', '--reload', '-p', '2')
    old = command.ready(2)
    file.write_text(f'{source}\n# new\n')
    new = command.ready(4)[2:]
    command.wait_for('worker.py changed: the processes are replaced')
    wait_until(lambda: command.children() == set(new))
    assert set(new).isdisjoint(old)

    file.write_text(BROKEN)
    [line] = command.wait_for('The old process remains')
    assert 'SyntaxError' in line
    publish(aws, queue, 'a')
    wait_until(lambda: command.recorded('done'))
    assert {pid for pid, _ in command.recorded('done')} <= set(new)

    file.write_text(f'{source}\n# repaired\n')
    repaired = command.ready(6)[4:]
    wait_until(lambda: command.children() == set(repaired))
    command.send(signal.SIGTERM)
    command.ends()
    assert command.errors() == []


def test_code_that_is_broken_at_the_start_is_loaded_after_its_repair(
    directory: Path, listen: Listen
) -> None:
    file = directory / 'worker.py'
    source = file.read_text()
    file.write_text(BROKEN)
    command = listen('worker', '--reload')
    [line] = command.wait_for('Waiting for a change')
    assert 'SyntaxError' in line
    assert command.children() == set()
    file.write_text(source)
    command.ready()
    command.send(signal.SIGINT)
    command.ends()


def test_only_included_files_of_the_given_directories_are_watched(
    directory: Path, listen: Listen
) -> None:
    (directory / 'settings').mkdir()
    options = ('--reload-dir', 'settings', '--reload-include', '*.toml')
    command = listen('worker', '--reload', *options, '--reload-exclude', 'local.toml')
    command.ready()
    (directory / 'settings' / 'local.toml').touch()
    (directory / 'settings' / 'orders.py').touch()
    (directory / 'other.toml').touch()
    (directory / 'settings' / 'orders.toml').touch()
    command.wait_for('settings/orders.toml changed: the processes are replaced')
    command.ready(2)
    command.send(signal.SIGTERM)
    command.ends()
