"""Fixtures of the tests of `mega.aws`, in addition to the local servers."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mega.aws._publishing import destination_limits, sender
from mega.aws._transport import client
from mega.local import Server, running
from mega.testing import Bus
from tests.aws.fault_server import FaultServer, fault_server
from tests.aws.sns.signing import CertificateServer, certificate_server
from tests.local_aws import Service

ONCE = Config(retries={'total_max_attempts': 1})  # a retry would hide the first failure


@pytest.fixture
def faults() -> Iterator[FaultServer]:
    """A server with scripted responses."""
    with fault_server() as server:
        yield server


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CertificateServer]:
    """A server of certificates on loopback, which HTTPS requests to SNS reach."""
    with certificate_server(tmp_path) as server:
        for name in ('HTTPS_PROXY', 'NO_PROXY', 'no_proxy', 'REQUESTS_CA_BUNDLE'):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv('https_proxy', server.proxy_url)
        monkeypatch.setenv('AWS_CA_BUNDLE', str(server.ca_bundle))
        yield server


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


@pytest.fixture(scope='session')
def clients(_process: Server) -> Iterator[dict[Service, Any]]:
    """Clients of that server without retries."""
    session = boto3.Session()
    with (
        closing(session.client('sqs', config=ONCE, **_process.credentials)) as sqs,
        closing(session.client('sns', config=ONCE, **_process.credentials)) as sns,
        closing(session.client('s3', config=ONCE, **_process.credentials)) as s3,
    ):
        yield {'sqs': sqs, 'sns': sns, 's3': s3}


class Clock:
    """The system's clock, which a sleep moves by its length, without waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.waits)

    def time(self) -> float:
        return time.time() + sum(self.waits)

    def sleep(self, seconds: float, /) -> None:
        self.waits.append(seconds)


class LongWaits(random.Random):
    """Draws the upper half of a range."""

    def uniform(self, a: float, b: float) -> float:
        return b - (b - a) / 2 * self.random()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all clients. No test waits for the retries of a publisher.

    A wait of almost zero would be over before the sender sleeps, and not be counted: about one in a
    thousand. That is why the draws are from the upper half.
    """
    clock = Clock()
    monkeypatch.setattr(sender, 'random', LongWaits())
    monkeypatch.setattr(client, 'SYSTEM_CLOCK', clock)
    monkeypatch.setattr(
        destination_limits, 'LIMIT_LOOKUP_ATTEMPTS', 1
    )  # its waits would be counted, too
    return clock


@pytest.fixture
def waits(clock: Clock) -> list[float]:
    """The waits before the retries of a publisher, in seconds."""
    return clock.waits
