"""Start local AWS servers as processes on loopback, which never outlive the tests.

Run as a program, this module is the guard process between the tests and one server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

START_TIMEOUT = 30.0  # seconds; usually 0.5, but far more with a cold disk on a busy machine
MAX_ATTEMPTS = 3  # another process may take a free port before the server does


class ServerFailedError(Exception):
    """A server did not start. The text contains the output of the server."""


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], ready_path: str, directory: Path
) -> Iterator[str]:
    """Run a server until the block ends. Yield its URL once it answers at `ready_path`.

    `{port}` in the command and in the environment stands for the port. The server gets PATH and
    the given environment, and none of the developer's other variables. Its files and its output go
    to `directory`.
    """
    server, url = _started(command, environment, ready_path, directory)
    try:
        yield url
    finally:
        _end(server)


def _started(
    command: Sequence[str], environment: Mapping[str, str], ready_path: str, directory: Path
) -> tuple[subprocess.Popen[bytes], str]:
    output = directory / 'output.txt'
    for _ in range(MAX_ATTEMPTS):
        port = str(_free_port())
        url = f'http://127.0.0.1:{port}'
        server = _spawn(
            [word.format(port=port) for word in command],
            {name: value.format(port=port) for name, value in environment.items()},
            output,
        )
        if _answers(url + ready_path, server):
            return server, url
        _end(server)
    raise ServerFailedError(f'{command[0]} did not start:\n{output.read_text(errors="replace")}')


def _spawn(
    command: Sequence[str], environment: Mapping[str, str], output: Path
) -> subprocess.Popen[bytes]:
    inherited = {
        name: os.environ[name] for name in ('PATH', 'LD_LIBRARY_PATH') if name in os.environ
    }
    home = str(output.parent)
    with output.open('ab') as file:
        return subprocess.Popen(
            [sys.executable, '-I', __file__, *command],
            env={**inherited, 'HOME': home, 'TMPDIR': home, **environment},
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C must not end the server before the tests
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    """Return whether the server answers before the deadline and before it ends."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with opener.open(url, timeout=5):
                return server.poll() is None
        except OSError:
            time.sleep(0.02)  # the server sends no event when it is ready
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin
    server.stdin.close()
    server.wait()


def guard(command: Sequence[str]) -> int:
    """Run a server until standard input ends.

    Standard input ends with the tests, even if they are killed or interrupted within a fixture.
    """
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    Thread(target=_end_after_input, args=[server], daemon=True).start()
    return server.wait()


def _end_after_input(server: subprocess.Popen[bytes]) -> None:
    os.read(sys.stdin.fileno(), 1)  # unbuffered: no lock is held if the server ends first
    server.terminate()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == '__main__':
    sys.exit(guard(sys.argv[1:]))
