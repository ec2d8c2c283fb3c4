from __future__ import annotations

import json
import signal
import sys
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from mega.aws.sqs.subscribe import SqsListener
from mega.cli.local import create_queues, queues_of
from mega.local import LocalAws
from tests.cli.command import mega, start_mega

WORKER = """
from mega.aws.sqs.subscribe import SqsListener
listener = SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/orders')
"""

SHOW_VARIABLES = """
import json, os
print(json.dumps({name: os.environ[name] for name in os.environ if name.startswith('AWS_')}))
"""


def listener(name: str, dead_letters: str | None = None) -> SqsListener:
    base = 'https://sqs.eu-west-1.amazonaws.com/123456789012'
    url = None if dead_letters is None else f'{base}/{dead_letters}'
    return SqsListener(f'{base}/{name}', dead_letter_queue_url=url, region_name='eu-west-1')


# with a command


def test_a_command_runs_with_variables_that_connect_it(capfd: pytest.CaptureFixture[str]) -> None:
    result = mega(
        *('local', '--port', '0', '--', sys.executable, '-c', SHOW_VARIABLES),
        environment={'AWS_ENDPOINT_URL_SQS': 'https://sqs.eu-west-1.amazonaws.com'},
    )
    assert result.code == 0
    variables = json.loads(capfd.readouterr().out)
    url = variables.pop('AWS_ENDPOINT_URL')
    assert url.startswith('http://127.0.0.1:')
    assert variables['AWS_ACCESS_KEY_ID'] == variables['AWS_SECRET_ACCESS_KEY'] == 'testing'
    assert variables['AWS_DEFAULT_REGION'] == 'eu-west-1'
    assert 'AWS_ENDPOINT_URL_SQS' not in variables
    with pytest.raises(URLError):
        urlopen(url, timeout=10)


@pytest.mark.parametrize(
    ('program', 'code'),
    [
        ('raise SystemExit(7)', 7),
        ('import os, signal; os.kill(os.getpid(), signal.SIGKILL)', 137),
        # The signals that `mega local` gets: it passes SIGTERM on, and a terminal sends SIGINT.
        ('import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)', 143),
        ('import os, signal; os.kill(os.getppid(), signal.SIGINT)', 0),
    ],
    ids=['status', 'killed', 'SIGTERM', 'SIGINT'],
)
def test_the_exit_code_is_that_of_the_command(program: str, code: int) -> None:
    result = mega('local', '--port', '0', '--', sys.executable, '-S', '-c', program)
    assert (result.code, result.out, result.err) == (code, '', '')


def test_options_after_the_command_belong_to_the_command(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert mega('local', '--port', '0', sys.executable, '--version').code == 0
    assert capfd.readouterr().out.startswith('Python 3')


def test_a_command_that_does_not_exist_is_one_line() -> None:
    result = mega('local', '--port', '0', '--', '/no/such/program')
    problem = "'/no/such/program' cannot be run: No such file or directory"
    assert (result.code, result.err) == (1, f'Error: {problem}\n')


# with queues


def test_the_queues_of_a_listener_are_created_before_the_command_runs(tmp_path: Path) -> None:
    (tmp_path / 'worker.py').write_text(WORKER)
    options = ('local', '--port', '0', '--create', 'worker:listener', '--app-dir', str(tmp_path))
    result = mega(*options, '--', sys.executable, '-S', '-c', '')
    assert result.code == 0
    created = [line.rpartition('/')[2] for line in result.err.splitlines()]
    assert created == ['orders-dead-letters', 'orders']


def test_a_target_that_cannot_be_loaded_stops_the_server() -> None:
    result = mega('local', '--port', '0', '--create', 'no_such_module:listener')
    assert (result.code, result.out) == (3, '')
    assert 'no module named' in result.err


def test_a_listener_without_dead_letter_queue_gets_one_by_a_redrive_policy() -> None:
    found = queues_of([listener('orders'), listener('payments.fifo')])
    assert list(found) == [
        *('orders-dead-letters', 'payments-dead-letters.fifo', 'orders', 'payments.fifo')
    ]
    assert found['payments.fifo'] == {
        'RedrivePolicy': {
            'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:123456789012:payments-dead-letters.fifo',
            'maxReceiveCount': 3,
        }
    }


def test_the_name_of_a_created_dead_letter_queue_is_not_too_long() -> None:
    long = 'a' * 80
    [dead_letters, queue] = queues_of([listener(long)])
    assert (len(dead_letters), queue) == (80, long)


def test_listeners_may_share_queues() -> None:
    listeners = [
        listener('orders', 'failed'),
        listener('orders'),
        listener('failed'),
        listener('failed', 'final'),
    ]
    with LocalAws() as aws:
        urls = create_queues(aws, listeners)
        assert list(urls) == ['failed', 'final', 'orders']
        assert create_queues(aws, listeners) == urls


def test_a_listener_of_dead_letters_gets_no_further_dead_letter_queue() -> None:
    found = queues_of([listener('orders'), listener('orders-dead-letters')])
    assert list(found) == ['orders-dead-letters', 'orders']


# without a command


def test_it_prints_lines_for_a_shell_and_serves_until_sigterm() -> None:
    with start_mega('local', '--port', '0') as process:
        lines = [process.stdout.readline().strip() for _ in range(5)]
        name, _, url = lines[0].partition('=')
        assert (name, lines[3]) == (
            'export AWS_ENDPOINT_URL',
            'export AWS_DEFAULT_REGION=eu-west-1',
        )
        assert lines[4].startswith('unset AWS_ENDPOINT_URL_SQS ')
        with closing(urlopen(f'{url}/_control', b'{"action": "counts"}', timeout=60)) as response:
            assert response.status == 200
        process.terminate()
        assert process.wait(60) == 0
        assert 'Press Ctrl-C' in process.stderr.read()


def test_json_has_the_variables_and_the_queues_and_ctrl_c_is_a_success(tmp_path: Path) -> None:
    (tmp_path / 'worker.py').write_text(WORKER)
    arguments = ('local', '--port', '0', '-o', 'jsonl', '--create', 'worker')
    with start_mega(*arguments, cwd=tmp_path) as process:
        found = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    url = found['AWS_ENDPOINT_URL']
    assert found['queues']['orders'] == f'{url}/123456789012/orders'


def test_a_port_in_use_is_one_line() -> None:
    with LocalAws() as aws:
        port = aws.endpoint_url.rpartition(':')[2]
        result = mega('local', '--port', port)
    problem = f'port {port} cannot be used: Address already in use'
    assert result.code == 1
    assert result.err == f'Error: {problem}: stop its user, or pass another --port\n'
