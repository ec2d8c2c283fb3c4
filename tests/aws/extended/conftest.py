"""The servers of these tests: the library's own, moto and ministack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from mega.local import Server
from tests.aws.extended.place import Place
from tests.aws.s3.peers import Peers, peers
from tests.local_aws import LocalAws


@pytest.fixture(scope='session')
def _own(_process: Server) -> Iterator[LocalAws]:
    credentials = _process.credentials
    own = LocalAws('mega', credentials['endpoint_url'], credentials['region_name'])
    with closing(own):
        yield own


@pytest.fixture
def own(_own: LocalAws, server: Server) -> LocalAws:
    """The server of the library, in its initial state."""
    return _own


@pytest.fixture(params=['own', 'moto', 'ministack'])
def aws(request: pytest.FixtureRequest) -> LocalAws:
    """Each server in turn."""
    server: LocalAws = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def place(own: LocalAws) -> Place:
    """A queue and a bucket on the server of the library."""
    return Place.on(own)


@pytest.fixture(scope='session')
def libraries() -> Iterator[Peers]:
    """The extended clients of others, each in its own process."""
    with peers() as started:
        yield started
