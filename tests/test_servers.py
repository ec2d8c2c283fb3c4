"""The servers that tests start are ready when their block begins, and end with the tests."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests._server import ServerFailedError, answers_at, running


def test_redis_answers_at_its_url(redis_url: str) -> None:
    answer = subprocess.run(
        ['redis-cli', '-u', redis_url, 'incr', 'number'], check=True, capture_output=True
    )
    assert answer.stdout == b'1\n'


def test_postgresql_answers_at_its_url(postgresql_url: str) -> None:
    answer = subprocess.run(
        ['psql', postgresql_url, '-Atc', 'select 40 + 2'], check=True, capture_output=True
    )
    assert answer.stdout == b'42\n'


def test_the_error_of_a_server_that_does_not_start_contains_its_output(tmp_path: Path) -> None:
    command = [sys.executable, '-c', 'raise SystemExit("port {port} is haunted")']
    with (
        pytest.raises(ServerFailedError, match='is haunted'),
        running(command, {}, answers_at('/'), tmp_path),
    ):
        pytest.fail('the server must not start')


PROGRAM = """
import sys, time
from pathlib import Path
from tests._server import answers_at, running

command = [sys.executable, '-m', 'http.server', '--bind', '127.0.0.1', '{port}']
with running(command, {}, answers_at('/'), Path(sys.argv[1])) as port:
    print(port, flush=True)
    time.sleep(600)
"""


def test_a_server_ends_when_the_tests_are_killed(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, '-c', PROGRAM, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        port = int(tests.stdout.readline())
        with socket.create_connection(('127.0.0.1', port), timeout=20) as connection:
            tests.send_signal(signal.SIGKILL)
            with suppress(ConnectionResetError):  # a connection in the backlog ends with a reset
                assert connection.recv(1) == b''  # the kernel ends the connection with the server
