"""Start servers as processes on loopback, which never outlive the tests.

Run as a program, this module is the guard process between the tests and one server.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

START_TIMEOUT = 30.0  # seconds; usually 0.5, but far more with a cold disk on a busy machine
MAX_ATTEMPTS = 3  # another process may take a free port before the server does


class ServerFailedError(Exception):
    """A server did not start. The text contains the output of the server."""


def answers_at(path: str) -> Callable[[int], bool]:
    """Return a function that asks whether the HTTP server at a port answers at the path."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def is_ready(port: int) -> bool:
        with opener.open(f'http://127.0.0.1:{port}{path}', timeout=5):
            return True

    return is_ready


@contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    is_ready: Callable[[int], bool],
    directory: Path,
    *,
    end_signal: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """Run a server until the block ends. Yield its port once `is_ready(port)` returns True.

    `{port}` in the command and in the environment stands for the port. The server gets PATH and
    the given environment, and none of the developer's other variables. Its files and its output go
    to `directory`. While the server starts, `is_ready` may raise OSError.
    """
    words = [f'{end_signal.value}', *command]
    server, port = _started(words, environment, is_ready, directory)
    try:
        yield port
    finally:
        _end(server)


def _started(
    words: Sequence[str],
    environment: Mapping[str, str],
    is_ready: Callable[[int], bool],
    directory: Path,
) -> tuple[subprocess.Popen[bytes], int]:
    output = directory / 'output.txt'
    for _ in range(MAX_ATTEMPTS):
        port = _free_port()
        server = _spawn(
            [word.format(port=port) for word in words],
            {name: value.format(port=port) for name, value in environment.items()},
            output,
        )
        if _becomes_ready(partial(is_ready, port), server):
            return server, port
        _end(server)
    raise ServerFailedError(f'{words[1]} did not start:\n{output.read_text(errors="replace")}')


def _spawn(
    words: Sequence[str], environment: Mapping[str, str], output: Path
) -> subprocess.Popen[bytes]:
    inherited = {
        name: os.environ[name] for name in ('PATH', 'LD_LIBRARY_PATH') if name in os.environ
    }
    home = str(output.parent)
    with output.open('ab') as file:
        return subprocess.Popen(
            [sys.executable, '-I', __file__, *words],
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
        port: int = probe.getsockname()[1]
        return port


def _becomes_ready(is_ready: Callable[[], bool], server: subprocess.Popen[bytes]) -> bool:
    """Return whether the server is ready before the deadline and before it ends."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if is_ready():
                return server.poll() is None
        except OSError:
            pass
        time.sleep(0.02)  # the server sends no event when it is ready
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin
    server.stdin.close()
    server.wait()


def guard(end_signal: int, command: Sequence[str]) -> int:
    """Run a server until standard input ends, then end the server with the signal.

    Standard input ends with the tests, even if they are killed or interrupted within a fixture.
    """
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    Thread(target=_end_after_input, args=[server, end_signal], daemon=True).start()
    return server.wait()


def _end_after_input(server: subprocess.Popen[bytes], end_signal: int) -> None:
    os.read(sys.stdin.fileno(), 1)  # unbuffered: no lock is held if the server ends first
    server.send_signal(end_signal)
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == '__main__':
    sys.exit(guard(int(sys.argv[1]), sys.argv[2:]))
