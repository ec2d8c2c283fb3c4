"""What becomes of rows that could not be sent: AWS does not answer or refuses, or a hook fails."""

from __future__ import annotations

import socket
import time

import pytest

from mega.outbox import RelayCounts
from mega.outbox.destinations import CONCURRENT_DESTINATIONS
from tests.outbox.conftest import OutboxCase


@pytest.mark.parametrize('engine', ['sqlite'], indirect=True)
def test_all_destinations_share_the_time_of_a_claim(case: OutboxCase) -> None:
    """The server accepts connections, and never answers."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        endpoint = f'http://127.0.0.1:{server.getsockname()[1]}'
        for number in range(2 * CONCURRENT_DESTINATIONS + 1):
            case.publish('x', f'{endpoint}/123456789012/orders-{number}')
        with case.relay_with(endpoint_url=endpoint, claim_timeout=3) as relay:
            started = time.monotonic()
            assert relay.drain() == RelayCounts(delayed=2 * CONCURRENT_DESTINATIONS + 1)
            assert time.monotonic() - started < 3
    not_tried = [row for row in case.rows() if not row.failures]
    assert len(not_tried) == CONCURRENT_DESTINATIONS + 1
    assert {(row.state, row.error, row.claim) for row in not_tried} == {('pending', None, None)}
