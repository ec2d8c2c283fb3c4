"""`mega listen` as a user starts it: real processes, on a local AWS over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import mega_on_terminal
from tests.cli.conftest import CommandAws
from tests.cli.listen.conftest import Listen
from tests.cli.listen.listening import publish, wait_until

pytestmark = pytest.mark.no_cover  # its processes are others

BOTH_STOPS = pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT], ids=str)


# Start and stop


@BOTH_STOPS
def test_a_target_processes_messages_until_a_signal(
    aws: CommandAws, queue: str, listen: Listen, number: signal.Signals
) -> None:
    publish(aws, queue, 'a', 'b')
    command = listen('worker')
    [pid] = command.ready()
    wait_until(lambda: len(command.recorded('done')) == 2)
    assert command.children() == {pid}
    command.send(number)
    command.ends()
    assert {process for process, _ in command.recorded('done')} == {pid}
    assert command.errors() == []


def test_a_stop_ends_the_message_in_progress_and_returns_the_others(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    (directory / 'wait').touch()
    publish(aws, queue, 'a', 'b', 'c')
    command = listen('worker')
    wait_until(lambda: command.recorded('begun'))
    command.send(signal.SIGTERM)
    wait_until(lambda: aws.visible(queue) == 2)
    (directory / 'wait').unlink()
    command.ends()
    assert len(command.recorded('done')) == 1


def test_a_message_that_exceeds_the_grace_period_returns_to_the_queue(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    (directory / 'wait').touch()
    publish(aws, queue, 'a')
    command = listen('worker', '--grace-period', '0.1')
    wait_until(lambda: command.recorded('begun'))
    command.send(signal.SIGTERM)
    command.ends()
    assert aws.visible(queue) == 1


def test_a_second_signal_kills_the_processes_and_the_exit_code_is_1(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    (directory / 'wait').touch()
    publish(aws, queue, 'a')
    command = listen('worker')
    wait_until(lambda: command.recorded('begun'))
    command.send(signal.SIGTERM)
    command.wait_for('SIGTERM')
    command.send(signal.SIGINT)
    command.ends(1)
    command.wait_for('was ended by SIGKILL')


def test_a_stop_during_a_slow_import_interrupts_it(directory: Path, listen: Listen) -> None:
    slow = 'import time, pathlib\npathlib.Path("begun").touch()\ntime.sleep(600)\n'
    (directory / 'slow.py').write_text(slow)
    command = listen('slow')
    wait_until((directory / 'begun').exists)
    command.send(signal.SIGINT)
    command.ends()
    assert command.errors() == []


def test_ctrl_c_on_a_terminal_stops_gracefully(
    aws: CommandAws, queue: str, directory: Path
) -> None:
    """The terminal sends SIGINT to all processes. None of them prints a traceback."""
    environment = {**aws.environment, 'QUEUE_URL': queue, 'NO_COLOR': '1'}
    result = mega_on_terminal(
        *('listen', 'worker', '-p', '2'),
        keys='\x03',
        after=' is ready',
        environment=environment,
        cwd=directory,
    )
    assert result.code == 0
    assert 'SIGINT: the processes stop' in result.out
    assert 'Traceback' not in result.out
    assert '\x1b' not in result.out


# What runs


def test_each_target_gets_its_processes(aws: CommandAws, directory: Path, listen: Listen) -> None:
    source = (directory / 'worker.py').read_text()
    (directory / 'invoices.py').write_text(source.replace("['QUEUE_URL']", "['OTHER_URL']"))
    other = aws.queue()
    publish(aws, other, 'x')
    command = listen('worker', 'invoices.py:listener', '-p', '2', OTHER_URL=other)
    pids = command.ready(4)
    assert command.children() == set(pids)
    assert len(command.wait_for('(invoices.py:listener) is ready', 2)) == 2
    wait_until(lambda: [text for _, text in command.recorded('done')] == ['x'])
    command.send(signal.SIGTERM)
    command.ends()


def test_options_replace_the_settings_of_the_listener(
    aws: CommandAws, directory: Path, listen: Listen
) -> None:
    (directory / 'wait').touch()
    other = aws.queue()
    publish(aws, other, *'abc')
    command = listen('worker', '-c', '3', MEGA_QUEUE_URL=other)
    wait_until(lambda: len(command.recorded('begun')) == 3)
    (directory / 'wait').unlink()
    command.send(signal.SIGTERM)
    command.ends()
    assert len(command.recorded('done')) == 3


def test_the_target_is_imported_from_the_directory_of_app_dir(
    directory: Path, listen: Listen
) -> None:
    (directory / 'source').mkdir()
    (directory / 'worker.py').rename(directory / 'source' / 'worker.py')
    command = listen('worker', '--app-dir', 'source')
    command.ready()
    command.send(signal.SIGTERM)
    command.ends()


def test_the_command_itself_imports_neither_the_target_nor_boto3_nor_the_listener() -> None:
    program = (
        'import sys, mega.cli.listen.command, mega.cli.listen.parent\n'
        'heavy = ("boto3", "botocore", "mega.aws.sqs", "asyncio", "multiprocessing")\n'
        'print([name for name in heavy if name in sys.modules])'
    )
    ended = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == '[]\n'


# Drain


def test_a_drain_processes_the_messages_in_the_queue_and_ends(
    aws: CommandAws, queue: str, listen: Listen
) -> None:
    publish(aws, queue, *'abcde')
    command = listen('worker', '--drain', '-p', '2')
    command.ends()
    assert sorted(payload for _, payload in command.recorded('done')) == [*'abcde']
    assert len(command.wait_for('has drained its queue', 2)) == 2


@pytest.mark.parametrize('concurrency', ['1', '2'])
def test_a_stop_ends_a_drain_after_the_messages_in_progress(
    aws: CommandAws, queue: str, directory: Path, listen: Listen, concurrency: str
) -> None:
    (directory / 'wait').touch()
    publish(aws, queue, *'abc')
    command = listen('worker', '--drain', '-c', concurrency)
    wait_until(lambda: command.recorded('begun'))
    command.send(signal.SIGTERM)
    wait_until(lambda: aws.visible(queue) == 3 - int(concurrency))
    (directory / 'wait').unlink()
    command.ends()
    assert len(command.recorded('done')) == int(concurrency)


def test_a_process_that_sigterm_ends_in_a_drain_is_started_again(
    aws: CommandAws, queue: str, directory: Path, listen: Listen
) -> None:
    (directory / 'wait').touch()
    publish(aws, queue, *'abc')
    command = listen('worker', '--drain')
    wait_until(lambda: command.recorded('begun'))
    [pid] = command.ready()
    os.kill(pid, signal.SIGTERM)
    (directory / 'wait').unlink()
    command.ends()
    assert sorted(payload for _, payload in command.recorded('done')) == [*'abc']
    assert len({process for process, _ in command.recorded('done')}) == 2


# Logs, and the access to AWS


def test_logs_in_json_are_one_document_per_line_of_the_command_and_of_its_processes(
    queue: str, listen: Listen
) -> None:
    command = listen('worker', '--log-format', 'json')
    command.wait_for('is ready')
    command.send(signal.SIGTERM)
    command.ends()
    documents = [json.loads(line) for line in command.lines]
    assert {'mega.cli.listen.parent', 'mega.aws.sqs.subscribe.runtime.runs'} <= {
        document['logger'] for document in documents
    }
    assert len({document['process'] for document in documents}) == 2
    about = {document['message'].partition(' ')[2]: document['mega'] for document in documents}
    [pid] = {document['process'] for document in documents if document['mega'].get('state')}
    name = queue.rpartition('/')[2]
    of_process = {'queue': name, 'target': 'worker', 'child_process': pid}
    assert about[f'{pid} is ready'] == about[f'{pid} has stopped'] == of_process
    assert all('queue' in document['mega'] for document in documents if document['process'] == pid)


def test_a_log_level_applies_to_the_command_and_to_its_processes(listen: Listen) -> None:
    command = listen('worker', '--drain', MEGA_LOG_LEVEL='error')
    command.ends()
    assert command.lines == []


LOGGING = """
import logging
logging.basicConfig(level='INFO', format='of the target: %(message)s')
from worker import listener
"""


def test_without_a_log_configuration_the_target_configures_the_logs(
    directory: Path, listen: Listen
) -> None:
    (directory / 'logging_worker.py').write_text(LOGGING)
    command = listen('logging_worker', '--drain', '--no-log-config')
    command.ends()
    assert any(line.startswith('of the target: receiving from ') for line in command.lines)
    assert not any('has drained' in line for line in command.lines)


def test_a_file_configures_the_logs_of_the_command_and_of_its_processes(
    directory: Path, listen: Listen
) -> None:
    configuration = {
        'version': 1,
        'formatters': {'short': {'format': 'short: %(message)s'}},
        'handlers': {'stderr': {'class': 'logging.StreamHandler', 'formatter': 'short'}},
        'root': {'handlers': ['stderr'], 'level': 'INFO'},
    }
    (directory / 'logs.json').write_text(json.dumps(configuration))
    command = listen('worker', '--drain', '--log-config', 'logs.json')
    command.ends()
    assert all(line.startswith('short: ') for line in command.lines)
    assert any('receiving from ' in line for line in command.lines)
    assert any('has drained its queue' in line for line in command.lines)


def test_verbose_shows_the_traceback_of_a_failed_import(directory: Path, listen: Listen) -> None:
    (directory / 'broken.py').write_text('1 / 0\n')
    command = listen('broken', '-v')
    command.ends(3)
    command.wait_for('ZeroDivisionError: division by zero')
    command.wait_for('Traceback')


def test_options_select_the_server_and_the_region(
    aws: CommandAws, queue: str, listen: Listen
) -> None:
    publish(aws, queue, 'a')
    options = ('--endpoint-url', aws.server.endpoint_url, '--region', 'eu-west-1')
    command = listen('worker', '--drain', *options, AWS_ENDPOINT_URL='http://127.0.0.1:1')
    command.ends()
    assert len(command.recorded('done')) == 1
