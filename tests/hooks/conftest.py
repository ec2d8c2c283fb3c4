"""Fixtures for tests of hooks: AWS in the process, and the local AWS as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from mega.aws._executor import start_daemon_thread
from mega.hooks import leases
from mega.local import Server, running
from mega.testing import Bus
from tests.databases import database_engine  # noqa: F401  # the fixture `engine`


@pytest.fixture
def bus() -> Bus:
    """AWS in this process, in virtual time."""
    return Bus()


@pytest.fixture
def failing_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start of the thread of leases fails, as in a process with too many threads."""
    failures = [RuntimeError("can't start new thread")]

    def start_or_fail(name: str, run: Callable[[], None]) -> Thread:
        if failures:
            raise failures.pop()
        return start_daemon_thread(name, run)

    monkeypatch.setattr(leases, 'start_daemon_thread', start_or_fail)


@pytest.fixture(scope='session')
def _process() -> Iterator[Server]:
    with running() as process:
        yield process


@pytest.fixture
def server(_process: Server) -> Server:
    """A server with AWS's rules, in its initial state."""
    _process.reset()
    return _process
