"""The command `mega listen` on a queue, in a directory with a target."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from mega.cli.listen.signals import SIGNALS
from tests.cli.conftest import CommandAws
from tests.cli.listen.listening import WORKER, ListenCommand


class Listen(Protocol):
    """Starts `mega listen` with variables, behind another program if there is one."""

    def __call__(
        self, *arguments: str, prefix: Sequence[str] = (), **variables: str
    ) -> ListenCommand: ...


@pytest.fixture
def queue(aws: CommandAws) -> str:
    """Return the URL of a queue."""
    return aws.queue()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with the target `worker`."""
    (tmp_path / 'worker.py').write_text(WORKER)
    return tmp_path


@pytest.fixture
def listen(aws: CommandAws, queue: str, directory: Path) -> Iterator[Listen]:
    """Return a function that starts the command. The end of the test kills what is left.

    A drain does not wait at an empty queue.
    """
    with ExitStack() as stack:

        def start(*arguments: str, prefix: Sequence[str] = (), **variables: str) -> ListenCommand:
            environment = {**aws.environment, 'QUEUE_URL': queue, **variables}
            if '--drain' in arguments:
                environment['WAIT_TIME_SECONDS'] = '0'
            command = ListenCommand(arguments, environment, directory, prefix)
            return stack.enter_context(closing(command))

        yield start


@pytest.fixture
def unchanged_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore the root logger and `sys.path` after the test."""
    root, levels = logging.getLogger(), {}
    for name in ('', 'boto3', 'botocore', 's3transfer', 'urllib3'):
        levels[name] = logging.getLogger(name).level
    monkeypatch.setattr(sys, 'path', sys.path[:])
    yield
    for handler in [each for each in root.handlers if '_pytest' not in type(each).__module__]:
        root.removeHandler(handler)
        handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def unchanged_process(unchanged_logging: None) -> Iterator[None]:
    """Restore the signal handlers as well, so that the command may run in this process."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def in_this_process(
    aws: CommandAws,
    queue: str,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    unchanged_process: None,
) -> Iterator[None]:
    """Make `directory` the working directory, with the variables that `listen` sets."""
    monkeypatch.chdir(directory)
    for name, value in {**aws.environment, 'QUEUE_URL': queue}.items():
        monkeypatch.setenv(name, value)
    yield
    sys.modules.pop('worker', None)
