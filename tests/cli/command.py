"""Runs the `mega` command: in this process, in another process, or on a pseudo-terminal.

In this process it is fastest, and coverage sees it. Standard streams, environment variables and
imported modules are as before afterwards.
"""

from __future__ import annotations

import errno
import fcntl
import io
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any

from mega.cli.exit_status import run
from mega.cli.main import cli
from tests import fork_server
from tests.cli.running_command import RunningCommand

__all__ = (
    'Result',
    'mega',
    'mega_on_terminal',
    'mega_process',
    'start_interpreter',
    'start_mega',
)

_TIMEOUT_SECONDS = 120

_LOGGERS = ('', 'mega', 'boto3', 'botocore', 's3transfer', 'urllib3')
"""The loggers whose levels a command sets. The first one is the root logger."""


@dataclass(frozen=True)
class Result:
    """The end of a command: exit code, stdout and stderr. On a terminal, all is in `out`."""

    code: int
    out: str
    err: str = ''

    def json(self) -> Any:
        """Return stdout parsed as one JSON document."""
        return loads(self.out)

    def lines(self) -> list[Any]:
        """Return stdout parsed as one JSON document per line."""
        return [loads(line) for line in self.out.splitlines()]


def mega(
    *arguments: str,
    stdin: str = '',
    environment: Mapping[str, str] | None = None,
    merged: bool = False,
) -> Result:
    """Run the command in this process. Merged: both streams are in `out`, as on a terminal."""
    out, err = _stream(), _stream()
    if merged:
        err = out
    with _unchanged_process():
        os.environ.update(environment or {})
        sys.stdin, sys.stdout, sys.stderr = _stream(stdin), out, err
        code = run(cli, arguments)
    return Result(code, _text(out), '' if merged else _text(err))


def mega_process(
    *arguments: str,
    stdin: str = '',
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Result:
    """Run the command in another process, without a terminal."""
    variables = {**os.environ, **(environment or {})}
    program = ['-m', 'mega', *arguments]
    ended = fork_server.run(program, variables, _TIMEOUT_SECONDS, stdin, cwd or Path.cwd())
    return Result(ended.returncode, ended.stdout, ended.stderr)


def start_mega(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> RunningCommand:
    """Start the command in another process, with pipes. The caller ends it."""
    return RunningCommand(arguments, {**os.environ, **(environment or {})}, cwd or Path.cwd())


def start_interpreter(
    *arguments: str,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> subprocess.Popen[str]:
    """Start the command in a new interpreter, behind another program if there is one."""
    return subprocess.Popen(
        [*prefix, sys.executable, '-m', 'mega', *arguments],
        text=True,
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        **{
            'stdin': subprocess.PIPE,
            'stdout': subprocess.PIPE,
            'stderr': subprocess.PIPE,
            **settings,
        },
    )


def mega_on_terminal(
    *arguments: str,
    keys: str = '',
    after: str = '',
    columns: int = 80,
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Result:
    """Run the command on a pseudo-terminal of `columns`, on which the user types `keys`.

    The user types at once, or as soon as the terminal shows the text `after`. Ctrl-C is
    the character 3.
    """
    terminal, child_side = pty.openpty()
    size = struct.pack('HHHH', 24, columns, 0, 0)
    fcntl.ioctl(child_side, termios.TIOCSWINSZ, size)
    variables = {**os.environ, 'TERM': 'xterm', **(environment or {})}
    files = (child_side, child_side, child_side)
    process = fork_server.start(['-m', 'mega', *arguments], variables, *files, cwd or Path.cwd())
    os.close(child_side)
    try:
        out = _type(terminal, keys.encode(), after.encode())
        os.close(terminal)
        code = process.wait(_TIMEOUT_SECONDS)
    finally:
        process.kill()
    return Result(code, out.decode().replace('\r\n', '\n'))


def _type(terminal: int, keys: bytes, after: bytes) -> bytes:
    """Type keys once the output contains a text, and return the whole output."""
    out = b''
    if not after:
        os.write(terminal, keys)
    for chunk in _read_until_closed(terminal):
        is_due = after and after not in out
        out += chunk
        if is_due and after in out:
            os.write(terminal, keys)
    return out


def _read_until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:  # Linux: no process has the other side open
                raise
            return
        if not chunk:
            return
        yield chunk


@contextmanager
def _unchanged_process() -> Iterator[None]:
    streams = sys.stdin, sys.stdout, sys.stderr
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        sys.stdin, sys.stdout, sys.stderr = streams
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        for name in [each for each in sys.modules if each not in modules and _is_in_test(each)]:
            del sys.modules[name]


def _is_in_test(name: str) -> bool:
    """Return whether a test wrote this module. Another test may write it anew."""
    module = sys.modules[name]
    # A package without `__init__.py` has a path only.
    places = [getattr(module, '__file__', None) or '', *getattr(module, '__path__', ())]
    return any('/pytest-of-' in place for place in places)


def _stream(text: str = '') -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding='utf-8', newline='')


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
