"""Start the server in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mega.local.faults import Faults
from mega.local.server.control_client import Server

__all__ = ('running',)


@contextmanager
def running(
    *,
    latency_ms: float = 0,
    faults: Faults | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Iterator[Server]:
    """Run a server until the block ends. Its process always ends with this process.

    With a `certificate` and its `key`, both PEM files, the server speaks TLS 1.3.
    """
    options = () if certificate is None else ('--certificate', certificate, '--key', key)
    with _started([str(option) for option in options]) as url:
        server = Server(url, certificate)
        server.configure(latency_ms=latency_ms, faults=faults)
        yield server


@contextmanager
def _started(options: Sequence[str]) -> Iterator[str]:
    """Start the server's process, and yield its URL. The process ends with the block."""
    command = [sys.executable, '-m', 'mega.local', *options]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C stops the client first, which may still need the server
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError('the server did not start: its error output says why')
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
