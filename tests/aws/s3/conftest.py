"""The two servers of the tests that publish: one for messages, one for bodies."""

from __future__ import annotations

import pytest

from mega.local import Server
from tests.aws._publishing.batches import Clients
from tests.aws.answers import Answer
from tests.aws.fault_server import FaultServer
from tests.aws.s3.sending import Sending


@pytest.fixture
def sending(server: Server, clients: Clients, faults: FaultServer) -> Sending:
    """A server with AWS's rules for messages, and the fault server as S3."""
    faults.will(Answer())
    return Sending(server, clients, faults)
