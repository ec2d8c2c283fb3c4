"""The recorded spans and metrics of a test, and a queue on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import boto3
import pytest

from mega.local import Server
from tests.hooks.opentelemetry.orders import Orders
from tests.hooks.opentelemetry.recording import Recorded


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Spans and metrics in memory."""
    recorded = Recorded()
    yield recorded
    recorded.close()


@pytest.fixture
def orders(server: Server) -> Iterator[Orders]:
    """A topic with three queues, and the dead-letter queue of one of them."""
    session = boto3.Session()
    with (
        closing(session.client('sqs', **server.credentials)) as sqs,
        closing(session.client('sns', **server.credentials)) as sns,
    ):
        yield Orders(server, sqs, sns)
