"""Runs programs of the tests as forks of one process that has imported the package.

A new interpreter needs half a second of CPU time to import the package and to create a client, and
a fork almost none. It runs a program as `python -m MODULE` or `python -c CODE` does. It has its
own session, environment, files and signals. Like other tests, it needs Linux.

    tests  -- arguments, environment, files -->  server  -- fork -->  program
    tests  <-- process id, and then the exit status --  server

As a program, this module is the server. It ends when the tests end, even if they are killed.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest

from tests import forked_program
from tests.local_aws import REGION, Service
from tests.programs import ROOT, environment
from tests.shared_sessions import share_between_sessions

__all__ = ('ForkedProgram', 'run', 'start', 'start_reporting')

IMPORTED = (
    'mega.aws.s3',
    'mega.aws.sns',
    'mega.aws.sqs',
    'mega.aws.sqs.subscribe',
    'mega.aws.sqs.subscribe.listener',
    'mega.cli.listen.command',
    'mega.cli.listen.parent',
    'mega.local',
    'mega.outbox',
    'psycopg',
)
SERVICES: tuple[Service, ...] = ('sqs', 'sns', 's3')
MAX_REQUEST = 1_048_576  # bytes
START_TIMEOUT = 30.0  # seconds; the first program waits for the imports of the server


# In the tests


class ForkedProgram:
    """A running program. Its `pid` is also its process group. `wait` sets its `status`."""

    def __init__(self, reports: socket.socket) -> None:
        self._reports = reports
        self._lock = threading.Lock()
        self.status: int | None = None
        self.pid = self._read(START_TIMEOUT)

    def wait(self, timeout: float) -> int:
        """Return the exit status, which is negative after the end by a signal.

        Any thread may call it.

        Raises:
            TimeoutError: if the program still runs after `timeout` seconds.
        """
        with self._lock:
            if self.status is None:
                self.status = self._read(timeout)
                self._reports.close()
            return self.status

    def _read(self, timeout: float) -> int:
        self._reports.settimeout(timeout)
        if content := self._reports.recv(64):
            return int(content)
        raise ConnectionError('the server of the forks has ended: its error output says why')

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program, if it still runs, and not to its child processes."""
        if self.status is None:
            with suppress(ProcessLookupError):  # it ended, and nobody has waited for it yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the program and its child processes, and wait for its end."""
        if self.status is None:
            with suppress(ProcessLookupError):
                self._kill()
            self.wait(START_TIMEOUT)

    def _kill(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # before its first step, a fork has no group yet
            os.kill(self.pid, signal.SIGKILL)


def start(
    program: Sequence[str],
    variables: Mapping[str, str],
    stdin: int,
    stdout: int,
    stderr: int,
    directory: str | os.PathLike[str] = ROOT,
) -> ForkedProgram:
    """Start `-m MODULE` or `-c CODE` with arguments, in a directory.

    The files are descriptors, which the caller may close afterwards. A terminal as stdin controls
    the program, so that Ctrl-C is a signal. `kill` ends the program.
    """
    ours, theirs = _socket_pair()
    request = {
        'program': list(program),
        'environment': dict(variables),
        'directory': os.fspath(directory),
    }
    with theirs:
        files = [stdin, stdout, stderr, theirs.fileno()]
        socket.send_fds(_requests(), [json.dumps(request).encode()], files)
    return ForkedProgram(ours)


def start_reporting(program: Sequence[str], reports: int) -> ForkedProgram:
    """Start a program without input whose output goes to a pipe, and its errors to the tests'."""
    with Path(os.devnull).open() as nothing:
        return start(program, environment(), nothing.fileno(), reports, 2)


def run(
    program: Sequence[str],
    variables: Mapping[str, str],
    timeout: float,
    stdin: str = '',
    directory: str | os.PathLike[str] = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run a program until its end, and return its output."""
    with (
        tempfile.TemporaryFile('w+') as given,
        tempfile.TemporaryFile('w+') as output,
        tempfile.TemporaryFile('w+') as errors,
    ):
        given.write(stdin)
        given.seek(0)
        files = (given.fileno(), output.fileno(), errors.fileno())
        running = start(program, variables, *files, directory)
        try:
            status = running.wait(timeout)
        finally:
            running.kill()
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(program, status, output.read(), errors.read())


@cache
def _requests() -> socket.socket:
    """Start the server, once for this process, and return the socket for its requests."""
    ours, theirs = _socket_pair()
    with theirs:
        command = [sys.executable, '-m', 'tests.fork_server']
        server = subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=theirs.fileno())

    def end() -> None:
        ours.close()
        server.wait()

    atexit.register(end)
    return ours


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


# In the server, and in the program


class _Request(NamedTuple):
    program: list[str]
    environment: dict[str, str]
    directory: str
    files: list[int]
    reports: socket.socket


def main() -> None:
    """Fork programs until the tests end. In a fork, run the program."""
    for name in IMPORTED:
        import_module(name)
    share_between_sessions(pytest.MonkeyPatch())
    session = boto3.Session(region_name=REGION)  # the default session would keep its settings
    for service in SERVICES:  # so that the shared caches are full
        session.client(service).close()
    forked_program.prepare()
    if (request := _serve()) is not None:
        _run(request)


def _serve() -> _Request | None:
    """Fork a program for each request. Return its request in the fork, and None at the end."""
    running: dict[int, tuple[int, socket.socket]] = {}
    with (
        socket.socket(fileno=os.dup(0)) as requests,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not requests:
                    selector.unregister(key.fd)
                    _report_end(key.fd, *running.pop(key.fd))
                    continue
                if (request := _receive(requests)) is None:
                    return None
                pid = os.fork()
                if not pid:
                    for descriptor, (_, reports) in running.items():
                        os.close(descriptor)
                        reports.close()
                    return request
                for file in request.files:
                    os.close(file)
                request.reports.send(b'%d' % pid)
                descriptor = os.pidfd_open(pid)  # is ready when the process has ended
                running[descriptor] = (pid, request.reports)
                selector.register(descriptor, selectors.EVENT_READ)


def _receive(requests: socket.socket) -> _Request | None:
    content, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST, 4)
    if not content:
        return None
    *files, reports = descriptors
    return _Request(**json.loads(content), files=files, reports=socket.socket(fileno=reports))


def _report_end(descriptor: int, pid: int, reports: socket.socket) -> None:
    os.close(descriptor)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with reports, suppress(OSError):  # the tests do not wait for the program
        reports.send(b'%d' % status)


def _run(request: _Request) -> None:
    """Become the program."""
    request.reports.close()
    os.setsid()
    for number, file in enumerate(request.files):
        os.dup2(file, number)
        os.close(file)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request.directory)
    os.environ.clear()
    os.environ.update(request.environment)
    forked_program.run(request.program)


if __name__ == '__main__':
    main()
