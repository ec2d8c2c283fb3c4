"""Each command of `mega dead-letters` reports a wrong setup in one line, with the exit code."""

from __future__ import annotations

import pytest

from mega.cli.dead_letters.command import COMMANDS
from mega.local import FailCall
from tests.cli.command import Result, mega, start_interpreter
from tests.cli.conftest import CommandAws
from tests.cli.dead_letters.conftest import Letters

ARGUMENTS = {
    'list': ('QUEUE',),
    'show': ('QUEUE', 'id'),
    'export': ('QUEUE', '-'),
    'import': ('-', 'QUEUE'),
    'redrive': ('QUEUE', '--all', '--yes'),
    'drop': ('QUEUE', '--all', '--yes', '--no-backup'),
}
LINE = '{"MessageId": "m", "Body": "b"}\n'

each_command = pytest.mark.parametrize('command', ARGUMENTS)


def run(command: str, queue: str, environment: dict[str, str]) -> Result:
    arguments = [queue if each == 'QUEUE' else each for each in ARGUMENTS[command]]
    return mega('dead-letters', command, *arguments, stdin=LINE, environment=environment)


def assert_one_error(result: Result, code: int, problem: str) -> None:
    """The error is the last line, after what the command has to report."""
    assert (result.code, result.out) == (code, '')
    *reports, error = result.err.splitlines()
    assert error.startswith('Error: ')
    assert problem in error
    assert not any(line.startswith(('Error', 'Traceback', ' ')) for line in reports)


def test_every_command_is_tried() -> None:
    assert [*ARGUMENTS] == [each.name for each in COMMANDS]


@each_command
@pytest.mark.parametrize(
    ('queue', 'code', 'problem'),
    [
        ('no-such-queue', 4, 'create the queue'),
        ('https://sqs.eu-west-1.amazonaws.com/123456789012/gone', 4, 'create the queue'),
        ('arn:aws:sns:eu-west-1:123456789012:topic', 2, 'is not the ARN of a queue'),
        ('not a queue', 2, 'is not a URL, an ARN or a name of a queue'),
        ('no_such_module:listener', 3, 'no module named'),
        ('json:dumps', 3, 'cannot be called without arguments'),
    ],
    ids=['name', 'URL', 'ARN', 'text', 'module', 'not a listener'],
)
def test_a_wrong_queue_is_one_line(
    aws: CommandAws, command: str, queue: str, code: int, problem: str
) -> None:
    assert_one_error(run(command, queue, {**aws.environment}), code, problem)


@each_command
@pytest.mark.parametrize(
    ('missing', 'code', 'problem'),
    [('ACCESS_KEY', 4, 'credentials'), ('REGION', 2, 'no AWS region')],
    ids=['credentials', 'region'],
)
def test_a_missing_setting_is_one_line(
    aws: CommandAws, command: str, missing: str, code: int, problem: str
) -> None:
    environment = {name: value for name, value in aws.environment.items() if missing not in name}
    assert_one_error(run(command, 'orders', environment), code, problem)


@each_command
def test_a_missing_permission_is_one_line_and_changes_nothing(
    letters: Letters, command: str
) -> None:
    letters.add()
    operation = 'SendMessage' if command == 'import' else 'ReceiveMessage'
    letters.aws.server.script(FailCall('AccessDenied', 403), operation=operation)
    result = run(command, letters.dead, {**letters.aws.environment})
    assert_one_error(result, 4, f'allow sqs:{operation} on')
    assert letters.aws.visible(letters.dead) == 1


def test_an_unknown_command_is_a_usage_error() -> None:
    result = mega('dead-letters', 'lists')
    assert (result.code, result.out) == (2, '')
    assert "No such command 'lists'" in result.err


@pytest.mark.no_cover
def test_the_help_needs_neither_boto3_nor_a_command() -> None:
    variables = {'PYTHONPROFILEIMPORTTIME': '1'}
    with start_interpreter('dead-letters', '--help', environment=variables) as process:
        out, imports = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(each.name in out for each in COMMANDS)
    assert 'mega.cli.main' in imports
    assert 'boto3' not in imports
    assert 'mega.cli.dead_letters.listing' not in imports
