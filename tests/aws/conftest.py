"""What the tests of the AWS side stand on, beside the local servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.fault_server import FaultServer, fault_server


@pytest.fixture
def faults() -> Iterator[FaultServer]:
    """A server that answers as the test tells it to."""
    with fault_server() as server:
        yield server
