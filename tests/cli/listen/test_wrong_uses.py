"""Each wrong use of `mega listen` is one line on stderr, and its documented exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from mega.local import LocalAws
from mega.local.faults import FailCall
from tests.cli.command import Result, mega, mega_process
from tests.cli.conftest import CommandAws

WORKER = """
import os
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber

class Orders(TextSubscriber):
    def process(self, payload):
        pass

listener = SqsListener(os.environ['QUEUE_URL'], [Orders])
empty = SqsListener(os.environ['QUEUE_URL'])
number = 5
"""

AWS_QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'


def run(directory: Path, *arguments: str, **variables: str) -> Result:
    """Run the command as another process, in a directory with the target `worker`."""
    (directory / 'worker.py').write_text(WORKER)
    return mega_process('listen', *arguments, environment=variables, cwd=directory)


def error_of(result: Result) -> str:
    """Return the only line on stderr that is not of the log."""
    assert result.out == ''
    [line] = [line for line in result.err.splitlines() if line.startswith('Error: ')]
    assert 'Traceback' not in result.err
    return line.removeprefix('Error: ')


# The target: exit code 3


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('target', 'problem'),
    [
        ('nosuch', "'nosuch': no module named 'nosuch'"),
        ('nosuch.py:listener', "'nosuch.py:listener': there is no file 'nosuch.py'"),
        ('worker:nosuch', "'worker:nosuch': worker has no attribute 'nosuch'"),
        ('worker:number', "'worker:number' is 5, not an SqsListener"),
        ('worker', "'worker' holds several listeners (listener, empty)"),
        ('worker:empty', 'a listener without subscribers: register at least one'),
        ('broken', "'broken': broken cannot be imported: SyntaxError: "),
    ],
)
def test_a_target_that_cannot_be_started_is_one_line_and_3(
    tmp_path: Path, target: str, problem: str
) -> None:
    (tmp_path / 'broken.py').write_text('def process(:\n')
    result = run(tmp_path, target, QUEUE_URL=AWS_QUEUE)
    assert error_of(result).startswith(problem)
    assert result.err.count('\n') == 1
    assert result.code == 3


@pytest.mark.no_cover
def test_of_several_processes_that_cannot_start_one_explains_it(tmp_path: Path) -> None:
    result = run(tmp_path, 'nosuch', '-p', '3')
    assert error_of(result).startswith("'nosuch': no module named 'nosuch'")
    assert result.code == 3
    assert 'WARNING' not in result.err


@pytest.mark.no_cover
def test_a_missing_region_is_one_line_and_3(tmp_path: Path) -> None:
    result = run(tmp_path, 'worker:listener', QUEUE_URL='http://127.0.0.1:1/123456789012/orders')
    assert 'region' in error_of(result)
    assert result.code == 3


# AWS: exit code 4


@pytest.mark.no_cover
def test_missing_credentials_are_one_line_and_4(tmp_path: Path) -> None:
    variables = {'AWS_EC2_METADATA_DISABLED': 'true', 'HOME': str(tmp_path)}
    result = run(tmp_path, 'worker:listener', QUEUE_URL=AWS_QUEUE, **variables)
    assert 'set AWS_PROFILE' in error_of(result)
    assert result.code == 4


@pytest.mark.no_cover
def test_a_missing_queue_is_one_line_and_4(aws: CommandAws, tmp_path: Path) -> None:
    url = f'{aws.server.endpoint_url}/123456789012/nosuch'
    result = run(tmp_path, 'worker:listener', QUEUE_URL=url, **aws.environment)
    assert 'create the queue, or check its URL' in error_of(result)
    assert result.code == 4


@pytest.mark.no_cover
def test_a_missing_permission_is_one_line_and_4(aws: CommandAws, tmp_path: Path) -> None:
    url = aws.queue()
    aws.server.script(FailCall('AccessDenied', 403), operation='ReceiveMessage')
    result = run(tmp_path, 'worker:listener', QUEUE_URL=url, **aws.environment)
    assert f'allow sqs:ReceiveMessage on the queue {url}' in error_of(result)
    assert result.code == 4


# The options: exit code 2, before a process starts


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        (['-p', '0'], "'0' is not a number above 0, or auto"),
        (['-p', 'many'], "'many' is not a number above 0, or auto"),
        (
            ['-c', '0'],
            '0 is not in the range 1<=x<=1000',
        ),
        (['--grace-period', '-1'], '-1.0 is not in the range 0<=x<=43190'),
        (['--queue-url', 'orders'], "Invalid value for '--queue-url'"),
        (['--max-messages', '0'], "'--max-messages': 0 is not in the range x>=1"),
        (['--max-memory', 'a lot'], "'--max-memory': 'a lot' is not a valid integer range"),
        (['--health', 'port'], "'port' is not a PORT or a HOST:PORT"),
        (['--log-level', 'loud'], "'loud' is not one of"),
        (['--log-config', 'nosuch'], "File 'nosuch' does not exist"),
        (['--reload-dir', 'nosuch'], "'--reload-dir': Directory 'nosuch' does not exist"),
        (['--reload-dir', '.'], '--reload-dir has no effect without --reload'),
        (['--drain', '--reload'], '--drain and --reload contradict each other'),
        (
            ['other', '--queue-url', AWS_QUEUE],
            '--queue-url: listeners of one queue need the same subscribers: pass one TARGET',
        ),
        (['--wait'], 'No such option'),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, list) else '',
)
def test_an_invalid_option_is_one_line_and_2(arguments: list[str], problem: str) -> None:
    result = mega('listen', 'worker', *arguments)
    assert result.code == 2
    [line] = [line for line in result.err.splitlines() if line.startswith('Error: ')]
    assert problem in line


def test_an_invalid_variable_is_an_invalid_option() -> None:
    result = mega('listen', 'worker', environment={'MEGA_PROCESSES': 'x'})
    assert result.code == 2
    assert "'--processes'" in result.err
    assert "'x' is not a number above 0, or auto" in result.err


def test_a_target_is_required() -> None:
    result = mega('listen')
    assert result.code == 2
    assert "Missing argument 'TARGET...'" in result.err


def test_a_system_without_the_signals_of_unix_is_one_line_and_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('mega.cli.listen.command.sys.platform', 'win32')
    result = mega('listen', 'worker')
    assert (
        error_of(result) == 'mega listen needs the signals of Unix: call listener.listen() instead'
    )
    assert result.code == 1


def test_a_file_that_does_not_configure_the_logs_is_one_line_and_2(tmp_path: Path) -> None:
    file = tmp_path / 'logs.json'
    file.write_text('[]')
    result = mega('listen', 'worker', '--log-config', str(file))
    assert error_of(result).startswith(f'--log-config {file} cannot be applied')
    assert result.code == 2


def test_a_port_in_use_is_one_line_and_1() -> None:
    with LocalAws() as server:
        port = server.endpoint_url.rpartition(':')[2]
        result = mega('listen', 'worker', '--health', port)
    assert error_of(result).startswith(f'--health 127.0.0.1:{port}: cannot listen there: Address')
    assert result.code == 1
