"""A `mega` command in a fork, with pipes, and the methods of `subprocess.Popen` that tests use."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Timer
from typing import TextIO

from tests import fork_server

__all__ = ('RunningCommand',)

_WITHIN = 60.0
"""Seconds after which a command is killed."""


class RunningCommand:
    """The end of a `with` block waits for the end of the command."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        directory: str | os.PathLike[str],
    ) -> None:
        (stdin, input), (output, stdout), (errors, stderr) = (os.pipe() for _ in range(3))
        files = (stdin, stdout, stderr)
        self._program = fork_server.start(
            ['-m', 'mega', *arguments], environment, *files, directory
        )
        for descriptor in files:
            os.close(descriptor)
        self.stdin = os.fdopen(input, 'w')
        self.stdout, self.stderr = os.fdopen(output), os.fdopen(errors)
        self.pid, self.send_signal = self._program.pid, self._program.send_signal

    def __enter__(self) -> RunningCommand:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            with suppress(BrokenPipeError):
                stream.close()
        try:
            if kind is None:
                self.wait()
        finally:
            self._program.kill()

    @property
    def returncode(self) -> int | None:
        """The exit status, or None before `wait` or `poll` found it."""
        return self._program.status

    def poll(self) -> int | None:
        """Return the exit status, or None if the command still runs."""
        with suppress(BlockingIOError):
            self._program.wait(0)
        return self.returncode

    def wait(self, timeout: float = _WITHIN) -> int:
        """Return the exit status. A command that still runs after `timeout` seconds is an error."""
        return self._program.wait(timeout)

    def communicate(self, text: str = '') -> tuple[str, str]:
        """Write all input, and return the remaining output on stdout and on stderr."""
        killer = Timer(_WITHIN, os.killpg, [self.pid, signal.SIGKILL])
        killer.start()
        try:
            with ThreadPoolExecutor(2) as threads:
                outputs = threads.map(_read, (self.stdout, self.stderr))
                with suppress(BrokenPipeError):
                    self.stdin.write(text)
                    self.stdin.close()
                output, errors = outputs
            self.wait()
        finally:
            killer.cancel()
        return output, errors

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _read(stream: TextIO) -> str:
    return '' if stream.closed else stream.read()
