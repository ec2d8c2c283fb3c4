"""Local AWS servers: processes of their own, on loopback, that never outlive the tests.

Run as a program, this module is the guard that stands between the tests and one server.
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

START_WITHIN = 30.0  # seconds; half a second is usual, a cold disk on a busy machine is not
ATTEMPTS = 3  # another process may take the port that was free a moment ago


class ServerFailedError(Exception):
    """A server did not start; the text holds what it wrote."""


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], ready_path: str, directory: Path
) -> Iterator[str]:
    """Run a server until the block ends, and give its URL once it answers at `ready_path`.

    `{port}` in the command and in the environment becomes the port. Beside PATH, the environment
    is all that the server gets: what the developer has set does not reach it.
    What it keeps and writes goes to `directory`.
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
    for _ in range(ATTEMPTS):
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
            start_new_session=True,  # Ctrl-C is for the tests, which still need their server then
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers before the deadline, and while it lives."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with opener.open(url, timeout=5):
                return server.poll() is None
        except OSError:
            time.sleep(0.02)  # nothing can be waited for: the server tells nobody that it is ready
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin
    server.stdin.close()
    server.wait()


def guard(command: Sequence[str]) -> int:
    """Run a server, and end it when standard input does.

    That is when the tests end, however they do: killed, or by Ctrl-C in the middle of a fixture.
    """
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    Thread(target=_end_after_input, args=[server], daemon=True).start()
    return server.wait()


def _end_after_input(server: subprocess.Popen[bytes]) -> None:
    os.read(sys.stdin.fileno(), 1)  # unbuffered: no lock is held when the server ends by itself
    server.terminate()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == '__main__':
    sys.exit(guard(sys.argv[1:]))
