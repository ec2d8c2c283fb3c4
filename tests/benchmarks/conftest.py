"""The server that benchmarks run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mega.local import Server, running


@pytest.fixture(scope='session')
def _process() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(_process: Server) -> Server:
    """A server on which nothing has happened yet."""
    _process.reset()
    _process.configure(latency_ms=0)
    return _process
