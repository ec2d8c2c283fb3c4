"""Fixtures for tests of hooks: AWS in the process, and the local AWS as a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mega.local import Server, running
from mega.testing import Bus
from tests.databases import database_engine  # noqa: F401  # the fixture `engine`


@pytest.fixture
def bus() -> Bus:
    """AWS in this process, in virtual time."""
    return Bus()


@pytest.fixture(scope='session')
def _process() -> Iterator[Server]:
    with running() as process:
        yield process


@pytest.fixture
def server(_process: Server) -> Server:
    """A server with AWS's rules, in its initial state."""
    _process.reset()
    return _process
